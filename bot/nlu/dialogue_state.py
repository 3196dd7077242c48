"""Reads from Rasa's tracker what the next message's meaning depends on: issues, product, question, buttons."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from itertools import chain, takewhile

from rasa.shared.core.events import BotUttered, SlotSet, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker

from bot.articles.issues import load_issues
from bot.nlu.acts import FORM_ANSWER, LIKELY, NONE_OF_THESE
from bot.text.contacts import find_contact

# What the bot has asked, by the intent of one of the buttons that it offered with the question, most telling first.
_QUESTIONS = {"choose_product": "product", "step_failed": "step", NONE_OF_THESE: "which", "solved": "solved"}


@dataclass(frozen=True)
class Button:
    """A button of the bot's last turn."""

    title: str
    intent: str
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class DialogueState:
    """State of the conversation in which the customer's next message is said.

    Args:
        language: of the conversation.
        issue: the issue that was answered or asked back about last, empty if there is none.
        product: the customer's product, empty while it is not known.
        agreement: the customer's billing agreement, empty while it is not known.
        chosen: whether the customer answered the question for the product.
        field: the slot that a form has asked for, empty outside forms.
        question: what the bot's last turn asked: `product`, `which` (issue), `step`, `solved` or nothing.
        offers: the buttons of the bot's last turn.
        topics: the issues that came up so far, latest first, also those that only a passage was taken from.
        described: the issues of problems that were described for a ticket, latest first.
        given: the passages that were shown, as `issue/slug`.
        steps_shown: whether the steps of the issue were shown, and not only a passage in place of them.
        ticket: whether a ticket was opened.
        just_opened: whether the bot's last turn opened it.
        begun: whether the bot has said anything yet.
    """

    language: str
    issue: str = ""
    product: str = ""
    agreement: str = ""
    chosen: bool = False
    field: str = ""
    question: str = ""
    offers: tuple[Button, ...] = ()
    topics: tuple[str, ...] = ()
    described: tuple[str, ...] = ()
    given: frozenset[str] = frozenset()
    steps_shown: bool = False
    ticket: bool = False
    just_opened: bool = False
    begun: bool = True

    @property
    def issues(self) -> tuple[str, ...]:
        """The issues between which the bot has asked the customer to choose."""
        return tuple(offer.intent for offer in self.offers if offer.intent != NONE_OF_THESE)

    @property
    def after_answer(self) -> bool:
        """True where an issue was answered, and nothing is asked but whether that has helped."""
        return bool(self.issue) and self.question in ("", "solved") and not self.field


def dialogue_state_of(tracker: DialogueStateTracker | None) -> DialogueState | None:
    """Returns where the next message of a conversation is said; None outside a conversation."""
    if tracker is None or not tracker.events:
        return None
    # The bot's last turn: what happened since the customer's last message, newest first.
    last = list(takewhile(lambda event: not isinstance(event, UserUttered), reversed(tracker.events)))
    buttons = [(event.data or {}).get("buttons") or [] for event in last if isinstance(event, BotUttered)]
    turns = [[_offer(button) for button in offered] for offered in buttons]
    intents = [{offer.intent for offer in offers} for offers in turns]
    return DialogueState(
        language=str(tracker.get_slot("language") or ""),
        issue=str(tracker.get_slot("issue") or ""),
        product=str(tracker.get_slot("product") or ""),
        agreement=str(tracker.get_slot("agreement") or ""),
        chosen=any(isinstance(each, UserUttered) and each.intent_name == "choose_product" for each in tracker.events),
        field=str(tracker.get_slot("requested_slot") or "") if tracker.active_loop_name else "",
        question=next((asked for found in intents for intent, asked in _QUESTIONS.items() if intent in found), ""),
        offers=tuple(chain(*turns)),
        topics=tuple(dict.fromkeys(_topics(tracker))),
        described=tuple(dict.fromkeys(_described(tracker))),
        given=frozenset(_given(tracker)),
        steps_shown=_has_shown_steps(tracker),
        ticket=bool(tracker.get_slot("ticket_number")),
        just_opened=any(isinstance(event, SlotSet) and event.key == "ticket_number" for event in last),
        begun=any(isinstance(event, BotUttered) for event in tracker.events),
    )


def _offer(button: Mapping[str, str]) -> Button:
    intent, brace, values = button["payload"].removeprefix("/").partition("{")
    return Button(button["title"], intent, json.loads(brace + values) if brace else {})


def _topics(tracker: DialogueStateTracker) -> Iterator[str]:
    for event in reversed(tracker.events):
        if isinstance(event, SlotSet) and event.key == "issue" and event.value:
            yield str(event.value)
        elif isinstance(event, UserUttered):
            yield from (str(entity["value"]) for entity in event.entities if entity["entity"] == "about")


def _described(tracker: DialogueStateTracker) -> Iterator[str]:
    """Yields the issues of the problems that were described for tickets, latest first; addresses are none."""
    for event in reversed(tracker.events):
        if not isinstance(event, UserUttered) or event.intent_name != FORM_ANSWER or find_contact(event.text or ""):
            continue
        intent = (event.parse_data or {}).get("said") or {}
        if intent.get("name") in load_issues() and intent.get("confidence", 0.0) >= LIKELY:
            yield str(intent["name"])


def _given(tracker: DialogueStateTracker) -> Iterator[str]:
    for event in tracker.events:
        values = {one["entity"]: one["value"] for one in event.entities} if isinstance(event, UserUttered) else {}
        if "about" in values:
            yield f"{values['about']}/{values.get('section')}"
        if "also" in values:
            yield str(values["also"])
        if isinstance(event, SlotSet) and event.key == "waiting_passage_said" and event.value:
            yield str(event.value)


def _has_shown_steps(tracker: DialogueStateTracker) -> bool:
    """Tells whether the issue at hand was named without a passage being asked for in place of its steps."""
    issue = tracker.get_slot("issue")
    named = (each for each in tracker.events if isinstance(each, UserUttered) and each.intent_name == issue)
    by_product = tracker.get_slot("product_asked") and not tracker.get_slot("waiting_passage_said")
    entities = ({entity["entity"] for entity in each.entities} for each in named)
    return bool(issue) and bool(by_product or any(not {"section", "waiting_passage"} & each for each in entities))
