"""Answers follow-ups to an answer from the same article: who, how long, where, a step that fails, links, a detail."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import Any

from rasa_sdk import Action, Tracker
from rasa_sdk.events import EventType, FollowupAction, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.conversation import (
    Button,
    articles,
    button,
    end_of_turn,
    entity_of,
    form_of,
    has_said,
    has_ticket,
    intent_of,
    issues,
    known_agreement,
    known_product,
    language_of,
    person_button,
    replies,
    shows_payloads,
    text_of,
)
from actions.passages import (
    TROUBLE_KINDS,
    Passage,
    StepWords,
    asked_passage,
    passage_of_kind,
    section_passages,
    step_number,
    step_passages,
    word_rarity,
)
from actions.recommended_steps import answer_payload, ask_solved, link_lines, shown_variant
from bot.articles import Article
from bot.text.limited_markdown import plain

_MOST_BUTTONS = 9


class ActionFollowUp(Action):
    """Answers a follow-up from the article at hand."""

    def name(self) -> str:
        """Returns the name under which rules call the action."""
        return "action_follow_up"

    def run(self, dispatcher: CollectingDispatcher, tracker: Tracker, domain: dict[str, Any]) -> list[EventType]:
        """Utters the passage that was asked for."""
        asked, issue = _asked(tracker), tracker.get_slot("issue") or entity_of(tracker, "about")
        if issue not in issues():
            key = "ticket_exists" if has_ticket(tracker) else "no_issue_yet"
            dispatcher.utter_message(text=replies().dialogue(key, language_of(tracker)))
            return [end_of_turn(tracker)]
        answers = {"step_failed": _step_failed, "send_again": _links, "more_detail": _detail}
        events = answers.get(asked, _question)(dispatcher, tracker, issue)
        handed_on = any(event["event"] == "followup" for event in events)
        return events if handed_on else [*events, end_of_turn(tracker)]


def _asked(tracker: Tracker) -> str:
    """Returns what the last message asks, also where it names the product first."""
    return entity_of(tracker, "question") or intent_of(tracker)


def _question(dispatcher: CollectingDispatcher, tracker: Tracker, issue: str) -> list[EventType]:
    """Says the passage that answers a question, plainly that there is none, or that it was said before."""
    language = language_of(tracker)
    if _offer_passages(dispatcher, tracker):
        return []
    kind = _asked(tracker).removeprefix("ask_")
    found = _named_passage(tracker, issue) or _passage_of(kind, tracker, articles().article(issue, language))
    if found is None and kind == "how_long":
        text = replies().dialogue("no_duration", language)
    elif found is None:
        text = replies().dialogue("no_passage", language, topic=replies().topic(issue, language))
    else:
        text = _wording(found, tracker, issue)
    if found is not None and not has_said(tracker, text):
        dispatcher.utter_message(text=text)
    else:
        known = replies().dialogue("passage_known", language)
        dispatcher.utter_message(text=known if has_said(tracker, text) else text, buttons=[person_button(language)])
    if entity_of(tracker, "question"):
        ask_solved(dispatcher, language)
    return []


def _offer_passages(dispatcher: CollectingDispatcher, tracker: Tracker) -> bool:
    """Offers the passages that the pipeline holds for likely where none is surely meant; returns whether it did."""
    language, names = language_of(tracker), entity_of(tracker, "passages").split()
    texts = [replies().dialogue(key, language) for key in ("which_passage", "which_passage_again")]
    text = next((text for text in texts if not has_said(tracker, text)), None)
    if text is None or not names:
        return False
    buttons = []
    for about, _, slug in (name.partition("/") for name in names):
        section = _section(about, slug, language)
        buttons += [_section_button(section, about=about)] if section else []
    dispatcher.utter_message(text=text, buttons=[*buttons, person_button(language)])
    return True


def _wording(passage: Passage, tracker: Tracker, issue: str) -> str:
    """Returns what is said of a passage: its heading only where it may not be what the customer has in mind."""
    surely = passage == _named_passage(tracker, issue) and entity_of(tracker, "about") == issue
    return passage.text if surely else f"{passage.heading}\n\n{passage.text}".strip()


def _named_passage(tracker: Tracker, issue: str) -> Passage | None:
    """Returns the passage that a button names or the pipeline has found, which may be of another issue's article."""
    return _section(entity_of(tracker, "about") or issue, entity_of(tracker, "section"), language_of(tracker))


