"""Describes the training phrases: how many, how varied, what is confused, which labels look wrong."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bot.articles.examples import Example
from bot.nlu.data_check import check_examples, fingerprint
from bot.nlu.models.linear import REGULARISATION, fit, fit_sharpness, softmax
from bot.nlu.models.ngrams import NgramFeatures

SHORT_WORDS = 4
SUSPECTS_SHOWN = 40


@dataclass(frozen=True)
class CrossValidated:
    """What models said to phrases that they were not trained on."""

    labels: tuple[str, ...]
    targets: NDArray[np.int64]
    """(n,) columns of the phrases' own labels"""
    confidences: NDArray[np.float32]
    """(n, labels)"""


def describe(examples: Sequence[Example], folds: int = 3, seed: int = 7) -> dict[str, Any]:
    """Returns the report as plain values.

    Args:
        examples: all training phrases.
        folds: folds of the cross-validation; 0 leaves confusions and suspects out, which take a minute.
        seed: seed of the folds.

    Returns:
        `counts` (language -> intent -> phrases), `languages` (spread of length and vocabulary), `repetition` (cells
        whose phrases begin alike most), `problems` (of the check), `confusions` and `suspects`.
    """
    report: dict[str, Any] = {
        "counts": _counts(examples),
        "languages": _languages(examples),
        "repetition": _repetition(examples),
        "problems": check_examples(examples),
    }
    if folds:
        validated = cross_validate(examples, folds, seed)
        report["confusions"] = _confusions(validated)
        report["suspects"] = _suspects(examples, validated)
    return report


def cross_validate(examples: Sequence[Example], folds: int, seed: int) -> CrossValidated:
    """Asks, for each fold, a model that was trained on the others; the model is the pipeline's over words."""
    from sklearn.model_selection import StratifiedKFold

    texts = [example.text for example in examples]
    names, targets = np.unique([example.intent for example in examples], return_inverse=True)
    scores = np.zeros((len(texts), len(names)), dtype=np.float32)
    for train, test in StratifiedKFold(folds, shuffle=True, random_state=seed).split(texts, targets):
        ngrams = NgramFeatures().fit([texts[index] for index in train])
        features = ngrams.transform(texts)
        weights, intercept = fit(features[train], targets[train], REGULARISATION, seed, len(names))
        scores[test] = features[test] @ weights + intercept
    confidences = softmax(scores * np.float32(fit_sharpness(scores, targets)))
    return CrossValidated(tuple(str(name) for name in names), targets, confidences)


def as_markdown(report: dict[str, Any]) -> str:
    """Returns the report as Markdown."""
    counts: dict[str, dict[str, int]] = report["counts"]
    languages = list(counts)
    lines = [
        "# Training phrases",
        "",
        "| intent | " + " | ".join(languages) + " |",
        "|---" * (len(languages) + 1) + "|",
    ]
    for intent in sorted({intent for row in counts.values() for intent in row}):
        lines.append(
            f"| {intent} | " + " | ".join(str(counts[language].get(intent, 0)) for language in languages) + " |"
        )
    lines.append("| **all** | " + " | ".join(str(sum(counts[language].values())) for language in languages) + " |")
    lines += [
        "",
        "| language | median words | longest tenth from | up to 4 words | different words |",
        "|---|---|---|---|---|",
    ]
    for language, row in report["languages"].items():
        lines.append(
            f"| {language} | {row['median_words']:.0f} | {row['long_words']:.0f} | {row['short_share']:.0%} "
            f"| {row['vocabulary']} |"
        )
    lines += ["", "Cells in which most phrases share their first two words:", ""]
    lines += [
        f"- {row['language']} {row['intent']}: {row['share']:.0%} (`{row['opening']}`)" for row in report["repetition"]
    ]
    lines += [
        "",
        f"Problems of the check: {len(report['problems'])}",
        *(f"- {problem}" for problem in report["problems"]),
    ]
    if "confusions" in report:
        lines += ["", "Confused most in cross-validation:", ""]
        lines += [f"- {row['intent']} taken for {row['taken_for']}: {row['count']}" for row in report["confusions"]]
        lines += ["", f"Suspected label errors (confident learning; the first {SUSPECTS_SHOWN}):", ""]
        lines += [
            f"- {row['language']} `{row['text']}` is {row['intent']}, "
            f"looks like {row['looks_like']} ({row['confidence']:.2f})"
            for row in report["suspects"]
        ]
    return "\n".join(lines) + "\n"


def _counts(examples: Sequence[Example]) -> dict[str, dict[str, int]]:
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for example in examples:
        counts[example.language][example.intent] += 1
    return {language: dict(counts[language]) for language in sorted(counts)}


def _languages(examples: Sequence[Example]) -> dict[str, dict[str, float]]:
    words: dict[str, list[list[str]]] = defaultdict(list)
    for example in examples:
        words[example.language].append(fingerprint(example.text).split())
    rows = {}
    for language in sorted(words):
        lengths = np.array([len(phrase) for phrase in words[language]])
        rows[language] = {
            "median_words": float(np.median(lengths)),
            "long_words": float(np.quantile(lengths, 0.9)),
            "short_share": float((lengths <= SHORT_WORDS).mean()),
            "vocabulary": len({word for phrase in words[language] for word in phrase}),
        }
    return rows


def _repetition(examples: Sequence[Example], shown: int = 10) -> list[dict[str, Any]]:
    cells: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for example in examples:
        cells[example.language, example.intent][" ".join(fingerprint(example.text).split()[:2])] += 1
    rows: list[dict[str, Any]] = []
    for (language, intent), openings in cells.items():
        opening, count = openings.most_common(1)[0]
        share = count / sum(openings.values())
        rows.append({"language": language, "intent": intent, "opening": opening, "share": share})
    return sorted(rows, key=lambda row: -row["share"])[:shown]


def _confusions(validated: CrossValidated, shown: int = 25) -> list[dict[str, Any]]:
    best = validated.confidences.argmax(axis=1)
    pairs = Counter(zip(validated.targets[best != validated.targets], best[best != validated.targets], strict=True))
    return [
        {"intent": validated.labels[right], "taken_for": validated.labels[wrong], "count": count}
        for (right, wrong), count in pairs.most_common(shown)
    ]


def _suspects(examples: Sequence[Example], validated: CrossValidated) -> list[dict[str, Any]]:
    """Finds suspected label errors by confident learning (Northcutt et al. 2021), as cleanlab implements it."""
    from cleanlab.filter import find_label_issues

    found = find_label_issues(
        validated.targets, validated.confidences.astype(float), return_indices_ranked_by="self_confidence", n_jobs=1
    )
    rows = []
    for index in found[:SUSPECTS_SHOWN]:
        best = int(validated.confidences[index].argmax())
        example = examples[index]
        rows.append(
            {
                "text": example.text,
                "language": example.language,
                "intent": example.intent,
                "looks_like": validated.labels[best],
                "confidence": float(validated.confidences[index, best]),
            }
        )
    return rows
