"""What a run has done so far: a part for each chunk in a folder beside the output, and what the run is about."""

from __future__ import annotations

import fcntl
import hashlib
import json
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bot.batch.rows import BatchError
from bot.files import written_whole


class Parts:
    """The folder of a run that is not done; while it is open no other run can use it.

    Args:
        folder: where it is or will be.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def opened(self) -> Iterator[Parts]:
        """Keeps other runs away.

        Raises:
            BatchError: another run is at work here.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("wb") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise BatchError(f"{self.folder}: another run is at work on this output; wait for it.") from error
            yield self

    def begin(self, about: Mapping[str, Any], force: bool) -> None:
        """Makes sure that the parts belong to this run.

        Args:
            about: what the results depend on: input, model, options; plain values of JSON.
            force: whether parts of another run are thrown away.

        Raises:
            BatchError: they belong to another one.
        """
        path = self.folder / "manifest.json"
        if path.exists():
            known = json.loads(path.read_text(encoding="utf8"))
            if known == about:
                return
            if not force:
                changed = ", ".join(sorted(key for key in about if known.get(key) != about[key]))
                raise BatchError(
                    f"{self.folder}: has parts of another run (different: {changed}); --force throws them away."
                )
            for part in self.in_order():
                part.unlink()
        with written_whole(path) as stream:
            stream.write(json.dumps(about, indent=1).encode())

    def path(self, number: int) -> Path:
        """Returns the file of a chunk's result, which is there when the chunk is done."""
        return self.folder / f"{number:08}.arrow"

    def in_order(self) -> list[Path]:
        """Returns the parts, in the order of the input."""
        return sorted(self.folder.glob("*.arrow"))

    def remove(self) -> None:
        """Throws everything away."""
        shutil.rmtree(self.folder)


def digest_of(path: Path) -> str:
    """Returns the SHA-256 of a file's content."""
    digest = hashlib.sha256()
    with path.open("rb") as stream:
        while block := stream.read(2**20):
            digest.update(block)
    return digest.hexdigest()
