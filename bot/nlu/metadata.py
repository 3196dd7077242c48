"""Reads metadata and results of Rasa's messages and training examples, and builds and sets a message's entities."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from rasa.shared.nlu.constants import ENTITIES, INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message

from bot.nlu.acts import FOLLOW_UPS


def intent_metadata(message: Message) -> dict[str, Any]:
    """Returns what a training example declares of itself."""
    declared = (message.get("metadata") or {}).get("intent")
    return declared if isinstance(declared, dict) else {}


def follows_an_answer(example: Message) -> bool:
    """Tells whether a training example is said only in a conversation, after something that the bot has said."""
    about = intent_metadata(example)
    return example.get(INTENT) in FOLLOW_UPS or "product" in about or "passage" in about


def language_of(message: Message) -> str | None:
    """Returns the language that was recognised in a message, ISO 639-1; None where none was."""
    return (message.get("language") or {}).get("name")


def intent_of(message: Message) -> str:
    """Returns what was recognised in a message, empty if nothing was."""
    return str((message.get(INTENT) or {}).get("name") or "")


def page_locales(message: Message) -> list[str]:
    """Returns what the page says of its visitor's languages, most wanted first: its locale and a second language."""
    metadata = message.get("metadata") or {}
    return [str(metadata[key]) for key in ("language", "fallback_language") if metadata.get(key)]


def is_command(message: Message) -> bool:
    """Tells whether the message is a button's payload (`/intent{...}`) and not typed text."""
    return str(message.get(TEXT) or "").startswith("/")


def typed(messages: Iterable[Message]) -> list[Message]:
    """Returns the messages that have typed text."""
    return [message for message in messages if message.get(TEXT) and not is_command(message)]


def entity(name: str, value: str, start: int, end: int, confidence: float, extractor: str) -> dict[str, Any]:
    """Returns an entity as Rasa keeps it: kind and value, place in the text, and the component that found it."""
    place = {"entity": name, "value": value, "start": start, "end": end}
    return {**place, "confidence": confidence, "extractor": extractor}


def set_entities(message: Message, values: Mapping[str, str], confidence: float, extractor: str) -> None:
    """Sets entities that the message as a whole has, in place of those of the same kinds.

    Args:
        message: the message; its other entities stay.
        values: kind of entity -> value.
        confidence: of all of them, 0-1.
        extractor: name of the component that has recognised them.
    """
    kept = [other for other in message.get(ENTITIES, []) if other["entity"] not in values]
    length = len(message.get(TEXT))
    found = [entity(name, value, 0, length, confidence, extractor) for name, value in values.items()]
    message.set(ENTITIES, [*kept, *found], add_to_output=True)
