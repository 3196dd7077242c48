"""The verdict: whether the bot is worse than the baseline by more than chance explains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from pydantic import BaseModel, Extra, ValidationError
from scipy.stats import binomtest

from bot.regression.baseline import Baseline
from bot.regression.figures import Figure, figures
from bot.regression.items import Item, RegressionError, Result
from bot.regression.measure import REFUSALS
from bot.text.yaml_files import read_yaml

CHUNK = 500
"""Resamples at once: the weights of more would not fit into the processor's cache."""


class _ToleranceError(ValueError):
    """The file of tolerances is broken."""


class Tolerances(BaseModel):
    """How much worse is still as good; see `tests/regression/tolerances.yml`."""

    chance: float
    resamples: int
    least: dict[str, float]
    ratio: float
    critical: dict[str, list[str]]

    class Config:
        extra = Extra.forbid


@dataclass(frozen=True)
class Compared:
    """One figure beside that of the baseline."""

    name: str
    group: str
    now: float
    then: float | None
    """None where the baseline lacks it."""
    chance: float | None
    """How probable so large a loss is if the bot is as good as before (one-sided p-value); None for exact figures."""
    newly_wrong: int
    newly_right: int
    is_worse: bool
    lower_is_better: bool

    @property
    def change(self) -> float:
        """By how much it has changed; positive is better."""
        if self.then is None:
            return 0.0
        return (self.then - self.now) if self.lower_is_better else (self.now - self.then)


@dataclass(frozen=True)
class Turned:
    """An item whose answer was right and is now wrong, or the other way round."""

    now: Item
    then: Item


@dataclass(frozen=True)
class Verdict:
    """What the run says of the bot."""

    figures: Sequence[Compared]
    numbers: Sequence[Compared]
    critical_wrong: Sequence[Item]
    newly_wrong: Sequence[Turned]
    newly_right: Sequence[Turned]
    not_compared: int
    """Items that the baseline does not have."""

    @property
    def worse(self) -> list[Compared]:
        """The figures that got worse by more than chance allows."""
        return [figure for figure in (*self.figures, *self.numbers) if figure.is_worse]

    @property
    def is_worse(self) -> bool:
        """Whether the run fails."""
        return bool(self.worse or self.critical_wrong)

    @property
    def exit_code(self) -> int:
        """0: as good or better, 1: worse."""
        return int(self.is_worse)


def read_tolerances(path: Path) -> Tolerances:
    """Reads the file of tolerances.

    Raises:
        RegressionError: it cannot be used.
    """
    try:
        return Tolerances.parse_obj(read_yaml(path, _ToleranceError))
    except (_ToleranceError, ValidationError) as error:
        told = str(error) if isinstance(error, _ToleranceError) else f"{path}: {error.errors()[0]['loc']} is wrong"
        raise RegressionError(f"{told}; mend it or restore it from git.") from error


def judge(result: Result, baseline: Baseline, tolerances: Tolerances) -> Verdict:
    """Compares a result with the baseline, item by item.

    Args:
        result: what was measured.
        baseline: what was measured when it was last accepted.
        tolerances: how much worse is still as good.

    Raises:
        RegressionError: a set that the baseline has was not measured, or a critical phrase is in no set.
    """
    missing = baseline.missing(result.items)
    if missing:
        raise RegressionError(
            f"the baseline has sets that were not measured ({', '.join(missing)}); restore their files from git, "
            "or accept a new baseline."
        )
    then = {item.key: before for item in result.items if (before := baseline.then(item)) is not None}
    measured = figures(result.items)
    chances = _bootstrap([figure for figure in measured if figure.statistic is not None], then, tolerances.resamples)
    compared = [_compare(figure, then, chances.get(figure.name)) for figure in measured]
    turned = [Turned(item, then[item.key]) for item in result.items if item.key in then]
    turned = [pair for pair in turned if pair.now.right != pair.then.right]
    return Verdict(
        _with_correction(compared, tolerances),
        [_compare_number(name, now, baseline.numbers, tolerances) for name, now in result.numbers.items()],
        [item for item in critical_items(result.items, tolerances) if not item.right],
        [pair for pair in turned if pair.then.right],
        [pair for pair in turned if pair.now.right],
        len(result.items) - len(then),
    )


