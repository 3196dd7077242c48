"""`python -m bot doctor` on real installations: a good one, a half-configured one, a badly open one."""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest
from sqlalchemy import update

from bot.desk.accounts import Accounts
from bot.regression.history import History
from bot.settings import HELP_DESKS
from bot.stores.conversations import EVENTS, open_conversations
from bot.stores.regression_runs import PastRun
from bot.tickets.store import TicketStore
from bot.tickets.tables import OUTBOX
from tests.conftest import ROOT, databases_beside, free_port, started
from tests.stores.old_databases import load
from tests.support.help_desks import SECRET, WebhookReceiver
from tests.support.programs import Program, agents_desk
from tests.support.servers import wait_until
from tests.tickets.conftest import a_draft

HERE = Path(__file__).parent
DOCS = ROOT / "docs" / "operations.md"


def doctor(settings: Mapping[str, str], *words: object) -> subprocess.CompletedProcess[str]:
    """Runs the command with these settings and no others."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("BOT_")}
    command = [sys.executable, "-m", "bot", "doctor", *map(str, words)]
    return subprocess.run(command, cwd=ROOT, env={**others, **settings}, capture_output=True, text=True, check=False)


def expected(name: str, found: str) -> str:
    """Returns the output that is documented; writes it anew on request (`UPDATE_DOCTOR=1`)."""
    file = HERE / f"{name}.txt"
    if os.environ.get("UPDATE_DOCTOR") == "1":
        file.write_text(found, encoding="utf8")
    return file.read_text(encoding="utf8")


def shown(output: str, places: Mapping[str, str]) -> str:
    """Returns the output with what differs from machine to machine replaced.

    Args:
        output: of the command.
        places: folder, port or file of the test -> how the documentation has it.
    """
    for found, named in places.items():
        output = output.replace(found, named)
    output = re.sub(r"\d+ MB free in \S+", "41200 MB free in /var/lib/billing-triage", output)
    output = re.sub(r"is whole and \d+ (days|hours) old", "is whole and 5 hours old", output)
    return re.sub(r"\d{4}-\d\d-\d\d \d\d:\d\d UTC", "2026-11-23 03:04 UTC", output)


def settings_in(folder: Path) -> dict[str, str]:
    """Returns settings that keep everything in a folder."""
    return {
        **databases_beside(folder / "bot.log"),
        "BOT_REGRESSION_DATABASE": f"sqlite:///{folder / 'regression.db'}",
        "BOT_SECRETS_DIR": str(folder / "secrets"),
    }


@contextmanager
def running(program: Program) -> Iterator[str]:
    """Starts a program, waits until it answers, returns its port, and stops it."""
    program.start()
    try:
        program.wait()
        yield program.origin.rpartition(":")[2]
    finally:
        program.stop()


@pytest.fixture
def receiver() -> Iterator[WebhookReceiver]:
    """A help desk that takes webhooks."""
    server = WebhookReceiver()
    yield server
    server.stop()


def test_a_good_installation_is_found_good(trained_model: Path, tmp_path: Path, receiver: WebhookReceiver) -> None:
    settings = settings_in(tmp_path) | {
        "BOT_DESK": "on",
        "BOT_DESK_ORIGIN": "https://desk.example.com",
        "BOT_PAGE_ORIGIN": "https://help.example.com",
        "BOT_PROXIES_COUNT": "1",
        "BOT_METRICS_TOKEN": secrets.token_hex(16),
        "BOT_TICKETS_WEBHOOK_URL": receiver.url,
        "BOT_TICKETS_WEBHOOK_SECRET": SECRET,
    }
    store = TicketStore(settings["BOT_TICKETS_DATABASE"], ["webhook"])
    Accounts(store).add("mari", "admin")
    now = datetime.now(timezone.utc).isoformat()
    History(settings["BOT_REGRESSION_DATABASE"]).add(PastRun(now, "abc", "good", {}))
    port = free_port()
    command = ["-m", "bot", "run", "--port", str(port), "--model", str(trained_model)]
    others = {name: value for name, value in settings.items() if name != "BOT_DESK"}
    with started(command, tmp_path / "bot.log", **others):
        words = ["--model", trained_model, "--port", port, "--desk-port", free_port()]
        done = doctor(settings, *words)
        as_json = doctor(settings, *words, "--json")
    desk = receiver.url.split("/")[2]
    places = {str(tmp_path): "/var/lib/billing-triage", str(trained_model): "models/triage.tar.gz"}
    found = shown(done.stdout, {**places, desk: "127.0.0.1:8090", f":{port}": ":5005"})
    assert found == expected("good", found), done.stderr
    assert (done.returncode, done.stderr) == (0, "")
    findings = json.loads(as_json.stdout)
    assert [finding["check"] for finding in findings] == [line.split("  ")[1].strip() for line in _lines(done.stdout)]
    assert {tuple(finding) for finding in findings} == {("check", "status", "found", "remedy")}


def _lines(output: str) -> list[str]:
    return [re.sub(r"^(\w+) +", r"\1  ", line) for line in output.splitlines()[:-1]]


def test_a_half_configured_installation_is_told_what_is_missing(tmp_path: Path) -> None:
    gone = free_port()
    settings = settings_in(tmp_path) | {
        "BOT_DESK": "on",
        "BOT_KEEP_TICKETS_DAYS": "36500",  # those of the older version are from 2026
        "BOT_TICKETS_TARGET": "webhook",
        "BOT_TICKETS_TARGETS": "emial",
        "BOT_TICKETS_WEBHOOK_URL": f"http://127.0.0.1:{gone}/tickets",
        "BOT_REDIS_URL": f"redis://:password@127.0.0.1:{gone}/0",
        "BOT_ACTION_SERVER_URL": f"http://127.0.0.1:{gone}/webhook",
        "BOT_BROKER_URL": f"amqp://bot:password@127.0.0.1:{gone}/",
        "BOT_PAGE_ORIGIN": "https://help.example.com",
    }
    load("tickets", settings["BOT_TICKETS_DATABASE"])  # of an older version, with tickets that nobody has delivered
    model = tmp_path / "models" / "triage.tar.gz"
    done = doctor(settings, "--model", model, "--port", free_port(), "--desk-port", free_port())
    found = re.sub(r"nothing listens at port \d+", "nothing listens at port 5005", done.stdout)
    found = shown(found, {str(tmp_path): "/var/lib/billing-triage", f":{gone}": ":7999"})
    assert found == expected("half_configured", found), done.stderr
    assert (done.returncode, done.stderr) == (1, "")
    assert "password" not in done.stdout


def test_a_badly_open_installation_is_told_who_may_enter(trained_model: Path, tmp_path: Path) -> None:
    env_file = tmp_path / "bot.env"
    settings = settings_in(tmp_path) | {
        "BOT_DESK": "on",
        "BOT_DESK_ORIGIN": "http://desk.example.com",
        "BOT_PROXIES_COUNT": "1",
        "BOT_SECRET_KEY": "changeme" * 4,
        "BOT_METRICS_TOKEN": "a" * 16,
    }
    env_file.write_text("\n".join(["# settings", *(f'{name}="{value}"' for name, value in settings.items())]))
    env_file.chmod(0o644)
    store = TicketStore(settings["BOT_TICKETS_DATABASE"], ["webhook"])
    store.open(a_draft())
    with store.writing() as connection:
        connection.execute(update(OUTBOX).values(state="parked"))
    conversations = open_conversations(settings["BOT_TRACKER_DATABASE"])
    long_ago = (datetime.now(timezone.utc) - timedelta(days=40)).timestamp()
    with conversations.begin() as connection:
        connection.execute(EVENTS.insert(), [{"sender_id": "old", "type_name": "user", "timestamp": long_ago}])
    conversations.dispose()
    store.engine.dispose()
    (tmp_path / "tickets.db").chmod(0o644)
    History(settings["BOT_REGRESSION_DATABASE"]).add(PastRun("2026-11-01T03:04:00", "abc", "worse", {}))
    desk = agents_desk(tmp_path, {**os.environ, **settings})
    desk.command += ["--host", "0.0.0.0"]
    desk.health = None
    port, desk_port = free_port(), desk.command[desk.command.index("--port") + 1]
    command = ["-m", "bot", "run", "--port", str(port), "--host", "0.0.0.0", "--rest", "--model", str(trained_model)]
    command += ["--", "--enable-api"]
    desk.start()
    try:
        with started(command, tmp_path / "bot.log", **settings):
            wait_until(lambda: "desk is at" in desk.log.read_text(encoding="utf8"), "the desk")
            options = ["--env-file", env_file, "--model", trained_model, "--port", port, "--desk-port", desk_port]
            done = doctor({}, *options)
    finally:
        desk.stop()
    places = {str(tmp_path): "/srv/billing-triage", str(trained_model): "models/triage.tar.gz", f":{port}": ":5005"}
    found = shown(done.stdout, {**places, f":{desk_port}": ":5010"})
    assert found == expected("open", found), done.stderr
    assert (done.returncode, done.stderr) == (1, "")


@pytest.mark.parametrize("name", ["good", "half_configured", "open"])
def test_the_documentation_shows_what_the_command_prints(name: str) -> None:
    assert (HERE / f"{name}.txt").read_text(encoding="utf8") in DOCS.read_text(encoding="utf8")


def test_a_file_of_settings_that_cannot_be_read_is_named_with_its_line(tmp_path: Path) -> None:
    (tmp_path / "bot.env").write_text("BOT_DESK=on\nBOT_PAGE_ORIGIN=https://a.example https://b.example\n")
    done = doctor({}, "--env-file", tmp_path / "bot.env")
    assert done.returncode == 1
    assert done.stderr == (
        f"error: {tmp_path / 'bot.env'}:2: expected NAME=value, with quotes around a value with blanks.\n"
    )


def test_other_commands_say_which_setting_does_not_fit() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "bot", "tickets", "list"],
        cwd=ROOT,
        env={**os.environ, "BOT_TICKETS_TARGETS": "webhook emial"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "error: BOT_TICKETS_TARGETS: 'emial' is no help desk (did you mean email?); there are "
        f"{', '.join(HELP_DESKS)}; correct or remove it.\n"
    )
