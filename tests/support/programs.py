"""Programs of ours, started together, and each anew when it has died."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import urllib.error
import urllib.request
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from bot.settings import PROJECT_ROOT
from tests.support.servers import free_port, wait_until

START_SECONDS = 300
STOP_SECONDS = 60


@dataclass
class Program:
    """A process of ours that is started anew when it has died.

    Args:
        command: what Python runs.
        health: the address that answers 200 once it can be used; None where nobody waits for it.
        log: where its messages go.
        environment: its variables.
    """

    command: list[str]
    health: str | None
    log: Path
    environment: dict[str, str]
    process: subprocess.Popen[bytes] | None = None

    @property
    def origin(self) -> str:
        """Where it answers."""
        return f"http://{urlsplit(self.health or '').netloc}"

    def start(self) -> None:
        """Starts it; whether it answers yet is for the caller to wait for."""
        with self.log.open("ab") as log:
            command = [sys.executable, *self.command]
            self.process = subprocess.Popen(command, cwd=PROJECT_ROOT, env=self.environment, stdout=log, stderr=log)

    def stop(self) -> None:
        """Lets it finish what it has in hand."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(timeout=STOP_SECONDS)

    def kill(self) -> None:
        """Kills it at once, and what it has started."""
        assert self.process is not None
        for child in _children(self.process.pid):
            os.kill(child, signal.SIGKILL)
        self.process.kill()
        self.process.wait(timeout=STOP_SECONDS)

    def wait(self) -> None:
        """Waits until it answers."""
        health = self.health
        if health is not None:
            wait_until(lambda: status_of(health) == 200, health, START_SECONDS)


def agents_desk(folder: Path, environment: dict[str, str]) -> Program:
    """Returns the agents' desk, on a free port; its address is `origin`.

    Args:
        folder: where its log goes.
        environment: its variables; those that name databases are the bot's.
    """
    port = free_port()
    command = ["-m", "bot", "desk", "--port", str(port)]
    return Program(command, f"http://127.0.0.1:{port}/sign-in", folder / "desk.log", environment)


class Supervisor:
    """Starts programs, and each anew when it has died, as systemd or a container's host does.

    Args:
        programs: which ones, in the order of their start.
    """

    def __init__(self, programs: Sequence[Program]) -> None:
        self.programs = list(programs)
        self.changing = threading.Lock()
        """Held by whoever stops or starts a program on purpose."""
        self._stopped = threading.Event()

    def start(self) -> None:
        """Starts all programs and waits until they answer."""
        for program in self.programs:
            program.start()
        for program in self.programs:
            program.wait()
        threading.Thread(target=self._keep_running, name="supervisor", daemon=True).start()

    def stop(self) -> None:
        """Stops all programs, the last one first."""
        self._stopped.set()
        with self.changing:
            for program in reversed(self.programs):
                program.stop()

    def _keep_running(self) -> None:
        while not self._stopped.wait(0.2):
            with self.changing:
                if self._stopped.is_set():
                    return
                for program in self.programs:
                    if program.process is not None and program.process.poll() is not None:
                        program.start()


def status_of(url: str) -> int:
    """Returns the HTTP status that an address answers with, 0 where nobody does."""
    try:
        with urllib.request.urlopen(url, timeout=5) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        return error.code
    except OSError:
        return 0


def _children(pid: int) -> list[int]:
    tasks = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]
