"""The engines that are compared: the same terms of the same articles, ranked by each of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

import bm25s
import numpy as np
import numpy.typing as npt

from bot.search import index
from bot.search.database import Library, fact
from bot.search.index import looked_for
from bot.search.ranking import WEIGHTS, LanguageIndex, candidates, open_language_index, open_vectors
from bot.search.reading import search_encoder

Ranking = Callable[[str], list[int]]
"""Turns a question into the rows of an index, best first."""
MOST = 50


class Articles:
    """The articles of a language, as its index has them."""

    def __init__(self, database: Path, language: str) -> None:
        library = Library(database)
        with library.reading() as connection:
            folder, name = index.folder_of(database), index.folders(connection)[language]
            self.index: LanguageIndex = open_language_index(folder, name)
            self.vectors = open_vectors(folder, fact(connection, index.MEANINGS))
            rows = [
                connection.execute(
                    "SELECT language, path, title, slug, headings, sentences FROM articles WHERE id = ?", (int(number),)
                ).fetchone()
                for number in self.index.identifiers
            ]
        self.language = language
        self.files = [Path(row[1]).name for row in rows]
        self.terms = [index.article_terms(*row) for row in rows]


def tantivy_alone(articles: Articles) -> Ranking:
    """tantivy, BM25 over words and pieces."""
    return lambda text: [row for row, _ in index.find(articles.index.words, text, articles.language, MOST)]


def fts5_alone(articles: Articles) -> Ranking:
    """SQLite FTS5, BM25 over words and pieces."""
    database = sqlite3.connect(":memory:")
    names = list(index.FIELDS)
    database.execute(
        f"CREATE VIRTUAL TABLE found USING fts5({', '.join(names)}, content='', "
        "tokenize='unicode61 remove_diacritics 0')"
    )
    database.executemany(
        f"INSERT INTO found(rowid, {', '.join(names)}) VALUES ({', '.join('?' * (len(names) + 1))})",
        [(row, *(" ".join(terms[name]) for name in names)) for row, terms in enumerate(articles.terms)],
    )

    def rank(text: str) -> list[int]:
        clauses = [
            "({name} : ({terms}))".format(name=name, terms=" OR ".join(f'"{term}"' for term in terms))
            for name, terms in looked_for(text, articles.language).items()
            if terms
        ]
        query = f"SELECT rowid FROM found WHERE found MATCH ? ORDER BY bm25(found) LIMIT {MOST}"
        return [row[0] for row in database.execute(query, (" OR ".join(clauses),))] if clauses else []

    return rank


def bm25s_alone(articles: Articles) -> Ranking:
    """bm25s, which has no fields: words and pieces are told apart by their names."""
    engine = bm25s.BM25(method="lucene")
    corpus = [[f"{name}={term}" for name, found in terms.items() for term in found] for terms in articles.terms]
    engine.index(corpus, show_progress=False)

    def rank(text: str) -> list[int]:
        asked = looked_for(text, articles.language)
        known = sorted({f"{name}={term}" for name, found in asked.items() for term in found} & engine.vocab_dict.keys())
        return np.argsort(-engine.get_scores(known), kind="stable")[:MOST].tolist() if known else []

    return rank


def encoder_alone(articles: Articles) -> Ranking:
    """The sentence encoder of the search, with the questions that articles are known to answer."""
    return mixed(articles, [weight * (name in ("meaning", "asked")) for name, weight in WEIGHTS.items()])


def mixed(articles: Articles, weights: Sequence[float] = tuple(WEIGHTS.values())) -> Ranking:
    """What the bot uses: tantivy and the encoder, mixed with learned weights."""

    def rank(text: str) -> list[int]:
        rows, found = evidence(articles, text)
        return [int(row) for row in rows[np.argsort(-(found @ np.array(weights)), kind="stable")[:MOST]]]

    return rank


def evidence(articles: Articles, text: str) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Returns the rows of articles that may be meant, and what speaks for each."""
    return candidates(articles.index, articles.vectors, text, search_encoder().encode([text])[0])


ENGINES: dict[str, Callable[[Articles], Ranking]] = {
    "SQLite FTS5 alone": fts5_alone,
    "bm25s alone": bm25s_alone,
    "tantivy alone": tantivy_alone,
    "encoder alone": encoder_alone,
    "tantivy + encoder": mixed,
}
