"""One fault run: many conversations hand over at once while help desks go down and processes are killed."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from bot.settings import PROJECT_ROOT
from bot.tickets.store import TicketStore
from tests.support.help_desks import SECRET, MailServer, RequestTracker, WebhookReceiver
from tests.support.servers import wait_until

FINISH_SECONDS = 900
WORKERS = 2
FAULTS = 10
FAULTS_WHILE_SAVING = 3
DELIVER = ("bot", "tickets", "deliver")
HAND_OVER = ("benchmarks.handoffs.hand_over",)


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


@dataclass(frozen=True)
class Result:
    """What became of the tickets of one run.

    Args:
        store: `sqlite` or `postgresql`.
        desk: the help desk's name.
        hand_offs: how many conversations handed over, each of them twice.
        tickets: how many tickets the store has.
        once: how many of them the help desk has exactly once.
        missing: how many it does not have.
        twice: how many it has more than once.
        repeated: how many messages it took beyond the first of each ticket, and dropped by their key.
        outages: how often it was down.
        kills: how many processes were killed.
        seconds: from the first hand-off to the last arrival.
    """

    store: str
    desk: str
    hand_offs: int
    tickets: int
    once: int
    missing: int
    twice: int
    repeated: int
    outages: int
    kills: int
    seconds: float


def _times(answer: int, lease: int) -> dict[str, str]:
    """Returns short times, so that what a killed worker had in hand is taken up soon."""
    return {"BOT_TICKETS_ANSWER_SECONDS": str(answer), "BOT_TICKETS_LEASE_SECONDS": str(lease)}


def number_in(subject: str) -> str:
    """Returns the ticket number that a subject begins with."""
    return subject.split("]", maxsplit=1)[0].removeprefix("[")


def run_faults(database: str, desk: Desk, hand_offs: int, log: Path, seed: int = 1) -> Result:
    """Hands over, injects faults while tickets are saved and delivered, lets the rest be delivered, and counts.

    Args:
        database: an empty database.
        desk: the help desk, up.
        hand_offs: how many conversations hand over at once.
        log: where the workers' messages go.
        seed: of the faults.
    """
    chance = random.Random(seed)
    environment = {
        **os.environ,
        **desk.environment,
        "BOT_TICKETS_DATABASE": database,
        "BOT_TICKETS_RETRY_SECONDS": "0.2",
        "BOT_TICKETS_RETRY_LONGEST_SECONDS": "2",
    }
    outages = kills = 0
    started = time.monotonic()
    store = TicketStore(database)
    with log.open("wb") as stream, _workers(environment, stream) as workers:
        savers = [_start(environment, stream, *HAND_OVER, str(hand_offs)) for _ in range(2)]
        for number in range(FAULTS):
            if number < FAULTS_WHILE_SAVING:
                time.sleep(chance.uniform(0.5, 3))  # a fault strikes at any moment
            else:
                goal = min(_delivered(store) + hand_offs // 20, hand_offs)
                wait_until(partial(_has_delivered, store, goal), "deliveries go on", FINISH_SECONDS)
            for processes, words in ((workers, DELIVER), (savers, (*HAND_OVER, str(hand_offs)))):
                victim = chance.choice(processes)
                if victim.poll() is None:
                    _kill(victim, processes, environment, stream, words)
                    kills += 1
            desk.down()
            outages += 1
            time.sleep(chance.uniform(0.3, 3))  # the outage
            desk.up()
        for saver in savers:
            saver.wait(FINISH_SECONDS)
        if any(saver.returncode for saver in savers):
            raise RuntimeError(f"handing over failed:\n{log.read_text(encoding='utf8', errors='replace')[-3000:]}")
        wait_until(lambda: not store.deliveries(undelivered=True), "everything is delivered", FINISH_SECONDS)
    seconds = time.monotonic() - started
    numbers = {ticket.number for ticket in store.tickets()}
    arrived = desk.arrived()
    return Result(
        store=store.engine.dialect.name,
        desk=desk.name,
        hand_offs=hand_offs,
        tickets=len(numbers),
        once=sum(arrived[number] == 1 for number in numbers),
        missing=sum(arrived[number] == 0 for number in numbers),
        twice=sum(arrived[number] > 1 for number in numbers),
        repeated=desk.messages() - len(arrived),
        outages=outages,
        kills=kills,
        seconds=seconds,
    )


@contextlib.contextmanager
def _workers(environment: dict[str, str], stream: object) -> Iterator[list[subprocess.Popen[bytes]]]:
    workers = [_start(environment, stream, *DELIVER) for _ in range(WORKERS)]
    try:
        yield workers
    finally:
        for worker in workers:
            worker.send_signal(signal.SIGTERM)
        for worker in workers:
            worker.wait(timeout=60)


def _kill(
    victim: subprocess.Popen[bytes],
    processes: list[subprocess.Popen[bytes]],
    environment: dict[str, str],
    stream: object,
    words: Sequence[str],
) -> None:
    """Kills a process, whatever it is doing, and starts another one in its place."""
    victim.kill()
    victim.wait()
    processes.remove(victim)
    processes.append(_start(environment, stream, *words))


def _has_delivered(store: TicketStore, goal: int) -> bool:
    return _delivered(store) >= goal


def _delivered(store: TicketStore) -> int:
    return sum(delivery.state == "delivered" for delivery in store.deliveries())


def _start(environment: dict[str, str], stream: object, module: str, *words: str) -> subprocess.Popen[bytes]:
    command: Sequence[str] = [sys.executable, "-m", module, *words]
    return subprocess.Popen(command, cwd=PROJECT_ROOT, env=environment, stdout=stream, stderr=stream)  # type: ignore[call-overload,no-any-return]
