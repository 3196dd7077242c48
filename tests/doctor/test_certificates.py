"""Certificates of help desks and of PostgreSQL: lasting, about to expire, expired, without anybody who vouches."""

from __future__ import annotations

import ssl
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psycopg2
import pytest

from bot.doctor import connections
from bot.doctor.commands import examine
from bot.doctor.installation import Check, Finding, Installation
from bot.settings import Settings
from tests.conftest import free_port, or_skip
from tests.support.certificates import NOW, certificate
from tests.support.help_desks import SECRET
from tests.support.servers import PostgresServer


@contextmanager
def help_desk(files: tuple[Path, Path]) -> Iterator[str]:
    """Serves HTTPS; returns its address."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*files)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"https://localhost:{server.server_port}/tickets"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def finding(check: Check, settings: Settings) -> Finding:
    """Returns what one check finds."""
    (found,) = examine(Installation(settings, {}, (), free_port(), free_port()), [check])
    return found


@pytest.mark.parametrize(
    ("days", "trusted", "status", "told"),
    [
        (200, True, "ok", f"its certificate lasts until {NOW + timedelta(days=200, hours=1):%Y-%m-%d}"),
        (5, True, "warning", "its certificate expires in 5 days"),
        (-3, True, "error", "is refused (certificate has expired); no ticket arrives"),
        (200, False, "error", "is refused (self signed certificate); no ticket arrives"),
    ],
)
def test_a_help_desks_certificate_is_looked_at(
    days: int, trusted: bool, status: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = certificate(tmp_path, days)
    if trusted:
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(files[0]))
    with help_desk(files) as url:
        found = finding(connections.help_desks, Settings(tickets_webhook_url=url, tickets_webhook_secret=SECRET))
    assert (found.check, found.status) == ("help desk webhook", status)
    assert told in found.found.replace("self-signed", "self signed")


@contextmanager
def postgresql(days: int) -> Iterator[str]:
    """Runs a PostgreSQL with TLS; returns its address without parameters."""
    with tempfile.TemporaryDirectory(prefix="pg") as folder:
        port, keys = free_port(), Path(folder)
        crt, key = certificate(keys, days)
        options = f"-c ssl=on -c ssl_cert_file={crt} -c ssl_key_file={key} -c listen_addresses=localhost -c port={port}"
        server = or_skip(lambda: PostgresServer(keys, options))
        try:
            yield f"postgresql://bot@localhost:{port}/postgres"
        finally:
            server.stop()


@pytest.mark.parametrize(("days", "status", "told"), [(5, "warning", "in 5 days"), (-3, "error", "has expired on")])
def test_postgresqls_certificate_is_looked_at(days: int, status: str, told: str) -> None:
    with postgresql(days) as url:
        found = finding(connections.postgresql_tls, Settings(tracker_database=f"{url}?sslmode=require"))
        psycopg2.connect(f"{url}?sslmode=require").close()  # it is served; only nobody has looked at the date
    assert (found.check, found.status) == ("TLS of conversations", status)
    assert told in found.found


def test_postgresql_on_another_machine_without_tls_is_a_warning() -> None:
    found = finding(connections.postgresql_tls, Settings(tracker_database="postgresql://bot@db.example.com/bot"))
    assert (found.status, found.found) == ("warning", "sslmode is prefer: whoever is between may read along")
