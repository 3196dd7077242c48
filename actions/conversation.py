"""What every action asks of the conversation and of the shipped content."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

from rasa_sdk import Tracker
from rasa_sdk.events import EventType, FollowupAction, SlotSet
from rasa_sdk.executor import CollectingDispatcher

from actions.passages import Passage, asked_passage, section_passages, word_rarity
from bot.articles.issues import Issue, load_issues
from bot.articles.parts import AGREEMENTS, PRODUCTS
from bot.articles.replies import Replies
from bot.articles.store import ArticleStore
from bot.settings import get_settings

# `rasa shell` would print the structured payload as JSON below the text.
TEXT_ONLY_CHANNELS = frozenset({"cmdline"})

PERSONAL = "microsoft_account"
UNKNOWN = "unknown"
"""The billing agreement of a customer who does not know which one she has."""

# The action of each intent that a message may turn out to have meant.
ACTIONS = {
    **dict.fromkeys(("step_failed", "ask_duration", "send_again", "more_detail"), "action_follow_up"),
    **dict.fromkeys(("affirm", "deny", "already_tried"), "action_feedback"),
    **dict.fromkeys(("correct_field", "cancel_form", "skip_field"), "action_form_command"),
    "talk_to_human": "action_start_ticket",
    "choose_product": "action_recommended_steps",
    "nlu_fallback": "action_not_understood",
}
FOLLOW_UPS = ("step_failed", "ask_duration", "send_again", "more_detail", "already_tried")
FORM_COMMANDS = ("cancel_form", "correct_field", "skip_field")
# After an answer, follow-ups are so many times as likely as among all messages together, and so are commands in a form.
# Of 1,944 held-out messages that name an issue (tests/regression), 0.7 % would be taken for a follow-up, and 98.2 % of
# 219 follow-ups are; with 20 times it is 0.4 and 97.7 %, with 8 times 0.2 and 97.3 %.
IN_CONTEXT = 40.0
# How many times as likely as the next one a command must be to be obeyed.
CLEARLY_AHEAD = 2.0
# Longer messages are no mere commands.
FEW_WORDS = 5
# Intents of messages that say little of themselves.
_VAGUE = ("nlu_fallback", "ask_help")

Button = dict[str, str]


@lru_cache(maxsize=1)
def articles() -> ArticleStore:
    """The shipped articles."""
    return ArticleStore(get_settings().data_dir / "articles")


@lru_cache(maxsize=1)
def replies() -> Replies:
    """The bot's own words."""
    return Replies()


@lru_cache(maxsize=32)
def _rarity(language: str) -> dict[str, float]:
    return word_rarity(articles().article(intent, language) for intent in issues())


def find_passage(tracker: Tracker, passages: Sequence[Passage], known: str = "") -> Passage | None:
    """Returns the passage that the customer's words, but for those known, ask for; None if they do not tell."""
    return asked_passage(text_of(tracker), passages, _rarity(language_of(tracker)), known)


def issues() -> dict[str, Issue]:
    """The issue table."""
    return load_issues()


def language_of(tracker: Tracker) -> str:
    """Returns the language that the bot answers in: the customer's, or another one where it has no replies in that."""
    return replies().answer_language(tracker.get_slot("language"), tracker.get_slot("fallback_language"))


def tell_language(dispatcher: CollectingDispatcher, tracker: Tracker) -> list[EventType]:
    """Says, once, that the customer's language is understood but not answered in; returns what is to be remembered."""
    written, language = tracker.get_slot("language"), language_of(tracker)
    if written in (None, language, tracker.get_slot("language_told")):
        return []
    dispatcher.utter_message(text=replies().language_notice(written, language))
    return [SlotSet("language_told", written)]


def intent_of(tracker: Tracker) -> str:
    """Returns what the customer's last message means where it was said, empty if there is none.

    That is its intent but for two cases: somebody has typed what stands on a button instead of pressing it, or says
    something that means something else without what went before ("where do I find that?" after an answer).
    """
    said = recognised_intent(tracker)
    if not text_of(tracker):
        return said
    return _typed_button(tracker) or _in_context(tracker, said) or said


def recognised_intent(tracker: Tracker) -> str:
    """Returns the intent of the customer's last message as the pipeline has recognised it, empty if there is none."""
    intent = (tracker.latest_message or {}).get("intent") or {}
    return str(intent.get("name") or "")


def redirected(tracker: Tracker, called: str) -> list[EventType]:
    """Hands a message on to the action of its meaning, where that is not the one that was called.

    Args:
        tracker: the conversation.
        called: the name of the action that asks; it never hands on to itself.
    """
    meant = intent_of(tracker)
    if meant == recognised_intent(tracker):
        return []
    action = "action_recommended_steps" if meant in issues() else ACTIONS.get(meant)
    return [FollowupAction(action)] if action and action != called else []


def text_of(tracker: Tracker) -> str:
    """Returns what the customer has typed last; empty for a button."""
    text = str((tracker.latest_message or {}).get("text") or "")
    return "" if text.startswith("/") else text


def confidence_of(tracker: Tracker) -> float:
    """Returns how certain the intent of the customer's last message is, 0 to 1."""
    intent = (tracker.latest_message or {}).get("intent") or {}
    return float(intent.get("confidence") or 0.0)


def best_issue(tracker: Tracker) -> tuple[str, float] | None:
    """Returns the most probable issue intent of the last message with its confidence, None if none is listed."""
    ranking = (tracker.latest_message or {}).get("intent_ranking") or []
    listed = ((str(item["name"]), float(item["confidence"])) for item in ranking)
    return next(((intent, confidence) for intent, confidence in listed if intent in issues()), None)


