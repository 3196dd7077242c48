"""The triage of a message: a second issue, issues to choose from, mood, and what makes it urgent."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.exceptions import InvalidConfigException
from rasa.shared.nlu.constants import INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message

from bot.articles.issues import load_issues
from bot.nlu.acts import CRISIS
from bot.nlu.component import check_settings
from bot.nlu.intent import LinearIntentClassifier, load_classifier
from bot.nlu.metadata import is_command, language_of
from bot.nlu.models.sentiment import read_mood
from bot.nlu.models.triage_evidence import (
    OUT_OF_SCOPE,
    PAIR_FEATURES,
    Confidences,
    Pair,
    Parts,
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
            # From which confidence on two issues are answered at once, even if neither of them would be alone.
            "answer_pair_from": 0.9,
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
        shares = ("second_issue_confidence", "answer_from", "offer_from", "answer_pair_from")
        check_settings(cls, config, {"above 0 and at most 1": shares})
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
        parts = [
            parts_of(message.get(TEXT), language_of(message) or self._config["fallback_language"], self._folder)
            for message in typed
        ]
        keys = list(dict.fromkeys((one.language, text) for one in parts for text in one.texts))
        model = self._classifier.model
        confidences = model.word_confidences([text for _, text in keys], [language for language, _ in keys])
        said = {
            key: dict(zip(model.labels, row, strict=True)) for key, row in zip(keys, confidences.tolist(), strict=True)
        }
        for message, one in zip(typed, parts, strict=True):
            self._annotate(message, one, issue_pairs(one, said, self._issues))
        return messages

    def _annotate(self, message: Message, parts: Parts, pairs: Sequence[Pair]) -> None:
        before = {entry["name"]: float(entry["confidence"]) for entry in message.get(RANKING)}
        confidences: Confidences = before
        best = next(iter(before))
        found = self._pair(pairs) if best in self._issues or best == OUT_OF_SCOPE else None
        second: dict[str, Any] | None = None
        candidates: list[str] = []
        if found:
            pair, confidence = found
            if best not in (pair.first, pair.second):
                confidences = with_pair(before, pair, confidence)
                best = pair.first
            second = {"name": pair.second if best == pair.first else pair.first, "confidence": confidence}
        if not second or second["confidence"] < self._config["answer_pair_from"]:
            choice = self._config["answer_from"], self._config["offer_from"]
            candidates = candidates_of(confidences, self._issues, *choice)
        mood, signals = read_mood("\n".join(parts.own_words), parts.language, self._folder)
        if "harm" in signals:
            confidences, second, candidates = {CRISIS: 1.0, **confidences}, None, []
        if confidences is not before:
            ranking = [{"name": name, "confidence": share} for name, share in confidences.items()][: len(before)]
            message.set(INTENT, ranking[0], add_to_output=True)
            message.set(RANKING, ranking, add_to_output=True)
        triage = {
            "second_issue": second,
            "candidates": candidates,
            "sentiment": {"label": mood.label, "confidence": round(mood.confidence, 3)},
            "signals": signals,
        }
        message.set("triage", triage, add_to_output=True)

    def _pair(self, pairs: Sequence[Pair]) -> tuple[Pair, float] | None:
        """Returns the most probable pair of issues with its confidence, if it is high enough."""
        bias = self._config["second_issue"]["bias"]
        rated = [(pair, pair.confidence(self._weights, bias)) for pair in pairs]
        best = max(rated, key=lambda one: one[1], default=None)
        return best if best and best[1] >= self._config["second_issue_confidence"] else None
