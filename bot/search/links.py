"""The addresses in imported articles: where they stand, and what is wrong with them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from urllib.parse import urlsplit

from bot.articles.links import MOVED_HOSTS, resolve
from bot.search.database import open_library


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
    query = (
        "SELECT DISTINCT written, links.url AS address, locale || '/' || path AS place "
        "FROM links JOIN articles ON articles.id = article ORDER BY written, address, place"
    )
    with open_library(database).reading() as connection:
        return [
            Address(written, url, tuple(row[2] for row in rows), tuple(_problems(written)))
            for (written, url), rows in groupby(connection.execute(query), key=itemgetter(0, 1))
        ]


def _problems(written: str) -> Iterator[str]:
    try:
        parts = urlsplit(written.strip())
    except ValueError:
        yield "malformed address; correct it"
        return
    if parts.scheme and (problem := resolve(written).problem):
        yield problem
    if parts.hostname in MOVED_HOSTS:
        yield f"host {parts.hostname} has moved to {MOVED_HOSTS[parts.hostname]}; correct it"
    if parts.scheme == "http":
        yield "not HTTPS; write https://"
