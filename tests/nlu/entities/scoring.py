"""Scores extracted entities against annotated phrases: `phrase with [value](entity) marks`, one a line."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from rasa.shared.nlu.constants import ENTITIES, TEXT
from rasa.shared.nlu.training_data.message import Message

from bot.nlu.entities import SpacyEntityRuler
from bot.regression.measure import Phrase, without_stop


@dataclass(frozen=True)
class Score:
    """How many marks were found, how many of the findings were marked, and what went wrong."""

    right: Counter[str]
    found: Counter[str]
    marked: Counter[str]
    misses: tuple[str, ...]

    def f1(self, entity: str | None = None) -> float:
        """Returns the F1 of one entity, or the micro-averaged one of all."""
        precision, recall = self.precision(entity), self.recall(entity)
        return 2 * precision * recall / (precision + recall) if precision + recall else 0.0

    def precision(self, entity: str | None = None) -> float:
        """Returns the share of findings that were marked; 1 where nothing was found."""
        return _share(_count(self.right, entity), _count(self.found, entity))

    def recall(self, entity: str | None = None) -> float:
        """Returns the share of marks that were found; 1 where nothing was marked."""
        return _share(_count(self.right, entity), _count(self.marked, entity))


def score(extractor: SpacyEntityRuler, phrases: Sequence[Phrase], language: str) -> Score:
    """Extracts the entities of phrases and compares them with the marks; a full stop at a mark's end is no matter."""
    messages = [Message({TEXT: phrase.text, "language": {"name": language}}) for phrase in phrases]
    right, found, marked, misses = Counter[str](), Counter[str](), Counter[str](), []
    for phrase, message in zip(phrases, extractor.process(messages), strict=True):
        expected = {without_stop(phrase.text, mark) for mark in phrase.marks}
        entities = message.get(ENTITIES)
        actual = {without_stop(phrase.text, (item["entity"], item["start"], item["end"])) for item in entities}
        right.update(entity for entity, _, _ in expected & actual)
        found.update(entity for entity, _, _ in actual)
        marked.update(entity for entity, _, _ in expected)
        for sign, wrong in (("missed", expected - actual), ("found", actual - expected)):
            misses += [f"{sign} {entity} {phrase.text[start:end]!r} in: {phrase.text}" for entity, start, end in wrong]
    return Score(right, found, marked, tuple(misses))


def _count(counter: Counter[str], entity: str | None) -> int:
    return counter[entity] if entity else sum(counter.values())


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 1.0
