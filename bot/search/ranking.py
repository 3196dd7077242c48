"""The search: articles that say what a customer asks for, by their words and by their meaning."""

from __future__ import annotations

import sqlite3
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tantivy

from bot.search import LibraryError, index
from bot.search.database import ENCODER, fact, open_library
from bot.search.reading import FULL_SCALE, search_encoder

Floats = npt.NDArray[np.float32]

LONGEST_QUERY = 500
"""Characters read of a question."""
_CANDIDATES = 200

WEIGHTS = {"meaning": 10.3, "asked": 9.42, "words": 0.36, "pieces": 0.56}
"""Weights of the cosines and of the BM25 scores, as shares of the best; from `python -m benchmarks.search --learn`."""


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
    """Vectors of the articles' meaning, the same in every language.

    Args:
        articles: the vectors of the articles, one row an article.
        asked: the vectors of questions that articles are known to answer.
        owners: the articles that have such questions.
        firsts: where the questions of each of them begin.
    """

    articles: Floats
    asked: Floats
    owners: npt.NDArray[np.int64]
    firsts: npt.NDArray[np.int64]


@dataclass(frozen=True)
class LanguageIndex:
    """The words of the articles of one language.

    Args:
        language: ISO 639-1 code.
        words: where they are looked up.
        identifiers: the articles' keys in the database, in the order of their vectors.
    """

    language: str
    words: tantivy.Index
    identifiers: npt.NDArray[np.int64]


@lru_cache(maxsize=1)
def open_vectors(folder: Path, name: str) -> ArticleVectors:
    """Opens the articles' vectors; they are kept until an import has replaced them.

    Args:
        folder: where the indexes lie.
        name: the folder of the vectors in there.

    Raises:
        OSError: it has been replaced by a new one.
    """
    paths = (folder / name / file for file in (index.VECTORS, index.ASKED))
    articles, asked = (np.load(path).astype(np.float32) / np.float32(FULL_SCALE) for path in paths)
    return ArticleVectors(articles, asked, *np.unique(np.load(folder / name / index.OWNERS), return_index=True))


@lru_cache(maxsize=32)
def open_language_index(folder: Path, name: str) -> LanguageIndex:
    """Opens the index of a language, once; arguments and errors as for `open_vectors`."""
    identifiers = np.load(folder / name / index.ARTICLES)  # first, since tantivy's error is no OSError
    return LanguageIndex(name.split("-", maxsplit=1)[0], tantivy.Index.open(str(folder / name)), identifiers)


class Searcher:
    """Searches the article database; imports that end while it serves are seen by the next search.

    Args:
        database: the article database.

    Raises:
        LibraryError: nothing has been imported.
    """

    def __init__(self, database: Path) -> None:
        self._library = open_library(database)
        self._encoder = search_encoder()

    def search(self, text: str, language: str, results: int = 10) -> list[Hit]:
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
            name = _index_name(connection, language)
            if name is None:
                return []
            if fact(connection, ENCODER) != self._encoder.version:
                raise LibraryError(f"{self._library.path}: imported with another encoder; import the articles again.")
            query = self._encoder.encode([text])[0]
            # What an import replaces stays on disk until the next one, so that this transaction can still open it.
            folder = index.folder_of(self._library.path)
            vectors = open_vectors(folder, fact(connection, index.MEANINGS))
            searched = open_language_index(folder, name)
            rows, evidence = candidates(searched, vectors, text, query)
            scores = evidence @ np.array(list(WEIGHTS.values()), np.float32)
            best = np.argsort(-scores, kind="stable")[:results]
            return [_hit(connection, searched, rows[place], float(scores[place]), text, query) for place in best]


def _index_name(connection: sqlite3.Connection, language: str) -> str | None:
    """Returns the folder of a language's index, or of the largest language's where there is none; None without any."""
    valid = index.folders(connection)
    if language in valid:  # almost always; to count all articles takes milliseconds
        return valid[language]
    query = "SELECT language FROM articles GROUP BY language ORDER BY language != 'en', COUNT(*) DESC LIMIT 1"
    largest = connection.execute(query).fetchone()
    return valid[largest[0]] if largest else None


def candidates(
    searched: LanguageIndex, vectors: ArticleVectors, text: str, query: Floats
) -> tuple[npt.NDArray[np.int64], Floats]:
    """Returns the articles that match a question in any way, with what speaks for each.

    Args:
        searched: the words of the articles.
        vectors: what the articles mean.
        text: the question.
        query: its vector.

    Returns:
        Their rows in the index, and (articles, evidence), one column for each of `WEIGHTS`.
    """
    near = vectors.articles @ query
    asked = near.copy()  # its own vector, where no question that it answers lies nearer
    if len(vectors.owners):
        nearest = np.maximum.reduceat(vectors.asked @ query, vectors.firsts)
        asked[vectors.owners] = np.maximum(near[vectors.owners], nearest)
    columns = [near, asked]
    chosen: set[int] = set()
    if query.any():  # what has no word is as near to one article as to another
        most = min(_CANDIDATES, len(near))
        chosen.update(*(np.argpartition(-cosines, most - 1)[:most].tolist() for cosines in columns))
    for field in index.FIELDS:
        found = dict(index.find(searched.words, text, searched.language, _CANDIDATES, [field]))
        chosen.update(found)
        scores = np.zeros_like(near)
        scores[list(found)] = np.array(list(found.values())) / max(found.values(), default=1.0)
        columns.append(scores)
    rows = np.array(sorted(chosen), np.int64)
    return rows, np.stack(columns, axis=1)[rows]


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
        meaning = index.vectors_of(blob)[2:].astype(np.float32) @ (query / np.float32(FULL_SCALE))
        asked = set(index.stems(text, language))
        shared = [len(asked.intersection(index.stems(other, language))) / (len(asked) or 1) for other in sentences]
        is_title = np.array([other == title for other in sentences])  # the title is shown anyway
        sentence = sentences[int(np.argmax(meaning + np.array(shared) - is_title))]
    return Hit(title, Path(path).name, language, url, round(score, 4), sentence)
