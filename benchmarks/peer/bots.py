"""The two bots: how each is made, trained, started, talked to and stopped."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil  # type: ignore[import-untyped]
import yaml

from bot.articles.examples import read_examples
from bot.settings import PROJECT_ROOT
from tests.support.servers import free_port

HOST = "127.0.0.1"
START_LIMIT_SECONDS = 300
TRAINING_LIMIT_SECONDS = 1800
QUIET = {
    "RASA_TELEMETRY_ENABLED": "false",
    "PYTHONUNBUFFERED": "1",
    "PYTHONWARNINGS": "ignore",
    "SQLALCHEMY_SILENCE_UBER_WARNING": "1",
    "TF_CPP_MIN_LOG_LEVEL": "3",
}

Messages = list[dict[str, Any]]


class BenchmarkError(RuntimeError):
    """Nothing can be compared: a bot was not made, did not start or did not answer; the message says which and why."""


@dataclass(frozen=True)
class Bot:
    """One of the two bots."""

    name: str
    folder: Path
    """Where `rasa train` trains it and where it is started."""
    command: tuple[str, ...]
    """What starts it; `{port}` stands for the port."""
    ready_line: str
    """What it writes once all its processes answer; empty where there is only one."""
    phrases: tuple[str, ...]
    """What `/model/parse` is asked; nothing of it was trained on, where there is such a thing."""
    opening: str
    """What opens a conversation before anything is measured; empty for nothing."""

    def is_answered(self, answer: Messages) -> bool:
        """Tells whether a message was answered; whether rightly, other benchmarks tell."""
        return any(message.get("text") for message in answer)


def our_bot(model: Path) -> Bot:
    """Returns our bot as a person starts it (`make run REST=1`), with Rasa's HTTP API beside the REST channel."""
    return Bot(
        name="ours",
        folder=PROJECT_ROOT,
        command=(
            *(sys.executable, "-m", "bot", "run", "--rest", "--host", HOST, "--port", "{port}"),
            *("--model", str(model.resolve()), "--", "--enable-api"),
        ),
        ready_line="The bot answers at",
        phrases=tuple(example.text for example in read_examples(PROJECT_ROOT / "tests" / "regression")),
        opening='/choose_product{"product": "azure"}',
    )


def make_starter_bot(folder: Path) -> None:
    """Makes and trains the bot of `rasa init --no-prompt` in an empty folder.

    Raises:
        BenchmarkError: it could not be made.
    """
    _run([sys.executable, "-m", "rasa", "init", "--no-prompt", "--init-dir", str(folder)], folder, "rasa init")


def starter_bot(folder: Path) -> Bot:
    """Returns the bot that `rasa init` made in a folder."""
    models = sorted((folder / "models").glob("*.tar.gz"))
    if not models:
        raise BenchmarkError(f"{folder}: no model there; give a folder in which `rasa init --no-prompt` has been run.")
    content = yaml.safe_load((folder / "data" / "nlu.yml").read_text(encoding="utf8"))
    lines = [line for entry in content["nlu"] for line in entry["examples"].splitlines()]
    return Bot(
        name="rasa init",
        folder=folder,
        command=(
            *(sys.executable, "-m", "rasa", "run", "--enable-api", "--interface", HOST, "--port", "{port}"),
            *("--model", str(models[-1])),
        ),
        ready_line="",
        phrases=tuple(line[2:] for line in lines if line.startswith("- ")),
        opening="",
    )


def training_seconds(bot: Bot) -> float:
    """Trains a bot from scratch, keeps nothing of it, and returns how long that took."""
    with tempfile.TemporaryDirectory() as models:
        command = [sys.executable, "-m", "rasa", "train", "--force", "--out", models]
        started = time.perf_counter()
        _run(command, bot.folder, f"rasa train ({bot.name})")
        return time.perf_counter() - started


