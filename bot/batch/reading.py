"""Reads tickets from CSV, JSON lines and Parquet, chunk by chunk; what cannot be read is turned away with a reason.

CSV and JSON lines are read by the standard library: pyarrow's readers give up on the whole file at the first row that
is not UTF-8 or not well-formed.
"""

from __future__ import annotations

import csv
import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from bot.batch.rows import CHUNK_ROWS, BatchError, Chunk, Rejected, Row
from bot.text.characters import readable

FORMATS = ("csv", "jsonl", "parquet")
_SUFFIXES = {".csv": "csv", ".tsv": "csv", ".txt": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}
_DELIMITERS = ",;\t"
_LONGEST_RECORD = 2**24
"""Bytes of a line or characters of a field that are held in memory; what is longer is no ticket."""

Cells = tuple[object, object] | str
"""A row's id and text (text or bytes), or why it cannot be read."""


@dataclass(frozen=True)
class Columns:
    """Where the texts are and which of them are read."""

    text: str = "text"
    id: str | None = None
    """None takes `id` where there is such a column, else the number of the row."""
    longest: int = 10_000
    """Characters of the longest text that is taken for a ticket."""


def format_of(path: Path, named: str | None = None) -> str:
    """Returns the format of a file: the one that is named, or the one that its suffix tells.

    Raises:
        BatchError: neither tells it.
    """
    found = named or _SUFFIXES.get(path.suffix.lower())
    if found is None:
        raise BatchError(f"{path}: the format cannot be told from the name; name it: {', '.join(FORMATS)}.")
    return found


def total_of(path: Path, kind: str) -> int:
    """Returns how much there is to read: rows of a Parquet file, bytes of the others.

    Raises:
        BatchError: the file is not of this format.
    """
    return int(_parquet(path).metadata.num_rows) if kind == "parquet" else path.stat().st_size


def read_chunks(path: Path, kind: str, columns: Columns, size: int = CHUNK_ROWS) -> Iterator[Chunk]:
    """Yields the file's rows in chunks; at most one chunk is in memory.

    Args:
        path: the file.
        kind: one of FORMATS.
        columns: where the texts are.
        size: rows a chunk.

    Raises:
        BatchError: the file is not of this format or lacks a column.
    """
    readers = {"csv": _read_csv, "jsonl": _read_json_lines, "parquet": _read_parquet}
    records = enumerate(readers[kind](path, columns), start=1)
    read = ((_read_row(row, cells, columns.longest), position) for row, (position, cells) in records)
    for number in itertools.count():
        part = list(itertools.islice(read, size))
        if not part:
            return
        rows = tuple(row for row, _ in part if isinstance(row, Row))
        rejected = tuple(row for row, _ in part if isinstance(row, Rejected))
        yield Chunk(number, rows, rejected, part[-1][1])


def _read_row(row: int, cells: Cells, longest: int) -> Row | Rejected:
    if isinstance(cells, str):
        return Rejected(row, "", cells)
    cell, text = (cell.decode("utf8", "surrogateescape") if isinstance(cell, bytes) else cell for cell in cells)
    identity = str(row if cell is None else cell)
    if not _is_utf8(identity):
        return Rejected(row, "", "the id is not UTF-8")
    reason = ""
    if text is None:
        reason = "no text"
    elif not isinstance(text, str):
        reason = f"the text is not a text but of the type {type(text).__name__}"
    elif not _is_utf8(text):
        reason = "the text is not UTF-8"
    elif not (text := readable(text)).strip():
        reason = "empty text"
    elif len(text) > longest:
        reason = f"too long: {len(text)} characters, at most {longest} are read (is a quotation mark not closed?)"
    return Rejected(row, identity, reason) if reason else Row(row, identity, str(text))


