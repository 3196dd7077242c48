"""Real help desks for tests and benchmarks: Request Tracker 5, a mail server, a webhook receiver.

Each listens on loopback only, keeps its data in a folder of its own, and can be stopped and started again.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request
from contextlib import suppress
from email import message_from_bytes, policy
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from rt.exceptions import NotFoundError
from rt.rest2 import Rt

from tests.support.servers import START_SECONDS, ServerMissing, free_port, wait_until

RT_SERVER = Path("/usr/share/request-tracker5/libexec/rt-server")
SECRET = "a secret that both sides know"


class RequestTracker:
    """A Request Tracker 5 of its own, on SQLite, with a queue `Billing` and a token for the bot.

    Args:
        folder: where its data lie.
        port: where it listens.

    Raises:
        ServerMissing: Request Tracker is not installed.
    """

    def __init__(self, folder: Path, port: int | None = None) -> None:
        if not RT_SERVER.exists():
            raise ServerMissing("Request Tracker 5 is not installed; run tools/install-test-servers.sh.")
        self._port = port or free_port()
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self._environment = {
            **os.environ,
            "RT_SITE_CONFIG": str(folder / "RT_SiteConfig.pm"),
            "RT_SITE_CONFIG_DIR": os.devnull,
        }
        self._configure()
        self._call("rt-setup-database-5", "--action", "init", "--skip-create")
        printed = self._call("perl", Path(__file__).with_name("prepare_request_tracker.pl"))
        self.token, self._superuser = printed.split()[-2:]
        self.start()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._port}/"

    def start(self) -> None:
        """Starts it and waits until it answers."""
        command = [str(RT_SERVER), "--host", "127.0.0.1", "--port", str(self._port), "--max-workers", "3"]
        with (self._folder / "server.log").open("ab") as log:
            self._process = subprocess.Popen(
                command, env=self._environment, stdout=log, stderr=log, start_new_session=True
            )
        wait_until(self._answers, "Request Tracker answers")

    def stop(self) -> None:
        """Kills it at once, whatever it is doing."""
        if self._process is not None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def find(self, number: str) -> list[str]:
        """Returns the ids of what it has under a ticket number."""
        return [found["id"] for found in self._search(f"Subject LIKE '[{number}]'")]

    def subjects(self) -> list[str]:
        """Returns the subjects of all tickets."""
        return [found["Subject"] for found in self._search("Queue = 'Billing'")]

    def ticket(self, identity: str) -> dict[str, Any]:
        """Returns what it knows of one ticket."""
        found: dict[str, Any] = self._client().get_ticket(identity)
        return found

    def edit(self, identity: str, **fields: str) -> None:
        """Changes a ticket, as an agent there does."""
        self._client().edit_ticket(identity, **fields)

    def create(self, subject: str) -> str:
        """Creates a ticket that is not the bot's; returns its id."""
        return str(self._client().create_ticket("Billing", subject=subject, content="mailed"))

    def text(self, identity: str) -> str:
        """Returns the first message of a ticket, as it is kept."""
        client = self._client()
        created = next(entry for entry in client.get_ticket_history(identity) if entry["Type"] == "Create")
        links = client.get_transaction(created["id"])["_hyperlinks"]
        address = next(link["_url"] for link in links if link["ref"] == "attachment")
        found = client.get_attachment(address.rsplit("/", 1)[1])
        return base64.b64decode(found["Content"]).decode()

    def _search(self, query: str) -> list[dict[str, Any]]:
        try:
            return list(self._client().search(raw_query=query))
        except NotFoundError:  # so the library says that a search finds nothing
            return []

    def _client(self) -> Rt:
        return Rt(f"{self.url}REST/2.0/", token=self._superuser)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}REST/2.0/rt", timeout=10):
                return True
        except urllib.error.HTTPError:  # it wants to know who asks
            return True
        except OSError:
            return False

    def _configure(self) -> None:
        for name in ("mason", "sessions"):
            (self._folder / name).mkdir()
        settings = {
            "rtname": "help.example",
            "Organization": "help.example",
            "WebDomain": "127.0.0.1",
            "WebPort": str(self._port),
            "DatabaseType": "SQLite",
            "DatabaseName": str(self._folder / "rt.sqlite"),
            "MasonDataDir": str(self._folder / "mason"),
            "MasonSessionDir": str(self._folder / "sessions"),
            "LogToSyslog": "",
            "LogToSTDERR": "warning",
            "MailCommand": "testfile",
        }
        lines = [f"Set(${name}, '{value}');" for name, value in settings.items()]
        (self._folder / "RT_SiteConfig.pm").write_text("\n".join([*lines, "1;", ""]), encoding="utf8")

    def _call(self, *command: object) -> str:
        words = [str(word) for word in command]
        done = subprocess.run(
            words, env=self._environment, capture_output=True, text=True, timeout=START_SECONDS, check=False
        )
        if done.returncode != 0:
            raise RuntimeError(f"{words[0]}: {done.stderr[-2000:]}")
        return done.stdout


