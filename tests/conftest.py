"""Fixtures that every test may use: the shared material, a trained model, a running bot, PostgreSQL, Redis.

A session fixture that one conftest imports from another is made twice; one that several folders need belongs here.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import hypothesis
import pytest

from bot.rasa_patches import without_tensorflow
from tests.support.models import copy_model
from tests.support.servers import PostgresServer, RedisServer, ServerMissing

ROOT = Path(__file__).resolve().parent.parent
START_LIMIT_SECONDS = 600


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's root folder."""
    return ROOT


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of shared material beside the checkout; skips the test where it is absent."""
    folder = ROOT.parent / "shared"
    if not (folder / "seeds").is_dir():
        pytest.skip("the shared material (../shared) is not on this machine")
    return folder


@pytest.fixture
def pictures(root: Path, tmp_path: Path) -> Path:
    """Where pictures go: into the documentation on request (`UPDATE_SCREENSHOTS=1`), else nowhere that lasts."""
    return root / "docs" / "screenshots" if os.environ.get("UPDATE_SCREENSHOTS") == "1" else tmp_path


def pytest_configure() -> None:
    """Lets Ctrl-C stop bots also where the tests run in the background: there, shells have it ignored.

    Other tests run beside these, so how long one of hypothesis's examples takes says nothing. Rasa is loaded as
    `python -m bot` loads it.
    """
    without_tensorflow.install()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    hypothesis.settings.register_profile("beside others", deadline=None)
    hypothesis.settings.load_profile("beside others")


def pytest_addoption(parser: pytest.Parser) -> None:
    """Lets whoever works on something else than the model test without training one."""
    parser.addoption(
        "--shipped-data", action="store_true", help="try the nightly gate on all data (hours), not on a copy"
    )
    parser.addoption("--model", type=Path, help="serve this model instead of that of the present content")


@pytest.fixture(scope="session")
def trained_model(request: pytest.FixtureRequest) -> Path:
    """The model of the present content, trained by the same command that `make run` uses."""
    given: Path | None = request.config.getoption("--model")
    if given is not None:
        return given.resolve()
    from bot.training import train

    return train(ROOT)


@pytest.fixture(scope="session")
def two_models(trained_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A models folder with the trained model as `triage-first` and, younger, `triage-second`, whose ids differ."""
    folder = tmp_path_factory.mktemp("two-models")
    for name in ("first", "second"):
        copy_model(trained_model, folder / f"triage-{name}.tar.gz")
    return folder


@pytest.fixture
def models(two_models: Path, tmp_path: Path) -> Path:
    """A copy of that folder for one test."""
    return shutil.copytree(two_models, tmp_path / "models")


@dataclass
class RunningBot:
    """A bot started as `make run REST=1` starts it."""

    port: int
    log: Path
    process: subprocess.Popen[bytes]
    tickets: str
    """Where its tickets are kept, in SQLAlchemy's notation."""

    def conversation(self, **metadata: str) -> Conversation:
        """Opens a new conversation over Rasa's REST channel; `metadata` is what a page tells of its visitor."""
        return Conversation(self, metadata)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """Posts JSON and returns the JSON answer."""
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=60) as response:
            return json.load(response)


@dataclass
class Answer:
    """What the bot said to one message."""

    messages: list[dict[str, Any]]

    @property
    def text(self) -> str:
        """All texts, one after the other."""
        return "\n\n".join(message["text"] for message in self.messages if "text" in message)

    @property
    def buttons(self) -> dict[str, str]:
        """Title -> payload of every button."""
        return {
            button["title"]: button["payload"] for message in self.messages for button in message.get("buttons") or []
        }

    @property
    def payload(self) -> dict[str, Any]:
        """The structured answer; empty if there was none."""
        return next((message["custom"] for message in self.messages if "custom" in message), {})


@dataclass
class Conversation:
    """One customer's conversation with a running bot."""

    bot: RunningBot
    metadata: dict[str, str] = field(default_factory=dict)
    sender: str = field(default_factory=lambda: uuid.uuid4().hex)
    last: Answer = field(default_factory=lambda: Answer([]))

    def say(self, text: str) -> Answer:
        """Sends a message and returns what the bot says to it."""
        body = {"sender": self.sender, "message": text, "metadata": self.metadata}
        self.last = Answer(self.bot.post("/webhooks/rest/webhook", body))
        return self.last

    def press(self, payload_start: str) -> Answer:
        """Presses the button of the last answer whose payload begins so."""
        payload = next(payload for payload in self.last.buttons.values() if payload.startswith(payload_start))
        return self.say(payload)


