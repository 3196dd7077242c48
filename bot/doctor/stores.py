"""Checks of the databases: whether they answer, their version, and what in them has waited for too long."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta, timezone

from sqlalchemy import func, inspect, select
from sqlalchemy.engine import Connection
from sqlalchemy.exc import SQLAlchemyError

from bot.doctor.installation import Finding, Installation
from bot.privacy.retention import finished_tickets, rested_conversations
from bot.stores.conversations import EVENTS
from bot.stores.databases import cause, open_to_read, sqlite_file
from bot.stores.regression_runs import RUNS, last_runs
from bot.tickets.database import newest_version, version_of
from bot.tickets.tables import DESK_AGENTS, OUTBOX, TICKETS

_WAITS_TOO_LONG = timedelta(hours=1)
# Retention runs every night; one night may be missed.
_GRACE = timedelta(days=2)
_RUN_IS_OLD = timedelta(days=2)


@contextmanager
def _reading(url: str) -> Iterator[Connection | None]:
    """Opens a database to look at it; None where there is no file yet."""
    file = sqlite_file(url)
    if file is not None and not file.exists():
        yield None
        return
    engine = open_to_read(url)
    try:
        with engine.connect() as connection:
            yield connection
    finally:
        engine.dispose()


def databases(installation: Installation) -> Iterator[Finding]:
    """Opens each database, and compares the version of the tickets' tables."""
    for name, (variable, url) in installation.databases.items():
        check = f"database of {name}"
        try:
            with _reading(url) as connection:
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


def retention(installation: Installation) -> Iterator[Finding]:
    """Counts what retention should have deleted by now."""
    settings, now = installation.settings, datetime.now(timezone.utc) - _GRACE
    conversations_before = now - timedelta(days=settings.keep_conversations_days)
    tickets_before = now - timedelta(days=settings.keep_tickets_days)
    overdue = {
        "conversations": _count(
            settings.tracker_database.get_secret_value(), EVENTS.name, rested_conversations(conversations_before)
        ),
        "tickets": _count(
            settings.tickets_database.get_secret_value(),
            TICKETS.name,
            select(TICKETS.c.id).where(finished_tickets(tickets_before)),
        ),
    }
    late = [f"{number} {name}" for name, number in overdue.items() if number]
    if late:
        found = f"has not run lately: {' and '.join(late)} are kept for longer than the settings say"
        remedy = "enable billing-triage-retention.timer, or run `python -m bot privacy expire` every night"
        yield Finding("retention", "error", found, remedy)
    else:
        yield Finding("retention", "ok", "nothing is kept for longer than the settings say")


def undelivered(installation: Installation) -> Iterator[Finding]:
    """Counts tickets that have not arrived at a help desk an hour after they were opened."""
    before = datetime.now(timezone.utc) - _WAITS_TOO_LONG
    url = installation.settings.tickets_database.get_secret_value()
    late = (
        select(OUTBOX.c.id)
        .join(TICKETS, TICKETS.c.id == OUTBOX.c.ticket_id)
        .where(OUTBOX.c.state != "delivered", TICKETS.c.opened_at < before)
    )
    waiting = _count(url, OUTBOX.name, late)
    parked = _count(url, OUTBOX.name, late.where(OUTBOX.c.state == "parked"))
    if waiting:
        found = f"{waiting} have waited for more than an hour, {parked} of them parked"
        remedy = "`python -m bot tickets list --undelivered` says why; is `python -m bot tickets deliver` running?"
        yield Finding("deliveries", "error", found, remedy)
    else:
        yield Finding("deliveries", "ok", "no ticket waits for more than an hour")


def accounts(installation: Installation) -> Iterator[Finding]:
    """Looks whether anybody may sign in at the desk, where agents are to take over conversations."""
    settings = installation.settings
    if settings.desk == "off" and not settings.desk_origin:
        return
    number = _count(settings.tickets_database.get_secret_value(), DESK_AGENTS.name, select(DESK_AGENTS.c.id))
    if number or settings.desk_openid_issuer:
        how = ", and whom OpenID Connect lets in" if settings.desk_openid_issuer else ""
        yield Finding("agents' accounts", "ok", f"{number} may sign in{how}")
    else:
        found = "none: customers wait for people who cannot sign in"
        yield Finding("agents' accounts", "error", found, "`python -m bot desk agents add NAME`")


def nightly(installation: Installation) -> Iterator[Finding]:
    """Looks at the last nightly run, its age and verdict."""
    with _reading(installation.settings.regression_database.get_secret_value()) as connection:
        runs = last_runs(connection, 1) if connection is not None and inspect(connection).has_table(RUNS.name) else []
    if not runs:
        yield Finding("nightly run", "ok", "none yet (docs/nightly.md)")
        return
    begun = datetime.fromisoformat(runs[0].started_at)
    begun = begun if begun.tzinfo else begun.replace(tzinfo=timezone.utc)
    found = f"the last one began {begun:%Y-%m-%d %H:%M} UTC, verdict: {runs[0].verdict}"
    if datetime.now(timezone.utc) - begun > _RUN_IS_OLD:
        remedy = "`systemctl status billing-triage-nightly.timer`, or run `make nightly`"
        yield Finding("nightly run", "warning", found, remedy)
    elif runs[0].verdict != "good":
        yield Finding("nightly run", "warning", found, "read its report (docs/nightly.md)")
    else:
        yield Finding("nightly run", "ok", found)


def _count(url: str, table: str, query: object) -> int:
    """Counts the rows that a query finds; 0 where there is no such table yet."""
    with _reading(url) as connection:
        if connection is None or not inspect(connection).has_table(table):
            return 0
        return int(connection.execute(select(func.count()).select_from(query.subquery())).scalar_one())  # type: ignore[attr-defined]
