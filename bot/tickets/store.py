"""Stores tickets, outcomes of conversations and candidates for training in one database."""

from __future__ import annotations

import hmac
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, fields
from typing import Any

from sqlalchemy import func, insert, select, update
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Connection, Engine, Row
from sqlalchemy.exc import DataError, IntegrityError
from sqlalchemy.sql import Select

from bot.text.characters import readable
from bot.text.masking import mask
from bot.tickets import model, numbers
from bot.tickets.anonymous import anonymous
from bot.tickets.database import migrate, open_engine, reported
from bot.tickets.model import ConversationOutcome, SearchEvent, Ticket, TicketDraft, TicketStoreError, Utterance, now
from bot.tickets.priority import assess
from bot.tickets.tables import CANDIDATES, OUTBOX, OUTCOMES, SEARCHES, TICKETS


class TicketStore:
    """The ticket database; its tables are made or brought up to date when it is opened.

    Args:
        url: SQLAlchemy's notation of the database.
        targets: names of the help desks that each new ticket is delivered to.

    Raises:
        TicketStoreError: the database cannot be used; so do all methods.
    """

    def __init__(self, url: str, targets: Sequence[str] = ()) -> None:
        self.engine: Engine = open_engine(url)
        self.targets = tuple(targets)
        migrate(self.engine)

    def open(self, draft: TicketDraft) -> Ticket:
        """Saves a ticket together with what is to be delivered; the same conversation and form give the same ticket.

        Card and account numbers are hidden on the way in. Without consent neither transcript nor entities are kept.
        """
        saved = self._opened_by(draft)
        if saved is None:
            # Where the same form was saved in between, the database refuses this one.
            with reported(self.engine), suppress(IntegrityError), self.engine.begin() as connection:
                identity = connection.execute(insert(TICKETS).values(_values(draft))).inserted_primary_key[0]
                _enqueue(connection, identity, self.targets)
            saved = self._opened_by(draft)
            assert saved is not None
        return saved

    def ticket(self, number: str) -> Ticket:
        """Returns one ticket.

        Raises:
            TicketNotFound: there is none with that number.
        """
        with self.reading() as connection:
            return read_ticket(_of_number(connection, number))

    def tickets(self, **wanted: str | None) -> list[Ticket]:
        """Returns tickets, oldest first.

        Args:
            wanted: a value for each column that must have it: `queue`, `language`, `intent`, `state`; None for any.
        """
        query = select(TICKETS).order_by(TICKETS.c.id)
        for column, value in wanted.items():
            if value is not None:
                query = query.where(TICKETS.c[column] == value)
        return [read_ticket(row) for row in self.rows(query)]

    def status_for(
        self, number: str, conversation_id: str | None = None, email: str | None = None
    ) -> model.TicketStatus | None:
        """Returns what its owner may know, None for everybody else.

        A wrong number, a wrong address and a ticket without an address cannot be told apart, nor by the time it takes.
        The caller limits how often a conversation may guess.

        Args:
            number: as the customer types it.
            conversation_id: the conversation that asks.
            email: the address that the customer gives.
        """
        identity, code = numbers.parse(number) or (0, "")
        row = next(iter(self.rows(select(TICKETS).where(TICKETS.c.id == identity))), None)
        right_code = _same(code, row.code if row else None)
        # `|` and `&`: every comparison is made, whatever the others say.
        right_owner = _same(conversation_id, row.conversation_id if row else None) | _same(
            (email or "").strip().casefold(), (row.contact_email or "").casefold() if row else None
        )
        return read_ticket(row).status if row is not None and right_code & right_owner else None

    def statuses_in(self, conversation_id: str) -> list[model.TicketStatus]:
        """Returns the tickets that a conversation has opened, newest first."""
        query = select(TICKETS).where(TICKETS.c.conversation_id == conversation_id).order_by(TICKETS.c.id.desc())
        return [read_ticket(row).status for row in self.rows(query)]

    def assign(self, number: str, assignee: str) -> Ticket:
        """Gives a ticket to an agent."""
        return self._change(number, state="assigned", assignee=assignee)

    def close(self, number: str) -> Ticket:
        """Closes a ticket; its assignee stays on record."""
        return self._change(number, state="closed")

    def reopen(self, number: str) -> Ticket:
        """Opens a closed ticket again, for the agent who had it."""
        assignee = self.ticket(number).assignee
        return self._change(number, state="assigned" if assignee else "new")

    def correct(
        self, number: str, intent: str | None = None, language: str | None = None, text: str | None = None
    ) -> Ticket:
        """Takes an agent's correction, moves the ticket to the right queue and keeps a candidate for training.

        Args:
            number: the ticket.
            intent: what the issue is, None if it was understood.
            language: what the language is, None if it was recognised.
            text: the customer's words that were misunderstood; without them, the first that the transcript has, or
                the summary.
        """
        before = self.ticket(number)
        right_intent, right_language = intent or before.intent, language or before.language
        found = assess(right_intent, before.signals, before.sentiment)
        said = (line.text for line in before.transcript if line.speaker == "customer" and not line.text.startswith("/"))
        with self.writing() as connection:
            connection.execute(
                update(TICKETS)
                .where(TICKETS.c.id == before.id)
                .values(
                    intent=right_intent,
                    language=right_language,
                    queue=found.queue,
                    priority=found.priority,
                    priority_reasons=found.reasons,
                    updated_at=now(),
                )
            )
            _add_candidate(
                connection,
                kind="correction",
                text=text or next(said, before.summary),
                language=right_language,
                intent=right_intent,
                shown=[before.intent] if before.intent else [],
                ticket_id=before.id,
            )
        return self.ticket(number)

    def record_outcomes(self, outcomes: Sequence[ConversationOutcome]) -> None:
        """Records how conversations stand for issues; the latest outcome counts, in whichever order they come.

        Raises:
            TicketStoreError: some could not be kept; the others are.
        """
        rows: dict[tuple[str, str], dict[str, Any]] = {}
        for one in sorted(outcomes, key=lambda outcome: outcome.at):
            if one.outcome not in model.OUTCOMES:
                raise ValueError(f"{one.outcome!r} is no outcome; give one of {', '.join(model.OUTCOMES)}.")
            rows[one.conversation_id, one.intent or ""] = {**asdict(one), "intent": one.intent or ""}
        # In one order, so that servers do not wait for each other's rows crosswise.
        ordered = [rows[key] for key in sorted(rows)]
        if self._write_outcomes(ordered) is None:
            return
        refused = [error for row in ordered if (error := self._write_outcomes([row]))]
        if refused:
            raise TicketStoreError(f"{len(refused)} of {len(ordered)} outcomes: {refused[0]}") from refused[0]

    def _write_outcomes(self, rows: Sequence[dict[str, Any]]) -> TicketStoreError | None:
        """Writes outcomes; returns what the database has against one of them, so that none is written."""
        if not rows:
            return None
        insertion = (sqlite if self.engine.dialect.name == "sqlite" else postgresql).insert(OUTCOMES)
        upsert = insertion.on_conflict_do_update(
            index_elements=[OUTCOMES.c.conversation_id, OUTCOMES.c.intent],
            set_={name: insertion.excluded[name] for name in ("outcome", "language", "product", "confidence", "at")},
            where=insertion.excluded["at"] >= OUTCOMES.c.at,
        )
        try:
            with self.writing() as connection:
                connection.execute(upsert, rows)
        except ValueError as error:  # of psycopg, for a text with a zero byte
            return TicketStoreError(f"the ticket store {self.engine.url!r} refuses a value: {error}")
        except TicketStoreError as error:
            if isinstance(error.__cause__, (DataError, IntegrityError)):
                return error
            raise
        return None

    def outcomes(self) -> list[dict[str, Any]]:
        """Returns how conversations ended, oldest first."""
        return [dict(row._mapping) for row in self.rows(select(OUTCOMES).order_by(OUTCOMES.c.id))]

    def record_choice(self, text: str, language: str, shown: Sequence[str], chosen: str | None) -> None:
        """Keeps what a customer meant when the bot asked "A or B?"; None chosen means neither."""
        with self.writing() as connection:
            _add_candidate(connection, kind="choice", text=text, language=language, intent=chosen, shown=shown)

    def record_fallback(self, text: str, language: str, ranking: Sequence[str] = ()) -> None:
        """Keeps what the bot did not understand, with its best guesses."""
        with self.writing() as connection:
            _add_candidate(connection, kind="fallback", text=text, language=language, shown=ranking)

    def record_search(self, event: SearchEvent) -> None:
        """Keeps a step of a search in a conversation, its text without what only concerns the customer."""
        with self.writing() as connection:
            connection.execute(insert(SEARCHES).values(vars(event) | {"text": anonymous(event.text)}))

    def searches(self) -> list[SearchEvent]:
        """Returns the steps of all searches in conversations, oldest first."""
        columns = [SEARCHES.c[field.name] for field in fields(SearchEvent)]
        rows = self.rows(select(*columns).order_by(SEARCHES.c.id))
        return [SearchEvent(**{**row._mapping, "documents": tuple(row.documents)}) for row in rows]

    def candidates(self) -> list[dict[str, Any]]:
        """Returns what waits for review, oldest first."""
        query = select(CANDIDATES).where(CANDIDATES.c.state == "new").order_by(CANDIDATES.c.id)
        return [dict(row._mapping) for row in self.rows(query)]

    def settle(self, candidates: Sequence[int], state: str) -> None:
        """Notes that candidates were `accepted` or `rejected`."""
        with self.writing() as connection:
            connection.execute(update(CANDIDATES).where(CANDIDATES.c.id.in_(candidates)).values(state=state))

    def deliveries(self, number: str | None = None, undelivered: bool = False) -> list[model.Delivery]:
        """Returns the ways of tickets to help desks, oldest first.

        Args:
            number: of one ticket only.
            undelivered: leave out what has arrived.
        """
        query = select(OUTBOX, TICKETS.c.code).join(TICKETS, TICKETS.c.id == OUTBOX.c.ticket_id).order_by(OUTBOX.c.id)
        if undelivered:
            query = query.where(OUTBOX.c.state != "delivered")
        with self.reading() as connection:
            if number is not None:
                query = query.where(OUTBOX.c.ticket_id == _of_number(connection, number).id)
            return [_delivery(row) for row in connection.execute(query)]

    def outbox_depth(self) -> list[tuple[str, str, int]]:
        """Returns how many deliveries there are: help desk, state, number."""
        query = select(OUTBOX.c.target, OUTBOX.c.state, func.count()).group_by(OUTBOX.c.target, OUTBOX.c.state)
        return [(target, state, number) for target, state, number in self.rows(query)]

    def check(self) -> None:
        """Asks the database for an answer; raises TicketStoreError where there is none."""
        self.rows(select(1))

    def retry(self, number: str) -> int:
        """Puts a ticket's parked deliveries back, adds those to help desks set since; returns how many it were."""
        with self.writing() as connection:
            identity = _of_number(connection, number).id
            mine = OUTBOX.c.ticket_id == identity
            parked = connection.execute(
                update(OUTBOX)
                .where(mine, OUTBOX.c.state == "parked")
                .values(state="pending", attempts=0, refusals=0, next_attempt_at=now())
            ).rowcount
            known = set(connection.execute(select(OUTBOX.c.target).where(mine)).scalars())
            missing = [target for target in self.targets if target not in known]
            _enqueue(connection, identity, missing)
        return int(parked) + len(missing)

    def _opened_by(self, draft: TicketDraft) -> Ticket | None:
        same_form = (TICKETS.c.conversation_id == draft.conversation_id) & (TICKETS.c.form_id == draft.form_id)
        return next((read_ticket(row) for row in self.rows(select(TICKETS).where(same_form))), None)

    def _change(self, number: str, **values: Any) -> Ticket:
        with self.writing() as connection:
            row = _of_number(connection, number)
            connection.execute(update(TICKETS).where(TICKETS.c.id == row.id).values(**values, updated_at=now()))
        return self.ticket(number)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """Opens a connection for reading, which waits for no writer; raises TicketStoreError for what fails in it."""
        with reported(self.engine), self.engine.connect() as connection:
            yield connection.execution_options(reads_only=True)

    def rows(self, query: Select) -> list[Row]:
        """Returns what a query finds."""
        with self.reading() as connection:
            return list(connection.execute(query))

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """Opens a transaction; raises TicketStoreError for what fails in it."""
        with reported(self.engine), self.engine.begin() as connection:
            yield connection


