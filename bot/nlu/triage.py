"""The triage of a message: a second issue, issues to choose from, mood, and what makes it urgent."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.exceptions import InvalidConfigException
from rasa.shared.nlu.constants import INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message

from bot.articles.issues import load_issues
from bot.nlu.acts import CRISIS
from bot.nlu.intent import LinearIntentClassifier, load_classifier
from bot.nlu.metadata import is_command
from bot.nlu.models.sentiment import read_mood
from bot.nlu.models.triage_evidence import (
    OUT_OF_SCOPE,
    PAIR_FEATURES,
    Confidences,
    Pair,
    Parts,
    Said,
    candidates_of,
    issue_pairs,
    parts_of,
    with_pair,
)
from bot.settings import get_settings

RANKING = "intent_ranking"


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=False)
class Triage(GraphComponent):
    """Reads each message in parts, by the intent classifier before it, and adds `triage` to it.

    `triage` has `second_issue` ({name, confidence} or None), `candidates` (two or three issues to choose from where
    none is sure enough to be answered, or none), `sentiment` ({label, confidence}) and `signals` (names). The intent
    and its ranking change where two issues are named of which neither came out best. The classifier is asked once for
    all messages.
    """

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        """Returns every setting with its default; config.yml has the numbers that belong to the shipped phrases."""
        return {
            # Logistic regression of a second issue (see PAIR_FEATURES), and from which confidence on it is named.
            "second_issue": {"sides": 1.86, "crossed": -0.16, "whole": 0.32, "bias": -0.07},
            "second_issue_confidence": 0.62,
            # From which confidence on an issue is answered at once, and from which on it is offered beside others.
            "answer_from": 0.7,
            "offer_from": 0.2,
            # The language of messages whose language is unknown.
            "fallback_language": "en",
        }

    def __init__(self, config: dict[str, Any], classifier: LinearIntentClassifier, folder: Path) -> None:
        self._config = config
        self._classifier = classifier
        self._folder = folder
        self._issues = frozenset(load_issues(folder / "issues.yml"))
        self._weights = tuple(config["second_issue"][name] for name in PAIR_FEATURES)

    @classmethod
    def validate_config(cls, config: dict[str, Any]) -> None:
        """Refuses settings that cannot work.

        Raises:
            InvalidConfigException: names the key and what it must be.
        """
        for key in ("second_issue_confidence", "answer_from", "offer_from"):
            if not 0 < config[key] <= 1:
                raise InvalidConfigException(
                    f"{cls.__name__}: `{key}` must be above 0 and at most 1, it is {config[key]}."
                )
        expected = {*PAIR_FEATURES, "bias"}
        if set(config["second_issue"]) != expected:
            raise InvalidConfigException(
                f"{cls.__name__}: `second_issue` must have {', '.join(sorted(expected))}; "
                "`python -m benchmarks.triage thresholds` prints it."
            )

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> Triage:
        """Creates the component with the classifier of the same pipeline.

        Raises:
            InvalidConfigException: a setting cannot work, or there is no LinearIntentClassifier in the pipeline.
        """
        cls.validate_config(config)
        classifier = load_classifier(execution_context.graph_schema, model_storage, execution_context)
        if classifier is None:
            raise InvalidConfigException("Triage needs a LinearIntentClassifier before it in the pipeline; add one.")
        return cls(config, classifier, get_settings().data_dir)

    def process(self, messages: list[Message]) -> list[Message]:
        """Adds `triage` to each message with typed text that has an intent."""
        typed = [message for message in messages if message.get(RANKING) and not is_command(message)]
        languages = [self._language(message) for message in typed]
        parts = [
            parts_of(message.get(TEXT), language, self._folder)
            for message, language in zip(typed, languages, strict=True)
        ]
        said = self._ask(parts)
        pairs = issue_pairs(parts, said, self._issues)
        for message, one, found in zip(typed, parts, pairs, strict=True):
            self._annotate(message, one, found)
        return messages

    def _ask(self, messages: Sequence[Parts]) -> Said:
        """Asks the classifier for all parts of all messages at once."""
        keys = list(dict.fromkeys(one.key(text) for one in messages for text in one.texts))
        labels = self._classifier.model.labels
        if not keys:
            return Said(labels, {}, np.zeros((0, len(labels)), dtype=np.float32))
        confidences = self._classifier.model.word_confidences(
            [text for _, text in keys], [language for language, _ in keys]
        )
        return Said(labels, {key: row for row, key in enumerate(keys)}, confidences)

    def _language(self, message: Message) -> str:
        return (message.get("language") or {}).get("name") or str(self._config["fallback_language"])

    def _annotate(self, message: Message, parts: Parts, pairs: Sequence[Pair]) -> None:
        before = {entry["name"]: float(entry["confidence"]) for entry in message.get(RANKING)}
        confidences: Confidences = before
        best = next(iter(confidences))
        found = self._pair(pairs) if best in self._issues or best == OUT_OF_SCOPE else None
        second, candidates = None, []
        if found:
            pair, confidence = found
            if best not in (pair.first, pair.second):
                confidences = with_pair(confidences, pair, confidence)
                best = pair.first
            second = {"name": pair.second if best == pair.first else pair.first, "confidence": confidence}
        else:
            candidates = candidates_of(
                confidences, self._issues, self._config["answer_from"], self._config["offer_from"]
            )
        mood = self._mood(parts)
        if "harm" in mood["signals"]:
            confidences, second, candidates = {CRISIS: 1.0, **confidences}, None, []
        if confidences is not before:
            _rank(message, confidences, len(before))
        triage = {"second_issue": second, "candidates": candidates, **mood}
        message.set("triage", triage, add_to_output=True)

    def _pair(self, pairs: Sequence[Pair]) -> tuple[Pair, float] | None:
        """Returns the most probable pair of issues with its confidence, if it is high enough."""
        bias = self._config["second_issue"]["bias"]
        rated = [(pair, pair.confidence(self._weights, bias)) for pair in pairs]
        best = max(rated, key=lambda one: one[1], default=None)
        return best if best and best[1] >= self._config["second_issue_confidence"] else None

    def _mood(self, parts: Parts) -> dict[str, Any]:
        text = "\n".join(parts.own_words)
        mood, found = read_mood(text, parts.language, self._folder)
        return {"sentiment": {"label": mood.label, "confidence": round(mood.confidence, 3)}, "signals": found}


def _rank(message: Message, confidences: Confidences, length: int) -> None:
    listed = [{"name": name, "confidence": confidence} for name, confidence in confidences.items()][:length]
    message.set(INTENT, listed[0], add_to_output=True)
    message.set(RANKING, listed, add_to_output=True)
