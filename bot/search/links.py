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
    problems: tuple[str, ...]


def list_links(database: Path) -> list[Address]:
    """Returns every address in the article database, sorted, with what is wrong with its form or known of its host.

    Raises:
        LibraryError: nothing has been imported.
    """
    with open_library(database).reading() as connection:
        rows = connection.execute(
            "SELECT DISTINCT written, links.url, locale || '/' || path AS place "
            "FROM links JOIN articles ON articles.id = article ORDER BY written, links.url, place"
        )
        found = [(address, tuple(place for *_, place in own)) for address, own in groupby(rows, key=itemgetter(0, 1))]
    return [Address(written, url, places, tuple(_problems(written))) for (written, url), places in found]


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
