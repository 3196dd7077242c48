"""Finds training phrases whose label is probably wrong: held-out scores, near copies under another intent."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from bot.articles.examples import Example
from bot.encoder import load_encoder
from bot.encoder.sentences import Floats, load_sentence_encoder
from bot.nlu.acts import FOLLOW_UPS
from bot.nlu.data_check import fingerprint
from bot.nlu.models.intent_model import learn_meaning
from bot.nlu.models.labelled_texts import LabelledText, first_of_each, real_style_first
from bot.nlu.models.linear import REGULARISATION, Rows, TextModel, Texts, fit_inverse_temperature, softmax
from bot.nlu.models.ngrams import NgramFeatures

Learned: TypeAlias = tuple[Sequence[str], Floats]
"""Labels, and their scores of some rows."""

_NEAR = 0.97
"""Cosine of the words' encodings from which two phrases of a language nearly say the same."""
_HARDLY = 0.02
"""A label with less than this probability by both models is one that no model gets right."""
_CERTAIN = 0.9
"""Probability of the label by words alone from which the sentence encoder is left out, which takes most of the time."""
_LEARNED, _LEARNED_OUT_OF_SCOPE = 40, 500
"""Phrases of each intent and language whose encodings are learned from, as by the intent classifier."""
_FOLDS = 3
"""Parts of the phrases that are held out in turn."""
_ROWS = 1024
_COLUMNS = ("language", "intent", "proposed", "reasons", "p_intent", "p_proposed", "copy", "file", "text")


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


def audit(examples: Sequence[Example]) -> list[Suspect]:
    """Returns the suspects among phrases of intents, the least probable label first.

    Label errors are found by confident learning, as cleanlab implements it, on the geometric mean of what two models
    give: a linear one over n-grams, and logistic regression over sentence encodings, which judges what the first one
    doubts. Both are asked about phrases that they were not trained on; those of one situation are held out together in
    all languages. Near copies are looked for of what that one judges.

    Args:
        examples: training phrases; follow-ups and answers to questions, which the classifier of intents does not
            learn, are left out.
    """
    from cleanlab.filter import find_label_issues

    examples = [each for each in examples if each.intent not in FOLLOW_UPS and each.product is None]
    names, labels = np.unique([example.intent for example in examples], return_inverse=True)
    folds_of = np.array([zlib.crc32(_held_out_with(example).encode()) % _FOLDS for example in examples])
    rows = np.arange(len(examples))
    by_words = _log(_held_out(labels, folds_of, partial(_learn_words, [example.text for example in examples])))
    learned = _learned(examples)
    asked = np.flatnonzero(learned | (np.exp(by_words[rows, labels]) < _CERTAIN))
    encodings = load_sentence_encoder().encode_for_training([examples[row].text for row in asked])
    by_meaning = by_words.copy()
    learner = partial(_learn_encodings, encodings, learned[asked])
    by_meaning[asked] = _log(_held_out(labels[asked], folds_of[asked], learner))
    together = softmax((by_words + by_meaning) / 2)
    flagged = find_label_issues(labels, together.astype(float), n_jobs=1)
    never = (np.exp(by_words[rows, labels]) < _HARDLY) & (np.exp(by_meaning[rows, labels]) < _HARDLY)
    copies = _near_copies(examples, asked)
    suspects = []
    for row, example in enumerate(examples):
        copy = copies.get(row)
        reasons = {"label": flagged[row], "never_right": never[row], "near_copy": copy is not None}
        if found := tuple(name for name, holds in reasons.items() if holds):
            proposed = str(names[together[row].argmax()])
            if proposed == example.intent and copy is not None:
                proposed = copy.intent
            own, other = (float(together[row, np.searchsorted(names, name)]) for name in (example.intent, proposed))
            suspects.append(Suspect(example, proposed, own, other, found, copy.text if copy is not None else ""))
    return sorted(suspects, key=lambda suspect: suspect.probability)


