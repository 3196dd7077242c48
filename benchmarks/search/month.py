"""`python -m benchmarks.search.month DATABASE --fold A B`: what a month of customers' clicks teaches the search.

Customers ask the questions of fold A of `training.jsonl` about the articles that have questions in fold B, too: some
often, most seldom (Zipf's law), each in a language drawn at random. They get three documents and open the right one if
it is there; `--noise` of them open any of the three. `articles learn` learns from that. Then the questions of fold B,
which nobody has asked, are searched: before and after, in an index with the questions of the other folds as known ones,
and in one without any.

The database must have been imported with an encoder that has not seen the two folds (docs/search.md).
"""

from __future__ import annotations

import argparse
import os
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
from tabulate import tabulate

from benchmarks.search.__main__ import read_questions
from benchmarks.search.learn import FOLDS, fold_of, read_training_questions
from bot.search import index
from bot.search.clicks import learn
from bot.search.database import ENCODER, Library, set_fact
from bot.search.ranking import Searcher
from bot.search.reading import search_encoder
from bot.settings import get_settings
from bot.tickets.model import SearchEvent

SHOWN = 3
Asked = tuple[str, str, str]
"""File, language, question."""


def month(
    search: Searcher, questions: dict[str, list[dict[str, str]]], searches: int, noise: float, seed: int
) -> tuple[list[SearchEvent], Counter[str]]:
    """Simulates a month of searches; each is made in a conversation of its own.

    Args:
        search: finds documents.
        questions: what may be asked: file that answers it -> questions by language.
        searches: how many.
        noise: the share of customers who open any of the documents, 0-1.
        seed: of what is drawn.

    Returns:
        The steps of the searches, and how often customers asked for each file.
    """
    chance = random.Random(seed)
    files = sorted(questions)
    chance.shuffle(files)
    weights = [1 / rank for rank in range(1, len(files) + 1)]
    wanted = Counter[str]()
    events = []
    found = lru_cache(maxsize=None)(lambda text, language: tuple(h.file for h in search.search(text, language, SHOWN)))
    for number, file in enumerate(chance.choices(files, weights, k=searches)):
        language, text = chance.choice([each for each in chance.choice(questions[file]).items() if each[0] != "en"])
        shown = found(text, language)
        wanted[file] += 1
        if chance.random() < noise:
            opened: tuple[str, ...] = (chance.choice(shown),) if shown else ()
        else:
            opened = (file,) if file in shown else ()
        steps = [("shown", text, shown), ("opened", "", opened)] if opened else [("shown", text, shown)]
        events += [
            SearchEvent(
                search_id=str(number),
                conversation_id=str(number),
                kind=kind,  # type: ignore[arg-type]
                text=said,
                language=language,
                documents=documents,
            )
            for kind, said, documents in steps
        ]
    return events, wanted


def found_among_first(search: Searcher, questions: Sequence[tuple[frozenset[str], str, str]]) -> npt.NDArray[np.bool_]:
    """Returns for each question whether one of its right files is among the first three.

    Args:
        search: finds documents.
        questions: right files, language, text.
    """
    rows = [(files, search.search(text, language, SHOWN)) for files, language, text in questions]
    return np.array([any(hit.file in files for hit in hits) for files, hits in rows], bool)


def without_known_questions(database: Path) -> None:
    """Makes the index of a database anew without the questions in the encoder's file."""
    weights = database.with_suffix(".npz")
    with np.load(get_settings().search_encoder_weights) as stored:
        np.savez(weights, **{name: stored[name] for name in stored.files if name not in index.KNOWN_QUESTIONS})
    _use(weights)
    with Library(database).writing() as connection:
        set_fact(connection, ENCODER, search_encoder().version)  # the vectors are the same
        index.update(connection, index.folder_of(database))


def _use(weights: Path) -> None:
    os.environ["BOT_SEARCH_ENCODER_WEIGHTS"] = str(weights)
    get_settings.cache_clear()


def main() -> int:
    """Runs the benchmark; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.search.month", description=__doc__)
    parser.add_argument("database", type=Path)
    parser.add_argument(
        "--fold", type=int, nargs=2, choices=range(FOLDS), default=(0, 1), metavar=("ASKED", "HELD_OUT")
    )
    parser.add_argument("--searches", type=int, nargs="+", default=[3000, 10000])
    parser.add_argument("--noise", type=float, default=0.2)
    parser.add_argument("--fewest", type=int, default=get_settings().search_learns_from)
    parser.add_argument("--questions", type=int, default=1500, help="held-out questions that are searched")
    parser.add_argument("--seed", type=int, default=26)
    arguments = parser.parse_args()
    by_fold: list[dict[str, list[dict[str, str]]]] = [{}, {}]
    for file, found in read_training_questions().items():
        for texts in found:
            if fold_of(texts) in arguments.fold:
                by_fold[arguments.fold.index(fold_of(texts))].setdefault(file, []).append(texts)
    asked, held_out = by_fold
    chance = random.Random(arguments.seed)
    asked = {file: found for file, found in asked.items() if file in held_out}
    fresh = [
        (frozenset({file}), language, text)
        for file, found in sorted(held_out.items())
        for texts in found
        for language, text in texts.items()
        if language != "en" and file in asked
    ]
    fresh = chance.sample(fresh, min(arguments.questions, len(fresh)))
    judged = [(each.files | each.judged, each.language, each.text) for each in read_questions()]
    rows = []
    for known in (True, False):
        with tempfile.TemporaryDirectory() as folder:
            database = Path(folder) / "articles.db"
            shutil.copy(arguments.database, database)
            shutil.copytree(index.folder_of(arguments.database), index.folder_of(database))
            if not known:
                without_known_questions(database)
            search = Searcher(database)
            before = [found_among_first(search, each) for each in (fresh, judged)]
            for searches in arguments.searches:
                events, wanted = month(search, asked, searches, arguments.noise, arguments.seed)
                learned = learn(Library(database), events, arguments.fewest)
                after = [found_among_first(search, each) for each in (fresh, judged)]
                learn(Library(database), [], arguments.fewest)
                times = np.array([wanted[next(iter(files))] for files, _, _ in fresh])
                right = np.mean([_is_right(each.file, each.text, asked) for each in learned]) if learned else 0.0
                head = [_told(known), searches, len(learned), right]
                for name, weights in (
                    ("each once", times >= 0),
                    ("about articles asked for 10 times or more", times >= 10),
                    ("as often as their articles were asked for", times),
                ):
                    shares = (float(np.average(each[0], weights=weights)) for each in (before, after))
                    rows.append([*head, name, np.count_nonzero(weights), *shares])
                shares = (float(each[1].mean()) for each in (before, after))
                rows.append([*head, "the 160 judged ones, on other matters", len(judged), *shares])
    heads = ("known questions", "searches", "learned", "right", "held-out questions", "n", "@3 before", "@3 after")
    print(tabulate(rows, heads, tablefmt="github", floatfmt=".3f"))
    return 0


def _told(known: bool) -> str:
    return "of the other folds" if known else "none"


def _is_right(file: str, text: str, asked: dict[str, list[dict[str, str]]]) -> bool:
    return any(text in texts.values() for texts in asked.get(file, ()))


if __name__ == "__main__":
    raise SystemExit(main())