def _section(issue: str, slug: str, language: str) -> Passage | None:
    """Returns a passage of an issue's article by its slug, None if there is none."""
    article = articles().article(issue, language)
    return next((section for section in section_passages(article) if section.slug == slug), None)


def _passage_of(kind: str, tracker: Tracker, article: Article) -> Passage | None:
    """Returns the passage that a question names in its words, else those of its kind, None if there is none."""
    product = known_product(tracker)
    sections = section_passages(article, product)
    of_kind = [section for section in sections if section.kind == kind]
    found = find_passage(tracker, of_kind) if len(of_kind) > 1 else None
    if found is None and kind in ("what_if", "what_happens"):  # each is about a case of its own
        return find_passage(tracker, sections)
    found = found or passage_of_kind(article, kind, product)
    if found is None and kind in ("where", "not_there"):
        return find_passage(tracker, sections) or _place(tracker, article)
    return found


def _place(tracker: Tracker, article: Article) -> Passage:
    """Returns where the steps begin, or the step that a question is about."""
    variant = shown_variant(article, known_product(tracker), known_agreement(tracker))
    step = find_passage(tracker, step_passages(variant.steps))
    return step or Passage(variant.section.title, plain(variant.now))


def find_passage(tracker: Tracker, passages: Sequence[Passage]) -> Passage | None:
    """Returns the passage that the customer's words ask for; None if they do not tell."""
    return asked_passage(text_of(tracker), passages, _rarity(language_of(tracker)))


@lru_cache(maxsize=32)
def _rarity(language: str) -> dict[str, float]:
    return word_rarity(articles().article(intent, language) for intent in issues())


def _step_failed(dispatcher: CollectingDispatcher, tracker: Tracker, issue: str) -> list[EventType]:
    """Repeats the step with what is behind most failures; asks which one it is where none is named."""
    language = language_of(tracker)
    article = articles().article(issue, language)
    which = replies().dialogue("which_step", language)
    number = _step(tracker, article)
    if number is None and _named_passage(tracker, issue) is not None:
        return _question(dispatcher, tracker, issue)
    if number is None and has_said(tracker, which):
        return [FollowupAction("action_feedback")]
    if number is None:
        most = min(len(_steps(tracker, article)), _MOST_BUTTONS)
        buttons = [_step_button(each, language) for each in range(1, most + 1)]
        buttons += [button(replies().label("nothing_helped", language), "already_tried"), person_button(language)]
        dispatcher.utter_message(text=which, buttons=buttons)
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
    found, number = _named_passage(tracker, issue), _step(tracker, article)
    if found is None and number is not None:
        found = Passage(replies().dialogue("step_again", language, number=number), steps[number - 1].text)
    if found is None:
        found = find_passage(tracker, sections) or find_passage(tracker, steps)
    if found is not None:
        dispatcher.utter_message(text=_wording(found, tracker, issue))
        return []
    buttons = [_section_button(section) for section in sections][:_MOST_BUTTONS]
    which = replies().dialogue("which_part", language)
    if has_said(tracker, which):
        buttons.append(person_button(language))
        which = replies().dialogue("passage_known", language)
    dispatcher.utter_message(text=which, buttons=buttons)
    return []


def _step(tracker: Tracker, article: Article) -> int | None:
    """Returns the number of the step that a button or a sentence names, None if it names none that there is."""
    most = len(_steps(tracker, article))
    named = entity_of(tracker, "step") or text_of(tracker)
    keys = ("step", "cardinals", "ordinals", "times")
    words = StepWords(*(replies().words(key, article.language) for key in keys))
    said = [event.get("text") for event in tracker.events if event["event"] == "bot"]
    asked = said[-1:] == [replies().dialogue("which_step", article.language)]
    return step_number(named, words, most, asked)


def _steps(tracker: Tracker, article: Article) -> list[Passage]:
    """Returns the steps that the customer was shown."""
    return step_passages(shown_variant(article, known_product(tracker), known_agreement(tracker)).steps)


def _step_button(number: int, language: str) -> Button:
    return button(replies().label("step", language, number=number), "step_failed", step=str(number))


def _section_button(section: Passage, **about: str) -> Button:
    return button(section.heading, "more_detail", section=section.slug, **about)
