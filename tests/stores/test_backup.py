"""Backup and restore, by the commands that an operator uses; every row counted, for both engines."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import create_engine

from bot.stores.databases import count_rows
from bot.stores.postgresql import BackupError, newest_program
from bot.tickets.store import TicketStore
from tests.conftest import ROOT
from tests.stores.old_databases import CONVERSATION_ROWS, TICKET_ROWS, load
from tests.support.servers import PostgresServer
from tests.tickets.conftest import a_draft

Made = Callable[[], dict[str, str]]
PRINTED = [
    *(f"conversations: {table}: {rows} rows" for table, rows in CONVERSATION_ROWS.items()),
    *(f"tickets: {table}: {rows} rows" for table, rows in TICKET_ROWS.items()),
]


@pytest.fixture(params=["sqlite", "postgresql"])
def empty(request: pytest.FixtureRequest, tmp_path: Path) -> Made:
    """Makes settings that name empty databases, of each engine."""
    count = iter(range(100))

    def made() -> dict[str, str]:
        if request.param == "sqlite":
            folder = tmp_path / f"machine-{next(count)}"
            folder.mkdir()
            urls = [f"sqlite:///{folder / name}.db" for name in ("conversations", "tickets")]
        else:
            server: PostgresServer = request.getfixturevalue("postgres")
            urls = [server.database(), server.database()]
        missing = f"sqlite:///{tmp_path / 'none.db'}"
        return {**dict(zip(NAMES.values(), urls, strict=True)), "BOT_REGRESSION_DATABASE": missing}

    return made


NAMES = {"conversations": "BOT_TRACKER_DATABASE", "tickets": "BOT_TICKETS_DATABASE"}


def filled(settings: dict[str, str]) -> dict[str, str]:
    """Fills databases; returns the settings that name them."""
    for name, variable in NAMES.items():
        load(name, settings[variable])
    return settings


def db(settings: dict[str, str], *words: object) -> subprocess.CompletedProcess[str]:
    """Runs `python -m bot db`."""
    command = [sys.executable, "-m", "bot", "db", *map(str, words)]
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, **settings}, capture_output=True, text=True, check=False
    )


def rows(url: str) -> dict[str, int]:
    """Returns the number of rows of each table."""
    engine = create_engine(url)
    with engine.connect() as connection:
        found = count_rows(connection)
    engine.dispose()
    return found


def test_what_is_backed_up_comes_back_on_another_machine(empty: Made, tmp_path: Path) -> None:
    here, there, folder = filled(empty()), empty(), tmp_path / "backup"
    done = db(here, "backup", folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[: len(PRINTED)] == PRINTED
    assert "keep them apart" in done.stdout
    assert {stat.S_IMODE(path.stat().st_mode) for path in folder.iterdir()} == {0o600}
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    done = db(there, "restore", folder)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines()[: len(PRINTED)] == PRINTED
    assert [rows(there[variable]) for variable in NAMES.values()] == [CONVERSATION_ROWS, TICKET_ROWS]
    # The present code works with what came back, and no number is given again.
    assert TicketStore(there["BOT_TICKETS_DATABASE"]).open(a_draft(form_id="new", conversation_id="page-9")).id == 6


def test_a_restore_replaces_only_what_it_is_told_to(empty: Made, tmp_path: Path) -> None:
    settings, folder = filled(empty()), tmp_path / "backup"
    assert db(settings, "backup", folder).returncode == 0
    # Later, with the newest tables, which the backup has not.
    store = TicketStore(settings["BOT_TICKETS_DATABASE"])
    store.open(a_draft(form_id="late", conversation_id="page-9"))
    done = db(settings, "restore", folder)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "error: the database of conversations has rows already; give --replace to delete them, or set an empty one. "
        "Nothing was changed.\n"
    )
    assert len(store.tickets()) == 5
    store.engine.dispose()
    done = db(settings, "restore", folder, "--replace")
    assert (done.returncode, done.stderr) == (0, "")
    assert [rows(settings[variable]) for variable in NAMES.values()] == [CONVERSATION_ROWS, TICKET_ROWS]


def test_a_backup_is_made_while_the_bot_writes(empty: Made, tmp_path: Path) -> None:
    here, there, folder = filled(empty()), empty(), tmp_path / "backup"
    store, stopped, opened = TicketStore(here["BOT_TICKETS_DATABASE"], ["webhook"]), threading.Event(), []

    def write() -> None:
        while not stopped.is_set():
            opened.append(store.open(a_draft(form_id=f"form-{len(opened)}", conversation_id="busy")))

    writer = threading.Thread(target=write)
    writer.start()
    try:
        done = db(here, "backup", folder)
    finally:
        stopped.set()
        writer.join()
    assert done.returncode == 0, done.stderr
    assert db(there, "restore", folder).returncode == 0
    restored = TicketStore(there["BOT_TICKETS_DATABASE"])
    busy = [ticket for ticket in restored.tickets() if ticket.conversation_id == "busy"]
    assert busy == opened[: len(busy)], "a moment in between, whole"
    assert len(restored.deliveries()) == TICKET_ROWS["outbox"] + len(busy)


def test_a_damaged_backup_is_refused_before_anything_is_changed(empty: Made, tmp_path: Path) -> None:
    settings, folder = filled(empty()), tmp_path / "backup"
    assert db(settings, "backup", folder).returncode == 0
    damaged = next(folder.glob("tickets.*"))
    damaged.write_bytes(damaged.read_bytes()[:-100])
    done = db(settings, "restore", folder, "--replace")
    assert done.returncode == 1
    assert done.stderr == (
        f"error: {damaged} is missing or not as it was written; take another backup. Nothing was changed.\n"
    )
    assert rows(settings["BOT_TICKETS_DATABASE"]) == TICKET_ROWS


def test_a_backup_overwrites_nothing_and_needs_databases(tmp_path: Path) -> None:
    settings = {variable: f"sqlite:///{tmp_path / name}.db" for name, variable in NAMES.items()}
    settings["BOT_REGRESSION_DATABASE"] = f"sqlite:///{tmp_path / 'none.db'}"
    done = db(settings, "backup", tmp_path / "backup")
    assert (done.returncode, done.stderr) == (1, "error: there is no database yet; nothing was copied.\n")
    done = db(filled(settings), "backup", tmp_path)
    assert (done.returncode, done.stderr) == (
        1,
        f"error: {tmp_path} exists already and is not overwritten; name a new folder.\n",
    )
    assert list(tmp_path.parent.glob("*.part")) == []


def test_a_backup_of_sqlite_is_not_restored_into_postgresql(postgres: PostgresServer, tmp_path: Path) -> None:
    here = filled({variable: f"sqlite:///{tmp_path / name}.db" for name, variable in NAMES.items()})
    assert db(here, "backup", tmp_path / "backup").returncode == 0
    assert set(json.loads((tmp_path / "backup" / "manifest.json").read_text())["databases"]) >= set(NAMES)
    done = db(dict.fromkeys(NAMES.values(), postgres.database()), "restore", tmp_path / "backup")
    assert done.returncode == 1
    assert "python -m bot db migrate" in done.stderr


@pytest.mark.parametrize(
    ("program", "server", "told"),
    [
        ("pg_dump", 99, r"pg_dump is of PostgreSQL \d+, the server of 99; install postgresql-client-99\."),
        ("pg_nothing", 15, r"there is no pg_nothing on this machine; install postgresql-client-15\."),
    ],
)
@pytest.mark.usefixtures("postgres")
def test_programs_of_postgresql_that_are_missing_or_too_old_are_named(program: str, server: int, told: str) -> None:
    with pytest.raises(BackupError, match=told):
        newest_program(program, server)
