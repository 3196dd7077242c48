"""The addresses in imported articles: where they stand, what is wrong with them, and whether they still answer."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from bot.articles.links import resolve
from bot.search.database import Library, LibraryError

MOVED_HOSTS = {
    "docs.microsoft.com": "learn.microsoft.com",
    "technet.microsoft.com": "learn.microsoft.com",
    "msdn.microsoft.com": "learn.microsoft.com",
    "support.office.com": "support.microsoft.com",
    "protection.office.com": "security.microsoft.com",
    "manage.windowsazure.com": "portal.azure.com",
}
"""Hosts that lead on to another one, as known in 2024."""

_AGENT = "billing-triage-bot link check"
_ANSWER_SECONDS = 15
_BETWEEN_SECONDS = 1.0
_KEPT_SECONDS = 7 * 24 * 3600
_PERMANENT = (301, 308)
_HEAD_REFUSED = (403, 405, 501)


@dataclass(frozen=True)
class Address:
    """An address with the articles that it stands in."""

    written: str
    url: str
    articles: tuple[str, ...]
    """`locale/path` of each."""
    problems: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Returns the entry as plain values."""
        return asdict(self)


def list_links(database: Path) -> list[Address]:
    """Returns every address in the article database, sorted, with what is wrong with its form or known of its host.

    Raises:
        LibraryError: nothing has been imported.
    """
    if not database.is_file():
        raise LibraryError(f"{database}: no article database; run `python -m bot articles import`.")
    found: dict[tuple[str, str], dict[str, None]] = {}
    with Library(database).reading() as connection:
        rows = connection.execute(
            "SELECT written, links.url, locale || '/' || path AS place "
            "FROM links JOIN articles ON articles.id = article "
            "ORDER BY written, place"
        )
        for written, url, place in rows:
            found.setdefault((written, url), {})[place] = None
    return [Address(written, url, tuple(places), tuple(_problems(written))) for (written, url), places in found.items()]


def _problems(written: str) -> list[str]:
    found = []
    try:
        parts = urlsplit(written.strip())
        host = (parts.hostname or "").lower()
    except ValueError:
        return ["malformed address; correct it"]
    if parts.scheme and (problem := resolve(written).problem):
        found.append(problem)
    if host in MOVED_HOSTS:
        found.append(f"host {host} has moved to {MOVED_HOSTS[host]}; correct it")
    if parts.scheme == "http":
        found.append("not HTTPS; write https://")
    return found


def check_links(
    entries: Sequence[Address], cache: Path, *, between_seconds: float = _BETWEEN_SECONDS, now: float | None = None
) -> list[Address]:
    """Asks each web address whether it answers: one at a time, a host once a second at most, none twice in a week.

    Redirections are reported and not followed.

    Args:
        entries: the addresses.
        cache: a JSON file of former answers; it is written again after each answer.
        between_seconds: the least time between two questions to one host.
        now: the present time, seconds since 1970; None takes the clock.
    """
    now = time.time() if now is None else now
    answers = _former(cache, now)
    turns: dict[str, float] = {}
    with requests.Session() as session:
        session.headers["User-Agent"] = _AGENT
        for url in dict.fromkeys(entry.url for entry in entries):
            if not url.startswith(("http://", "https://")) or url in answers:
                continue
            host = urlsplit(url).netloc
            time.sleep(max(0.0, turns.get(host, 0.0) - time.monotonic()))
            answers[url] = {"asked": now, "problem": _ask(session, url)}
            turns[host] = time.monotonic() + between_seconds
            part = cache.with_name(cache.name + ".part")
            part.write_text(json.dumps(answers, indent=1), encoding="utf8")
            part.replace(cache)
    checked = []
    for entry in entries:
        problem = answers.get(entry.url, {}).get("problem")
        checked.append(replace(entry, problems=(*entry.problems, problem)) if problem else entry)
    return checked


def _former(cache: Path, now: float) -> dict[str, dict[str, Any]]:
    try:
        answers = json.loads(cache.read_text(encoding="utf8"))
        return {url: answer for url, answer in answers.items() if now - answer["asked"] < _KEPT_SECONDS}
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return {}


def _ask(session: requests.Session, url: str) -> str:
    """Returns what is wrong with an address by its host's answer; empty where nothing is."""
    try:
        answer = session.head(url, timeout=_ANSWER_SECONDS, allow_redirects=False)
        if answer.status_code in _HEAD_REFUSED:
            answer = session.get(url, timeout=_ANSWER_SECONDS, allow_redirects=False, stream=True)
            answer.close()
    except requests.RequestException as error:
        return f"does not answer ({type(error).__name__}); look at it"
    if answer.status_code in _PERMANENT:
        return f"moved for good to {answer.headers.get('Location', 'another address')[:300]}; correct it"
    return f"answers {answer.status_code}; replace it" if answer.status_code >= 400 else ""
