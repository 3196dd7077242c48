"""Load and faults on the whole stack, and messages per second beside `rasa init`; prints a Markdown table.

python -m benchmarks.serving [load|faults|beside]
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import psycopg2
from tabulate import tabulate

from benchmarks.peer.bots import make_starter_bot, our_bot, running, starter_bot
from benchmarks.peer.measure import customers_messages
from benchmarks.serving.beside import Served, beside
from benchmarks.serving.load import Tally, load
from benchmarks.serving.stack import Program, Stack
from bot.launcher import train

# As many as the load needs; limits are what other tests are about.
UNLIMITED = {
    "BOT_LIMIT_MESSAGES_PER_CONVERSATION": "100000 per minute",
    "BOT_LIMIT_REQUESTS_PER_ADDRESS": "100000 per minute",
    "BOT_LIMIT_SESSIONS_PER_ADDRESS": "100000 per minute",
}
_AWAY_SECONDS = 3


def main() -> int:
    """Starts the stack, loads it and prints what was seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("what", choices=["load", "faults", "beside"])
    parser.add_argument("--model", type=Path, help="what is served; without it the model of the present content")
    parser.add_argument("--workers", type=int, default=2, help="how many Rasa servers (2)")
    parser.add_argument("--conversations", type=int, nargs="+", default=[1, 8, 64, 200], help="how many at once")
    parser.add_argument("--turns", type=int, default=5, help="messages of each conversation (5)")
    parser.add_argument("--starter", type=Path, help="a folder in which `rasa init --no-prompt` has been run already")
    options = parser.parse_args()
    if options.what == "beside":
        print(tabulate(_beside(options), headers="keys", tablefmt="github"))
        return 0
    with tempfile.TemporaryDirectory(prefix="stack") as folder:
        stack = Stack(Path(folder), (options.model or train()).resolve(), workers=options.workers, settings=UNLIMITED)
        try:
            stack.start()
            if options.what == "load":
                rows = [_loaded(stack, number, options.turns) for number in options.conversations]
                print(tabulate(rows, headers="keys", tablefmt="github"))
            else:
                rows = [_with_fault(stack, name, options.conversations[-1], options.turns) for name in FAULTS]
                print(tabulate(rows, headers="keys", tablefmt="github"))
        finally:
            stack.stop()
    return 0


def _beside(options: argparse.Namespace) -> list[dict[str, object]]:
    model = (options.model or train()).resolve()
    with ExitStack() as started:
        starter = options.starter
        if starter is None:
            starter = Path(started.enter_context(tempfile.TemporaryDirectory()))
            make_starter_bot(starter)
        ours, theirs = our_bot(model), starter_bot(starter)
        first, second = started.enter_context(running(ours)), started.enter_context(running(theirs))
        texts = customers_messages(first)
        folder = Path(started.enter_context(tempfile.TemporaryDirectory(prefix="stack")))
        stack = Stack(folder, model, workers=options.workers, broker=False, actions_apart=False, rest=True)
        started.callback(stack.stop)
        stack.start()
        several = [f"http://127.0.0.1:{port}" for port in stack.worker_ports]
        bots = [
            Served("rasa init", theirs, [f"http://127.0.0.1:{second.port}"], customers_messages(second)),
            Served("ours, 1 server, SQLite", ours, [f"http://127.0.0.1:{first.port}"], texts),
            Served(f"ours, {options.workers} servers, PostgreSQL and Redis", ours, several, texts),
        ]
        return beside(bots, options.conversations)


def _loaded(stack: Stack, conversations: int, turns: int) -> dict[str, object]:
    started = time.perf_counter()
    tally = asyncio.run(load([stack.origin], conversations, turns))
    seconds = time.perf_counter() - started
    times = {f"p{round(share * 100)} ms": round(1000 * tally.percentile(share)) for share in (0.5, 0.95, 0.99)}
    return {
        "servers": len(stack.workers),
        "conversations": conversations,
        "messages/s": round(tally.answered / seconds, 1),
        **times,
        **_counts(stack, tally),
    }


def _with_fault(stack: Stack, name: str, conversations: int, turns: int) -> dict[str, object]:
    done = threading.Event()

    def break_it() -> None:
        done.wait(2)  # the load has begun; the moment is not what is measured
        FAULTS[name](stack)

    breaking = threading.Thread(target=break_it)
    breaking.start()
    tally = asyncio.run(load([stack.origin], conversations, turns, pause=1.0))
    done.set()
    breaking.join()
    for program in stack.programs:
        program.wait()
    return {"fault": name, "conversations": conversations, **_counts(stack, tally)}


def _counts(stack: Stack, tally: Tally) -> dict[str, int]:
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


def _killed(program: Program) -> None:
    program.kill()  # the stack's supervisor starts it anew


def _broker_away(stack: Stack) -> None:
    assert stack.rabbit is not None
    _away(stack.rabbit.stop, stack.rabbit.start)


FAULTS: dict[str, Callable[[Stack], None]] = {
    "none": lambda stack: None,
    "a Rasa server killed": lambda stack: _killed(stack.workers[0]),
    "action server killed": lambda stack: _killed(stack.actions),
    "Redis killed, back after 3 s": lambda stack: _away(stack.redis.stop, stack.redis.start),
    "PostgreSQL killed, back after 3 s": lambda stack: _away(stack.postgres.stop, stack.postgres.start),
    "RabbitMQ killed, back after 3 s": _broker_away,
    "rolling restart": lambda stack: stack.restart_workers(),
}


if __name__ == "__main__":
    sys.exit(main())
