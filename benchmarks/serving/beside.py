"""Messages per second beside the bot of `rasa init`: the same customers over Rasa's REST channel, by turns."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, islice

import aiohttp

from benchmarks.peer.bots import BenchmarkError, Bot
from benchmarks.peer.measure import MESSAGES_PER_CONVERSATION
from benchmarks.serving.load import Tally

_LONGEST_SECONDS = 120


@dataclass(frozen=True)
class Served:
    """A bot that answers.

    Args:
        name: what it is called in the table.
        bot: which one.
        origins: where its servers are; customers are spread over them.
        texts: what its customers say.
    """

    name: str
    bot: Bot
    origins: Sequence[str]
    texts: Sequence[str]


def beside(bots: Sequence[Served], conversations: Sequence[int], rounds: int = 3) -> list[dict[str, object]]:
    """Lets customers talk to bots by turns.

    Args:
        bots: the bots.
        conversations: how many customers there are at once.
        rounds: how often each bot has its turn with each number.

    Returns:
        The table's rows.
    """
    for served in bots:  # what is loaded with the first messages is loaded before
        asyncio.run(_visit(served, 8, Tally()))
    rows: list[dict[str, object]] = []
    for number in conversations:
        tallies = [Tally() for _ in bots]
        for _ in range(rounds):
            for served, tally in zip(bots, tallies, strict=True):
                asyncio.run(_visit(served, number, tally))
        rows += [
            {"bot": served.name, "conversations": number, **tally.pace()}
            for served, tally in zip(bots, tallies, strict=True)
        ]
    return rows


async def _visit(served: Served, conversations: int, tally: Tally) -> None:
    """Has so many conversations at once, and as many one after the other that enough is said."""
    timeout = aiohttp.ClientTimeout(total=_LONGEST_SECONDS)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=timeout) as http:
        began = time.perf_counter()
        times = max(1, 16 // conversations)
        await asyncio.gather(*[_customer(served, http, number, times, tally) for number in range(conversations)])
        tally.took += time.perf_counter() - began


async def _customer(served: Served, http: aiohttp.ClientSession, number: int, times: int, tally: Tally) -> None:
    url = f"{served.origins[number % len(served.origins)]}/webhooks/rest/webhook"
    for turn in range(times):
        sender = uuid.uuid4().hex
        if served.bot.opening:  # counts as time and not as a message
            await _say(http, url, sender, served.bot.opening)
        begin = (7 * number + turn) % len(served.texts)
        for text in islice(cycle(served.texts), begin, begin + MESSAGES_PER_CONVERSATION):
            started = time.perf_counter()
            answer = await _say(http, url, sender, text)
            tally.answered += 1
            tally.seconds.append(time.perf_counter() - started)
            if not served.bot.is_answered(answer):
                raise BenchmarkError(f"{served.name} did not answer {text!r} as it should: {answer!r:.500}")


async def _say(http: aiohttp.ClientSession, url: str, sender: str, text: str) -> list[dict[str, object]]:
    async with http.post(url, json={"sender": sender, "message": text}) as response:
        if response.status != 200:
            raise BenchmarkError(f"POST {url} was answered with HTTP {response.status}")
        return list(await response.json())
