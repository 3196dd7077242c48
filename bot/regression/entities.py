"""The held-out phrases with marked entities: `phrase with [value](entity) marks`, one a line."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

_MARK = re.compile(r"\[([^\]]+)\]\(([a-z_]+)\)")

Mark = tuple[str, int, int]


@dataclass(frozen=True)
class Phrase:
    """An annotated phrase: its plain text and its marks (entity, start, end)."""

    text: str
    marks: tuple[Mark, ...]


def read_phrases(path: Path) -> list[Phrase]:
    """Reads the annotated phrases of a file."""
    return [parse_phrase(line) for line in path.read_text(encoding="utf8").splitlines() if line.strip()]


def parse_phrase(line: str) -> Phrase:
    """Returns the plain text and the marks of an annotated line."""
    text, marks, position = "", [], 0
    for match in _MARK.finditer(line):
        text += line[position : match.start()]
        marks.append((match.group(2), len(text), len(text) + len(match.group(1))))
        text += match.group(1)
        position = match.end()
    return Phrase(text + line[position:], tuple(marks))


def without_stop(text: str, mark: Mark) -> Mark:
    """Returns a mark less the full stop at its end, which is no matter."""
    entity, start, end = mark
    return entity, start, end - (text[end - 1] == ".")


def found_marks(parsed: dict[str, Any]) -> set[Mark]:
    """Returns what a model has found in a text, the language aside, which has a set of its own."""
    marks = [(found["entity"], found["start"], found["end"]) for found in parsed["entities"]]
    return {without_stop(parsed["text"], mark) for mark in marks if mark[0] != "language"}
