"""`python -m benchmarks.search.learn DATABASE -o FILE`: learns the sentence encoder of the search.

It starts from the shipped encoder and goes on with what a search must know: a customer's question lies near the title
and the sentences of the article that answers it, whatever their languages, and an article's title near its text. The
wrong answers are the other articles of a batch (InfoNCE, van den Oord et al. 2018, arXiv:1807.03748). The questions
are those of `training.jsonl`, a line each in nine languages; who wrote them had not seen those of the benchmark. The
file gets their vectors, too: they are questions that articles are known to answer. `--fold 0` leaves every fifth
question out, for `python -m benchmarks.search --learn 0`.
"""

from __future__ import annotations

import argparse
import json
import random
import sqlite3
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from scipy import sparse

from bot.encoder import Encoder, load_encoder
from bot.encoder.features import Keys, rows_of, words_of
from bot.encoder.training.train import contrast, quantise
from bot.search.index import KNOWN_QUESTIONS
from bot.search.reading import FULL_SCALE, words_of_slug
from bot.settings import get_settings

QUESTIONS = Path(__file__).parent / "training.jsonl"
FOLDS = 5
STEPS = 2000
_ARTICLES, _ASKED, _SAME = 384, 256, 85
"""Per step: articles paired with themselves, questions with their articles, questions with their translations."""
_INVERSE_TEMPERATURE = 15.0
_WORD_DROPOUT = 0.2
_STEP = 0.1
"""Step size of a row as a share of its length in the shipped encoder; it falls to zero in a straight line."""
_MEMORY = 0.99
"""Share of a row's former squared gradient that is kept (row-wise RMSprop)."""
_LEARNED = 0.7
"""Share of the way from the start that is kept: a little way back, less is known by heart (Wortsman et al. 2022,
arXiv:2109.01903)."""
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Version:
    """An article in one language."""

    title: str
    slug: str
    headings: list[str]
    sentences: list[str]

    def view(self, chance: random.Random) -> list[str]:
        """Returns a part of the article, drawn at random: its title, slug, a heading, a sentence or several."""
        draw = chance.random()
        if draw < 0.25 or (draw >= 0.4 and not self.sentences):
            return [self.title]
        if draw < 0.4:
            return [self.slug]
        if draw < 0.5 and self.headings:
            return [chance.choice(self.headings)]
        if draw < 0.7:
            return [chance.choice(self.sentences)]
        several = chance.sample(self.sentences, chance.randint(1, len(self.sentences)))
        return several if chance.random() < 0.5 else [*several, self.title]


def read_articles(database: Path) -> dict[str, list[Version]]:
    """Returns the versions of each imported article by file name."""
    articles: dict[str, list[Version]] = {}
    with sqlite3.connect(database) as connection:
        for path, title, slug, headings, sentences in connection.execute(
            "SELECT path, title, slug, headings, sentences FROM articles ORDER BY path, locale"
        ):
            version = Version(title, words_of_slug(path, slug), _lines(headings), _lines(sentences))
            articles.setdefault(Path(path).name, []).append(version)
    return articles


def _lines(text: str) -> list[str]:
    return [line for line in text.split("\n") if line]


def read_training_questions(path: Path = QUESTIONS) -> dict[str, list[dict[str, str]]]:
    """Returns some questions for each article, by file name; each of them by language."""
    questions: dict[str, list[dict[str, str]]] = {}
    with path.open(encoding="utf8") as lines:
        for line in lines:
            texts = json.loads(line)
            questions.setdefault(texts.pop("file"), []).append(texts)
    return questions


def fold_of(question: dict[str, str]) -> int:
    """Returns which fifth a training question belongs to."""
    return zlib.crc32(question["en"].encode()) % FOLDS


