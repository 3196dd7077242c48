"""Judges the phrases of one intent in one language, and other small groups of answers, each by itself.

A gain elsewhere hides nothing here: only answers that were right and are wrong now are counted. A few of them turn with
every training, however harmless the change (the turnover); more than that explains fails.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence

from scipy.stats import binom

from bot.regression.figures import Compared, refusal_as_intent
from bot.regression.items import Item

JUDGED = frozenset({"intents", "language", "language_with_page", "entities", "two_issues", "long"})
"""The sets whose answers are judged by cells."""
FEWEST_LOST = 2
"""A cell that has lost all its right answers always fails, unless it had a single one."""

_Pairs = list[tuple[Item, Item]]
"""The answers now and then to the same questions."""


def judge_cells(items: Sequence[Item], then: Mapping[str, Item], turnover: float, chance: float) -> list[Compared]:
    """Judges each cell: the phrases of one intent, one kind of entity or another set's answers, in one language.

    Args:
        items: the answers of this run.
        then: the earlier answers, by key; others are not compared.
        turnover: the share of right answers that a harmless retraining turns wrong, 0-1.
        chance: the probability of a false alarm among all cells together (Bonferroni's correction).

    Returns:
        The cells with newly wrong answers; worse are those with more of them than the turnover explains (binomial
        test) and those that have lost all.
    """
    cells: dict[str, _Pairs] = defaultdict(list)
    for item in items:
        if item.key in then and item.set in JUDGED:
            name = item.expected if item.set == "intents" else (item.part or item.set).replace("_", " ")
            cells[f"{name} in {item.language}"].append((item, then[item.key]))
    compared = []
    for name, pairs in sorted(cells.items()):
        lost = [now for now, before in pairs if before.right and not now.right]
        if lost:
            figure = _compared(name, "cells", pairs, len(lost), turnover, chance / len(cells))
            compared.append(figure)
    return compared


def judge_confusions(items: Sequence[Item], then: Mapping[str, Item], turnover: float, chance: float) -> list[Compared]:
    """Judges each confusion, all languages together: phrases of an intent that are newly taken for another one.

    Arguments and result as for `judge_cells`; the correction counts every confusion that could have grown.
    """
    intents: dict[str, _Pairs] = defaultdict(list)
    for item in items:
        if item.key in then and item.set == "intents":
            intents[item.expected].append((item, then[item.key]))
    possible = max(len(intents) * (len(intents) - 1), 1)
    compared = []
    for expected, pairs in sorted(intents.items()):
        taken_for: dict[str, int] = defaultdict(int)
        for now, before in pairs:
            if before.right and not now.right:
                taken_for[refusal_as_intent(now.got)] += 1
        for got, count in sorted(taken_for.items()):
            name = f"{expected} → {got}"
            compared.append(_compared(name, "confusions", pairs, count, turnover, chance / possible))
    return compared


def _compared(name: str, group: str, pairs: _Pairs, lost: int, turnover: float, allowed: float) -> Compared:
    right_then = sum(before.right for _, before in pairs)
    gained = sum(now.right and not before.right for now, before in pairs)
    chance = float(binom.sf(lost - 1, right_then, turnover))
    is_worse = chance <= allowed or lost == right_then >= FEWEST_LOST
    share_now = sum(now.right for now, _ in pairs) / len(pairs)
    return Compared(name, group, share_now, right_then / len(pairs), chance, lost, gained, is_worse, False)
