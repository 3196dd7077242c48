"""The page's files as they are sent: named by a list, with a tag that changes with the content, packed once."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

FOLDER = Path(__file__).resolve().parent / "assets"

_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
    ".webmanifest": "application/manifest+json",
}
_PACKED = frozenset({".html", ".js", ".css", ".svg", ".webmanifest"})


@dataclass(frozen=True)
class Asset:
    """One file.

    Args:
        body: its bytes.
        packed: the same, compressed with gzip; empty where that gains nothing.
        type: its media type.
        tag: changes with the content.
    """

    body: bytes
    packed: bytes
    type: str
    tag: str


def asset(name: str, folder: Path = FOLDER) -> Asset | None:
    """Returns a file of the page by its name, None if there is none: only names found in the folder are looked up."""
    path = next((path for path in _files(folder) if path.name == name), None)
    return _read(path, path.stat().st_mtime_ns) if path else None


def packed(body: bytes) -> bytes:
    """Returns bytes compressed with gzip, the same for the same bytes."""
    return gzip.compress(body, 9, mtime=0)


def _files(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    return [path for path in folder.iterdir() if path.suffix in _TYPES and path.is_file()]


@lru_cache(maxsize=64)
def _read(path: Path, changed: int) -> Asset:
    body = path.read_bytes()
    tag = hashlib.sha256(body).hexdigest()[:16]
    return Asset(body, packed(body) if path.suffix in _PACKED else b"", _TYPES[path.suffix], tag)