class Table:
    """The shipped encoder's rows while they are learned anew, and the features of every word seen."""

    def __init__(self, weights: Path, texts: Sequence[str]) -> None:
        with np.load(weights, allow_pickle=False) as shipped:
            self.keys: Keys = shipped["keys"]
            self.values: Floats = shipped["codes"].astype(np.float32) * shipped["scales"][:, None]
        self._start = self.values.copy()
        self._words = {word: row for row, word in enumerate(dict.fromkeys(w for text in texts for w in words_of(text)))}
        self._features = _features(self._words, self.keys)
        self._text: dict[str, list[int]] = {}
        self._pace = _STEP * np.sqrt((self.values**2).mean(axis=1))
        self._squares = np.zeros(len(self.values), np.float32)
        self._visits = np.zeros(len(self.values), np.float32)

    def _numbers(self, text: str) -> list[int]:
        if text not in self._text:
            self._text[text] = [self._words[word] for word in words_of(text)]
        return self._text[text]

    def forward(self, bags: Sequence[Sequence[str]], chance: random.Random) -> tuple[Floats, Callable[..., None]]:
        """Encodes texts, a part of their words left out; returns unit vectors and what learns from their gradient."""
        kept = [
            [number for text in bag for number in self._numbers(text) if chance.random() >= _WORD_DROPOUT]
            for bag in bags
        ]
        flat = np.array([number for numbers in kept for number in numbers], np.int32)
        ends = np.cumsum([0, *(len(numbers) for numbers in kept)])
        words, places = np.unique(flat, return_inverse=True)
        counts = sparse.csr_matrix((np.ones(len(flat), np.float32), places, ends), shape=(len(kept), len(words)))
        features = self._features[words]
        rows, columns = np.unique(features.indices, return_inverse=True)
        features = sparse.csr_matrix((features.data, columns, features.indptr), shape=(len(words), len(rows)))
        sums = counts @ (features @ self.values[rows])
        lengths = np.linalg.norm(sums, axis=1, keepdims=True) + np.float32(1e-4)
        units = sums / lengths

        def learn(gradient: Floats, share: float) -> None:
            across = (gradient - (gradient * units).sum(axis=1, keepdims=True) * units) / lengths
            self._update(rows, features.T.tocsr() @ (counts.T.tocsr() @ across.astype(np.float32)), share)

        return units, learn

    def learned(self) -> Floats:
        """Returns the rows, part of the way from the start to where learning has brought them."""
        return np.asarray(self._start + np.float32(_LEARNED) * (self.values - self._start))

    def _update(self, rows: npt.NDArray[np.int32], gradient: Floats, share: float) -> None:
        self._visits[rows] += 1
        squares = np.einsum("ij,ij->i", gradient, gradient) / gradient.shape[1]
        self._squares[rows] = _MEMORY * self._squares[rows] + (1 - _MEMORY) * squares
        typical = np.sqrt(self._squares[rows] / (1 - _MEMORY ** self._visits[rows])) + 1e-10
        self.values[rows] -= gradient * (self._pace[rows] * np.float32(share) / typical)[:, None]


def _features(words: Sequence[str] | dict[str, int], keys: Keys) -> sparse.csr_matrix:
    found = [rows_of(keys, word) for word in words]
    ends = np.cumsum([0, *(len(part) for part in found)])
    flat = np.concatenate(found)
    return sparse.csr_matrix((np.ones(len(flat), np.float32), flat, ends), shape=(len(words), len(keys)))


