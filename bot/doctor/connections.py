"""Checks that Redis, RabbitMQ, action server, help desks can be reached; TLS of help desks and PostgreSQL.

It connects and asks, but creates and delivers nothing there. Of TLS it also checks when the certificate expires.
"""

from __future__ import annotations

import asyncio
import os
import smtplib
import socket
import ssl
import struct
from collections.abc import Iterator
from datetime import datetime, timezone
from urllib.parse import SplitResult, urlsplit

import certifi
import requests
from cryptography import x509
from sqlalchemy.engine import make_url

from bot.doctor.installation import THIS_MACHINE, Finding, Installation
from bot.stores.shared_redis import NO_REDIS, open_redis
from bot.tickets.delivery import addresses, target_names

_SECONDS = 4
_EXPIRES_SOON_DAYS = 21
_PORTS = {"http": 80, "https": 443, "smtp": 25, "smtp+starttls": 25, "smtps": 465, "amqp": 5672, "amqps": 5671}
_SSL_REQUEST = struct.pack("!II", 8, 80877103)  # PostgreSQL's message that asks for TLS
_ENCRYPTED = {"require", "verify-ca", "verify-full"}


def redis(installation: Installation) -> Finding:
    """Asks Redis for an answer."""
    url = installation.settings.redis_url
    if url is None:
        return Finding("Redis", "ok", "none is set; locks and limits are this server's own")
    try:
        asyncio.run(_ping(url.get_secret_value()))
    except (*NO_REDIS, OSError, ValueError) as error:
        return Finding("Redis", "error", f"does not answer ({error})", "start it, or correct BOT_REDIS_URL")
    return Finding("Redis", "ok", "answers")


async def _ping(url: str) -> None:
    async with open_redis(url) as client:
        await client.ping()


def broker(installation: Installation) -> Finding:
    """Connects to RabbitMQ's port."""
    url = installation.settings.broker_url
    if url is None:
        return Finding("event broker", "ok", "none is set; events stay in the database")
    address = urlsplit(url.get_secret_value())
    try:
        socket.create_connection(_host_and_port(address), timeout=_SECONDS).close()
    except OSError as error:
        found = f"{_place(address)} cannot be reached ({_reason(error)}); events wait"
        return Finding("event broker", "warning", found, "start it, or correct BOT_BROKER_URL")
    return Finding("event broker", "ok", f"{_place(address)} can be reached")


def action_server(installation: Installation) -> Finding:
    """Asks the action server for its health."""
    url = installation.settings.action_server_url
    if url is None:
        return Finding("actions", "ok", "run in the bot's own process")
    try:
        requests.get(f"{str(url).removesuffix('/webhook')}/health", timeout=_SECONDS).raise_for_status()
    except requests.RequestException as error:
        found = f"the server {_place(urlsplit(url))} does not answer ({type(error).__name__}); customers get apologies"
        return Finding("actions", "error", found, "start it, or correct BOT_ACTION_SERVER_URL")
    return Finding("actions", "ok", f"the server {_place(urlsplit(url))} answers")


def help_desks(installation: Installation) -> Iterator[Finding]:
    """Connects to each help desk that tickets go to, and looks at its certificate."""
    urls = addresses(installation.settings)
    names = dict.fromkeys([*target_names(installation.settings), *urls])
    for name in names:
        if name in urls:
            yield _help_desk(name, urlsplit(urls[name]))
        else:
            found = "named in BOT_TICKETS_TARGETS; its address is known to the delivering process alone"
            remedy = "examine that one, too: --env-file FILE with its settings"
            yield Finding(f"help desk {name}", "warning", found, remedy)
    if not names:
        yield Finding("help desks", "ok", "none is set; tickets are at the agents' desk and in `tickets list`")


