"""Shares chunks out among processes of this machine or the workers of a Dask cluster."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import threading
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, islice
from multiprocessing.context import ForkServerContext
from multiprocessing.forkserver import ensure_running
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.batch.links import Links
from bot.batch.parts import digest_of
from bot.batch.rows import BatchError, Chunk
from bot.batch.tables import pack

if TYPE_CHECKING:
    from bot.batch.understanding import Understanding

WAITING = 2
"""Chunks that wait for each worker, so that none of them waits for the reader."""
PRELOADED = "BOT_BATCH_PRELOADED"
"""Environment variable that tells the process from which workers are forked what to load."""
ATTEMPTS = 3
"""So often may a worker die over the same chunk."""
_ONE_AT_A_TIME = threading.Lock()


@dataclass(frozen=True)
class Model:
    """A trained model, as workers are told of it."""

    path: str
    digest: str
    """SHA-256 of the file: on a cluster every machine has a copy, and one of them may be old."""

    @classmethod
    def at(cls, path: Path) -> Model:
        """Names a file."""
        return cls(str(path.resolve()), digest_of(path))


def understand(model: Model, links: Links, chunk: Chunk) -> bytes:
    """Triages a chunk in a worker; the model is loaded with the first one, where it was not before.

    Returns:
        The result as `pack` makes it.

    Raises:
        BatchError: the worker's machine does not have the model.
    """
    with _ONE_AT_A_TIME:
        return pack(*_loaded(model).triage(chunk, links))


def on_this_machine(
    chunks: Iterable[Chunk], model: Model, links: Links, processes: int
) -> Iterator[tuple[Chunk, bytes]]:
    """Yields each chunk with its result, as they are ready.

    A worker that dies, for want of memory for example, is replaced, and what it had is done again.

    Args:
        chunks: what is to be done; read as workers become free.
        model: the model.
        links: what the tickets are answered by.
        processes: number of workers.

    Raises:
        BatchError: workers die again and again over the same chunk.
    """
    context = begin_to_load(model)
    waiting = iter(chunks)
    deaths: Counter[int] = Counter()
    while True:
        unfinished: dict[int, Chunk] = {}
        running: dict[Future[bytes], int] = {}
        with ProcessPoolExecutor(processes, mp_context=context, initializer=ignore_interrupts) as pool:
            try:
                while True:
                    for chunk in islice(waiting, processes * WAITING - len(running)):
                        unfinished[chunk.number] = chunk  # before it is submitted, which fails where a worker has died
                        running[pool.submit(understand, model, links, chunk)] = chunk.number
                    if not running:
                        return
                    done, _ = wait(running, return_when=FIRST_COMPLETED)
                    for future in done:
                        result = future.result()
                        yield unfinished.pop(running.pop(future)), result
            except (BrokenProcessPool, ConnectionError, EOFError):  # a worker, or what workers are forked from
                _stop_feeding(pool)
                again = [unfinished[number] for number in sorted(unfinished)]
                waiting = chain(again, waiting)
                # The workers had the first ones; the others waited.
                deaths.update(chunk.number for chunk in again[:processes])
                worst = max(again[:processes], key=lambda chunk: deaths[chunk.number])
                if deaths[worst.number] >= ATTEMPTS:
                    raise BatchError(
                        f"workers died {ATTEMPTS} times over {worst.label}; is there enough memory? Try --processes 1."
                    ) from None
            finally:
                pool.shutdown(wait=False, cancel_futures=True)


def on_cluster(chunks: Iterable[Chunk], model: Model, links: Links, address: str) -> Iterator[tuple[Chunk, bytes]]:
    """Yields each chunk with its result, as they are ready, from the workers of a Dask cluster.

    Dask gives what a dead worker had to another one.

    Args:
        chunks: what is to be done; read as workers become free.
        model: the model; every worker has it at the same path.
        links: what the tickets are answered by.
        address: the scheduler's, such as `tcp://10.0.0.5:8786`.

    Raises:
        BatchError: there is no scheduler or no worker, they went away, or workers die over the same chunk.
    """
    try:
        from distributed import Client, as_completed
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
        waiting = iter(chunks)
        running: dict[str, Chunk] = {}
        done = as_completed(loop=client.loop)

        def fill() -> None:
            room = WAITING * max(1, sum(client.nthreads().values()))
            for chunk in islice(waiting, max(0, room - len(running))):
                future = client.submit(understand, model, links, chunk, pure=False)
                running[future.key] = chunk
                done.add(future)

        fill()
        for future in done:
            chunk = running.pop(future.key)
            try:
                result: bytes = future.result()
            except KilledWorker as error:
                raise BatchError(f"workers died again and again over {chunk.label}; is there enough memory?") from error
            except BatchError:
                raise
            except Exception as error:
                raise BatchError(f"{chunk.label}: the cluster failed: {error!r}; the same command goes on.") from error
            yield chunk, result
            fill()


def _stop_feeding(pool: ProcessPoolExecutor) -> None:
    """Ends the thread that writes chunks into a pipe which nobody reads any more, or else this process never ends.

    As Python does itself from 3.12 on (https://github.com/python/cpython/issues/94777).
    """
    queue: Any = vars(pool).get("_call_queue")
    if queue is not None:
        queue._reader.close()


def begin_to_load(model: Model) -> ForkServerContext:
    """Begins the process that loads the model and does nothing else: workers are forked from it and share its memory.

    It loads beside what this process does. Once begun, it stays; workers for another model load that one themselves.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["bot.batch.preloaded"])
    os.environ[PRELOADED] = json.dumps([model.path, model.digest])
    ensure_running()
    return context


def preload() -> None:
    """Loads the model that the workers will ask for; where that fails, they will say so."""
    with suppress(Exception):
        _loaded(Model(*json.loads(os.environ[PRELOADED])))


def ignore_interrupts() -> None:
    """Leaves Ctrl-C, which reaches all processes, to the first one, which ends the others."""
    with suppress(ValueError):
        signal.signal(signal.SIGINT, signal.SIG_IGN)


@lru_cache(maxsize=1)
def _loaded(model: Model) -> Understanding:
    from bot.batch.understanding import Understanding

    path = Path(model.path)
    if not path.is_file() or digest_of(path) != model.digest:
        raise BatchError(f"{path} on {os.uname().nodename} is missing or another model; copy the model there.")
    try:
        return Understanding(path)
    except Exception as error:
        raise BatchError(f"{path}: the model cannot be loaded: {error}") from error


def cores() -> int:
    """Returns how many cores this process may use."""
    return len(os.sched_getaffinity(0))
