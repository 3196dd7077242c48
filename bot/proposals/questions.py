"""Gathers questions that nothing answered: from a file, the ticket store and Rasa's conversations, all masked."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from bot.articles.language import detect, normalise
from bot.stores.conversations import EVENTS, ConversationsError, open_conversations
from bot.tickets.anonymous import anonymous
from bot.tickets.store import TicketStore

UNANSWERED = frozenset({"out_of_scope", "nlu_fallback"})
TEXT_COLUMN, LANGUAGE_COLUMN = "text", "language"
LONGEST = 300
"""Characters of a question that are kept: the rest of a long mail is about its writer."""


class QuestionError(ValueError):
    """Questions cannot be read; the message says where, what is wrong and how to mend it."""


@dataclass(frozen=True)
class Question:
    """What somebody asked in vain, without what only concerns them.

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
        QuestionError: it cannot be read, lacks the column or holds no question.
    """
    try:
        content = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise QuestionError(f"{path} cannot be read ({error.strerror}); name a text or CSV file.") from error
    except UnicodeDecodeError as error:
        raise QuestionError(f"{path}: not UTF-8 at byte {error.start}; save it as UTF-8.") from error
    rows = _csv_rows(path, content) if path.suffix.lower() == ".csv" else ((line, "") for line in content.splitlines())
    found = merged((text, language or said) for text, said in rows)
    if not found:
        raise QuestionError(f"{path}: no question in it; write one on each line.")
    return found


def _csv_rows(path: Path, content: str) -> Iterator[tuple[str, str]]:
    try:
        dialect = csv.Sniffer().sniff(content.partition("\n")[0], delimiters=",;\t")
    except csv.Error:  # a single column has no delimiter
        dialect = csv.excel
    reader = csv.DictReader(content.splitlines(keepends=True), dialect=dialect)
    columns = [name.strip().casefold() for name in reader.fieldnames or ()]
    if TEXT_COLUMN not in columns:
        named = ", ".join(columns) or "none"
        raise QuestionError(f"{path}: line 1: no column `{TEXT_COLUMN}` among {named}; name it in the first line.")
    reader.fieldnames = columns
    for row in reader:
        yield row[TEXT_COLUMN] or "", row.get(LANGUAGE_COLUMN) or ""


def from_store(store: TicketStore) -> list[Question]:
    """Returns what the ticket store has: messages not understood, searches that did not help, tickets on no issue."""
    kept = [(row["text"], row["language"]) for row in store.candidates() if _is_unanswered(row)]
    searches = store.searches()
    helped = {event.search_id for event in searches if event.kind == "helped"}
    kept += [
        (event.text, event.language) for event in searches if event.kind == "shown" and event.search_id not in helped
    ]
    kept += [(ticket.summary, ticket.language) for ticket in store.tickets() if ticket.intent is None]
    return merged(kept)


def _is_unanswered(row: dict[str, Any]) -> bool:
    return row["kind"] == "fallback" or (row["kind"] == "choice" and row["intent"] is None)


def from_conversations(database: str) -> list[Question]:
    """Returns what customers said in vain in the conversations that are kept.

    Args:
        database: where they are kept, in SQLAlchemy's notation (BOT_TRACKER_DATABASE).

    Raises:
        QuestionError: the database cannot be read.
    """
    try:
        engine = open_conversations(database)
        with engine.connect() as connection:
            said = select(EVENTS.c.data).where(EVENTS.c.type_name == "user").order_by(EVENTS.c.id)
            events = [json.loads(data) for data in connection.execute(said).scalars()]
    except (ConversationsError, SQLAlchemyError) as error:
        raise QuestionError(f"the tracker store cannot be read: {error}") from error
    return merged(_said(event) for event in events if _asked_in_vain(event))


def _asked_in_vain(event: dict[str, Any]) -> bool:
    parsed = event.get("parse_data") or {}
    named = (parsed.get("intent") or {}).get("name")
    # Conversations from before the pipeline knew of it count, too.
    about = parsed.get("about_products", {"likely": True})
    typed = not str(event.get("text") or "/").startswith("/")
    return typed and named in UNANSWERED and bool(about["likely"])


def _said(event: dict[str, Any]) -> tuple[str, str]:
    language = (event["parse_data"].get("language") or {}).get("name")
    return str(event["text"]), str(language or "")


def merged(rows: Iterable[tuple[str, str]]) -> list[Question]:
    """Returns texts with their languages, masked, each once with how often it came; those without a word are left out.

    Args:
        rows: texts with their languages, empty where unknown.
    """
    counts: dict[tuple[str, str], Question] = {}
    for text, said in rows:
        masked = anonymous(text)[:LONGEST].strip()
        if not any(char.isalpha() for char in masked):
            continue
        language = normalise(said) or detect(masked)
        key = (language, masked.casefold())
        known = counts.get(key)
        counts[key] = Question(known.text if known else masked, language, known.times + 1 if known else 1)
    return list(counts.values())


def together(*several: Iterable[Question]) -> list[Question]:
    """Returns questions of several sources, each once; what two sources have is the same question, not two."""
    counts: dict[tuple[str, str], Question] = {}
    for questions in several:
        for question in questions:
            key = (question.language, question.text.casefold())
            if key not in counts or counts[key].times < question.times:
                counts[key] = question
    return list(counts.values())
