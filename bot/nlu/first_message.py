"""Finds what answers a first message: a passage, or likely ones to choose from beside its issue's steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import chain

from bot.articles.issues import load_issues
from bot.articles.parts import section_product
from bot.nlu.acts import CASE_WORDS
from bot.nlu.models.found_passages import NOTHING, Found
from bot.nlu.models.intent_model import IntentModel
from bot.nlu.models.passage_finder import IN_ARTICLE_FROM, PassageFinder
from bot.nlu.models.passage_scores import Evidence

_SAID_FROM = 0.2
"""Probability from which a passage is said in place of the steps: of 100 in players' first messages, 75 were right
(2026-11-29). A short message mostly wants the steps: it gets a passage of its issue from `IN_ARTICLE_FROM` on."""
_ALONE_FROM = 0.6
"""Probability from which nothing else is offered beside it."""
_OFFERED_FROM, _MOST_OFFERED = 0.05, 2
"""Probability from which an answer is offered beside another one, and the number of these."""
_LIKELY_FROM = 0.1
"""The same for a message that is not understood: of 24 that had been refused or not understood, 21 had a right answer
among three (2026-11-30)."""


def first_answers(
    text: str,
    issue: str,
    ranking: Mapping[str, float],
    open_issue: bool,
    product: str | None,
    acts: IntentModel,
    finder: PassageFinder,
) -> tuple[dict[str, str], float]:
    """Returns the entities that name the answers which a first message may want, and how likely the likeliest is.

    `about` and `section` name a passage that is to be said; `waiting_passage` its variants, where the product decides
    which one and is not known yet; `passages` what may be offered beside it, or beside the steps.

    Args:
        text: the message.
        issue: the one that it is most likely about.
        ranking: probability of each intent.
        open_issue: whether the customer is asked which of several issues is meant.
        product: the customer's, None where it is not known.
        acts: the model of the acts.
        finder: finds passages.
    """
    if len(text.split()) <= CASE_WORDS:
        passage = finder.find_in_article(text, issue, product)
        sure = not open_issue and passage.slug and passage.confidence >= IN_ARTICLE_FROM
        return (passage.values if sure else {}), passage.confidence
    found = _found(text, ranking, product, acts, finder).by_variant()
    (names, share), *others = found
    values = _said(names, product) if not names[0].endswith("/") and share >= _SAID_FROM else {}
    if values and share >= _ALONE_FROM:
        return values, share
    steps = f"{values.get('about', issue)}/"  # always stand beside
    likely = [each for each, also in (others if values else found) if also >= _OFFERED_FROM]
    offered = [each for each in likely if each not in ((steps,), (NOTHING,))][:_MOST_OFFERED]
    return {**({"passages": " ".join(chain(*offered))} if offered else {}), **values}, share


def likely_answers(
    text: str, ranking: Mapping[str, float], product: str | None, acts: IntentModel, finder: PassageFinder
) -> tuple[dict[str, str], float]:
    """Returns the entity that names what a long message may ask for in which no issue is likely, and how likely it is.

    Args:
        text: the message.
        ranking: probability of each intent.
        product: the customer's, None where it is not known.
        acts: the model of the acts.
        finder: finds passages.
    """
    if len(text.split()) <= CASE_WORDS:
        return {}, 0.0
    found = _found(text, ranking, product, acts, finder)
    likeliest = found.likeliest
    return (found.choice if likeliest.issue and likeliest.confidence >= _LIKELY_FROM else {}), likeliest.confidence


def _found(
    text: str, ranking: Mapping[str, float], product: str | None, acts: IntentModel, finder: PassageFinder
) -> Found:
    """Returns what a message may ask for before anything was answered."""
    return finder.find(text, Evidence(ranking, acts.predict([text])[0], (), product))


def _said(names: Sequence[str], product: str | None) -> dict[str, str]:
    """Returns the entities that name a passage to be said, by its variants: one, or all where the product decides."""
    about, _, slug = names[0].partition("/")
    open_product = product is None and section_product(slug) and len(load_issues()[about].products) > 1
    return {"waiting_passage": " ".join(names)} if open_product else {"about": about, "section": slug}
