"""Reads the messages that people wrote, and the held-out sets in their style; none of them is ever trained on."""

from __future__ import annotations

import csv
import hashlib
from dataclasses import dataclass
from pathlib import Path

from bot.articles.examples import read_lines
from bot.regression.measure import HELD_OUT
from bot.settings import PROJECT_ROOT

DEV = PROJECT_ROOT.parent / "shared" / "people" / "dev.tsv"
REAL_STYLE = HELD_OUT / "real_style"
OUT_OF_SCOPE = "out_of_scope"
_NONE = "-"


@dataclass(frozen=True)
class LabelledMessage:
    """A message and what careful readers say that it means."""

    text: str
    language: str
    intent: str
    also: frozenset[str] = frozenset()
    """Other intents that a careful reader accepts."""

    @property
    def key(self) -> str:
        """A number for the text, so that stored runs need not hold it."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:16]

    @property
    def in_scope(self) -> bool:
        """Whether the bot should help."""
        return self.intent != OUT_OF_SCOPE

    @property
    def is_clear(self) -> bool:
        """Whether all readers agree on whether the bot should help."""
        return not self.also if not self.in_scope else OUT_OF_SCOPE not in self.also


def read_people(path: Path = DEV) -> list[LabelledMessage]:
    """Reads messages with the columns language, intent, also_acceptable and text.

    Raises:
        FileNotFoundError: they are not on this machine.
    """
    with path.open(encoding="utf8", newline="") as stream:
        rows = list(csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))
    return [
        LabelledMessage(
            row["text"],
            row["language"],
            row["intent"],
            frozenset(name.strip() for name in row["also_acceptable"].split(",")) - {_NONE, ""},
        )
        for row in rows
    ]


def read_real_style(folder: Path = REAL_STYLE) -> list[LabelledMessage]:
    """Reads the held-out messages in the style of real ones, one file a language, lines of intent and text."""
    return [
        LabelledMessage(example.text, example.language, example.intent)
        for path in sorted(folder.glob("*.tsv"))
        for example in read_lines(path)
    ]
