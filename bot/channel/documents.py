"""Serves the page's files, the page in the visitor's language and its texts as JSON, each with an ETag and gzip."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path

from sanic.request import Request
from sanic.response import HTTPResponse, empty, raw

from bot.articles.issues import common_issues
from bot.articles.replies import Replies
from bot.channel import headers
from bot.channel.languages import visitor_language
from bot.channel.requests import header_of
from bot.stores.sessions import SessionError

FOLDER = Path(__file__).resolve().parent / "assets"
_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
}
_TEXT_GROUPS = ("labels", "topics", "page")
_LANGUAGE_OF_PAGE = re.compile(rb'<html lang="[^"]*"')
_REVALIDATE = "no-cache"
_FOREVER = "public, max-age=31536000, immutable"


@dataclass(frozen=True)
class Asset:
    """One file as it is sent.

    Args:
        body: its bytes.
        packed: the same, compressed with gzip.
        type: its media type.
        tag: changes with the content.
    """

    body: bytes
    packed: bytes
    type: str
    tag: str


def asset(name: str, folder: Path = FOLDER) -> Asset | None:
    """Returns a file of the page by its name, None if there is none: only names found in the folder are looked up."""
    files = folder.iterdir() if folder.is_dir() else ()
    path = next((path for path in files if path.name == name and path.suffix in _TYPES and path.is_file()), None)
    return _read(path, path.stat().st_mtime_ns) if path else None


class Documents:
    """Answers requests for the page, its files and its texts.

    Args:
        replies: the bot's texts.
        link_hosts: the hosts that the page may make links to.
        embed_origins: the sites that may frame the page.
    """

    def __init__(self, replies: Replies, link_hosts: Iterable[str], embed_origins: Iterable[str]) -> None:
        self._replies = replies
        self._link_hosts = sorted(link_hosts)
        self._framed = headers.framed(list(embed_origins))
        self._texts: dict[str, Asset] = {}

    async def front_page(self, request: Request) -> HTTPResponse | None:
        """Answers at `/`; returns None elsewhere, and where the page has not been built."""
        if request.path != "/" or request.method not in {"GET", "HEAD"}:
            return None
        page = asset("index.html")
        return self._page(request, page, headers.PAGE) if page else None

    async def frame(self, request: Request) -> HTTPResponse:
        """Answers with the page for a frame of another site."""
        return self._page(request, _found("index.html"), self._framed)

    async def file(self, request: Request, name: str, security: dict[str, str] = headers.COMMON) -> HTTPResponse:
        """Answers with a file of the page."""
        return _cached(request, _found(name), security)

    async def texts(self, request: Request, name: str) -> HTTPResponse:
        """Answers with everything that the page says in one language, as JSON; `name` is `<language>.json`."""
        language = name.removesuffix(".json")
        if language == name or language not in self._replies.languages():
            raise SessionError(404, "not_found")
        if language not in self._texts:
            self._texts[language] = _asset(self._texts_of(language), "application/json")
        return _cached(request, self._texts[language], headers.COMMON)

    def _page(self, request: Request, page: Asset, security: dict[str, str]) -> HTTPResponse:
        marked = _in_language(page, visitor_language(request, self._replies))
        return _cached(request, marked, {**security, "Vary": "Accept-Language, Accept-Encoding"})

    def _texts_of(self, language: str) -> bytes:
        replies = self._replies
        content = {
            "language": language,
            "name": replies.name(language),
            **{group: replies.group(group, language) for group in _TEXT_GROUPS},
            "replies": {"utter_greet": replies.text("utter_greet", language)},
            "common": common_issues(),
            "languages": {code: replies.name(code) for code in replies.languages()},
            "link_hosts": self._link_hosts,
        }
        return json.dumps(content, ensure_ascii=False).encode()


def _found(name: str) -> Asset:
    found = asset(name)
    if found is None:
        raise SessionError(404, "not_found")
    return found


def _asset(body: bytes, media_type: str) -> Asset:
    return Asset(body, gzip.compress(body, 9, mtime=0), media_type, hashlib.sha256(body).hexdigest()[:16])


@lru_cache(maxsize=64)
def _read(path: Path, changed: int) -> Asset:
    return _asset(path.read_bytes(), _TYPES[path.suffix])


@lru_cache(maxsize=64)
def _in_language(page: Asset, language: str) -> Asset:
    body = _LANGUAGE_OF_PAGE.sub(f'<html lang="{language}"'.encode(), page.body, count=1)
    return replace(_asset(body, page.type), tag=f"{page.tag}-{language}")


def _cached(request: Request, found: Asset, security: dict[str, str]) -> HTTPResponse:
    """Sends a document, packed if the browser takes that, or tells that the browser has it already."""
    zipped = "gzip" in header_of(request, "accept-encoding").lower()
    tag = f'"{found.tag}{"-gzip" if zipped else ""}"'
    cached = _FOREVER if request.args.get("v") == found.tag else _REVALIDATE
    sent = {"Vary": "Accept-Encoding", **security, "ETag": tag, "Cache-Control": cached}
    if tag in (item.strip().removeprefix("W/") for item in header_of(request, "if-none-match").split(",")):
        return empty(304, headers=sent)
    if zipped:
        sent["Content-Encoding"] = "gzip"
    return raw(found.packed if zipped else found.body, headers=sent, content_type=found.type)
