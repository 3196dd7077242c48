"""Reads from Request Tracker 5, over REST2, what has become of our tickets."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Sequence
from datetime import datetime
from functools import cache
from typing import Any

import requests

from bot.tickets.delivery.following import StatusError
from bot.tickets.numbers import find_number
from bot.tickets.status_reports import StatusSeen

logger = logging.getLogger(__name__)
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
        page_rows: most rows of one answer.
    """

    name = "request_tracker"
    title = "Request Tracker"

    def __init__(self, url: str, token: str, answer_seconds: float, page_rows: int = _PAGE_ROWS) -> None:
        self._url = f"{url.rstrip('/').removesuffix('/REST/2.0')}/REST/2.0"
        self._headers = {"Authorization": f"token {token}"}
        self._answer_seconds = answer_seconds
        self._page_rows = page_rows

    def seen(self, since: datetime | None) -> Sequence[StatusSeen]:
        """Returns the tickets that were changed; see `StatusSource.seen`."""
        try:
            deleted = self._read("transactions", _DELETED, "ObjectId,Created", "Created", since)
            listed = self._read("tickets", _OURS, "Status,Subject,LastUpdated", "LastUpdated", since)
        except requests.RequestException as error:
            answer = error.response
            told = f"it answered {answer.status_code} {answer.reason}" if answer is not None else type(error).__name__
            is_token = answer is not None and answer.status_code in (401, 403)
            remedy = "; look at BOT_TICKETS_RT_TOKEN and its rights" if is_token else ""
            raise StatusError(f"Request Tracker does not tell it ({told}{remedy}).") from error
        except (KeyError, TypeError, ValueError) as error:
            raise StatusError(f"Request Tracker answers what cannot be read ({error!r}).") from error
        # A deleted ticket that is listed was restored since.
        found = {row["ObjectId"]: StatusSeen(row["ObjectId"], None, True, at) for row, at in deleted}
        for row, at in listed:
            is_closed = CLOSES.get(row["Status"])
            if is_closed is None:
                _warn_of(row["Status"])
            else:
                found[row["id"]] = StatusSeen(row["id"], find_number(row.get("Subject") or ""), is_closed, at)
        return list(found.values())

    def _read(
        self, path: str, query: str, fields: str, moment: str, since: datetime | None
    ) -> list[tuple[dict[str, Any], datetime]]:
        """Returns what was changed, each with when.

        What leaves the list while it is read moves a row over the edge between two pages, where it is not seen; so
        several pages are read again until nothing new is there.
        """
        asked = {"query": query, "fields": fields, "orderby": [moment, "id"], "order": ["DESC", "DESC"]}
        found: dict[tuple[str, str], tuple[dict[str, Any], datetime]] = {}
        while True:
            before = len(found)
            for page in itertools.count(1):
                answer = self._page(path, asked | {"per_page": self._page_rows, "page": page})
                rows = [(row, datetime.fromisoformat(row[moment].replace("Z", "+00:00"))) for row in answer["items"]]
                new = [(row, at) for row, at in rows if since is None or at >= since]
                found |= {(row["id"], row[moment]): (row, at) for row, at in new}
                # It does not always say how many pages there are.
                if not rows or len(new) < len(rows) or answer.get("pages") == page:
                    break
            if page == 1 or len(found) == before:
                return list(found.values())

    def _page(self, path: str, asked: dict[str, Any]) -> dict[str, Any]:
        response = requests.get(
            f"{self._url}/{path}",
            params=asked,
            headers=self._headers,
            timeout=self._answer_seconds,
            allow_redirects=False,
        )
        response.raise_for_status()
        answer: dict[str, Any] = response.json()
        return answer


@cache  # once in a process
def _warn_of(status: str) -> None:
    logger.warning(
        "Request Tracker's status %r is none of %s; such tickets stay as they are", status, ", ".join(CLOSES)
    )
