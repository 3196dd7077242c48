"""Describes the training phrases: how many, how varied, what is confused, which labels look wrong."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, TypeVar

import numpy as np

from bot.articles.examples import Example
from bot.nlu.data_check import check_examples, fingerprint
from bot.nlu.label_audit import held_out, label_issues, learn_words

SHORT_WORDS = 4
SUSPECTS_SHOWN = 40
CONFUSIONS_SHOWN = 25
REPETITIONS_SHOWN = 10

Key = TypeVar("Key")


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
    by_language = sorted(_grouped(examples, lambda example: example.language).items())
    report: dict[str, Any] = {
        "counts": {language: dict(Counter(one.intent for one in found)) for language, found in by_language},
        "languages": {language: _spread(found) for language, found in by_language},
        "repetition": _repetition(examples),
        "problems": check_examples(examples),
    }
    return {**report, **_cross_validated(examples, folds, seed)} if folds else report


def as_markdown(report: dict[str, Any]) -> str:
    """Returns the report as Markdown."""
    counts: dict[str, dict[str, int]] = report["counts"]
    intents = sorted({intent for row in counts.values() for intent in row})
    spread = "{median_words:.0f} | {long_words:.0f} | {short_share:.0%} | {vocabulary}"
    lines = [
        "# Training phrases",
        "",
        *_table(
            ["intent", *counts],
            *([intent, *(row.get(intent, 0) for row in counts.values())] for intent in intents),
            ["**all**", *(sum(row.values()) for row in counts.values())],
        ),
        "",
        *_table(
            ["language", "median words", "longest tenth from", "up to 4 words", "different words"],
            *([language, spread.format(**row)] for language, row in report["languages"].items()),
        ),
        *("", "Cells in which most phrases share their first two words:", ""),
        *("- {language} {intent}: {share:.0%} (`{opening}`)".format(**row) for row in report["repetition"]),
        *("", f"Problems of the check: {len(report['problems'])}"),
        *(f"- {problem}" for problem in report["problems"]),
    ]
    if "confusions" in report:
        suspect = "- {language} `{text}` is {intent}, looks like {looks_like} ({confidence:.2f})"
        lines += [
            *("", "Confused most in cross-validation:", ""),
            *("- {intent} taken for {taken_for}: {count}".format(**row) for row in report["confusions"]),
            *("", f"Suspected label errors (confident learning; the first {SUSPECTS_SHOWN}):", ""),
            *(suspect.format(**row) for row in report["suspects"]),
        ]
    return "\n".join(lines) + "\n"


def _table(heads: Sequence[str], *rows: Sequence[object]) -> list[str]:
    written = [f"| {' | '.join(map(str, row))} |" for row in (heads, *rows)]
    return [written[0], "|---" * len(heads) + "|", *written[1:]]


def _grouped(examples: Iterable[Example], key: Callable[[Example], Key]) -> dict[Key, list[Example]]:
    groups: defaultdict[Key, list[Example]] = defaultdict(list)
    for example in examples:
        groups[key(example)].append(example)
    return groups


def _spread(examples: Sequence[Example]) -> dict[str, float]:
    phrases = [fingerprint(example.text).split() for example in examples]
    lengths = np.array([len(words) for words in phrases])
    return {
        "median_words": float(np.median(lengths)),
        "long_words": float(np.quantile(lengths, 0.9)),
        "short_share": float((lengths <= SHORT_WORDS).mean()),
        "vocabulary": len(set().union(*phrases)),
    }


def _repetition(examples: Sequence[Example]) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = []
    for (language, intent), found in _grouped(examples, lambda example: (example.language, example.intent)).items():
        openings = Counter(" ".join(fingerprint(example.text).split()[:2]) for example in found)
        opening, count = openings.most_common(1)[0]
        rows.append({"language": language, "intent": intent, "opening": opening, "share": count / len(found)})
    return sorted(rows, key=lambda row: -row["share"])[:REPETITIONS_SHOWN]


def _cross_validated(examples: Sequence[Example], folds: int, seed: int) -> dict[str, list[dict[str, Any]]]:
    """Returns `confusions` and `suspects` by models over words, each asked about a fold that it was not trained on."""
    from sklearn.model_selection import StratifiedKFold

    texts = [example.text for example in examples]
    names, targets = np.unique([example.intent for example in examples], return_inverse=True)
    folds_of = np.zeros(len(texts), dtype=np.int64)
    for number, (_, test) in enumerate(StratifiedKFold(folds, shuffle=True, random_state=seed).split(texts, targets)):
        folds_of[test] = number
    confidences = held_out(targets, folds_of, partial(learn_words, texts, seed))
    best = confidences.argmax(axis=1)
    wrong = best != targets
    pairs = Counter(zip(names[targets[wrong]].tolist(), names[best[wrong]].tolist(), strict=True))
    most = pairs.most_common(CONFUSIONS_SHOWN)
    return {
        "confusions": [{"intent": right, "taken_for": taken, "count": count} for (right, taken), count in most],
        "suspects": [
            {
                "text": examples[index].text,
                "language": examples[index].language,
                "intent": examples[index].intent,
                "looks_like": str(names[best[index]]),
                "confidence": float(confidences[index].max()),
            }
            for index in label_issues(targets, confidences)[:SUSPECTS_SHOWN]
        ],
    }
