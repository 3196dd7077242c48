"""Answers an issue from its article: recommended steps, document links, and the question whether that helped."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any
from urllib.parse import urlsplit

from rasa_sdk import Action, Tracker
from rasa_sdk.events import EventType, FollowupAction, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.clarification import ask_which, offer_person_first, pending_choice, possible_issues, settle
from actions.conversation import (
    PERSONAL,
    UNKNOWN,
    articles,
    button,
    end_of_turn,
    entity_of,
    form_of,
    has_said,
    intent_of,
    issues,
    known_agreement,
    known_product,
    language_of,
    person_button,
    plain_values,
    replies,
    say_first,
    shows_payloads,
    signals_of,
    text_of,
    topic_buttons,
    triage_of,
    unsaid,
)
from actions.passages import note_text
from actions.records import record_outcome
from actions.topics import offer_topics
from bot.articles import Article, Step
from bot.articles.links import support_request_url
from bot.articles.parts import (
    AGREEMENTS,
    DOCUMENTS_SLUG,
    Variant,
    agreements,
    documents,
    lead,
    needs_product,
    passages,
    section_product,
    variant_for,
    variants,
)
from bot.articles.replies import language_name
from bot.text.limited_markdown import plain


class ActionRecommendedSteps(Action):
    """Answers the issue that the customer has named, or the one at hand once the product is known."""

    def name(self) -> str:
        """Returns the name under which rules call the action."""
        return "action_recommended_steps"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[EventType]:
        """Utters the answer; asks first which issue is meant, or which product, where that is open."""
        language = language_of(tracker)
        told = say_first(dispatcher, tracker)
        said = intent_of(tracker)
        issue = said if said in issues() else tracker.get_slot("issue")
        if issue not in issues():  # a product was named before any issue
            offer_topics(dispatcher, "utter_help", language)
            return [*told, end_of_turn(tracker)]
        if form_of(tracker):  # a question in the middle of a form; what the form is about stays
            dispatcher.utter_message(**answer_message(tracker, issue, known_product(tracker)))
            return [*told, end_of_turn(tracker)]
        possible = possible_issues(tracker) if said in issues() else []
        if said in issues() and offer_person_first(dispatcher, tracker, possible or [issue]):
            return [*told, SlotSet("issue", issue), FollowupAction("action_listen")]
        if possible and pending_choice(tracker) is None:
            return [*told, *ask_which(dispatcher, tracker, possible)]
        if said == "choose_product" and (open_product := _open_product(dispatcher, tracker, issue)) is not None:
            return [*told, *open_product, FollowupAction("action_listen")]
        return [*told, *_answer(dispatcher, tracker, said, issue)]


def _open_product(dispatcher: CollectingDispatcher, tracker: Tracker, issue: str) -> list[EventType] | None:
    """Answers who says both products, neither or that she does not know; None where one product is named."""
    language, named = language_of(tracker), entity_of(tracker, "product")
    if named == "neither":
        buttons = [*topic_buttons(issues()[issue].related, language), person_button(language)]
        dispatcher.utter_message(text=replies().dialogue("product_neither", language), buttons=buttons)
        return [SlotSet("product", None)]
    if named == "unknown":
        hint = replies().dialogue("product_hint", language)
        if not has_said(tracker, hint):
            ask_for_product(dispatcher, issue, language, hint)
            return [SlotSet("product", None)]
    if named in ("both", "unknown"):
        lead_in = "product_both" if named == "both" else "no_product_yet"
        dispatcher.utter_message(text=replies().dialogue(lead_in, language))
        for product in [name for name in ("azure", "microsoft365") if name in issues()[issue].products]:
            dispatcher.utter_message(**answer_message(tracker, issue, product))
        ask_solved(dispatcher, language)
        return [SlotSet("product", None), SlotSet("issue", issue)]
    return None


def _answer(dispatcher: CollectingDispatcher, tracker: Tracker, said: str, issue: str) -> list[EventType]:
    """Answers the root cause of what was named, and offers the rest; asks for the product once where steps differ."""
    language = language_of(tracker)
    events = settle(tracker, said) if said in issues() else []
    issue, second = root_cause_first(issue, _second_issue(tracker))
    product = known_product(tracker)
    if product == PERSONAL and PERSONAL not in issues()[issue].products:
        issue = issues()[issue].personal or issue
    other = second or tracker.get_slot("other_issue")
    other = other if other != issue else None
    events += [SlotSet("issue", issue), SlotSet("other_issue", other)]
    article = articles().article(issue, language)
    if needs_product(article) and product is None and not tracker.get_slot("product_asked"):
        if shows_payloads(tracker):  # a page shows the steps of all, to switch between, beside the question
            opens = _opens(tracker, language)
            dispatcher.utter_message(json_message=answer_payload(issue, article, None, opens=opens))
        ask_for_product(dispatcher, issue, language, replies().text("utter_ask_product", language))
        return [*events, SlotSet("product_asked", True), FollowupAction("action_listen")]
    message = answer_message(tracker, issue, product)
    if text_of(tracker) and _has_answered(tracker, article, product, message["text"]):
        if entity_of(tracker, "question"):
            return [*events, FollowupAction("action_follow_up")]
        _answer_again(dispatcher, tracker, issue)
        return [*events, FollowupAction("action_listen")]
    if article.language != language:
        name = language_name(article.language, language)
        dispatcher.utter_message(text=replies().text("utter_article_fallback", language, language_name=name))
    if said == "choose_product" and product is not None:
        _say_what_differs(dispatcher, issue, article, product, language)
    dispatcher.utter_message(**message)
    _offer_agreements(dispatcher, tracker, article, product)
    if known_agreement(tracker) == UNKNOWN:  # told where to look; the next answer begins with its steps again
        events.append(SlotSet("agreement", None))
    if second is not None:
        offer_other(dispatcher, "also_mentioned", second, language)
    # Whoever says nothing more has left; a verdict takes the place of this.
    record_outcome(tracker, "abandoned", issue)
    if entity_of(tracker, "question"):  # asked together with the product
        return [*events, FollowupAction("action_follow_up")]
    ask_solved(dispatcher, language)
    return [*events, FollowupAction("action_listen")]


def _answer_again(dispatcher: CollectingDispatcher, tracker: Tracker, issue: str) -> None:
    """Says that the steps were shown, and offers what may be meant instead of them."""
    language = language_of(tracker)
    known = replies().dialogue("answer_known", language, topic=replies().topic(issue, language))
    dispatcher.utter_message(
        text=unsaid(
            tracker, [known, *(replies().dialogue(key, language) for key in ("passage_known", "objection_again"))]
        ),
        buttons=[
            button(replies().label("show_again", language), "send_again"),
            *topic_buttons(issues()[issue].related, language, known_product(tracker)),
            person_button(language),
        ],
    )


def root_cause_first(issue: str, second: str | None) -> tuple[str, str | None]:
    """Returns the two issues of a message in the order in which they are answered: first what brings the other about.

    Args:
        issue: the issue that the message names most clearly.
        second: another one that it names, None if there is none.
    """
    if second is not None and issue in issues()[second].causes:
        return second, issue
    return issue, second


def ask_for_product(dispatcher: CollectingDispatcher, issue: str, language: str, text: str) -> None:
    """Asks, with a text, which of the issue's products it is about."""
    dispatcher.utter_message(
        text=text,
        buttons=[
            button(replies().label(product, language), "choose_product", product=product)
            for product in issues()[issue].products
        ],
    )


