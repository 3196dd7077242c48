"""CSV that leaves the bot holds no formula, whichever delimiter a spreadsheet is told to read it with."""

from __future__ import annotations

import csv
import io
import unicodedata
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.text.csv_cells import safe_cell, write_rows

PIECES = [
    *["=", "+", "-", "@", "＝", "＋", "－", "＠", "﹢", "=cmd|' /C calc'!A0", '=HYPERLINK("http://x.no")'],
    *[";", ",", "\t", "\n", "\r", "\r\n", "\v", "\x1e", "\x85", "\u2028", '"', '""', "'", " ", "\xa0", "\u3000"],
    *["\ufeff", "\u200b", "\xad", "\x00", "\x07", "\u0301", "\u3164", "5", "a", "kortet virker ikke"],
]
TEXTS = st.lists(st.sampled_from(PIECES) | st.text(max_size=3), max_size=8).map("".join)
CELLS = TEXTS | st.none() | st.integers(-9, 9) | st.floats(-9, 9) | st.booleans()


def written(*rows: list[Any]) -> str:
    stream = io.StringIO()
    write_rows(stream, rows)
    return stream.getvalue()


def is_formula(cell: str) -> bool:
    """Tells whether a spreadsheet may run a cell; it passes over blanks, quotation marks and what nobody sees."""
    unseen = {"Zs", "Zl", "Zp", "Cc", "Cf", "Cn", "Co", "Cs", "Mn", "Me"}
    seen = [char for char in cell if unicodedata.category(char) not in unseen and char not in '"\u3164']
    return cell[:1] in {"\t", "\r"} or seen[:1] in [[sign] for sign in "=+-@＝＋－＠"]


def cells(content: str, delimiter: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content, newline=""), delimiter=delimiter))


@pytest.mark.parametrize("delimiter", [",", ";", "\t"], ids=["comma", "semicolon", "tab"])
@pytest.mark.parametrize(
    "typed",
    [
        "=cmd",
        "a;=cmd",
        "a; \u200b=cmd",
        'a;"=cmd',
        "a\t=cmd",
        "a\n=cmd",
        "a\r\n+cmd",
        "＝cmd",
        "\ufeff@cmd",
        ' "-5+cmd',
        "\tcmd",
        "\rcmd",
        "\u2028=cmd",
    ],
    ids=ascii,
)
def test_a_formula_is_text_in_every_cell(typed: str, delimiter: str) -> None:
    content = written(["id", "summary"], [typed, typed], ["T1", typed], [typed, "T2"])
    assert [cell for row in cells(content, delimiter) for cell in row if is_formula(cell)] == []


@settings(max_examples=200, deadline=None)
@given(st.lists(st.lists(CELLS, min_size=1, max_size=4), min_size=1, max_size=4))
def test_no_cell_of_any_reading_is_a_formula(rows: list[list[Any]]) -> None:
    content = written(*rows)
    for delimiter in (";", "\t"):
        assert [cell for row in cells(content, delimiter) for cell in row if is_formula(cell)] == []
    read = cells(content, ",")
    assert [len(row) for row in read] == [len(row) for row in rows]
    for row, line in zip(rows, read, strict=True):
        for place, (value, cell) in enumerate(zip(row, line, strict=True)):
            is_number = isinstance(value, (int, float)) and place > 0
            assert cell == str(value) if is_number else not is_formula(cell)


@given(TEXTS)
def test_only_apostrophes_are_added_and_only_blanks_change(typed: str) -> None:
    cell = safe_cell(typed)
    assert "".join(cell.replace("'", "").split()) == "".join(typed.replace("'", "").replace("\0", "").split())
    assert safe_cell(cell) == cell


def test_ordinary_texts_and_numbers_stay_as_they_are() -> None:
    row = ["T-10001-K7QX3M", -5, -0.25, "kari@example.com", "100 - 50 = 50; takk", "a, -5", '{"text": "hei; du"}', None]
    (read,) = cells(written(row), ",")
    assert read == ["" if value is None else str(value) for value in row]