def triage_of(tracker: Tracker) -> dict[str, Any]:
    """Returns what the pipeline has noticed in the last message beside its intent, empty for a button."""
    return (tracker.latest_message or {}).get("triage") or {}


def known_product(tracker: Tracker) -> str | None:
    """Returns the customer's product, None while it is not known."""
    product = tracker.get_slot("product")
    return product if product in PRODUCTS else None


def known_agreement(tracker: Tracker) -> str | None:
    """Returns the customer's billing agreement, `unknown` if she does not know it, None while it is not known."""
    agreement = tracker.get_slot("agreement")
    return agreement if agreement in (*AGREEMENTS, UNKNOWN) else None


def entity_of(tracker: Tracker, name: str) -> str:
    """Returns the value of an entity in the customer's last message, empty if there is none."""
    return str(next(tracker.get_latest_entity_values(name), "") or "")


def customer_messages(tracker: Tracker) -> Iterator[dict[str, Any]]:
    """Yields the events of everything that the customer has said, buttons included, oldest first."""
    return (event for event in tracker.events if event["event"] == "user")


def turn_of(tracker: Tracker) -> int:
    """Returns how many messages the customer has sent so far."""
    return sum(1 for _ in customer_messages(tracker))


def form_of(tracker: Tracker) -> str:
    """Returns the form that is being filled, empty if there is none."""
    return str(tracker.active_loop_name or "")


def end_of_turn(tracker: Tracker) -> EventType:
    """Ends the turn: a form that was interrupted asks its question again, otherwise the customer's turn begins."""
    return FollowupAction(form_of(tracker) or "action_listen")


def _typed_button(tracker: Tracker) -> str | None:
    """Returns the intent of the button whose title the customer has typed, None if none of the last turn's has it."""
    typed = text_of(tracker).strip(" .!").casefold()
    turns = 0
    for event in reversed(tracker.events):
        turns += event["event"] == "user"
        if turns == 2:
            break
        for offered in (event.get("data") or {}).get("buttons") or [] if event["event"] == "bot" else []:
            if offered["title"].casefold() == typed:
                return str(offered["payload"]).removeprefix("/").partition("{")[0]
    return None


def _in_context(tracker: Tracker, said: str) -> str | None:
    """Returns what a message is more likely to mean where it was said, None if that is its intent."""
    ranking = (tracker.latest_message or {}).get("intent_ranking") or []
    listed = {str(item["name"]): float(item["confidence"]) for item in ranking if item["name"] != "nlu_fallback"}
    if form_of(tracker):
        return _in_form(tracker, said, listed)
    if tracker.get_slot("issue") not in issues() or said not in (*issues(), *_VAGUE, "out_of_scope"):
        return None
    likeliest = max(FOLLOW_UPS, key=lambda intent: listed.get(intent, 0.0))
    if said != "out_of_scope" and listed.get(likeliest, 0.0) * IN_CONTEXT > listed.get(said, 0.0):
        return likeliest
    return "more_detail" if said not in issues() and _names_section(tracker) else None


def _in_form(tracker: Tracker, said: str, listed: dict[str, float]) -> str | None:
    """Returns the command, or at a yes-or-no question the answer, that a message in a form is.

    Nothing is cancelled or passed on by a guess: where two of them are close, the message counts as not understood.
    """
    field = tracker.get_slot("requested_slot")
    if field == "ticket_summary" and len(text_of(tracker).split()) > FEW_WORDS:
        return None
    expected = (*FORM_COMMANDS, *(("affirm", "deny") if field == "ticket_consent" else ()))
    best, second = sorted(expected, key=lambda intent: -listed.get(intent, 0.0))[:2]
    likely = said in (*issues(), *_VAGUE) and listed.get(best, 0.0) * IN_CONTEXT > max(listed.values(), default=1.0)
    if said not in expected and not likely:
        return None
    return best if listed.get(best, 0.0) >= CLEARLY_AHEAD * listed.get(second, 0.0) else "nlu_fallback"


def _names_section(tracker: Tracker) -> bool:
    """Tells whether the words of a message are those of a section of the article at hand."""
    article = articles().article(str(tracker.get_slot("issue")), language_of(tracker))
    return find_passage(tracker, section_passages(article, known_product(tracker))) is not None


def shows_payloads(tracker: Tracker) -> bool:
    """Tells whether the customer's channel can show structured answers beside text."""
    return tracker.get_latest_input_channel() not in TEXT_ONLY_CHANNELS


def button(title: str, intent: str, **entities: str) -> Button:
    """Returns a button that acts as if the customer had said something with this intent."""
    values = json.dumps(entities) if entities else ""
    return {"title": title, "payload": f"/{intent}{values}"}


def topic_buttons(intents: list[str] | tuple[str, ...], language: str) -> list[Button]:
    """Returns a button for each issue."""
    return [button(replies().topic(intent, language), intent) for intent in intents]


def title_buttons(intents: list[str] | tuple[str, ...], language: str) -> list[Button]:
    """Returns a button for each issue that says its article's title."""
    return [button(articles().article(intent, language).title, intent) for intent in intents]


def person_button(language: str) -> Button:
    """Returns the button that asks for a person."""
    return button(replies().label("person", language), "talk_to_human")


def shortened(line: str, longest: int) -> str:
    """Returns a line of so many characters at the most, with an ellipsis where it had more."""
    return line if len(line) <= longest else f"{line[: longest - 1].rstrip()}…"


def plain_values(value: Any) -> Any:
    """Returns the value with tuples as lists, as JSON would have it."""
    if isinstance(value, dict):
        return {key: plain_values(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_values(item) for item in value]
    return value
