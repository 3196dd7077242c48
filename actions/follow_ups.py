"""Answers follow-ups to an answer from the same article: a step that fails, how long it takes, links, a detail."""

from __future__ import annotations

from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import EventType, FollowupAction, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.conversation import (
    Button,
    articles,
    best_issue,
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
    recognised_intent,
    replies,
    shows_payloads,
    text_of,
)
from actions.passages import (
    TROUBLE_SLUGS,
    Passage,
    StepWords,
    durations,
    section_passage,
    section_passages,
    step_number,
    step_passages,
)
from actions.recommended_steps import answer_payload, ask_solved, link_lines, variants
from bot.articles import Article

# A follow-up whose ranking gives another issue so much is about that one; confidences of a ranking add up to 1.
NAMED_CLEARLY = 0.25
_MOST_BUTTONS = 9


class ActionFollowUp(Action):
    """Answers a follow-up from the article at hand; without one, finds out what it is about."""

    def name(self) -> str:
        """Returns the name under which rules call the action."""
        return "action_follow_up"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[EventType]:
        """Utters the passage that was asked for."""
        language = language_of(tracker)
        asked, issue = intent_of(tracker), _issue(tracker)
        if issue is None:
            dispatcher.utter_message(text=replies().dialogue("no_issue_yet", language))
            return [end_of_turn(tracker)]
        events: list[EventType] = []
        if issue != tracker.get_slot("issue") and not form_of(tracker):
            events.append(SlotSet("issue", issue))
            if asked != "ask_duration":  # there is nothing yet that could be followed up
                return [*events, FollowupAction("action_recommended_steps")]
        answers = {
            "step_failed": _step_failed,
            "ask_duration": _duration,
            "send_again": _links,
            "more_detail": _detail,
        }
        events += answers[asked](dispatcher, tracker, issue)
        return [*events, end_of_turn(tracker)]


def _issue(tracker: Tracker) -> str | None:
    """Returns the issue that a follow-up is about: one that it names clearly, else the one at hand."""
    named, at_hand = best_issue(tracker), tracker.get_slot("issue")
    meant_in_context = intent_of(tracker) != recognised_intent(tracker)
    if named is not None and named[1] >= NAMED_CLEARLY and not meant_in_context:
        return named[0]
    return at_hand if at_hand in issues() else None


def _step_failed(dispatcher: CollectingDispatcher, tracker: Tracker, issue: str) -> list[EventType]:
    """Repeats the step with what is behind most failures; asks which one it is where none is named."""
    language = language_of(tracker)
    article = articles().article(issue, language)
    number = _step(tracker, article)
    if number is None:
        most = min(_most_steps(tracker, article), _MOST_BUTTONS)
        buttons = [_step_button(each, language) for each in range(1, most + 1)]
        buttons += [button(replies().label("nothing_helped", language), "already_tried"), person_button(language)]
        dispatcher.utter_message(text=replies().dialogue("which_step", language), buttons=buttons)
        return []
    step = _step_text(tracker, article, number)
    parts = [replies().dialogue("step_again", language, number=number), step]
    trouble = next((found for slug in TROUBLE_SLUGS if (found := section_passage(article, slug))), None)
    if trouble is not None:
        parts.append(f"{trouble.heading}\n{trouble.text}")
    dispatcher.utter_message(text="\n\n".join(parts))
    if not form_of(tracker):
        ask_solved(dispatcher, language)
    failed = [*(tracker.get_slot("failed_steps") or []), f"{article.title} - {number}. {step.splitlines()[0]}"]
    return [SlotSet("failed_steps", list(dict.fromkeys(failed)))]


def _duration(dispatcher: CollectingDispatcher, tracker: Tracker, issue: str) -> list[EventType]:
    language = language_of(tracker)
    article = articles().article(issue, language)
    found = durations(article, known_product(tracker), replies().words("time_units", language))
    dispatcher.utter_message(text=found or replies().dialogue("no_duration", language))
    return []


def _links(dispatcher: CollectingDispatcher, tracker: Tracker, issue: str) -> list[EventType]:
    """Says the links once more; a page shows them as links, with the answer they belong to."""
    language = language_of(tracker)
    article = articles().article(issue, language)
    dispatcher.utter_message(
        text="\n".join([replies().dialogue("links_again", language), *link_lines(article)]),
        json_message=answer_payload(issue, article, known_product(tracker)) if shows_payloads(tracker) else None,
    )
    return []


def _detail(dispatcher: CollectingDispatcher, tracker: Tracker, issue: str) -> list[EventType]:
    """Says the section or step that was asked about; offers the sections where none is recognised."""
    language = language_of(tracker)
    article = articles().article(issue, language)
    sections = section_passages(article)
    slug, number = entity_of(tracker, "section"), _step(tracker, article)
    found = section_passage(article, slug) if slug else None
    if found is None and number is not None:
        text = _step_text(tracker, article, number)
        found = Passage(replies().dialogue("step_again", language, number=number), text)
    if found is None:
        steps = [
            step for product in variants(article, known_product(tracker)) for step in step_passages(article, product)
        ]
        found = find_passage(tracker, sections) or find_passage(tracker, steps)
    if found is not None:
        dispatcher.utter_message(text=f"{found.heading}\n\n{found.text}".strip())
        return []
    buttons = [_section_button(section) for section in sections][:_MOST_BUTTONS]
    dispatcher.utter_message(text=replies().dialogue("which_part", language), buttons=buttons)
    return []


def _step(tracker: Tracker, article: Article) -> int | None:
    """Returns the number of the step that a button or a sentence names, None if it names none that there is."""
    most = _most_steps(tracker, article)
    named = entity_of(tracker, "step") or text_of(tracker)
    keys = ("step", "cardinals", "ordinals", "times")
    return step_number(named, StepWords(*(replies().words(key, article.language) for key in keys)), most)


def _most_steps(tracker: Tracker, article: Article) -> int:
    return max(len(step_passages(article, product)) for product in variants(article, known_product(tracker)))


def _step_text(tracker: Tracker, article: Article, number: int) -> str:
    """Returns a step's text; of both products, where they differ and the customer's is not known."""
    shown = variants(article, known_product(tracker))
    texts = []
    for product in shown:
        steps = step_passages(article, product)
        if number <= len(steps):
            name = f"{replies().label(product, article.language)}: " if product and len(shown) > 1 else ""
            texts.append(name + steps[number - 1].text)
    return "\n\n".join(texts)


def _step_button(number: int, language: str) -> Button:
    return button(replies().label("step", language, number=number), "step_failed", step=str(number))


def _section_button(section: Passage) -> Button:
    return button(section.heading, "more_detail", section=section.slug)
