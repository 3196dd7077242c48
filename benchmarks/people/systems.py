"""What is asked: the trained model as it runs, and a plain scikit-learn classifier of the same phrases."""

from __future__ import annotations

from collections.abc import Sequence
from math import log
from pathlib import Path
from typing import Any

from benchmarks.people.figures import Answer
from benchmarks.people.messages import OUT_OF_SCOPE, LabelledMessage
from bot.articles.examples import read_examples
from bot.articles.issues import load_issues
from bot.regression.measure import NluModel
from bot.settings import get_settings
from bot.training import train

TINY = 1e-9


def ask_model(messages: Sequence[LabelledMessage], model: Path | None = None) -> list[Answer]:
    """Asks a trained model, as `/model/parse` would; without a path the one of this data, trained if needed."""
    parsed = NluModel(model or train()).parse([message.text for message in messages])
    issues = frozenset(load_issues())
    return [_answer(one, issues) for one in parsed]


def _answer(parsed: dict[str, Any], issues: frozenset[str]) -> Answer:
    ranking = {entry["name"]: float(entry["confidence"]) for entry in parsed.get("intent_ranking") or ()}
    forced = next((name for name in ranking if name in issues), "")
    # What the ranking does not list is less likely than all that it lists; a difference of probabilities would call a
    # message doubtful that may be one of four issues and nothing else.
    least = min(ranking.values(), default=1.0)
    scope = log(ranking.get(forced, least) + TINY) - log(ranking.get(OUT_OF_SCOPE, least) + TINY)
    offered = (parsed.get("triage") or {}).get("candidates") or ()
    return Answer(forced, scope, parsed["intent"]["name"] or "", tuple(offered))


def ask_plain(messages: Sequence[LabelledMessage]) -> list[Answer]:
    """Asks a TF-IDF of words 1-2 and characters 2-5 with a linear support vector machine, as scikit-learn has them."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import make_pipeline, make_union
    from sklearn.svm import LinearSVC

    examples = read_examples(get_settings().data_dir / "nlu")
    classifier = make_pipeline(
        make_union(
            TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, dtype="float32"),
            TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True, dtype="float32"),
        ),
        LinearSVC(C=0.3, tol=0.1, random_state=7),
    )
    classifier.fit([example.text for example in examples], [example.intent for example in examples])
    scores = classifier.decision_function([message.text for message in messages])
    labels = list(classifier.classes_)
    issues = [labels.index(name) for name in load_issues()]
    outside = labels.index(OUT_OF_SCOPE)
    return [
        Answer(
            labels[max(issues, key=row.__getitem__)],
            float(row[issues].max() - row[outside]),
            labels[int(row.argmax())],
            (),
        )
        for row in scores
    ]
