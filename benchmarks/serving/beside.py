"""Messages per second beside the bot of `rasa init`: the same customers over Rasa's REST channel, by turns."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice

import aiohttp

from benchmarks.peer.bots import BenchmarkError, Bot
from benchmarks.peer.measure import MESSAGES_PER_CONVERSATION

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


@dataclass
class Seen:
    """What customers have seen of a bot: seconds of each answer, and of the whole."""

    answers: list[float] = field(default_factory=list)
    seconds: float = 0.0

    def row(self, name: str, conversations: int) -> dict[str, object]:
        """Returns the table's row."""
        ordered = sorted(self.answers)
        shares = {f"p{round(100 * share)} ms": ordered[int(share * (len(ordered) - 1))] for share in (0.5, 0.95, 0.99)}
        return {
            "bot": name,
            "conversations": conversations,
            "messages/s": round(len(self.answers) / self.seconds, 1),
            **{heading: round(1000 * seconds) for heading, seconds in shares.items()},
        }


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
        asyncio.run(_visit(served, 8, Seen()))
    rows = []
    for number in conversations:
        seen = [Seen() for _ in bots]
        for _ in range(rounds):
            for served, total in zip(bots, seen, strict=True):
                asyncio.run(_visit(served, number, total))
        rows += [total.row(served.name, number) for served, total in zip(bots, seen, strict=True)]
    return rows


async def _visit(served: Served, conversations: int, seen: Seen) -> None:
    """Has so many conversations at once, and as many one after the other that enough is said."""
    timeout = aiohttp.ClientTimeout(total=_LONGEST_SECONDS)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=timeout) as http:
        began = time.perf_counter()
        times = max(1, 16 // conversations)
        await asyncio.gather(*[_customer(served, http, number, times, seen) for number in range(conversations)])
        seen.seconds += time.perf_counter() - began


async def _customer(served: Served, http: aiohttp.ClientSession, number: int, times: int, seen: Seen) -> None:
    url = f"{served.origins[number % len(served.origins)]}/webhooks/rest/webhook"
    for turn in range(times):
        sender = uuid.uuid4().hex
        if served.bot.opening:  # counts as time and not as a message
            await _say(http, url, sender, served.bot.opening)
        begin = (7 * number + turn) % len(served.texts)
        for text in islice(cycle(served.texts), begin, begin + MESSAGES_PER_CONVERSATION):
            started = time.perf_counter()
            answer = await _say(http, url, sender, text)
            seen.answers.append(time.perf_counter() - started)
            if not served.bot.is_answered(answer):
                raise BenchmarkError(f"{served.name} did not answer {text!r} as it should: {answer!r:.500}")


async def _say(http: aiohttp.ClientSession, url: str, sender: str, text: str) -> list[dict[str, object]]:
    async with http.post(url, json={"sender": sender, "message": text}) as response:
        if response.status != 200:
            raise BenchmarkError(f"POST {url} was answered with HTTP {response.status}")
        return list(await response.json())
