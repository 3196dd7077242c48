"""The figures that a bot is judged by, computed from items: each says from which items, and how it is compared."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bot.articles.issues import load_issues
from bot.regression.items import Item
from bot.regression.measure import REFUSALS

Floats = NDArray[np.float64]
Statistic = Callable[[Sequence[Item]], Callable[[Floats], Floats]]
"""Items -> (resamples, items) weights -> the figure of each resample."""


@dataclass(frozen=True)
class Figure:
    """One figure: a share of right items, or a statistic of several."""

    name: str
    group: str
    """Figures of a group share their chance of a false alarm; `exact` ones may not get worse at all."""
    items: Sequence[Item]
    statistic: Statistic | None = None
    """None for a share of right items, which McNemar's test compares."""
    lower_is_better: bool = False
    """Whether the figure counts what is wrong."""
    intent: str | None = None
    """Of an intent's F1: only what is of this intent, or is taken for it, has a say."""

    def value(self) -> float:
        """Returns the figure; a share is that of wrong items where lower is better."""
        if self.statistic is not None:
            return float(self.statistic(self.items)(np.ones((1, len(self.items))))[0])
        right = sum(item.right for item in self.items) / len(self.items)
        return 1 - right if self.lower_is_better else right


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


def figures(items: Sequence[Item]) -> list[Figure]:
    """Returns every figure that the items allow, the most telling first."""
    by_set: dict[str, list[Item]] = {}
    for item in items:
        by_set.setdefault(item.set, []).append(item)
    found = [*_of_intents(by_set.get("intents", [])), *_of_other_sets(by_set)]
    return [figure for figure in found if figure.items]


def _of_intents(items: Sequence[Item]) -> Iterator[Figure]:
    if not items:
        return
    issues = load_issues()
    inside = [item for item in items if item.expected in issues]
    refused = [_as_right(item, item.got not in REFUSALS) for item in inside]
    yield Figure("accuracy", "overall", items)
    yield Figure("macro-F1", "overall", items, macro_f1)
    yield Figure("out-of-scope recall", "overall", [item for item in items if item.expected == "out_of_scope"])
    yield Figure("false refusals", "overall", refused, lower_is_better=True)
    yield Figure("calibration error", "overall", items, calibration_error, lower_is_better=True)
    yield from _by_language("accuracy", "languages", items)
    for intent in sorted({item.expected for item in items}):
        yield Figure(f"F1 {intent}", "intents", items, _f1_of(intent), intent=intent)


def _of_other_sets(by_set: dict[str, list[Item]]) -> Iterator[Figure]:
    real = by_set.get("real_style", [])
    yield Figure("real style", "real style", [item for item in real if item.expected != "out_of_scope"])
    yield Figure("real style, out of scope", "real style", [item for item in real if item.expected == "out_of_scope"])
    yield from _by_language("real style", "real style", real)
    yield Figure("language recognised", "language", by_set.get("language", []))
    yield Figure("language recognised with page", "language", by_set.get("language_with_page", []))
    flips = by_set.get("robustness", [])
    yield Figure("flip rate", "robustness", flips, lower_is_better=True)
    for change in sorted({item.part for item in flips}):
        yield Figure(f"flip rate, {change}", "robustness", [i for i in flips if i.part == change], lower_is_better=True)
    entities = by_set.get("entities", [])
    for entity in sorted({item.part for item in entities}):
        telling = [item for item in entities if item.part == entity and (item.expected or item.got)]
        yield Figure(f"entity {entity}", "entities", telling)
    yield Figure("both issues found", "triage", by_set.get("two_issues", []))
    one = by_set.get("one_issue", [])
    for part in ("short", "long"):
        own = [item for item in one if item.part == part]
        yield Figure(f"false second issue, {part}", "triage", own, lower_is_better=True)
    yield Figure("long messages", "triage", by_set.get("long", []))
    retrieval = by_set.get("retrieval", [])
    yield Figure("texts found in English", "retrieval", retrieval)
    yield from _by_language("texts found in English,", "retrieval", retrieval)
    follow_ups = by_set.get("conversations", [])
    yield Figure("follow-ups", "conversations", follow_ups)
    yield from _by_language("follow-ups", "conversations", follow_ups)
    yield Figure("articles without problems", "exact", by_set.get("articles", []))
    yield Figure("dialogues", "exact", by_set.get("dialogues", []))


def _by_language(name: str, group: str, items: Sequence[Item]) -> Iterator[Figure]:
    for language in sorted({item.language for item in items}):
        yield Figure(f"{name} {language}", group, [item for item in items if item.language == language])


def macro_f1(items: Sequence[Item]) -> Callable[[Floats], Floats]:
    """Gives the mean F1 of all expected intents; a refusal counts as out of scope, however the bot came to it."""
    by_label = _f1(items, sorted({item.expected for item in items}))
    return lambda weights: np.asarray(by_label(weights).mean(axis=1), dtype=np.float64)


def calibration_error(items: Sequence[Item], bins: int = 10) -> Callable[[Floats], Floats]:
    """Gives the expected calibration error of the best intents (Naeini et al. 2015)."""
    confidence = np.array([item.confidence or 0.0 for item in items])
    right = np.array([(item.best or item.got) == item.expected for item in items], dtype=float)
    bin_of = np.minimum((confidence * bins).astype(int), bins - 1)
    gaps = (confidence - right)[:, None] * (bin_of[:, None] == np.arange(bins))
    return lambda weights: np.asarray(np.abs(weights @ gaps).sum(axis=1) / weights.sum(axis=1), dtype=np.float64)


def _f1_of(intent: str) -> Statistic:
    return lambda items: _first(_f1(items, [intent]))


def _first(by_label: Callable[[Floats], Floats]) -> Callable[[Floats], Floats]:
    return lambda weights: by_label(weights)[:, 0]


def _f1(items: Sequence[Item], labels: Sequence[str]) -> Callable[[Floats], Floats]:
    """Gives F1 = 2 tp / (marked + found) by resample and label; 0 where there is neither."""
    expected = np.array([[item.expected == label for label in labels] for item in items], dtype=float)
    got = np.array([[refusal_as_intent(item.got) == label for label in labels] for item in items], dtype=float)
    both, total = expected * got, expected + got
    return lambda weights: np.asarray(2 * (weights @ both) / np.maximum(weights @ total, 1e-9), dtype=np.float64)


def refusal_as_intent(intent: str) -> str:
    """Returns the intent, `out_of_scope` for the fallback: the customer is refused by either."""
    return "out_of_scope" if intent in REFUSALS else intent


def _as_right(item: Item, right: bool) -> Item:
    return Item(item.set, item.part, item.language, item.text, item.expected, item.got, right)
