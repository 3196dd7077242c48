"""Development messages with one issue and with two, joined from phrases that the model has not been trained on."""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from bot.articles.examples import Example, ExampleError
from bot.articles.issues import load_issues
from bot.regression.measure import Labelled
from bot.text.yaml_files import read_yaml

MATERIAL = Path(__file__).with_name("messages.yml")
FEWEST_WORDS = 3
"""Phrases with fewer words are no sentence that somebody would join with another."""


def development_messages(phrases: Sequence[Example], each: int = 150, seed: int = 5) -> list[Labelled]:
    """Joins phrases into messages.

    Args:
        phrases: phrases that the model has not been trained on.
        each: per language: so many messages with two issues, twice as many with one, so many long ones with one, and
            a third as many that are out of scope.
        seed: seed of the choice.
    """
    material: dict[str, dict[str, Any]] = read_yaml(MATERIAL, ExampleError)
    return [
        message
        for language, words in material.items()
        for message in _Writer(language, words, phrases, random.Random(f"{seed} {language}")).messages(each)
    ]


class _Writer:
    def __init__(self, language: str, words: dict[str, Any], phrases: Sequence[Example], dice: random.Random) -> None:
        self._language, self._words, self._dice = language, words, dice
        self._issues = load_issues()
        self._phrases: dict[str, list[str]] = defaultdict(list)
        for phrase in phrases:
            if phrase.language == language and len(phrase.text.split()) >= FEWEST_WORDS:
                self._phrases[phrase.intent].append(phrase.text)
        self._intents = [intent for intent in self._issues if self._phrases[intent]]

    def messages(self, each: int) -> Iterator[Labelled]:
        for _ in range(each):
            yield self._two()
        for _ in range(2 * each):
            yield self._one()
        for _ in range(each):
            yield self._long()
        for _ in range(each // 3):
            yield Labelled(self._remarked(self._phrase("out_of_scope")), (), self._language)

    def _two(self) -> Labelled:
        first = self._dice.choice(self._intents)
        row = self._issues[first]
        near = [intent for intent in (*row.related, *row.causes) if self._phrases[intent]]
        far = [intent for intent in self._intents if intent != first]
        second = self._dice.choice(near if near and self._dice.random() < 0.5 else far)
        joint = self._dice.choice(self._words["joints"])
        start, end = self._phrase(first), self._phrase(second)
        text = start.rstrip(".!?") + joint + (end if joint.strip() in {"", "."} else _lower(end))
        return Labelled(self._remarked(text, 0.35), (first, second), self._language)

    def _one(self) -> Labelled:
        issue = self._dice.choice(self._intents)
        text = self._phrase(issue)
        if self._dice.random() < 0.25:
            text = f"{_ended(text)} {self._phrase(issue)}"
        return Labelled(self._remarked(text, 0.35), (issue,), self._language)

    def _long(self) -> Labelled:
        issue = self._dice.choice(self._intents)
        body = self._dice.sample(self._words["remarks"], self._dice.randint(2, 6))
        for _ in range(1 + (self._dice.random() < 0.6)):
            body.insert(self._dice.randint(0, len(body)), _ended(self._phrase(issue)))
        text = f"{self._words['greeting']}\n{' '.join(body)}\n{self._words['closing']}"
        return Labelled(text, (issue,), self._language, long=True)

    def _remarked(self, text: str, share: float = 0.5) -> str:
        if self._dice.random() >= share:
            return text
        remark = _ended(self._dice.choice(self._words["remarks"]))
        return f"{remark} {text}" if self._dice.random() < 0.6 else f"{_ended(text)} {remark}"

    def _phrase(self, intent: str) -> str:
        return self._dice.choice(self._phrases[intent])


def _ended(text: str) -> str:
    return text if text[-1] in ".!?" else f"{text}."


def _lower(text: str) -> str:
    return text[0].lower() + text[1:] if text[1:2].islower() else text
