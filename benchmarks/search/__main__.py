"""`python -m benchmarks.search`: the share of questions whose right article is among the first, by engine.

The questions (`queries/<language>.tsv`: question, right files) were written by somebody who had read the bodies of
articles without their titles. What each engine had ranked first for them was then judged by others, who did not know
which engine had found what (`judged/<language>.tsv`: question, file, 2 answers it, 1 is related, 0 is not). `@3` counts
the files that the writer named or a judge found to answer the question, `writer's @3` those of the writer alone.

Nothing is learned from these questions: `--learn FOLD` learns the weights of the mix from a fifth of those in
`training.jsonl`, with a database that was imported with an encoder that has not seen them (docs/search.md).
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize
from tabulate import tabulate

from benchmarks.search.engines import ENGINES, Articles, evidence
from benchmarks.search.learn import FOLDS, fold_of, read_training_questions
from bot.search import index
from bot.search.database import Library
from bot.search.ranking import WEIGHTS
from bot.settings import get_settings

QUERIES = Path(__file__).parent / "queries"
JUDGED = Path(__file__).parent / "judged"
_ANSWERS = "2"
_PENALTY = 0.001
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Question:
    """A question with the files that answer it."""

    text: str
    language: str
    files: frozenset[str]
    judged: frozenset[str] = frozenset()
    """Further files that answer it in the judges' eyes."""


def read_questions() -> list[Question]:
    """Reads the questions of all languages."""
    questions = []
    for path in sorted(QUERIES.glob("*.tsv")):
        judged: dict[str, set[str]] = {}
        for text, file, grade in _rows(JUDGED / path.name):
            if grade == _ANSWERS:
                judged.setdefault(text, set()).add(file)
        for text, files in _rows(path):
            right = frozenset(name.strip() for name in files.split(";"))
            questions.append(Question(text, path.stem, right, frozenset(judged.get(text, ()))))
    return questions


def _rows(path: Path) -> list[list[str]]:
    return [line.split("\t") for line in path.read_text(encoding="utf8").splitlines() if line.strip()]


def learn(examples: Sequence[tuple[Floats, npt.NDArray[np.bool_]]]) -> list[float]:
    """Learns the weights of the mix: the softmax over the candidates of a question is to prefer its right articles.

    Args:
        examples: for each question the evidence, (articles, kinds), and which of the articles are right.
    """
    usable = [(np.asarray(found, np.float64), right) for found, right in examples if right.any()]

    def loss(weights: npt.NDArray[np.float64]) -> tuple[float, npt.NDArray[np.float64]]:
        total, slope = _PENALTY * float(weights @ weights), 2 * _PENALTY * weights
        for found, right in usable:
            scores = found @ weights
            powers = np.exp(scores - scores.max())
            total += float(np.log(powers.sum()) - np.log(powers[right].sum() + 1e-30)) / len(usable)
            wanted = powers * right / (powers[right].sum() + 1e-30)
            slope = slope + (powers / powers.sum() - wanted) @ found / len(usable)
        return total, slope

    result = minimize(loss, np.ones(len(WEIGHTS)), jac=True, method="L-BFGS-B", bounds=[(0, None)] * len(WEIGHTS))
    return [round(float(weight), 2) for weight in result.x]


def _learn_from_fold(database: Path, fold: int) -> None:
    """Prints the weights learned from a fold, and how its halves rank with each other's weights."""
    with Library(database).reading() as connection:
        shelves = {language: Articles(database, language) for language in sorted(index.folders(connection))}
    examples: list[tuple[Floats, npt.NDArray[np.bool_]]] = []
    halves: list[int] = []
    asked = [
        (file, texts) for file, found in read_training_questions().items() for texts in found if fold_of(texts) == fold
    ]
    for number, (file, texts) in enumerate(asked):
        for language in texts.keys() & shelves.keys():
            rows, found = evidence(shelves[language], texts[language])
            right = np.array([shelves[language].files[row] == file for row in rows], bool)
            examples.append((found, right))
            halves.append(number % 2)
    places = []
    for half in (0, 1):
        weights = learn([example for example, own in zip(examples, halves, strict=True) if own != half])
        for (found_evidence, right), own in zip(examples, halves, strict=True):
            if own == half:
                scores = found_evidence @ np.array(weights)
                places.append(int((scores > scores[right].max()).sum()) + 1 if right.any() else 999)
    shares = {most: round(float(np.mean(np.array(places) <= most)), 3) for most in (1, 3, 10, 50)}
    print(f"{len(examples)} questions that the encoder has not seen, cross-fitted: {shares}")
    print(dict(zip(WEIGHTS, learn(examples), strict=True)))


def main() -> int:
    """Runs the benchmark; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.search", description=__doc__)
    parser.add_argument("--database", type=Path, default=get_settings().articles_database)
    parser.add_argument("--learn", type=int, choices=range(FOLDS), metavar="FOLD", help="print the weights of the mix")
    parser.add_argument("--errors", action="store_true", help="print the questions that the mix does not answer")
    arguments = parser.parse_args()
    if arguments.learn is not None:
        _learn_from_fold(arguments.database, arguments.learn)
        return 0

    ranks: dict[str, list[tuple[Question, int, int]]] = {name: [] for name in ENGINES}
    seconds: dict[str, list[float]] = {name: [] for name in ENGINES}
    questions = read_questions()
    for language in sorted({question.language for question in questions}):
        articles = Articles(arguments.database, language)
        for name, make in ENGINES.items():
            ranking = make(articles)
            for question in questions:
                if question.language == language:
                    began = time.process_time()
                    files = [articles.files[row] for row in ranking(question.text)]
                    seconds[name].append(time.process_time() - began)
                    pooled = _rank(files, question.files | question.judged)
                    ranks[name].append((question, pooled, _rank(files, question.files)))
    _print(ranks, seconds)
    if arguments.errors:
        for question, rank, _ in ranks[MIX]:
            if rank > 3:
                print(f"{question.language} {rank:3} {question.text} -> {', '.join(sorted(question.files))}")
    return 0


MIX = list(ENGINES)[-1]


def _rank(files: Sequence[str], right: frozenset[str]) -> int:
    """Returns the place of the first right article, from 1; 999 where there is none."""
    return next((place for place, file in enumerate(files, start=1) if file in right), 999)


def _print(ranks: dict[str, list[tuple[Question, int, int]]], seconds: dict[str, list[float]]) -> None:
    languages = sorted({question.language for question, *_ in ranks[MIX]})
    table = []
    for name, found in ranks.items():
        places = np.array([rank for _, rank, _ in found])
        times = np.array(seconds[name]) * 1000
        by_language = [np.mean([rank <= 3 for question, rank, _ in found if question.language == c]) for c in languages]
        shares = [float(np.mean(places <= most)) for most in (1, 3, 10, 50)]
        writers = float(np.mean([rank <= 3 for *_, rank in found]))
        row = [name, *shares, writers, *by_language, float(np.median(times)), float(np.percentile(times, 95))]
        table.append(row)
    heads = ["engine", "@1", "@3", "@10", "@50", "writer's @3", *(f"{code}@3" for code in languages), "ms", "p95 ms"]
    print(f"{len(ranks[MIX])} questions; milliseconds of one core's time")
    print(tabulate(table, heads, tablefmt="github", floatfmt=(*([".2f"] * (len(heads) - 2)), ".1f", ".1f")))


if __name__ == "__main__":
    raise SystemExit(main())
