"""Asks which of two or three issues it is where none is sure enough, and keeps what the customer meant."""

from __future__ import annotations

from rasa_sdk.events import EventType, SlotSet

from actions.conversation import Turn, button, issues
from actions.records import record_choice


def possible_issues(turn: Turn) -> list[str]:
    """Returns the issues that the last message may mean, an empty list where one is clearly meant.

    How sure is sure enough is a setting of the pipeline, in config.yml.
    """
    found = [intent for intent in turn.triage.get("candidates") or [] if intent in issues()]
    return found if len(found) > 1 else []


def ask_which(turn: Turn, shown: list[str]) -> list[EventType]:
    """Asks which of the issues it is, by their articles' titles, or none of them."""
    buttons = [*turn.title_buttons(shown), button(turn.label("neither"), "none_of_these")]
    if "death" in turn.signals:  # often a matter that only a person can settle
        buttons.append(turn.person_button)
    turn.say(turn.reply("which_issue"), buttons)
    asked = turn.just_asked("choice")
    return [SlotSet("choice", {"text": asked["text"] if asked else turn.text, "shown": shown, "turn": turn.number})]


def offer_person_first(turn: Turn, shown: list[str]) -> bool:
    """Offers a person after a death, where often nobody can sign in, and the issues only beside it; once.

    Args:
        turn: the customer's turn.
        shown: the issues that the message may mean.

    Returns:
        Whether that was said in place of an answer.
    """
    text = turn.reply("bereaved")
    if "death" not in (turn.triage.get("signals") or []) or turn.has_said(text):
        return False
    turn.say(text, [turn.person_button, *turn.title_buttons(shown)])
    return True


def settle(turn: Turn, chosen: str | None) -> list[EventType]:
    """Keeps what the customer chose; None for neither. Does nothing where no question was asked."""
    asked = turn.just_asked("choice")
    if asked is None:
        return []
    record_choice(asked["text"], turn.language, asked["shown"], chosen if chosen in asked["shown"] else None)
    return [SlotSet("choice", None)]
