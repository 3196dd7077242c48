"""Copies turns from Rasa's tracker into the page's session where that lacks them, as after a server was killed.

Rasa keeps a turn as a whole when it is over, so what it has kept need not, and must not, be done again.
"""

from __future__ import annotations

from rasa.shared.core.events import BotUttered, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker

from bot.channel.output import PageOutput
from bot.stores.sessions import Session, packed
from bot.text.links import AllowedLinks

_NOT_TOLD_THE_BOT = frozenset({"live", "desk"})
"""Marks of what a customer has told an agent, and of turns that no message of theirs has begun."""


def add_answer(output: PageOutput, tracker: DialogueStateTracker) -> None:
    """Says again what a message was answered with, nothing if Rasa has no answer.

    Args:
        output: names the message, and says it.
        tracker: the conversation.
    """
    for message, uttered in _turns(tracker):
        if message.message_id == output.message:
            _utter(output, uttered)


def take_up(session: Session, tracker: DialogueStateTracker, links: AllowedLinks) -> None:
    """Adds to a session the turns since its last one.

    Args:
        session: the conversation on the page.
        tracker: the same in Rasa.
        links: the hosts that answers may link to.
    """
    turns = [turn for turn in _turns(tracker) if not _NOT_TOLD_THE_BOT & turn[0].metadata.keys()]
    known = [number for number, (message, _) in enumerate(turns) if session.content(message.message_id) is not None]
    for message, uttered in turns[known[-1] if known else 0 :]:
        output = PageOutput(session, message.message_id, links)
        if session.content(output.message) is None:
            _add_message(output, message)
        if output.message not in session.answers:
            _utter(output, uttered)
            if output.turn.parts and not output.apologised:  # what follows an apology is up to whoever answers
                keep_answer(output)


def keep_answer(output: PageOutput) -> None:
    """Adds what has been said to the session."""
    parts = [packed(part) for part in output.turn.parts]  # once, for both places
    for part in parts:
        output.session.remember({"from": "bot", **part})
    output.session.remember_answer(output.message, parts)


def _turns(tracker: DialogueStateTracker) -> list[tuple[UserUttered, list[BotUttered]]]:
    turns: list[tuple[UserUttered, list[BotUttered]]] = []
    for event in tracker.events:
        if isinstance(event, UserUttered):
            turns.append((event, []))
        elif isinstance(event, BotUttered) and turns:
            turns[-1][1].append(event)
    return turns


def _utter(output: PageOutput, uttered: list[BotUttered]) -> None:
    for event in uttered:
        output.utter({**event.data, "text": event.text, "utter_action": event.metadata.get("utter_action")})


def _add_message(output: PageOutput, message: UserUttered) -> None:
    session, metadata = output.session, message.metadata
    session.choose_language(metadata.get("language", session.page_locale))
    button = session.offers.open.pop(metadata.get("button"), None)
    if button is None:
        output.understood(message.parse_data)
    session.remember_message(output.message, button or message.text, message.timestamp)
