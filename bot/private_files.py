"""Files with personal data: made readable by their owner only, whatever the umask is."""

from __future__ import annotations

import logging
import os
import shlex
from functools import cache
from pathlib import Path

from sqlalchemy.engine import URL

_MODE = 0o600
_OTHERS = 0o077
# SQLite keeps these beside a database, with the database's own mode.
_COMPANIONS = ("", "-wal", "-shm", "-journal")
logger = logging.getLogger(__name__)


def write_private(path: Path, text: str) -> None:
    """Writes a new file of mode 0600; one that exists, or a symbolic link, is neither followed nor overwritten.

    Raises:
        ValueError: the file exists, or cannot be made; the message says what to do.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, _MODE)
        with os.fdopen(descriptor, "w", encoding="utf8", newline="") as stream:
            stream.write(text)
    except FileExistsError:
        raise ValueError(f"{path} exists already and is not overwritten; remove it or name another file.") from None
    except OSError as error:
        raise ValueError(f"{path} cannot be written ({error.strerror}); name another file.") from error


def prepare_sqlite_file(url: URL) -> None:
    """Makes the SQLite file of an address, and its folder, before SQLite would do so with the mode of the umask.

    A file that exists stays as it is; if others may read it, one warning says how to mend that.

    Args:
        url: as SQLAlchemy reads it. In memory there is no file, and a `file:` URI says itself how it is to be opened.

    Raises:
        OSError: the file or its folder cannot be made.
    """
    name = url.database
    if not name or name == ":memory:" or name.startswith("file:"):
        return
    path = Path(name).resolve()  # SQLite follows symbolic links, too
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, _MODE))
    except FileExistsError:
        _warn_if_wider(path)


@cache  # once in a process
def _warn_if_wider(path: Path) -> None:
    files = [path.with_name(path.name + ending) for ending in _COMPANIONS]
    wider = [str(file) for file in files if file.exists() and file.stat().st_mode & _OTHERS]
    if wider:
        logger.warning(
            "other users of this machine may read a database of the bot; run: chmod 600 %s", shlex.join(wider)
        )