def _values(draft: TicketDraft) -> dict[str, Any]:
    """Returns the columns of a new ticket, with nothing in them that must not be kept."""
    found = assess(draft.intent, draft.signals, draft.sentiment)
    moment = now()
    return {
        **vars(draft),
        "code": numbers.new_code(),
        "opened_at": moment,
        "updated_at": moment,
        "state": "new",
        "queue": found.queue,
        "priority": found.priority,
        "priority_reasons": found.reasons,
        "summary": _clean(draft.summary),
        "contact_email": draft.contact_email and _clean(draft.contact_email),
        "entities": [[entity, _clean(value)] for entity, value in draft.entities] if draft.consent else [],
        "steps_tried": [_clean(step) for step in draft.steps_tried],
        "transcript": [[line.speaker, _clean(line.text), line.at] for line in draft.transcript if draft.consent],
    }


def _clean(text: str) -> str:
    """Returns the text without card and account numbers, and without what would steer a terminal or stop a database."""
    return mask(readable(text)).text  # in this order: without unreadable characters, digits may come together


def read_ticket(row: Row) -> Ticket:
    """Returns the ticket that a row of the table keeps."""
    values = {field.name: row._mapping[field.name] for field in fields(Ticket)}
    for name in ("runners_up", "entities", "priority_reasons"):
        values[name] = tuple(tuple(pair) for pair in values[name])
    values["transcript"] = tuple(Utterance(*line) for line in values["transcript"])
    values["steps_tried"] = tuple(values["steps_tried"])
    values["signals"] = tuple(values["signals"])
    values["sentiment"] = tuple(values["sentiment"]) if values["sentiment"] else None
    return Ticket(**values)


