"""Counts which passages customers asked for in played conversations, and after which answers.

Both say before a message is read what it may ask for: some passages are asked for often, most hardly ever, and after
the steps for a declined card people ask about other articles than after an invoice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from bot.encoder.sentences import Floats
from bot.nlu.models.played_turns import PlayedTurn

_FILE = "counts.npz"
_BY_CHANCE = 16.0
"""So many questions, shared out as on the whole, are added to those after each issue's answer."""


@dataclass(frozen=True)
class PassageCounts:
    """Logarithms of two counts: of questions for each passage, and of questions for each issue after another's answer.

    Args:
        asked: (labels,) logarithm of 1 + the number of times; 0 for an issue's steps.
        after: (issues, issues) logarithm of how many times as often as on the whole a passage of the second issue was
            asked for after an answer on the first.
    """

    asked: Floats
    after: Floats

    @classmethod
    def learn(cls, labels: Sequence[str], turns: Sequence[PlayedTurn]) -> PassageCounts:
        """Counts the passages that were asked for, and their issues after each issue's answer.

        Args:
            labels: `issue/slug` of each passage and `issue/` of each issue's steps; the issues count in their order.
            turns: what was asked; a turn that several passages answer counts for each in equal parts.
        """
        issues = tuple(dict.fromkeys(label.partition("/")[0] for label in labels))
        times, by_issue = np.zeros(len(labels)), np.zeros((len(issues), len(issues)))
        place = {label: column for column, label in enumerate(labels) if not label.endswith("/")}
        for turn in turns:
            known = [passage for passage in turn.answers if passage in place]
            for passage in known:
                times[place[passage]] += 1 / len(known)
                if turn.issue in issues:
                    about = issues.index(passage.partition("/")[0])
                    by_issue[issues.index(turn.issue), about] += 1 / len(known)
        on_the_whole = by_issue.sum(axis=0) + 1
        share = on_the_whole / on_the_whole.sum()
        after = (by_issue + _BY_CHANCE * share) / (by_issue.sum(axis=1, keepdims=True) + _BY_CHANCE)
        return cls(np.log1p(times).astype(np.float32), np.log(after / share).astype(np.float32))

    def save(self, folder: Path) -> None:
        """Writes it into a folder."""
        np.savez(folder / _FILE, asked=self.asked, after=self.after)

    @classmethod
    def load(cls, folder: Path) -> PassageCounts:
        """Reads what `save` wrote."""
        with np.load(folder / _FILE) as kept:
            return cls(kept["asked"], kept["after"])
