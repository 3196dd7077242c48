"""A bot that follows a models folder, and the command `python -m bot models`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot.model_versions.folder import write_served
from tests.channel.conftest import PageBot
from tests.conftest import ROOT, free_port, started
from tests.support.stack import UNLIMITED


@contextmanager
def following(models: Path, folder: Path) -> Iterator[PageBot]:
    """Starts a bot as `make run` does, which follows a models folder.

    Args:
        models: the models folder.
        folder: where its log and data go.
    """
    folder.mkdir(exist_ok=True)
    environment = {"BOT_MODELS_DIR": str(models), "BOT_SECRETS_DIR": str(folder / "secrets"), "BOT_PROXIES_COUNT": "1"}
    port = free_port()
    with started(["-m", "bot", "run", "--port", str(port)], folder / "bot.log", **environment, **UNLIMITED) as process:
        yield PageBot(port, folder / "bot.log", folder / "conversations.db", folder / "secrets", process.pid)


@pytest.fixture(scope="module")
def served_models(two_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with two models, of which the first is chosen."""
    folder = shutil.copytree(two_models, tmp_path_factory.mktemp("served") / "models")
    write_served(folder, "triage-first.tar.gz", None)
    return folder


@pytest.fixture(scope="module")
def following_bot(served_models: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageBot]:
    """A bot that follows these models."""
    with following(served_models, tmp_path_factory.mktemp("following")) as bot:
        yield bot


def models_command(
    models: Path, *words: str, code: int | None = 0, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Runs `python -m bot models ...` on a folder."""
    done = subprocess.run(
        [sys.executable, "-m", "bot", "models", *words],
        cwd=ROOT,
        env={**os.environ, "BOT_MODELS_NICE": "0", "BOT_MODELS_DIR": str(models), **environment},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert code is None or done.returncode == code, done.stdout + done.stderr
    return done
