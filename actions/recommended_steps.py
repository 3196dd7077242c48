"""Answers an issue from its article: recommended steps, document links, and the question whether that helped."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

from rasa_sdk import Action, Tracker
from rasa_sdk.events import EventType, FollowupAction, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.conversation import (
    articles,
    button,
    intent_of,
    issues,
    language_of,
    person_button,
    plain_values,
    replies,
    shows_payloads,
    tell_language,
)
from actions.text import plain
from actions.topics import offer_topics
from bot.articles import Article, Note, Section, Step, contact, documents, lead, needs_product, recommended_steps
from bot.articles.parts import STEPS_SLUG, VARIANT_SLUGS
from bot.articles.replies import language_name

PRODUCTS = ("azure", "microsoft365")


class ActionRecommendedSteps(Action):
    """Answers the issue that the customer has named, or the one at hand once the product is known."""

    def name(self) -> str:
        """Returns the name under which rules call the action."""
        return "action_recommended_steps"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[EventType]:
        """Utters the answer, or asks for the product once where the steps differ."""
        language = language_of(tracker)
        told = tell_language(dispatcher, tracker)
        said = intent_of(tracker)
        issue = said if said in issues() else tracker.get_slot("issue")
        product = tracker.get_slot("product")
        if issue is None:  # a product was named before any issue
            offer_topics(dispatcher, "utter_help", language)
            return [*told, FollowupAction("action_listen")]
        article = articles().article(issue, language)
        events: list[EventType] = [*told, SlotSet("issue", issue), SlotSet("rephrase_asked", False)]
        if needs_product(article) and product not in PRODUCTS and not tracker.get_slot("product_asked"):
            if shows_payloads(tracker):  # a page shows the steps of both, to switch between, beside the question
                dispatcher.utter_message(json_message=answer_payload(issue, article, None))
            ask_for_product(dispatcher, language)
            return [*events, SlotSet("product_asked", True), FollowupAction("action_listen")]
        answer(dispatcher, tracker, issue, article, product if product in PRODUCTS else None)
        return [*events, FollowupAction("action_listen")]


def ask_for_product(dispatcher: CollectingDispatcher, language: str) -> None:
    """Asks whether it is about Azure or Microsoft 365."""
    dispatcher.utter_message(
        text=replies().text("utter_ask_product", language),
        buttons=[button(replies().label(product, language), "choose_product", product=product) for product in PRODUCTS],
    )


def answer(
    dispatcher: CollectingDispatcher, tracker: Tracker, issue: str, article: Article, product: str | None
) -> None:
    """Utters the article's answer and asks whether it helped."""
    language = language_of(tracker)
    if article.language != language:
        name = language_name(article.language, language)
        dispatcher.utter_message(text=replies().text("utter_article_fallback", language, language_name=name))
    dispatcher.utter_message(
        text=answer_text(article, product),
        json_message=answer_payload(issue, article, product) if shows_payloads(tracker) else None,
    )
    dispatcher.utter_message(
        text=replies().text("utter_ask_solved", language),
        buttons=[
            button(replies().label("affirm", language), "affirm"),
            button(replies().label("deny", language), "deny"),
            person_button(language),
        ],
    )


def answer_text(article: Article, product: str | None) -> str:
    """Returns the answer for a channel without markup.

    Args:
        article: the article that answers.
        product: `azure` or `microsoft365`; None gives the steps of both, where they differ.
    """
    language = article.language
    parts = [article.title, plain(lead(article))]
    for variant in variants(article, product):
        heading = replies().label("steps", language)
        if variant and len(variants(article, product)) > 1:
            heading = f"{heading} ({replies().label(variant, language)})"
        lines = _numbered(recommended_steps(article, variant), "")
        parts.append("\n".join([f"{heading}:", *lines]))
        parts.extend(_remarks(article, variant))
    closing = contact(article)
    if closing is not None:
        parts.append("\n".join(plain(paragraph) for paragraph in closing.paragraphs))
    links = [f"- {link.label}: {link.url}" for link in documents(article)]
    parts.append("\n".join([f"{replies().label('documents', language)}:", *links]))
    return "\n\n".join(part for part in parts if part)


def answer_payload(issue: str, article: Article, product: str | None) -> dict[str, Any]:
    """Returns the answer as structure, for a page that renders it.

    Args:
        issue: the issue intent that is answered.
        article: the article that answers.
        product: the customer's product, None where it is not known.
    """
    shown = variants(article, product)
    return {
        "type": "answer",
        "intent": issue,
        "article_id": f"{issue}/{article.language}",
        "language": article.language,
        "product": product,
        "title": article.title,
        "lead": lead(article),
        "steps": plain_values([asdict(step) for step in recommended_steps(article, shown[0])]),
        # Every variant travels along, so that the page can switch products without asking again.
        "variants": {
            variant or "all": plain_values([asdict(step) for step in recommended_steps(article, variant)])
            for variant in variants(article, None)
        },
        "sections": [
            plain_values(asdict(section))
            for section in article.sections[1:]
            if not section.slug.startswith("recommended-")
        ],
        # Boxes and paragraphs beside the steps, each with the product whose steps they stand beside (null: of all).
        "notes": _payload_notes(article),
        "links": [
            {"label": link.label, "url": link.url, "host": urlsplit(link.url).hostname} for link in documents(article)
        ],
    }


def variants(article: Article, product: str | None) -> list[str | None]:
    """Returns the products whose steps are to be shown; [None] where the steps are the same for all."""
    if not needs_product(article):
        return [None]
    return [product] if product else list(PRODUCTS)


def _payload_notes(article: Article) -> list[dict[str, Any]]:
    notes = []
    for section in article.sections:
        if section.slug.startswith(STEPS_SLUG):
            paragraphs = (Note("paragraph", plain(text), markdown=text) for text in section.paragraphs)
            notes += [{**asdict(note), "product": product_of(section)} for note in (*paragraphs, *section.notes)]
    return [dict(plain_values(note)) for note in notes]


def product_of(section: Section) -> str | None:
    """Returns the product whose steps a section holds; None for a section that holds for all."""
    return next((product for product, slug in VARIANT_SLUGS.items() if slug == section.slug), None)


def _remarks(article: Article, product: str | None) -> list[str]:
    """Returns what stands beside the steps of a product: paragraphs and boxes, as plain text."""
    section = article.section(VARIANT_SLUGS[product] if product else STEPS_SLUG)
    if section is None:
        return []
    boxes = ["\n".join([note.text, *(f"- {item}" for item in note.items)]).strip() for note in section.notes]
    return [*(plain(paragraph) for paragraph in section.paragraphs), *boxes]


def _numbered(steps: tuple[Step, ...], indent: str) -> list[str]:
    lines = []
    for number, step in enumerate(steps, start=1):
        lines.append(f"{indent}{number}. {step.text}")
        lines.extend(f"{indent}   {note.text}" for note in step.notes)
        lines.extend(_numbered(step.steps, indent + "   "))
    return lines
