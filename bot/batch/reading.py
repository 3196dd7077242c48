"""Reads tickets from CSV, JSON lines and Parquet, chunk by chunk; rows that cannot be read are rejected with a reason.

CSV and JSON lines are read by the standard library: pyarrow's readers give up on the whole file at the first row that
is not UTF-8 or not well-formed.
"""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import TextIOWrapper
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from bot.text.characters import readable

FORMATS = ("csv", "jsonl", "parquet")
# Rows that are triaged together. What a row's result is does not depend on its neighbours, but the last digit of a
# confidence may; so the number is the same on one machine and on a cluster.
CHUNK_ROWS = 2000
_SUFFIXES = {".csv": "csv", ".tsv": "csv", ".txt": "csv", ".jsonl": "jsonl", ".ndjson": "jsonl", ".parquet": "parquet"}
# Bytes of a line or characters of a field that are held in memory; what is longer is no ticket.
_LONGEST_RECORD = 2**24
# What bytes that are not UTF-8 have become; it cannot be written.
_HALF_CHARACTER = re.compile("[\ud800-\udfff]")

Cells = tuple[object, object] | str
"""A row's id and text (text or bytes), or why it cannot be read."""


class BatchError(RuntimeError):
    """The run cannot begin or go on; the message says why and what to do."""


@dataclass(frozen=True)
class Rejected:
    """A row without a result: its number from 1 (a header does not count), its id if that can be read, the reason."""

    row: int
    id: str
    reason: str


@dataclass(frozen=True)
class Row:
    """A row that can be triaged."""

    row: int
    id: str
    text: str


@dataclass(frozen=True)
class Chunk:
    """Neighbouring rows of the input; `number` is the chunk's, from 0."""

    number: int
    rows: tuple[Row, ...]
    rejected: tuple[Rejected, ...]
    # How much of the input has been read behind it: rows of a Parquet file, bytes of the others.
    position: int

    @property
    def label(self) -> str:
        """Name of the chunk in messages."""
        numbers = [*(row.row for row in self.rows), *(one.row for one in self.rejected)]
        return f"rows {min(numbers)} to {max(numbers)}"


@dataclass(frozen=True)
class Columns:
    """Columns of texts and ids, and the length in characters of the longest text that is taken for a ticket."""

    text: str = "text"
    # None takes `id` where there is such a column, else the number of the row.
    id: str | None = None
    longest: int = 10_000


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
    for number, part in enumerate(iter(lambda: list(islice(records, size)), [])):
        read = [_read_row(row, cells, columns.longest) for row, (_, cells) in part]
        rows = tuple(row for row in read if isinstance(row, Row))
        yield Chunk(number, rows, tuple(row for row in read if isinstance(row, Rejected)), part[-1][1][0])


def _read_row(row: int, cells: Cells, longest: int) -> Row | Rejected:
    if isinstance(cells, str):
        return Rejected(row, "", cells)
    cell, text = (cell.decode("utf8", "surrogateescape") if isinstance(cell, bytes) else cell for cell in cells)
    identity = str(row if cell is None else cell)
    if _HALF_CHARACTER.search(identity):
        return Rejected(row, "", "the id is not UTF-8")
    if text is None:
        reason = "no text"
    elif not isinstance(text, str):
        reason = f"the text is not a text but of the type {type(text).__name__}"
    elif _HALF_CHARACTER.search(text):
        reason = "the text is not UTF-8"
    elif not (text := readable(text)).strip():
        reason = "empty text"
    elif len(text) > longest:
        reason = f"too long: {len(text)} characters, at most {longest} are read (is a quotation mark not closed?)"
    else:
        return Row(row, identity, text)
    return Rejected(row, identity, reason)


def _read_csv(path: Path, columns: Columns) -> Iterator[tuple[int, Cells]]:
    csv.field_size_limit(_LONGEST_RECORD)
    with path.open("rb") as raw:
        lines = TextIOWrapper(raw, "utf-8-sig", errors="surrogateescape", newline="")
        head = lines.readline(_LONGEST_RECORD)
        if "\0" in head:
            problem = "is no CSV file in UTF-8; convert it, for example with `iconv -f UTF-16 -t UTF-8`."
            raise BatchError(f"{path}: {problem}")
        headers = {mark: [name.strip() for name in next(csv.reader([head], delimiter=mark), [])] for mark in ",;\t"}
        delimiter = next((mark for mark, names in headers.items() if columns.text in names), ",")
        width = len(headers[delimiter])
        text, identity = _places(path, headers[delimiter], columns)
        reader = csv.reader(lines, delimiter=delimiter)
        while True:
            try:
                record = next(reader, None)
            except csv.Error as error:
                yield raw.tell(), f"not well-formed: {error}"
                continue
            if record is None:
                return
            if record and len(record) != width:
                yield raw.tell(), f"not well-formed: {len(record)} fields, the header names {width}"
            elif record:  # none is a blank line
                yield raw.tell(), (record[identity] if identity is not None else None, record[text])


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
                else:
                    has_text = has_text or columns.text in record
                    yield stream.tell(), (record.get(columns.id or "id"), record.get(columns.text))
        if stream.tell() and not has_text:
            problem = f"no line is a JSON object with the field `{columns.text}`; --text-column names it."
            raise BatchError(f"{path}: {problem}")


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
    names = file.schema_arrow.names
    text, identity = _places(path, names, columns)
    wanted = [names[text]] if identity is None else [names[text], names[identity]]
    batches = file.iter_batches(batch_size=CHUNK_ROWS, columns=wanted)
    rows = (row for batch in batches for row in zip(*(_values(batch.column(name)) for name in wanted), strict=True))
    for position, row in enumerate(rows, start=1):
        yield position, (None if identity is None else row[1], row[0])


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