def _delivery(row: Row) -> model.Delivery:
    columns = [field.name for field in fields(model.Delivery) if field.name != "number"]
    number = numbers.write(row.ticket_id, row.code)
    return model.Delivery(number=number, **{name: row._mapping[name] for name in columns})


def _of_number(connection: Connection, number: str) -> Row:
    parsed = numbers.parse(number)
    row = connection.execute(select(TICKETS).where(TICKETS.c.id == parsed[0])).one_or_none() if parsed else None
    if row is None or parsed is None or not _same(parsed[1], row.code):
        raise model.TicketNotFound(f"there is no ticket {number}; `python -m bot tickets list` shows those there are.")
    return row


def _same(given: str | None, kept: str | None) -> bool:
    """Compares in a time that does not tell how much of it is right; nothing is the same as nothing."""
    same = hmac.compare_digest((given or "").encode(), (kept or "").encode())
    return same & bool(given) & bool(kept)


def _enqueue(connection: Connection, identity: int, targets: Sequence[str]) -> None:
    if targets:
        connection.execute(insert(OUTBOX), [{"ticket_id": identity, "target": target} for target in targets])


def _add_candidate(connection: Connection, *, text: str, **values: Any) -> None:
    connection.execute(insert(CANDIDATES).values(text=anonymous(text), **values))
