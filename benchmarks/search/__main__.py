"""`python -m benchmarks.search`: the share of questions whose right article is among the first, by engine.

The questions (`queries/<language>.tsv`: question, right files) were written by somebody who had read the bodies of
articles without their titles. The weights of the mix are learned: those that ship on every other question. The line
`cross-fitted` ranks each half of the questions with weights learned on the other half, so no question has been learned
from.
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

from benchmarks.search.engines import ENGINES, Articles, evidence, mixed
from bot.search.ranking import WEIGHTS
from bot.settings import get_settings

QUERIES = Path(__file__).parent / "queries"
_PENALTY = 0.001
_LEAST = 0.1
"""What each kind of evidence counts at least: other questions than these may need it."""
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Question:
    """A question with the files that answer it."""

    text: str
    language: str
    files: frozenset[str]
    half: int


def read_questions(folder: Path = QUERIES) -> list[Question]:
    """Reads the questions of all languages."""
    questions = []
    for path in sorted(folder.glob("*.tsv")):
        lines = [line for line in path.read_text(encoding="utf8").splitlines() if line.strip()]
        for number, line in enumerate(lines):
            text, files = line.split("\t")[:2]
            right = frozenset(name.strip() for name in files.split(";"))
            questions.append(Question(text, path.stem, right, number % 2))
    return questions


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

    result = minimize(loss, np.ones(len(WEIGHTS)), jac=True, method="L-BFGS-B", bounds=[(_LEAST, None)] * len(WEIGHTS))
    return [round(float(weight), 2) for weight in result.x]


def main() -> int:
    """Runs the benchmark; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.search", description=__doc__)
    parser.add_argument("--database", type=Path, default=get_settings().articles_database)
    parser.add_argument("--learn", action="store_true", help="print the weights learned from every other question")
    parser.add_argument("--errors", action="store_true", help="print the questions that the mix does not answer")
    arguments = parser.parse_args()

    questions = read_questions()
    ranks: dict[str, list[tuple[Question, int]]] = {name: [] for name in (*ENGINES, "the same, cross-fitted")}
    seconds: dict[str, list[float]] = {name: [] for name in ranks}
    shelves = {language: Articles(arguments.database, language) for language in {q.language for q in questions}}
    found = [evidence(shelves[question.language], question.text) for question in questions]
    examples = [
        (part.evidence, np.array([shelves[question.language].files[row] in question.files for row in part.rows], bool))
        for question, part in zip(questions, found, strict=True)
    ]
    learned = [
        learn([example for example, question in zip(examples, questions, strict=True) if question.half == half])
        for half in (0, 1)
    ]
    if arguments.learn:
        print(dict(zip(WEIGHTS, learned[0], strict=True)))
    for language, articles in sorted(shelves.items()):
        own = [question for question in questions if question.language == language]
        for name, make in ENGINES.items():
            ranking = make(articles)
            for question in own:
                began = time.process_time()
                rows = ranking(question.text)
                seconds[name].append(time.process_time() - began)
                ranks[name].append((question, _rank(articles, rows, question)))
        for half in (0, 1):
            ranking = mixed(articles, learned[1 - half])
            for question in own:
                if question.half == half:
                    rank = _rank(articles, ranking(question.text), question)
                    ranks["the same, cross-fitted"].append((question, rank))
    _print(ranks, seconds)
    if arguments.errors:
        for question, rank in ranks["tantivy + encoder"]:
            if rank > 3:
                print(f"{question.language} {rank:3} {question.text} -> {', '.join(sorted(question.files))}")
    return 0


def _rank(articles: Articles, rows: Sequence[int], question: Question) -> int:
    """Returns the place of the first right article, from 1; 999 where there is none."""
    return next((place for place, row in enumerate(rows, start=1) if articles.files[row] in question.files), 999)


def _print(ranks: dict[str, list[tuple[Question, int]]], seconds: dict[str, list[float]]) -> None:
    languages = sorted({question.language for question, _ in next(iter(ranks.values()))})
    table = []
    for name, found in ranks.items():
        places = np.array([rank for _, rank in found])
        times = np.array(seconds[name] or [np.nan]) * 1000
        by_language = [
            np.mean([rank <= 3 for question, rank in found if question.language == code]) for code in languages
        ]
        shares = [float(np.mean(places <= most)) for most in (1, 3, 10, 50)]
        table.append([name, *shares, *by_language, float(np.median(times)), float(np.percentile(times, 95))])
    heads = ["engine", "@1", "@3", "@10", "@50", *(f"{language}@3" for language in languages), "ms", "p95 ms"]
    print(f"{len(next(iter(ranks.values())))} questions; milliseconds of one core's time")
    print(tabulate(table, heads, tablefmt="github", floatfmt=(*([".2f"] * (len(heads) - 2)), ".1f", ".1f")))


if __name__ == "__main__":
    raise SystemExit(main())
