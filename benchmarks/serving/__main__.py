"""Load and faults on the whole stack, and messages per second beside `rasa init`; prints a Markdown table.

python -m benchmarks.serving [load|faults|live-faults|schedules|beside|models|soak]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import asdict
from functools import partial
from pathlib import Path

from tabulate import tabulate

from benchmarks.peer.bots import make_starter_bot, our_bot, running, starter_bot
from benchmarks.peer.measure import customers_messages
from benchmarks.serving.beside import Served, beside
from benchmarks.serving.faults import FAULTS, at_random, counts, with_fault
from benchmarks.serving.live_faults import KINDS, RANDOM, faults_of, servers_with_agents, with_live_fault
from benchmarks.serving.load import load
from benchmarks.serving.model_changes import model_changes
from benchmarks.serving.schedules import Result, Schedules, possible, shorten, steps_of, table
from benchmarks.serving.soak import soak
from bot.training import train
from tests.support.stack import UNLIMITED, Stack

# A load in which each server dies at least once takes several times the messages.
LONGER = 4
ALL = [*FAULTS, RANDOM]


def main() -> int:
    """Starts the stack, loads it and prints what was seen."""
    parser = argparse.ArgumentParser(description=__doc__)
    kinds = ["load", "faults", "live-faults", "schedules", "beside", "models", "soak"]
    parser.add_argument("what", choices=kinds)
    parser.add_argument("--model", type=Path, help="what is served; without it the model of the present content")
    parser.add_argument("--workers", type=int, default=2, help="how many Rasa servers (2)")
    parser.add_argument("--conversations", type=int, nargs="+", default=[1, 8, 64, 200], help="how many at once")
    parser.add_argument("--turns", type=int, default=5, help="messages of each conversation (5)")
    parser.add_argument("--chats", type=int, default=50, help="live-faults: customers who talk to agents at once (50)")
    about = "live-faults: which; schedules: which by turns (both)"
    parser.add_argument("--servers", nargs="+", choices=KINDS, default=KINDS, help=about)
    about = "live-faults: how often each server is killed; models: how often it is switched (3)"
    parser.add_argument("--times", type=int, default=3, help=about)
    parser.add_argument("--fault", nargs="+", default=ALL, help="which faults (all)")
    about = (
        "models: end training and comparison after so long, and switch to a copy (to the end); schedules: length (90)"
    )
    parser.add_argument("--seconds", type=float, help=about)
    about = "of the faults at random, of soak's messages (1); schedules: the first one"
    parser.add_argument("--seed", type=int, default=1, help=about)
    parser.add_argument("--minutes", type=float, default=40, help="soak: how long (40)")
    parser.add_argument("--pace", type=float, default=25, help="soak: messages per second (25: 60,000 in 40 minutes)")
    parser.add_argument("--picture", type=Path, help="soak: where memory and times are drawn, a PNG")
    parser.add_argument("--count", type=int, default=1, help="schedules: how many seeds (1)")
    parser.add_argument("--outage", type=float, default=60, help="schedules: seconds of a long outage (60)")
    parser.add_argument("--shorten", action="store_true", help="schedules: run what fails thrice, then shorten it")
    parser.add_argument("--logs", type=Path, default=Path("var/schedules"), help="schedules: where histories go")
    parser.add_argument("--starter", type=Path, help="a folder in which `rasa init --no-prompt` has been run already")
    options = parser.parse_args()
    if options.what == "beside":
        print(tabulate(_beside(options), headers="keys", tablefmt="github"))
        return 0
    if options.what == "live-faults":
        print(tabulate(_live_faults(options), headers="keys", tablefmt="github"))
        return 0
    if options.what == "schedules":
        return _schedules(options)
    if options.what == "models":
        print(tabulate(_model_changes(options), headers="keys", tablefmt="github"))
        return 0
    if options.what == "soak":
        print(_soak(options))
        return 0
    with tempfile.TemporaryDirectory(prefix="stack") as folder:
        model = (options.model or train()).resolve()
        stack = Stack(Path(folder), model, workers=options.workers, settings=UNLIMITED, desk=options.what == "faults")
        try:
            stack.start()
            if options.what == "load":
                rows = [_loaded(stack, number, options.turns) for number in options.conversations]
                print(tabulate(rows, headers="keys", tablefmt="github"))
            else:
                print(tabulate(_broken(stack, options), headers="keys", tablefmt="github"))
        finally:
            stack.stop()
    return 0


def _broken(stack: Stack, options: argparse.Namespace) -> list[dict[str, object]]:
    rows = []
    for name in options.fault:
        conversations, turns = options.conversations[-1], options.turns
        if name == RANDOM:
            rows.append(at_random(stack, conversations, LONGER * turns, options.seed))
        else:
            rows.append(with_fault(stack, name, conversations, turns))
        print(json.dumps(rows[-1]), file=sys.stderr, flush=True)  # the table comes minutes later
    return rows


def _live_faults(options: argparse.Namespace) -> list[dict[str, object]]:
    model, rows = (options.model or train()).resolve(), []
    for kind in options.servers:
        with tempfile.TemporaryDirectory(prefix="stack") as folder:
            servers = servers_with_agents(kind, Path(folder), model)
            try:
                servers.start()
                for name in [*faults_of(servers), RANDOM]:
                    if name in options.fault or options.fault == ALL:
                        row = with_live_fault(servers, name, options.chats, options.turns, options.times, options.seed)
                        rows.append({"servers": kind, **row})
                        print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
            finally:
                servers.stop()
    return rows


def _soak(options: argparse.Namespace) -> str:
    with tempfile.TemporaryDirectory(prefix="soak") as folder:
        result = soak(Path(folder), (options.model or train()).resolve(), options.minutes, options.seed, options.pace)
    if options.picture:
        result.draw(options.picture)
    return result.report()


def _schedules(options: argparse.Namespace) -> int:
    """Runs random schedules and prints what became of messages; returns 1 where something must not have happened."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a polite `kill` gives the disk back, too
    results = list[Result]()
    schedules = Schedules((options.model or train()).resolve(), options.seconds or 90, options.logs)
    with schedules:
        for number in range(options.count):
            seed, kind = options.seed + number, options.servers[number * len(options.servers) // options.count]
            faults, again = (
                possible(kind) if options.fault == ALL else options.fault,
                partial(schedules.run, kind, seed),
            )
            results.append(again(steps_of(seed, kind, faults, options.outage)))
            if results[-1].findings and options.shorten:
                failed = 1 + sum(bool(again(results[-1].steps).findings) for _ in range(2))
                steps = shorten(results[-1].steps, again) if failed > 1 else results[-1].steps
                print(json.dumps({"failed of three": failed, "left": [asdict(step) for step in steps]}), flush=True)
    print(tabulate(table(results), headers="keys", tablefmt="github"))
    return int(any(result.findings for result in results))


def _model_changes(options: argparse.Namespace) -> list[dict[str, object]]:
    model, rows = (options.model or train()).resolve(), []
    with tempfile.TemporaryDirectory(prefix="models") as folder:
        for row in model_changes(
            Path(folder), model, options.conversations[0], options.turns, options.times, options.seconds
        ):
            rows.append(row)
            print(json.dumps(row), file=sys.stderr, flush=True)
    return rows


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
    tally = asyncio.run(load([stack.origin], conversations, turns))
    return {
        "servers": len(stack.workers),
        "conversations": conversations,
        **tally.pace(),
        **counts(stack, tally),
    }


if __name__ == "__main__":
    sys.exit(main())
