"""Writes a ticket's subject line and plain-text body, for `tickets show` and all help desks but the webhook."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any

from bot.articles.replies import Replies
from bot.settings import get_settings
from bot.text.mail import header_text
from bot.text.yaml_files import read_yaml
from bot.tickets.model import Ticket

FALLBACK_LANGUAGE = "en"
SUBJECT_LENGTH = 120


def subject(ticket: Ticket) -> str:
    """Returns one line: the number in brackets, by which a help desk finds the ticket again, and what is wrong.

    It is a mail's header wherever it goes: Request Tracker sends mails with it, too.
    """
    line = header_text(f"[{ticket.number}] {ticket.summary}")
    return line if len(line) <= SUBJECT_LENGTH else line[: SUBJECT_LENGTH - 1] + "…"


def body(ticket: Ticket) -> str:
    """Returns the whole ticket as plain text.

    The headings are in the language of BOT_TICKETS_LANGUAGE, or else in the ticket's own; in English where there are
    none in that language.
    """
    language = get_settings().tickets_language or ticket.language
    words = _words(language)
    paragraphs = [
        [f"{words['summary']}: {ticket.summary}"],
        list(_facts(ticket, words, language)),
        [f"{words['steps_tried']}:", *(f"  - {step}" for step in ticket.steps_tried)] if ticket.steps_tried else [],
        list(_conversation(ticket, words)),
        [f"{words['tags']}: {' '.join(ticket.tags)}"],
    ]
    return "\n\n".join("\n".join(lines) for lines in paragraphs if lines) + "\n"


def _facts(ticket: Ticket, words: dict[str, Any], language: str) -> Iterator[str]:
    yield f"{words['contact']}: {ticket.contact or words['no_contact']}"
    best = [(ticket.intent, ticket.confidence)] if ticket.intent else []
    for heading, issues in (("issue", best), ("also_possible", ticket.runners_up)):
        named = "; ".join(f"{_topic(name, language)}, {_percent(share, words)}" for name, share in issues)
        if named or heading == "issue":
            yield f"{words[heading]}: {named or words['no_issue']}"
    yield f"{words['language']}: {ticket.language}, {_percent(ticket.language_confidence, words)}"
    if ticket.product:
        yield f"{words['product']}: {Replies().label(ticket.product, language)}"
    yield f"{words['queue']}: {words['queues'][ticket.queue]}"
    reasons = [words["reasons"].get(cause) or _topic(cause, language) for cause, _ in ticket.priority_reasons]
    yield f"{words['priority']}: {words['priorities'][ticket.priority]} ({words['because']}: {'; '.join(reasons)})"
    if ticket.sentiment:
        label, confidence = ticket.sentiment
        yield f"{words['sentiment']}: {words['sentiments'].get(label, label)}, {_percent(confidence, words)}"
    if ticket.mentioned:
        named = "; ".join(f"{words['entity_names'].get(name, name)} {value}" for name, value in ticket.mentioned)
        yield f"{words['entities']}: {named}"


def _conversation(ticket: Ticket, words: dict[str, Any]) -> Iterator[str]:
    if not ticket.consent:
        yield words["no_consent"]
        return
    if ticket.transcript:
        yield f"{words['transcript']} (UTC):"
    for line in ticket.transcript:
        speaker = words.get(line.speaker, words["bot"])
        clock = f"{datetime.fromisoformat(line.at):%H:%M} " if line.at else ""
        yield "\n      ".join(f"  {clock}{speaker}: {line.text}".splitlines())


def _percent(share: float, words: dict[str, Any]) -> str:
    return str(words["percent"]).format(round(100 * share))


def _topic(intent: str, language: str) -> str:
    try:
        return f"{Replies().topic(intent, language)} ({intent})"
    except ValueError:  # a name without a topic, such as that of a dialogue intent
        return intent


def _words(language: str) -> dict[str, Any]:
    """Returns the headings of a language."""
    folder = get_settings().data_dir / "tickets"
    # The name of a language may be any text, such as one that is too long for a file's name.
    known = {path.stem: path for path in folder.glob("*.yml")}
    path = known.get(language, folder / f"{FALLBACK_LANGUAGE}.yml")
    content = read_yaml(path, ValueError)
    if not isinstance(content, dict):
        raise ValueError(f"{path}: expected a mapping of headings.")
    return content
