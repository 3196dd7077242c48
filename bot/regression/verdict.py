"""Judges whether a run is worse than the baseline by more than chance explains; turns a result into a baseline.

Chance excuses no critical phrase that is wrong, no article or dialogue that is newly wrong, no part that the bot has
lost, and no ratio to Rasa's starter bot that grew beyond its tolerance.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from pydantic import BaseModel, Extra, ValidationError
from scipy.stats import binom

from bot.regression.figures import Figure, Metric, metrics
from bot.regression.inventory import Loss, losses
from bot.regression.items import REVIEWED, Baseline, Item, Pair, RegressionError, Result
from bot.regression.measure import refusal_as_intent
from bot.text.yaml_files import read_yaml

Pairs = Sequence[Pair]
CHUNK = 500
"""Resamples at once: the weights of more would not fit into the processor's cache."""
JUDGED_BY_CELL = frozenset({"intents", "language", "language_with_page", "entities", "two_issues", "long"})
FEWEST_LOST = 2
"""A cell that has lost all its right answers always fails, unless it had a single one."""


class Tolerances(BaseModel, extra=Extra.forbid):
    """Losses that still count as equally good; see `tests/regression/tolerances.yml`."""

    chance: float
    resamples: int
    least: dict[str, float]
    ratio: float
    turnover: float
    most_phrases_lost: float
    critical: dict[str, list[str]]


@dataclass(frozen=True)
class Verdict:
    """The comparison of a run with the baseline."""

    figures: Sequence[Figure]
    critical_wrong: Sequence[Item]
    pairs: Pairs
    """The answers to what was asked then, too."""
    not_compared: int
    """Items that the baseline does not have."""
    losses: Sequence[Loss] = ()
    """Parts that the bot has lost (phrases, steps, links, rules), and thresholds that moved."""

    @property
    def newly_wrong(self) -> list[Pair]:
        """The answers that were right and are wrong now."""
        return [pair for pair in self.pairs if pair.then.right and not pair.now.right]

    @property
    def newly_right(self) -> list[Pair]:
        """The answers that were wrong and are right now."""
        return [pair for pair in self.pairs if pair.now.right and not pair.then.right]

    @property
    def worse(self) -> list[Figure]:
        """The figures that got worse by more than chance allows."""
        return [figure for figure in self.figures if figure.is_worse]

    @property
    def is_worse(self) -> bool:
        """Tells whether the run fails."""
        return bool(self.worse or self.critical_wrong or self.losses)


def read_tolerances(path: Path) -> Tolerances:
    """Reads the file of tolerances.

    Raises:
        RegressionError: it cannot be used.
    """
    try:
        return Tolerances.parse_obj(read_yaml(path, ValueError))
    except ValueError as error:
        problem = f"{path}: {error.errors()[0]['loc']} is wrong" if isinstance(error, ValidationError) else str(error)
        raise RegressionError(f"{problem}; correct it or restore it from git.") from error


def make_baseline(result: Result) -> Baseline:
    """Returns a result as a baseline, without the messages that reviewers keep on one machine."""
    items = [item for item in result.items if item.set != REVIEWED]
    figures = {metric.name: round(metric.value(metric.items), 5) for metric in metrics(items)}
    counts = dict(sorted(Counter(f"{item.set}/{item.language}" for item in items).items()))
    answers = {item.key: item.answer for item in items}
    return Baseline(result.about, figures, result.numbers, counts, result.inventory, answers)


def judge(result: Result, baseline: Baseline, tolerances: Tolerances) -> Verdict:
    """Compares a result with the baseline, item by item.

    Args:
        result: what was measured.
        baseline: what was measured when it was last accepted.
        tolerances: how much worse is still as good.

    Raises:
        RegressionError: a set that the baseline has was not measured, or a critical phrase is in no set.
    """
    if missing := baseline.missing(result.items):
        raise RegressionError(
            f"the baseline has sets that were not measured ({', '.join(missing)}); restore their files from git, "
            "or accept a new baseline."
        )
    pairs = [Pair(item, then) for item in result.items if (then := baseline.then(item)) is not None]
    ratios = [
        Figure(name, "ratios", now, then, is_worse=bool(then and now > then * tolerances.ratio), lower_is_better=True)
        for name, now in result.numbers.items()
        for then in [baseline.numbers.get(name)]
    ]
    compared = list(_compare_metrics(metrics(result.items), pairs, tolerances.resamples))
    cells = _compare_cells(pairs, tolerances.turnover, tolerances.chance)
    return Verdict(
        [*_with_correction(compared, tolerances), *cells, *ratios],
        [item for item in _critical_items(result.items, tolerances) if not item.right],
        pairs,
        len(result.items) - len(pairs),
        losses(result.inventory, baseline.inventory, tolerances.most_phrases_lost),
    )


def _critical_items(items: Sequence[Item], tolerances: Tolerances) -> list[Item]:
    """Returns the items of the phrases that must be right.

    Raises:
        RegressionError: one of them is in no held-out set, so that nobody would notice that it is wrong.
    """
    asked = {(item.language, item.text): item for item in items if item.set == "intents"}
    marked = [(language, text) for language, texts in tolerances.critical.items() for text in texts]
    unknown = [f"{language}: {text}" for language, text in marked if (language, text) not in asked]
    if unknown:
        raise RegressionError(
            f"tolerances.yml: {len(unknown)} critical phrases are in no held-out set ({unknown[0]}); fix their text."
        )
    return [asked[phrase] for phrase in marked]


