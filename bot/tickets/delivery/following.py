"""Polls Request Tracker 5 (REST2) for the status of delivered tickets; closes and reopens them here as it did."""

from __future__ import annotations

import itertools
import logging
import threading
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from bot.settings import Settings
from bot.tickets.database import TicketDatabase
from bot.tickets.delivery.request_tracker import rest2
from bot.tickets.delivery.target import DeliveryError
from bot.tickets.model import TicketStoreError, now
from bot.tickets.numbers import find_number
from bot.tickets.status_reports import StatusReports, StatusSeen, closes

logger = logging.getLogger(__name__)
POLL_SECONDS = 60
# What was changed may be seen later than what was changed after it: help desks write at once what takes them seconds,
# and their servers' clocks differ.
OVERLAP = timedelta(minutes=10)
CLOSES = {"new": False, "open": False, "stalled": False, "resolved": True, "rejected": True, "deleted": True}
"""Status of Request Tracker's -> whether the ticket is closed by it."""
# By either of them: the token may be another user's meanwhile, and an agent may have changed the subject.
_OURS = "Creator = '__CurrentUser__' OR Subject LIKE '[T-'"
# Deleted tickets are found by no search for tickets.
_DELETED = "Type = 'Status' AND NewValue = 'deleted' AND TicketCreator = '__CurrentUser__'"
_PAGE_ROWS = 100  # more it does not give


class RequestTrackerStatus:
    """Reads which tickets were changed since a moment, the last one first, until it comes to older ones.

    Its searches take a moment in the time zone of the token's user, and mistake it by an hour around daylight saving;
    what they answer is in UTC. So the moment is not searched for but compared here.

    Args:
        url: of Request Tracker, with or without `REST/2.0/` at its end.
        token: of a user with the rights SeeQueue and ShowTicket.
        answer_seconds: how long an answer is waited for.
    """

    name = "request_tracker"
    """The name of its target, as in the outbox."""
    title = "Request Tracker"
    """Its name in the history of a ticket."""

    def __init__(self, url: str, token: str, answer_seconds: float) -> None:
        self._api = rest2(url, token, answer_seconds)

    def seen(self, since: datetime | None) -> Sequence[StatusSeen]:
        """Returns the tickets that were changed there.

        Args:
            since: by the help desk's clock; None for all tickets.

        Raises:
            DeliveryError: it does not answer, or not what it should.
        """
        try:
            deleted = self._read("transactions", _DELETED, "ObjectId,Created", "Created", since)
            listed = self._read("tickets", _OURS, "Status,Subject,LastUpdated", "LastUpdated", since)
        except (KeyError, TypeError, ValueError) as error:
            raise DeliveryError(f"Request Tracker answers what cannot be read ({error!r}).") from error
        # A deleted ticket that is listed was restored since.
        found = {row["ObjectId"]: StatusSeen(row["ObjectId"], None, True, at) for row, at in deleted}
        for row, at in listed:
            is_closed = closes(self.title, CLOSES, row["Status"])
            if is_closed is not None:
                found[row["id"]] = StatusSeen(row["id"], find_number(row.get("Subject") or ""), is_closed, at)
        return list(found.values())

    def _read(
        self, path: str, query: str, fields: str, moment: str, since: datetime | None
    ) -> list[tuple[dict[str, Any], datetime]]:
        """Returns what was changed, each with when.

        What leaves the list while it is read moves a row over the edge between two pages, where it is not seen; so
        several pages are read again until nothing new is there.
        """
        order = {"orderby": [moment, "id"], "order": ["DESC", "DESC"]}
        asked: dict[str, Any] = {"query": query, "fields": fields, "per_page": _PAGE_ROWS, **order}
        found: dict[tuple[str, str], tuple[dict[str, Any], datetime]] = {}
        while True:
            before = len(found)
            for page in itertools.count(1):
                answer = self._api.call("GET", path, params=asked | {"page": page})
                rows = [(row, datetime.fromisoformat(row[moment].replace("Z", "+00:00"))) for row in answer["items"]]
                new = [(row, at) for row, at in rows if since is None or at >= since]
                found |= {(row["id"], row[moment]): (row, at) for row, at in new}
                # It does not always say how many pages there are.
                if not rows or len(new) < len(rows) or answer.get("pages") == page:
                    break
            if page == 1 or len(found) == before:
                return list(found.values())


class Follower:
    """Takes in what has become of tickets at one help desk.

    The mark, the moment up to which it has asked, is kept in the store: after a restart it goes on where it was. It is
    the help desk's own time, or ours where the help desk's clock is ahead. What is seen twice changes nothing.

    Args:
        source: the help desk.
        database: the ticket database.
    """

    def __init__(self, source: RequestTrackerStatus, database: TicketDatabase) -> None:
        self._source = source
        self._reports = StatusReports(database)
        self._is_down = False

    def run(self, stopped: threading.Event) -> None:
        """Asks every minute until the event is set."""
        while not stopped.is_set():
            try:
                self.ask()
            except TicketStoreError as error:
                logger.warning("%s", error)
            except Exception:  # the thread must not end while the process goes on
                logger.exception("what became of tickets at %s", self._source.title)
            stopped.wait(POLL_SECONDS)

    def ask(self) -> int:
        """Asks once; a help desk that is down is told in the log once, until it answers again.

        Returns:
            How many tickets were closed or opened again.

        Raises:
            TicketStoreError: the store cannot be used; what was seen is asked for again.
        """
        name, title = self._source.name, self._source.title
        mark, begun = self._reports.mark(name), now()
        try:
            seen = self._source.seen(mark and mark - OVERLAP)
        except DeliveryError as error:
            if not self._is_down:
                logger.warning("what became of tickets is asked again every %d s: %s", POLL_SECONDS, error)
            self._is_down = True
            return 0
        if self._is_down:
            logger.info("%s tells again what became of tickets", title)
        self._is_down = False
        changed = self._reports.take(name, title, seen)
        for number in changed:
            logger.info("ticket %s was closed or opened again in %s", number, title)
        if seen:
            # A help desk whose clock was ahead for a while must not have us miss what follows.
            self._reports.set_mark(name, min(begun, max(status.at for status in seen)))
        return len(changed)


def make_followers(settings: Settings, database: TicketDatabase) -> list[Follower]:
    """Returns what asks the help desks that the settings name, as far as they can be asked, what became of tickets."""
    url, token = settings.tickets_rt_url, settings.tickets_rt_token
    if not (url and token):
        return []
    source = RequestTrackerStatus(str(url), token.get_secret_value(), settings.tickets_answer_seconds)
    return [Follower(source, database)]