def learn(
    articles: dict[str, list[Version]], questions: dict[str, list[dict[str, str]]], weights: Path, steps: int = STEPS
) -> Encoder:
    """Learns the encoder of the search.

    Args:
        articles: all articles, by file name.
        questions: questions in several languages for some of them, by file name.
        weights: the encoder to start from.
        steps: how many batches are learned from.
    """
    chance = random.Random(1)
    asked = [
        (articles[file], [list(texts.values()) for texts in found])
        for file, found in questions.items()
        if file in articles
    ]
    versions = list(articles.values())
    texts = [
        text for found in versions for one in found for text in (one.title, one.slug, *one.headings, *one.sentences)
    ]
    table = Table(weights, [*texts, *(text for _, found in asked for same in found for text in same)])
    began = time.perf_counter()
    losses = []
    for step in range(steps):
        pairs = [_pairs(chance.sample(versions, min(_ARTICLES, len(versions))), chance)]
        chosen = [(article, chance.choice(found)) for article, found in chance.sample(asked, min(_ASKED, len(asked)))]
        pairs.append([([chance.choice(found)], chance.choice(article).view(chance)) for article, found in chosen])
        pairs.append([([chance.choice(found)], [chance.choice(found)]) for _, found in chosen[:_SAME]])
        bags = [pair[side] for part in pairs for side in (0, 1) for pair in part]
        units, take = table.forward(bags, chance)
        gradients, start = [], 0
        for part in pairs:
            middle, end = start + len(part), start + 2 * len(part)
            loss, gradient = contrast(units[start:middle], units[middle:end], _INVERSE_TEMPERATURE)
            gradients.append(gradient)
            losses.append(loss)
            start = end
        take(np.concatenate(gradients), 1 - step / steps)
        if (step + 1) % 100 == 0:
            seconds = time.perf_counter() - began
            means = np.mean(np.reshape(losses, (-1, len(pairs))), axis=0)
            print(f"step {step + 1}: {', '.join(f'{mean:.2f}' for mean in means)}; {seconds:.0f} s", flush=True)
            losses.clear()
    provenance = {
        "licence": "CC-BY-4.0",
        "started_from": load_encoder(weights).version,
        "articles": len(articles),
        "questions": sum(len(found) for _, found in asked),
        "steps": steps,
    }
    return Encoder(table.keys, *quantise(table.learned()), provenance)


def _pairs(chosen: Sequence[list[Version]], chance: random.Random) -> list[tuple[list[str], list[str]]]:
    return [(chance.choice(found).view(chance), chance.choice(found).view(chance)) for found in chosen]


def main() -> int:
    """Learns and writes the file; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.search.learn", description=__doc__)
    parser.add_argument("database", type=Path, help="the imported articles")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="weights file to write")
    parser.add_argument("--fold", type=int, nargs="+", default=[], help="leave these fifths of the questions out")
    parser.add_argument("--steps", type=int, default=STEPS)
    arguments = parser.parse_args()
    questions = read_training_questions()
    learned = {
        file: [texts for texts in found if fold_of(texts) not in arguments.fold] for file, found in questions.items()
    }
    learned = {file: found for file, found in learned.items() if found}
    encoder = learn(read_articles(arguments.database), learned, get_settings().encoder_weights, arguments.steps)
    encoder.save(arguments.output)
    known = {file: [list(texts.values()) for texts in found] for file, found in learned.items()}
    add_questions(arguments.output, encoder, known)
    size = arguments.output.stat().st_size / 1e6
    print(f"{arguments.output}: {size:.1f} MB, {sum(map(len, learned.values()))} questions")
    return 0


def add_questions(path: Path, encoder: Encoder, questions: Mapping[str, Sequence[Sequence[str]]]) -> None:
    """Adds questions to the file of an encoder.

    Args:
        path: the file.
        encoder: what it holds.
        questions: file name -> the questions that it answers, each in one or several languages.
    """
    with np.load(path, allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    files = sorted(file for file, found in questions.items() if found)
    rows = [encoder.encode(list(texts)).sum(axis=0) for file in files for texts in questions[file]]
    vectors = np.array(rows, np.float32).reshape(-1, encoder.dimension)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True) + 1e-9
    names = np.frombuffer("\n".join(files).encode("utf8"), np.uint8)
    ends = np.cumsum([len(questions[file]) for file in files], dtype=np.int32)
    arrays |= dict(zip(KNOWN_QUESTIONS, (names, ends, np.rint(FULL_SCALE * vectors).astype(np.int8)), strict=True))
    with path.open("wb") as stream:
        np.savez(stream, **arrays)


if __name__ == "__main__":
    raise SystemExit(main())
