"""Gathers questions that nothing answered: from a file, the ticket store and Rasa's conversations, all masked."""

from __future__ import annotations

import csv
import json
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.engine import Engine
from sqlalchemy.exc import SQLAlchemyError

from bot.articles.language import detect, normalise
from bot.phrases.anonymous import anonymous
from bot.proposals import ProposalError
from bot.stores.conversations import EVENTS, ConversationsError, open_conversations
from bot.tickets.store import TicketStore

UNANSWERED = frozenset({"out_of_scope", "nlu_fallback"})
LONGEST = 300
"""Characters of a question that are kept: the rest of a long mail is about its writer."""


@dataclass(frozen=True)
class Question:
    """A question that nothing answered, masked.

    Args:
        text: on one line.
        language: ISO 639-1 code.
        times: how often it was asked.
    """

    text: str
    language: str
    times: int = 1


def from_file(path: Path, language: str = "") -> list[Question]:
    """Reads questions from a file: of a CSV the column `text` (and `language`, if there is one), else a line each.

    Args:
        path: the file, UTF-8.
        language: of all questions; recognised where neither this nor a column says it.

    Raises:
        ProposalError: it cannot be read, lacks the column or holds no question.
    """
    try:
        content = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ProposalError(f"{path} cannot be read ({error.strerror}); name a text or CSV file.") from error
    except UnicodeDecodeError as error:
        raise ProposalError(f"{path}: not UTF-8 at byte {error.start}; save it as UTF-8.") from error
    rows = _csv_rows(path, content) if path.suffix.lower() == ".csv" else [(line, "") for line in content.splitlines()]
    found = _counted((text, language or declared) for text, declared in rows)
    if not found:
        raise ProposalError(f"{path}: no question in it; write one on each line.")
    return found


def _csv_rows(path: Path, content: str) -> list[tuple[str, str]]:
    delimiter = max(",;\t", key=content.partition("\n")[0].count)
    reader = csv.DictReader(content.splitlines(keepends=True), delimiter=delimiter, skipinitialspace=True)
    columns = [name.strip().casefold() for name in reader.fieldnames or ()]
    if "text" not in columns:
        named = ", ".join(columns) or "none"
        raise ProposalError(f"{path}: line 1: no column `text` among {named}; name it in the first line.")
    reader.fieldnames = columns
    return [(row["text"] or "", row.get("language") or "") for row in reader]


def from_store(store: TicketStore) -> list[Question]:
    """Returns what the ticket store has: messages not understood, searches that did not help, tickets on no issue."""
    unsure = (row for row in store.candidates() if row["kind"] in ("fallback", "choice"))
    kept = [(row["text"], row["language"]) for row in unsure if row["kind"] == "fallback" or row["intent"] is None]
    searches = store.searches()
    helped = {event.search_id for event in searches if event.kind == "helped"}
    kept += [(each.text, each.language) for each in searches if each.kind == "shown" and each.search_id not in helped]
    kept += [(ticket.summary, ticket.language) for ticket in store.tickets() if ticket.intent is None]
    return _counted(kept)


def from_conversations(database: str) -> list[Question]:
    """Returns what customers said in vain in the conversations that are kept.

    Args:
        database: where they are kept, in SQLAlchemy's notation (BOT_TRACKER_DATABASE).

    Raises:
        ProposalError: the database cannot be read.
    """
    try:
        return from_engine(open_conversations(database))
    except (ConversationsError, SQLAlchemyError) as error:
        raise ProposalError(f"the tracker store cannot be read: {error}") from error


def from_engine(conversations: Engine) -> list[Question]:
    """Returns what customers said in vain in the conversations of an open database."""
    messages = select(EVENTS.c.data).where(EVENTS.c.type_name == "user", EVENTS.c.intent_name.in_(UNANSWERED))
    with conversations.connect() as connection:
        events = [json.loads(data) for data in connection.execute(messages.order_by(EVENTS.c.id)).scalars()]
    return _counted(
        (event["text"], (event["parse_data"].get("language") or {}).get("name") or "")
        for event in events
        if event["text"]
        and not event["text"].startswith("/")
        # Conversations from before the pipeline knew of products count, too.
        and event["parse_data"].get("about_products", {"likely": True})["likely"]
    )


def _counted(rows: Iterable[tuple[str, str]]) -> list[Question]:
    """Returns texts with their languages, masked, each once with how often it came; those without a word are left out.

    Args:
        rows: texts with their languages, empty where unknown.
    """
    texts: dict[tuple[str, str], list[str]] = defaultdict(list)
    for text, declared in rows:
        masked = anonymous(text)[:LONGEST].strip()
        if any(char.isalpha() for char in masked):
            texts[normalise(declared) or detect(masked), masked.casefold()].append(masked)
    return [Question(same[0], language, len(same)) for (language, _), same in texts.items()]


def merge(*several: Iterable[Question]) -> list[Question]:
    """Returns questions of several sources, each once; what two sources have is the same question, not two."""
    most_asked: dict[tuple[str, str], Question] = {}
    for question in chain(*several):
        key = (question.language, question.text.casefold())
        most_asked[key] = max(most_asked.get(key, question), question, key=lambda each: each.times)
    return list(most_asked.values())
