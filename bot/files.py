"""Files that are written wholly or not at all, files that only their owner may read, locks and digests of files."""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

PRIVATE = 0o600
"""Mode of files with personal data, whatever the umask is."""


@contextmanager
def written_whole(path: Path) -> Iterator[BinaryIO]:
    """Opens a file that takes its place when all of it is written; what was there before stays until then.

    Raises:
        OSError: it cannot be written.
    """
    half = path.with_name(path.name + ".part")
    try:
        with half.open("wb") as stream:
            yield stream
            stream.flush()
            os.fsync(stream.fileno())
        half.replace(path)
    except BaseException:
        half.unlink(missing_ok=True)
        raise


def write_whole(path: Path, text: str) -> None:
    """Writes a text file (UTF-8) as `written_whole` does, and makes its folder.

    Raises:
        OSError: it cannot be written; what was there before is unharmed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as stream:
        stream.write(text.encode())


@contextmanager
def flocked(descriptor: int, operation: int = fcntl.LOCK_EX) -> Iterator[None]:
    """Locks an open file or folder until the block ends, or the process; then closes it.

    Args:
        descriptor: of the file or folder.
        operation: as `fcntl.flock` takes it.

    Raises:
        BlockingIOError: another process has the lock, and `operation` says not to wait for it.
    """
    try:
        fcntl.flock(descriptor, operation)
        yield
    finally:
        os.close(descriptor)


def sha256_of(path: Path) -> str:
    """Returns the SHA-256 of a file's content in hexadecimal digits; reads it piece by piece."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(2**20):
            digest.update(block)
    return digest.hexdigest()


def write_private(path: Path, text: str) -> None:
    """Writes a new file of mode 0600; one that exists, or a symbolic link, is neither followed nor overwritten.

    Raises:
        ValueError: the file exists, or cannot be made; the message says what to do.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, PRIVATE)
        with os.fdopen(descriptor, "w", encoding="utf8", newline="") as stream:
            stream.write(text)
    except FileExistsError:
        raise ValueError(f"{path} exists already and is not overwritten; remove it or name another file.") from None
    except OSError as error:
        raise ValueError(f"{path} cannot be written ({error.strerror}); name another file.") from error
