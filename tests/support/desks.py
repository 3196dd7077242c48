"""Help desks that go down and come back, each of which counts what has arrived."""

from __future__ import annotations

from collections import Counter
from typing import Protocol

from tests.support.help_desks import SECRET, MailServer, RequestTracker, WebhookReceiver


class Desk(Protocol):
    """A help desk that can be down."""

    name: str
    environment: dict[str, str]

    def down(self) -> None:
        """Takes it down at once."""

    def up(self) -> None:
        """Brings it back."""

    def arrived(self) -> Counter[str]:
        """Returns how often each ticket number is there."""

    def messages(self) -> int:
        """Returns how many messages it took, repeated ones included."""


class WebhookDesk:
    """A webhook receiver; it drops what comes with a known Idempotency-Key."""

    name = "webhook"

    def __init__(self) -> None:
        self.receiver = WebhookReceiver()
        self.environment = {"BOT_TICKETS_WEBHOOK_URL": self.receiver.url, "BOT_TICKETS_WEBHOOK_SECRET": SECRET}
        self.environment |= _times(2, 6)

    def down(self) -> None:
        """Stops listening."""
        self.receiver.stop()

    def up(self) -> None:
        """Listens again."""
        self.receiver.start()

    def arrived(self) -> Counter[str]:
        """Returns how often each ticket number is there."""
        return Counter(posted["ticket"]["number"] for posted in self.receiver.tickets.values())

    def messages(self) -> int:
        """Returns how many requests came in."""
        return self.receiver.requests


class MailDesk:
    """A mail server whose mailbox keeps each Message-ID once."""

    name = "email"

    def __init__(self) -> None:
        self.server = MailServer()
        self.environment = {
            "BOT_TICKETS_SMTP_URL": self.server.url,
            "BOT_TICKETS_EMAIL_FROM": "triage-bot@bot.example",
            "BOT_TICKETS_EMAIL_TO": "support@help.example",
            **_times(2, 6),
        }

    def down(self) -> None:
        """Stops listening."""
        self.server.stop()

    def up(self) -> None:
        """Listens again."""
        self.server.start()

    def arrived(self) -> Counter[str]:
        """Returns how often each ticket number is there."""
        mailbox = {str(message["Message-ID"]): str(message["Subject"]) for message in self.server.messages}
        return Counter(number_in(subject) for subject in mailbox.values())

    def messages(self) -> int:
        """Returns how many e-mails came in."""
        return len(self.server.messages)


class RequestTrackerDesk:
    """A Request Tracker; it knows nothing of repetitions."""

    name = "request_tracker"

    def __init__(self, tracker: RequestTracker) -> None:
        self.tracker = tracker
        self._before = set(tracker.subjects())
        self.environment = {
            "BOT_TICKETS_RT_URL": tracker.url,
            "BOT_TICKETS_RT_TOKEN": tracker.token,
            "BOT_TICKETS_RT_QUEUE": "Billing",
            **_times(5, 16),
        }

    def down(self) -> None:
        """Kills it."""
        self.tracker.stop()

    def up(self) -> None:
        """Starts it again."""
        self.tracker.start()

    def arrived(self) -> Counter[str]:
        """Returns how often each ticket number is there."""
        return Counter(number_in(subject) for subject in self.tracker.subjects() if subject not in self._before)

    def messages(self) -> int:
        """Returns how many tickets it has."""
        return self.arrived().total()


def number_in(subject: str) -> str:
    """Returns the ticket number that a subject begins with."""
    return subject.split("]", maxsplit=1)[0].removeprefix("[")


def _times(answer: int, lease: int) -> dict[str, str]:
    """Returns short times, so that what a killed worker had in hand is taken up soon."""
    return {"BOT_TICKETS_ANSWER_SECONDS": str(answer), "BOT_TICKETS_LEASE_SECONDS": str(lease)}
