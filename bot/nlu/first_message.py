"""Finds the passage that a conversation's first message asks for beside its issue, or that fits the case it describes.

Where the issue is clear, it is one of its article; where it is not, one of any article may answer.
"""

from __future__ import annotations

from collections.abc import Mapping

from bot.articles.issues import load_issues
from bot.articles.parts import section_product
from bot.nlu.acts import CASE_WORDS, SURE_CASE
from bot.nlu.models.found_passages import FoundPassage
from bot.nlu.models.intent_model import IntentModel
from bot.nlu.models.passage_finder import PassageFinder
from bot.nlu.models.passage_scores import Evidence

_FIRST_FROM = 0.7
"""Probability from which a passage answers a message on an issue, which mostly wants the steps."""
_SURE_ISSUE = 0.9
"""Probability below which a message's issue is not sure, and a passage of any article may answer it."""
_UNSURE_FROM = 0.35
"""Probability from which such a passage is said."""
_MOST_BESIDE, _BESIDE_FROM = 2, 0.1
"""Number of issues offered beside such a passage, and the probability that each has at least."""


def first_passage(
    text: str,
    issue: str,
    ranking: Mapping[str, float],
    candidates: bool,
    product: str | None,
    acts: IntentModel,
    finder: PassageFinder,
) -> tuple[dict[str, str], float]:
    """Returns the entities that name a first message's passage or those that may fit its case, and how likely they do.

    Args:
        text: the message.
        issue: the one that it is most likely about.
        ranking: probability of each intent.
        candidates: whether the customer is asked which of several issues is meant.
        product: the customer's, None where it is not known.
        acts: the model of the acts.
        finder: finds passages.
    """
    unsure = candidates or ranking[issue] < _SURE_ISSUE
    if unsure and (found := _asked_of_any(text, ranking, product, acts, finder)):
        return {**found.values, **_issues_beside(found.issue, ranking)}, found.confidence
    if not candidates and (found := asked_first(text, issue, product, finder)):
        return found.values, found.confidence
    if candidates or len(text.split()) <= CASE_WORDS:
        return {}, 0.0
    cases, confidence = finder.cases(text, issue, product)
    sure = len(cases) == 1 and confidence >= SURE_CASE
    return {"case" if sure else "passages": " ".join(cases)} if cases else {}, confidence


def asked_first(text: str, issue: str, product: str | None, finder: PassageFinder) -> FoundPassage | None:
    """Returns the passage of an issue's article that a message surely asks for, None if there is none."""
    found = finder.find_first(text, issue, product)
    return found if found.slug and found.confidence >= _FIRST_FROM else None


def _asked_of_any(
    text: str, ranking: Mapping[str, float], product: str | None, acts: IntentModel, finder: PassageFinder
) -> FoundPassage | None:
    """Returns the likeliest passage of all articles, None where none is likely enough.

    "Is there a subscription without Copilot, how do I get it?" may be about prices, a change of plan or a purchase: one
    passage answers it.
    """
    found = finder.find(text, Evidence(ranking, acts.predict([text])[0], (), product)).likeliest
    fits = found.slug and found.confidence >= _UNSURE_FROM and section_product(found.slug) in (product, None)
    return found if fits else None


def _issues_beside(issue: str, ranking: Mapping[str, float]) -> dict[str, str]:
    """Returns the entity that names the other likely issues, to choose from beside a passage of this one."""
    likely = sorted((name for name in load_issues() if name != issue), key=lambda name: -ranking.get(name, 0.0))
    beside = [f"{name}/" for name in likely[:_MOST_BESIDE] if ranking.get(name, 0.0) >= _BESIDE_FROM]
    return {"passages": " ".join(beside)} if beside else {}
