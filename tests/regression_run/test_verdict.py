"""The verdict by itself: what chance allows, and what it does not."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from bot.regression.items import Item, RegressionError, Result, read_baseline
from bot.regression.verdict import Tolerances, judge, make_baseline, read_tolerances

TOLERANCES = Tolerances(
    chance=0.005, resamples=2000, least={}, ratio=1.3, turnover=0.01, most_phrases_lost=0.2, critical={}
)
ABOUT = {"commit": "c", "finished_at": "2026-01-01T00:00:00+00:00"}
REFUSED = "nlu_fallback"


def result(wrong: set[int], got: str = REFUSED, count: int = 300) -> Result:
    """Returns a run in which the phrases with these numbers are wrong."""
    intents = ("card_declined", "download_invoice", "refund_request")
    items = []
    for number in range(count):
        expected = intents[number % 3]
        given = got if number in wrong else expected
        right = number not in wrong
        items.append(Item("intents", "", "en", f"phrase {number}", expected, given, right, 0.9 if right else 0.2))
    return Result(ABOUT, items, {"start (ours ÷ rasa init)": 0.8})


def test_the_same_answers_are_as_good() -> None:
    before = result({1, 2, 3})
    assert not judge(before, make_baseline(before), TOLERANCES).is_worse


@pytest.mark.parametrize(
    ("then", "now", "worse"),
    [
        (set(range(10)), set(range(10, 22)), False),  # as many newly right as newly wrong: chance
        (set(), {1, 2}, False),  # two of 300
        (set(), set(range(40)), True),
        (set(range(40)), set(), False),  # better
        ({1, 4, 7}, set(range(0, 90, 3)), True),  # one intent's phrases
    ],
)
def test_a_loss_counts_when_chance_does_not_explain_it(then: set[int], now: set[int], worse: bool) -> None:
    verdict = judge(result(now), make_baseline(result(then)), TOLERANCES)
    assert verdict.is_worse == worse
    assert len(verdict.newly_wrong) == len(now - then)
    assert len(verdict.newly_right) == len(then - now)


def test_the_figures_that_got_worse_are_told_with_their_intent() -> None:
    verdict = judge(result(set(range(0, 90, 3))), make_baseline(result(set())), TOLERANCES)
    worse = {figure.name for figure in verdict.worse}
    assert {"accuracy", "false refusals", "F1 card_declined"} <= worse
    assert "F1 refund_request" not in worse


def test_a_wrong_critical_phrase_fails_alone() -> None:
    tolerances = TOLERANCES.copy(update={"critical": {"en": ["phrase 5"]}})
    assert judge(result({5}), make_baseline(result(set())), tolerances).is_worse
    assert not judge(result({6}), make_baseline(result(set())), tolerances).is_worse


def test_an_article_may_not_get_worse_at_all() -> None:
    right = Item("articles", "", "en", "card_declined/en.md", "no problem", "no problem", True)
    wrong = replace(right, got="missing language", right=False)
    before, after = result(set()), result(set())
    verdict = judge(
        replace(after, items=[*after.items, wrong]),
        make_baseline(replace(before, items=[*before.items, right])),
        TOLERANCES,
    )
    assert [figure.name for figure in verdict.worse] == ["articles without problems"]


def test_messages_that_reviewers_keep_on_one_machine_are_named_apart_and_are_in_no_baseline() -> None:
    kept = [Item("reviewed", "", "nb", f"hash {number}", "pay_invoice", REFUSED, False) for number in range(90)]
    before = replace(result(set()), items=[*result(set()).items, *(replace(each, right=True) for each in kept)])
    baseline = make_baseline(before)
    assert "reviewed/nb" not in baseline.counts
    verdict = judge(replace(before, items=[*result(set()).items, *kept]), baseline, TOLERANCES)
    assert not verdict.is_worse
    figures = {figure.name: (figure.now, figure.then) for figure in verdict.figures}
    assert figures["reviewed messages"] == figures["reviewed messages nb"] == (0, None)
    assert not judge(result(set()), baseline, TOLERANCES).is_worse  # on another machine


def test_a_bot_that_got_slower_than_machines_vary_is_worse() -> None:
    slow = replace(result(set()), numbers={"start (ours ÷ rasa init)": 1.2})
    verdict = judge(slow, make_baseline(result(set())), TOLERANCES)
    assert [figure.name for figure in verdict.worse] == ["start (ours ÷ rasa init)"]


def test_sure_mistakes_are_worse_calibration_than_doubtful_ones() -> None:
    doubtful, sure = result(set(range(60))), result(set(range(60)))
    sure = replace(sure, items=[replace(item, confidence=0.99) for item in sure.items])
    worse = {figure.name for figure in judge(sure, make_baseline(doubtful), TOLERANCES).worse}
    assert worse == {"calibration error"}


def test_a_new_phrase_is_not_compared() -> None:
    verdict = judge(result(set(range(300, 400)), count=400), make_baseline(result(set())), TOLERANCES)
    assert (verdict.not_compared, verdict.is_worse) == (100, False)


def test_a_baseline_is_read_as_it_was_written(tmp_path: Path) -> None:
    baseline = make_baseline(result({1, 2}, got="refund_request"))
    baseline.write(tmp_path / "baseline.json")
    assert read_baseline(tmp_path / "baseline.json") == baseline
    assert read_baseline(tmp_path / "nothing.json") is None


def test_the_shipped_tolerances_can_be_read(root: Path) -> None:
    tolerances = read_tolerances(root / "tests" / "regression" / "tolerances.yml")
    assert 0 < tolerances.chance < 0.05


def test_an_unknown_tolerance_is_refused(tmp_path: Path, root: Path) -> None:
    path = tmp_path / "tolerances.yml"
    shipped = (root / "tests" / "regression" / "tolerances.yml").read_text(encoding="utf8")
    path.write_text(f"{shipped}\ncolour: red\n", encoding="utf8")
    with pytest.raises(RegressionError, match="colour"):
        read_tolerances(path)
