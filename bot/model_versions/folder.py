"""Reads and writes the models folder: models, the choice of the served one, comparisons, jobs and their lock.

`keep_newest` deletes old models that were trained here, never one that is served or that `undo` brings back.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import tarfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TypeVar

from bot.files import flocked, write_whole
from bot.model_versions.servers import running_servers
from bot.settings import PROJECT_ROOT, get_settings

SUFFIX = ".tar.gz"
NEWEST_KEPT = 3
"""Models that stay beside the served one and the one before it."""
_TRIES = 4
_STARTING_SECONDS = 60
_SERVED, _JOB, _COMPARISONS = "served", "job.json", "comparisons"
_Content = TypeVar("_Content")


class ModelVersionError(RuntimeError):
    """A model cannot be trained, compared or served; the message says why and what to do."""


@dataclass(frozen=True)
class Served:
    """The content of `models/served`: which model the servers answer with.

    Args:
        model: name of its file.
        previous: name of the one before it, which `undo` brings back; None at first.
        at: when it was chosen, nanoseconds since 1970: tells two choices of the same model apart.
    """

    model: str
    previous: str | None
    at: int


def models_folder(root: Path = PROJECT_ROOT) -> Path:
    """Returns the folder of a project's models; BOT_MODELS_DIR names that of this one."""
    return get_settings().models_dir if root == PROJECT_ROOT else root / "models"


def list_models(folder: Path) -> list[Path]:
    """Returns the models' files, the newest first."""
    return sorted(folder.glob(f"*{SUFFIX}"), key=lambda path: path.stat().st_mtime_ns, reverse=True)


def find_model(folder: Path, name: str) -> Path:
    """Returns a model of the folder.

    Args:
        folder: the models folder.
        name: the file's name, with or without `.tar.gz`.

    Raises:
        ModelVersionError: there is none of that name, or the file is no trained model.
    """
    path = folder / (name if name.endswith(SUFFIX) else f"{name}{SUFFIX}")
    if path.parent != folder or not path.is_file():
        raise ModelVersionError(f"{name}: there is no such model in {folder}; `python -m bot models list` names them.")
    try:
        with tarfile.open(path) as archive:
            names = {member.name.removeprefix("./") for member in archive}
    except (tarfile.TarError, OSError, EOFError) as error:
        raise ModelVersionError(f"{path}: is no whole archive ({error}); train it anew or copy it again.") from error
    if "metadata.json" not in names:
        raise ModelVersionError(f"{path}: is no model of Rasa (it has no metadata.json); name another one.")
    return path


def read_served(folder: Path) -> Served | None:
    """Returns what `models/served` says; None where nobody has chosen a model.

    Raises:
        ModelVersionError: the file is broken.
    """
    return _read_json(folder / _SERVED, Served)


def write_served(folder: Path, model: str, previous: str | None) -> Served:
    """Chooses the model that the servers answer with; those that follow the folder take it within seconds."""
    served = Served(model, previous, time.time_ns())
    _write_json(folder / _SERVED, asdict(served))
    return served


def forget_served(folder: Path) -> None:
    """Leaves the choice to the content again: `make run` serves the model of what lies in the checkout."""
    (folder / _SERVED).unlink(missing_ok=True)


def keep_newest(folder: Path) -> None:
    """Deletes old models that were trained here (`triage-*`), with their comparisons.

    The newest three stay, and so do the served one, the one before it, and what running servers answer with.
    """
    served = read_served(folder)
    kept = [server.model for server in running_servers(folder)]
    kept += [served.model, served.previous] if served else []
    trained = [path for path in list_models(folder) if path.name.startswith("triage-")]
    for path in trained[NEWEST_KEPT:]:
        if path.name not in kept:
            path.unlink(missing_ok=True)
            shutil.rmtree(comparison_folder(folder, path.name), ignore_errors=True)


def comparison_folder(folder: Path, model: str) -> Path:
    """Returns where the measured result of a model and its last comparison are kept."""
    return folder / _COMPARISONS / model.removesuffix(SUFFIX)


def read_comparison(folder: Path, model: str) -> dict[str, Any] | None:
    """Returns the last comparison of a model, None without one."""
    return _read_json(comparison_folder(folder, model) / "comparison.json", dict)


def write_comparison(folder: Path, model: str, comparison: dict[str, Any]) -> None:
    """Keeps the comparison of a model with an earlier one."""
    _write_json(comparison_folder(folder, model) / "comparison.json", comparison)


@contextmanager
def only_job(folder: Path, wait: bool = False) -> Iterator[int]:
    """Keeps others from training or comparing meanwhile: a lock on the folder, which a dead process does not leave.

    Args:
        folder: the models folder.
        wait: whether to wait for the one that runs.

    Yields:
        A file descriptor; a child process that inherits it has the lock, too, for as long as it lives.

    Raises:
        ModelVersionError: another one runs.
    """
    folder.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        if not _locked(descriptor):
            if not wait:
                raise ModelVersionError(
                    f"a training or comparison runs already in {folder}; `python -m bot models list` tells how it goes."
                )
            print(f"waiting for the training or comparison that runs in {folder} ...", flush=True)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield descriptor
    finally:
        os.close(descriptor)


def _locked(descriptor: int) -> bool:
    """Takes the lock of a file, unless somebody has it for longer than whoever only asks for it."""
    for _ in range(_TRIES):
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            time.sleep(0.05)
    return False


def is_busy(folder: Path) -> bool:
    """Tells whether a training or comparison runs."""
    try:
        with flocked(os.open(folder, os.O_RDONLY), fcntl.LOCK_SH | fcntl.LOCK_NB):
            return False
    except BlockingIOError:
        return True
    except OSError:
        return False


def read_job(folder: Path) -> dict[str, Any] | None:
    """Returns the last training or comparison: `job`, `state` (running, done, failed), `at`, `message`."""
    job: dict[str, Any] | None = _read_json(folder / _JOB, dict)
    # One that has just been started has the lock in a moment.
    if job and job["state"] == "running" and time.time() - job["at"] > _STARTING_SECONDS and not is_busy(folder):
        return {**job, "state": "failed", "message": "its process was ended; begin again."}
    return job


def write_job(folder: Path, job: str, state: str, message: str = "") -> None:
    """Notes how a training or comparison goes, for those who look at the desk."""
    _write_json(folder / _JOB, {"job": job, "state": state, "at": int(time.time()), "message": message})


def _read_json(path: Path, kind: Callable[..., _Content]) -> _Content | None:
    """Returns what is made of the members of a file's object; None where there is no file."""
    try:
        return kind(**json.loads(path.read_text(encoding="utf8")))
    except FileNotFoundError:
        return None
    except (OSError, TypeError, ValueError) as error:
        raise ModelVersionError(f"{path}: cannot be read ({error}); delete it, and do it again.") from error


def _write_json(path: Path, content: dict[str, Any]) -> None:
    try:
        write_whole(path, json.dumps(content, ensure_ascii=False, indent=1) + "\n")
    except OSError as error:
        raise ModelVersionError(
            f"{path}: cannot be written ({error.strerror}); do it where the models folder is writable, or make room."
        ) from error
