"""Shares chunks out among processes of this machine or the workers of a Dask cluster."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from functools import lru_cache
from itertools import chain, islice
from multiprocessing.context import ForkServerContext
from multiprocessing.forkserver import ensure_running
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from bot.batch.reading import BatchError, Chunk
from bot.batch.tables import Links, pack
from bot.files import sha256_of

if TYPE_CHECKING:
    from bot.batch.understanding import Understanding

# Tells the process from which workers are forked what to load.
PRELOADED = "BOT_BATCH_PRELOADED"
# Chunks that wait for each worker, so that none of them waits for the reader.
_WAITING = 2
# So often may a worker die over the same chunk.
_ATTEMPTS = 3
_ONE_AT_A_TIME = threading.Lock()

Work = Callable[[Chunk], bytes]


class Model(NamedTuple):
    """A trained model's file and its SHA-256: on a cluster every machine has a copy, and one of them may be old."""

    path: str
    digest: str

    @classmethod
    def at(cls, path: Path) -> Model:
        """Names a file."""
        return cls(str(path.resolve()), sha256_of(path))


def understand(model: Model, links: Links, chunk: Chunk) -> bytes:
    """Triages a chunk in a worker; the model is loaded with the first one, where it was not before.

    Returns:
        The result as `pack` makes it.

    Raises:
        BatchError: the worker's machine does not have the model.
    """
    with _ONE_AT_A_TIME:
        return pack(*_loaded(model).triage(chunk, links))


def on_this_machine(chunks: Iterator[Chunk], model: Model, work: Work, processes: int) -> Iterator[tuple[Chunk, bytes]]:
    """Yields each chunk with its result, as they are ready.

    A worker that dies, for want of memory for example, is replaced, and what it had is done again.

    Args:
        chunks: what is to be done; read as workers become free.
        model: what the workers load.
        work: what they do to a chunk.
        processes: number of workers.

    Raises:
        BatchError: workers die again and again over the same chunk.
    """
    context = begin_to_load(model)
    deaths: Counter[int] = Counter()
    while True:
        unfinished: dict[int, Chunk] = {}
        with ProcessPoolExecutor(processes, mp_context=context, initializer=ignore_interrupts) as pool:
            try:
                for chunk, future in _finished(pool, chunks, work, lambda: processes, unfinished):
                    yield chunk, future.result()
                return
            except (BrokenProcessPool, ConnectionError, EOFError):  # a worker, or what workers are forked from
                # Else the thread that writes chunks into a pipe which nobody reads any more never ends, nor does this
                # process; Python does so itself from 3.12 on (https://github.com/python/cpython/issues/94777).
                vars(pool)["_call_queue"]._reader.close()
                again = [unfinished[number] for number in sorted(unfinished)]
                chunks = chain(again, chunks)
                # The workers had the first ones; the others waited.
                deaths.update(chunk.number for chunk in again[:processes])
                worst = max(again[:processes], key=lambda chunk: deaths[chunk.number])
                if deaths[worst.number] >= _ATTEMPTS:
                    problem = f"workers died {_ATTEMPTS} times over {worst.label}; is there enough memory?"
                    raise BatchError(f"{problem} Try --processes 1.") from None
            finally:
                pool.shutdown(wait=False, cancel_futures=True)


def on_cluster(chunks: Iterator[Chunk], work: Work, address: str) -> Iterator[tuple[Chunk, bytes]]:
    """Yields each chunk with its result, as they are ready, from the workers of a Dask cluster.

    Dask gives what a dead worker had to another one.

    Args:
        chunks: what is to be done; read as workers become free.
        work: what is done to a chunk; every worker has the model at the same path.
        address: the scheduler's, such as `tcp://10.0.0.5:8786`.

    Raises:
        BatchError: there is no scheduler or no worker, they went away, or workers die over the same chunk.
    """
    try:
        from distributed import Client
        from distributed.scheduler import KilledWorker
    except ImportError as error:
        raise BatchError("Dask is not installed; `uv sync --group cluster` installs it.") from error
    try:
        client = Client(address, set_as_default=False, timeout="20s")
    except (OSError, TimeoutError, ValueError) as error:
        raise BatchError(f"{address}: no Dask scheduler answers there ({error}).") from error
    with client:
        try:
            client.wait_for_workers(1, timeout=60)
        except Exception as error:
            raise BatchError(f"{address}: the scheduler has no workers; start some with `dask worker`.") from error
        pool = client.get_executor(pure=False)
        for chunk, future in _finished(pool, chunks, work, lambda: sum(client.nthreads().values()), {}):
            try:
                yield chunk, future.result()
            except KilledWorker as error:
                raise BatchError(f"workers died again and again over {chunk.label}; is there enough memory?") from error
            except BatchError:
                raise
            except Exception as error:
                raise BatchError(f"{chunk.label}: the cluster failed: {error!r}; the same command goes on.") from error


def _finished(
    pool: Executor, chunks: Iterator[Chunk], work: Work, workers: Callable[[], int], unfinished: dict[int, Chunk]
) -> Iterator[tuple[Chunk, Future[bytes]]]:
    """Yields chunks whose work has ended, well or not; the pool has at most two for each of `workers()` at a time.

    `unfinished` gets what was read, by number, and loses a chunk when the next one is asked for.
    """
    running: dict[Future[bytes], Chunk] = {}
    while True:
        for chunk in islice(chunks, max(0, _WAITING * max(1, workers()) - len(running))):
            unfinished[chunk.number] = chunk  # before it is submitted, which fails where a worker has died
            running[pool.submit(work, chunk)] = chunk
        if not running:
            return
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            yield running[future], future
            del unfinished[running.pop(future).number]


def begin_to_load(model: Model) -> ForkServerContext:
    """Begins the process that loads the model and does nothing else: workers are forked from it and share its memory.

    It loads beside what this process does. Once begun, it stays; workers for another model load that one themselves.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["bot.batch.preloaded"])
    os.environ[PRELOADED] = json.dumps(model)
    ensure_running()
    return context


def preload() -> None:
    """Loads the model that the workers will ask for; where that fails, they will say so."""
    with suppress(Exception):
        _loaded(Model(*json.loads(os.environ[PRELOADED])))


def ignore_interrupts() -> None:
    """Leaves Ctrl-C, which reaches all processes, to the first one, which ends the others."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)


@lru_cache(maxsize=1)
def _loaded(model: Model) -> Understanding:
    from bot.batch.understanding import Understanding

    path = Path(model.path)
    if not path.is_file() or sha256_of(path) != model.digest:
        raise BatchError(f"{path} on {os.uname().nodename} is missing or another model; copy the model there.")
    try:
        return Understanding(path)
    except Exception as error:
        raise BatchError(f"{path}: the model cannot be loaded: {error}") from error


def cores() -> int:
    """Returns how many cores this process may use."""
    return len(os.sched_getaffinity(0))
