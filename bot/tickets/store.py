"""Stores tickets, outcomes of conversations and candidates for training in one database."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.engine import Connection
from sqlalchemy.exc import DataError, IntegrityError

from bot.phrases.anonymous import anonymous
from bot.stores.databases import cause
from bot.tickets import model, numbers
from bot.tickets.candidates import CandidateRecords
from bot.tickets.handling import TicketHandling, clean, row_of, same
from bot.tickets.model import PHONE, ConversationOutcome, SearchEvent, Ticket, TicketDraft, now
from bot.tickets.priority import assess
from bot.tickets.tables import OUTBOX, OUTCOMES, SEARCHES, TICKETS, fields_of, read_ticket


class TicketStore(TicketHandling, CandidateRecords):
    """Tickets and what conversations leave for review.

    Args:
        url: SQLAlchemy's notation of the database.
        targets: names of the help desks that each new ticket is delivered to.

    Raises:
        TicketStoreError: the database cannot be used; so do all methods.
    """

    def __init__(self, url: str, targets: Sequence[str] = ()) -> None:
        super().__init__(url)
        self.targets = tuple(targets)

    def open(self, draft: TicketDraft) -> Ticket:
        """Saves a ticket together with what is to be delivered; the same conversation and form give the same ticket.

        Card and account numbers are hidden on the way in. Without consent no transcript is kept, and of the
        entities only a telephone number.
        """
        same_form = (TICKETS.c.conversation_id == draft.conversation_id) & (TICKETS.c.form_id == draft.form_id)
        with self.writing() as connection:
            added = connection.execute(self._insert(TICKETS).values(_values(draft)).on_conflict_do_nothing())
            row = connection.execute(select(TICKETS).where(same_form)).one()
            if added.rowcount:
                _enqueue(connection, row.id, self.targets)
        return read_ticket(row)

    def tickets(self, **wanted: str | None) -> list[Ticket]:
        """Returns tickets, oldest first.

        Args:
            wanted: a value for each column that must have it: `queue`, `language`, `intent`, `state`; None for any.
        """
        filters = [TICKETS.c[name] == value for name, value in wanted.items() if value is not None]
        return [read_ticket(row) for row in self.rows(select(TICKETS).where(*filters).order_by(TICKETS.c.id))]

    def status_for(self, number: str, conversation_id: str | None = None, email: str | None = None) -> Ticket | None:
        """Returns a ticket for its owner, None for everybody else.

        A wrong number, a wrong address and a ticket without an address cannot be told apart, nor by the time it takes.
        The caller limits how often a conversation may guess.

        Args:
            number: as the customer types it.
            conversation_id: the conversation that asks.
            email: the address that the customer gives.
        """
        identity, code = numbers.parse(number) or (0, "")
        rows = self.rows(select(TICKETS).where(TICKETS.c.id == identity))
        kept = rows[0]._mapping if rows else {}
        # `|` and `&`: every comparison is made, whatever the others say.
        is_owner = same(conversation_id, kept.get("conversation_id"))
        is_owner |= same((email or "").strip().casefold(), (kept.get("contact_email") or "").casefold())
        return read_ticket(rows[0]) if same(code, kept.get("code")) & is_owner else None

    def statuses_in(self, conversation_id: str) -> list[Ticket]:
        """Returns the tickets that a conversation has opened, newest first."""
        return self.tickets(conversation_id=conversation_id)[::-1]

    def record_outcomes(self, outcomes: Sequence[ConversationOutcome]) -> None:
        """Records how conversations stand for issues; the latest outcome counts, in whichever order they come.

        Raises:
            TicketStoreError: some could not be kept; the others are.
            ValueError: there is no such outcome.
        """
        if unknown := {one.outcome for one in outcomes} - set(model.OUTCOMES):
            raise ValueError(f"{', '.join(unknown)} is no outcome; give one of {', '.join(model.OUTCOMES)}.")
        insertion = self._insert(OUTCOMES)
        upsert = insertion.on_conflict_do_update(
            index_elements=[OUTCOMES.c.conversation_id, OUTCOMES.c.intent],
            set_={name: insertion.excluded[name] for name in ("outcome", "language", "product", "confidence", "at")},
            where=insertion.excluded["at"] >= OUTCOMES.c.at,
        )
        rows = [{**asdict(one), "intent": one.intent or ""} for one in outcomes]
        # In one order, so that servers do not wait for each other's rows crosswise.
        rows.sort(key=lambda row: (row["conversation_id"], row["intent"]))

        def refused_of(some: Sequence[dict[str, Any]]) -> list[Exception]:
            try:
                with connection.begin_nested():
                    connection.execute(upsert, some)
            # psycopg's ValueError: a text with a zero byte.
            except (DataError, IntegrityError, ValueError) as error:
                return [error] if len(some) == 1 else [each for row in some for each in refused_of([row])]
            return []

        with self.writing() as connection:
            refused = refused_of(rows) if rows else []
        if refused:
            problem = f"refuses {len(refused)} of {len(rows)} outcomes: {cause(refused[0])}"
            raise model.TicketStoreError(f"the ticket store {self.engine.url!r} {problem}") from refused[0]

    def outcomes(self) -> list[dict[str, Any]]:
        """Returns how conversations ended, oldest first."""
        return [dict(row._mapping) for row in self.rows(select(OUTCOMES).order_by(OUTCOMES.c.id))]

    def record_search(self, event: SearchEvent) -> None:
        """Keeps a step of a search in a conversation, its text without what only concerns the customer."""
        with self.writing() as connection:
            connection.execute(insert(SEARCHES).values(vars(event) | {"text": anonymous(event.text)}))

    def searches(self) -> list[SearchEvent]:
        """Returns the steps of all searches in conversations, oldest first."""
        rows = self.rows(select(SEARCHES).order_by(SEARCHES.c.id))
        return [SearchEvent(**fields_of(SearchEvent, row)) for row in rows]

    def deliveries(self, number: str | None = None, undelivered: bool = False) -> list[model.Delivery]:
        """Returns the deliveries of tickets to help desks, oldest first.

        Args:
            number: of one ticket only.
            undelivered: leave out what has arrived.
        """
        query = select(OUTBOX, TICKETS.c.code).join(TICKETS).order_by(OUTBOX.c.id)
        if undelivered:
            query = query.where(OUTBOX.c.state != "delivered")
        if number is not None:
            query = query.where(OUTBOX.c.ticket_id == self.ticket(number).id)
        return [
            model.Delivery(number=numbers.write(row.ticket_id, row.code), **fields_of(model.Delivery, row))
            for row in self.rows(query)
        ]

    def outbox_depth(self) -> list[tuple[str, str, int]]:
        """Returns how many deliveries there are: help desk, state, number."""
        query = select(OUTBOX.c.target, OUTBOX.c.state, func.count()).group_by(OUTBOX.c.target, OUTBOX.c.state)
        return [(target, state, number) for target, state, number in self.rows(query)]

    def retry(self, number: str) -> int:
        """Puts a ticket's parked deliveries back, adds those to help desks set since; returns how many it were."""
        with self.writing() as connection:
            identity = row_of(connection, number).id
            mine = OUTBOX.c.ticket_id == identity
            again = update(OUTBOX).values(state="pending", attempts=0, refusals=0, next_attempt_at=now())
            parked = connection.execute(again.where(mine, OUTBOX.c.state == "parked")).rowcount
            known = set(connection.execute(select(OUTBOX.c.target).where(mine)).scalars())
            missing = [target for target in self.targets if target not in known]
            _enqueue(connection, identity, missing)
        return int(parked) + len(missing)


def _values(draft: TicketDraft) -> dict[str, Any]:
    """Returns the columns of a new ticket, with nothing in them that must not be kept."""
    return {
        **vars(draft),
        **vars(assess(draft.intent, draft.signals, draft.sentiment)),
        "summary": clean(draft.summary),
        "contact_email": draft.contact_email and clean(draft.contact_email),
        "entities": [[name, clean(value)] for name, value in draft.entities if draft.consent or name == PHONE],
        "steps_tried": [clean(step) for step in draft.steps_tried],
        "transcript": [[line.speaker, clean(line.text), line.at] for line in draft.transcript if draft.consent],
    }


def _enqueue(connection: Connection, identity: int, targets: Sequence[str]) -> None:
    if targets:
        connection.execute(insert(OUTBOX), [{"ticket_id": identity, "target": target} for target in targets])
