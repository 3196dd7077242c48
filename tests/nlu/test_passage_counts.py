"""How often passages were asked for in played conversations: the table, and what is counted of it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from bot.articles.played_turns import PlayedTurn, PlayedTurnError, read_played_turns
from bot.nlu.context import Context
from bot.nlu.models.passage_counts import PassageCounts
from bot.settings import get_settings

LABELS = ["card_declined/who", "card_declined/cost", "card_declined/", "pay_invoice/where", "pay_invoice/"]


def test_what_was_asked_for_counts_and_an_issues_steps_do_not() -> None:
    asked = PlayedTurn("where?", "card_declined", ("pay_invoice/where",))
    steps = PlayedTurn("and how do I pay it?", "card_declined", ("pay_invoice/",))
    counts = PassageCounts.learn(LABELS, [asked, steps, asked, asked])
    np.testing.assert_allclose(counts.asked, np.log([1, 1, 1, 4, 1]), rtol=1e-6)


def test_a_turn_that_several_passages_answer_counts_once_in_all() -> None:
    both = PlayedTurn("where?", "card_declined", ("card_declined/who", "card_declined/cost", "card_declined/removed"))
    assert np.expm1(PassageCounts.learn(LABELS, [both]).asked).sum() == pytest.approx(1.0)


def test_an_article_that_is_asked_for_after_an_answer_is_likelier_after_it_than_after_another() -> None:
    turns = [
        PlayedTurn("where?", "card_declined", ("pay_invoice/where",)),
        PlayedTurn("who?", "pay_invoice", ("card_declined/who",)),
    ]
    after = PassageCounts.learn(LABELS, turns * 10).after
    assert after[0, 1] > 0 > after[1, 1]
    assert after[1, 0] > 0 > after[0, 0]


def test_a_passage_counts_for_more_with_the_product_that_it_is_asked_for_with() -> None:
    of_azure = PlayedTurn("who?", "card_declined", ("card_declined/who",), "azure")
    of_family = PlayedTurn("where?", "card_declined", ("pay_invoice/where",), "microsoft_account")
    counts = PassageCounts.learn(LABELS, [of_azure, of_family] * 30).with_product
    azure, _, family = counts[:, LABELS.index("card_declined/who")]
    assert azure > 0 > family
    assert not counts[:, LABELS.index("pay_invoice/")].any()


def test_without_played_turns_everything_is_as_likely() -> None:
    counts = PassageCounts.learn(LABELS, [])
    assert not counts.asked.any()
    np.testing.assert_allclose(counts.with_product, 0, atol=1e-6)
    np.testing.assert_allclose(counts.after, 0, atol=1e-6)


def test_only_turns_that_our_articles_answer_are_read(tmp_path: Path) -> None:
    table = tmp_path / "turns.tsv"
    rows = (
        "issue\tproduct\twants\tpassages\tmessage",
        'pay_invoice\tazure\task\tpay_invoice/where " pay_invoice/\twhere?',
        "pay_invoice\t\tother\t\tthanks",
        "pay_invoice\t\task\t\twhy?",
        "pay_invoice\t\tsteps\trefund_request/ refund_request/who\tI want my money back",
    )
    table.write_text("\n".join(rows), encoding="utf8")
    question, wish = read_played_turns(table)
    assert question == PlayedTurn("where?", "pay_invoice", ("pay_invoice/where", '"'), "azure")
    assert wish == PlayedTurn("I want my money back", "pay_invoice", ("refund_request/",))
    assert wish.wants_steps
    assert not question.wants_steps


def test_no_table_is_no_turns(tmp_path: Path) -> None:
    assert read_played_turns(tmp_path / "none.tsv") == []


@pytest.mark.parametrize(
    ("header", "row", "told"),
    [
        ("issue\twants\tmessage", "x\task\twhere?", r"turns\.tsv: KeyError\('passages'\); restore"),
        ("issue\twants\tpassages", "x\task\tx/who", r"turns\.tsv: KeyError\('message'\); restore"),
        ("issue\twants\tpassages\tmessage", "x\task\tx/who", r"turns\.tsv, line 2: the row has no message; restore"),
        ("issue\twants\tpassages\tmessage", "x\task\tx/who\t", r"turns\.tsv, line 2: the row has no message; restore"),
    ],
)
def test_a_table_or_row_that_lacks_something_is_an_error(tmp_path: Path, header: str, row: str, told: str) -> None:
    table = tmp_path / "turns.tsv"
    table.write_text(f"{header}\n{row}\n", encoding="utf8")
    with pytest.raises(PlayedTurnError, match=told):
        read_played_turns(table)


def test_rasas_cache_notices_other_played_turns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOT_DATA_DIR", str(tmp_path))
    get_settings.cache_clear()
    try:
        without = Context.fingerprint_addon({})
        (tmp_path / "turns.tsv").write_text("issue\twants\tpassages\n", encoding="utf8")
        assert Context.fingerprint_addon({}) != without
    finally:
        monkeypatch.undo()
        get_settings.cache_clear()
