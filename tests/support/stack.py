"""The whole serving stack on one machine, without containers or systemd: `deploy/local/start`, tests, fault runs.

PostgreSQL, Redis, RabbitMQ, the action server, several Rasa servers and nginx before them; each is told where the
others are by environment variables alone. For trials: PostgreSQL does not wait for the disk.
"""

from __future__ import annotations

import argparse
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import FrameType

from bot.launcher import chosen_or_trained
from bot.settings import PROJECT_ROOT
from tests.support.desks import WebhookDesk
from tests.support.programs import START_SECONDS, STOP_SECONDS, Program, Supervisor, agents_desk, status_of
from tests.support.servers import PostgresServer, RabbitServer, RedisServer, ServerMissing, free_port, wait_until

NGINX = Path("/usr/sbin/nginx")
# As many as the load needs; limits are what other tests are about.
UNLIMITED = {
    "BOT_LIMIT_MESSAGES_PER_CONVERSATION": "100000 per minute",
    "BOT_LIMIT_REQUESTS_PER_ADDRESS": "100000 per minute",
    "BOT_LIMIT_SESSIONS_PER_ADDRESS": "100000 per minute",
    "BOT_TURNS_PER_ADDRESS": "1000",
}


class Stack:
    """The servers, started and stopped together.

    Args:
        folder: where data and logs go; short, and open to the users `postgres` and `rabbitmq`.
        model: the model that is served.
        port: where nginx listens; None takes a free one.
        workers: how many Rasa servers there are.
        broker: whether there is a RabbitMQ.
        settings: further variables of every process's environment.
        actions_apart: whether there is an action server; otherwise each Rasa server runs its actions itself.
        rest: whether the Rasa servers open the plain REST channel, too.
        desk: whether there is a help desk, and a worker that delivers tickets to it.
        agents: whether agents can take over; their desk is started, too.

    Raises:
        ServerMissing: a server is not installed.
    """

    def __init__(
        self,
        folder: Path,
        model: Path,
        port: int | None = None,
        workers: int = 2,
        broker: bool = True,
        settings: Mapping[str, str] | None = None,
        actions_apart: bool = True,
        rest: bool = False,
        desk: bool = False,
        agents: bool = False,
    ) -> None:
        if not NGINX.exists():
            raise ServerMissing("nginx is not installed; run tools/install-test-servers.sh.")
        self.folder, self.model, self.port = folder, model, port or free_port()
        self.token = secrets.token_urlsafe(24)
        folder.chmod(0o755)
        self.postgres = PostgresServer(_made(folder / "pg"))
        self.redis = RedisServer(_made(folder / "redis"))
        self.rabbit = RabbitServer(_made(folder / "rabbit")) if broker else None
        self.desk = WebhookDesk() if desk else None
        action_port = free_port()
        # Each process is told what deploy/compose.yaml tells it, and no more.
        tickets = {
            **os.environ,
            "PYTHONUNBUFFERED": "1",
            "BOT_TICKETS_DATABASE": self.postgres.database(),
            "BOT_LOG_FORMAT": "json",
            **({"BOT_DESK": "on"} if agents else {}),
            **(settings or {}),
        }
        opens_tickets = {**tickets, **({"BOT_TICKETS_TARGETS": "webhook"} if desk else {})}
        self.environment = {
            **opens_tickets,
            "BOT_TRACKER_DATABASE": self.postgres.database(),
            "BOT_REDIS_URL": self.redis.url,
            **({"BOT_BROKER_URL": self.rabbit.url} if self.rabbit else {}),
            **({"BOT_ACTION_SERVER_URL": f"http://127.0.0.1:{action_port}/webhook"} if actions_apart else {}),
            "BOT_SECRET_KEY": secrets.token_urlsafe(48),
            "BOT_PROXIES_COUNT": "1",
            "BOT_METRICS_TOKEN": self.token,
        }
        self.actions = action_server(action_port, folder / "actions.log", opens_tickets)
        options = ["--rest"] if rest else []
        self.worker_ports = [free_port() for _ in range(workers)]
        self.workers = [
            rasa_server(port, model, folder / f"worker-{number}.log", self.environment, *options)
            for number, port in enumerate(self.worker_ports, start=1)
        ]
        delivers = {**tickets, **(self.desk.environment if self.desk else {})}
        delivery = Program(["-m", "bot", "tickets", "deliver"], None, folder / "delivery.log", delivers)
        self.agents_desk = agents_desk(folder, self.environment)
        programs = [
            *([self.actions] if actions_apart else []),
            *self.workers,
            *([delivery] if desk else []),
            *([self.agents_desk] if agents else []),
        ]
        self.supervisor = Supervisor(programs)
        self._nginx: subprocess.Popen[bytes] | None = None

    @property
    def origin(self) -> str:
        """Where the page is."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def programs(self) -> list[Program]:
        """What is started anew when it has died."""
        return self.supervisor.programs

    def start(self) -> None:
        """Starts everything and waits until all of it answers."""
        if self.rabbit is not None:
            self.rabbit.start()
        self.supervisor.start()
        self._start_nginx()

    def restart_workers(self, model: Path | None = None) -> None:
        """Restarts one Rasa server after the other; the others go on with its conversations meanwhile.

        Args:
            model: what they serve from now on; None leaves it.
        """
        for worker in self.workers:
            with self.supervisor.changing:
                worker.stop()
                if model is not None:
                    worker.command[worker.command.index("--model") + 1] = str(model)
                worker.start()
            worker.wait()

    def stop(self) -> None:
        """Stops everything."""
        if self._nginx is not None:
            self._nginx.terminate()
            self._nginx.wait(timeout=STOP_SECONDS)
        self.supervisor.stop()
        if self.rabbit is not None:
            self.rabbit.stop()
        self.redis.stop()
        self.postgres.stop()
        if self.desk is not None:
            self.desk.down()

    def _start_nginx(self) -> None:
        servers = "\n".join(f"    server 127.0.0.1:{port} max_fails=1 fail_timeout=1s;" for port in self.worker_ports)
        deploy = PROJECT_ROOT / "deploy"
        template = (deploy / "local" / "nginx.conf").read_text(encoding="utf8")
        file = self.folder / "nginx.conf"
        values = {"folder": self.folder, "port": self.port, "servers": servers, "deploy": deploy}
        file.write_text(template.format(**values), encoding="utf8")
        with (self.folder / "nginx.log").open("ab") as log:
            self._nginx = subprocess.Popen([str(NGINX), "-c", str(file), "-p", str(self.folder)], stderr=log)
        wait_until(lambda: status_of(f"{self.origin}/") == 200, "nginx", START_SECONDS)


class Embedded:
    """One bot with SQLite, and the agents' desk, as `make run DESK=1` starts them.

    Args:
        folder: where data and logs go.
        model: the model that is served.
        settings: further variables of every process's environment.
        actions_apart: whether there is an action server, too.
    """

    def __init__(
        self, folder: Path, model: Path, settings: Mapping[str, str] | None = None, actions_apart: bool = False
    ) -> None:
        action_port = free_port()
        self.environment = {
            **os.environ,
            "PYTHONUNBUFFERED": "1",
            **{f"BOT_{name}_DATABASE": f"sqlite:///{folder / name}.db" for name in ("TICKETS", "TRACKER", "ARTICLES")},
            "BOT_SECRETS_DIR": str(folder / "secrets"),
            "BOT_DESK": "on",
            "BOT_PROXIES_COUNT": "1",
            **({"BOT_ACTION_SERVER_URL": f"http://127.0.0.1:{action_port}/webhook"} if actions_apart else {}),
            **(settings or {}),
        }
        self.agents_desk = agents_desk(folder, self.environment)
        self.actions = action_server(action_port, folder / "actions.log", self.environment)
        self.bot = rasa_server(free_port(), model, folder / "bot.log", self.environment)
        self.origin = self.bot.origin
        self.supervisor = Supervisor([*([self.actions] if actions_apart else []), self.bot, self.agents_desk])
        self.programs = self.supervisor.programs
        self.start, self.stop = self.supervisor.start, self.supervisor.stop


def action_server(port: int, log: Path, environment: dict[str, str]) -> Program:
    """Returns an action server.

    Args:
        port: where it listens.
        log: where its messages go.
        environment: its variables.
    """
    command = ["-m", "rasa_sdk", "--actions", "actions", "--port", str(port)]
    return Program(command, f"http://127.0.0.1:{port}/health", log, {**environment, "SANIC_HOST": "127.0.0.1"})


def rasa_server(port: int, model: Path, log: Path, environment: dict[str, str], *options: str) -> Program:
    """Returns a Rasa server.

    Args:
        port: where it listens.
        model: the model that is served.
        log: where its messages go.
        environment: its variables.
        *options: further ones of `python -m bot run`.
    """
    command = ["-m", "bot", "run", "--port", str(port), "--model", str(model), *options]
    return Program(command, f"http://127.0.0.1:{port}/health/ready", log, environment)


def _made(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)  # it may be a disk of its own
    return folder


def main() -> int:
    """Runs the stack until Ctrl-C or `kill`; `kill -HUP` restarts the Rasa servers by turns, with the newest model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8080, help="where nginx listens (8080)")
    parser.add_argument("--workers", type=int, default=2, help="how many Rasa servers (2)")
    parser.add_argument("--model", type=Path, help="what is served; without it the model of the present content")
    parser.add_argument("--no-broker", action="store_true", help="without RabbitMQ")
    options = parser.parse_args()
    wanted: list[str] = []
    for number, word in ((signal.SIGTERM, "stop"), (signal.SIGINT, "stop"), (signal.SIGHUP, "restart")):
        signal.signal(number, _noting(wanted, word))
    with tempfile.TemporaryDirectory(prefix="stack") as folder:
        model = (options.model or chosen_or_trained()).resolve()
        follow = {"BOT_MODELS_FOLLOW": "off" if options.model else "on"}
        try:
            stack = Stack(Path(folder), model, options.port, options.workers, not options.no_broker, follow)
        except ServerMissing as missing:
            print(f"error: {missing}", file=sys.stderr)
            return 1
        try:
            stack.start()
            addresses = {"page": stack.origin, "workers": stack.worker_ports, "metrics_token": stack.token}
            print(json.dumps({**addresses, "logs": folder}), flush=True)
            while "stop" not in wanted:
                if "restart" in wanted:
                    wanted.remove("restart")
                    stack.restart_workers((options.model or chosen_or_trained()).resolve())
                    print("restarted", flush=True)
                time.sleep(0.2)
        finally:
            stack.stop()
    return 0


def _noting(wanted: list[str], word: str) -> Callable[[int, FrameType | None], None]:
    return lambda number, frame: wanted.append(word)


if __name__ == "__main__":
    sys.exit(main())
