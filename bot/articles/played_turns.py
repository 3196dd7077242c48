"""Reads example conversations: what customers asked in them, and the passages that answer it (`data/turns.tsv`)."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.settings import get_settings

PLAYED_TURNS = "turns.tsv"
"""Name of the table of played turns in the data folder."""
MOST_ANSWERS = 2
"""A played turn is learned from with so many of the answers that fit it."""


class PlayedTurnError(ValueError):
    """The table of played turns cannot be used; the message says where, what is wrong and how to correct it."""


@dataclass(frozen=True)
class PlayedTurn:
    """A message of a played or written conversation: a question, or a wish for an issue's steps.

    Args:
        text: what was typed.
        issue: the issue that was answered last; empty where none was.
        answers: what answers it, the best first: passages as `issue/slug`, or steps alone as `issue/`.
        product: the customer's; empty where it was not known.
        language: ISO 639-1 code of the language it is in.
    """

    text: str
    issue: str
    answers: tuple[str, ...]
    product: str = ""
    language: str = ""

    @property
    def is_first(self) -> bool:
        """True for a message before which no issue was answered."""
        return not self.issue

    @property
    def best_issue(self) -> str:
        """The issue whose article answers it best."""
        return self.answers[0].partition("/")[0]

    @property
    def best_slug(self) -> str:
        """The slug of the passage that answers it best; empty for a wish for an issue's steps."""
        return self.answers[0].partition("/")[2]

    @property
    def wants_steps(self) -> bool:
        """True for a wish for an issue's steps: "and how do I cancel it, then?"."""
        return not self.best_slug


def read_played_turns(path: Path | None = None) -> list[PlayedTurn]:
    """Reads the turns that our articles answer.

    The table has the columns `issue`, `product`, `wants`, `passages` and `message`; `language` may be missing.

    Args:
        path: the table; by default the one in the data folder.

    Returns:
        The turns; none where there is no such table.

    Raises:
        PlayedTurnError: the table cannot be read, a column is missing, or a row is not whole.
    """
    path = path or get_settings().data_dir / PLAYED_TURNS
    if not path.exists():
        return []
    try:
        with path.open(encoding="utf8", newline="") as file:
            rows = list(csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE))
        for line, row in enumerate(rows, 2):
            if None in row.values() or not row["message"]:
                raise PlayedTurnError(f"{path}, line {line}: the row has no message; restore the table from git.")
        turns = [
            PlayedTurn(row["message"], row["issue"], tuple(_answers(row)), row["product"], row.get("language", ""))
            for row in rows
        ]
    except (OSError, KeyError, UnicodeError, csv.Error) as error:
        raise PlayedTurnError(f"{path}: {error!r}; restore the table from git.") from error
    return [turn for turn in turns if turn.answers]


def _answers(row: Mapping[str, str]) -> Iterator[str]:
    """Yields the passages of a question, and the issues of a wish for steps; else nothing."""
    for name in row["passages"].split():
        if row["wants"] == ("steps" if name.endswith("/") else "ask"):
            yield name
