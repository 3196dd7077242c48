"""npm's oidc-provider, an OpenID Connect provider for tests, and what people do at it."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import requests

from tests.support.servers import START_SECONDS, ServerMissing, free_port, wait_until

CLIENT_ID, CLIENT_SECRET = "desk", "secret-of-the-desk"
_SOURCES = Path(__file__).parent / "openid"
_FORM = re.compile(r'<form[^>]* action="([^"]+)"')


class OpenIdProvider:
    """A provider with one client, the desk; not started yet.

    Args:
        folder: an empty one, where its packages are installed.
        callback: path of the desk that it sends back to, at any port of 127.0.0.1.

    Raises:
        ServerMissing: there is no Node.js, or its packages cannot be installed.
    """

    def __init__(self, folder: Path, callback: str) -> None:
        if shutil.which("npm") is None:
            raise ServerMissing("Node.js with npm is not installed; run tools/install-test-servers.sh.")
        self._folder = folder
        self._redirect = f"http://127.0.0.1{callback}"
        shutil.copytree(_SOURCES, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("node_modules"))
        install = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
        done = subprocess.run(install, cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise ServerMissing(f"oidc-provider cannot be installed from npm's registry: {done.stderr[-500:]}")
        self._port = free_port()
        self._wanted: dict[str, Any] = {"people": {}}
        self._write()

    @property
    def issuer(self) -> str:
        """Its address; of another site than the desk's, which tests have at 127.0.0.1."""
        return f"http://localhost:{self._port}"

    def start(self, thin_id_tokens: bool = False) -> None:
        """Starts it with new keys; nobody is signed in.

        Args:
            thin_id_tokens: whether id tokens have nothing but the subject, as specified, or all claims, as with many.
        """
        self._wanted["thin_id_tokens"] = thin_id_tokens
        self._write()
        log = self._folder / "provider.log"
        command = ["node", "provider.mjs", str(self._port), "wanted.json", self._redirect]
        with log.open("wb") as stream:
            self._process = subprocess.Popen(command, cwd=self._folder, stdout=stream, stderr=stream)
        wait_until(lambda: self._process.poll() is not None or "listening" in log.read_text(), "oidc-provider")
        if self._process.poll() is not None:
            raise RuntimeError(f"oidc-provider has ended:\n{log.read_text()[-2000:]}")

    def stop(self) -> None:
        """Kills it at once."""
        self._process.kill()
        self._process.wait(timeout=START_SECONDS)

    def person(self, subject: str, **claims: Any) -> None:
        """Makes somebody who can sign in, or changes what is said of them."""
        self._wanted["people"][subject] = claims
        self._write()

    def fault(self, **fault: Any) -> None:
        """Has it give wrong id tokens from now on; without arguments, right ones."""
        self._wanted["fault"] = fault or None
        self._write()

    def sign_in(self, browser: requests.Session, address: str, subject: str) -> str:
        """Does what a person does who is sent to it.

        Args:
            browser: keeps cookies.
            address: where the desk has sent it to.
            subject: who signs in.

        Returns:
            The address that the provider sends back to.
        """
        answer = browser.get(address, timeout=30)
        form = _FORM.search(answer.text)
        assert form, answer.text
        fields = {"prompt": "login", "login": subject, "password": "any"}
        answer = browser.post(form[1], data=fields, allow_redirects=False, timeout=30)
        while (location := answer.headers["Location"]).startswith((self.issuer, "/")):
            answer = browser.get(requests.compat.urljoin(answer.url, location), allow_redirects=False, timeout=30)
        return location

    def _write(self) -> None:
        fresh = self._folder / "wanted.new"
        fresh.write_text(json.dumps(self._wanted), encoding="utf8")
        fresh.replace(self._folder / "wanted.json")
