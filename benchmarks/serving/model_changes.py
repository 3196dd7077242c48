"""Customers who write while a model is trained, compared, switched to and back: what they notice of it."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from benchmarks.serving.load import Tally, load
from bot.model_versions.folder import list_models, write_served
from bot.settings import PROJECT_ROOT
from tests.support.models import copy_model
from tests.support.programs import Program
from tests.support.servers import free_port
from tests.support.stack import UNLIMITED

_PAUSE = 1.0
"""Seconds between an answer and the customer's next message."""
_FIRST = "triage-first.tar.gz"


def model_changes(
    folder: Path, model: Path, conversations: int, turns: int, times: int, seconds: float | None = None
) -> Iterator[dict[str, object]]:
    """Yields a row for each thing that is done with models while customers write, and for before and after.

    Args:
        folder: where models, data and logs go.
        model: what is served first.
        conversations: how many customers there are.
        turns: how many messages each of them writes at least while a thing is done.
        times: how often it is switched, and undone; as many messages more are written before and after.
        seconds: after how long training and comparison are ended; None lets them end. The second model is a copy then.
    """
    models = folder / "models"
    models.mkdir()
    shutil.copy(model, models / _FIRST)
    write_served(models, _FIRST, None)
    environment = {
        **{**os.environ, **UNLIMITED, "BOT_MODELS_DIR": str(models), "BOT_SECRETS_DIR": str(folder / "secrets")},
        **{f"BOT_{name}_DATABASE": f"sqlite:///{folder / name}.db" for name in ("TICKETS", "TRACKER")},
        **{"BOT_ARTICLES_DATABASE": str(folder / "articles.db"), "BOT_PROXIES_COUNT": "1"},
    }

    def run(*words: str) -> None:
        with (folder / "commands.log").open("ab") as log:
            command = [sys.executable, "-m", "bot", "models", *words]
            process = subprocess.Popen(command, cwd=PROJECT_ROOT, env=environment, stdout=log, stderr=log)
            try:
                code = process.wait(None if words[0] in ("switch", "undo") else seconds)
            except subprocess.TimeoutExpired:
                process.terminate()
                process.wait()
                code = 0
        if code != 0 and not (words[0] == "compare" and code == 1):
            raise RuntimeError(f"`models {' '.join(words)}` failed: {(folder / 'commands.log').read_text()[-2000:]}")

    def switch_and_undo(verb: str) -> None:
        run(*(["undo"] if verb == "undo" else ["switch", _other(models)]))

    def undisturbed() -> dict[str, object]:
        tally = Tally()
        for _ in range(times):
            _seen(origin, conversations, turns, lambda: None, tally)
        return _row(tally)

    with _serving(folder, environment) as origin:
        asyncio.run(load([origin], conversations, 8))  # what is loaded with the first messages is loaded before
        yield {"while": "before", **undisturbed()}
        yield {"while": "train", **_seen(origin, conversations, turns, lambda: run("train"))}
        if len(list_models(models)) == 1:
            copy_model(model, models / "triage-second.tar.gz")
        yield {"while": "compare", **_seen(origin, conversations, turns, lambda: run("compare"))}
        for verb in ("switch", "undo"):
            tally = Tally()
            for number in range(times):
                _seen(origin, conversations, turns, partial(switch_and_undo, verb), tally)
                if number < times - 1:  # back, with nobody counting
                    switch_and_undo("undo" if verb == "switch" else "switch")
            yield {"while": f"{verb}, {times} times", **_row(tally)}
        yield {"while": "after", **undisturbed()}


def _other(models: Path) -> str:
    return next(path.name for path in list_models(models) if path.name != _FIRST)


def _seen(
    origin: str, conversations: int, turns: int, work: Callable[[], None], tally: Tally | None = None
) -> dict[str, object]:
    """Lets customers write until some work is done, and each has written so many messages at least."""
    tally, failed = tally or Tally(), list[BaseException]()

    def do() -> None:
        try:
            work()
        except BaseException as error:
            failed.append(error)

    worker = threading.Thread(target=do)
    worker.start()
    asyncio.run(load([origin], conversations, turns, _PAUSE, tally=tally, until=lambda: not worker.is_alive()))
    worker.join()
    if failed:
        raise failed[0]
    return _row(tally)


def _row(tally: Tally) -> dict[str, object]:
    return {
        "messages": tally.sent,
        **{name: value for name, value in tally.pace().items() if name != "messages/s"},
        "slowest ms": round(1000 * tally.percentile(1.0)),
        **{name: getattr(tally, name) for name in ("lost", "errors", "apologies", "retries", "mixed")},
    }


@contextmanager
def _serving(folder: Path, environment: dict[str, str]) -> Iterator[str]:
    """Serves the chosen model as `make run` does."""
    port = free_port()
    health = f"http://127.0.0.1:{port}/health/ready"
    bot = Program(["-m", "bot", "run", "--port", str(port)], health, folder / "bot.log", environment)
    bot.start()
    try:
        bot.wait()
        yield bot.origin
    finally:
        bot.stop()