def _compare_metrics(measured: Sequence[Metric], pairs: Pairs, resamples: int) -> Iterator[Figure]:
    """Yields the metrics' figures; only those of exact metrics have their verdict yet."""
    pair_of = {pair.now: pair for pair in pairs}
    chances = _bootstrap([metric for metric in measured if metric.statistic is not None], pair_of, resamples)
    for metric in measured:
        own = [pair_of[item] for item in metric.items if item in pair_of]
        asked = [pair for pair in own if metric.intent in (None, pair.now.expected, pair.now.got, pair.then.got)]
        right = Counter((metric.is_right(now), metric.is_right(then)) for now, then in asked)
        wrong, gained = right[False, True], right[True, False]
        chance = chances.get(metric.name)
        if own and chance is None and metric.group != "exact":
            # McNemar's exact test, one-sided: are the newly wrong more than half of those that changed?
            chance = float(binom.sf(wrong - 1, wrong + gained, 0.5))
        now, then = metric.value(metric.items), metric.value([then for _, then in own]) if own else None
        is_worse = metric.group == "exact" and wrong > 0
        yield Figure(metric.name, metric.group, now, then, chance, wrong, gained, is_worse, metric.lower_is_better)


def _bootstrap(measured: Sequence[Metric], pair_of: dict[Item, Pair], resamples: int) -> dict[str, float]:
    """Returns by metric the share of paired resamples in which it is not worse (Efron and Tibshirani 1993, ch. 16).

    Args:
        measured: metrics of the same items.
        pair_of: the items with their earlier answers.
        resamples: how often the items are drawn anew.
    """
    pairs = [pair_of[item] for item in measured[0].items if item in pair_of] if measured else []
    if not pairs:
        return {}
    now, then = zip(*pairs, strict=True)
    statistics = {metric.name: (metric.statistic(then), metric.statistic(now)) for metric in measured}  # type: ignore[misc]
    not_worse = dict.fromkeys(statistics, 0)
    chance = np.random.default_rng(7)
    for begin in range(0, resamples, CHUNK):
        size = min(CHUNK, resamples - begin)
        weights = chance.multinomial(len(now), np.full(len(now), 1 / len(now)), size=size).astype(np.float64)
        for metric in measured:
            earlier, present = statistics[metric.name]
            gain = present(weights) - earlier(weights)
            not_worse[metric.name] += int(((-gain if metric.lower_is_better else gain) >= 0).sum())
    return {name: (1 + count) / (1 + resamples) for name, count in not_worse.items()}


def _with_correction(compared: Sequence[Figure], tolerances: Tolerances) -> list[Figure]:
    """Returns the figures with their verdicts: Holm's correction in each group, so that many figures cry no wolf."""
    worse: set[str] = set()
    for group in {figure.group for figure in compared}:
        ranked = sorted((f.chance, f.name, -f.change) for f in compared if f.group == group and f.chance is not None)
        for rank, (chance, name, loss) in enumerate(ranked):
            if chance > tolerances.chance / (len(ranked) - rank):
                break
            if loss > tolerances.least.get(group, 0.0):
                worse.add(name)
    return [replace(figure, is_worse=figure.is_worse or figure.name in worse) for figure in compared]


def _compare_cells(pairs: Pairs, turnover: float, chance: float) -> list[Figure]:
    """Judges small groups of answers, each by itself, so that a gain elsewhere hides nothing.

    A cell is what was asked of one intent, one kind of entity or another set, in one language; a confusion is an intent
    that is newly taken for a certain other one, in all languages together. A few right answers turn with every
    training, however harmless the change; a binomial test tells whether more have turned than that explains.

    Args:
        pairs: the answers now and then.
        turnover: the share of right answers that a harmless retraining turns wrong, 0-1.
        chance: the probability of a false alarm among all cells, or confusions, together (Bonferroni's correction).

    Returns:
        The cells and confusions with newly wrong answers.
    """
    cells: dict[str, list[Pair]] = defaultdict(list)
    intents: dict[str, list[Pair]] = defaultdict(list)
    taken: dict[tuple[str, str], list[Pair]] = defaultdict(list)
    for pair in pairs:
        item = pair.now
        if item.set in JUDGED_BY_CELL:
            name = item.expected if item.set == "intents" else (item.part or item.set).replace("_", " ")
            cells[f"{name} in {item.language}"].append(pair)
        if item.set == "intents":
            intents[item.expected].append(pair)
            taken[item.expected, refusal_as_intent(item.got)].append(pair)
    found = [_compare_cell(name, "cells", own, own, turnover, chance / len(cells)) for name, own in cells.items()]
    allowed = chance / max(len(intents) * (len(intents) - 1), 1)
    for (expected, got), own in taken.items():
        of = intents[expected]
        found.append(_compare_cell(f"{expected} → {got}", "confusions", of, own, turnover, allowed))
    return sorted((figure for figure in found if figure.newly_wrong), key=lambda figure: (figure.group, figure.name))


def _compare_cell(name: str, group: str, pairs: Pairs, among: Pairs, turnover: float, allowed: float) -> Figure:
    """Judges the newly wrong answers among some of a cell's answers by how many right ones the cell had."""
    right_now, right_then = (sum(pair[side].right for pair in pairs) for side in (0, 1))
    lost = sum(then.right and not now.right for now, then in among)
    gained = sum(now.right and not then.right for now, then in pairs)
    chance = float(binom.sf(lost - 1, right_then, turnover))
    is_worse = chance <= allowed or lost == right_then >= FEWEST_LOST
    return Figure(name, group, right_now / len(pairs), right_then / len(pairs), chance, lost, gained, is_worse)
