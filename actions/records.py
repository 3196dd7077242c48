"""Records how conversations end and what was not understood, beside the conversation: nobody waits for it."""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from queue import Empty, SimpleQueue

from rasa_sdk import Tracker

from actions.conversation import customer_messages, issues, language_of
from bot import tickets
from bot.tickets.model import ConversationOutcome, Outcome, SearchEvent, SearchKind

logger = logging.getLogger(__name__)

# One thread keeps the order, and opens the database while the first answer is being read.
_writer = ThreadPoolExecutor(max_workers=1, thread_name_prefix="records")
_outcomes: SimpleQueue[ConversationOutcome] = SimpleQueue()
_GATHERED_SECONDS = 0.2
"""How long outcomes are gathered: each answer has one, and a transaction costs as much for many as for one."""


def record_outcome(tracker: Tracker, outcome: Outcome, issue: str | None) -> None:
    """Records how the conversation stands for an issue; what is recorded later takes the place of this."""
    language, product = language_of(tracker), tracker.get_slot("product")
    confidence = _confidence(tracker, issue)
    _outcomes.put(ConversationOutcome(tracker.sender_id, outcome, issue, language, product, confidence))
    _writer.submit(_write_outcomes)


def record_choice(text: str, language: str, shown: Sequence[str], chosen: str | None) -> None:
    """Records what the customer meant when the bot asked "A or B?"; None if it was neither."""
    _writer.submit(tickets.record, lambda store: store.record_choice(text, language, shown, chosen))


def record_fallback(tracker: Tracker, text: str) -> None:
    """Records a message that was not understood, with the issues that came nearest."""
    ranking = (tracker.latest_message or {}).get("intent_ranking") or []
    guesses = [str(item["name"]) for item in ranking if item["name"] in issues()]
    language = language_of(tracker)
    _writer.submit(tickets.record, lambda store: store.record_fallback(text, language, guesses[:3]))


def record_search(
    tracker: Tracker, search: str, kind: SearchKind, text: str = "", documents: Sequence[str] = ()
) -> None:
    """Records a step of a search: documents were shown for a text, they helped, or it was none of them."""
    language = language_of(tracker)
    event = SearchEvent(
        search_id=search,
        conversation_id=tracker.sender_id,
        kind=kind,
        text=text,
        language=language,
        documents=tuple(documents),
    )
    _writer.submit(tickets.record, lambda store: store.record_search(event))


def _write_outcomes() -> None:
    """Writes what has been gathered; of those who are asked meanwhile, the next one finds nothing left."""
    if _outcomes.empty():
        return
    time.sleep(_GATHERED_SECONDS)
    found = []
    with suppress(Empty):
        while True:
            found.append(_outcomes.get_nowait())
    try:
        tickets.record(lambda store: store.record_outcomes(found))
    except Exception:  # which nobody waits for, so that nobody else would hear of it
        logger.exception("outcomes of conversations were not recorded")


def _confidence(tracker: Tracker, issue: str | None) -> float:
    """Returns how certain it was, when the customer last named the issue, that it was this one; 0 if never."""
    for event in reversed(list(customer_messages(tracker))):
        intent = (event.get("parse_data") or {}).get("intent") or {}
        if issue and intent.get("name") == issue:
            return float(intent.get("confidence") or 0.0)
    return 0.0
