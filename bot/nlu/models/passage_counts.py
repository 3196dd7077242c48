"""Counts which passages customers asked for in played conversations, with which product, and after which answers.

All say before a message is read what it may ask for: some passages are asked for often, most hardly ever, and after
the steps for a declined card people ask about other articles than after an invoice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bot.articles.parts import PRODUCTS
from bot.articles.played_turns import PlayedTurn
from bot.encoder.sentences import Floats

_FILE = "counts.npz"
_BY_CHANCE, _WITH_PRODUCT_BY_CHANCE = 16.0, 200.0
"""So many questions, shared out as on the whole, are added to those after each issue's answer, and of each product."""


@dataclass(frozen=True)
class PassageCounts:
    """Logarithms of counts: of questions for each passage, on the whole and of a product, and after an issue's answer.

    Args:
        asked: (labels,) logarithm of 1 + the number of times; 0 for an issue's steps.
        after: (issues, issues) logarithm of how many times as often as on the whole a passage of the second issue was
            asked for after an answer on the first.
        with_product: (products, labels) logarithm of how many times as often as on the whole customers with a product
            asked for a passage; 0 for steps.
    """

    asked: Floats
    after: Floats
    with_product: Floats

    @classmethod
    def learn(cls, labels: Sequence[str], turns: Sequence[PlayedTurn]) -> PassageCounts:
        """Counts the passages that were asked for, and their issues after each issue's answer.

        Args:
            labels: `issue/slug` of each passage and `issue/` of each issue's steps; the issues count in their order.
            turns: what was asked; a turn that several passages answer counts for each in equal parts.
        """
        issues = tuple(dict.fromkeys(label.partition("/")[0] for label in labels))
        times, by_issue = np.zeros(len(labels)), np.zeros((len(issues), len(issues)))
        by_product = np.zeros((len(PRODUCTS), len(labels)))
        place = {label: column for column, label in enumerate(labels) if not label.endswith("/")}
        for turn in turns:
            known = [passage for passage in turn.answers if passage in place]
            for passage in known:
                times[place[passage]] += 1 / len(known)
                if turn.product in PRODUCTS:
                    by_product[PRODUCTS.index(turn.product), place[passage]] += 1 / len(known)
                if turn.issue in issues:
                    about = issues.index(passage.partition("/")[0])
                    by_issue[issues.index(turn.issue), about] += 1 / len(known)
        after, with_product = _rates(by_issue, _BY_CHANCE, 1.0), _rates(by_product, _WITH_PRODUCT_BY_CHANCE, 0.5)
        with_product[:, [label.endswith("/") for label in labels]] = 0.0
        return cls(np.log1p(times).astype(np.float32), after, with_product)

    def save(self, folder: Path) -> None:
        """Writes it into a folder."""
        np.savez(folder / _FILE, **vars(self))

    @classmethod
    def load(cls, folder: Path) -> PassageCounts:
        """Reads what `save` wrote."""
        with np.load(folder / _FILE) as kept:
            return cls(kept["asked"], kept["after"], kept["with_product"])


def _rates(counts: NDArray[np.float64], by_chance: float, unseen: float) -> Floats:
    """Returns the logarithm of how many times as often as on the whole something was counted in each row.

    Args:
        counts: (rows, things).
        by_chance: so many are added to each row, shared out as on the whole.
        unseen: so many are added to each thing on the whole.
    """
    on_the_whole = counts.sum(axis=0) + unseen
    share = on_the_whole / on_the_whole.sum()
    rates = (counts + by_chance * share) / (counts.sum(axis=1, keepdims=True) + by_chance)
    return np.asarray(np.log(rates / share), np.float32)
