"""The table of results: its columns, the parts that a run keeps until it is done, the files that it is written to."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from io import StringIO
from pathlib import Path
from typing import Any, BinaryIO, Protocol

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq

from bot.batch.rows import Rejected
from bot.text.csv_cells import safe_cell, write_rows

SCHEMA = pa.schema(
    [
        pa.field("id", pa.string()),
        pa.field("intent", pa.string()),
        pa.field("confidence", pa.float32()),
        pa.field("language", pa.string()),
        pa.field("runner_up", pa.string()),
        pa.field("runner_up_confidence", pa.float32()),
        pa.field("second_issue", pa.string()),
        pa.field("product", pa.string()),
        pa.field("entities", pa.string()),
        pa.field("sentiment", pa.string()),
        pa.field("queue", pa.string()),
        pa.field("priority", pa.string()),
        pa.field("article_id", pa.string()),
        pa.field("article_url", pa.string()),
    ]
)
"""The columns of the result; `entities` is a JSON list of {entity, value, start, end}."""
_REJECTED = b"rejected"


class Writer(Protocol):
    """Takes the result batch by batch."""

    def write_batch(self, batch: pa.RecordBatch) -> None:
        """Writes some rows."""

    def close(self) -> None:
        """Writes what belongs at the end."""


class _JsonLines:
    def __init__(self, stream: BinaryIO) -> None:
        self._stream = stream

    def write_batch(self, batch: pa.RecordBatch) -> None:
        """Writes a line a row; confidences to seven digits, as many as they have."""
        for record in batch.to_pylist():
            record["entities"] = json.loads(record["entities"])
            for name in ("confidence", "runner_up_confidence"):
                record[name] = None if record[name] is None else float(f"{record[name]:.7g}")
            self._stream.write(json.dumps(record, ensure_ascii=False).encode() + b"\n")

    def close(self) -> None:
        """Leaves the stream open: it is its owner's."""


class _Csv:
    def __init__(self, stream: BinaryIO) -> None:
        self._writer = pyarrow.csv.CSVWriter(stream, SCHEMA)

    def write_batch(self, batch: pa.RecordBatch) -> None:
        """Writes a line a row, without formulas."""
        self._writer.write_batch(pa.RecordBatch.from_arrays(list(map(_safe, batch.columns)), schema=SCHEMA))

    def close(self) -> None:
        """Writes what is left."""
        self._writer.close()


def _safe(column: pa.Array) -> pa.Array:
    if not pa.types.is_string(column.type):
        return column
    return pa.array([value and safe_cell(value) for value in column.to_pylist()], column.type)


@contextmanager
def writer(stream: BinaryIO, kind: str) -> Iterator[Writer]:
    """Opens a writer of the result.

    Args:
        stream: what is written to.
        kind: `csv`, `jsonl` or `parquet`.
    """
    opened: Writer
    if kind == "parquet":
        opened = pq.ParquetWriter(stream, SCHEMA, compression="zstd")
    elif kind == "csv":
        opened = _Csv(stream)
    else:
        opened = _JsonLines(stream)
    try:
        yield opened
    finally:
        opened.close()


def pack(batch: pa.RecordBatch, rejected: Sequence[Rejected]) -> bytes:
    """Returns the result of a chunk as one Arrow file, the rows without a result in its metadata."""
    told = json.dumps([asdict(one) for one in rejected], ensure_ascii=False).encode()
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_file(sink, SCHEMA.with_metadata({_REJECTED: told}), options=options) as file:
        file.write_batch(batch)
    return bytes(sink.getvalue())


def unpack(path: Path) -> tuple[list[pa.RecordBatch], list[Rejected]]:
    """Reads what `pack` made of a chunk."""
    with pa.memory_map(str(path)) as source, pa.ipc.open_file(source) as file:
        told: list[dict[str, Any]] = json.loads(file.schema.metadata[_REJECTED])
        batches = [
            pa.RecordBatch.from_arrays(file.get_batch(index).columns, schema=SCHEMA)
            for index in range(file.num_record_batches)
        ]
    return batches, [Rejected(**one) for one in told]


def write_rejected(stream: BinaryIO, rejected: Iterable[Rejected], with_header: bool) -> None:
    """Writes rows without a result as CSV: row, id, reason."""
    written = StringIO()
    header = [("row", "id", "reason")] if with_header else []
    write_rows(written, [*header, *((one.row, one.id, one.reason) for one in rejected)])
    stream.write(written.getvalue().encode())
