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
    known_agreement,
    known_product,
    language_of,
    person_button,
    recognised_intent,
    replies,
    shows_payloads,
    text_of,
)
from actions.passages import (
    TROUBLE_KINDS,
    Passage,
    StepWords,
    passage_of_kind,
    section_passages,
    step_number,
    step_passages,
)
from actions.recommended_steps import answer_payload, ask_solved, link_lines, shown_variant
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
        most = min(len(_steps(tracker, article)), _MOST_BUTTONS)
        buttons = [_step_button(each, language) for each in range(1, most + 1)]
        buttons += [button(replies().label("nothing_helped", language), "already_tried"), person_button(language)]
        dispatcher.utter_message(text=replies().dialogue("which_step", language), buttons=buttons)
        return []
    step = _steps(tracker, article)[number - 1].text
    parts = [replies().dialogue("step_again", language, number=number), step]
    product = shown_variant(article, known_product(tracker)).product
    trouble = next((found for kind in TROUBLE_KINDS if (found := passage_of_kind(article, kind, product))), None)
    if trouble is not None:
        parts.append(f"{trouble.heading}\n{trouble.text}")
    dispatcher.utter_message(text="\n\n".join(parts))
    if not form_of(tracker):
        ask_solved(dispatcher, language)
    failed = [*(tracker.get_slot("failed_steps") or []), f"{article.title} - {number}. {step.splitlines()[0]}"]
    return [SlotSet("failed_steps", list(dict.fromkeys(failed)))]


def _duration(dispatcher: CollectingDispatcher, tracker: Tracker, issue: str) -> list[EventType]:
    language = language_of(tracker)
    found = passage_of_kind(articles().article(issue, language), "how_long", known_product(tracker))
    text = f"{found.heading}\n\n{found.text}" if found is not None else replies().dialogue("no_duration", language)
    dispatcher.utter_message(text=text)
    return []


def _links(dispatcher: CollectingDispatcher, tracker: Tracker, issue: str) -> list[EventType]:
    """Says the links once more; a page shows them as links, with the answer they belong to."""
    language, product = language_of(tracker), known_product(tracker)
    article = articles().article(issue, language)
    payload = answer_payload(issue, article, product, known_agreement(tracker)) if shows_payloads(tracker) else None
    dispatcher.utter_message(
        text="\n".join([replies().dialogue("links_again", language), *link_lines(article, product)]),
        json_message=payload,
    )
    return []


def _detail(dispatcher: CollectingDispatcher, tracker: Tracker, issue: str) -> list[EventType]:
    """Says the section or step that was asked about; offers the sections where none is recognised."""
    language = language_of(tracker)
    article = articles().article(issue, language)
    sections, steps = section_passages(article, known_product(tracker)), _steps(tracker, article)
    slug, number = entity_of(tracker, "section"), _step(tracker, article)
    found = next((section for section in sections if section.slug == slug), None)
    if found is None and number is not None:
        found = Passage(replies().dialogue("step_again", language, number=number), steps[number - 1].text)
    if found is None:
        found = find_passage(tracker, sections) or find_passage(tracker, steps)
    if found is not None:
        dispatcher.utter_message(text=f"{found.heading}\n\n{found.text}".strip())
        return []
    buttons = [_section_button(section) for section in sections][:_MOST_BUTTONS]
    dispatcher.utter_message(text=replies().dialogue("which_part", language), buttons=buttons)
    return []


def _step(tracker: Tracker, article: Article) -> int | None:
    """Returns the number of the step that a button or a sentence names, None if it names none that there is."""
    most = len(_steps(tracker, article))
    named = entity_of(tracker, "step") or text_of(tracker)
    keys = ("step", "cardinals", "ordinals", "times")
    return step_number(named, StepWords(*(replies().words(key, article.language) for key in keys)), most)


def _steps(tracker: Tracker, article: Article) -> list[Passage]:
    """Returns the steps that the customer was shown."""
    return step_passages(shown_variant(article, known_product(tracker), known_agreement(tracker)).steps)


def _step_button(number: int, language: str) -> Button:
    return button(replies().label("step", language, number=number), "step_failed", step=str(number))


def _section_button(section: Passage) -> Button:
    return button(section.heading, "more_detail", section=section.slug)
