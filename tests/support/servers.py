"""Real PostgreSQL, Redis and RabbitMQ for tests, benchmarks and trials, without systemd.

Each listens on loopback only, keeps its data in a folder of its own, and can be stopped and started again.
"""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg2

START_SECONDS = 180
RABBITMQ = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
REMEDY = "is not installed; run tools/install-test-servers.sh."


class ServerMissing(RuntimeError):  # noqa: N818 - the house names what is missing so
    """A server is not installed on this machine; tools/install-test-servers.sh installs it."""


def free_port() -> int:
    """Returns a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(condition: Callable[[], Any], what: str, seconds: float = START_SECONDS) -> None:
    """Waits for a condition.

    Raises:
        TimeoutError: it never came true.
    """
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {seconds:.0f} s")
        time.sleep(0.02)  # between two looks, not instead of looking


class PostgresServer:
    """A PostgreSQL cluster of its own.

    Args:
        folder: where it lies; short, for its socket lies there too. What is in it becomes the server's.
        options: further ones of the server, such as `-c ssl=on`.

    Raises:
        ServerMissing: PostgreSQL is not installed.
    """

    def __init__(self, folder: Path, options: str = "") -> None:
        programs = [Path(found) for found in [shutil.which("postgres")] if found]
        programs += sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"), reverse=True)
        if not programs:
            raise ServerMissing("PostgreSQL is not installed; run tools/install-test-servers.sh.")
        self._programs = programs[0].resolve().parent
        self._folder, self._options = folder, options
        # The server refuses to run as root.
        self._user: dict[str, Any] = {"user": "postgres", "group": "postgres"} if os.getuid() == 0 else {}
        for path in [folder, *folder.iterdir()] if self._user else []:
            shutil.chown(path, "postgres", "postgres")
        self._run("initdb", "--auth=trust", "--username=bot", "--no-sync", "--pgdata", folder / "data")
        self.start()

    def start(self) -> None:
        """Starts the server and waits until it answers."""
        # Only this machine's power could fail; what is tested here is processes that are killed.
        options = f"-c listen_addresses='' -c unix_socket_directories='{self._folder}' -c fsync=off"
        options += f" {self._options}"
        self._run("pg_ctl", "start", "-w", "-D", self._folder / "data", "-l", self._folder / "log", "-o", options)

    def stop(self) -> None:
        """Stops the server at once; connections break."""
        self._run("pg_ctl", "stop", "-w", "-m", "immediate", "-D", self._folder / "data")

    def database(self) -> str:
        """Makes an empty database; returns its address."""
        name = f"tickets_{uuid.uuid4().hex[:12]}"
        connection = psycopg2.connect(host=str(self._folder), user="bot", dbname="postgres")
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f"CREATE DATABASE {name}")
        connection.close()
        return f"postgresql://bot@/{name}?host={self._folder}"

    def _run(self, program: str, *arguments: object) -> None:
        command = [str(self._programs / program), *(str(argument) for argument in arguments)]
        quiet: dict[str, Any] = {"stdout": subprocess.DEVNULL, "stdin": subprocess.DEVNULL, "cwd": self._folder}
        subprocess.run(command, check=True, timeout=START_SECONDS, **quiet, **self._user)


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

    @property
    def running(self) -> bool:
        """Whether its process lives."""
        return self._process.poll() is None

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
