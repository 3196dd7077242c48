"""The addresses in imported articles: where they stand, what is wrong with them, and whether they still answer."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import requests

from bot.articles.links import MOVED_HOSTS, resolve
from bot.files import written_whole
from bot.search.database import open_library

_ANSWER_SECONDS = 15
_KEPT_SECONDS = 7 * 24 * 3600


@dataclass(frozen=True)
class Address:
    """An address with the articles that it stands in."""

    written: str
    url: str
    articles: tuple[str, ...]
    """`locale/path` of each."""
    problems: tuple[str, ...] = ()


def list_links(database: Path) -> list[Address]:
    """Returns every address in the article database, sorted, with what is wrong with its form or known of its host.

    Raises:
        LibraryError: nothing has been imported.
    """
    found: dict[tuple[str, str], dict[str, None]] = {}
    with open_library(database).reading() as connection:
        rows = connection.execute(
            "SELECT written, links.url, locale || '/' || path AS place "
            "FROM links JOIN articles ON articles.id = article ORDER BY written, place"
        )
        for written, url, place in rows:
            found.setdefault((written, url), {})[place] = None
    return [Address(written, url, tuple(places), tuple(_problems(written))) for (written, url), places in found.items()]


def _problems(written: str) -> Iterator[str]:
    try:
        scheme, host = urlsplit(written.strip()).scheme, urlsplit(written.strip()).hostname
    except ValueError:
        yield "malformed address; correct it"
        return
    if scheme and (problem := resolve(written).problem):
        yield problem
    if host in MOVED_HOSTS:
        yield f"host {host} has moved to {MOVED_HOSTS[host]}; correct it"
    if scheme == "http":
        yield "not HTTPS; write https://"


def check_links(entries: Sequence[Address], cache: Path, *, between_seconds: float = 1.0) -> list[Address]:
    """Asks each web address whether it answers: one at a time, a host once a second at most, none twice in a week.

    Redirections are reported and not followed.

    Args:
        entries: the addresses.
        cache: a JSON file of former answers; it is written again after each answer.
        between_seconds: the least time between two questions to one host.
    """
    answers = _former(cache)
    turns: dict[str, float] = {}
    with requests.Session() as session:
        session.headers["User-Agent"] = "billing-triage-bot link check"
        for url in dict.fromkeys(entry.url for entry in entries):
            if not url.startswith(("http://", "https://")) or url in answers:
                continue
            host = urlsplit(url).netloc
            time.sleep(max(0.0, turns.get(host, 0.0) - time.monotonic()))
            answers[url] = {"asked": time.time(), "problem": _ask(session, url)}
            turns[host] = time.monotonic() + between_seconds
            with written_whole(cache) as stream:
                stream.write(json.dumps(answers, indent=1).encode())
    problems = {url: (answer["problem"],) for url, answer in answers.items() if answer.get("problem")}
    return [replace(entry, problems=entry.problems + problems.get(entry.url, ())) for entry in entries]


def _former(cache: Path) -> dict[str, dict[str, Any]]:
    """Returns the answers that are new enough to count."""
    try:
        answers = json.loads(cache.read_text(encoding="utf8"))
        return {url: answer for url, answer in answers.items() if time.time() - answer["asked"] < _KEPT_SECONDS}
    except (OSError, ValueError, KeyError, AttributeError, TypeError):
        return {}


def _ask(session: requests.Session, url: str) -> str:
    """Returns what is wrong with an address by its host's answer; empty where nothing is."""
    try:
        answer = session.head(url, timeout=_ANSWER_SECONDS, allow_redirects=False)
        if answer.status_code in {403, 405, 501}:  # it does not take HEAD
            answer = session.get(url, timeout=_ANSWER_SECONDS, allow_redirects=False, stream=True)
            answer.close()
    except requests.RequestException as error:
        return f"does not answer ({type(error).__name__}); look at it"
    if answer.status_code in {301, 308}:
        return f"moved for good to {answer.headers.get('Location', 'another address')[:300]}; correct it"
    return f"answers {answer.status_code}; replace it" if answer.status_code >= 400 else ""
