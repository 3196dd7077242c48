"""Dumps and restores PostgreSQL databases with PostgreSQL's own programs, pg_dump, pg_restore and psql."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from sqlalchemy import inspect, text
from sqlalchemy.engine import URL, Connection, Engine

from bot.stores import DatabaseError
from bot.stores.databases import count_rows

_CLUSTERS = Path("/usr/lib/postgresql")


class BackupError(DatabaseError):
    """A backup was not made or not restored; the message says why and what to do."""


def dump(engine: Engine, file: Path) -> dict[str, int]:
    """Writes a database to a file in pg_dump's custom format, while others go on writing.

    Args:
        engine: the database.
        file: a new one.

    Returns:
        Table -> number of rows in the dump.

    Raises:
        BackupError: pg_dump is missing, older than the server, or has failed.
    """
    with engine.connect().execution_options(isolation_level="REPEATABLE READ") as connection:
        program = newest_program("pg_dump", _server_version(connection))
        # What is counted is what is dumped: both see the same moment.
        snapshot = connection.execute(text("SELECT pg_export_snapshot()")).scalar_one()
        options = ["--format=custom", "--no-owner", "--no-privileges", f"--snapshot={snapshot}", f"--file={file}"]
        _call([program, *options], engine.url)
        return count_rows(connection)


def restore(engine: Engine, file: Path) -> None:
    """Replaces all tables of a database by those of a dump, in one transaction: wholly or not at all.

    Args:
        engine: the database.
        file: as `dump` has written it.

    Raises:
        BackupError: a program is missing, older than the server, or has failed; the database is as it was.
    """
    with engine.connect() as connection:
        version = _server_version(connection)
        quote = connection.dialect.identifier_preparer.quote
        tables = ", ".join(quote(name) for name in inspect(connection).get_table_names())
    pg_restore, psql = (newest_program(name, version) for name in ("pg_restore", "psql"))
    with tempfile.TemporaryDirectory() as folder:  # of mode 0700
        script = Path(folder) / "restore.sql"
        _call([pg_restore, "--no-owner", "--no-privileges", f"--file={script}", str(file)], None)
        drop = ["-c", f"DROP TABLE {tables} CASCADE"] if tables else []
        _call([psql, "--quiet", "--no-psqlrc", "-1", "-v", "ON_ERROR_STOP=1", *drop, "-f", str(script)], engine.url)


def _server_version(connection: Connection) -> int:
    return int(connection.execute(text("SHOW server_version_num")).scalar_one()) // 10000


def newest_program(name: str, server: int) -> str:
    """Returns the newest installed program of PostgreSQL.

    Raises:
        BackupError: there is none, or none as new as the server.
    """
    found = [*map(str, _CLUSTERS.glob(f"*/bin/{name}")), shutil.which(name)]
    versions = {program: _version(program) for program in found if program}
    if not versions:
        raise BackupError(f"there is no {name} on this machine; install postgresql-client-{server}.")
    newest = max(versions, key=lambda program: versions[program])
    if versions[newest] < server:
        too_old = f"{name} is of PostgreSQL {versions[newest]}, the server of {server}"
        raise BackupError(f"{too_old}; install postgresql-client-{server}.")
    return newest


def _version(program: str) -> int:
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout
    number = re.search(r"(\d+)", version)
    return int(number.group(1)) if number else 0


def _call(command: list[str], url: URL | None) -> None:
    """Runs a program of PostgreSQL; lists of processes do not show the password.

    Args:
        command: its words.
        url: the database; None where it needs none.

    Raises:
        BackupError: it has failed.
    """
    environment, words = dict(os.environ), list(command)
    if url is not None:
        if url.password:
            environment["PGPASSWORD"] = str(url.password)
        words.append(f"--dbname={url.set(drivername='postgresql', password=None).render_as_string()}")
    done = subprocess.run(words, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        problem = done.stderr.strip().splitlines() or ["no message"]
        raise BackupError(f"{Path(command[0]).name} has failed: {problem[0]}")