def _help_desk(name: str, address: SplitResult) -> Finding:
    check, place = f"help desk {name}", _place(address)
    try:
        expires = _peer_expires(address)
    except ssl.SSLCertVerificationError as error:
        found = f"the certificate of {place} is refused ({error.verify_message}); no ticket arrives"
        return Finding(check, "error", found, "renew it there, or correct the host name")
    except (OSError, smtplib.SMTPException) as error:
        found = f"{place} cannot be reached ({_reason(error)})"
        return Finding(check, "error", found, "start it, or correct its address")
    if expires is None and address.hostname not in THIS_MACHINE:
        found = f"{place} can be reached, without TLS: what is sent can be read on the way"
        return Finding(check, "warning", found, "use an address with TLS (https, smtps, smtp+starttls)")
    if expires is None:
        return Finding(check, "ok", f"{place} can be reached")
    return _of_certificate(check, f"{place} can be reached", expires, "have it renewed there")


def _peer_expires(address: SplitResult) -> datetime | None:
    """Returns when a server's TLS certificate expires, after verifying it; None for an address without TLS."""
    host, port = _host_and_port(address)
    if address.scheme == "smtp+starttls":
        with smtplib.SMTP(host, port, timeout=_SECONDS) as server:
            server.starttls(context=ssl.create_default_context())
            assert isinstance(server.sock, ssl.SSLSocket)
            return _expires(server.sock)
    with socket.create_connection((host, port), timeout=_SECONDS) as connection:
        if address.scheme not in {"https", "smtps"}:
            return None
        own = os.environ.get("REQUESTS_CA_BUNDLE") or certifi.where()  # as `requests` chooses
        context = ssl.create_default_context(cafile=own if address.scheme == "https" else None)
        with context.wrap_socket(connection, server_hostname=host) as encrypted:
            return _expires(encrypted)


def postgresql_tls(installation: Installation) -> Iterator[Finding]:
    """Looks whether connections to PostgreSQL use TLS, and when the server's certificate expires."""
    for name, (variable, url) in installation.databases.items():
        try:
            parsed = make_url(url)
        except Exception:  # the database's own check says so
            continue
        host = parsed.query.get("host", parsed.host) or ""
        if parsed.get_backend_name() == "sqlite" or not host or str(host).startswith("/"):
            continue
        check, mode = f"TLS of {name}", str(parsed.query.get("sslmode", "prefer"))
        if mode not in _ENCRYPTED:
            if host not in THIS_MACHINE:
                found = f"sslmode is {mode}: whoever is between may read along"
                yield Finding(check, "warning", found, f"add ?sslmode=verify-full&sslrootcert=FILE to {variable}")
            continue
        try:
            expires = _postgresql_expires(str(host), parsed.port or 5432)
        except OSError as error:
            yield Finding(check, "error", f"no TLS connection ({_reason(error)})", f"start it, or correct {variable}")
        else:
            yield _of_certificate(check, f"sslmode is {mode}", expires, "put a new server.crt there, reload PostgreSQL")


def _postgresql_expires(host: str, port: int) -> datetime:
    with socket.create_connection((host, port), timeout=_SECONDS) as connection:
        connection.sendall(_SSL_REQUEST)
        if connection.recv(1) != b"S":
            raise OSError("the server offers none")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # the database's own check vouches for it
        with context.wrap_socket(connection) as encrypted:
            return _expires(encrypted)


def _expires(connection: ssl.SSLSocket) -> datetime:
    certificate = connection.getpeercert(binary_form=True)
    assert certificate is not None
    return x509.load_der_x509_certificate(certificate).not_valid_after_utc


def _of_certificate(check: str, found: str, expires: datetime, remedy: str) -> Finding:
    days = (expires - datetime.now(timezone.utc)).days
    if days < 0:
        return Finding(check, "error", f"{found}; its certificate has expired on {expires:%Y-%m-%d}", remedy)
    if days < _EXPIRES_SOON_DAYS:
        return Finding(check, "warning", f"{found}; its certificate expires in {days} days", remedy)
    return Finding(check, "ok", f"{found}; its certificate lasts until {expires:%Y-%m-%d}")


def _host_and_port(address: SplitResult) -> tuple[str, int]:
    return address.hostname or "localhost", address.port or _PORTS.get(address.scheme, 0)


def _place(address: SplitResult) -> str:
    return "{}:{}".format(*_host_and_port(address))


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error or type(error).__name__)
