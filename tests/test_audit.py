"""`make audit`: a known hole in the lock fails it, an accepted one does not, and no answer is said to be none."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import ROOT, free_port

pytestmark = pytest.mark.full


def uv() -> str:
    """Returns the path of uv, as tools/setup.sh finds or installs it."""
    found = shutil.which("uv") or str(ROOT / ".venv-uv" / "bin" / "uv")
    if not Path(found).exists():
        pytest.skip("uv is neither on the path nor in .venv-uv; run tools/setup.sh.")
    return found


@contextmanager
def database(package: str, advisory: str) -> Iterator[str]:
    """Answers as OSV does: one package has one hole."""

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))["queries"]
            holes = [{"id": advisory, "modified": "2026-01-01T00:00:00Z"}]
            self._say({"results": [{"vulns": holes} if ask["package"]["name"] == package else {} for ask in asked]})

        def do_GET(self) -> None:
            affected = {"package": {"ecosystem": "PyPI", "name": package}, "versions": []}
            described = {"id": advisory, "modified": "2026-01-01T00:00:00Z", "affected": [affected]}
            self._say({**described, "summary": "a hole", "aliases": [], "references": []})

        def _say(self, answer: dict[str, Any]) -> None:
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(answer).encode())

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/"
    server.shutdown()


def audit(address: str) -> subprocess.CompletedProcess[str]:
    command = [str(ROOT / "tools" / "audit.sh"), uv(), address]
    environment = {**os.environ, "UV_HTTP_RETRIES": "0"}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)


def test_a_hole_that_nobody_has_accepted_fails_and_is_named() -> None:
    with database("jinja2", "GHSA-aaaa-bbbb-cccc") as address:
        done = audit(address)
    assert done.returncode == 1
    assert "GHSA-aaaa-bbbb-cccc" in done.stdout
    assert "jinja2" in done.stdout


def test_a_hole_that_is_accepted_in_the_documents_does_not() -> None:
    with database("scikit-learn", "CVE-2024-5206") as address:
        done = audit(address)
    assert done.returncode == 0
    assert done.stdout.startswith("audit: no hole is known")


def test_a_database_that_does_not_answer_is_told_and_not_taken_for_a_good_answer() -> None:
    done = audit(f"http://127.0.0.1:{free_port()}/")
    assert done.returncode == 0
    assert done.stdout.startswith("audit: SKIPPED, NOTHING WAS CHECKED:")
