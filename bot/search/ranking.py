"""The search: articles that say what a customer asks for, by their words and by their meaning."""

from __future__ import annotations

import sqlite3
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tantivy

from bot.encoder import Encoder
from bot.search import index
from bot.search.analysis import stems
from bot.search.database import Library, LibraryError, encoder_version
from bot.search.reading import search_encoder
from bot.settings import get_settings

Floats = npt.NDArray[np.float32]

RESULTS = 10
LONGEST_QUERY = 500
"""Characters read of a question."""
_CANDIDATES = 200

WEIGHTS = {"meaning": 10.3, "asked": 9.42, "words": 0.36, "pieces": 0.56}
"""What the cosines and the BM25 scores, as shares of the best, count; from `python -m benchmarks.search --learn`."""


@dataclass(frozen=True)
class Hit:
    """An article that was found."""

    title: str
    file: str
    language: str
    url: str
    score: float
    sentence: str
    """The sentence that matches best; empty where the article has none."""

    def as_dict(self) -> dict[str, Any]:
        """Returns the hit as plain values."""
        return asdict(self)


@dataclass(frozen=True)
class Shelf:
    """The articles of one language, ready to be searched; the arrays have one row an article."""

    name: str
    language: str
    words: tantivy.Index
    identifiers: npt.NDArray[np.int64]
    meanings: Floats
    """The vectors of the articles, the same in every language."""
    asked: Floats
    """The vectors of questions that articles are known to answer."""
    owners: npt.NDArray[np.int64]
    """The articles that have such questions."""
    firsts: npt.NDArray[np.int64]
    """Where the questions of each of them begin."""


def open_shelf(folder: Path, name: str, meanings: str) -> Shelf:
    """Opens the index of a language and the articles' vectors.

    Raises:
        OSError: it has been replaced by a new one.
    """
    try:
        words = tantivy.Index.open(str(folder / name))
    except ValueError as error:
        raise FileNotFoundError(str(error)) from error
    identifiers = np.load(folder / name / index.ARTICLES)
    vectors, asked = (_units(folder / meanings / file) for file in (index.VECTORS, index.ASKED))
    owners, firsts = np.unique(np.load(folder / meanings / index.OWNERS), return_index=True)
    language = name.split("-", maxsplit=1)[0]
    return Shelf(f"{name} {meanings}", language, words, identifiers, vectors, asked, owners, firsts)


def _units(file: Path) -> Floats:
    return np.asarray(np.load(file).astype(np.float32) / np.float32(index.FULL_SCALE))


@dataclass(frozen=True)
class Candidates:
    """Articles that may be meant, and what speaks for each."""

    rows: npt.NDArray[np.int64]
    """Their rows on the shelf."""
    evidence: Floats
    """(articles, evidence): one column for each of `WEIGHTS`."""


class Searcher:
    """Searches the article database; imports that end while it serves are seen by the next search.

    Args:
        database: the article database; None takes the setting.

    Raises:
        LibraryError: nothing has been imported.
    """

    def __init__(self, database: Path | None = None) -> None:
        self._database = database or get_settings().articles_database
        if not self._database.is_file():
            raise LibraryError(f"{self._database}: no article database; run `python -m bot articles import`.")
        self._library = Library(self._database)
        self._encoder: Encoder = search_encoder()
        self._shelves: dict[str, Shelf] = {}

    def search(self, text: str, language: str, results: int = RESULTS) -> list[Hit]:
        """Finds the articles that answer a question.

        Args:
            text: what a customer says, in their own words.
            language: its language, ISO 639-1; articles in it come first, those not translated are found in others.
            results: how many at most.

        Returns:
            The articles, best first; none where nothing has been imported or the text has no word.
        """
        text = text[:LONGEST_QUERY]
        with self._library.reading() as connection:
            shelf = self._shelf(connection, language)
            if shelf is None:
                return []
            if encoder_version(connection) != self._encoder.version:
                raise LibraryError(f"{self._database}: imported with another encoder; import the articles again.")
            query = self._encoder.encode([text])[0]
            found = candidates(shelf, text, query)
            scores = found.evidence @ np.array(list(WEIGHTS.values()), np.float32)
            best = np.argsort(-scores, kind="stable")[:results]
            return [
                _hit(connection, shelf, int(found.rows[place]), float(scores[place]), text, query) for place in best
            ]

    def _shelf(self, connection: sqlite3.Connection, language: str) -> Shelf | None:
        """Returns the shelf of a language, or the largest one where there is none; it is opened once."""
        valid = index.folders(connection)
        if language not in valid:
            largest = connection.execute(
                "SELECT language FROM articles GROUP BY language ORDER BY language != 'en', COUNT(*) DESC LIMIT 1"
            ).fetchone()
            if largest is None:
                return None
            language = largest[0]
        known = self._shelves.get(language)
        meanings = index.meanings(connection)
        if known is None or known.name != f"{valid[language]} {meanings}":
            # What an import replaces stays on disk until the next one, so that this transaction can still open it.
            known = open_shelf(index.folder_of(self._database), valid[language], meanings)
            self._shelves[language] = known
        return known


def candidates(shelf: Shelf, text: str, query: Floats) -> Candidates:
    """Returns the articles that match a question in any way, with what speaks for each.

    Args:
        shelf: where to look.
        text: the question.
        query: its vector.
    """
    near = shelf.meanings @ query
    asked = near.copy()  # its own vector, where no question that it answers lies nearer
    if len(shelf.owners):
        nearest = np.maximum.reduceat(shelf.asked @ query, shelf.firsts)
        asked[shelf.owners] = np.maximum(near[shelf.owners], nearest)
    most = min(_CANDIDATES, len(near))
    chosen = {row for by in (near, asked) for row in np.argpartition(-by, most - 1)[:most].tolist() if query.any()}
    by_words = [dict(index.find(shelf.words, text, shelf.language, _CANDIDATES, [field])) for field in index.FIELDS]
    chosen.update(*by_words)
    rows = np.array(sorted(chosen), np.int64)
    columns = [near[rows], asked[rows]]
    for found in by_words:
        highest = max(found.values(), default=1.0)
        columns.append(np.array([found.get(row, 0.0) / highest for row in rows.tolist()], np.float32))
    return Candidates(rows, np.stack(columns, axis=1))


def _hit(connection: sqlite3.Connection, shelf: Shelf, row: int, score: float, text: str, query: Floats) -> Hit:
    title, path, language, url, joined, blob = connection.execute(
        "SELECT title, path, language, url, sentences, vectors FROM articles WHERE id = ?",
        (int(shelf.identifiers[row]),),
    ).fetchone()
    sentences = joined.split("\n") if joined else []
    sentence = ""
    if sentences:
        meaning = index.vectors_of(blob)[2:].astype(np.float32) @ (query / np.float32(index.FULL_SCALE))
        asked = set(stems(text, language))
        shared = [len(asked.intersection(stems(other, language))) / (len(asked) or 1) for other in sentences]
        told = np.array([other == title for other in sentences])  # the title is shown anyway
        sentence = sentences[int(np.argmax(meaning + np.array(shared) - told))]
    return Hit(title, Path(path).name, language, url, round(score, 4), sentence)
