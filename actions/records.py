"""Records in the ticket store how conversations end, what customers chose and searched for, and what did not help.

They are written beside the conversation: no answer waits for them or fails with them.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from actions.conversation import Turn, UserMessage, issues
from bot import tickets
from bot.tickets.model import ConversationOutcome, Outcome, SearchEvent, SearchKind

# One thread keeps the order, and opens the database while the first answer is being read.
_writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="records")
_outcomes: deque[ConversationOutcome] = deque()
_GATHERED_SECONDS = 0.2
"""Seconds for which outcomes are gathered: each answer has one, and a transaction costs as much for many as for one."""

_KEPT_INTENTS = 5
"""Likeliest intents that are kept with a message for review."""


def record_outcome(turn: Turn, outcome: Outcome, issue: str | None) -> None:
    """Records how the conversation stands for an issue; what is recorded later takes the place of this."""
    # How certain it was, when the customer last named the issue, that it was this one; 0 if never.
    confidence = next((each.confidence for each in reversed(turn.messages) if issue and each.intent == issue), 0.0)
    product = turn.slot("product")
    _outcomes.append(ConversationOutcome(turn.tracker.sender_id, outcome, issue, turn.language, product, confidence))
    _writer.submit(_write_outcomes)


def record_choice(turn: Turn, text: str, shown: Sequence[str], chosen: str | None) -> None:
    """Records what the customer meant when the bot asked "A or B?"; None if it was neither."""
    ranking = next((_ranking(message) for message in reversed(turn.messages) if message.text == text), [])
    _writer.submit(tickets.record, lambda store: store.record_choice(text, turn.language, shown, chosen, ranking))


def record_fallback(turn: Turn) -> None:
    """Records a message that was not understood, with the issues that came nearest."""
    ranking = _ranking(turn.message)
    shown = [name for name, _ in ranking if name in issues()]
    _writer.submit(tickets.record, lambda store: store.record_fallback(turn.text, turn.language, shown, ranking))


def record_not_helped(turn: Turn, issue: str) -> None:
    """Records the typed message that an answer on an issue was given to, once the customer says it did not help."""
    message = next((each for each in reversed(turn.messages) if each.intent == issue), None)
    if message is not None and message.is_typed:
        text, ranking = message.text, _ranking(message)
        _writer.submit(tickets.record, lambda store: store.record_not_helped(text, turn.language, issue, ranking))


def record_search(turn: Turn, search: str, kind: SearchKind, text: str = "", documents: tuple[str, ...] = ()) -> None:
    """Records a step of a search: documents were shown for a text, they helped, or it was none of them."""
    sender = turn.tracker.sender_id
    event = SearchEvent(
        search_id=search, conversation_id=sender, kind=kind, text=text, language=turn.language, documents=documents
    )
    _writer.submit(tickets.record, lambda store: store.record_search(event))


def _ranking(message: UserMessage) -> list[tuple[str, float]]:
    """Returns the likeliest intents of a message with their confidences, as far as they are known."""
    ranking = [each for each in message.ranking if each["name"] != "nlu_fallback"]
    return [(str(each["name"]), round(float(each.get("confidence") or 0), 4)) for each in ranking[:_KEPT_INTENTS]]


def _write_outcomes() -> None:
    """Writes what has been gathered; of those who are asked meanwhile, the next one finds nothing left."""
    if _outcomes:
        time.sleep(_GATHERED_SECONDS)
        found = [_outcomes.popleft() for _ in range(len(_outcomes))]
        tickets.record(lambda store: store.record_outcomes(found))