class MailServer:
    """A mail server that keeps what it takes.

    Args:
        port: where it listens.
        **options: handed on to `aiosmtpd.controller.Controller`.

    Attributes:
        messages: everything taken, in order; the same Message-ID may come twice.
        contents: the same, byte for byte as it came.
        answer: what it says to a message, `250 taken` by default.
        seen: set when a message has come in, before it is answered.
        gate: cleared, the answer is held back until it is set.
    """

    def __init__(self, port: int | None = None, **options: Any) -> None:
        self.messages: list[EmailMessage] = []
        self.contents: list[bytes] = []
        self.answer = "250 taken"
        self.seen = threading.Event()
        self.gate = threading.Event()
        self.gate.set()
        self._port = port or free_port()
        self._options = options
        self.start()

    @property
    def url(self) -> str:
        """Its address."""
        return f"smtp://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Starts listening."""
        self._controller = Controller(self, hostname="127.0.0.1", port=self._port, **self._options)
        self._controller.start()

    def stop(self) -> None:
        """Stops listening; connections break."""
        self._controller.stop()

    async def handle_DATA(self, server: Any, session: Any, envelope: Any) -> str:  # noqa: N802 - aiosmtpd's name
        """Takes one message."""
        message = message_from_bytes(envelope.content, policy=policy.default)
        assert isinstance(message, EmailMessage)
        answer = self.answer
        if answer.startswith("2"):
            self.messages.append(message)
            self.contents.append(envelope.content)
        self.seen.set()
        await server.loop.run_in_executor(None, self.gate.wait, START_SECONDS)
        return answer


class WebhookReceiver:
    """Takes tickets over HTTP as a help desk should: checks the signature, takes each Idempotency-Key once.

    Attributes:
        requests: how many requests with a right signature came in.
        tickets: Idempotency-Key -> what was posted first.
        port: where it listens.
        status: what it answers, 200 by default; other ones take nothing.
        seen: set when a request has come in, before it is answered.
        gate: cleared, the answer is held back until it is set.
    """

    def __init__(self, port: int | None = None) -> None:
        self.requests = 0
        self.tickets: dict[str, dict[str, Any]] = {}
        self.status = 200
        self.seen = threading.Event()
        self.gate = threading.Event()
        self.gate.set()
        self._lock = threading.Lock()
        self.port = port or free_port()
        self.start()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}/tickets"

    def start(self) -> None:
        """Starts listening."""
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, answer = receiver.take(dict(self.headers.items()), body)
                receiver.seen.set()
                receiver.gate.wait(START_SECONDS)
                self.send_response(status)
                self.end_headers()
                with suppress(OSError):  # whoever asked is gone
                    self.wfile.write(json.dumps(answer).encode())

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", self.port), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Stops listening."""
        self._server.shutdown()
        self._server.server_close()

    def take(self, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, Any]]:
        """Returns the status and the answer to one request."""
        key = headers["Idempotency-Key"]
        signed = f"{key}.{headers['webhook-timestamp']}.".encode() + body
        right = base64.b64encode(hmac.new(SECRET.encode(), signed, hashlib.sha256).digest()).decode()
        if not hmac.compare_digest(headers["webhook-signature"], f"v1,{right}"):
            return 401, {"error": "wrong signature"}
        if abs(time.time() - int(headers["webhook-timestamp"])) > 300:
            return 401, {"error": "too old"}
        with self._lock:
            self.requests += 1
            if self.status != 200:
                return self.status, {"error": "not now"}
            self.tickets.setdefault(key, json.loads(body))
            return 200, {"id": f"desk-{list(self.tickets).index(key) + 1}"}


class HoldingProxy:
    """Stands before an HTTP server and can hold a POST back before it arrives, or its answer.

    Attributes:
        hold: `before`, `after`, or None to let everything pass.
        held: set when a POST is being held back.
        gate: set lets go of it.
    """

    def __init__(self, target: str) -> None:
        self.hold: str | None = None
        self.held = threading.Event()
        self.gate = threading.Event()
        self.url = f"http://127.0.0.1:{(port := free_port())}/"
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self._pass_on(None)

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                holding = proxy.hold if self.path.endswith("/ticket") else None
                if holding == "before":
                    proxy.wait()
                self._pass_on(body, wait=holding == "after")

            def _pass_on(self, body: bytes | None, wait: bool = False) -> None:
                headers = {name: self.headers[name] for name in ("Authorization", "Content-Type") if self.headers[name]}
                address = target.rstrip("/") + self.path
                request = urllib.request.Request(address, data=body, headers=headers, method=self.command)
                try:
                    with urllib.request.urlopen(request, timeout=START_SECONDS) as response:
                        status, content = response.status, response.read()
                except urllib.error.HTTPError as error:
                    status, content = error.code, error.read()
                if wait:
                    proxy.wait()
                try:
                    self.send_response(status)
                    self.send_header("Content-Type", "application/json")
                    self.end_headers()
                    self.wfile.write(content)
                except OSError:  # whoever asked has been killed
                    pass

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def wait(self) -> None:
        """Holds the caller back until the gate is set."""
        self.held.set()
        self.gate.wait(START_SECONDS)

    def stop(self) -> None:
        """Stops listening."""
        self._server.shutdown()
        self._server.server_close()