def _is_utf8(text: str) -> bool:
    """Tells whether a text can be written as UTF-8: bytes that were none have become half characters."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _read_csv(path: Path, columns: Columns) -> Iterator[tuple[int, Cells]]:
    csv.field_size_limit(_LONGEST_RECORD)
    with path.open("rb") as raw:
        lines = TextIOWrapper(raw, "utf-8-sig", errors="surrogateescape", newline="")
        head = lines.readline(_LONGEST_RECORD)
        if "\0" in head:
            raise BatchError(
                f"{path}: is no CSV file in UTF-8; convert it, for example with `iconv -f UTF-16 -t UTF-8`."
            )
        delimiter = next((mark for mark in _DELIMITERS if columns.text in _header(head, mark)), ",")
        names = _header(head, delimiter)
        text, identity = _places(path, names, columns)
        reader = csv.reader(lines, delimiter=delimiter)
        while True:
            try:
                record = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                yield raw.tell(), f"not well-formed: {error}"
                continue
            if record and len(record) != len(names):
                yield raw.tell(), f"not well-formed: {len(record)} fields, the header names {len(names)}"
            elif record:  # none is a blank line
                yield raw.tell(), (record[identity] if identity is not None else None, record[text])


def _header(line: str, delimiter: str) -> list[str]:
    return [name.strip() for name in next(csv.reader([line], delimiter=delimiter), [])]


def _places(path: Path, names: Sequence[str], columns: Columns) -> tuple[int, int | None]:
    """Returns the places of the texts and of the ids, None for the ids where there are none."""
    for wanted, option in ((columns.text, "--text-column"), (columns.id, "--id-column")):
        if wanted is not None and wanted not in names:
            shown = ", ".join(names[:20]) or "none"
            raise BatchError(f"{path}: there is no column `{wanted}`; {option} names one of those there are: {shown}.")
    identity = columns.id or "id"
    return names.index(columns.text), names.index(identity) if identity in names else None


def _read_json_lines(path: Path, columns: Columns) -> Iterator[tuple[int, Cells]]:
    has_text = False
    with path.open("rb") as stream:
        while line := stream.readline(_LONGEST_RECORD):
            if len(line) == _LONGEST_RECORD and not line.endswith(b"\n"):
                while line and not line.endswith(b"\n"):  # passes over the rest
                    line = stream.readline(_LONGEST_RECORD)
                yield stream.tell(), f"too long: a line of more than {_LONGEST_RECORD} bytes"
            elif line.strip():
                record = _json_object(line.removeprefix(b"\xef\xbb\xbf"))
                if isinstance(record, str):
                    yield stream.tell(), record
                    continue
                has_text = has_text or columns.text in record
                yield stream.tell(), (record.get(columns.id or "id"), record.get(columns.text))
        if stream.tell() and not has_text:
            raise BatchError(
                f"{path}: no line is a JSON object with the field `{columns.text}`; --text-column names it."
            )


def _json_object(line: bytes) -> dict[str, Any] | str:
    """Returns a line's object, or why it is none."""
    try:
        record: Any = json.loads(line)
    except UnicodeDecodeError:
        return "the line is not UTF-8"
    except (ValueError, RecursionError) as error:
        return f"not well-formed: {error}"
    return record if isinstance(record, dict) else "not a JSON object"


def _read_parquet(path: Path, columns: Columns) -> Iterator[tuple[int, Cells]]:
    file = _parquet(path)
    text, identity = _places(path, file.schema_arrow.names, columns)
    names = [file.schema_arrow.names[place] for place in (text, identity) if place is not None]
    position = 0
    for batch in file.iter_batches(batch_size=CHUNK_ROWS, columns=names):
        texts = _values(batch.column(names[0]))
        ids = _values(batch.column(names[1])) if identity is not None else [None] * len(texts)
        for cells in zip(ids, texts, strict=True):
            position += 1
            yield position, cells


def _values(column: pa.Array) -> list[object]:
    """Returns the values; texts as bytes, as a file may hold what is not UTF-8."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        column = column.cast(pa.large_binary())
    return list(column.to_pylist())


def _parquet(path: Path) -> pq.ParquetFile:
    try:
        return pq.ParquetFile(path)
    except pa.ArrowInvalid as error:
        raise BatchError(f"{path}: is no Parquet file ({error}); name its format with --input-format.") from error
