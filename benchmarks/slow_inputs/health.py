"""Measures how long `/health/live` takes while three customers write slow messages, three each, and prints it.

    python -m benchmarks.slow_inputs.health [--rounds 10] [--model FILE]

Every message is new: sentences of three letters, unknown words, and lines, 2,000 characters each. The server shares the
machine with this program, as with any customer.
"""

from __future__ import annotations

import argparse
import random
import statistics
import threading
import time
import urllib.request
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path

from benchmarks.channel import page_customer, running_bot
from benchmarks.slow_inputs.messages import filled, letters

CUSTOMERS = 3
MESSAGES = 3
BETWEEN_SECONDS = 0.01
"""So long is waited between two questions after its health."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and prints; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=10, help="times that nine messages are sent (10)")
    parser.add_argument("--model", type=Path, help="serve this model; without it, that of the present content")
    options = parser.parse_args(arguments)
    chance = random.Random(1)
    with running_bot(options.model) as port:
        _send(port, ["hello", "my card was declined"])
        idle = _health_during(port, partial(time.sleep, 2))
        busy: list[float] = []
        for _ in range(options.rounds):
            rounds = [_messages(chance) for _ in range(CUSTOMERS)]
            busy += _health_during(port, partial(_send_together, port, rounds))
    print("| /health/live | requests | median, ms | 95 % within, ms | longest, ms |\n|---|---|---|---|---|")
    for name, times in (("idle", idle), (f"while {CUSTOMERS * MESSAGES} slow messages are answered", busy)):
        p95 = statistics.quantiles(times, n=20)[-1]
        print(f"| {name} | {len(times)} | {statistics.median(times):.0f} | {p95:.0f} | {max(times):.0f} |")
    return 0


def _messages(chance: random.Random) -> list[str]:
    return [filled(letters(length), separator, chance) for length, separator in ((3, ". "), (5, " "), (3, "\n"))]


def _send(port: int, texts: Iterable[str]) -> None:
    ask = page_customer(port)
    for text in texts:
        ask(text)


def _send_together(port: int, conversations: Iterable[Sequence[str]]) -> None:
    customers = [threading.Thread(target=_send, args=(port, texts)) for texts in conversations]
    for customer in customers:
        customer.start()
    for customer in customers:
        customer.join()


def _health_during(port: int, work: Callable[[], None]) -> list[float]:
    """Returns how many milliseconds each question after the server's health took while something was done."""
    worker = threading.Thread(target=work)
    worker.start()
    times = []
    while worker.is_alive():
        began = time.perf_counter()
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/health/live", timeout=60) as response:
            response.read()
        times.append(1000 * (time.perf_counter() - began))
        time.sleep(BETWEEN_SECONDS)
    return times


if __name__ == "__main__":
    raise SystemExit(main())
