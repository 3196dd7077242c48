"""Rasa component: extracts amounts, dates, invoice and subscription numbers, error codes and products by rules."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, ClassVar

from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.shared.nlu.constants import ENTITIES, TEXT
from rasa.shared.nlu.training_data.message import Message

from bot.nlu.component import Component, Config, Setting
from bot.nlu.metadata import entity, language_of, typed
from bot.nlu.models.entity_patterns import EntityMatcher
from bot.nlu.models.entity_values import read_entities
from bot.nlu.models.entity_words import load_entity_words
from bot.settings import get_settings


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=False)
class SpacyEntityRuler(Component):
    """Adds the entities that follow from their form, each with a normalised value.

    amount `1234.50 NOK` · date `2024-03-12`, as typed where day, month or year is missing or their order unclear ·
    invoice_number in capitals · subscription_id in lower case · error_code · product `azure` or `microsoft365`.
    """

    SETTINGS: ClassVar = {
        # The word lists; None takes `entities.yml` in the data folder.
        "words": Setting(None),
        # Characters of a message that are read; what lies behind them is no customer's sentence.
        "longest_message": Setting(5000, "at least 1"),
        # spaCy remembers every distinct token; from this many on the matcher is built anew (0.2 s), to free the
        # memory: 0.26 MB with 1,000 messages.
        "vocabulary_limit": Setting(20_000, "at least 1"),
    }

    def __init__(self, config: Config, *_: Any) -> None:
        self._config = {**self.get_default_config(), **config}
        self._words = load_entity_words(_words_file(self._config))
        self._matcher = EntityMatcher(self._words)

    @classmethod
    def fingerprint_addon(cls, config: dict[str, Any]) -> str:
        """Makes Rasa's cache notice other word lists."""
        path = _words_file(config)
        load_entity_words(path)  # says what is wrong with the lists, where anything is
        return hashlib.sha256(path.read_bytes()).hexdigest()

    def process(self, messages: list[Message]) -> list[Message]:
        """Adds the entities of each message that has typed text to those that it has already."""
        if len(self._matcher.vocab) > self._config["vocabulary_limit"]:
            self._matcher = EntityMatcher(self._words)
        for message in typed(messages):
            spans = self._matcher(message.get(TEXT)[: self._config["longest_message"]])
            read = read_entities(spans, language_of(message), self._words)
            found = [entity(*each, 1.0, type(self).__name__) for each in read]
            message.set(ENTITIES, [*message.get(ENTITIES, []), *found], add_to_output=True)
        return messages


def _words_file(config: dict[str, Any]) -> Path:
    return Path(config.get("words") or get_settings().data_dir / "entities.yml")
