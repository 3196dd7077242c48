"""The search: articles that say what a customer asks for, by their words and by their meaning."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tantivy

from bot.encoder import Encoder, load_encoder
from bot.search import index
from bot.search.analysis import stems
from bot.search.database import Library, LibraryError
from bot.settings import get_settings

Floats = npt.NDArray[np.float32]

RESULTS = 10
LONGEST_QUERY = 500
"""Characters read of a question."""
_CANDIDATES = 200
_FULL_SCALE = np.float32(127)
_OPENINGS = 5


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
class Shelf:
    """The articles of one language, ready to be searched; every array has one row an article, `sentences` excepted."""

    name: str
    language: str
    words: tantivy.Index
    identifiers: npt.NDArray[np.int64]
    titles: Floats
    slugs: Floats
    sentences: npt.NDArray[np.int8]
    """The vectors of the sentences of all articles, one article after the other."""
    means: Floats
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
    titles = vectors[starts].astype(np.float32) / _FULL_SCALE
    slugs = vectors[starts + 1].astype(np.float32) / _FULL_SCALE
    sentences = vectors[kept]
    ends = np.cumsum(np.diff(bounds) - 2)
    means = titles.copy()
    for row, (start, end) in enumerate(zip(ends - (np.diff(bounds) - 2), ends, strict=True)):
        if end > start:
            mean = sentences[start:end].astype(np.float32).mean(axis=0)
            means[row] = mean / (np.linalg.norm(mean) + 1e-9)
    identifiers = np.load(place / index.ARTICLES)
    return Shelf(name, name.split("-")[0], words, identifiers, titles, slugs, sentences, means, ends)