def free_port() -> int:
    """Returns a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def running_bot(trained_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningBot]:
    """The bot with the REST channel and Rasa's HTTP API, stopped as Ctrl-C stops it."""
    port = free_port()
    log = tmp_path_factory.mktemp("bot") / "bot.log"
    command = ["-m", "bot", "run", "--port", str(port), "--rest", "--model", str(trained_model), "--", "--enable-api"]
    # All tests write from one address, and more than a visitor would.
    many = {f"BOT_LIMIT_{kind}_PER_ADDRESS": "100000 per minute" for kind in ("REQUESTS", "SESSIONS")}
    with started(command, log, BOT_SECRETS_DIR=str(log.parent / "secrets"), **many) as process:
        yield RunningBot(port, log, process, tickets_beside(log))


@pytest.fixture(scope="session")
def some_articles(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An article database: every fifteenth article of two of the shared trees, and those that tests ask for."""
    from bot.search.database import Library
    from bot.search.importing import import_articles

    wanted = {"setting-up-out-of-office-automatic-replies.md", "sharepoint-restore-deleted-files.md"}
    wanted |= {"create-and-use-a-shared-mailbox.md", "outlook-out-of-office.md"}
    folders = [shared / "corpus" / locale / "AlchemyInsights" for locale in ("nb-NO", "nl-NL")]
    files = [file for folder in folders for file in sorted(folder.glob("*.md"))]
    chosen = [file for number, file in enumerate(files) if number % 15 == 0 or file.name in wanted]
    database = tmp_path_factory.mktemp("library") / "articles.db"
    import_articles(Library(database), chosen, processes=1)
    return database


@pytest.fixture(scope="session")
def searching_bot(
    trained_model: Path, some_articles: Path, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[RunningBot]:
    """A bot with imported articles, its page and the REST channel."""
    port = free_port()
    log = tmp_path_factory.mktemp("searching-bot") / "bot.log"
    command = ["-m", "bot", "run", "--port", str(port), "--rest", "--model", str(trained_model)]
    environment = {"BOT_SECRETS_DIR": str(log.parent / "secrets"), "BOT_ARTICLES_DATABASE": str(some_articles)}
    with started(command, log, **environment) as process:
        yield RunningBot(port, log, process, tickets_beside(log))


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    """A PostgreSQL server."""
    with tempfile.TemporaryDirectory(prefix="pg") as folder:  # short: a socket's path has 107 characters at most
        server = or_skip(lambda: PostgresServer(Path(folder)))
        yield server
        server.stop()


@pytest.fixture(scope="session")
def redis_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    """A Redis."""
    server = or_skip(lambda: RedisServer(tmp_path_factory.mktemp("redis")))
    yield server
    server.stop()


def tickets_beside(log: Path) -> str:
    """Returns where a bot that is started for a test keeps its tickets, in SQLAlchemy's notation."""
    return f"sqlite:///{log.parent / 'tickets.db'}"


def databases_beside(log: Path) -> dict[str, str]:
    """Returns the settings that keep conversations and tickets of a bot beside its log."""
    conversations = f"sqlite:///{log.parent / 'conversations.db'}"
    return {"BOT_TICKETS_DATABASE": tickets_beside(log), "BOT_TRACKER_DATABASE": conversations}


@contextmanager
def started(command: Sequence[str], log: Path, **environment: str) -> Iterator[subprocess.Popen[bytes]]:
    """Starts the bot with Python, waits until it answers, and stops it as Ctrl-C stops it.

    Args:
        command: what Python is to run.
        log: where its messages go.
        **environment: further environment variables.
    """
    with log.open("wb") as stream:
        process = subprocess.Popen(
            [sys.executable, *command],
            cwd=ROOT,
            env={
                **os.environ,
                "PYTHONUNBUFFERED": "1",
                **databases_beside(log),
                # What a person has imported here is nothing for tests.
                "BOT_ARTICLES_DATABASE": str(log.parent / "articles.db"),
                **environment,
            },
            stdout=stream,
            stderr=stream,
        )
    try:
        wait_for_line(process, log, "The bot answers at")
        yield process
    finally:
        process.send_signal(signal.SIGINT)
        process.wait(timeout=60)


def wait_for_line(process: subprocess.Popen[bytes], log: Path, line: str) -> None:
    """Waits until a process has written a line, and fails with its log if it ends or never does."""
    deadline = time.monotonic() + START_LIMIT_SECONDS
    while line not in log.read_text(encoding="utf8", errors="replace"):
        written = log.read_text(encoding="utf8", errors="replace")
        assert process.poll() is None, f"the process has ended:\n{written[-3000:]}"
        assert time.monotonic() < deadline, f"`{line}` was never written:\n{written[-3000:]}"
        time.sleep(0.1)  # between two looks, not instead of looking


def or_skip(make: Callable[[], Any]) -> Any:
    """Makes a server; where it is not installed the test is skipped, or fails if every server is required."""
    try:
        return make()
    except ServerMissing as missing:
        if os.environ.get("REQUIRE_SERVERS") == "1":
            pytest.fail(str(missing))
        pytest.skip(str(missing))
