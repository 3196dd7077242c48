"""Checks that the databases answer, the tickets' schema, overdue deletion and delivery, accounts, nightly runs."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone

from sqlalchemy import Table, func, inspect, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.sql import Select

from bot.doctor.installation import Finding, Installation
from bot.privacy.retention import finished_tickets, rested_conversations
from bot.stores.conversations import EVENTS
from bot.stores.databases import cause, reading
from bot.stores.regression_runs import past_runs
from bot.tickets.database import newest_version, version_of
from bot.tickets.tables import DESK_AGENTS, OUTBOX, TICKETS

_WAITS_TOO_LONG = timedelta(hours=1)
# Retention runs every night; one night may be missed.
_GRACE = timedelta(days=2)
_RUN_IS_OLD = timedelta(days=2)


def databases(installation: Installation) -> Iterator[Finding]:
    """Opens each database, and compares the version of the tickets' tables."""
    for name, (variable, url) in installation.databases.items():
        check = f"database of {name}"
        try:
            with reading(url) as connection:
                if connection is None:
                    yield Finding(check, "ok", "there is no file yet; it is made when it is first needed")
                elif name == "tickets":
                    yield _of_version(check, version_of(connection))
                else:
                    connection.execute(select(1))
                    yield Finding(check, "ok", f"{connection.dialect.name} answers")
        except (SQLAlchemyError, OSError, ImportError) as error:
            yield Finding(check, "error", f"cannot be used: {cause(error)}", f"start it, or correct {variable}")


def _of_version(check: str, version: str | None) -> Finding:
    newest = newest_version()
    if version is None:
        return Finding(check, "ok", "has no tables yet; they are made when it is first needed")
    if version < newest:
        remedy = "`python -m bot db backup FOLDER`, then `python -m bot tickets migrate`"
        return Finding(check, "warning", f"its tables are at version {version}, the newest is {newest}", remedy)
    if version > newest:
        found = f"its tables are at version {version}, this code knows {newest} at most"
        return Finding(check, "error", found, "install the newer code that made them")
    return Finding(check, "ok", f"answers; its tables are at the newest version, {version}")


def retention(installation: Installation) -> Finding:
    """Counts what retention should have deleted by now."""
    settings, now = installation.settings, datetime.now(timezone.utc) - _GRACE
    conversations = rested_conversations(now - timedelta(days=settings.keep_conversations_days))
    tickets = select(TICKETS.c.id).where(finished_tickets(now - timedelta(days=settings.keep_tickets_days)))
    overdue = {
        "conversations": _count(installation, "conversations", EVENTS, conversations),
        "tickets": _count(installation, "tickets", TICKETS, tickets),
    }
    late = [f"{number} {name}" for name, number in overdue.items() if number]
    if late:
        found = f"has not run lately: {' and '.join(late)} are kept for longer than the settings say"
        remedy = "enable billing-triage-retention.timer, or run `python -m bot privacy expire` every night"
        return Finding("retention", "error", found, remedy)
    return Finding("retention", "ok", "nothing is kept for longer than the settings say")


def undelivered(installation: Installation) -> Finding:
    """Counts tickets that have not arrived at a help desk an hour after they were opened."""
    before = datetime.now(timezone.utc) - _WAITS_TOO_LONG
    deliveries = select(OUTBOX.c.id).join(TICKETS, TICKETS.c.id == OUTBOX.c.ticket_id)
    late = deliveries.where(OUTBOX.c.state != "delivered", TICKETS.c.opened_at < before)
    waiting = _count(installation, "tickets", OUTBOX, late)
    parked = _count(installation, "tickets", OUTBOX, late.where(OUTBOX.c.state == "parked"))
    if waiting:
        found = f"{waiting} have waited for more than an hour, {parked} of them parked"
        remedy = "`python -m bot tickets list --undelivered` says why; is `python -m bot tickets deliver` running?"
        return Finding("deliveries", "error", found, remedy)
    return Finding("deliveries", "ok", "no ticket waits for more than an hour")


def accounts(installation: Installation) -> Iterator[Finding]:
    """Looks whether anybody may sign in at the desk, where agents are to take over conversations."""
    settings = installation.settings
    if settings.desk == "off" and not settings.desk_origin:
        return
    number = _count(installation, "tickets", DESK_AGENTS, select(DESK_AGENTS.c.id))
    if number or settings.desk_openid_issuer:
        how = ", and whom OpenID Connect lets in" if settings.desk_openid_issuer else ""
        yield Finding("agents' accounts", "ok", f"{number} may sign in{how}")
    else:
        found = "none: customers wait for people who cannot sign in"
        yield Finding("agents' accounts", "error", found, "`python -m bot desk agents add NAME`")


def nightly(installation: Installation) -> Finding:
    """Looks at the last nightly run, its age and verdict."""
    runs = past_runs(installation.databases["nightly runs"][1], 1)
    if not runs:
        return Finding("nightly run", "ok", "none yet (docs/nightly.md)")
    begun = datetime.fromisoformat(runs[0].started_at).replace(tzinfo=timezone.utc)  # what it is written in
    found = f"the last one began {begun:%Y-%m-%d %H:%M} UTC, verdict: {runs[0].verdict}"
    if datetime.now(timezone.utc) - begun > _RUN_IS_OLD:
        remedy = "`systemctl status billing-triage-nightly.timer`, or run `make nightly`"
        return Finding("nightly run", "warning", found, remedy)
    if runs[0].verdict != "good":
        return Finding("nightly run", "warning", found, "read its report (docs/nightly.md)")
    return Finding("nightly run", "ok", found)


def _count(installation: Installation, database: str, table: Table, query: Select) -> int:
    """Counts the rows that a query finds in a database; 0 where it does not have the table yet."""
    with reading(installation.databases[database][1]) as connection:
        if connection is None or not inspect(connection).has_table(table.name):
            return 0
        return int(connection.execute(select(func.count()).select_from(query.subquery())).scalar_one())
