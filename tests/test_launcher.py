"""`make run`, `make train`, `make shell`: one clear sentence and an exit code where a person must correct something."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import urllib.error
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot.nlu.models.linear import FORMAT
from bot.settings import get_settings
from bot.tickets.store import TicketStore
from bot.training import fingerprint
from tests.conftest import ROOT, RunningBot, free_port, started, tickets_beside
from tests.support.help_desks import WebhookReceiver
from tests.support.servers import wait_until
from tests.tickets.conftest import a_draft, webhook_settings


@pytest.fixture
def project(root: Path, tmp_path: Path) -> Path:
    """A copy of what a model is made from, with no model."""
    for name in ("bot", "actions", "data"):
        shutil.copytree(root / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("config.yml", "domain.yml", "endpoints.yml", "credentials.yml", "credentials-rest.yml", "uv.lock"):
        shutil.copy(root / name, tmp_path / name)
    (tmp_path / "models").mkdir()
    return tmp_path


def bot_command(project: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bot", *words], cwd=project, capture_output=True, text=True, timeout=300, check=False
    )


def test_a_port_in_use_is_told_in_one_sentence(root: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        result = bot_command(root, "run", "--port", str(port))
    assert result.returncode == 1
    assert (
        result.stderr.strip()
        == f"error: port {port} is in use; choose another one, for example `make run PORT={port + 1}`."
    )


@pytest.mark.parametrize(
    ("file", "content", "told"),
    [
        ("data/issues.yml", "issues: [", "data/issues.yml:2: not valid YAML"),
        ("data/issues.yml", "issues:\n  card_declined:\n    queue: nowhere\n", "issue card_declined: field"),
        ("data/replies/nb.yml", "replies: {", "data/replies/nb.yml:2: not valid YAML"),
        ("data/nlu/en/issues.yml", "nlu:\n- intent: greet\n", "data/nlu/en/issues.yml: entry 1"),
        ("data/articles/pay_invoice/en.md", "---\ntitle: [\n---\n# Pay\n", "data/articles/pay_invoice/en.md"),
    ],
)
def test_a_broken_data_file_is_named_before_anything_starts(project: Path, file: str, content: str, told: str) -> None:
    (project / file).write_text(content, encoding="utf8")
    result = bot_command(project, "run", "--port", str(free_port()))
    assert result.returncode == 1
    assert len(result.stderr.strip().splitlines()) == 1
    assert result.stderr.startswith("error: ")
    assert told in result.stderr
    assert "Traceback" not in result.stderr


def test_the_model_depends_on_the_content_of_files_and_not_on_their_times(project: Path) -> None:
    before = fingerprint(project)
    phrases = project / "data" / "nlu" / "en" / "issues.yml"
    os.utime(phrases, (0, 0))
    assert fingerprint(project) == before
    phrases.write_text(phrases.read_text(encoding="utf8") + "\n", encoding="utf8")
    assert fingerprint(project) != before


@pytest.mark.parametrize(
    "file",
    [
        *("config.yml", "domain.yml", "uv.lock", "data/issues.yml", "data/articles/pay_invoice/en.md"),
        *("bot/articles/importer.py", "bot/nlu/models/intent_model.py", "bot/text/lexicon.py"),
        *(f"bot/encoder/{path.name}" for path in sorted((ROOT / "bot" / "encoder").glob("*.py"))),
    ],
)
def test_the_model_depends_on_each_room_that_it_is_made_from(project: Path, file: str) -> None:
    before = fingerprint(project)
    with (project / file).open("a", encoding="utf8") as stream:
        stream.write("\n")
    assert fingerprint(project) != before


@pytest.mark.parametrize("file", ["bot/encoder/training/train.py", "bot/batch/run.py", "actions/__init__.py"])
def test_the_model_does_not_depend_on_what_is_not_in_it(project: Path, file: str) -> None:
    before = fingerprint(project)
    with (project / file).open("a", encoding="utf8") as stream:
        stream.write("\n")
    assert fingerprint(project) == before


def test_the_modules_that_serve_do_not_import_what_only_training_needs() -> None:
    code = "import sys, bot.encoder, bot.encoder.sentences; print(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(result.stdout.split())
    assert "bot.encoder.model" in loaded
    assert not loaded & {"bot.encoder.training", "scipy", "markdown_it", "safetensors"}


def test_the_model_depends_on_the_encoders_of_the_settings_and_on_the_trees(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = project / "trees" / "it-IT" / "pay-invoice-in-azure-portal.md"
    source.parent.mkdir(parents=True)
    source.write_text("# Pagare la fattura\n", encoding="utf8")
    config = project / "config.yml"
    config.write_text(config.read_text(encoding="utf8").replace("trees: []", "trees: [trees/it-IT]"), encoding="utf8")
    seen = {fingerprint(project)}
    source.write_text("# Pagare una fattura\n", encoding="utf8")
    seen.add(fingerprint(project))
    for name, value in (("BOT_ENCODER_WEIGHTS", source), ("BOT_ENCODER", source.parent)):
        monkeypatch.setenv(name, str(value))
        get_settings.cache_clear()
        seen.add(fingerprint(project))
        monkeypatch.undo()
    get_settings.cache_clear()
    assert len(seen) == 4


def test_a_tree_that_is_not_there_is_told_in_one_sentence(project: Path) -> None:
    config = project / "config.yml"
    config.write_text(config.read_text(encoding="utf8").replace("trees: []", "trees: [no/it-IT]"), encoding="utf8")
    result = bot_command(project, "train")
    assert result.returncode == 1
    assert result.stderr.startswith("error: ")
    assert "no/it-IT: no such article tree" in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_python_310_missing_is_told_in_one_sentence(root: Path, tmp_path: Path) -> None:
    for name in ("tools", "bot"):
        (tmp_path / name).mkdir()
    shutil.copy(root / "tools" / "setup.sh", tmp_path / "tools" / "setup.sh")
    for name in ("uv.lock", "pyproject.toml", ".python-version"):
        shutil.copy(root / name, tmp_path / name)
    fake = tmp_path / "fake"
    fake.mkdir()
    (fake / "uv").write_text("#!/bin/sh\nexit 2\n", encoding="utf8")
    (fake / "uv").chmod(0o755)
    environment = {**os.environ, "PATH": f"{fake}:/usr/bin:/bin"}
    result = subprocess.run(
        [str(tmp_path / "tools" / "setup.sh")], env=environment, capture_output=True, text=True, check=False
    )
    assert result.returncode == 1
    assert "Python 3.10 was not found" in result.stderr
    assert "install it" in result.stderr


def test_setup_turns_telemetry_off_in_the_activated_environment(root: Path) -> None:
    activate = Path(sys.prefix) / "bin" / "activate"
    if not (root / ".venv" / "bin" / "activate").samefile(activate):
        pytest.skip("the tests do not run in the project's own environment")
    result = subprocess.run(
        ["bash", "-c", f". {activate} && echo $RASA_TELEMETRY_ENABLED"], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "false"


@pytest.fixture(scope="module")
def older_model(trained_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The model as if an earlier version of the bot had trained it."""
    folder = tmp_path_factory.mktemp("older")
    with tarfile.open(trained_model) as archive:
        archive.extractall(folder / "content")
    for about in (folder / "content").rglob("about.json"):
        about.write_text(about.read_text(encoding="utf8").replace(f'"{FORMAT}"', '"1"'), encoding="utf8")
    path = folder / "older.tar.gz"
    with tarfile.open(path, "w:gz", compresslevel=1) as archive:
        archive.add(folder / "content", arcname=".")
    return path


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (("run", "--port", "{port}", "--model", "{model}"), 1),
        (("triage", "{tickets}", "-o", "{output}", "--model", "{model}"), 2),
        (("explain", "my card was declined", "--model", "{model}"), 2),
    ],
)
def test_a_model_that_cannot_be_loaded_is_told_with_the_remedy(
    root: Path, tmp_path: Path, older_model: Path, command: tuple[str, ...], code: int
) -> None:
    tickets = tmp_path / "tickets.csv"
    tickets.write_text("text\nmy card was declined\n", encoding="utf8")
    places = {"port": free_port(), "model": older_model, "tickets": tickets, "output": tmp_path / "triaged.csv"}
    result = bot_command(root, *(word.format(**places) for word in command))
    assert result.returncode == code, result.stderr
    assert f"{older_model}" in result.stderr.splitlines()[-1]
    assert "cannot be loaded" in result.stderr.splitlines()[-1]
    assert "train again" in result.stdout + result.stderr
    assert "The bot answers at" not in result.stdout


