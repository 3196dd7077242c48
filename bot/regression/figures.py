"""The metrics that a bot is judged by: each says from which items, and how it is compared."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter

import numpy as np
from numpy.typing import NDArray

from bot.articles.issues import load_issues
from bot.regression.items import Item
from bot.regression.measure import REFUSALS

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
    """Whether the figure counts what is wrong."""
    intent: str | None = None
    """Of an intent's F1: only what is of this intent, or is taken for it, has a say."""
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
    """How probable so large a loss is if the bot is as good as before (one-sided p-value); None for exact figures."""
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
    by_set: dict[str, list[Item]] = {}
    for item in items:
        by_set.setdefault(item.set, []).append(item)
    found = [*_of_intents(by_set.get("intents", [])), *_of_other_sets(by_set)]
    return [metric for metric in found if metric.items]


def _of_intents(items: Sequence[Item]) -> Iterator[Metric]:
    issues = load_issues()
    inside = [item for item in items if item.expected in issues]
    yield Metric("accuracy", "overall", items)
    yield Metric("macro-F1", "overall", items, macro_f1)
    yield Metric("out-of-scope recall", "overall", [item for item in items if item.expected == "out_of_scope"])
    yield Metric("false refusals", "overall", inside, lower_is_better=True, is_right=_is_answered)
    yield Metric("calibration error", "overall", items, calibration_error, lower_is_better=True)
    yield from _by("language", "accuracy ", "languages", items)
    for intent in sorted({item.expected for item in items}):
        yield Metric(f"F1 {intent}", "intents", items, f1_of(intent), intent=intent)


def _of_other_sets(by_set: dict[str, list[Item]]) -> Iterator[Metric]:
    def of(name: str) -> list[Item]:
        return by_set.get(name, [])

    outside = [item for item in of("real_style") if item.expected == "out_of_scope"]
    yield Metric("real style", "real style", [item for item in of("real_style") if item.expected != "out_of_scope"])
    yield Metric("real style, out of scope", "real style", outside)
    yield from _by("language", "real style ", "real style", of("real_style"))
    yield Metric("language recognised", "language", of("language"))
    yield Metric("language recognised with page", "language", of("language_with_page"))
    yield Metric("flip rate", "robustness", of("robustness"), lower_is_better=True)
    yield from _by("part", "flip rate, ", "robustness", of("robustness"), lower_is_better=True)
    telling = [item for item in of("entities") if item.expected or item.got]
    yield from _by("part", "entity ", "entities", telling)
    yield Metric("both issues found", "triage", of("two_issues"))
    yield from _by("part", "false second issue, ", "triage", of("one_issue"), lower_is_better=True)
    yield Metric("long messages", "triage", of("long"))
    yield Metric("texts found in English", "retrieval", of("retrieval"))
    yield from _by("language", "texts found in English, ", "retrieval", of("retrieval"))
    yield Metric("follow-ups", "conversations", of("conversations"))
    yield from _by("language", "follow-ups ", "conversations", of("conversations"))
    yield Metric("articles without problems", "exact", of("articles"))
    yield Metric("dialogues", "exact", of("dialogues"))


def _by(field: str, name: str, group: str, items: Sequence[Item], lower_is_better: bool = False) -> Iterator[Metric]:
    """Yields a metric for each value of a field, such as each language."""
    value_of = attrgetter(field)
    for value in sorted({value_of(item) for item in items}):
        own = [item for item in items if value_of(item) == value]
        yield Metric(f"{name}{value}", group, own, lower_is_better=lower_is_better)


def macro_f1(items: Sequence[Item]) -> Callable[[Floats], Floats]:
    """Gives the mean F1 of all expected intents; a refusal counts as out of scope, however the bot came to it."""
    return _f1(items, sorted({item.expected for item in items}))


def f1_of(intent: str) -> Statistic:
    """Gives the F1 of one intent; 0 where it is neither expected nor predicted."""
    return lambda items: _f1(items, [intent])


def _f1(items: Sequence[Item], labels: Sequence[str]) -> Callable[[Floats], Floats]:
    """Gives the mean over labels of F1 = 2 tp / (expected + predicted)."""
    expected = np.array([[item.expected == label for label in labels] for item in items], dtype=float)
    got = np.array([[refusal_as_intent(item.got) == label for label in labels] for item in items], dtype=float)
    both, total = expected * got, expected + got
    return lambda weights: np.mean(2 * (weights @ both) / np.maximum(weights @ total, 1e-9), axis=1)  # type: ignore[no-any-return]


def calibration_error(items: Sequence[Item], bins: int = 10) -> Callable[[Floats], Floats]:
    """Gives the expected calibration error of the best intents (Naeini et al. 2015)."""
    confidence = np.array([item.confidence or 0.0 for item in items])
    right = np.array([(item.best or item.got) == item.expected for item in items], dtype=float)
    bin_of = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = (confidence - right)[:, None] * (bin_of[:, None] == np.arange(bins))
    return lambda weights: np.asarray(np.abs(weights @ gaps).sum(axis=1) / weights.sum(axis=1), dtype=np.float64)


def refusal_as_intent(intent: str) -> str:
    """Returns the intent, `out_of_scope` for the fallback: the customer is refused by either."""
    return "out_of_scope" if intent in REFUSALS else intent


def _is_answered(item: Item) -> bool:
    return item.got not in REFUSALS
