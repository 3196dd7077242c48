"""Triages a file of tickets chunk by chunk, writes the results and the rejected rows, and returns counts.

Each finished chunk is kept in a folder beside the output until all are done, so that the same command goes on after an
interruption; where the output is standard output, it begins anew.
"""

from __future__ import annotations

import fcntl
import json
import shutil
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, nullcontext
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO

import pyarrow as pa
from tqdm import tqdm

from bot.batch.reading import CHUNK_ROWS, BatchError, Chunk, Columns, read_chunks, total_of
from bot.batch.tables import Summary, read_links, unpack, write_rejected, write_results
from bot.batch.workers import Model, begin_to_load, on_cluster, on_this_machine, understand
from bot.files import sha256_of, written_whole

STREAM = Path("-")
# Of the parts; another number makes those of earlier versions useless.
_FORMAT = 1


@dataclass(frozen=True)
class Plan:
    """Options of a run; `-` as source or output is standard input or output."""

    source: Path
    output: Path
    model: Path
    source_format: str
    output_format: str
    columns: Columns
    # Where rows without a result go; None takes a file beside the output, or standard error.
    rejects: Path | None = None
    # Whether what is there already is thrown away.
    force: bool = False
    processes: int = 1
    # Address of a Dask scheduler; None takes processes of this machine.
    scheduler: str | None = None
    chunk_rows: int = CHUNK_ROWS

    @property
    def rejects_path(self) -> Path:
        """File for rows without a result; `-` for standard error."""
        beside = self.output.with_name(f"{self.output.stem}.rejected.csv")
        return self.rejects or (STREAM if self.output == STREAM else beside)


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
            folder.mkdir(parents=True, exist_ok=True)
        lock = stack.enter_context((folder / "lock").open("wb"))
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise BatchError(f"{folder}: another run is at work on this output; wait for it.") from error
        source = plan.source
        if source == STREAM:
            source = folder / "input"
            with source.open("wb") as copy:
                shutil.copyfileobj(sys.stdin.buffer, copy, 2**20)
        model = Model.at(plan.model)
        if plan.scheduler is None:
            begin_to_load(model)
        about = {
            "format": _FORMAT,
            "input": {"size": source.stat().st_size, "sha256": sha256_of(source), "format": plan.source_format},
            "model": {"name": plan.model.name, "sha256": model.digest},
            "columns": asdict(plan.columns),
            "chunk_rows": plan.chunk_rows,
        }
        _begin(folder, about, plan.force)
        _triage_chunks(plan, source, model, folder)
        summary = _put_together(plan, folder)
        if plan.output != STREAM:
            shutil.rmtree(folder)
    return summary


def _begin(folder: Path, about: Mapping[str, Any], force: bool) -> None:
    """Makes sure that the parts in a folder belong to this run.

    Args:
        folder: where the parts are.
        about: what the results depend on: input, model, options.
        force: whether parts of another run are thrown away.

    Raises:
        BatchError: they belong to another one.
    """
    path = folder / "manifest.json"
    if path.exists():
        known = json.loads(path.read_text(encoding="utf8"))
        if known == about:
            return
        if not force:
            changed = ", ".join(sorted(key for key in about if known.get(key) != about[key]))
            raise BatchError(f"{folder}: has parts of another run (different: {changed}); --force throws them away.")
        for part in folder.glob("*.arrow"):
            part.unlink()
    with written_whole(path) as stream:
        stream.write(json.dumps(about, indent=1).encode())


def _triage_chunks(plan: Plan, source: Path, model: Model, folder: Path) -> None:
    """Sees to it that there is a part for each chunk."""
    layout = "{percentage:3.0f}%|{bar}| {elapsed}, {remaining} left"
    with tqdm(total=total_of(source, plan.source_format), bar_format=layout, disable=None) as bar:

        def part_of(chunk: Chunk) -> Path:
            return folder / f"{chunk.number:08}.arrow"

        def advance(chunk: Chunk) -> None:
            bar.update(max(0, chunk.position - bar.n))  # chunks are not done in their order

        def unfinished() -> Iterator[Chunk]:
            for chunk in read_chunks(source, plan.source_format, plan.columns, plan.chunk_rows):
                if part_of(chunk).exists():
                    advance(chunk)
                else:
                    yield chunk

        work = partial(understand, model, read_links())
        if plan.scheduler is None:
            results = on_this_machine(unfinished(), model, work, plan.processes)
        else:
            results = on_cluster(unfinished(), work, plan.scheduler)
        for chunk, result in results:
            with written_whole(part_of(chunk)) as stream:
                stream.write(result)
            advance(chunk)


def _put_together(plan: Plan, folder: Path) -> Summary:
    """Writes the result and the rejected rows, each wholly or not at all."""
    summary = Summary()
    parts = sorted(folder.glob("*.arrow"))

    def batches() -> Iterator[pa.RecordBatch]:
        for path in parts:
            batch, rejected = unpack(path)
            summary.add(batch, len(rejected))
            yield batch

    with _opened(plan.output, sys.stdout.buffer) as stream:
        write_results(stream, plan.output_format, batches())
        if summary.rejected:
            with _opened(plan.rejects_path, sys.stderr.buffer) as rejects:
                write_rejected(rejects, (one for path in parts for one in unpack(path)[1]))
        elif plan.rejects_path != STREAM:
            plan.rejects_path.unlink(missing_ok=True)  # of an earlier run, which --force has given up
    return summary


def _opened(path: Path, standard_stream: BinaryIO) -> AbstractContextManager[BinaryIO]:
    """Opens a file that takes its place when all of it is written, or the standard stream for `-`."""
    return nullcontext(standard_stream) if path == STREAM else written_whole(path)
