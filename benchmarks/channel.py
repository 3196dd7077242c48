"""Measures how long the first part of a reply takes through the page's channel, beside Rasa's plain REST channel.

With --desk instead: what it costs customers without an agent that agents may take over (BOT_DESK), whole answers over
the page's channel of two bots by turns. python -m benchmarks.channel [--desk] [--messages 200] [--model FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
import uuid
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.peer.bots import Client, our_bot, running
from bot.settings import PROJECT_ROOT
from bot.training import train
from tests.support.stack import UNLIMITED

WARM_UP = 10
# Each conversation gets as many messages before the next one begins: trackers grow, and with them every answer's time.
MESSAGES_PER_CONVERSATION = 5
QUESTIONS = (
    "kortet mitt ble avvist",
    "how do I pay my azure invoice?",
    "jag vill säga upp min prenumeration",
    "waar vind ik mijn factuur",
)

Ask = Callable[[str], float]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures, prints and writes results/channel.json; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=200, help="messages to each channel (200)")
    parser.add_argument("--model", type=Path, help="serve this model; without it, that of the present content")
    parser.add_argument("--desk", action="store_true", help="BOT_DESK on beside off, in place of the two channels")
    options = parser.parse_args(arguments)
    os.environ.update(UNLIMITED)
    if options.desk:
        print(json.dumps(with_desk(options.model or train(), options.messages), indent=2))
        return 0
    with running(our_bot(options.model or train())) as bot:
        times = measure(bot.port, options.messages)
    result = summary(times)
    (PROJECT_ROOT / "results").mkdir(exist_ok=True)
    (PROJECT_ROOT / "results" / "channel.json").write_text(json.dumps(result, indent=2) + "\n", encoding="utf8")
    print(json.dumps(result, indent=2))
    return 0


def measure(port: int, messages: int) -> dict[str, list[float]]:
    """Asks both channels the same questions by turns.

    Args:
        port: where the bot answers.
        messages: how many to each.

    Returns:
        Channel -> seconds from the message to the first part, after a few to warm up.
    """
    times: dict[str, list[float]] = {"page": [], "rest": []}
    ask: dict[str, Ask] = {}
    for number in range(messages + WARM_UP):
        if number % MESSAGES_PER_CONVERSATION == 0:
            ask = {"page": page_customer(port), "rest": rest_customer(port)}
        # Whoever is asked second finds warmer caches, so they take turns in that, too.
        for channel in sorted(ask, reverse=number % 2 == 1):
            seconds = ask[channel](QUESTIONS[number % len(QUESTIONS)])
            if number >= WARM_UP:
                times[channel].append(seconds)
    return times


def with_desk(model: Path, messages: int) -> dict[str, dict[str, float]]:
    """Returns what answers take of two bots, BOT_DESK off and on, one customer and eight at once.

    Args:
        model: what both serve.
        messages: how many to each, one after the other, and again as many of eight customers.
    """
    seconds: dict[str, list[float]] = {"off": [], "on": []}
    processor, busy = {"off": 0.0, "on": 0.0}, {"off": 0.0, "on": 0.0}
    conversations = messages // MESSAGES_PER_CONVERSATION
    with TemporaryDirectory() as folder, ExitStack() as stack, ThreadPoolExecutor(8) as pool:
        bots = {}
        for desk in seconds:
            os.environ.update(BOT_DESK=desk, BOT_TRACKER_DATABASE=f"sqlite:///{folder}/{desk}.db")
            bots[desk] = stack.enter_context(running(our_bot(model)))
            list(pool.map(_converse, [bots[desk].port] * 8))  # warms up
        for number in range(conversations):
            for desk in sorted(bots, reverse=number % 2 == 1):
                before = bots[desk].processor_seconds()
                seconds[desk] += _converse(bots[desk].port)
                processor[desk] += bots[desk].processor_seconds() - before
        for number in range(conversations // 8):
            for desk in sorted(bots, reverse=number % 2 == 1):
                started = time.perf_counter()
                list(pool.map(_converse, [bots[desk].port] * 8))
                busy[desk] += time.perf_counter() - started
    return {
        desk: {
            "median_ms": round(1000 * statistics.median(seconds[desk]), 2),
            "p95_ms": round(1000 * statistics.quantiles(seconds[desk], n=20)[-1], 2),
            "processor_ms": round(1000 * processor[desk] / len(seconds[desk]), 2),
            "messages_a_second_of_8": round(conversations // 8 * 8 * MESSAGES_PER_CONVERSATION / busy[desk], 1),
        }
        for desk in seconds
    }


def _converse(port: int) -> list[float]:
    """Has a conversation; returns how long each answer takes as a whole."""
    ask = page_customer(port, whole=True)
    return [ask(QUESTIONS[number % len(QUESTIONS)]) for number in range(MESSAGES_PER_CONVERSATION)]


def summary(times: dict[str, list[float]]) -> dict[str, float]:
    """Returns medians and 95th percentiles in milliseconds, and the ratio of the medians."""
    result = {}
    for channel, seconds in times.items():
        result[f"{channel}_median_ms"] = round(1000 * statistics.median(seconds), 2)
        result[f"{channel}_p95_ms"] = round(1000 * statistics.quantiles(seconds, n=20)[-1], 2)
    result["ratio_of_medians"] = round(result["page_median_ms"] / result["rest_median_ms"], 3)
    result["messages_each"] = len(times["page"])
    return result


def page_customer(port: int, whole: bool = False) -> Ask:
    """Begins a conversation on the page; returns what asks it and gives the seconds until the first part, or all."""
    connection = HTTPConnection("127.0.0.1", port, timeout=60)
    connection.request("POST", "/webhooks/page/session", b"{}", {"Content-Type": "application/json"})
    token = json.load(connection.getresponse())["token"]
    headers = {"Content-Type": "application/json", "Authorization": f"Bearer {token}"}

    def ask(text: str) -> float:
        body = json.dumps({"id": str(uuid.uuid4()), "text": text})
        started = time.perf_counter()
        connection.request("POST", "/webhooks/page/messages", body, headers)
        response = connection.getresponse()
        while not response.readline().startswith(b"data:"):
            continue
        first = time.perf_counter() - started
        response.read()
        return time.perf_counter() - started if whole else first

    return ask


def rest_customer(port: int) -> Ask:
    """Returns what asks over Rasa's REST channel and gives the seconds until its answer, which comes in one piece."""
    client, sender = Client(port), uuid.uuid4().hex

    def ask(text: str) -> float:
        started = time.perf_counter()
        client.say(sender, text)
        return time.perf_counter() - started

    return ask


if __name__ == "__main__":
    raise SystemExit(main())
