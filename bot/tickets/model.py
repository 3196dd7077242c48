"""Defines data classes (tickets, drafts, deliveries, outcomes, searches) and a ticket's JSON; `store.py` keeps them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timezone
from functools import partial
from typing import Any, Literal, get_args

from bot.articles.issues import Priority, Queue
from bot.stores import DatabaseError
from bot.tickets import numbers

State = Literal["new", "assigned", "closed"]
Outcome = Literal["solved", "not_solved", "handed_over", "with_agent", "abandoned"]
SearchKind = Literal["shown", "opened", "helped", "none"]
STATES: tuple[State, ...] = get_args(State)
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)

now = partial(datetime.now, timezone.utc)
"""Returns the present moment, in UTC."""


@dataclass(frozen=True)
class ConversationOutcome:
    """Outcome of a conversation for one issue."""

    conversation_id: str
    outcome: Outcome
    intent: str | None
    language: str
    product: str | None
    confidence: float
    """Confidence that the customer meant this issue, 0-1."""
    at: datetime = field(default_factory=now)
    """Time of the outcome."""


class TicketStoreError(DatabaseError):
    """The ticket store cannot be used, or refuses something."""


class TicketNotFound(LookupError):  # noqa: N818 - the house names what was not found so
    """There is no ticket with that number."""


@dataclass(frozen=True)
class Utterance:
    """One line of a transcript.

    Args:
        speaker: `customer`, `bot` or `agent`.
        text: what was said.
        at: when, in ISO 8601; empty if it is not known.
    """

    speaker: str
    text: str
    at: str = ""


@dataclass(frozen=True, kw_only=True)
class SearchEvent:
    """A step of a search in a conversation.

    Args:
        search_id: the search; its steps are kept one after the other.
        conversation_id: where it was made.
        kind: documents were `shown`, one was `opened`, they `helped`, or it was `none` of them.
        text: the question; of the first step only.
        language: of the question.
        documents: file names of the documents that the step is about.
    """

    search_id: str
    conversation_id: str
    kind: SearchKind
    text: str = ""
    language: str = ""
    documents: tuple[str, ...] = ()


PHONE = "phone"
"""The entity that holds a telephone number to call the customer at."""


@dataclass(frozen=True, kw_only=True)
class TicketDraft:
    """Content of a ticket, as a conversation hands it over.

    Args:
        conversation_id: the conversation, the only one in which its status is told without the e-mail address.
        form_id: the filled form; the same conversation and form always give the same ticket.
        summary: one line of what is wrong.
        consent: whether the conversation may be passed on; without it no transcript is kept, and of the entities
            only a telephone number.
        intent: the issue at hand, None if none was recognised.
        confidence: of the intent, 0 to 1.
        language: of the conversation.
        contact_email: where the customer can be reached, None if they would rather not say.
        language_confidence: 0 to 1.
        runners_up: the next best intents, each with its confidence.
        product: `azure` or `microsoft365`, None if it is not known.
        entities: what was named, each as (entity, value), for example `("invoice_number", "E0500ABC")`.
        steps_tried: what the customer has done already, a sentence each.
        transcript: what was said, oldest first.
        sentiment: one of five labels, from `very_negative` to `very_positive`, with its confidence.
        signals: `service_down`, `death`, `harm`, `deadline`, `failed_attempts`, `frustration`, `legal`, which raise the
            priority, and `worry`.
    """

    conversation_id: str
    form_id: str
    summary: str
    consent: bool
    intent: str | None
    confidence: float
    language: str
    contact_email: str | None = None
    language_confidence: float = 1.0
    runners_up: Sequence[tuple[str, float]] = ()
    product: str | None = None
    entities: Sequence[tuple[str, str]] = ()
    steps_tried: Sequence[str] = ()
    transcript: Sequence[Utterance] = ()
    sentiment: tuple[str, float] | None = None
    signals: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Ticket(TicketDraft):
    """A ticket as it is kept.

    Args:
        id: its place in the store, 1 for the first one.
        code: the part of its number that cannot be guessed.
        opened_at: when it was saved.
        updated_at: when it last changed.
        state: `new`, `assigned` or `closed`.
        assignee: the agent who has it, None if nobody does.
        queue: who handles it.
        priority: how urgent it is.
        priority_reasons: why, in order: each cause (the intent, or a signal) with the priority it led to.
    """

    id: int
    code: str
    opened_at: datetime
    updated_at: datetime
    state: State
    assignee: str | None
    queue: Queue
    priority: Priority
    priority_reasons: Sequence[tuple[str, str]]

    @property
    def number(self) -> str:
        """Number of the ticket, for example `T-48210-K7QX3M`."""
        return numbers.write(self.id, self.code)

    @property
    def contact(self) -> str:
        """E-mail address, telephone number or both, as the customer gave them; empty if they gave none."""
        phones = [value for name, value in self.entities if name == PHONE]
        return ", ".join(filter(None, [self.contact_email, *phones]))

    @property
    def mentioned(self) -> list[tuple[str, str]]:
        """The entities but for the telephone number."""
        return [(name, value) for name, value in self.entities if name != PHONE]

    @property
    def tags(self) -> list[str]:
        """Labels by which a help desk routes: `intent__x`, `language__x`, `product__x`, `priority__x`."""
        named = {"intent": self.intent, "language": self.language, "product": self.product, "priority": self.priority}
        return [f"{name}__{value}" for name, value in named.items() if value]


@dataclass(frozen=True)
class Delivery:
    """Delivery of one ticket to one help desk.

    Args:
        target: the help desk, one of `bot.settings.HELP_DESKS`.
        state: `pending`, `delivered` or `parked`.
        attempts: how often it was tried.
        reason: what went wrong last, None if nothing has.
        external_id: what the help desk calls the ticket, None if it is not delivered or has no name there.
    """

    number: str
    target: str
    state: str
    attempts: int
    next_attempt_at: datetime
    reason: str | None
    external_id: str | None
    delivered_at: datetime | None


# The order of the values in JSON and of the columns in CSV.
_IN_JSON = (
    *("number", "opened_at", "updated_at", "state", "assignee", "queue", "priority", "priority_reasons", "tags"),
    *("summary", "contact_email", "consent", "intent", "runners_up", "language", "product", "entities", "steps_tried"),
    *("sentiment", "signals", "transcript"),
)


def as_json(ticket: Ticket) -> dict[str, Any]:
    """Returns the ticket as plain JSON values, as `export` and `tickets show --json` print it and webhooks get it."""
    return {name: getattr(ticket, name) for name in _IN_JSON} | {
        "opened_at": ticket.opened_at.isoformat(),
        "updated_at": ticket.updated_at.isoformat(),
        "priority_reasons": [{"cause": cause, "priority": priority} for cause, priority in ticket.priority_reasons],
        "intent": {"name": ticket.intent, "confidence": ticket.confidence},
        "runners_up": [{"name": name, "confidence": confidence} for name, confidence in ticket.runners_up],
        "language": {"name": ticket.language, "confidence": ticket.language_confidence},
        "entities": [{"entity": entity, "value": value} for entity, value in ticket.entities],
        "steps_tried": list(ticket.steps_tried),
        "sentiment": {"label": ticket.sentiment[0], "confidence": ticket.sentiment[1]} if ticket.sentiment else None,
        "signals": list(ticket.signals),
        "transcript": [vars(line) | {"at": line.at or None} for line in ticket.transcript],
    }
