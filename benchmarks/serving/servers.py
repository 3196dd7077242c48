"""Real Redis and RabbitMQ for tests and fault runs, without systemd; PostgreSQL is in benchmarks/handoffs/servers.py.

Each listens on loopback only, keeps its data in a folder of its own, and can be stopped and started again.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
from pathlib import Path
from typing import Any

from benchmarks.handoffs.servers import START_SECONDS, ServerMissing, free_port, wait_until

RABBITMQ = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
REMEDY = "is not installed; run tools/install-test-servers.sh."


class RedisServer:
    """A Redis with a password that writes each change to a file before it answers (`appendonly`).

    Args:
        folder: where its file lies.
        port: where it listens; None takes a free one.

    Raises:
        ServerMissing: Redis is not installed.
    """

    def __init__(self, folder: Path, port: int | None = None) -> None:
        self._program = shutil.which("redis-server")
        if self._program is None:
            raise ServerMissing(f"Redis {REMEDY}")
        self._folder = folder
        self._password = secrets.token_hex(16)
        self.port = port or free_port()
        self.start()

    @property
    def url(self) -> str:
        """Its address, with the password."""
        return f"redis://:{self._password}@127.0.0.1:{self.port}/0"

    def start(self) -> None:
        """Starts it and waits until it answers."""
        options = ["--bind", "127.0.0.1", "--appendonly", "yes", "--save", "", "--dir", str(self._folder)]
        options += ["--requirepass", self._password]
        with (self._folder / "redis.log").open("ab") as log:
            command = [str(self._program), "--port", str(self.port), *options]
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        wait_until(lambda: _listens(self.port), "Redis")

    def stop(self) -> None:
        """Kills it at once."""
        self._process.kill()
        self._process.wait(timeout=START_SECONDS)


class RabbitServer:
    """A RabbitMQ node of its own, with an Erlang port mapper of its own; not started yet.

    Args:
        folder: where its data lie; the user `rabbitmq` must be able to reach it.
        port: where it listens; None takes a free one.

    Raises:
        ServerMissing: RabbitMQ is not installed.
    """

    def __init__(self, folder: Path, port: int | None = None) -> None:
        if not RABBITMQ.exists():
            raise ServerMissing(f"RabbitMQ {REMEDY}")
        self.port = port or free_port()
        self._user: dict[str, Any] = {"user": "rabbitmq", "group": "rabbitmq"} if os.getuid() == 0 else {}
        if self._user:
            shutil.chown(folder, "rabbitmq", "rabbitmq")
        self._folder = folder
        self._environment = {
            **os.environ,
            "HOME": str(folder),
            "RABBITMQ_NODENAME": f"bot{self.port}@localhost",
            "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
            "RABBITMQ_NODE_PORT": str(self.port),
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder / "logs"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "RABBITMQ_CONFIG_FILE": str(folder / "rabbitmq"),
            "ERL_EPMD_PORT": str(free_port()),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
        }

    @property
    def url(self) -> str:
        """Its address."""
        return f"amqp://guest:guest@127.0.0.1:{self.port}/"

    def start(self) -> None:
        """Starts it and waits until it answers."""
        with (self._folder / "rabbitmq.out").open("ab") as log:
            self._process = subprocess.Popen(
                [str(RABBITMQ)],
                env=self._environment,
                cwd=self._folder,
                stdout=log,
                stderr=log,
                start_new_session=True,
                **self._user,
            )
        wait_until(lambda: self._process.poll() is not None or _listens(self.port), "RabbitMQ")
        if self._process.poll() is not None:
            raise RuntimeError(f"RabbitMQ has ended:\n{(self._folder / 'rabbitmq.out').read_text()[-2000:]}")

    def stop(self) -> None:
        """Kills it at once, its port mapper too."""
        os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait(timeout=START_SECONDS)
        wait_until(self._mapper_ended, "RabbitMQ to be gone")

    def _mapper_ended(self) -> bool:
        """Asks the port mapper, a daemon in a session of its own, to end; it refuses while it knows of a node."""
        asked = subprocess.run(["epmd", "-kill"], env=self._environment, capture_output=True, text=True, check=False)
        return "Killed" in asked.stdout or not _listens(int(self._environment["ERL_EPMD_PORT"]))


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
