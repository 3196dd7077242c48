"""Adds `triage` to a message (second issue, issues to choose from, mood, urgency); may put another intent first."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from rasa.engine.graph import ExecutionContext
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.exceptions import InvalidConfigException
from rasa.shared.nlu.constants import INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message
from typing_extensions import Self

from bot.articles.issues import load_issues
from bot.nlu.acts import CRISIS
from bot.nlu.component import Component, Config, Setting
from bot.nlu.intent import RANKING, LinearIntentClassifier, load_classifier
from bot.nlu.metadata import language_of
from bot.nlu.models import triage_evidence
from bot.nlu.models.sentiment import read_mood
from bot.nlu.models.triage_evidence import OUT_OF_SCOPE, PAIR_FEATURES, Pair, Parts
from bot.settings import get_settings


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=False)
class Triage(Component):
    """Reads each message in parts, by the intent classifier before it, and adds `triage` to it.

    `triage` has `second_issue` ({name, confidence} or None), `candidates` (two or three issues to choose from where
    none is sure enough to be answered, or none), `sentiment` ({label, confidence}) and `signals` (names). The intent
    and its ranking change where two issues are named of which neither came out best. The classifier is asked once for
    all messages.
    """

    _classifier: LinearIntentClassifier
    """The classifier of the same pipeline."""

    SETTINGS: ClassVar = {
        # Logistic regression of a second issue (see PAIR_FEATURES), and from which confidence on it is named.
        "second_issue": Setting({"sides": 1.86, "crossed": -0.16, "whole": 0.32, "bias": -0.07}),
        "second_issue_confidence": Setting(0.62, "above 0 and at most 1"),
        # From which confidence on an issue is answered at once, and from which on it is offered beside others.
        "answer_from": Setting(0.7, "above 0 and at most 1"),
        "offer_from": Setting(0.2, "above 0 and at most 1"),
        # From which confidence on two issues are answered at once, even if neither of them would be alone.
        "answer_pair_from": Setting(0.9, "above 0 and at most 1"),
    }
    """config.yml has the numbers that belong to the shipped phrases."""

    @classmethod
    def validate_config(cls, config: Config) -> None:
        """Refuses settings that cannot work.

        Raises:
            InvalidConfigException: names the key and what it must be.
        """
        super().validate_config(config)
        expected = {*PAIR_FEATURES, "bias"}
        if set(config["second_issue"]) != expected:
            problem = f"{cls.__name__}: `second_issue` must have {', '.join(sorted(expected))}"
            raise InvalidConfigException(f"{problem}; `python -m benchmarks.triage thresholds` prints it.")

    @classmethod
    def create(
        cls, config: Config, model_storage: ModelStorage, resource: Resource, execution_context: ExecutionContext
    ) -> Self:
        """Creates the component with the classifier of the same pipeline.

        Raises:
            InvalidConfigException: a setting cannot work.
            NoClassifierError: there is no LinearIntentClassifier in the pipeline.
        """
        load_issues()  # a table that cannot be read is to stop the start, and not the first message
        component = super().create(config, model_storage, resource, execution_context)
        component._classifier = load_classifier(model_storage, execution_context)
        return component

    def process(self, messages: list[Message]) -> list[Message]:
        """Adds `triage` to each message with typed text that has an intent."""
        asked = [message for message in messages if message.get(RANKING)]
        folder, model = get_settings().data_dir, self._classifier.model
        parts = [triage_evidence.parts_of(each.get(TEXT), language_of(each) or "en", folder) for each in asked]
        keys = list(dict.fromkeys((one.language, text) for one in parts for text in one.texts))
        confidences = model.word_confidences([text for _, text in keys], [language for language, _ in keys])
        rows = (dict(zip(model.labels, row, strict=True)) for row in confidences.tolist())
        scores = dict(zip(keys, rows, strict=True))
        for message, one in zip(asked, parts, strict=True):
            self._annotate(message, one, triage_evidence.issue_pairs(one, scores, load_issues()))
        return messages

    def _annotate(self, message: Message, parts: Parts, pairs: Sequence[Pair]) -> None:
        before = {entry["name"]: float(entry["confidence"]) for entry in message.get(RANKING)}
        confidences, best, issues = before, next(iter(before)), load_issues()
        found = self._pair(pairs) if best in issues or best == OUT_OF_SCOPE else None
        second: dict[str, Any] | None = None
        candidates: list[str] = []
        if found:
            pair, confidence = found
            if best not in (pair.first, pair.second):
                confidences, best = triage_evidence.with_pair(before, pair, confidence), pair.first
            second = {"name": pair.second if best == pair.first else pair.first, "confidence": confidence}
        if not second or second["confidence"] < self._config["answer_pair_from"]:
            choice = self._config["answer_from"], self._config["offer_from"]
            candidates = triage_evidence.candidates_of(confidences, issues, *choice)
        mood, signals = read_mood("\n".join(parts.own_words), parts.language, get_settings().data_dir)
        if "harm" in signals:
            confidences, second, candidates = {CRISIS: 1.0, **confidences}, None, []
        if confidences is not before:
            ranking = [{"name": name, "confidence": share} for name, share in confidences.items()][: len(before)]
            message.set(INTENT, ranking[0], add_to_output=True)
            message.set(RANKING, ranking, add_to_output=True)
        sentiment = {"label": mood.label, "confidence": round(mood.confidence, 3)}
        triage = {"second_issue": second, "candidates": candidates, "sentiment": sentiment, "signals": signals}
        message.set("triage", triage, add_to_output=True)

    def _pair(self, pairs: Sequence[Pair]) -> tuple[Pair, float] | None:
        """Returns the most probable pair of issues with its confidence, if it is high enough."""
        settings = self._config["second_issue"]
        weights = [settings[name] for name in PAIR_FEATURES]
        rated = [(pair, pair.confidence(weights, settings["bias"])) for pair in pairs]
        best = max(rated, key=lambda one: one[1], default=None)
        return best if best and best[1] >= self._config["second_issue_confidence"] else None
