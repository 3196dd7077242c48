"""Writes CSV in which no cell is a formula, whichever delimiter it is opened with."""

from __future__ import annotations

import csv
import re
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any, TextIO

from bot.text.characters import is_seen

_LINE_ENDS = re.compile("\r\n?|[\v\f\x1c-\x1e\x85\u2028\u2029]")
# Behind which a cell begins, if another delimiter than the comma is chosen.
_CELL_ENDS = re.compile("([;\n])")
_FORMULA_SIGNS = tuple("=+-@")


def write_rows(stream: TextIO, rows: Iterable[Sequence[Any]]) -> None:
    """Writes rows as CSV; texts go through `safe_cell`.

    Args:
        stream: what is written to.
        rows: the rows, the header among them. Numbers stay as they are, but not at the beginning of a line: opened with
            another delimiter, that cell goes on with the texts behind it.
    """
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerows([_cell(place, value) for place, value in enumerate(row)] for row in rows)


def _cell(place: int, value: Any) -> Any:
    return value if value is None or (place and isinstance(value, (int, float))) else safe_cell(str(value))


def safe_cell(text: str) -> str:
    """Returns a text as a cell of CSV that no spreadsheet runs (OWASP: CSV injection).

    What begins with = + - @ or their full-width forms is a formula, after blanks and unseen characters, too; an
    apostrophe before the sign makes it text. Opened with another delimiter than the comma, a file has cells that begin
    behind semicolons and new lines within a text. Tabs become blanks, all line ends new lines.
    """
    clean = _LINE_ENDS.sub("\n", text).replace("\t", " ").replace("\0", " ")
    return "".join(map(_guarded, _CELL_ENDS.split(clean)))


def _guarded(piece: str) -> str:
    first = next((place for place, char in enumerate(piece) if is_seen(char) and char != '"'), None)
    if first is None or not unicodedata.normalize("NFKC", piece[first]).startswith(_FORMULA_SIGNS):
        return piece
    return f"{piece[:first]}'{piece[first:]}"
