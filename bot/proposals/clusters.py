"""Puts questions that mean the same together, across languages, with the articles that the search finds for them."""

from __future__ import annotations

import sqlite3
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bot.encoder import load_encoder
from bot.proposals.questions import Question
from bot.search.database import Library
from bot.search.ranking import Searcher

DISTANCE = 0.6
"""Mean cosine distance up to which clusters are joined. Of 1,944 held-out questions on 24 issues in nine languages,
74 % then are in clusters of three or more, and 88 % of a cluster is about one issue."""
MOST_QUESTIONS = 4000
"""Every question is compared with every other one; of more, those asked most often are taken."""
_KEPT_ARTICLES = 3
# Of the best article's score; what fits less is about something beside it.
_FITTING = 0.5
_RANK_OFFSET = 60.0


@dataclass(frozen=True)
class FoundArticle:
    """An imported article with what a draft takes from it: facts and links, none of its sentences.

    Args:
        path: its file, from the root of its tree.
        titles: language -> title.
        steps: how many, in the language that has most.
        links: addresses.
        labels: language -> address -> label.
        source: the trees that it is in.
        licence: of the tree.
    """

    path: Path
    titles: dict[str, str]
    steps: int
    links: tuple[str, ...]
    labels: dict[str, dict[str, str]]
    source: str
    licence: str


@dataclass(frozen=True)
class Cluster:
    """Questions that mean the same.

    Args:
        questions: nearest to the centre first.
        centre: the mean of their vectors, of length 1.
        articles: found for them, best first.
    """

    questions: tuple[Question, ...]
    centre: NDArray[np.float32]
    articles: tuple[FoundArticle, ...]

    @property
    def times(self) -> int:
        """Number of times that its questions were asked."""
        return sum(question.times for question in self.questions)

    @property
    def summary(self) -> str:
        """Returns in a line how often, in which languages and in what words it is asked."""
        languages = ", ".join(sorted({question.language for question in self.questions}))
        asked = f"{len(self.questions)} questions, asked {self.times} times ({languages})"
        return f"{asked}, such as “{self.questions[0].text}”"


def clusters(questions: Sequence[Question], database: Path, fewest: int, most: int) -> list[Cluster]:
    """Clusters questions by meaning: average linkage on the cosine distance of their encodings.

    Args:
        questions: what was asked in vain.
        database: the article database.
        fewest: how many different questions a cluster must have.
        most: how many clusters are returned at most.

    Returns:
        The clusters, most asked first.

    Raises:
        LibraryError: nothing has been imported.
    """
    from sklearn.cluster import AgglomerativeClustering

    searcher = Searcher(database)
    taken = sorted(questions, key=lambda question: -question.times)[:MOST_QUESTIONS]
    vectors = load_encoder().encode([question.text for question in taken])
    known = np.flatnonzero(np.linalg.norm(vectors, axis=1) > 0)  # of others no word means anything to the encoder
    if len(known) < max(fewest, 2):
        return []
    machine = AgglomerativeClustering(None, affinity="cosine", linkage="average", distance_threshold=DISTANCE)
    labels = machine.fit_predict(vectors[known])
    groups = [known[labels == label].tolist() for label in range(machine.n_clusters_)]
    large = [rows for rows in groups if len(rows) >= fewest]
    large.sort(key=lambda rows: (-sum(taken[row].times for row in rows), rows[0]))
    return [_cluster([taken[row] for row in rows], vectors[rows], searcher, database) for rows in large[:most]]


def _cluster(own: list[Question], vectors: NDArray[np.float32], searcher: Searcher, database: Path) -> Cluster:
    centre = vectors.mean(axis=0)
    centre /= np.linalg.norm(centre)
    questions = tuple(own[row] for row in np.argsort(-(vectors @ centre), kind="stable"))
    scores: dict[str, float] = defaultdict(float)
    for question in questions:  # reciprocal rank fusion (Cormack et al. 2009)
        for rank, hit in enumerate(searcher.search(question.text, question.language), start=1):
            scores[hit.file] += question.times / (_RANK_OFFSET + rank)
    best = sorted(scores, key=lambda file: -scores[file])[:_KEPT_ARTICLES]
    fitting = [file for file in best if scores[file] >= scores[best[0]] * _FITTING]
    with Library(database).reading() as connection:
        return Cluster(questions, centre, tuple(_article(connection, file) for file in fitting))


def _article(connection: sqlite3.Connection, file: str) -> FoundArticle:
    rows = connection.execute(
        "SELECT id, path, language, title, steps, source, licence FROM articles "
        "WHERE substr('/' || path, -length(:name)) = :name ORDER BY language != 'en', language",
        {"name": f"/{file}"},
    ).fetchall()
    rows = [row for row in rows if row[1] == rows[0][1]]
    query = "SELECT url, label FROM links WHERE article = ? AND url LIKE 'https://%' ORDER BY line DESC"
    labels = {row[2]: dict(connection.execute(query, (row[0],)).fetchall()) for row in rows}
    links = tuple(dict.fromkeys(url for found in reversed(labels.values()) for url in reversed(found)))
    _, paths, languages, titles, steps, sources, licences = zip(*rows, strict=True)
    by_language = dict(zip(languages, titles, strict=True))
    source = ", ".join(dict.fromkeys(sources))
    return FoundArticle(Path(paths[0]), by_language, max(steps), links, labels, source, licences[0])
