"""The desk as a process of its own: its commands, what it takes and what it does not load."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest

from tests.conftest import ROOT, wait_for_line
from tests.desk.conftest import Browser
from tests.support.servers import free_port

_MEBIBYTE = 2**20


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Databases of their own."""
    databases = {name: f"sqlite:///{tmp_path / name}.db" for name in ("BOT_TICKETS_DATABASE", "BOT_TRACKER_DATABASE")}
    return {**os.environ, **databases, "PYTHONUNBUFFERED": "1"}


def bot(environment: dict[str, str], *words: str) -> str:
    """Runs a command and returns what it says."""
    command = [sys.executable, "-m", "bot", *words]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    return done.stdout + done.stderr


def test_accounts_are_made_listed_and_removed_by_commands(environment: dict[str, str]) -> None:
    made = bot(environment, "desk", "agents", "add", "Kari", "--role", "reviewer", "--language", "nb")
    assert re.fullmatch(r"Kari \(reviewer\) signs in with this password, which is shown only now: \S{20}\n", made)
    assert "already" in bot(environment, "desk", "agents", "add", "Kari")
    assert bot(environment, "desk", "agents", "list") == "Kari\treviewer\tnb\n"
    assert bot(environment, "desk", "agents", "remove", "Kari") == "Kari can sign in no longer\n"
    assert bot(environment, "desk", "agents", "list") == ""


def test_the_desk_is_small_and_loads_no_rasa(environment: dict[str, str], tmp_path: Path) -> None:
    password = bot(environment, "desk", "agents", "add", "Kari", "--role", "admin").split()[-1]
    port, log = free_port(), tmp_path / "desk.log"
    command = [sys.executable, "-m", "bot", "desk", "--port", str(port)]
    with log.open("wb") as stream:
        desk = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=stream, stderr=stream)
    try:
        wait_for_line(desk, log, "The agents' desk is at")
        browser = Browser(f"http://127.0.0.1:{port}")
        browser.wait()
        assert browser.sign_in("Kari", password).status_code == 303
        for path in ("/", "/quality", "/audit", "/tickets/T-10001-ABCDEF"):
            assert browser.get(path).status_code in (200, 404)
        process = psutil.Process(desk.pid)
        assert process.memory_info().rss < 120 * _MEBIBYTE
        mapped = {Path(each.path).name for each in process.memory_maps()}
        assert not any("tensorflow" in name or "numpy" in name or "spacy" in name for name in mapped)
    finally:
        desk.send_signal(signal.SIGTERM)
        assert desk.wait(timeout=60) is not None
