"""Measures how well a classifier answers messages, with confidence intervals and a paired test of two runs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binomtest

from benchmarks.held_out import share
from benchmarks.people.messages import LabelledMessage
from bot.regression.measure import REFUSALS

_SAMPLES = 1000
_SEED = 7


@dataclass(frozen=True)
class Answer:
    """What was said to one message."""

    forced: str
    """The best issue, refusals aside."""
    scope: float
    """How sure it is that the bot should help; any scale."""
    intent: str
    """The intent that the conversation follows."""
    offered: tuple[str, ...]
    """The issues that the customer may choose from, where it asks instead of answering."""


Asked = Sequence[tuple[LabelledMessage, Answer]]
Measure = Callable[[Asked], float]


def is_accepted(message: LabelledMessage, intent: str) -> bool:
    """Tells whether a careful reader accepts an intent."""
    return intent == message.intent or intent in message.also


def _inside(asked: Asked) -> Asked:
    return [one for one in asked if one[0].in_scope]


def _outside(asked: Asked) -> Asked:
    return [one for one in asked if not one[0].in_scope]


def auroc(asked: Asked) -> float:
    """Returns the area under the ROC curve of in-scope against out-of-scope messages (Fawcett 2006)."""
    from sklearn.metrics import roc_auc_score

    inside = [message.in_scope for message, _ in asked]
    return float(roc_auc_score(inside, [answer.scope for _, answer in asked])) if len({*inside}) == 2 else float("nan")


def found_at(asked: Asked, refused: float) -> float:
    """Returns the share of out-of-scope messages found where so large a share of the others is refused."""
    inside, outside = ([answer.scope for _, answer in part] for part in (_inside(asked), _outside(asked)))
    if not inside or not outside:
        return float("nan")
    threshold = float(np.quantile(inside, refused))
    return share([score <= threshold for score in outside])


def _is_direct(answer: Answer) -> bool:
    return not answer.offered and answer.intent not in REFUSALS


FIGURES: dict[str, Measure] = {
    "forced, strict": lambda asked: share([a.forced == m.intent for m, a in _inside(asked)]),
    "forced, lenient": lambda asked: share([is_accepted(m, a.forced) for m, a in _inside(asked)]),
    "as it acts, strict": lambda asked: share([a.intent == m.intent for m, a in _inside(asked)]),
    "as it acts, lenient": lambda asked: share([is_accepted(m, a.intent) for m, a in _inside(asked)]),
    "out of scope found": lambda asked: share([a.intent in REFUSALS for _, a in _outside(asked)]),
    "AUROC": auroc,
    "AUROC, clear ones": lambda asked: auroc([one for one in asked if one[0].is_clear]),
    "found at 2 % refused": lambda asked: found_at(asked, 0.02),
    "found at 5 % refused": lambda asked: found_at(asked, 0.05),
    "found at 10 % refused": lambda asked: found_at(asked, 0.10),
    "found at 5 %, clear ones": lambda asked: found_at([one for one in asked if one[0].is_clear], 0.05),
    "direct answers right": lambda asked: share([is_accepted(m, a.intent) for m, a in asked if _is_direct(a)]),
    "the same, none of out of scope": lambda asked: share(
        [m.in_scope and is_accepted(m, a.intent) for m, a in asked if _is_direct(a)]
    ),
    "direct answers given": lambda asked: share([_is_direct(a) for _, a in _inside(asked)]),
    "right one offered": lambda asked: share(
        [any(is_accepted(m, issue) for issue in a.offered) for m, a in _inside(asked) if a.offered]
    ),
}
"""Name -> what it measures. *Strict* asks for the label, *lenient* for one that a careful reader accepts."""

_PAIRED: dict[str, Callable[[LabelledMessage, Answer], bool]] = {
    "forced, lenient": lambda m, a: is_accepted(m, a.forced),
    "as it acts, lenient": lambda m, a: is_accepted(m, a.intent),
}


def interval(asked: Asked, measure: Measure) -> tuple[float, float]:
    """Returns the 95 % interval of a figure by the bootstrap (Efron & Tibshirani 1993, percentiles)."""
    chance = np.random.default_rng(_SEED)
    values = [measure([asked[row] for row in rows]) for rows in _resampled(len(asked), chance)]
    low, high = np.nanpercentile(values, [2.5, 97.5])
    return float(low), float(high)


def paired(now: Asked, before: Asked) -> list[str]:
    """Compares two runs message by message: McNemar's exact test (1947) and the interval of the difference.

    Args:
        now: messages and answers of this run.
        before: the same messages, in the same order, with the other run's answers.
    """
    lines = []
    for name, is_right in _PAIRED.items():
        rows = [row for row, (message, _) in enumerate(now) if message.in_scope]
        first = np.array([is_right(*before[row]) for row in rows])
        second = np.array([is_right(*now[row]) for row in rows])
        better, worse = int((second & ~first).sum()), int((first & ~second).sum())
        chance = np.random.default_rng(_SEED)
        change = second.astype(float) - first
        low, high = np.percentile([change[sample].mean() for sample in _resampled(len(rows), chance)], [2.5, 97.5])
        p = binomtest(better, better + worse).pvalue if better + worse else 1.0
        lines.append(
            f"{name}: {100 * change.mean():+.1f} points [{100 * low:+.1f}, {100 * high:+.1f}], "
            f"{better} newly right, {worse} newly wrong, p = {p:.3f}"
        )
    return lines


def _resampled(size: int, chance: np.random.Generator) -> list[NDArray[np.int64]]:
    return [chance.integers(0, size, size) for _ in range(_SAMPLES)]
