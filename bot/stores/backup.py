"""The commands `python -m bot db backup` and `restore`: conversations, tickets and nightly runs, with rows counted.

Imported articles and keys are in no backup. `restore` replaces the databases of the settings; without `--replace`, it
refuses those that have rows.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sqlite3
from contextlib import closing
from datetime import datetime, timezone
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy.engine import make_url
from sqlalchemy.exc import SQLAlchemyError

from bot.files import sha256_of, write_private
from bot.settings import get_settings
from bot.stores import postgresql
from bot.stores.databases import cause, count_rows, open_to_read, prepare_sqlite_file, reading, sqlite_file
from bot.stores.postgresql import BackupError
from bot.tickets.commands import add_verb

MANIFEST = "manifest.json"
_LOCK_SECONDS = 60
_VERSIONS = "alembic_version"  # has a row in an empty database, too
_ENDINGS = {"sqlite": ".db", "postgresql": ".dump"}


def add_verbs(verbs: Any) -> None:
    """Adds `db backup` and `db restore`."""
    summary = "copy conversations, tickets and nightly runs into a new folder, while the bot runs"
    parser = add_verb(verbs, "backup", summary, _backup)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="a new folder, readable by its owner only")
    parser = add_verb(verbs, "restore", "put a backup back into the databases of the settings; stop the bot", _restore)
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="as `db backup` has made it")
    parser.add_argument("--replace", action="store_true", help="delete what the databases have now")


def _backup(options: argparse.Namespace) -> None:
    folder = options.folder
    half = folder.with_name(folder.name + ".part")
    try:
        if folder.exists():
            raise BackupError(f"{folder} exists already and is not overwritten; name a new folder.")
        shutil.rmtree(half, ignore_errors=True)
        half.mkdir(mode=0o700, parents=True)
        copies = {name: _copied(name, url, half) for name, url in _databases().items()}
        kept = {name: entry for name, entry in copies.items() if entry}
        if not kept:
            raise BackupError("there is no database yet; nothing was copied.")
        _print_rows(kept)
        made = {"made_at": datetime.now(timezone.utc).isoformat(timespec="seconds"), "databases": kept}
        write_private(half / MANIFEST, json.dumps(made, indent=2) + "\n")
        half.rename(folder)
    except (OSError, sqlite3.Error, SQLAlchemyError) as error:
        raise BackupError(f"no backup was made ({cause(error)}); correct that and run it again.") from error
    finally:
        shutil.rmtree(half, ignore_errors=True)
    print(f"the backup is in {folder}")
    others = (
        f"{get_settings().secrets_dir} (key that signs the page's tokens) and files of settings (BOT_..., passwords)"
    )
    print(f"Not in it, keep them apart: {others}. Imported articles are imported again.")


def _restore(options: argparse.Namespace) -> None:
    try:
        kept = _manifest(options.folder)
        urls = _databases()
        for name, entry in kept.items():
            _check(name, entry, urls.get(name), options.replace)
        for name, entry in kept.items():
            _put_back(options.folder / entry["file"], urls[name])
            found = _rows_of(urls[name])
            if found != entry["rows"]:
                counts = f"expected {entry['rows']}, found {found}"
                raise BackupError(f"{name}: not all rows came back ({counts}); is the bot running?")
    except (OSError, sqlite3.Error, SQLAlchemyError) as error:
        raise BackupError(f"not restored ({cause(error)}); correct that and run it again with --replace.") from error
    _print_rows(kept)
    print("restored; all rows are there. Older tables are brought up to date when the bot starts.")


def _databases() -> dict[str, str]:
    """Returns the address of each database of the settings, by name; one that has two names under its first."""
    settings = get_settings()
    urls: dict[str, str] = {}
    for name, secret in (
        ("conversations", settings.tracker_database),
        ("tickets", settings.tickets_database),
        ("nightly_runs", settings.regression_database),
    ):
        if secret.get_secret_value() not in urls.values():
            urls[name] = secret.get_secret_value()
    return urls


def _copied(name: str, url: str, folder: Path) -> dict[str, Any] | None:
    """Copies a database into a folder; returns its entry of the manifest, None where there is no file yet."""
    kind, source = make_url(url).get_backend_name(), sqlite_file(url)
    target = folder / f"{name}{_ENDINGS[kind]}"
    if source is not None and not source.exists():
        return None
    target.touch(mode=0o600)
    if source is None:
        rows = postgresql.dump(open_to_read(url, limited=False), target)
    else:
        _copy_sqlite(source, target)
        with closing(sqlite3.connect(target)) as connection:
            connection.execute("PRAGMA journal_mode = DELETE")  # one file, without a log beside it
        rows = _rows_of(f"sqlite:///{target}")
    return {"kind": kind, "file": target.name, "sha256": sha256_of(target), "rows": rows}


def _copy_sqlite(source: Path, target: Path) -> None:
    """Copies a database by SQLite's own means: in one transaction, while others read and write either of them."""
    original = sqlite3.connect(f"file:{quote(str(source))}?mode=ro", uri=True, timeout=_LOCK_SECONDS)
    with closing(original), closing(sqlite3.connect(target, timeout=_LOCK_SECONDS)) as copy:
        original.backup(copy)


def _manifest(folder: Path) -> dict[str, Any]:
    """Returns the entries of a backup by database.

    Raises:
        BackupError: the folder is no backup, or not as it was made.
    """
    try:
        entries: dict[str, Any] = json.loads((folder / MANIFEST).read_text(encoding="utf8"))["databases"]
    except (OSError, ValueError, KeyError) as error:
        raise BackupError(f"{folder} is no backup ({error}); name a folder that `db backup` has made.") from error
    for entry in entries.values():
        file = folder / entry["file"]
        if not file.is_file() or sha256_of(file) != entry["sha256"]:
            raise BackupError(f"{file} is missing or not as it was written; take another backup. Nothing was changed.")
    return entries


def _check(name: str, entry: dict[str, Any], url: str | None, replace: bool) -> None:
    """Refuses what must not be restored, before anything is changed."""
    if url is None or make_url(url).get_backend_name() != entry["kind"]:
        raise BackupError(
            f"the backup of {name} is of {entry['kind']}, the settings name another kind of database; restore to "
            f"{entry['kind']}, then `python -m bot db migrate` goes from SQLite to PostgreSQL. Nothing was changed."
        )
    if not replace and any(rows for table, rows in _rows_of(url).items() if table != _VERSIONS):
        remedy = "give --replace to delete them, or set an empty one"
        raise BackupError(f"the database of {name} has rows already; {remedy}. Nothing was changed.")


def _put_back(file: Path, url: str) -> None:
    target = sqlite_file(url)
    if target is None:
        postgresql.restore(open_to_read(url, limited=False), file)
    else:
        prepare_sqlite_file(url)
        _copy_sqlite(file, target)


def _rows_of(url: str) -> dict[str, int]:
    """Returns the number of rows of each table; nothing where there is no file yet."""
    with reading(url, limited=False) as connection:
        return {} if connection is None else count_rows(connection)


def _print_rows(kept: dict[str, Any]) -> None:
    for name, entry in kept.items():
        for table, rows in entry["rows"].items():
            print(f"{name}: {table}: {rows} rows")
