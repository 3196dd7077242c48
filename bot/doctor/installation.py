"""Defines what the doctor examines (`Installation`) and finds (`Finding`), and reads its files of settings (*.env)."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from bot.settings import PROJECT_ROOT, Settings

Status = Literal["ok", "warning", "error"]
PREFIX = "BOT_"
THIS_MACHINE = {"localhost", "127.0.0.1", "::1"}
# Where deploy/ has settings put; others are named with --env-file.
USUAL_ENV_FILES = (("/etc/billing-triage", "*.env"), (PROJECT_ROOT / "deploy", "*.env"), (PROJECT_ROOT, ".env"))


class EnvFileError(ValueError):
    """A file of settings cannot be read; the message says why and what to do."""


@dataclass(frozen=True)
class Finding:
    """The result of one check.

    Args:
        check: its name, unique.
        status: `ok`; `warning`, which may be meant so; or `error`, which must be corrected.
        found: the state of things, as a sentence without its end.
        remedy: the way to correct it; empty where it is ok.
    """

    check: str
    status: Status
    found: str
    remedy: str = ""


@dataclass(frozen=True)
class Installation:
    """Settings, and where the bot and the desk are.

    Args:
        settings: those that can be read; the default stands for one that does not fit.
        variables: `BOT_...` -> value, as they are set.
        env_files: files that settings are kept in.
        port: where the bot listens on this machine.
        desk_port: where the agents' desk listens on this machine.
        model: the model that is served; None for that of the present content.
        root: the project's folder.
    """

    settings: Settings
    variables: Mapping[str, str]
    env_files: tuple[Path, ...]
    port: int
    desk_port: int
    model: Path | None = None
    root: Path = PROJECT_ROOT

    @property
    def databases(self) -> dict[str, tuple[str, str]]:
        """Name of a database -> the variable that names it, and its address."""
        return {
            "conversations": ("BOT_TRACKER_DATABASE", self.settings.tracker_database.get_secret_value()),
            "tickets": ("BOT_TICKETS_DATABASE", self.settings.tickets_database.get_secret_value()),
            "nightly runs": ("BOT_REGRESSION_DATABASE", self.settings.regression_database.get_secret_value()),
        }


Check = Callable[[Installation], Finding | Iterable[Finding]]


def usual_env_files() -> list[Path]:
    """Returns the files of settings that are where deploy/ has them put."""
    try:
        return [path for folder, pattern in USUAL_ENV_FILES for path in sorted(Path(folder).glob(pattern))]
    except OSError:  # a folder that this user may not look into is as it should be
        return []


def read_env_file(path: Path) -> dict[str, str]:
    """Reads the settings of a file as systemd and a shell do: `NAME=value`, quoted where need be, `#` comments.

    Raises:
        EnvFileError: it cannot be read; the message names the line.
    """
    found = {}
    try:
        lines = path.read_text(encoding="utf8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise EnvFileError(f"{path}: cannot be read ({error}); name another file with --env-file.") from error
    for number, line in enumerate(lines, start=1):
        if not line.strip() or line.lstrip()[0] in "#;":
            continue
        name, equals, value = line.strip().partition("=")
        try:
            words = shlex.split(value)
        except ValueError as error:
            raise EnvFileError(f"{path}:{number}: {error}; expected NAME=value.") from error
        if not equals or not name.isidentifier() or len(words) > 1:
            raise EnvFileError(f"{path}:{number}: expected NAME=value, with quotes around a value with blanks.")
        found[name] = "".join(words)
    return found
