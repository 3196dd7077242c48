"""Rasa component: extracts amounts, dates, invoice and subscription numbers, error codes and products by rules."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.shared.nlu.constants import ENTITIES, TEXT
from rasa.shared.nlu.training_data.message import Message

from bot.nlu.component import Component
from bot.nlu.metadata import entity, language_of, typed
from bot.nlu.models.entity_patterns import EntityMatcher
from bot.nlu.models.entity_values import read_entities
from bot.nlu.models.entity_words import load_entity_words
from bot.settings import get_settings

_LONGEST_MESSAGE = 5000
"""Characters of a message that are read; what lies behind them is no customer's sentence."""
_VOCABULARY_LIMIT = 20_000
"""spaCy remembers every distinct token; from this many on the matcher is built anew (0.2 s), to free the memory:
0.26 MB with 1,000 messages."""


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.ENTITY_EXTRACTOR, is_trainable=False)
class SpacyEntityRuler(Component):
    """Adds the entities that follow from their form, each with a normalised value.

    amount `1234.50 NOK` · date `2024-03-12`, as typed where day, month or year is missing or their order unclear ·
    invoice_number in capitals · subscription_id in lower case · error_code · product `azure` or `microsoft365`.
    """

    def __init__(self, *_: Any) -> None:
        self._words = load_entity_words(_words_file())
        self._matcher = EntityMatcher(self._words)

    @classmethod
    def fingerprint_addon(cls, config: dict[str, Any]) -> str:
        """Makes Rasa's cache notice other word lists."""
        load_entity_words(_words_file())  # says what is wrong with the lists, where anything is
        return hashlib.sha256(_words_file().read_bytes()).hexdigest()

    def process(self, messages: list[Message]) -> list[Message]:
        """Adds the entities of each message that has typed text to those that it has already."""
        if len(self._matcher.vocab) > _VOCABULARY_LIMIT:
            self._matcher = EntityMatcher(self._words)
        for message in typed(messages):
            spans = self._matcher(message.get(TEXT)[:_LONGEST_MESSAGE])
            read = read_entities(spans, language_of(message), self._words)
            found = [entity(*each, 1.0, type(self).__name__) for each in read]
            message.set(ENTITIES, [*message.get(ENTITIES, []), *found], add_to_output=True)
        return messages


def _words_file() -> Path:
    return get_settings().data_dir / "entities.yml"
