"""A whole run: read, share out, keep parts, put them together, count."""

from __future__ import annotations

import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
from tqdm import tqdm

from bot.batch.links import read_links
from bot.batch.parts import Parts, digest_of
from bot.batch.reading import Columns, read_chunks, total_of
from bot.batch.rows import CHUNK_ROWS, BatchError, Chunk
from bot.batch.summary import Summary
from bot.batch.tables import unpack, write_rejected, write_results
from bot.batch.workers import Model, begin_to_load, on_cluster, on_this_machine
from bot.files import written_whole

STREAM = Path("-")
_FORMAT = 1
"""Of the parts; another number makes those of earlier versions useless."""


@dataclass(frozen=True)
class Plan:
    """What a run is to do."""

    source: Path
    """The input; `-` for standard input."""
    output: Path
    """The result; `-` for standard output."""
    model: Path
    source_format: str
    output_format: str
    columns: Columns
    rejects: Path | None = None
    """Where rows without a result go; None takes a file beside the output, or standard error."""
    force: bool = False
    """Whether what is there already is thrown away."""
    processes: int = 1
    scheduler: str | None = None
    """Address of a Dask scheduler; None takes processes of this machine."""
    chunk_rows: int = CHUNK_ROWS
    progress: bool | None = None
    """Whether a bar is drawn; None draws it on a terminal."""

    @property
    def rejects_path(self) -> Path:
        """Where rows without a result go; `-` for standard error."""
        if self.rejects is not None or self.output == STREAM:
            return self.rejects or STREAM
        return self.output.with_name(f"{self.output.stem}.rejected.csv")


def triage_file(plan: Plan) -> Summary:
    """Triages a file; what an earlier, interrupted call with the same plan has done is not done again.

    Raises:
        BatchError: the run cannot begin or go on.
        OSError: a file cannot be read or written.
    """
    for path in (plan.output, plan.rejects_path):
        if path != STREAM and path.exists() and not plan.force:
            raise BatchError(f"{path} is there already; --force overwrites it.")
        if STREAM not in {path, plan.source} and path.resolve() == plan.source.resolve():
            raise BatchError(f"{path} is the input; name another file.")
    with ExitStack() as stack:
        if plan.output == STREAM:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        else:
            folder = plan.output.with_name(plan.output.name + ".parts")
        parts = stack.enter_context(Parts(folder).opened())
        source = plan.source
        if source == STREAM:
            source = folder / "input"
            with source.open("wb") as copy:
                shutil.copyfileobj(sys.stdin.buffer, copy, 2**20)
        model = Model.at(plan.model)
        if plan.scheduler is None:
            begin_to_load(model)
        parts.begin(
            {
                "format": _FORMAT,
                "input": {"size": source.stat().st_size, "sha256": digest_of(source), "format": plan.source_format},
                "model": {"name": plan.model.name, "sha256": model.digest},
                "columns": asdict(plan.columns),
                "chunk_rows": plan.chunk_rows,
            },
            plan.force,
        )
        _understand(plan, source, model, parts)
        summary = _put_together(plan, parts)
        if plan.output != STREAM:
            parts.remove()
    return summary


def _understand(plan: Plan, source: Path, model: Model, parts: Parts) -> None:
    """Sees to it that there is a part for each chunk."""
    layout = "{percentage:3.0f}%|{bar}| {elapsed}, {remaining} left{postfix}"
    hidden = None if plan.progress is None else not plan.progress
    total = total_of(source, plan.source_format)
    with tqdm(total=total, bar_format=layout, disable=hidden, file=sys.stderr) as bar:
        chunks = _unfinished(read_chunks(source, plan.source_format, plan.columns, plan.chunk_rows), parts, bar)
        links = read_links()
        if plan.scheduler is None:
            results = on_this_machine(chunks, model, links, plan.processes)
        else:
            results = on_cluster(chunks, model, links, plan.scheduler)
        rows = 0
        for chunk, result in results:
            with written_whole(parts.path(chunk.number)) as stream:
                stream.write(result)
            rows += chunk.size
            elapsed = bar.format_dict["elapsed"] or 1e-9
            bar.set_postfix_str(f"{rows / elapsed:,.0f} tickets/s", refresh=False)
            _advance(bar, chunk)


def _unfinished(chunks: Iterator[Chunk], parts: Parts, bar: Any) -> Iterator[Chunk]:
    """Yields the chunks that are still to be done."""
    for chunk in chunks:
        if parts.path(chunk.number).exists():
            _advance(bar, chunk)
        else:
            yield chunk


def _advance(bar: Any, chunk: Chunk) -> None:
    bar.update(max(0, chunk.position - bar.n))  # chunks are not done in their order


def _put_together(plan: Plan, parts: Parts) -> Summary:
    """Writes the result and the rejected rows, each wholly or not at all."""
    summary = Summary()

    def batches() -> Iterator[pa.RecordBatch]:
        for path in parts.in_order():
            batch, rejected = unpack(path)
            summary.add(batch, len(rejected))
            yield batch

    with _opened(plan.output, sys.stdout.buffer) as stream:
        write_results(stream, plan.output_format, batches())
        if summary.rejected:
            with _opened(plan.rejects_path, sys.stderr.buffer) as rejects:
                write_rejected(rejects, (one for path in parts.in_order() for one in unpack(path)[1]))
        elif plan.rejects_path != STREAM:
            plan.rejects_path.unlink(missing_ok=True)  # of an earlier run, which --force has given up
    return summary


@contextmanager
def _opened(path: Path, standard_stream: BinaryIO) -> Iterator[BinaryIO]:
    """Opens a file that takes its place when all of it is written, or the standard stream for `-`."""
    if path == STREAM:
        yield standard_stream
        standard_stream.flush()
        return
    with written_whole(path) as stream:
        yield stream
