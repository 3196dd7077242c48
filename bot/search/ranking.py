"""The search: articles that say what a customer asks for, by their words and by their meaning."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tantivy

from bot.encoder import Encoder
from bot.search import index
from bot.search.analysis import stems
from bot.search.database import ENCODER, LibraryError, fact, open_library
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


@dataclass(frozen=True)
class ArticleVectors:
    """What the articles mean, the same in every language."""

    name: str
    """The folder that they are from."""
    articles: Floats
    """The vectors of the articles, one row an article."""
    asked: Floats
    """The vectors of questions that articles are known to answer."""
    owners: npt.NDArray[np.int64]
    """The articles that have such questions."""
    firsts: npt.NDArray[np.int64]
    """Where the questions of each of them begin."""


@dataclass(frozen=True)
class LanguageIndex:
    """The articles of one language, ready to be searched."""

    name: str
    """The folder of its index."""
    language: str
    words: tantivy.Index
    identifiers: npt.NDArray[np.int64]
    """The articles' keys in the database, in the order of their vectors."""
    vectors: ArticleVectors


def open_vectors(folder: Path, name: str) -> ArticleVectors:
    """Opens the articles' vectors.

    Args:
        folder: where the indexes lie.
        name: the folder of the vectors in there.

    Raises:
        OSError: it has been replaced by a new one.
    """
    articles, asked = (
        np.asarray(np.load(folder / name / file).astype(np.float32) / np.float32(index.FULL_SCALE))
        for file in (index.VECTORS, index.ASKED)
    )
    owners, firsts = np.unique(np.load(folder / name / index.OWNERS), return_index=True)
    return ArticleVectors(name, articles, asked, owners, firsts)


def open_language_index(folder: Path, name: str, vectors: ArticleVectors) -> LanguageIndex:
    """Opens the index of a language.

    Args:
        folder: where the indexes lie.
        name: the folder of the index in there.
        vectors: what its articles mean.

    Raises:
        OSError: it has been replaced by a new one.
    """
    try:
        words = tantivy.Index.open(str(folder / name))
    except ValueError as error:
        raise FileNotFoundError(str(error)) from error
    identifiers = np.load(folder / name / index.ARTICLES)
    return LanguageIndex(name, name.split("-", maxsplit=1)[0], words, identifiers, vectors)


@dataclass(frozen=True)
class Candidates:
    """Articles that may be meant, and what speaks for each."""

    rows: npt.NDArray[np.int64]
    """Their rows in the index."""
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
        self._library = open_library(self._database)
        self._encoder: Encoder = search_encoder()
        self._vectors: ArticleVectors | None = None
        self._indexes: dict[str, LanguageIndex] = {}

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
            searched = self._language_index(connection, language)
            if searched is None:
                return []
            if fact(connection, ENCODER) != self._encoder.version:
                raise LibraryError(f"{self._database}: imported with another encoder; import the articles again.")
            query = self._encoder.encode([text])[0]
            found = candidates(searched, text, query)
            scores = found.evidence @ np.array(list(WEIGHTS.values()), np.float32)
            best = np.argsort(-scores, kind="stable")[:results]
            return [_hit(connection, searched, found.rows[place], float(scores[place]), text, query) for place in best]

    def _language_index(self, connection: sqlite3.Connection, language: str) -> LanguageIndex | None:
        """Returns the index of a language, or the largest one where there is none; it is opened once."""
        valid = index.folders(connection)
        if language not in valid:
            largest = connection.execute(
                "SELECT language FROM articles GROUP BY language ORDER BY language != 'en', COUNT(*) DESC LIMIT 1"
            ).fetchone()
            if largest is None:
                return None
            language = largest[0]
        # What an import replaces stays on disk until the next one, so that this transaction can still open it.
        folder, name = index.folder_of(self._database), fact(connection, index.MEANINGS)
        vectors, searched = self._vectors, self._indexes.get(language)
        if vectors is None or vectors.name != name:
            self._indexes.clear()  # they hold on to the former vectors
            self._vectors = vectors = open_vectors(folder, name)
        if searched is None or searched.name != valid[language] or searched.vectors is not vectors:
            self._indexes[language] = searched = open_language_index(folder, valid[language], vectors)
        return searched


def candidates(searched: LanguageIndex, text: str, query: Floats) -> Candidates:
    """Returns the articles that match a question in any way, with what speaks for each.

    Args:
        searched: where to look.
        text: the question.
        query: its vector.
    """
    vectors = searched.vectors
    near = vectors.articles @ query
    asked = near.copy()  # its own vector, where no question that it answers lies nearer
    if len(vectors.owners):
        nearest = np.maximum.reduceat(vectors.asked @ query, vectors.firsts)
        asked[vectors.owners] = np.maximum(near[vectors.owners], nearest)
    chosen: set[int] = set()
    if query.any():  # what has no word is as near to one article as to another
        most = min(_CANDIDATES, len(near))
        for cosines in (near, asked):
            chosen.update(np.argpartition(-cosines, most - 1)[:most].tolist())
    by_words = [
        dict(index.find(searched.words, text, searched.language, _CANDIDATES, [field])) for field in index.FIELDS
    ]
    chosen.update(*by_words)
    rows = np.array(sorted(chosen), np.int64)
    columns = [near[rows], asked[rows]]
    for found in by_words:
        highest = max(found.values(), default=1.0)
        columns.append(np.array([found.get(row, 0.0) / highest for row in rows.tolist()], np.float32))
    return Candidates(rows, np.stack(columns, axis=1))


def _hit(
    connection: sqlite3.Connection, searched: LanguageIndex, row: int, score: float, text: str, query: Floats
) -> Hit:
    title, path, language, url, joined, blob = connection.execute(
        "SELECT title, path, language, url, sentences, vectors FROM articles WHERE id = ?",
        (int(searched.identifiers[row]),),
    ).fetchone()
    sentence = ""
    if joined:
        sentences = joined.split("\n")
        meaning = index.vectors_of(blob)[2:].astype(np.float32) @ (query / np.float32(index.FULL_SCALE))
        asked = set(stems(text, language))
        shared = [len(asked.intersection(stems(other, language))) / (len(asked) or 1) for other in sentences]
        is_title = np.array([other == title for other in sentences])  # the title is shown anyway
        sentence = sentences[int(np.argmax(meaning + np.array(shared) - is_title))]
    return Hit(title, Path(path).name, language, url, round(score, 4), sentence)
