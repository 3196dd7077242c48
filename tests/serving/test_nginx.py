"""nginx as deploy/nginx.conf sets it up, for real: TLS only, and nobody chooses the address that limits count for."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.conftest import ROOT, or_skip
from tests.support.servers import ServerMissing, free_port, wait_until
from tests.support.stack import NGINX

DEPLOY = ROOT / "deploy"


class _Told(BaseHTTPRequestHandler):
    """Stands for a Rasa server: answers with the headers that it got."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(self.headers.as_bytes())

    def log_message(self, format: str, *args: object) -> None:
        """Says nothing."""


@dataclass
class Proxy:
    """A running nginx."""

    http: int
    https: int
    certificate: Path

    def get(self, path: str = "/", **headers: str) -> requests.Response:
        """Asks over TLS, with headers whose names have `_` for `-`."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return requests.get(f"https://localhost:{self.https}{path}", headers=named, verify=self.certificate, timeout=30)

    def protocol(self, newest: ssl.TLSVersion) -> str | None:
        """Returns the version of TLS that is agreed on with a client that knows none newer."""
        context = ssl.create_default_context(cafile=str(self.certificate))
        context.minimum_version = ssl.TLSVersion.TLSv1
        context.maximum_version = newest
        with socket.create_connection(("127.0.0.1", self.https), 30) as plain:
            return context.wrap_socket(plain, server_hostname="localhost").version()


def self_signed(folder: Path) -> Path:
    """Makes tls.key and tls.crt for `localhost`; returns the certificate."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(timezone.utc)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number(), now, now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "tls.key").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    (folder / "tls.crt").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return folder / "tls.crt"


def configuration(folder: Path, http: int, https: int, upstream: int) -> Path:
    """Returns deploy/nginx.conf with this machine's ports, files and servers, beside what it includes."""
    text = (DEPLOY / "nginx.conf").read_text(encoding="utf8")
    here = {
        "/tmp/": f"{folder}/",
        "listen 8080;": f"listen 127.0.0.1:{http};",
        "listen 8443 ssl;": f"listen 127.0.0.1:{https} ssl;",
        "rasa-1:5005": f"127.0.0.1:{upstream}",
        "    server rasa-2:5005 max_fails=1 fail_timeout=1s;\n": "",
        "/etc/nginx/tls": str(folder),
    }
    for there, value in here.items():
        assert there in text
        text = text.replace(there, value)
    (folder / "nginx.conf").write_text(text, encoding="utf8")
    shutil.copy(DEPLOY / "proxy.conf", folder)
    return folder / "nginx.conf"


def installed() -> Path:
    """Returns nginx.

    Raises:
        ServerMissing: it is not installed.
    """
    if not NGINX.exists():
        raise ServerMissing("nginx is not installed; run tools/install-test-servers.sh.")
    return NGINX


@pytest.fixture(scope="module")
def proxy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Proxy]:
    """Nginx before a server that answers with what it was told."""
    program, folder = or_skip(installed), tmp_path_factory.mktemp("nginx")
    upstream = ThreadingHTTPServer(("127.0.0.1", 0), _Told)
    threading.Thread(target=upstream.serve_forever, daemon=True).start()
    found = Proxy(free_port(), free_port(), self_signed(folder))
    file = configuration(folder, found.http, found.https, upstream.server_port)
    command = [str(program), "-p", str(folder), "-c", str(file)]
    checked = subprocess.run([*command, "-t"], capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stderr
    process = subprocess.Popen([*command, "-g", "daemon off;"])
    try:
        wait_until(lambda: socket.socket().connect_ex(("127.0.0.1", found.https)) == 0, "nginx")
        yield found
    finally:
        process.terminate()
        process.wait(timeout=60)
        upstream.shutdown()


def test_plain_http_is_sent_to_https(proxy: Proxy) -> None:
    asked = requests.get(
        f"http://127.0.0.1:{proxy.http}/webhooks/page/texts?lang=nb",
        headers={"Host": "help.example.com"},
        allow_redirects=False,
        timeout=30,
    )
    assert asked.status_code == 301
    assert asked.headers["Location"] == "https://help.example.com/webhooks/page/texts?lang=nb"


@pytest.mark.parametrize(("path", "status"), [("/", 200), ("/health/ready", 404), ("/metrics", 404)])
def test_browsers_are_told_to_come_back_over_tls_only(proxy: Proxy, path: str, status: int) -> None:
    answer = proxy.get(path)
    assert answer.status_code == status
    assert int(answer.headers["Strict-Transport-Security"].removeprefix("max-age=")) >= 365 * 24 * 3600


def test_old_versions_of_tls_are_refused(proxy: Proxy) -> None:
    assert proxy.protocol(ssl.TLSVersion.TLSv1_3) == "TLSv1.3"
    assert proxy.protocol(ssl.TLSVersion.TLSv1_2) == "TLSv1.2"
    with pytest.raises(ssl.SSLError):
        proxy.protocol(ssl.TLSVersion.TLSv1_1)


def test_a_visitor_cannot_choose_the_address_that_limits_count_for(proxy: Proxy) -> None:
    told = proxy.get(
        X_Forwarded_For="203.0.113.9",
        Forwarded="for=203.0.113.9",
        X_Forwarded_Host="evil.example",
        X_Forwarded_Proto="gopher",
    ).text
    assert "X-Forwarded-For: 127.0.0.1\n" in told
    assert "X-Forwarded-Proto: https\n" in told
    assert "203.0.113.9" not in told
    assert "evil.example" not in told
