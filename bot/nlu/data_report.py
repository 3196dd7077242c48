"""Describes the training phrases: how many, how varied, what is confused, which labels look wrong."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any, TypeVar

import numpy as np

from bot.articles.examples import Example
from bot.nlu.data_check import check_examples, fingerprint
from bot.nlu.models.linear import REGULARISATION, fit_sharpness, softmax, train_linear_model
from bot.nlu.models.ngrams import NgramFeatures

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
            *(
                [
                    language,
                    *(f"{row['median_words']:.0f}", f"{row['long_words']:.0f}", f"{row['short_share']:.0%}"),
                    row["vocabulary"],
                ]
                for language, row in report["languages"].items()
            ),
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
    """Returns `confusions` and `suspects` by models over words, each asked about a fold that it was not trained on.

    Suspected label errors are found by confident learning (Northcutt et al. 2021), as cleanlab implements it.
    """
    from cleanlab.filter import find_label_issues
    from sklearn.model_selection import StratifiedKFold

    texts = [example.text for example in examples]
    names, targets = np.unique([example.intent for example in examples], return_inverse=True)
    scores = np.zeros((len(texts), len(names)), dtype=np.float32)
    for train, test in StratifiedKFold(folds, shuffle=True, random_state=seed).split(texts, targets):
        ngrams = NgramFeatures()
        features = ngrams.fit_transform([texts[index] for index in train])
        model = train_linear_model(features, names[targets[train]], REGULARISATION, seed, 1.0)
        scores[test] = model.scores(ngrams.transform([texts[index] for index in test]))
    confidences = softmax(scores * np.float32(fit_sharpness(scores, targets)))
    best = confidences.argmax(axis=1)
    wrong = best != targets
    pairs = Counter(zip(names[targets[wrong]].tolist(), names[best[wrong]].tolist(), strict=True))
    suspects = find_label_issues(
        targets, confidences.astype(float), return_indices_ranked_by="self_confidence", n_jobs=1
    )
    return {
        "confusions": [
            {"intent": right, "taken_for": taken, "count": count}
            for (right, taken), count in pairs.most_common(CONFUSIONS_SHOWN)
        ],
        "suspects": [
            {
                "text": examples[index].text,
                "language": examples[index].language,
                "intent": examples[index].intent,
                "looks_like": str(names[best[index]]),
                "confidence": float(confidences[index].max()),
            }
            for index in suspects[:SUSPECTS_SHOWN]
        ],
    }
