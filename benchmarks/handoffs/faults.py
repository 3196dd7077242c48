"""One fault run: many conversations hand over at once while help desks go down and processes are killed."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bot.settings import PROJECT_ROOT
from bot.tickets.store import TicketStore
from tests.support.desks import Desk
from tests.support.servers import wait_until

FINISH_SECONDS = 900
WORKERS = 2
FAULTS = 10
FAULTS_WHILE_SAVING = 3
DELIVER = ("bot", "tickets", "deliver")
HAND_OVER = ("benchmarks.handoffs.hand_over",)


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
