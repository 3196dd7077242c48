"""Finds training phrases whose label is probably wrong: held-out scores, near copies under another intent."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bot.articles.examples import Example
from bot.encoder import load_encoder
from bot.encoder.sentences import load_sentence_encoder
from bot.nlu.acts import FOLLOW_UPS
from bot.nlu.data_check import fingerprint
from bot.nlu.models.intent_model import learn_meaning
from bot.nlu.models.labelled_texts import LabelledText, first_of_each, real_style_first
from bot.nlu.models.linear import REGULARISATION, fit_sharpness, softmax, train_linear_model
from bot.nlu.models.ngrams import NgramFeatures

Floats = NDArray[np.float32]

_NEAR = 0.97
"""Cosine of the words' encodings from which two phrases of a language nearly say the same."""
_HARDLY = 0.02
"""A label with less than this probability by both models is one that no model gets right."""
_CERTAIN = 0.9
"""Probability of the label by words alone from which the sentence encoder is left out, which takes most of the time."""
_LEARNED, _LEARNED_OUT_OF_SCOPE = 40, 500
"""Phrases of each intent and language whose encodings are learned from, as by the intent classifier."""
_ROWS = 1024


@dataclass(frozen=True)
class Suspect:
    """A training phrase whose label may be wrong.

    Args:
        example: the phrase.
        proposed: the intent that the models, or its near copy, would give it.
        probability: of the present label, 0-1, by models that were not trained on the phrase; the lower, the worse.
        proposed_probability: of the proposed one, likewise.
        reasons: `label` (confident learning), `never_right` (no model gives it its label), `near_copy`.
        copy: a near copy under another intent, empty if there is none.
    """

    example: Example
    proposed: str
    probability: float
    proposed_probability: float
    reasons: tuple[str, ...]
    copy: str = ""


def audit(examples: Sequence[Example], folds: int = 3, seed: int = 7) -> list[Suspect]:
    """Returns the suspects among phrases of intents, the least probable label first.

    Label errors are found by confident learning (Northcutt et al. 2021), as cleanlab implements it, on the geometric
    mean of what two models give: a linear one over n-grams, and logistic regression over sentence encodings, which
    judges what the first one doubts. Both are asked about phrases that they were not trained on; those of one situation
    are held out together in all languages. Near copies are looked for of what that one judges.

    Args:
        examples: training phrases; follow-ups and answers to questions, which the classifier of intents does not
            learn, are left out.
        folds: parts that are held out in turn.
        seed: of the models' training.
    """
    from cleanlab.filter import find_label_issues

    examples = [each for each in examples if each.intent not in FOLLOW_UPS and each.product is None]
    names, labels = np.unique([example.intent for example in examples], return_inverse=True)
    folds_of = np.array([zlib.crc32(_held_out_with(example).encode()) % folds for example in examples])
    rows = np.arange(len(examples))
    by_words = _held_out(labels, folds_of, _word_scores([example.text for example in examples], seed))
    learned = _learned(examples)
    asked = np.flatnonzero(learned | (np.exp(by_words[rows, labels]) < _CERTAIN))
    encodings = load_sentence_encoder().encode_for_training([examples[row].text for row in asked])
    by_meaning = by_words.copy()
    by_meaning[asked] = _held_out(labels[asked], folds_of[asked], _meaning_scores(encodings, learned[asked]))
    together = softmax((by_words + by_meaning) / 2)
    probability = together[rows, labels]
    flagged = set(
        find_label_issues(labels, together.astype(float), return_indices_ranked_by="self_confidence", n_jobs=1)
    )
    never = (np.exp(by_words[rows, labels]) < _HARDLY) & (np.exp(by_meaning[rows, labels]) < _HARDLY)
    copies = _near_copies(examples, asked)
    suspects = []
    for row, example in enumerate(examples):
        copy = copies.get(row)
        reasons = {"label": row in flagged, "never_right": bool(never[row]), "near_copy": copy is not None}
        if any(reasons.values()):
            proposed = str(names[together[row].argmax()])
            if proposed == example.intent and copy is not None:
                proposed = examples[copy].intent
            found = tuple(name for name, holds in reasons.items() if holds)
            text = "" if copy is None else examples[copy].text
            other = float(together[row, np.searchsorted(names, proposed)])
            suspects.append(Suspect(example, proposed, float(probability[row]), other, found, text))
    return sorted(suspects, key=lambda suspect: suspect.probability)


