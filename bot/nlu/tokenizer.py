"""A tokenizer that takes spaCy's rules; no trained spaCy model is needed."""

from __future__ import annotations

import re
from typing import Any

import spacy
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.nlu.tokenizers.tokenizer import Token, Tokenizer
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData
from spacy.language import Language

from bot.nlu.metadata import intent_metadata, language_of

_WORD = re.compile(r"\S+")


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.MESSAGE_TOKENIZER, is_trainable=False)
class BlankSpacyTokenizer(Tokenizer):
    """Splits a message into tokens by a blank spaCy pipeline, its language's own if wanted."""

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        """Returns every setting with its default."""
        return {
            # Rasa's own settings of a tokenizer: whether intents are split (for multi-intents), and at what.
            "intent_tokenization_flag": False,
            "intent_split_symbol": "_",
            "token_pattern": None,
            "prefix_separator_symbol": None,
            # Whether the examples of the training data are tokenized, too: only for classifiers that read their tokens.
            "tokenize_training_data": False,
            # Whether each language has rules of its own, loaded with its first message (French: 3.8 s, 31 MiB).
            "rules_by_language": True,
            # The rules taken otherwise, and where the language is unknown or spaCy has none for it.
            "fallback_language": "xx",
            # Characters of the longest text, and of the longest word of one, that spaCy splits; others are split at
            # blanks alone. It takes marks off a word one by one, and reads the whole word again for each.
            "longest_text": 1000,
            "longest_word": 50,
            # spaCy remembers every distinct token; from this many on its rules are loaded anew, to free the memory.
            "vocabulary_limit": 200_000,
        }

    def __init__(self, config: dict[str, Any]) -> None:
        super().__init__(config)
        self._config = config
        self._too_long = re.compile(rf"(?s).{{{config['longest_text'] + 1}}}|\S{{{config['longest_word'] + 1}}}")
        self._pipelines: dict[str, Language] = {}

    def process_training_data(self, training_data: TrainingData) -> TrainingData:
        """Tokenizes the examples, if a component of the pipeline reads their tokens."""
        wanted = self._config["tokenize_training_data"]
        return super().process_training_data(training_data) if wanted else training_data

    def tokenize(self, message: Message, attribute: str) -> list[Token]:
        """Returns the tokens of a message's attribute."""
        text = message.get(attribute)
        if self._too_long.search(text):
            tokens = [Token(match.group(), match.start()) for match in _WORD.finditer(text)]
        else:
            document = self._pipeline(self._language(message)).make_doc(text)
            tokens = [Token(token.text, token.idx) for token in document if not token.is_space]
        return list(self._apply_token_pattern(tokens))

    def _language(self, message: Message) -> str:
        known = None
        if self._config["rules_by_language"]:
            known = language_of(message) or intent_metadata(message).get("language")
        return str(known or self._config["fallback_language"])

    def _pipeline(self, language: str) -> Language:
        known = self._pipelines.get(language)
        if known is not None and len(known.vocab) <= self._config["vocabulary_limit"]:
            return known
        try:
            self._pipelines[language] = spacy.blank(language)
        except ImportError:  # spaCy has no rules for this language
            self._pipelines[language] = spacy.blank(self._config["fallback_language"])
        return self._pipelines[language]
