"""The results of batch triage: columns, Arrow form of a chunk's results, output as CSV, JSON lines or Parquet, counts.

It also reads which article answers an issue in a language, for the results, and writes the rejected rows as CSV.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from io import TextIOWrapper
from itertools import chain, product
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from bot.articles.issues import load_issues
from bot.articles.parts import ArticleNotFound, ArticleStore, documents
from bot.articles.replies import Replies
from bot.batch.reading import Rejected
from bot.settings import get_settings
from bot.text.csv_cells import safe_cell, write_rows

_CONFIDENCES = ("confidence", "runner_up_confidence")
_COLUMNS = (
    "id intent confidence language runner_up runner_up_confidence second_issue product entities sentiment queue "
    "priority article_id article_url"
)
SCHEMA = pa.schema([(name, pa.float32() if name in _CONFIDENCES else pa.string()) for name in _COLUMNS.split()])
"""The columns of the result; `entities` is a JSON list of {entity, value, start, end}."""
_REJECTED = b"rejected"
COUNTED = ("intent", "language", "queue")
"""Columns whose values a summary counts."""

Links = dict[tuple[str, str], tuple[str, str | None]]
"""Issue and language of the answer -> the article's id and the address of its first document, if it has one."""


def read_links() -> Links:
    """Reads the articles of all issues, once for all workers: it takes some seconds."""
    articles = ArticleStore(get_settings().data_dir / "articles")
    links: Links = {}
    for intent, language in product(load_issues(), Replies().languages()):
        with suppress(ArticleNotFound):
            article = articles.article(intent, language)
            url = next((document.url for document in documents(article)), None)
            links[intent, language] = (f"{intent}/{article.language}", url)
    return links


def write_results(stream: BinaryIO, kind: str, batches: Iterable[pa.RecordBatch]) -> None:
    """Writes the result.

    Args:
        stream: what is written to; it is left open.
        kind: `csv` (without formulas), `jsonl` (confidences to seven digits, as many as they have) or `parquet`.
        batches: rows with the columns of SCHEMA.
    """
    if kind == "parquet":
        with pq.ParquetWriter(stream, SCHEMA, compression="zstd") as writer:
            for batch in batches:
                writer.write_batch(batch)
    elif kind == "csv":
        with pyarrow.csv.CSVWriter(stream, SCHEMA) as writer:
            for batch in batches:
                writer.write_batch(pa.RecordBatch.from_arrays(list(map(_safe, batch.columns)), schema=SCHEMA))
    else:
        for record in (record for batch in batches for record in batch.to_pylist()):
            record["entities"] = json.loads(record["entities"])
            record.update({name: float(f"{record[name]:.7g}") for name in _CONFIDENCES if record[name] is not None})
            stream.write(json.dumps(record, ensure_ascii=False).encode() + b"\n")


def _safe(column: pa.Array) -> pa.Array:
    if not pa.types.is_string(column.type):
        return column
    return pa.array([value and safe_cell(value) for value in column.to_pylist()], column.type)


def pack(batch: pa.RecordBatch, rejected: Sequence[Rejected]) -> bytes:
    """Returns the result of a chunk as one Arrow file, the rows without a result in its metadata."""
    metadata = {_REJECTED: json.dumps([asdict(one) for one in rejected], ensure_ascii=False).encode()}
    sink = pa.BufferOutputStream()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_file(sink, SCHEMA.with_metadata(metadata), options=options) as file:
        file.write_batch(batch)
    return bytes(sink.getvalue())


def unpack(path: Path) -> tuple[pa.RecordBatch, list[Rejected]]:
    """Reads what `pack` made of a chunk."""
    with pa.memory_map(str(path)) as source, pa.ipc.open_file(source) as file:
        rejected = [Rejected(**one) for one in json.loads(file.schema.metadata[_REJECTED])]
        return file.get_batch(0).replace_schema_metadata(), rejected


def write_rejected(stream: BinaryIO, rejected: Iterable[Rejected]) -> None:
    """Writes rows without a result as CSV: row, id, reason."""
    text = TextIOWrapper(stream, encoding="utf8", newline="")
    write_rows(text, chain([("row", "id", "reason")], ((one.row, one.id, one.reason) for one in rejected)))
    text.detach()


@dataclass
class Summary:
    """Counts of a run's results."""

    rows: int = 0
    rejected: int = 0
    counts: Mapping[str, Counter[str]] = field(default_factory=lambda: {name: Counter() for name in COUNTED})

    def add(self, batch: pa.RecordBatch, rejected: int) -> None:
        """Counts some results, and rows without one."""
        self.rows += batch.num_rows
        self.rejected += rejected
        for name, counter in self.counts.items():
            counter.update(batch.column(name).to_pylist())

    def show(self, console: Console) -> None:
        """Prints the counts."""
        for name, counter in self.counts.items():
            table = Table(name, "tickets", "share")
            for value, count in counter.most_common():
                table.add_row(value, f"{count:,}", f"{count / self.rows:.1%}")
            console.print(table)
        console.print(f"{self.rows:,} tickets triaged, {self.rejected:,} rows rejected.")