def as_rows(suspects: Sequence[Suspect], folder: Path) -> list[dict[str, str]]:
    """Returns suspects as rows of `COLUMNS`, with an empty decision and files as below the folder of phrases."""
    return [
        {
            "decision": "",
            "language": each.example.language,
            "intent": each.example.intent,
            "proposed": each.proposed,
            "reasons": ",".join(each.reasons),
            "p_intent": f"{each.probability:.4f}",
            "p_proposed": f"{each.proposed_probability:.4f}",
            "copy": each.copy,
            "file": str(each.example.path.relative_to(folder)),
            "text": each.example.text,
        }
        for each in suspects
    ]


def _learned(examples: Sequence[Example]) -> NDArray[np.bool_]:
    """Tells for each phrase whether its encoding is learned from; those in real style come first."""
    texts = [LabelledText(each.text, each.intent, each.language, each.real_style) for each in examples]
    chosen = set(first_of_each(real_style_first(texts), {"out_of_scope": _LEARNED_OUT_OF_SCOPE}, _LEARNED))
    return np.array([text in chosen for text in texts])


def _held_out_with(example: Example) -> str:
    """Returns what phrases share that must be held out together."""
    return f"{example.intent}/{example.situation}" if example.situation else fingerprint(example.text)


def _held_out(
    labels: NDArray[np.int64],
    folds_of: NDArray[np.int64],
    scores: Callable[[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]], tuple[NDArray[np.int64], Floats]],
) -> Floats:
    """Returns calibrated log probabilities (phrases, intents), each by a model that was trained on the other folds.

    Args:
        labels: of the phrases.
        folds_of: the fold of each phrase.
        scores: trains on rows with labels and returns its labels and its scores of other rows.
    """
    found = np.full((len(labels), labels.max() + 1), -30.0, dtype=np.float32)
    for fold in np.unique(folds_of):
        train, test = np.flatnonzero(folds_of != fold), np.flatnonzero(folds_of == fold)
        columns, said = scores(train, labels[train], test)
        found[np.ix_(test, columns)] = said
    return np.log(np.maximum(softmax(found * np.float32(fit_sharpness(found, labels))), 1e-6))


def _word_scores(
    texts: Sequence[str], seed: int
) -> Callable[[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]], tuple[NDArray[np.int64], Floats]]:
    def scores(
        train: NDArray[np.int64], labels: NDArray[np.int64], test: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], Floats]:
        ngrams = NgramFeatures()
        features = ngrams.fit_transform([texts[row] for row in train])
        model = train_linear_model(features, [f"{label:05}" for label in labels], REGULARISATION, seed, 1.0)
        return _columns(model.labels), model.scores(ngrams.transform([texts[row] for row in test]))

    return scores


def _meaning_scores(
    encodings: Floats, learned: NDArray[np.bool_]
) -> Callable[[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]], tuple[NDArray[np.int64], Floats]]:
    def scores(
        train: NDArray[np.int64], labels: NDArray[np.int64], test: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], Floats]:
        own = learned[train]
        model = learn_meaning(encodings[train[own]], [f"{label:05}" for label in labels[own]], REGULARISATION, 1.0)
        return _columns(model.labels), model.scores(encodings[test])

    return scores


def _columns(labels: Sequence[str]) -> NDArray[np.int64]:
    return np.array([int(label) for label in labels])


def _near_copies(examples: Sequence[Example], asked: NDArray[np.int64]) -> dict[int, int]:
    """Returns the row of the nearest phrase of the same language and another intent, where it is near enough.

    Args:
        examples: all phrases.
        asked: rows of those for which one is looked for.
    """
    encodings = load_encoder().encode([example.text for example in examples])
    found: dict[int, int] = {}
    intents = np.array([example.intent for example in examples])
    languages = np.array([example.language for example in examples])
    for language in np.unique(languages):
        own, rows = asked[languages[asked] == language], np.flatnonzero(languages == language)
        for start in range(0, len(own), _ROWS):
            block = own[start : start + _ROWS]
            near = encodings[block] @ encodings[rows].T
            near[intents[block][:, None] == intents[rows][None, :]] = -1.0
            nearest = near.argmax(axis=1)
            for place in np.flatnonzero(near.max(axis=1) >= _NEAR):
                found[int(block[place])] = int(rows[nearest[place]])
    return found
