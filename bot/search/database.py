"""The article database: every imported article as one row of an SQLite file, changed only in whole transactions."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, fields
from pathlib import Path

from bot.articles.model import Link
from bot.search import LibraryError
from bot.stores.databases import open_sqlite, write_ahead

BUSY_SECONDS = 30
_VERSION = 1
ENCODER = "encoder"
"""The fact that says which encoder the vectors are from."""


@dataclass(frozen=True)
class StoredArticle:
    """Stored fields of an article: a row of the table `articles`, with its links in another one.

    Args:
        locale: the name of the tree's folder.
        path: below the locale's folder; the same in every locale.
        language: ISO 639-1 code.
        title: as plain text.
        slug: English slug of the main heading, else the file's name.
        description: as plain text.
        headings: of the sections; a line each in the table.
        sentences: as plain text; a line each in the table.
        steps: how many.
        url: the document that a reader is sent to.
        source: the tree.
        licence: of the tree.
        hash: of the file's content.
        vectors: int8 rows: title, slug, then each sentence.
        problem: what is wrong with its front matter, where it was read all the same.
        links: all of them.
    """

    locale: str
    path: str
    language: str
    title: str
    slug: str
    description: str
    headings: tuple[str, ...]
    sentences: tuple[str, ...]
    steps: int
    url: str
    source: str
    licence: str
    hash: bytes
    vectors: bytes = b""
    problem: str = ""
    links: tuple[Link, ...] = ()


_TYPES = {"int": "INTEGER", "bytes": "BLOB"}
_COLUMNS = {column.name: _TYPES.get(str(column.type), "TEXT") for column in fields(StoredArticle)[:-1]}
_PUT = f"REPLACE INTO articles ({', '.join(_COLUMNS)}) VALUES ({', '.join('?' * len(_COLUMNS))})"
# `written`: the address as it stands in the file. `learned_questions` has int8 vectors of the questions that customers'
# choices taught; older databases of this version lack the table.
_SCHEMA = f"""
CREATE TABLE IF NOT EXISTS articles (
    id INTEGER PRIMARY KEY,
    {", ".join(f"{name} {kind} NOT NULL" for name, kind in _COLUMNS.items())},
    UNIQUE (locale, path)
);
CREATE INDEX IF NOT EXISTS articles_language ON articles (language);
CREATE TABLE IF NOT EXISTS links (
    article INTEGER NOT NULL REFERENCES articles (id) ON DELETE CASCADE,
    label TEXT NOT NULL,
    url TEXT NOT NULL,
    written TEXT NOT NULL,
    line INTEGER NOT NULL
);
CREATE INDEX IF NOT EXISTS links_article ON links (article);
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS learned_questions (file TEXT PRIMARY KEY, vectors BLOB NOT NULL) WITHOUT ROWID;
"""


class Library:
    """The article database.

    Args:
        path: the SQLite file; it is made where it is missing.

    Raises:
        LibraryError: the file is no article database, or one of another version.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with closing(open_sqlite(self.path, BUSY_SECONDS)) as connection, connection:
                write_ahead(connection, BUSY_SECONDS)  # readers are never kept waiting by an import
                connection.execute("BEGIN IMMEDIATE")
                version = connection.execute("PRAGMA user_version").fetchone()[0]
                if version not in (0, _VERSION):
                    versions = f"version {version}, expected {_VERSION}"
                    raise LibraryError(f"{path}: article database of {versions}; import again.")
                for statement in _SCHEMA.split(";\n"):
                    connection.execute(statement)
                if version == 0:
                    connection.execute(f"PRAGMA user_version = {_VERSION}")
        except sqlite3.DatabaseError as error:
            raise LibraryError(f"{path}: cannot be used as article database ({error}); remove it.") from error

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """Opens one consistent view of the database."""
        with closing(open_sqlite(self.path, BUSY_SECONDS)) as connection:
            connection.execute("BEGIN")
            yield connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Opens a transaction: all of it is kept at the end, or nothing where it does not come to the end.

        Raises:
            LibraryError: another import is at work.
        """
        with closing(open_sqlite(self.path, BUSY_SECONDS)) as connection, connection:
            try:
                connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                raise LibraryError(f"{self.path}: another import is at work ({error}); wait for it.") from error
            yield connection


def open_library(path: Path) -> Library:
    """Opens the article database for a search.

    Raises:
        LibraryError: nothing has been imported.
    """
    if not path.is_file():
        raise LibraryError(f"{path}: no article database; run `python -m bot articles import`.")
    return Library(path)


def fact(connection: sqlite3.Connection, name: str) -> str:
    """Returns a fact about the whole database, such as the encoder; empty before the first import."""
    row = connection.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
    return str(row[0]) if row else ""


def set_fact(connection: sqlite3.Connection, name: str, value: str) -> None:
    """Sets a fact about the whole database."""
    connection.execute("REPLACE INTO facts VALUES (?, ?)", (name, value))


def put(connection: sqlite3.Connection, article: StoredArticle) -> None:
    """Adds an article, or replaces the one of the same locale and path."""
    values = (getattr(article, name) for name in _COLUMNS)
    row = connection.execute(_PUT, ["\n".join(value) if isinstance(value, tuple) else value for value in values])
    links = [(row.lastrowid, link.label, link.url, link.source, link.line) for link in article.links]
    connection.executemany("INSERT INTO links VALUES (?, ?, ?, ?, ?)", links)
