"""Puts the results of one data set into a Markdown table, with published figures beside them."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.classifiers.comparison import Result
from benchmarks.classifiers.measure import Figures

# On the data sets' own test parts, with all of the training part: for orientation, not measured here.
# BANKING77: Casanueva et al. 2020, "Efficient Intent Detection with Dual Sentence Encoders"; CLINC150: Larson et al.
# 2019, "An Evaluation Dataset for Intent Classification and Out-of-Scope Prediction".
PUBLISHED = {
    "banking77": (("DIET", "89-90", ""), ("BERT; USE + ConveRT", "93.0-93.7", "")),
    "clinc150": (("BERT", "96-97", "40-47"),),
}
HEADER = (
    "system",
    "FallbackClassifier",
    "accuracy",
    "macro-F1",
    "falsely refused",
    "out-of-scope recall",
    "training, processor s",
    "peak MB",
    "model MB",
    "ms a message",
)


def table(results: Sequence[Result]) -> str:
    """Returns the results of one data set as a Markdown table; accuracy is of in-scope phrases."""
    rows = [HEADER, tuple("---" for _ in HEADER)]
    for result in results:
        rows.append(_row(result, "no", result.without_fallback))
        rows.append(_row(result, "yes", result.with_fallback))
    for name, accuracy, recall in PUBLISHED[results[0].data]:
        cells = [f"published: {name}", "", accuracy, "", "", recall]
        rows.append(tuple(cells + [""] * (len(HEADER) - len(cells))))
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _row(result: Result, fallback: str, figures: Figures) -> tuple[str, ...]:
    recall = figures.out_of_scope_recall
    training = result.training
    return (
        result.title,
        fallback,
        f"{figures.accuracy:.1%}",
        f"{figures.macro_f1:.1%}",
        f"{figures.false_refusals:.1%}",
        "-" if recall is None else f"{recall:.1%}",
        f"{training.cpu_seconds:.0f}",
        f"{training.peak_megabytes:.0f}",
        f"{training.model_megabytes:.1f}",
        f"{result.parse_milliseconds:.1f}",
    )