class Client:
    """One kept-alive connection to a bot."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection(HOST, port, timeout=60)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *_: object) -> None:
        self._connection.close()

    def parse(self, text: str) -> dict[str, Any]:
        """Asks what the bot understands."""
        return dict(self._post("/model/parse", {"text": text}))

    def say(self, sender: str, text: str) -> Messages:
        """Sends a message over the REST channel and returns the answer to it."""
        return list(self._post("/webhooks/rest/webhook", {"sender": sender, "message": text}))

    def _post(self, path: str, body: dict[str, str]) -> Any:
        self._connection.request("POST", path, json.dumps(body).encode(), {"Content-Type": "application/json"})
        response = self._connection.getresponse()
        content = response.read()
        if response.status != 200:
            raise BenchmarkError(f"POST {path} was answered with HTTP {response.status}: {content[:300]!r}")
        return json.loads(content)


@dataclass(frozen=True)
class RunningBot:
    """A bot that has been started and answers."""

    bot: Bot
    port: int
    process: subprocess.Popen[bytes]
    start_seconds: float
    """From the start of the process until a message is understood and all processes of the bot answer."""

    def client(self) -> Client:
        """Opens a connection."""
        return Client(self.port)

    def open_conversation(self, client: Client) -> str:
        """Begins the conversation of a new customer; returns who it is."""
        sender = uuid.uuid4().hex
        if self.bot.opening:
            client.say(sender, self.bot.opening)
        return sender

    def memory_bytes(self) -> dict[str, int]:
        """Returns the memory of all its processes.

        Returns:
            `resident`: the sum of their resident set sizes, in which memory that they share counts for each of them;
            `unique`: the sum of what each has for itself alone.
        """
        figures = [process.memory_full_info() for process in self._processes()]
        return {"resident": sum(item.rss for item in figures), "unique": sum(item.uss for item in figures)}

    def processor_seconds(self) -> float:
        """Returns the processor time that all its processes have had."""
        return sum(sum(process.cpu_times()[:2]) for process in self._processes())

    def _processes(self) -> list[psutil.Process]:
        first = psutil.Process(self.process.pid)
        return [first, *first.children(recursive=True)]


@contextmanager
def running(bot: Bot) -> Iterator[RunningBot]:
    """Starts a bot, waits until it answers, and ends it with all its processes."""
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "bot.log"
        started = time.perf_counter()
        with log.open("wb") as stream:
            process = subprocess.Popen(
                [word.replace("{port}", str(port)) for word in bot.command],
                cwd=bot.folder,
                env={**os.environ, **QUIET},
                stdout=stream,
                stderr=stream,
            )
        try:
            _wait_until_ready(bot, process, port, log)
            yield RunningBot(bot, port, process, time.perf_counter() - started)
        finally:
            _stop(process)


def _wait_until_ready(bot: Bot, process: subprocess.Popen[bytes], port: int, log: Path) -> None:
    deadline = time.monotonic() + START_LIMIT_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise BenchmarkError(f"{bot.name} has ended with exit code {process.returncode}:\n{_tail(log)}")
        try:
            if bot.ready_line in log.read_text(encoding="utf8", errors="replace") and _understands(port):
                return
        except BenchmarkError as error:  # it listens, but without a model: the log says why
            raise BenchmarkError(f"{bot.name}: {error}\n{_tail(log)}") from error
        time.sleep(0.05)
    raise BenchmarkError(f"{bot.name} did not answer within {START_LIMIT_SECONDS} s:\n{_tail(log)}")


def _understands(port: int) -> bool:
    try:
        with Client(port) as client:
            return bool(client.parse("hello")["intent"])
    except OSError:  # it does not listen yet
        return False


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.poll() is not None:
        return
    family = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
    process.send_signal(signal.SIGINT)
    try:
        process.wait(timeout=30)
    except subprocess.TimeoutExpired:
        for member in family:
            if member.is_running():
                member.kill()
        process.wait()


def _run(command: list[str], folder: Path, what: str) -> None:
    with tempfile.TemporaryDirectory() as logs:
        log = Path(logs) / "log"
        with log.open("wb") as stream:
            result = subprocess.run(
                command,
                cwd=folder,
                env={**os.environ, **QUIET},
                stdout=stream,
                stderr=stream,
                timeout=TRAINING_LIMIT_SECONDS,
                check=False,
            )
        if result.returncode != 0:
            raise BenchmarkError(f"{what} failed with exit code {result.returncode}:\n{_tail(log)}")


def _tail(log: Path) -> str:
    return log.read_text(encoding="utf8", errors="replace")[-2000:]
