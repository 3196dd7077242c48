"""What is measured of both bots, always by turns, so that whatever else the machine does hits both alike."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import cycle, islice

from benchmarks.peer.bots import BenchmarkError, Bot, Client, RunningBot, running
from bot.articles.issues import load_issues

_BEYOND_DOUBT = 0.9
MESSAGES_PER_CONVERSATION = 10
"""A conversation ends after so many answers, and the next customer comes: Rasa slows down with its length."""
STARTER_MESSAGES = ("hello", "bye", "are you a bot?")
"""What the starter bot answers by a plain reply at any point of a conversation."""

Samples = dict[str, list[float]]
"""A bot's name -> what was measured of it, one figure a time."""


@dataclass(frozen=True)
class Extent:
    """How much is measured."""

    starts: int = 3
    parses: int = 300
    answers: int = 300
    messages_before_memory: int = 200
    concurrent: int = 8
    throughput_seconds: float = 20.0
    throughput_blocks: int = 2
    trains: bool = True


QUICK = Extent(
    starts=1,
    parses=20,
    answers=20,
    messages_before_memory=20,
    throughput_seconds=2.0,
    throughput_blocks=1,
    trains=False,
)


def starts_and_memory(
    bots: Sequence[Bot], messages: dict[str, Sequence[str]], extent: Extent
) -> tuple[Samples, Samples, Samples]:
    """Starts each bot several times, alone, and lets it answer before its memory is read.

    Args:
        bots: both bots.
        messages: a bot's name -> what its customers say.
        extent: how much is measured.

    Returns:
        Seconds until ready; bytes resident in all processes; bytes that are theirs alone.
    """
    seconds: Samples = {bot.name: [] for bot in bots}
    resident: Samples = {bot.name: [] for bot in bots}
    unique: Samples = {bot.name: [] for bot in bots}
    for _ in range(extent.starts):
        for bot in bots:
            with running(bot) as started:
                seconds[bot.name].append(started.start_seconds)
                for _ in range(extent.messages_before_memory // MESSAGES_PER_CONVERSATION):
                    conversation(started, messages[bot.name])
                memory = started.memory_bytes()
                resident[bot.name].append(float(memory["resident"]))
                unique[bot.name].append(float(memory["unique"]))
    return seconds, resident, unique


def parse_seconds(bots: Sequence[RunningBot], extent: Extent) -> Samples:
    """Measures `POST /model/parse` over one kept-alive connection a bot; returns seconds."""
    samples: Samples = {running_bot.bot.name: [] for running_bot in bots}
    texts = {running_bot.bot.name: phrases(running_bot.bot, extent.parses + 20) for running_bot in bots}
    with_clients = [(running_bot, running_bot.client()) for running_bot in bots]
    for running_bot, client in with_clients:
        for text in texts[running_bot.bot.name][-20:]:  # warms up
            client.parse(text)
    for begin in range(0, extent.parses, 10):
        for running_bot, client in with_clients:
            name = running_bot.bot.name
            samples[name] += [_seconds(client.parse, text) for text in texts[name][begin : begin + 10]]
    return samples


def answer_seconds(bots: Sequence[RunningBot], messages: dict[str, Sequence[str]], extent: Extent) -> Samples:
    """Measures from message to answer over the REST channel; returns seconds."""
    samples: Samples = {running_bot.bot.name: [] for running_bot in bots}
    for running_bot in bots:  # warms up: articles and rules of languages are read when they are first needed
        texts = messages[running_bot.bot.name]
        for begin in range(0, len(texts), MESSAGES_PER_CONVERSATION):
            conversation(running_bot, texts, begin)
    for begin in range(0, extent.answers, MESSAGES_PER_CONVERSATION):
        for running_bot in bots:
            name = running_bot.bot.name
            samples[name] += conversation(running_bot, messages[name], begin)
    return samples


def messages_per_second(bots: Sequence[RunningBot], messages: dict[str, Sequence[str]], extent: Extent) -> Samples:
    """Lets several customers talk at once; returns the answers per second of each block of time.

    The messages that open a conversation take time but are not counted.
    """
    samples: Samples = {running_bot.bot.name: [] for running_bot in bots}
    seconds = extent.throughput_seconds / extent.throughput_blocks
    for _ in range(extent.throughput_blocks):
        for running_bot in bots:
            until = time.perf_counter() + seconds
            texts = messages[running_bot.bot.name]
            with ThreadPoolExecutor(extent.concurrent) as customers:
                talks = [
                    customers.submit(_talk_until, running_bot, texts, number, until)
                    for number in range(extent.concurrent)
                ]
                answered = sum(talk.result() for talk in talks)
            samples[running_bot.bot.name].append(answered / seconds)
    return samples


def customers_messages(running_bot: RunningBot) -> Sequence[str]:
    """Returns what a bot's customers say, each of which it answers in full.

    Ours are held-out phrases in which it recognises an issue; a misunderstood one would be answered faster. They are
    said one after the other in one conversation: a doubtful one may be taken for a question about the answer before.
    """
    if not running_bot.bot.opening:
        return STARTER_MESSAGES
    issues = load_issues()
    with running_bot.client() as client:
        sample = phrases(running_bot.bot, 150)
        understood = [(text, client.parse(text)["intent"]) for text in sample]
        return [
            text for text, intent in understood if intent["name"] in issues and intent["confidence"] >= _BEYOND_DOUBT
        ]


def conversation(running_bot: RunningBot, texts: Sequence[str], begin: int = 0) -> list[float]:
    """Has one conversation; returns the seconds that each answer took.

    Raises:
        BenchmarkError: a message was not answered as it should be.
    """
    with running_bot.client() as client:
        sender = running_bot.open_conversation(client)
        said = islice(cycle(texts), begin % len(texts), begin % len(texts) + MESSAGES_PER_CONVERSATION)
        return [_answer_seconds(running_bot, client, sender, text) for text in said]


def phrases(bot: Bot, count: int) -> list[str]:
    """Returns so many of a bot's phrases in an order that is mixed but always the same, repeated if there are fewer."""
    mixed = random.Random(7).sample(bot.phrases, len(bot.phrases))
    return list(islice(cycle(mixed), count))


def _talk_until(running_bot: RunningBot, texts: Sequence[str], number: int, until: float) -> int:
    answered = 0
    said = islice(cycle(texts), number * len(texts) // 8, None)
    with running_bot.client() as client:
        while time.perf_counter() < until:
            sender = running_bot.open_conversation(client)
            for text in islice(said, MESSAGES_PER_CONVERSATION):
                _answer_seconds(running_bot, client, sender, text)
                if time.perf_counter() >= until:  # what came in too late does not count
                    return answered
                answered += 1
    return answered


def _answer_seconds(running_bot: RunningBot, client: Client, sender: str, text: str) -> float:
    started = time.perf_counter()
    answer = client.say(sender, text)
    seconds = time.perf_counter() - started
    if not running_bot.bot.is_answered(answer):
        raise BenchmarkError(f"{running_bot.bot.name} did not answer {text!r} as it should: {answer!r:.500}")
    return seconds


def _seconds(call: Callable[[str], object], text: str) -> float:
    started = time.perf_counter()
    call(text)
    return time.perf_counter() - started
