"""Records how conversations end and what was not understood, beside the conversation: nobody waits for it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from actions.conversation import Turn, customer_messages, issues
from bot import tickets
from bot.tickets.model import ConversationOutcome, Outcome, SearchEvent, SearchKind

# One thread keeps the order, and opens the database while the first answer is being read.
_writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="records")
_outcomes: deque[ConversationOutcome] = deque()
_GATHERED_SECONDS = 0.2
"""Seconds for which outcomes are gathered: each answer has one, and a transaction costs as much for many as for one."""


def record_outcome(turn: Turn, outcome: Outcome, issue: str | None) -> None:
    """Records how the conversation stands for an issue; what is recorded later takes the place of this."""
    product, confidence = turn.slot("product"), _confidence(turn, issue)
    _outcomes.append(ConversationOutcome(turn.tracker.sender_id, outcome, issue, turn.language, product, confidence))
    _writer.submit(_write_outcomes)


def record_choice(text: str, language: str, shown: Sequence[str], chosen: str | None) -> None:
    """Records what the customer meant when the bot asked "A or B?"; None if it was neither."""
    _writer.submit(tickets.record, lambda store: store.record_choice(text, language, shown, chosen))


def record_fallback(turn: Turn) -> None:
    """Records a message that was not understood, with the issues that came nearest."""
    ranking = (turn.tracker.latest_message or {}).get("intent_ranking") or []
    guesses = [str(item["name"]) for item in ranking if item["name"] in issues()]
    _writer.submit(tickets.record, lambda store: store.record_fallback(turn.text, turn.language, guesses[:3]))


def record_search(turn: Turn, search: str, kind: SearchKind, text: str = "", documents: Sequence[str] = ()) -> None:
    """Records a step of a search: documents were shown for a text, they helped, or it was none of them."""
    event = SearchEvent(
        search_id=search,
        conversation_id=turn.tracker.sender_id,
        kind=kind,
        text=text,
        language=turn.language,
        documents=tuple(documents),
    )
    _writer.submit(tickets.record, lambda store: store.record_search(event))


def _write_outcomes() -> None:
    """Writes what has been gathered; of those who are asked meanwhile, the next one finds nothing left."""
    if _outcomes:
        time.sleep(_GATHERED_SECONDS)
        found = [_outcomes.popleft() for _ in range(len(_outcomes))]
        tickets.record(lambda store: store.record_outcomes(found))


def _confidence(turn: Turn, issue: str | None) -> float:
    """Returns how certain it was, when the customer last named the issue, that it was this one; 0 if never."""
    intents = [(event.get("parse_data") or {}).get("intent") or {} for event in customer_messages(turn.tracker)]
    named = [intent.get("confidence") for intent in intents if issue and intent.get("name") == issue]
    return float((named or [0.0])[-1] or 0.0)