def ask_solved(dispatcher: CollectingDispatcher, language: str) -> None:
    """Asks whether the answer has helped."""
    dispatcher.utter_message(
        text=replies().text("utter_ask_solved", language),
        buttons=[
            button(replies().label("affirm", language), "solved"),
            button(replies().label("deny", language), "not_helped"),
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
    language = language_of(tracker)
    opens = _opens(tracker, language)
    if product == PERSONAL and product not in issues()[issue].products:
        # The steps are an administrator's; customers with a personal plan have their own page.
        return {"text": plain(replies().dialogue("personal_elsewhere", language))}
    article, agreement = articles().article(issue, language), known_agreement(tracker)
    payload = answer_payload(issue, article, product, agreement, opens) if shows_payloads(tracker) else None
    return {"text": answer_text(article, product, agreement, opens), "json_message": payload}


def _has_answered(tracker: Tracker, article: Article, product: str | None, text: str) -> bool:
    """Tells whether an answer was given before: with this text, or with the article's opening sentence."""
    return has_said(tracker, text) or has_said(tracker, answer_text(article, product, known_agreement(tracker)))


def _opens(tracker: Tracker, language: str) -> bool:
    """Tells whether an article's opening sentence fits: in the first answer, and not to somebody who mourns."""
    steps = replies().label("steps", language)
    answered = any(event["event"] == "bot" and steps in str(event.get("text") or "") for event in tracker.events)
    return not answered and "death" not in signals_of(tracker)


def _second_issue(tracker: Tracker) -> str | None:
    second = (triage_of(tracker).get("second_issue") or {}).get("name")
    return second if second in issues() and intent_of(tracker) in issues() else None


def _say_what_differs(
    dispatcher: CollectingDispatcher, issue: str, article: Article, product: str, language: str
) -> None:
    """Says so where the product that the customer has named makes no difference, or does not have the issue."""
    products = issues()[issue].products
    if product not in products and product != PERSONAL:
        name = replies().label(products[0], language)
        dispatcher.utter_message(text=replies().dialogue("only_product", language, product=name))
    elif product in products and not needs_product(article):
        dispatcher.utter_message(text=replies().dialogue("same_steps", language))


def _offer_agreements(
    dispatcher: CollectingDispatcher, tracker: Tracker, article: Article, product: str | None
) -> None:
    """Offers the steps for other billing agreements, where there are any; a page has a switch for it."""
    product = product or shown_variant(article, None).product
    if shows_payloads(tracker) or known_agreement(tracker) or product is None or not agreements(article, product):
        return
    language = article.language
    dispatcher.utter_message(
        text=replies().dialogue("other_agreement", language),
        buttons=[
            button(replies().label(name, language), "choose_product", product=product, agreement=name)
            for name in (*AGREEMENTS, UNKNOWN)
        ],
    )


def agreement_text(article: Article, product: str | None, agreement: str | None) -> str:
    """Returns what customers of an agreement are told in place of steps; empty where the steps hold for them.

    Who has an enterprise agreement or buys from a partner often cannot act at all; who does not know which agreement
    she has is told where to look.
    """
    if product != "azure" or agreement in (None, "customer_agreement", *agreements(article, product)):
        return ""
    return replies().dialogue(f"agreement_{agreement}", article.language)


def answer_text(article: Article, product: str | None, agreement: str | None = None, opens: bool = True) -> str:
    """Returns the answer for a channel without markup: what to do now, what to beware of, the steps, the documents.

    Args:
        article: the article that answers.
        product: the customer's product; None shows the issue's first.
        agreement: the customer's billing agreement, None where it is not known.
        opens: whether the article's opening sentence is said.
    """
    language = article.language
    shown = shown_variant(article, product, agreement)
    if elsewhere := agreement_text(article, shown.product, agreement):
        return f"{article.title}\n\n{plain(elsewhere)}"
    name = f" ({replies().label(shown.product, language)})" if shown.product and needs_product(article) else ""
    return "\n\n".join(
        part
        for part in (
            article.title,
            plain(lead(article)) if opens else "",
            *(plain(paragraph) for paragraph in shown.section.paragraphs),
            *(note_text(note) for note in shown.warnings),
            "\n".join([f"{replies().label('steps', language)}{name}:", *_numbered(shown.steps)]),
            "\n".join([f"{replies().label('documents', language)}:", *link_lines(article, shown.product)]),
        )
        if part
    )


def shown_variant(article: Article, product: str | None, agreement: str | None = None) -> Variant:
    """Returns the first answer that a customer gets: that of the product, else the article's first one."""
    return variant_for(article, product, agreement) or variants(article)[0]


def link_lines(article: Article, product: str | None) -> list[str]:
    """Returns the documents for a product, a line each; all of them where it is not known."""
    return [f"- {link.label}: {link.url}" for link in documents(article, product)]


def answer_payload(
    issue: str, article: Article, product: str | None, agreement: str | None = None, opens: bool = True
) -> dict[str, Any]:
    """Returns the answer as structure, for a page that renders it.

    Args:
        issue: the issue intent that is answered.
        article: the article that answers.
        product: the customer's product, None where it is not known.
        agreement: the customer's billing agreement, None where it is not known.
        opens: whether the article's opening sentence is said.
    """
    language = article.language
    return {
        "type": "answer",
        "intent": issue,
        "article_id": f"{issue}/{language}",
        "language": language,
        "product": product,
        "agreement": agreement,
        "title": article.title,
        "lead": lead(article) if opens else "",
        # Every variant travels along, so that the page can switch between them without asking again.
        "variants": [_payload_variant(variant) for variant in variants(article)],
        # What customers of each agreement are told in place of Azure's steps; empty where there are steps for them.
        "agreements": {
            name: agreement_text(article, "azure", name)
            for name in (*AGREEMENTS, UNKNOWN)
            if agreements(article, "azure")
        },
        "contact": {
            product or "": replies().dialogue(f"contact_{product}", language, url=support_request_url(product))
            for product in dict.fromkeys(variant.product for variant in variants(article))
            if product is not None
        },
        "sections": [
            {**plain_values(asdict(section)), "product": section_product(section.slug)} for section in passages(article)
        ],
        "links": [
            {
                "label": link.label,
                "url": link.url,
                "host": urlsplit(link.url).hostname,
                "product": section_product(section.slug),
            }
            for section in article.sections
            if section.slug.startswith(DOCUMENTS_SLUG)
            for link in section.links
        ],
    }


def _payload_variant(variant: Variant) -> dict[str, Any]:
    return {
        "product": variant.product,
        "agreement": variant.agreement,
        "now": variant.now,
        "more": list(variant.section.paragraphs[1:]),
        "warnings": plain_values([asdict(note) for note in variant.warnings]),
        "steps": plain_values([asdict(step) for step in variant.steps]),
    }


def _numbered(steps: tuple[Step, ...], indent: str = "") -> list[str]:
    lines = []
    for number, step in enumerate(steps, start=1):
        lines.append(f"{indent}{number}. {plain(step.markdown)}")
        lines.extend(f"{indent}   {note_text(note)}" for note in step.notes)
        lines.extend(_numbered(step.steps, indent + "   "))
    return lines
