"""An HTTP server that stands in for a help desk that cannot be installed, and behaves by its documentation."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.support.servers import START_SECONDS, free_port


class Refusal(Exception):  # noqa: N818 - an answer
    """An answer that refuses a request.

    Args:
        status: HTTP status.
        told: the error.
    """

    def __init__(self, status: int, told: str) -> None:
        super().__init__(told)
        self.status = status


Answer = tuple[int, Any]


class StandIn:
    """Answers requests by its routes; can hold back what creates a ticket, or fail.

    Args:
        creates: the route that creates a ticket.
        routes: `METHOD pattern` of the path -> what answers it; it gets the groups of the pattern, `query` and `body`.

    Attributes:
        routes: the routes.
        failing: HTTP status that every request is answered with, None to answer it rightly.
        hold: `before` or `after` it is made, what creates a ticket waits for the gate; None lets everything pass.
        held: set when a request is being held back.
        gate: set lets go of it.
        requests: method and path of every request, in order.
    """

    def __init__(self, creates: str, routes: dict[str, Callable[..., Answer]]) -> None:
        self.routes = routes
        self._creates = creates
        self.failing: int | None = None
        self.hold: str | None = None
        self.held = threading.Event()
        self.gate = threading.Event()
        self.requests: list[str] = []
        self._lock = threading.Lock()
        self._port = free_port()
        self.start()

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Starts listening."""
        answer = self._answer

        class Handler(BaseHTTPRequestHandler):
            def _do(self) -> None:
                sent = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                headers = {name.lower(): value for name, value in self.headers.items()}
                status, content = answer(self.command, self.path, headers, sent)
                written = b"" if content is None else json.dumps(content, ensure_ascii=False).encode()
                try:
                    self.send_response(status)
                    self.send_header("Content-Type", "application/json; charset=utf-8")
                    self.send_header("Content-Length", str(len(written)))
                    self.end_headers()
                    self.wfile.write(written)
                except OSError:  # whoever asked has been killed
                    pass

            do_GET = do_POST = do_PATCH = _do  # noqa: N815 - http.server's names

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", self._port), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def stop(self) -> None:
        """Stops listening."""
        self.gate.set()
        self._server.shutdown()
        self._server.server_close()

    def authenticate(self, headers: dict[str, str]) -> None:
        """Checks who asks.

        Raises:
            Refusal: nobody who may.
        """
        raise NotImplementedError

    def _answer(self, method: str, path: str, headers: dict[str, str], sent: bytes) -> Answer:
        address = urlsplit(path)
        self.requests.append(f"{method} {address.path}")
        if self.failing:
            return self.failing, {"error": "not now"}
        found = ((route, re.fullmatch(route, f"{method} {address.path}")) for route in self.routes)
        route, match = next((each for each in found if each[1]), ("", None))
        if match is None:
            return 404, {"error": "No route matches."}
        query = {name: values[-1] for name, values in parse_qs(address.query).items()}
        self._wait_if(route == self._creates and self.hold == "before")
        try:
            self.authenticate(headers)
            with self._lock:
                answer = self.routes[route](*match.groups(), query=query, body=json.loads(sent or b"{}"))
        except Refusal as refused:
            return refused.status, {"error": str(refused)}
        self._wait_if(route == self._creates and self.hold == "after")
        return answer

    def _wait_if(self, holding: bool) -> None:
        if holding:
            self.held.set()
            self.gate.wait(START_SECONDS)
