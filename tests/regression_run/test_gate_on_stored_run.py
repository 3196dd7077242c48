"""The gate on the shipped data, without training: the predictions of a stored run are altered as damages alter them."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bot.encoder import model as encoder_model
from bot.regression.inventory import take_inventory
from bot.regression.items import Baseline, Item, Result, read_baseline
from bot.regression.run import hash_of_sets, hash_of_taxonomy
from bot.regression.steps import retrieval
from bot.regression.verdict import Tolerances, judge, read_tolerances
from tests.regression_run.stored_run import stored_run, with_answers, with_turnover

HARMLESS_SEEDS = range(10)


@pytest.fixture(scope="module")
def sets(root: Path) -> Path:
    return root / "tests" / "regression"


@pytest.fixture(scope="module")
def baseline(sets: Path) -> Baseline:
    read = read_baseline(sets / "baseline.json")
    assert read is not None
    return replace(read, counts={name: n for name, n in read.counts.items() if name.startswith("intents/")})


@pytest.fixture(scope="module")
def tolerances(sets: Path) -> Tolerances:
    return read_tolerances(sets / "tolerances.yml").copy(update={"resamples": 200})


@pytest.fixture(scope="module")
def run(baseline: Baseline, sets: Path) -> Result:
    return stored_run(baseline, sets)


@pytest.fixture
def copied(root: Path, tmp_path: Path) -> Path:
    """A copy of what is counted, to be damaged."""
    for name in ("config.yml", "data"):
        source = root / name
        shutil.copytree(source, tmp_path / name) if source.is_dir() else shutil.copy(source, tmp_path / name)
    return tmp_path


def test_the_baseline_was_measured_with_the_present_held_out_sets_and_taxonomy(
    baseline: Baseline, root: Path, sets: Path
) -> None:
    measured = baseline.about["key"]
    remedy = "run `python -m bot regression run` and `python -m bot regression accept`, and commit the baseline"
    assert measured["sets"] == hash_of_sets(sets), f"the held-out sets have changed: {remedy}"
    assert measured["taxonomy"] == hash_of_taxonomy(root), f"the intents have changed: {remedy}"


def test_the_stored_run_is_as_good_as_the_baseline(run: Result, baseline: Baseline, tolerances: Tolerances) -> None:
    verdict = judge(run, baseline, tolerances)
    assert (verdict.is_worse, verdict.newly_wrong, verdict.not_compared) == (False, [], 0)
    assert len(run.items) > 3000


@pytest.mark.parametrize("seed", HARMLESS_SEEDS)
def test_the_turnover_of_a_harmless_retraining_raises_no_alarm(
    run: Result, baseline: Baseline, tolerances: Tolerances, seed: int
) -> None:
    verdict = judge(with_turnover(run, tolerances.turnover, seed), baseline, without_critical(tolerances))
    assert [figure.name for figure in verdict.worse if figure.group in {"cells", "confusions"}] == []
    assert len(verdict.newly_wrong) > 20


def test_a_pair_swapped_in_one_language_fails_though_the_rest_got_better(
    run: Result, baseline: Baseline, tolerances: Tolerances
) -> None:
    other = {"refund_request": "understand_bill", "understand_bill": "refund_request"}

    def swap(item: Item) -> str:
        # Everything else is right now: accuracy has risen.
        return other.get(item.expected, item.expected) if item.language == "sv" else item.expected

    verdict = judge(with_answers(run, swap), baseline, tolerances)
    assert verdict.is_worse
    worse = {figure.name for figure in verdict.worse}
    assert {"refund_request in sv", "understand_bill in sv", "refund_request → understand_bill"} <= worse
    assert next(figure for figure in verdict.figures if figure.name == "accuracy").change > 0


@pytest.mark.parametrize("intent", ["data_retention", "pay_by_invoice", "signup_problem"])
def test_a_cell_that_has_lost_all_its_phrases_always_fails(
    run: Result, baseline: Baseline, tolerances: Tolerances, intent: str
) -> None:
    def lose(item: Item) -> str:
        return "out_of_scope" if (item.expected, item.language) == (intent, "fi") else item.expected

    verdict = judge(with_answers(run, lose), baseline, tolerances.copy(update={"turnover": 0.9}))
    assert f"{intent} in fi" in {figure.name for figure in verdict.worse}


def test_one_issues_phrases_deleted_in_one_language_fail_by_their_count(
    run: Result, baseline: Baseline, tolerances: Tolerances
) -> None:
    verdict = judge(without_phrases(run, lambda name: name == "nb/download_invoice"), baseline, tolerances)
    assert verdict.is_worse
    (loss,) = verdict.losses
    assert str(loss).startswith("phrases of download_invoice in nb:")
    assert verdict.worse == []


def test_a_languages_phrases_halved_fail_as_one_loss(run: Result, baseline: Baseline, tolerances: Tolerances) -> None:
    halved = {
        name: count // 2 if name.split("/")[0] == "fr" else count for name, count in run.inventory["phrases"].items()
    }
    verdict = judge(replace(run, inventory={**run.inventory, "phrases": halved}), baseline, tolerances)
    assert verdict.is_worse
    assert [loss.name for loss in verdict.losses] == ["fr"]


def test_a_tenth_less_phrases_is_no_loss(run: Result, baseline: Baseline, tolerances: Tolerances) -> None:
    fewer = {name: 0.9 * count for name, count in run.inventory["phrases"].items()}
    assert judge(replace(run, inventory={**run.inventory, "phrases": fewer}), baseline, tolerances).losses == []


def test_an_article_without_its_steps_fails(
    copied: Path, run: Result, baseline: Baseline, tolerances: Tolerances
) -> None:
    article = copied / "data" / "articles" / "card_declined" / "nb.md"
    kept = [
        line for line in article.read_text(encoding="utf8").splitlines() if not line.lstrip()[:2].rstrip(".").isdigit()
    ]
    article.write_text("\n".join(kept) + "\n", encoding="utf8")
    verdict = judge(replace(run, inventory=take_inventory(copied)), baseline, tolerances)
    assert verdict.is_worse
    assert {loss.path for loss in verdict.losses} == {"data/articles/card_declined/nb.md"}
    assert any(str(loss).startswith("steps of the article card_declined/nb:") for loss in verdict.losses)


def test_a_rule_that_is_gone_fails(copied: Path, run: Result, baseline: Baseline, tolerances: Tolerances) -> None:
    rules = copied / "data" / "rules.yml"
    first, *others = rules.read_text(encoding="utf8").split("\n- rule: ")
    kept = [rule for rule in others if "- intent: talk_to_human" not in rule]
    rules.write_text("\n- rule: ".join([first, *kept]), encoding="utf8")
    verdict = judge(replace(run, inventory=take_inventory(copied)), baseline, tolerances)
    assert [str(loss) for loss in verdict.losses] == ["the rule for intent talk_to_human is gone"]
    assert verdict.is_worse


def test_a_threshold_that_moved_fails(copied: Path, run: Result, baseline: Baseline, tolerances: Tolerances) -> None:
    config = copied / "config.yml"
    config.write_text(
        config.read_text(encoding="utf8").replace("  threshold: 0.2", "  threshold: 0.6"), encoding="utf8"
    )
    verdict = judge(replace(run, inventory=take_inventory(copied)), baseline, tolerances)
    assert [str(loss) for loss in verdict.losses] == ["config.yml: FallbackClassifier.threshold moved from 0.2 to 0.6"]
    assert verdict.is_worse


@pytest.fixture
def encoder_of_noise(monkeypatch: pytest.MonkeyPatch, root: Path, tmp_path: Path) -> Iterator[None]:
    """Replaces the encoder's weights by noise of the same shape."""
    with np.load(root / "bot" / "encoder" / "weights.npz") as archive:
        arrays = dict(archive)
    arrays["codes"] = np.random.default_rng(5).integers(-127, 128, arrays["codes"].shape, dtype=np.int8)
    np.savez(tmp_path / "noise.npz", **arrays)
    noise = encoder_model.load_encoder(tmp_path / "noise.npz")
    monkeypatch.setattr("bot.regression.steps.load_encoder", lambda: noise)
    yield


def test_noise_instead_of_the_encoders_weights_fails(
    encoder_of_noise: None, root: Path, baseline: Baseline, run: Result, tolerances: Tolerances
) -> None:
    found = list(retrieval(root / "data"))
    verdict = judge(replace(run, items=[*run.items, *found]), baseline, tolerances)
    assert verdict.is_worse
    assert "texts found in English" in {figure.name for figure in verdict.worse}
    assert sum(item.right for item in found) < 0.3 * len(found)


def without_phrases(run: Result, is_gone: Callable[[str], bool]) -> Result:
    """Returns the run without some training phrases' counts."""
    left = {name: count for name, count in run.inventory["phrases"].items() if not is_gone(name)}
    return replace(run, inventory={**run.inventory, "phrases": left})


def without_critical(tolerances: Tolerances) -> Tolerances:
    """Returns the tolerances without critical phrases: any phrase may turn by chance."""
    return tolerances.copy(update={"critical": {}})
