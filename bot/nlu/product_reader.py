"""Reads which product a message is about, both, neither or unknown: by how it is said (a model), and by words."""

from __future__ import annotations

import re
from dataclasses import dataclass

from bot.articles.issues import load_issues
from bot.articles.parts import PERSONAL, PRODUCTS
from bot.nlu.acts import CASE_WORDS, LIKELY
from bot.nlu.answers import BOTH, NEITHER, UNKNOWN, Answer, read_answer
from bot.nlu.models.intent_model import IntentModel

NO_PRODUCT = "none"
"""The model's label for messages that are about no product, or say nothing of it."""

_SURELY_OUTSIDE = 0.9
"""Confidence of what no issue covers from which an answer that names no product is about something else."""
_CLAUSE_END = re.compile(r"[.!?,;\n]+")


@dataclass(frozen=True)
class ProductReader:
    """Reads products, and whether an answer names both, neither, or says that it is not known.

    Args:
        model: learned from answers to the question for the product; None where there are none to learn from.
        implied: learned from first messages whose situation says which product it is: "one of my six cashiers has
            left"; None where there are none.
        surely: confidence from which a message is about a product by how it is said, whatever words it has.
    """

    model: IntentModel | None
    implied: IntentModel | None
    surely: float

    def answered(self, text: str, language: str, answer: Answer, outside: float) -> str | None:
        """Returns the product that an answer names, both, neither or unknown: as it is said, else by its words.

        Args:
            text: the answer.
            language: its language.
            answer: its reading by its words.
            outside: confidence that it is about what no issue covers: "my mouse is broken".
        """
        likely, confidence = _likely(self.model, text, language)
        # "what's azure? I just have a laptop"
        does_not_know = answer.product == UNKNOWN and likely in (NEITHER, *answer.denied)
        all_but_one = answer.product == BOTH and bool(answer.denied)
        if likely is not None and confidence >= self.surely and not does_not_know and not all_but_one:
            return likely
        if answer.product is None and outside >= _SURELY_OUTSIDE:
            return NEITHER
        return answer.product or (likely if confidence >= LIKELY else None)

    def meant(self, text: str, language: str, answer: Answer, first: bool) -> str:
        """Returns the product that a message is about; empty if it does not say so.

        That is the one on which words and model agree, of the message or of its clauses. Of a longer first message it
        is the one that its situation implies, whatever words it has: people have apps at work and at home.
        """
        if first and len(text.split()) > CASE_WORDS:
            implied, confidence = _likely(self.implied, text, language)
            if implied and confidence >= self.surely and implied not in answer.denied:
                return implied
        if likely := self.as_a_whole(text, language, answer):
            return likely
        named = {*self.in_clauses(text, language)}
        return named.pop() if len(named) == 1 else ""

    def as_a_whole(self, text: str, language: str, answer: Answer) -> str:
        """Returns the product on which words and model agree, of the whole message; empty if none."""
        if answer.product not in PRODUCTS:
            return ""
        likely, _ = _likely(self.model, text, language)
        return str(likely) if likely == answer.product else ""

    def in_clauses(self, text: str, language: str) -> dict[str, float]:
        """Returns the products that single clauses of a text name, by their words and surely by how they are said.

        In the order of their last mention, each with the confidence of that.
        """
        found: dict[str, float] = {}
        for clause in filter(str.strip, _CLAUSE_END.split(text)):
            named = read_answer(clause, language).named
            likely, confidence = _likely(self.model, clause, language) if len(named) == 1 else (None, 0.0)
            if likely in named and confidence >= self.surely:
                found.pop(str(likely), None)
                found[str(likely)] = confidence
        return found


def only_for_companies(intent: str) -> bool:
    """Tells whether an intent is an issue that no customer with a personal plan has, such as reservations."""
    issue = load_issues().get(intent)
    return issue is not None and PERSONAL not in issue.products and issue.personal is None


def _likely(model: IntentModel | None, text: str, language: str) -> tuple[str | None, float]:
    """Returns the product that a text is about by how it is said, None for none, and how likely that is."""
    if model is None:
        return None, 0.0
    likely, confidence = next(iter(model.predict([text], [language])[0].items()))
    return likely if likely != NO_PRODUCT else None, confidence