def as_table(suspects: Sequence[Suspect], folder: Path) -> str:
    """Returns suspects as a table with tabs and a line of headings, with files as below the folder of phrases."""
    return "\n".join("\t".join(row) for row in (_COLUMNS, *(_row(each, folder) for each in suspects)))


def _row(suspect: Suspect, folder: Path) -> tuple[str, ...]:
    """Returns the `_COLUMNS` of a suspect."""
    example, file = suspect.example, str(suspect.example.path.relative_to(folder))
    verdict = (example.language, example.intent, suspect.proposed, ",".join(suspect.reasons))
    shares = (f"{suspect.probability:.4f}", f"{suspect.proposed_probability:.4f}")
    return (*verdict, *shares, suspect.copy, file, example.text)


def _learned(examples: Sequence[Example]) -> NDArray[np.bool_]:
    """Tells for each phrase whether its encoding is learned from; those in real style come first."""
    texts = [LabelledText(each.text, each.intent, each.language, each.real_style) for each in examples]
    chosen = set(first_of_each(real_style_first(texts), {"out_of_scope": _LEARNED_OUT_OF_SCOPE}, _LEARNED))
    return np.array([text in chosen for text in texts])


def _held_out_with(example: Example) -> str:
    """Returns what phrases share that must be held out together."""
    return f"{example.intent}/{example.situation}" if example.situation else fingerprint(example.text)


def _held_out(labels: Rows, folds_of: Rows, learner: Callable[[Rows, Texts, Rows], Learned]) -> Floats:
    """Returns calibrated probabilities (phrases, intents), each by a model that was trained on the other folds.

    Args:
        labels: of the phrases, the number of the intent.
        folds_of: the fold of each phrase.
        learner: learns from rows with labels, and returns its labels and its scores of other rows.
    """
    found = np.full((len(labels), labels.max() + 1), -30.0, dtype=np.float32)
    for fold in np.unique(folds_of):
        train, test = np.flatnonzero(folds_of != fold), np.flatnonzero(folds_of == fold)
        columns, scores = learner(train, [f"{label:05}" for label in labels[train]], test)
        found[np.ix_(test, np.array([int(column) for column in columns]))] = scores
    return softmax(found * np.float32(fit_inverse_temperature(found, labels)))


def _learn_words(texts: Texts, train: Rows, labels: Texts, test: Rows) -> Learned:
    """Learns from the n-grams of texts, see `_held_out`."""
    model = TextModel.learn(NgramFeatures(), [texts[row] for row in train], labels, REGULARISATION, 7, 1.0)
    return model.labels, model.linear.scores(model.ngrams.transform([texts[row] for row in test]))


def _learn_encodings(encodings: Floats, taken: NDArray[np.bool_], train: Rows, labels: Texts, test: Rows) -> Learned:
    own = taken[train]
    model = learn_meaning(encodings[train[own]], np.array(labels)[own].tolist(), REGULARISATION)
    return model.labels, model.scores(encodings[test])


def _log(probabilities: Floats) -> Floats:
    return np.log(np.maximum(probabilities, 1e-6))


def _near_copies(examples: Sequence[Example], asked: Rows) -> dict[int, Example]:
    """Returns the nearest phrase of the same language and another intent, for rows where it is near enough.

    Args:
        examples: all phrases.
        asked: rows of those for which one is looked for.
    """
    encodings = load_encoder().encode([example.text for example in examples])
    found: dict[int, Example] = {}
    intents = np.array([example.intent for example in examples])
    languages = np.array([example.language for example in examples])
    for language in np.unique(languages):
        own, rows = asked[languages[asked] == language], np.flatnonzero(languages == language)
        for start in range(0, len(own), _ROWS):
            block = own[start : start + _ROWS]
            near = encodings[block] @ encodings[rows].T
            near[intents[block][:, None] == intents[rows][None, :]] = -1.0
            for place in np.flatnonzero(near.max(axis=1) >= _NEAR):
                found[int(block[place])] = examples[rows[near[place].argmax()]]
    return found