def test_an_explanation_stands_alone(root: Path, trained_model: Path) -> None:
    result = bot_command(root, "explain", "my card was declined", "--model", trained_model)
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.startswith("my card was declined\n")


@dataclass
class Launched:
    """The bot as `make run` starts it, with a help desk."""

    port: int
    log: Path
    process: subprocess.Popen[bytes]
    help_desk: WebhookReceiver
    tickets: TicketStore


@pytest.fixture(scope="module")
def launched(trained_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launched]:
    """One bot for all tests of a running one; the last of them stops it. A ticket waits for its help desk."""
    folder, port, help_desk = tmp_path_factory.mktemp("launched"), free_port(), WebhookReceiver()
    tickets = TicketStore(tickets_beside(folder / "bot.log"), ["webhook"])
    tickets.open(a_draft())
    command = ["-m", "bot", "run", "--port", str(port), "--model", str(trained_model)]
    settings = {**webhook_settings(help_desk), "BOT_SECRETS_DIR": str(folder)}
    with started(command, folder / "bot.log", **settings) as process:
        yield Launched(port, folder / "bot.log", process, help_desk, tickets)
    help_desk.stop()


def test_tickets_are_delivered_beside_the_bot(launched: Launched) -> None:
    assert launched.help_desk.seen.wait(60)
    wait_until(lambda: not launched.tickets.deliveries(undelivered=True), "the delivery to be noted", 60)


def test_the_rest_channel_is_closed_unless_asked_for(launched: Launched) -> None:
    bot = RunningBot(launched.port, launched.log, launched.process, tickets="")
    with pytest.raises(urllib.error.HTTPError) as refused:
        bot.post("/webhooks/rest/webhook", {"sender": "a", "message": "hi"})
    assert refused.value.code == 404


def test_stopping_ends_the_servers(launched: Launched) -> None:
    children = _children(launched.process.pid)
    assert len(children) == 2, "Rasa's server and the delivery of tickets"
    launched.process.send_signal(signal.SIGTERM)
    assert launched.process.wait(timeout=60) == 0
    wait_until(lambda: not any(Path(f"/proc/{child}").exists() for child in children), "the servers to end", 30)


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]
