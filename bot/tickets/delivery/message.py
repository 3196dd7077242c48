"""Writes a ticket as text, for e-mails and Request Tracker."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from functools import lru_cache
from typing import Any

from bot.articles.replies import Replies
from bot.settings import get_settings
from bot.text.mail import header_text
from bot.text.yaml_files import read_yaml
from bot.tickets.model import Ticket

FALLBACK_LANGUAGE = "en"
SUBJECT_LENGTH = 120


class TicketTextError(ValueError):
    """A file of `data/tickets` cannot be used; the message says where and what is wrong."""


def subject(ticket: Ticket) -> str:
    """Returns one line: the number in brackets, by which a help desk finds the ticket again, and what is wrong.

    It is a mail's header wherever it goes: Request Tracker sends mails with it, too.
    """
    line = header_text(f"[{ticket.number}] {ticket.summary}")
    return line if len(line) <= SUBJECT_LENGTH else line[: SUBJECT_LENGTH - 1] + "…"


def body(ticket: Ticket, language: str | None = None) -> str:
    """Returns the whole ticket as plain text.

    Args:
        ticket: the ticket.
        language: of the headings; None takes the ticket's own. English where there are none in that language.
    """
    words = _words(language or ticket.language)
    paragraphs = [
        [f"{words['summary']}: {ticket.summary}"],
        list(_facts(ticket, words, language or ticket.language)),
        _listed(words["steps_tried"], ticket.steps_tried),
        list(_conversation(ticket, words)),
        [f"{words['tags']}: {' '.join(ticket.tags)}"],
    ]
    return "\n\n".join("\n".join(lines) for lines in paragraphs if lines) + "\n"


def _facts(ticket: Ticket, words: dict[str, Any], language: str) -> Iterator[str]:
    yield f"{words['contact']}: {ticket.contact_email or words['no_contact']}"
    issue = (
        f"{_topic(ticket.intent, language)}, {_percent(ticket.confidence, words)}"
        if ticket.intent
        else words["no_issue"]
    )
    yield f"{words['issue']}: {issue}"
    if ticket.runners_up:
        others = "; ".join(
            f"{_topic(name, language)}, {_percent(confidence, words)}" for name, confidence in ticket.runners_up
        )
        yield f"{words['also_possible']}: {others}"
    yield f"{words['language']}: {ticket.language}, {_percent(ticket.language_confidence, words)}"
    if ticket.product:
        yield f"{words['product']}: {Replies().label(ticket.product, language)}"
    yield f"{words['queue']}: {words['queues'][ticket.queue]}"
    reasons = [words["reasons"].get(cause) or _topic(cause, language) for cause, _ in ticket.priority_reasons]
    yield f"{words['priority']}: {words['priorities'][ticket.priority]} ({words['because']}: {'; '.join(reasons)})"
    if ticket.sentiment:
        label, confidence = ticket.sentiment
        yield f"{words['sentiment']}: {words['sentiments'].get(label, label)}, {_percent(confidence, words)}"
    if ticket.entities:
        named = "; ".join(f"{words['entity_names'].get(name, name)} {value}" for name, value in ticket.entities)
        yield f"{words['entities']}: {named}"


def _conversation(ticket: Ticket, words: dict[str, Any]) -> Iterator[str]:
    if not ticket.consent:
        yield words["no_consent"]
        return
    if ticket.transcript:
        yield f"{words['transcript']} (UTC):"
    for line in ticket.transcript:
        speaker = words["customer"] if line.speaker == "customer" else words["bot"]
        first, *rest = line.text.splitlines() or [""]
        yield f"  {_clock(line.at)}{speaker}: {first}"
        yield from (f"      {further}" for further in rest)


def _listed(heading: str, items: Any) -> list[str]:
    return [f"{heading}:", *(f"  - {item}" for item in items)] if items else []


def _percent(share: float, words: dict[str, Any]) -> str:
    return str(words["percent"]).format(round(100 * share))


def _clock(moment: str) -> str:
    try:
        return f"{datetime.fromisoformat(moment.replace('Z', '+00:00')):%H:%M} "
    except ValueError:
        return ""


def _topic(intent: str, language: str) -> str:
    try:
        return f"{Replies().topic(intent, language)} ({intent})"
    except ValueError:  # a name without a topic, such as that of a dialogue intent
        return intent


@lru_cache(maxsize=16)
def _words(language: str) -> dict[str, Any]:
    """Returns the headings of a language."""
    folder = get_settings().data_dir / "tickets"
    path = folder / f"{language}.yml"
    content = read_yaml(path if path.is_file() else folder / f"{FALLBACK_LANGUAGE}.yml", TicketTextError)
    if not isinstance(content, dict):
        raise TicketTextError(f"{path}: expected a mapping of headings.")
    return content
