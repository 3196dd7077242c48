"""Breaks one part of the stack at a time while customers write and hand over, and counts what became of it all."""

from __future__ import annotations

import asyncio
import math
import random
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

import psycopg2

from benchmarks.serving.load import Tally, load
from bot.tickets.store import TicketStore
from tests.support.programs import Program
from tests.support.servers import wait_until
from tests.support.stack import Embedded, Stack

_AWAY_SECONDS = 3
_DELIVERED_SECONDS = 120
_PAUSE = 1.0
Fault = Callable[[Stack], None]


def with_fault(stack: Stack, name: str, conversations: int, turns: int) -> dict[str, object]:
    """Breaks something while the first tickets are opened; customers write until it is repaired.

    Args:
        stack: the servers.
        name: which of `FAULTS`.
        conversations: how many customers there are.
        turns: how many messages each of them writes.

    Returns:
        The table's row.
    """

    def break_it(tally: Tally, over: threading.Event) -> None:
        while len(tally.told) < max(1, conversations // 16) and not over.wait(0.02):
            pass
        FAULTS[name](stack)

    return {"fault": name, **_broken(stack, conversations, turns, break_it, to_the_end=True)}


def at_random(stack: Stack, conversations: int, turns: int, seed: int) -> dict[str, object]:
    """Kills one server after the other, in any order and at any moment, until the load is over.

    Args:
        stack: the servers.
        conversations: how many customers there are.
        turns: how many messages each of them writes.
        seed: of order and moments.

    Returns:
        The table's row.
    """
    chance, kills = random.Random(seed), list[int]()

    def break_it(tally: Tally, over: threading.Event) -> None:
        kills.append(kill_at_random(stack, [FAULTS[name] for name in KILLS], chance, over))

    row = _broken(stack, conversations, turns, break_it)
    return {"fault": f"any of these at any moment, {kills[0]} kills (seed {seed})", **row}


def kill_at_random(
    servers: Stack | Embedded,
    kills: Sequence[Callable[[Any], None]],
    chance: random.Random,
    over: threading.Event,
    most: float = math.inf,
) -> int:
    """Kills one server after the other, in any order and at any moment.

    Args:
        servers: whose.
        kills: what kills each.
        chance: decides on order and moments.
        over: ends it.
        most: after how many it ends by itself.

    Returns:
        How many it were.
    """
    done = 0
    while True:
        for kill in chance.sample(kills, len(kills)):
            if done >= most or over.wait(chance.uniform(1, 8)):
                return done
            kill(servers)
            done += 1
            wait_for_all(servers.programs)  # one at a time


def counts(stack: Stack, tally: Tally) -> dict[str, object]:
    """Returns the columns that say what became of messages."""
    return {
        "sent": tally.sent,
        "answered": tally.answered,
        "apologies": tally.apologies,
        "tried again": tally.retries,
        "errors seen": tally.errors,
        "lost": tally.lost,
        "mixed": tally.mixed,
        "duplicated": _duplicated(stack, tally),
    }


def ticket_counts(stack: Stack, tally: Tally) -> dict[str, object]:
    """Returns the columns that say what became of tickets; waits until the help desk, if there is one, has them all."""
    store = TicketStore(stack.environment["BOT_TICKETS_DATABASE"])
    kept = {ticket.number: ticket.contact_email for ticket in store.tickets() if ticket.contact_email in tally.tickets}
    columns: dict[str, object] = {
        "tickets wanted": len(tally.tickets),
        "tickets told": len(tally.told),
        "tickets lost": sum(kept.get(number) != address for address, number in tally.told.items()),
        "tickets doubled": len(kept) - len(set(kept.values())),
    }
    if stack.desk is None:
        return columns
    wait_until(lambda: not store.deliveries(undelivered=True), "tickets to be delivered", _DELIVERED_SECONDS)
    arrived = stack.desk.arrived()
    return {**columns, "delivered once": sum(arrived[number] == 1 for number in kept)}


def _broken(
    stack: Stack,
    conversations: int,
    turns: int,
    break_it: Callable[[Tally, threading.Event], None],
    to_the_end: bool = False,
) -> dict[str, object]:
    tally, over = Tally(), threading.Event()
    breaking = threading.Thread(target=break_it, args=(tally, over))
    breaking.start()
    try:
        until = (lambda: not breaking.is_alive()) if to_the_end else (lambda: True)
        asyncio.run(load([stack.origin], conversations, turns, _PAUSE, hand_offs=True, tally=tally, until=until))
    finally:
        over.set()
        breaking.join()
        wait_for_all(stack.programs)
    longest = {"longest s": round(max(tally.seconds, default=0.0))}
    return {"conversations": conversations, **counts(stack, tally), **longest, **ticket_counts(stack, tally)}


def wait_for_all(programs: Iterable[Program]) -> None:
    """Waits until all programs answer."""
    for program in programs:
        program.wait()


def killed(program: Program) -> None:
    """Kills a program; its supervisor starts it anew."""
    program.kill()


def _duplicated(stack: Stack, tally: Tally) -> int:
    """Returns how many messages Rasa has kept more than once."""
    with psycopg2.connect(stack.environment["BOT_TRACKER_DATABASE"]) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT data::json->>'message_id' FROM events WHERE type_name = 'user'")
        kept = [row[0] for row in cursor.fetchall() if row[0] in tally.messages]
    return len(kept) - len(set(kept))


def _away(stop: Callable[[], None], start: Callable[[], None]) -> None:
    stop()
    time.sleep(_AWAY_SECONDS)  # how long it is away is what is tried
    start()


def _broker_away(stack: Stack) -> None:
    assert stack.rabbit is not None
    _away(stack.rabbit.stop, stack.rabbit.start)


FAULTS: dict[str, Fault] = {
    "none": lambda stack: None,
    "a Rasa server killed": lambda stack: killed(stack.workers[0]),
    "action server killed": lambda stack: killed(stack.actions),
    "Redis killed, back after 3 s": lambda stack: _away(stack.redis.stop, stack.redis.start),
    "PostgreSQL killed, back after 3 s": lambda stack: _away(stack.postgres.stop, stack.postgres.start),
    "RabbitMQ killed, back after 3 s": _broker_away,
    "rolling restart": lambda stack: stack.restart_workers(stack.model),
}
KILLS = [name for name in FAULTS if "killed" in name]
