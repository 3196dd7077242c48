"""Measures how long the first part of a reply takes through the page's channel, beside Rasa's plain REST channel.

python -m benchmarks.channel [--messages 200] [--model FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import time
import uuid
from collections.abc import Callable, Sequence
from http.client import HTTPConnection
from pathlib import Path

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
    options = parser.parse_args(arguments)
    os.environ.update(UNLIMITED)
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


def summary(times: dict[str, list[float]]) -> dict[str, float]:
    """Returns medians and 95th percentiles in milliseconds, and the ratio of the medians."""
    result = {}
    for channel, seconds in times.items():
        result[f"{channel}_median_ms"] = round(1000 * statistics.median(seconds), 2)
        result[f"{channel}_p95_ms"] = round(1000 * statistics.quantiles(seconds, n=20)[-1], 2)
    result["ratio_of_medians"] = round(result["page_median_ms"] / result["rest_median_ms"], 3)
    result["messages_each"] = len(times["page"])
    return result


def page_customer(port: int) -> Ask:
    """Begins a conversation on the page; returns what asks it and gives the seconds until the first part."""
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
        seconds = time.perf_counter() - started
        response.read()
        return seconds

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
