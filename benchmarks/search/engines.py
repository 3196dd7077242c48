"""The engines that are compared: the same terms of the same articles, ranked by each of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path

import bm25s
import numpy as np

from bot.encoder import load_encoder
from bot.search import index
from bot.search.analysis import pieces, stems
from bot.search.database import Library
from bot.search.ranking import WEIGHTS, Candidates, Shelf, candidates, open_shelf

Ranking = Callable[[str], list[int]]
"""Turns a question into the rows of a shelf, best first."""
MOST = 50
_BOOST = {"title": 3, "headings": 2}


class Articles:
    """The articles of a language, as its shelf has them."""

    def __init__(self, database: Path, language: str) -> None:
        library = Library(database)
        with library.reading() as connection:
            name = index.folders(connection)[language]
            self.shelf: Shelf = open_shelf(index.folder_of(database), name)
            rows = [
                connection.execute(
                    "SELECT language, path, title, slug, headings, sentences FROM articles WHERE id = ?", (int(number),)
                ).fetchone()
                for number in self.shelf.identifiers
            ]
        self.language = language
        self.files = [Path(row[1]).name for row in rows]
        self.terms = [index.article_terms(*row) for row in rows]


def looked_for(text: str, language: str) -> dict[str, list[str]]:
    """Returns what each field is searched for."""
    words, parts, english = (
        list(dict.fromkeys(found)) for found in (stems(text, language), pieces(text), stems(text, "en"))
    )
    return {**dict.fromkeys(index.FIELDS, words), "slug": english, "title_pieces": parts, "body_pieces": parts}


def tantivy_alone(articles: Articles) -> Ranking:
    """tantivy, BM25 over weighted fields."""
    return lambda text: [row for row, _ in index.find(articles.shelf.words, text, articles.language, MOST)]


def fts5_alone(articles: Articles) -> Ranking:
    """SQLite FTS5, BM25 over weighted fields."""
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
    weights = ", ".join(str(weight) for weight in index.FIELDS.values())

    def rank(text: str) -> list[int]:
        clauses = [
            "({name} : ({terms}))".format(name=name, terms=" OR ".join(f'"{term}"' for term in terms))
            for name, terms in looked_for(text, articles.language).items()
            if terms
        ]
        query = f"SELECT rowid FROM found WHERE found MATCH ? ORDER BY bm25(found, {weights}) LIMIT {MOST}"
        return [row[0] for row in database.execute(query, (" OR ".join(clauses),))] if clauses else []

    return rank


def bm25s_alone(articles: Articles) -> Ranking:
    """bm25s, which has no fields: terms of the title and of headings are repeated."""
    engine = bm25s.BM25(method="lucene")
    corpus = [
        [f"{_kind(name)}{term}" for name, found in terms.items() for term in found for _ in range(_BOOST.get(name, 1))]
        for terms in articles.terms
    ]
    engine.index(corpus, show_progress=False)

    def rank(text: str) -> list[int]:
        terms = {
            f"{_kind(name)}{term}" for name, found in looked_for(text, articles.language).items() for term in found
        }
        known = sorted(terms & engine.vocab_dict.keys())
        return np.argsort(-engine.get_scores(known), kind="stable")[:MOST].tolist() if known else []

    return rank


def _kind(name: str) -> str:
    return "slug=" if name == "slug" else "piece=" if name.endswith("pieces") else "word="


def encoder_alone(articles: Articles) -> Ranking:
    """The sentence encoder: title, slug, mean of the sentences and the nearest of them, each counting the same."""
    shelf, encoder = articles.shelf, load_encoder()

    def rank(text: str) -> list[int]:
        found = candidates(shelf, text, encoder.encode([text])[0])
        values = found.evidence[:, :4]
        scaled = (values - values.mean(axis=0)) / (values.std(axis=0) + 1e-6)
        return [int(row) for row in found.rows[np.argsort(-scaled.sum(axis=1), kind="stable")[:MOST]]]

    return rank


def mixed(articles: Articles, weights: Sequence[float] = tuple(WEIGHTS.values())) -> Ranking:
    """What the bot uses: tantivy and the encoder, mixed with learned weights."""
    encoder = load_encoder()

    def rank(text: str) -> list[int]:
        found = candidates(articles.shelf, text, encoder.encode([text])[0])
        return [int(row) for row in found.rows[np.argsort(-(found.evidence @ np.array(weights)), kind="stable")[:MOST]]]

    return rank


def evidence(articles: Articles, text: str) -> Candidates:
    """Returns what speaks for each article."""
    return candidates(articles.shelf, text, load_encoder().encode([text])[0])


ENGINES: dict[str, Callable[[Articles], Ranking]] = {
    "SQLite FTS5 alone": fts5_alone,
    "bm25s alone": bm25s_alone,
    "tantivy alone": tantivy_alone,
    "encoder alone": encoder_alone,
    "tantivy + encoder": mixed,
}
