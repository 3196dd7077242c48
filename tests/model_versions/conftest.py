"""Models that are made from the trained one without training, and a bot that follows their folder."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from bot.model_versions.folder import write_served
from tests.channel.conftest import PageBot
from tests.conftest import ROOT, free_port, started
from tests.support.models import copy_model
from tests.support.stack import UNLIMITED


@pytest.fixture
def models(trained_model: Path, tmp_path: Path) -> Path:
    """A models folder with the trained model as `triage-first` and `triage-second`, whose ids differ."""
    folder = tmp_path / "models"
    folder.mkdir()
    for name in ("first", "second"):
        copy_model(trained_model, folder / f"triage-{name}.tar.gz")
    return folder


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
def served_models(trained_model: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The ids of two models by name, in a folder whose `served` names the first."""
    folder = tmp_path_factory.mktemp("served")
    names = {name: copy_model(trained_model, folder / f"triage-{name}.tar.gz") for name in ("first", "second")}
    write_served(folder, "triage-first.tar.gz", None)
    return {"folder": str(folder), **names}


@pytest.fixture(scope="module")
def following_bot(served_models: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[PageBot]:
    """A bot that follows these models."""
    with following(Path(served_models["folder"]), tmp_path_factory.mktemp("following")) as bot:
        yield bot


def models_command(
    models: Path, *words: str, code: int | None = 0, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Runs `python -m bot models ...` on a folder."""
    done = subprocess.run(
        [sys.executable, "-m", "bot", "models", *words],
        cwd=ROOT,
        env={**os.environ, "BOT_MODELS_DIR": str(models), **environment},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert code is None or done.returncode == code, done.stdout + done.stderr
    return done
