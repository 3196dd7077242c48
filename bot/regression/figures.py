"""The metrics that a bot is judged by: each says from which items, and how it is compared."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from bot.articles.issues import load_issues
from bot.regression.items import REVIEWED, Item
from bot.regression.measure import OUT_OF_SCOPE, REFUSALS, refusal_as_intent

BINS = 10
"""Bins of confidence for the calibration error."""
Floats = NDArray[np.float64]
Statistic = Callable[[Sequence[Item]], Callable[[Floats], Floats]]
"""Items -> (resamples, items) weights -> the figure of each resample."""


@dataclass(frozen=True)
class Metric:
    """The definition of a figure: a share of right items, or a statistic of several."""

    name: str
    group: str
    """Metrics of a group share their chance of a false alarm; `exact` ones may not get worse at all."""
    items: Sequence[Item]
    statistic: Statistic | None = None
    """None for a share of right items, which McNemar's test compares."""
    lower_is_better: bool = False
    """True where the figure counts errors."""
    intent: str | None = None
    """Intent of an F1: only what is of this intent, or is taken for it, matters to it."""
    is_right: Callable[[Item], bool] = attrgetter("right")

    def value(self, items: Sequence[Item]) -> float:
        """Returns the figure of some items; a share is that of wrong items where lower is better."""
        if self.statistic is not None:
            return float(self.statistic(items)(np.ones((1, len(items))))[0])
        right = sum(map(self.is_right, items)) / len(items)
        return 1 - right if self.lower_is_better else right


@dataclass(frozen=True)
class Figure:
    """A metric's value beside that of the baseline."""

    name: str
    group: str
    now: float
    then: float | None
    """None where the baseline lacks it."""
    chance: float | None = None
    """One-sided p-value: probability of so large a loss if the bot is as good as before; None for exact figures."""
    newly_wrong: int = 0
    newly_right: int = 0
    is_worse: bool = False
    lower_is_better: bool = False

    @property
    def change(self) -> float:
        """The change since the baseline; positive is better."""
        if self.then is None:
            return 0.0
        return (self.then - self.now) if self.lower_is_better else (self.now - self.then)

    def __str__(self) -> str:
        return f"{self.shown(self.now)} ({'new' if self.then is None else f'was {self.shown(self.then)}'})"

    def shown(self, value: float | None) -> str:
        """Returns a value in the figure's unit, as people read it; empty for None."""
        if value is None:
            return ""
        if self.group == "ratios":
            return f"{value:.2f}"
        return f"{value:.3f}" if self.name.startswith(("F1", "macro", "calibration")) else f"{100 * value:.1f} %"


def metrics(items: Iterable[Item]) -> list[Metric]:
    """Returns every metric that the items allow, the most telling first."""
    of: dict[str, list[Item]] = defaultdict(list)
    for item in items:
        of[item.set].append(item)
    intents, styled, issues = of["intents"], of["real_style"], load_issues()
    inside = [item for item in intents if item.expected in issues]
    names = sorted({item.expected for item in intents})
    found = [
        Metric("accuracy", "overall", intents),
        Metric("macro-F1", "overall", intents, f1()),
        Metric("out-of-scope recall", "overall", [item for item in intents if item.expected == OUT_OF_SCOPE]),
        Metric("false refusals", "overall", inside, lower_is_better=True, is_right=lambda i: i.got not in REFUSALS),
        Metric("calibration error", "overall", intents, calibration_error, lower_is_better=True),
        *_by("language", "accuracy ", "languages", intents),
        *(Metric(f"F1 {name}", "intents", intents, f1(name), intent=name) for name in names),
        Metric("real style", "real style", [item for item in styled if item.expected != OUT_OF_SCOPE]),
        Metric("real style, out of scope", "real style", [item for item in styled if item.expected == OUT_OF_SCOPE]),
        *_by("language", "real style ", "real style", styled),
        Metric("reviewed messages", REVIEWED, of[REVIEWED]),
        *_by("language", "reviewed messages ", REVIEWED, of[REVIEWED]),
        Metric("language recognised", "language", of["language"]),
        Metric("language recognised with page", "language", of["language_with_page"]),
        Metric("flip rate", "robustness", of["robustness"], lower_is_better=True),
        *_by("part", "flip rate, ", "robustness", of["robustness"], lower_is_better=True),
        *_by("part", "entity ", "entities", [item for item in of["entities"] if item.expected or item.got]),
        Metric("both issues found", "triage", of["two_issues"]),
        *_by("part", "false second issue, ", "triage", of["one_issue"], lower_is_better=True),
        Metric("long messages", "triage", of["long"]),
        Metric("texts found in English", "retrieval", of["retrieval"]),
        *_by("language", "texts found in English, ", "retrieval", of["retrieval"]),
        Metric("follow-ups", "conversations", of["conversations"]),
        *_by("language", "follow-ups ", "conversations", of["conversations"]),
        Metric("articles without problems", "exact", of["articles"]),
        Metric("dialogues", "exact", of["dialogues"]),
    ]
    return [metric for metric in found if metric.items]


def _by(field: str, name: str, group: str, items: Sequence[Item], lower_is_better: bool = False) -> Iterator[Metric]:
    """Yields a metric for each value of a field, such as each language."""
    value_of = attrgetter(field)
    for value in sorted({value_of(item) for item in items}):
        own = [item for item in items if value_of(item) == value]
        yield Metric(f"{name}{value}", group, own, lower_is_better=lower_is_better)


def f1(*intents: str) -> Statistic:
    """Gives the mean F1 = 2 tp / (expected + predicted) of some intents, or of all that are expected.

    A refusal counts as out of scope, however the bot came to it. F1 is 0 where an intent is neither expected nor got.
    """

    def weighted(items: Sequence[Item]) -> Callable[[Floats], Floats]:
        labels = intents or sorted({item.expected for item in items})
        expected = np.array([[item.expected == label for label in labels] for item in items], dtype=float)
        got = np.array([[refusal_as_intent(item.got) == label for label in labels] for item in items], dtype=float)
        both, total = expected * got, expected + got
        return lambda weights: np.mean(2 * (weights @ both) / np.maximum(weights @ total, 1e-9), axis=1)  # type: ignore[no-any-return]

    return weighted


def calibration_error(items: Sequence[Item]) -> Callable[[Floats], Floats]:
    """Gives the expected calibration error of the best intents (Naeini et al. 2015)."""
    confidence = np.array([item.confidence or 0.0 for item in items])
    right = np.array([(item.best or item.got) == item.expected for item in items], dtype=float)
    bin_of = np.minimum((confidence * BINS).astype(int), BINS - 1)
    gaps = (confidence - right)[:, None] * (bin_of[:, None] == np.arange(BINS))
    return lambda weights: np.asarray(np.abs(weights @ gaps).sum(axis=1) / weights.sum(axis=1), dtype=np.float64)
