"""The search: articles that say what a customer asks for, by their words and by their meaning."""

from __future__ import annotations

import sqlite3
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tantivy

from bot.encoder import Encoder, load_encoder
from bot.search import index
from bot.search.analysis import stems
from bot.search.database import Library, LibraryError
from bot.settings import get_settings

Floats = npt.NDArray[np.float32]
Codes = npt.NDArray[np.int8]
"""Vectors as whole numbers, 127 times as long."""

RESULTS = 10
LONGEST_QUERY = 500
"""Characters read of a question."""
_CANDIDATES = 200
_FULL_SCALE = np.float32(127)

WEIGHTS = {
    **{"title": 0.1, "slug_meaning": 4.78, "mean": 5.41, "sentence": 4.8},  # cosines
    **{"words": 0.67, "pieces": 1.04, "slug": 0.1},  # BM25, as a share of the best article's
}
"""What each kind of evidence counts; learned by `python -m benchmarks.search --learn`."""


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
    """The articles of one language, ready to be searched; every array has one row an article, `sentences` excepted."""

    name: str
    language: str
    words: tantivy.Index
    identifiers: npt.NDArray[np.int64]
    summaries: Floats
    """The sum of the vectors of the title, the slug and the mean of the sentences: what is looked through wholly."""
    titles: Codes
    slugs: Codes
    means: Codes
    sentences: Codes
    """The vectors of the sentences of all articles, one article after the other."""
    ends: npt.NDArray[np.int64]
    """The row of `sentences` at which each article ends."""


def open_shelf(folder: Path, name: str) -> Shelf:
    """Opens the index of a language.

    Raises:
        OSError: it has been replaced by a new one.
    """
    place = folder / name
    vectors: npt.NDArray[np.int8] = np.load(place / index.VECTORS)
    bounds: npt.NDArray[np.int64] = np.load(place / index.OWNERS)
    try:
        words = tantivy.Index.open(str(place))
    except ValueError as error:
        raise FileNotFoundError(str(error)) from error
    starts = bounds[:-1]
    kept = np.ones(len(vectors), bool)
    kept[starts] = kept[starts + 1] = False
    titles, slugs, sentences = vectors[starts], vectors[starts + 1], vectors[kept]
    counts = np.diff(bounds) - 2
    ends = np.cumsum(counts)
    means = titles.copy()
    for row in np.flatnonzero(counts):
        mean = sentences[ends[row] - counts[row] : ends[row]].mean(axis=0)
        means[row] = np.rint(_FULL_SCALE * mean / (np.linalg.norm(mean) + 1e-9))
    summaries = (titles.astype(np.float32) + slugs + means) / _FULL_SCALE
    identifiers = np.load(place / index.ARTICLES)
    language = name.split("-", maxsplit=1)[0]
    return Shelf(name, language, words, identifiers, summaries, titles, slugs, means, sentences, ends)


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
        self._encoder: Encoder = load_encoder()
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
        if known is None or known.name != valid[language]:
            # What an import replaces stays on disk until the next one, so that this transaction can still open it.
            known = open_shelf(index.folder_of(self._database), valid[language])
            self._shelves[language] = known
        return known


def candidates(shelf: Shelf, text: str, query: Floats) -> Candidates:
    """Returns the articles that match a question in any way, with what speaks for each.

    Args:
        shelf: where to look.
        text: the question.
        query: its vector.
    """
    near = shelf.summaries @ query
    most = min(_CANDIDATES, len(near))
    chosen = set(np.argpartition(-near, most - 1)[:most].tolist()) if query.any() else set()
    by_words = {
        name: dict(index.find(shelf.words, text, shelf.language, _CANDIDATES, fields))
        for name, fields in index.GROUPS.items()
    }
    for found in by_words.values():
        chosen.update(found)
    rows = np.array(sorted(chosen), np.int64)
    scaled = query / _FULL_SCALE
    columns = [codes[rows].astype(np.float32) @ scaled for codes in (shelf.titles, shelf.slugs, shelf.means)]
    columns.append(_best_sentences(shelf, rows, query))
    for found in by_words.values():
        highest = max(found.values(), default=1.0)
        columns.append(np.array([found.get(row, 0.0) / highest for row in rows.tolist()], np.float32))
    return Candidates(rows, np.stack(columns, axis=1) if len(rows) else np.zeros((0, len(WEIGHTS)), np.float32))


def _best_sentences(shelf: Shelf, rows: npt.NDArray[np.int64], query: Floats) -> Floats:
    """Returns the cosine of the sentence that is nearest to a question, for each article; 0 without sentences."""
    starts = np.where(rows > 0, shelf.ends[rows - 1], 0)
    counts = shelf.ends[rows] - starts
    best = np.zeros(len(rows), np.float32)
    if counts.sum():
        wanted = np.repeat(starts - np.cumsum(counts) + counts, counts) + np.arange(counts.sum())
        cosines = shelf.sentences[wanted].astype(np.float32) @ (query / _FULL_SCALE)
        filled = np.flatnonzero(counts)
        best[filled] = np.maximum.reduceat(cosines, (np.cumsum(counts) - counts)[filled])
    return best


def _hit(connection: sqlite3.Connection, shelf: Shelf, row: int, score: float, text: str, query: Floats) -> Hit:
    title, path, language, url, joined = connection.execute(
        "SELECT title, path, language, url, sentences FROM articles WHERE id = ?", (int(shelf.identifiers[row]),)
    ).fetchone()
    sentences = joined.split("\n") if joined else []
    sentence = ""
    if sentences:
        start = int(shelf.ends[row - 1]) if row else 0
        meaning = shelf.sentences[start : int(shelf.ends[row])].astype(np.float32) @ (query / _FULL_SCALE)
        asked = set(stems(text, language))
        shared = [len(asked.intersection(stems(other, language))) / (len(asked) or 1) for other in sentences]
        told = np.array([other == title for other in sentences])  # the title is shown anyway
        sentence = sentences[int(np.argmax(meaning + np.array(shared) - told))]
    return Hit(title, Path(path).name, language, url, round(score, 4), sentence)
