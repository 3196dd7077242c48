"""Reading tickets: formats, columns, and rows that are turned away with a reason."""

from __future__ import annotations

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from bot.batch.reading import BatchError, Columns, format_of, read_chunks

GOOD = [("a", "Kortet ble avvist"), ("b", "line one\nline two"), ("c", "päätös, €")]


def rows_of(path: Path, columns: Columns | None = None) -> tuple[list[tuple[str, str]], list[tuple[int, str, str]]]:
    chunks = list(read_chunks(path, format_of(path), columns or Columns(), size=2))
    assert [chunk.number for chunk in chunks] == list(range(len(chunks)))
    return (
        [(row.id, row.text) for chunk in chunks for row in chunk.rows],
        [(one.row, one.id, one.reason) for chunk in chunks for one in chunk.rejected],
    )


@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_csv_is_read_whatever_its_delimiter_and_with_a_byte_order_mark(mark: str, tmp_path: Path) -> None:
    path = tmp_path / "tickets.csv"
    lines = [f"id{mark}text"] + [f'{name}{mark}"{text}"' for name, text in GOOD]
    path.write_text("\n".join(lines), encoding="utf-8-sig")
    assert rows_of(path) == (GOOD, [])


def test_csv_rows_that_cannot_be_read_are_told_apart_with_row_id_and_reason(tmp_path: Path) -> None:
    path = tmp_path / "tickets.csv"
    path.write_bytes(b"id,text\n1,good\n2,caf\xe9\n3,\n4\n5,  \n6," + b"x" * 60 + b"\n\n7,also good\n8,a,b\n")
    good, rejected = rows_of(path, Columns(longest=50))
    assert good == [("1", "good"), ("7", "also good")]
    assert [(row, name) for row, name, _ in rejected] == [(2, "2"), (3, "3"), (4, ""), (5, "5"), (6, "6"), (8, "")]
    for (_, _, reason), words in zip(
        rejected, ("UTF-8", "empty", "1 fields", "empty", "too long: 60", "3 fields"), strict=True
    ):
        assert words in reason


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_characters_that_no_file_can_hold_are_left_out_of_texts(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"tickets.{suffix}"
    texts = ["card\ufffe declined\uffff", "line one\r\nline\x07 two", "\ufdd0"]
    if suffix == "csv":
        content = "id,text\n" + "".join(f'{number},"{text}"\n' for number, text in enumerate(texts))
    else:
        content = "".join(json.dumps({"id": number, "text": text}) + "\n" for number, text in enumerate(texts))
    path.write_text(content, encoding="utf8", newline="")
    # A blank for each control character: places of what is named in a text stay where they are.
    assert rows_of(path) == ([("0", "card declined"), ("1", "line one \nline  two")], [(3, "2", "empty text")])


def test_json_lines_that_cannot_be_read_are_told_apart(tmp_path: Path) -> None:
    path = tmp_path / "tickets.jsonl"
    path.write_bytes(
        b'{"id": 7, "text": "good"}\n{"text": "no id"}\n{"id": 8}\nnonsense\n["a"]\n{"id": 9, "text": 5}\n'
        b'{"id": 10, "text": "\\ud800"}\n{"id": 11, "text": "\xff"}\n'
    )
    good, rejected = rows_of(path)
    assert good == [("7", "good"), ("2", "no id")]
    for (_, _, reason), words in zip(
        rejected, ("no text", "not well-formed", "JSON object", "type int", "UTF-8", "UTF-8"), strict=True
    ):
        assert words in reason


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string(), pa.dictionary(pa.int32(), pa.string())])
def test_parquet_is_read_whatever_the_type_of_its_texts(kind: pa.DataType, tmp_path: Path) -> None:
    path = tmp_path / "tickets.parquet"
    texts = pa.array([*(text for _, text in GOOD), None]).cast(kind)
    pq.write_table(pa.table({"number": [1, 2, 3, 4], "body": texts}), path)
    good, rejected = rows_of(path, Columns(text="body", id="number"))
    assert good == [(str(place), text) for place, (_, text) in enumerate(GOOD, start=1)]
    assert rejected == [(4, "4", "no text")]


@pytest.mark.parametrize("suffix", ["csv", "jsonl"])
def test_a_missing_column_is_told_with_the_option_that_names_it(suffix: str, tmp_path: Path) -> None:
    path = tmp_path / f"tickets.{suffix}"
    path.write_text("id,body\n1,x\n" if suffix == "csv" else '{"id": 1, "body": "x"}\n')
    with pytest.raises(BatchError, match="--text-column"):
        rows_of(path)


def test_a_file_that_is_not_of_its_format_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "tickets.parquet"
    path.write_text("id,text\n")
    with pytest.raises(BatchError, match="no Parquet file"):
        rows_of(path)
    utf16 = tmp_path / "tickets.csv"
    utf16.write_text("id,text\n1,x\n", encoding="utf-16")
    with pytest.raises(BatchError, match="UTF-8"):
        rows_of(utf16)


def test_a_format_that_the_name_does_not_tell_must_be_named() -> None:
    assert format_of(Path("x.NDJSON")) == "jsonl"
    assert format_of(Path("-"), "csv") == "csv"
    with pytest.raises(BatchError, match="parquet"):
        format_of(Path("tickets.xls"))
