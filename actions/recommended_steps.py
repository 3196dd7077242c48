"""Answers an issue from its article: recommended steps, document links, and the question whether that helped."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

from rasa_sdk import Action, Tracker
from rasa_sdk.events import EventType, FollowupAction, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.clarification import ask_which, close_issues, pending_choice, settle
from actions.conversation import (
    PRODUCTS,
    articles,
    button,
    end_of_turn,
    entity_of,
    find_passage,
    form_of,
    intent_of,
    issues,
    known_product,
    language_of,
    person_button,
    plain_values,
    redirected,
    replies,
    shows_payloads,
    tell_language,
    text_of,
    topic_buttons,
    triage_of,
)
from actions.passages import Passage, section_passages
from actions.records import record_outcome
from actions.text import plain
from actions.topics import offer_topics
from bot.articles import Article, Note, Section, Step, contact, documents, lead, needs_product, recommended_steps
from bot.articles.parts import STEPS_SLUG, VARIANT_SLUGS
from bot.articles.replies import language_name


class ActionRecommendedSteps(Action):
    """Answers the issue that the customer has named, or the one at hand once the product is known."""

    def name(self) -> str:
        """Returns the name under which rules call the action."""
        return "action_recommended_steps"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[EventType]:
        """Utters the answer; asks first which issue is meant, or which product, where that is open."""
        if elsewhere := redirected(tracker, self.name()):
            return elsewhere
        language = language_of(tracker)
        told = tell_language(dispatcher, tracker)
        said = intent_of(tracker)
        issue = said if said in issues() else tracker.get_slot("issue")
        if issue is None:  # a product was named before any issue
            offer_topics(dispatcher, "utter_help", language)
            return [*told, end_of_turn(tracker)]
        if form_of(tracker):  # a question in the middle of a form; what the form is about stays
            dispatcher.utter_message(**answer_message(tracker, issue, known_product(tracker)))
            return [*told, end_of_turn(tracker)]
        if passage := _passage_asked_for(tracker, said):
            dispatcher.utter_message(text=f"{passage.heading}\n\n{passage.text}")
            return [*told, FollowupAction("action_listen")]
        pair = close_issues(tracker) if said in issues() else []
        if pair and pending_choice(tracker) is None:
            return [*told, *ask_which(dispatcher, tracker, pair)]
        return [*told, *_answer(dispatcher, tracker, said, issue)]


def _answer(dispatcher: CollectingDispatcher, tracker: Tracker, said: str, issue: str) -> list[EventType]:
    """Answers the root cause of what was named, and offers the rest; asks for the product once where steps differ."""
    language = language_of(tracker)
    events = settle(tracker, said) if said in issues() else []
    issue, second = root_cause_first(issue, _second_issue(tracker))
    other = second or tracker.get_slot("other_issue")
    other = other if other != issue else None
    events += [SlotSet("issue", issue), SlotSet("other_issue", other), SlotSet("rephrase_asked", False)]
    product = known_product(tracker)
    article = articles().article(issue, language)
    if needs_product(article) and product is None and not tracker.get_slot("product_asked"):
        if shows_payloads(tracker):  # a page shows the steps of both, to switch between, beside the question
            dispatcher.utter_message(json_message=answer_payload(issue, article, None))
        ask_for_product(dispatcher, language)
        return [*events, SlotSet("product_asked", True), FollowupAction("action_listen")]
    if said == "choose_product" and product is not None:
        _say_what_differs(dispatcher, issue, article, product, language)
    if article.language != language:
        name = language_name(article.language, language)
        dispatcher.utter_message(text=replies().text("utter_article_fallback", language, language_name=name))
    dispatcher.utter_message(**answer_message(tracker, issue, product))
    if other is not None:
        offer_other(dispatcher, "also_mentioned", other, language)
    ask_solved(dispatcher, language)
    # Whoever says nothing more has left; a verdict takes the place of this.
    record_outcome(tracker, "abandoned", issue)
    return [*events, FollowupAction("action_listen")]


def root_cause_first(issue: str, second: str | None) -> tuple[str, str | None]:
    """Returns the two issues of a message in the order in which they are answered: first what brings the other about.

    Args:
        issue: the issue that the message names most clearly.
        second: another one that it names, None if there is none.
    """
    if second is not None and issue in issues()[second].causes:
        return second, issue
    return issue, second


def ask_for_product(dispatcher: CollectingDispatcher, language: str) -> None:
    """Asks whether it is about Azure or Microsoft 365."""
    dispatcher.utter_message(
        text=replies().text("utter_ask_product", language),
        buttons=[button(replies().label(product, language), "choose_product", product=product) for product in PRODUCTS],
    )


def ask_solved(dispatcher: CollectingDispatcher, language: str) -> None:
    """Asks whether the answer has helped."""
    dispatcher.utter_message(
        text=replies().text("utter_ask_solved", language),
        buttons=[
            button(replies().label("affirm", language), "affirm"),
            button(replies().label("deny", language), "deny"),
            person_button(language),
        ],
    )


def offer_other(dispatcher: CollectingDispatcher, key: str, issue: str, language: str) -> None:
    """Offers the other issue that the customer has mentioned."""
    dispatcher.utter_message(
        text=replies().dialogue(key, language, topic=replies().topic(issue, language)),
        buttons=topic_buttons([issue], language),
    )


def answer_message(tracker: Tracker, issue: str, product: str | None) -> dict[str, Any]:
    """Returns an issue's answer as the customer's channel can show it."""
    article = articles().article(issue, language_of(tracker))
    payload = answer_payload(issue, article, product) if shows_payloads(tracker) else None
    return {"text": answer_text(article, product), "json_message": payload}


def _second_issue(tracker: Tracker) -> str | None:
    second = (triage_of(tracker).get("second_issue") or {}).get("name")
    return second if second in issues() and intent_of(tracker) in issues() else None


def _passage_asked_for(tracker: Tracker, said: str) -> Passage | None:
    """Returns the section that a question about the issue at hand asks for, None if it asks for none or is new."""
    if (
        said != tracker.get_slot("issue")
        or not text_of(tracker).rstrip().endswith("?")
        or entity_of(tracker, "product")
    ):
        return None
    article = articles().article(said, language_of(tracker))
    # The words of the issue itself tell nothing: "how do I pay an invoice?" asks for the whole answer.
    known = f"{article.title} {replies().topic(said, article.language)}"
    return find_passage(tracker, section_passages(article), known)


def _say_what_differs(
    dispatcher: CollectingDispatcher, issue: str, article: Article, product: str, language: str
) -> None:
    """Says so where the product that the customer has named makes no difference, or does not have the issue."""
    products = issues()[issue].products
    if product not in products:
        name = replies().label(products[0], language)
        dispatcher.utter_message(text=replies().dialogue("only_product", language, product=name))
    elif not needs_product(article):
        dispatcher.utter_message(text=replies().dialogue("same_steps", language))


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
    parts.append("\n".join([f"{replies().label('documents', language)}:", *link_lines(article)]))
    return "\n\n".join(part for part in parts if part)


def link_lines(article: Article) -> list[str]:
    """Returns the article's documents, a line each."""
    return [f"- {link.label}: {link.url}" for link in documents(article)]


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
