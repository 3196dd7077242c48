"""Customers who write on the page at once; what breaks they send again, with the same id, as the page does."""

from __future__ import annotations

import asyncio
import json
import time
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from bot.articles.replies import Replies

# Language, what is asked, the intent of the right answer.
QUESTIONS = (
    ("en", "how do I pay my invoice?", "pay_invoice"),
    ("nb", "hvordan betaler jeg fakturaen?", "pay_invoice"),
    ("de", "Wie bezahle ich meine Rechnung?", "pay_invoice"),
    ("sv", "hur betalar jag min faktura?", "pay_invoice"),
)
_TRIES = 8
_TRY_AGAIN_SECONDS = 1.0
_LONGEST_SECONDS = 90


@dataclass
class Tally:
    """What customers have seen.

    Args:
        seconds: of each answered message, from sending to the end of the answer, tries included.
        sent: messages.
        answered: with parts to the end, and no apology among them.
        apologies: instead of an answer; the customer may ask again.
        errors: messages that ended in a refusal, which the customer is shown.
        retries: tries beyond the first one.
        lost: messages without an answer and without an error.
        mixed: parts in another language than the conversation's, or about another issue.
    """

    seconds: list[float] = field(default_factory=list)
    sent: int = 0
    answered: int = 0
    apologies: int = 0
    errors: int = 0
    retries: int = 0
    lost: int = 0
    mixed: int = 0
    messages: set[str] = field(default_factory=set)

    def percentile(self, share: float) -> float:
        """Returns a percentile of the seconds, 0 where nothing was answered."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0


class Visitor:
    """One customer, with an address and a conversation of their own.

    Args:
        number: which one; chooses language and network address.
        origin: where the page is.
        http: shared connections.
        tally: what is counted.
    """

    def __init__(self, number: int, origin: str, http: aiohttp.ClientSession, tally: Tally) -> None:
        self._language, self._question, self._intent = QUESTIONS[number % len(QUESTIONS)]
        self._apology = Replies().text("utter_answer_failed", self._language)
        self._address = f"10.{number // 65536}.{number // 256 % 256}.{number % 256}"
        self._url, self._http, self._tally = f"{origin}/webhooks/page", http, tally
        self._token = ""

    async def visit(self, turns: int, pause: float) -> None:
        """Begins a conversation and writes messages, one after the other.

        Args:
            turns: how many.
            pause: seconds between an answer and the next message.
        """
        await self._begin()
        buttons: list[dict[str, Any]] = []
        for _ in range(turns):
            product = next((button for button in buttons if button["kind"] == "product"), None)
            body = {"button": product["id"]} if product else {"text": self._question}
            parts = await self._say(body)
            buttons = [button for part in parts for button in part.get("buttons", [])]
            await asyncio.sleep(pause)

    async def _begin(self) -> None:
        for _ in range(_TRIES):
            try:
                async with self._http.post(
                    f"{self._url}/session", json={"language": self._language}, headers=self._headers()
                ) as response:
                    if response.status == 201:
                        self._token = (await response.json())["token"]
                        return
            except (aiohttp.ClientError, asyncio.TimeoutError):
                pass
            await asyncio.sleep(_TRY_AGAIN_SECONDS)
        raise RuntimeError("no conversation could be begun")

    async def _say(self, body: dict[str, str]) -> list[dict[str, Any]]:
        message, started = str(uuid.uuid4()), time.perf_counter()
        self._tally.sent += 1
        self._tally.messages.add(message)
        for attempt in range(_TRIES):
            self._tally.retries += attempt > 0
            try:
                status, parts = await self._post({"id": message, **body})
            except (aiohttp.ClientError, asyncio.TimeoutError):
                status, parts = 0, []
            if status == 200 and parts:
                if any(part.get("text") == self._apology for part in parts):
                    self._tally.apologies += 1
                    return parts
                self._tally.answered += 1
                self._tally.seconds.append(time.perf_counter() - started)
                self._tally.mixed += any(self._is_of_another(part) for part in parts)
                return parts
            if status == 200:
                self._tally.lost += 1
                return []
            if 400 <= status < 500 and status != 429:
                break
            await asyncio.sleep(_TRY_AGAIN_SECONDS)
        self._tally.errors += 1
        return []

    async def _post(self, body: dict[str, str]) -> tuple[int, list[dict[str, Any]]]:
        async with self._http.post(f"{self._url}/messages", json=body, headers=self._headers()) as response:
            content = await response.text()
            if response.status != 200:
                return response.status, []
        if not content.endswith("event: done\ndata: {}\n\n"):
            return 0, []  # the server died while it spoke
        blocks = [block for block in content.split("\n\n") if block.startswith("event: message")]
        return 200, [json.loads(block.split("data: ", 1)[1]) for block in blocks]

    def _is_of_another(self, part: dict[str, Any]) -> bool:
        return bool(part["language"] != self._language or part.get("intent", self._intent) != self._intent)

    def _headers(self) -> dict[str, str]:
        headers = {"X-Forwarded-For": self._address}
        return {**headers, "Authorization": f"Bearer {self._token}"} if self._token else headers


async def load(origins: Sequence[str], conversations: int, turns: int, pause: float = 0.0) -> Tally:
    """Lets customers write at once.

    Args:
        origins: where the page is; customers are spread over them.
        conversations: how many customers.
        turns: how many messages each of them writes.
        pause: seconds between an answer and the next message.
    """
    tally = Tally()
    options: dict[str, Any] = {
        "connector": aiohttp.TCPConnector(limit=0),
        "timeout": aiohttp.ClientTimeout(total=_LONGEST_SECONDS),
    }
    async with aiohttp.ClientSession(**options) as http:
        visitors = [Visitor(n, origins[n % len(origins)], http, tally) for n in range(conversations)]
        await asyncio.gather(*[visitor.visit(turns, pause) for visitor in visitors])
    return tally
