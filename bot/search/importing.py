"""Imports trees of article files into the article database in one transaction, and removes articles that are gone.

Only files that have changed are parsed. One that cannot be read stops nothing: it is reported, and the last good
version is kept.
"""

from __future__ import annotations

import multiprocessing
import os
import re
import sqlite3
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from bot.search import LibraryError, index
from bot.search.database import ENCODER, Library, fact, put, set_fact
from bot.search.reading import Outcome, Task, encode, read, search_encoder, words_of_slug

SUFFIX = ".md"
LOCALE = re.compile(r"[a-z]{2,3}-[A-Z]{2}")
_CHUNK = 32
_FEW_FILES = 100
"""Number of files that are read before another process has started."""
_LICENCES = {"Attribution 4.0 International": "CC-BY-4.0", "MIT License": "MIT"}


@dataclass
class ImportReport:
    """Result of an import, by `locale/path`."""

    new: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    unchanged: int = 0
    broken: dict[str, str] = field(default_factory=dict)
    """Reason for which a file was not taken; its former content in the database is kept."""
    corrected: dict[str, str] = field(default_factory=dict)
    """Faults in the front matter of articles that were taken all the same."""
    skipped: dict[str, str] = field(default_factory=dict)
    """Reason for which a place was not looked into."""


def import_articles(
    library: Library,
    paths: Sequence[Path],
    locale: str = "",
    processes: int | None = None,
    progress: Callable[..., Iterable[Outcome]] = lambda outcomes, total: outcomes,
) -> ImportReport:
    """Brings the article database up to date with article trees.

    Articles that a tree has no more are removed; the locales and folders that are not named stay as they are.

    Args:
        library: the article database.
        paths: trees, each the folder of a locale (`nb-NO`), one inside of it, or one that holds such folders.
        locale: the locale of trees that are not named for one.
        processes: how many read; None takes one a core.
        progress: wraps what is read, to show how far it is; is told the number of files as `total`.

    Raises:
        LibraryError: a path does not exist or holds no article, or the database cannot be written to; nothing has been
            changed.
    """
    report = ImportReport()
    with library.writing() as connection:
        _encode_anew(connection)
        rows = connection.execute("SELECT locale, path, hash FROM articles")
        known = {(code, path): content_hash for code, path, content_hash in rows}
        tasks, scopes = _find(paths, locale, known, report.skipped)
        for task, outcome in zip(tasks, progress(_outcomes(tasks, processes), total=len(tasks)), strict=True):
            name, is_new = f"{task.locale}/{task.path}", task.known is None
            if isinstance(outcome, str):
                report.broken[name] = outcome + ("" if is_new else "; the last good version is kept")
            elif outcome is None:
                report.unchanged += 1
            else:
                put(connection, outcome)
                (report.new if is_new else report.changed).append(name)
                if outcome.problem:
                    report.corrected[name] = outcome.problem
        unseen = sorted(known.keys() - {(task.locale, task.path) for task in tasks})
        gone = [each for each in unseen if any(each[0] == code and each[1].startswith(path) for code, path in scopes)]
        report.removed = [f"{code}/{path}" for code, path in gone]
        connection.executemany("DELETE FROM articles WHERE locale = ? AND path = ?", gone)
        index.update(connection, index.folder_of(library.path))
    return report


def _encode_anew(connection: sqlite3.Connection) -> None:
    """Encodes all articles again where that was last done with another encoder."""
    version = search_encoder().version
    if fact(connection, ENCODER) == version:
        return
    rows = connection.execute("SELECT id, path, title, slug, sentences FROM articles")
    for row, path, title, slug, sentences in rows:
        texts = [title, words_of_slug(path, slug), *filter(None, sentences.split("\n"))]
        connection.execute("UPDATE articles SET vectors = ? WHERE id = ?", (encode(texts), row))
    connection.execute("DELETE FROM learned_questions")  # their texts are not kept; `articles learn` brings them back
    set_fact(connection, ENCODER, version)


def _outcomes(tasks: Sequence[Task], processes: int | None) -> Iterator[Outcome]:
    processes = processes or len(os.sched_getaffinity(0))
    if len(tasks) <= _FEW_FILES or processes == 1:
        yield from map(read, tasks)
    else:
        search_encoder()  # once, before the others are made from this process
        with multiprocessing.get_context("fork").Pool(processes) as pool:
            yield from pool.imap(read, tasks, chunksize=_CHUNK)


def _find(
    paths: Sequence[Path], locale: str, known: Mapping[tuple[str, str], bytes], skipped: dict[str, str]
) -> tuple[list[Task], set[tuple[str, str]]]:
    """Lists the files of trees; symbolic links are not followed, so that nothing outside of a tree is read.

    Returns:
        The files, and each locale with the folder in it that all has been seen of.
    """
    tasks: dict[tuple[str, str], Task] = {}
    scopes: set[tuple[str, str]] = set()
    for root in paths:
        if not root.exists():
            raise LibraryError(f"{root} does not exist; name a folder of articles")
        empty = True
        for file in _files(root, skipped):
            place = _place(root, file, locale)
            if place is None:
                skipped[str(file)] = "its locale is not known; name it with --locale"
            elif any(unicodedata.category(letter) in {"Cc", "Cs"} for letter in place[2]):
                skipped[ascii(str(file))] = "control characters, or such as are no text, in its name; rename it"
            else:
                tree, code, path, scope = place
                empty = False
                if root.is_dir():
                    scopes.add((code, scope))
                tasks[code, path] = Task(str(file), code, path, *_provenance(tree), known.get((code, path)))
        if empty:
            raise LibraryError(f"{root} holds no article ({SUFFIX}) of a known locale; name a folder of articles")
    return [tasks[place] for place in sorted(tasks)], scopes


def _files(root: Path, skipped: dict[str, str]) -> Iterator[Path]:
    if root.is_file():
        yield root
        return

    def unreadable(error: OSError) -> None:
        skipped[str(error.filename)] = f"cannot be opened ({error.strerror}); check its permissions"

    for folder, folders, names in os.walk(root, onerror=unreadable):
        articles = [name for name in names if Path(name).suffix.lower() == SUFFIX]
        for path in (Path(folder, name) for name in folders + articles):
            if path.is_symlink():  # `os.walk` does not follow them either
                skipped[str(path)] = "a symbolic link; name its target if it is to be imported"
            elif path.is_file():
                yield path
            elif not path.is_dir():
                skipped[str(path)] = "not a regular file"


def _place(root: Path, file: Path, locale: str) -> tuple[Path, str, str, str] | None:
    """Returns the folder of the locale, the locale, the path below that folder, and how much of it the root covers."""
    file, root = file.resolve(), root.resolve()
    base = root if root.is_dir() else root.parent
    tree = next((folder for folder in file.parents if LOCALE.fullmatch(folder.name)), None)
    if tree is not None:
        scope = base.relative_to(tree).as_posix() + "/" if base.is_relative_to(tree) and base != tree else ""
        return tree, locale or tree.name, file.relative_to(tree).as_posix(), scope
    return (base, locale, file.relative_to(base).as_posix(), "") if locale else None


@lru_cache(maxsize=256)
def _provenance(tree: Path) -> tuple[str, str]:
    """Returns where a tree comes from and its licence, the first line of the licence file in it."""
    for file in (tree / name for name in ("LICENSE", "LICENSE.md", "LICENSE.txt", "LICENCE")):
        if file.is_file():
            first = file.read_text(encoding="utf8", errors="replace").lstrip().split("\n")[0].strip()
            return tree.name, _LICENCES.get(first, first[:100])
    return tree.name, "unknown"