def critical_items(items: Sequence[Item], tolerances: Tolerances) -> list[Item]:
    """Returns the items of the phrases that must be right.

    Raises:
        RegressionError: one of them is in no held-out set, so that nobody would notice that it is wrong.
    """
    asked = {(item.language, item.text): item for item in items if item.set == "intents"}
    marked = [(language, text) for language, texts in tolerances.critical.items() for text in texts]
    unknown = [f"{language}: {text}" for language, text in marked if (language, text) not in asked]
    if unknown:
        raise RegressionError(
            f"tolerances.yml: {len(unknown)} critical phrases are in no held-out set ({unknown[0]}); mend their text."
        )
    return [asked[phrase] for phrase in marked]


def _compare(figure: Figure, then: Mapping[str, Item], chance: float | None) -> Compared:
    pairs = [(item, _of_same_kind(then[item.key], item, figure)) for item in figure.items if item.key in then]
    now = figure.value()
    if not pairs:
        return Compared(figure.name, figure.group, now, None, None, 0, 0, False, figure.lower_is_better)
    before = Figure(
        figure.name, figure.group, [before for _, before in pairs], figure.statistic, figure.lower_is_better
    ).value()
    concerned = [(a, b) for a, b in pairs if figure.intent in (None, a.expected, a.got, b.got)]
    wrong = sum(b.right and not a.right for a, b in concerned)
    right = sum(a.right and not b.right for a, b in concerned)
    if figure.statistic is None and figure.group != "exact":
        # McNemar's exact test, one-sided: are the newly wrong more than half of those that changed?
        chance = float(binomtest(wrong, wrong + right, 0.5, "greater").pvalue) if wrong + right else 1.0
    is_worse = figure.group == "exact" and wrong > 0
    return Compared(figure.name, figure.group, now, before, chance, wrong, right, is_worse, figure.lower_is_better)


def _of_same_kind(then: Item, now: Item, figure: Figure) -> Item:
    """Returns the earlier item as the figure sees it: false refusals ask whether a phrase was refused."""
    if figure.name != "false refusals":
        return then
    return Item(now.set, now.part, now.language, now.text, now.expected, then.got, then.got not in REFUSALS)


def _bootstrap(measured: Sequence[Figure], then: Mapping[str, Item], resamples: int) -> dict[str, float]:
    """Returns by figure the share of paired resamples in which it is not worse (Efron and Tibshirani 1993, ch. 16).

    Args:
        measured: figures of the same items.
        then: the items' earlier answers, by key.
        resamples: how often the items are drawn anew.
    """
    if not measured or not (now := [item for item in measured[0].items if item.key in then]):
        return {}
    before = [then[item.key] for item in now]
    statistics = {figure.name: (figure.statistic(before), figure.statistic(now)) for figure in measured}  # type: ignore[misc]
    not_worse = dict.fromkeys(statistics, 0)
    chance = np.random.default_rng(7)
    for begin in range(0, resamples, CHUNK):
        size = min(CHUNK, resamples - begin)
        weights = chance.multinomial(len(now), np.full(len(now), 1 / len(now)), size=size).astype(np.float64)
        for figure in measured:
            earlier, present = statistics[figure.name]
            gain = present(weights) - earlier(weights)
            not_worse[figure.name] += int(((-gain if figure.lower_is_better else gain) >= 0).sum())
    return {name: (1 + count) / (1 + resamples) for name, count in not_worse.items()}


def _with_correction(compared: Sequence[Compared], tolerances: Tolerances) -> list[Compared]:
    """Returns the figures with their verdicts: Holm's correction in each group, so that many figures cry no wolf."""
    worse: set[str] = set()
    for group in {figure.group for figure in compared if figure.chance is not None}:
        ranked = sorted((f for f in compared if f.group == group and f.chance is not None), key=_chance)
        for rank, figure in enumerate(ranked):
            if _chance(figure) > tolerances.chance / (len(ranked) - rank):
                break
            if -figure.change > tolerances.least.get(group, 0.0):
                worse.add(figure.name)
    return [replace(figure, is_worse=figure.is_worse or figure.name in worse) for figure in compared]


def _compare_number(name: str, now: float, then: Mapping[str, float], tolerances: Tolerances) -> Compared:
    before = then.get(name)
    is_worse = before is not None and now > before * tolerances.ratio
    return Compared(name, "ratios", now, before, None, 0, 0, is_worse, lower_is_better=True)


def _chance(figure: Compared) -> float:
    return 1.0 if figure.chance is None else figure.chance
