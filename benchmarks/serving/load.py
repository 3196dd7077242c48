"""Customers who write on the page at once; what breaks they send again, with the same id, as the page does."""

from __future__ import annotations

import asyncio
import base64
import json
import random
import re
import string
import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from bot.articles.replies import Replies
from bot.tickets.numbers import find_number

# Language, what is asked, the intent of the right answer.
QUESTIONS = (
    ("en", "how do I pay my invoice?", "pay_invoice"),
    ("nb", "hvordan betaler jeg fakturaen?", "pay_invoice"),
    ("de", "Wie bezahle ich meine Rechnung?", "pay_invoice"),
    ("sv", "hur betalar jag min faktura?", "pay_invoice"),
)
TRY_AGAIN_SECONDS = 1.0
_LONGEST_SECONDS = 90
# How many messages a hand-off takes where nothing breaks, and after how many its customer gives up.
_HAND_OFF = 4
_MOST_OF_HAND_OFF = 24
_ADDRESS = re.compile(r"[a-z]+@customers\.example")

Part = dict[str, Any]


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
        failures: the HTTP statuses because of which it was tried again, 0 where the connection broke.
        lost: messages without an answer and without an error.
        mixed: answers in another language than the conversation's, about another issue, or with another's address.
        messages: their ids.
        tickets: address of each customer who wants a person -> the number that they were told, empty without one.
        took: seconds, from the first customer's first message to the last one's last answer.
    """

    seconds: list[float] = field(default_factory=list)
    sent: int = 0
    answered: int = 0
    apologies: int = 0
    errors: int = 0
    retries: int = 0
    failures: Counter[int] = field(default_factory=Counter)
    lost: int = 0
    mixed: int = 0
    messages: set[str] = field(default_factory=set)
    tickets: dict[str, str] = field(default_factory=dict)
    took: float = 0.0

    @property
    def told(self) -> dict[str, str]:
        """The ticket numbers that customers were told, by address."""
        return {address: number for address, number in self.tickets.items() if number}

    def percentile(self, share: float) -> float:
        """Returns a percentile of the seconds, 0 where nothing was answered."""
        ordered = sorted(self.seconds)
        return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0

    def pace(self) -> dict[str, float]:
        """Returns the columns that say how fast it went."""
        times = {f"p{round(100 * share)} ms": round(1000 * self.percentile(share)) for share in (0.5, 0.95, 0.99)}
        return {"messages/s": round(self.answered / self.took, 1), **times}


class Visitor:
    """One customer, with an address and a conversation of their own.

    Args:
        number: which one; chooses language and network address.
        origin: where the page is.
        http: shared connections.
        tally: what is counted.
    """

    tries = 30
    """How often a message is sent at most; the page tries for ever."""
    questions: Sequence[tuple[str, str, str]] = QUESTIONS

    def __init__(self, number: int, origin: str, http: aiohttp.ClientSession, tally: Tally) -> None:
        self.number, self.tally, self.replies = number, tally, Replies()
        self.language, self.question, self._intent = self.questions[number % len(self.questions)]
        self._apologies = {
            self.replies.text("utter_answer_failed", self.language),
            self.replies.text("utter_contact_person", self.language),
            self.replies.dialogue("ticket_failed", self.language),
        }
        self._address = f"10.{number // 65536}.{number // 256 % 256}.{number % 256}"
        self.url, self.http = f"{origin}/webhooks/page", http
        self.token = ""

    @property
    def conversation(self) -> str:
        """The conversation's id, as the token has it."""
        content = self.token.split(".")[0]
        return str(json.loads(base64.urlsafe_b64decode(content + "=" * (-len(content) % 4))))

    async def visit(self, turns: int, pause: float) -> None:
        """Begins a conversation and writes messages, one after the other.

        Args:
            turns: how many.
            pause: seconds between an answer and the next message.
        """
        await self.begin()
        await self.ask(turns, pause)

    async def begin(self) -> None:
        """Begins a conversation."""
        for _ in range(self.tries):
            try:
                async with self.http.post(
                    f"{self.url}/session", json={"language": self.language}, headers=self.headers()
                ) as response:
                    if response.status == 201:
                        self.token = (await response.json())["token"]
                        return
            except (aiohttp.ClientError, asyncio.TimeoutError):
                pass
            await asyncio.sleep(TRY_AGAIN_SECONDS)
        raise RuntimeError("no conversation could be begun")

    async def ask(self, turns: int, pause: float) -> None:
        """Asks about the issue, and says which product it is about where the bot asks back."""
        parts: list[Part] = []
        for _ in range(turns):
            product = next((button for button in buttons_of(parts) if button["kind"] == "product"), None)
            parts = await self.say({"button": product["id"]} if product else {"text": self.question})
            await asyncio.sleep(pause)

    async def say(self, body: dict[str, str]) -> list[Part]:
        """Sends a message until it is answered or refused; returns the answer, nothing where it was refused.

        Args:
            body: the text, or the button.
        """
        message, started = str(uuid.uuid4()), time.perf_counter()
        parts = await self.send(message, body)
        if parts is None:
            self.tally.errors += 1
            return []
        if not parts:
            self.tally.lost += 1
        elif any(part.get("text") in self._apologies for part in parts):
            self.tally.apologies += 1
        else:
            self.tally.answered += 1
            self.tally.seconds.append(time.perf_counter() - started)
            self.tally.mixed += self.is_of_another(parts)
        return parts

    async def send(self, message: str, body: dict[str, str]) -> list[Part] | None:
        """Sends a message until it is over; returns what it was answered with, None where it was refused.

        Args:
            message: its id.
            body: the text, or the button.
        """
        self.tally.sent += 1
        self.tally.messages.add(message)
        for attempt in range(self.tries):
            self.tally.retries += attempt > 0
            try:
                status, parts = await self._post({"id": message, **body})
            except (aiohttp.ClientError, asyncio.TimeoutError):
                status, parts = 0, []
            if status == 200:
                return parts
            if 400 <= status < 500 and status != 429:
                break
            self.tally.failures[status] += 1
            await asyncio.sleep(TRY_AGAIN_SECONDS)
        return None

    def is_of_another(self, parts: list[Part]) -> bool:
        """Tells whether an answer is one to somebody else."""
        return any(
            part["language"] != self.language or part.get("intent", self._intent) != self._intent for part in parts
        )

    async def _post(self, body: dict[str, str]) -> tuple[int, list[Part]]:
        async with self.http.post(f"{self.url}/messages", json=body, headers=self.headers()) as response:
            content = await response.text()
            if response.status != 200:
                return response.status, []
        if not content.endswith("event: done\ndata: {}\n\n"):
            return 0, []  # the server died while it spoke
        blocks = [block for block in content.split("\n\n") if block.startswith("event: message")]
        return 200, [json.loads(block.split("data: ", 1)[1]) for block in blocks]

    def headers(self) -> dict[str, str]:
        """Returns what says who asks."""
        headers = {"X-Forwarded-For": self._address}
        return {**headers, "Authorization": f"Bearer {self.token}"} if self.token else headers


class HandingOver(Visitor):
    """A customer who, between questions, wants a person, and answers the form until a ticket's number is told.

    After an apology or a refusal the customer says once more that a person is wanted.
    """

    def __init__(self, number: int, origin: str, http: aiohttp.ClientSession, tally: Tally) -> None:
        super().__init__(number, origin, http, tally)
        self._email = f"{''.join(random.choices(string.ascii_lowercase, k=16))}@customers.example"
        self._person = {"text": self.replies.label("person", self.language)}

    async def visit(self, turns: int, pause: float) -> None:
        """Asks questions, hands over, and asks the rest of the questions."""
        questions = max(0, turns - _HAND_OFF)
        before = random.Random(self.number).randint(0, questions)
        await self.begin()
        await self.ask(before, pause)
        await self._hand_over(pause)
        await self.ask(questions - before, pause)

    def is_of_another(self, parts: list[Part]) -> bool:
        """Tells whether an answer is one to somebody else, or shows somebody else's address."""
        shown = {address for text in texts_of(parts) for address in _ADDRESS.findall(text)}
        return bool(shown - {self._email}) or super().is_of_another(parts)

    async def _hand_over(self, pause: float) -> None:
        self.tally.tickets[self._email] = ""
        body = self._person
        for _ in range(_MOST_OF_HAND_OFF):
            parts = await self.say(body)
            await asyncio.sleep(pause)
            number = next(filter(None, map(find_number, texts_of(parts))), None)
            if number is not None:
                self.tally.tickets[self._email] = number
                return
            body = self._next(parts)

    def _next(self, parts: list[Part]) -> dict[str, str]:
        """Returns what answers the form's question; where it asks none, that a person is wanted."""
        for label in ("consent", "affirm", "try_again"):
            button = self._button(parts, label)
            if button is not None:
                return {"button": button["id"]}
        # With its question mark the form would take it for a question, and answer it.
        answers = {"ask_email": self._email, "ask_summary": self.question.rstrip("?")}
        for question, answer in answers.items():
            if self.replies.dialogue(question, self.language) in texts_of(parts):
                return {"text": answer}
        return self._person

    def _button(self, parts: list[Part], label: str) -> dict[str, Any] | None:
        title = self.replies.label(label, self.language)
        return next((button for button in buttons_of(parts) if button["title"] == title), None)


def texts_of(parts: list[Part]) -> list[str]:
    """Returns the texts of an answer."""
    return [str(part.get("text") or "") for part in parts]


def buttons_of(parts: list[Part]) -> list[dict[str, Any]]:
    """Returns the buttons of an answer."""
    return [button for part in parts for button in part.get("buttons", [])]


async def load(
    origins: Sequence[str],
    conversations: int,
    turns: int,
    pause: float = 0.0,
    hand_offs: bool = False,
    tally: Tally | None = None,
    until: Callable[[], bool] = lambda: True,
) -> Tally:
    """Lets customers write at once.

    Args:
        origins: where the page is; customers are spread over them.
        conversations: how many customers.
        turns: how many messages each of them writes.
        pause: seconds between an answer and the next message.
        hand_offs: whether every fourth customer, of any language, hands over; they write as often, four times at least.
        tally: what is counted, where somebody else looks at it meanwhile.
        until: whether it may end; as long as it may not, customers go on with questions, in a new conversation each
            time that so many messages are written: what a message costs grows with the conversation before it.
    """
    tally = tally or Tally()
    options: dict[str, Any] = {
        "connector": aiohttp.TCPConnector(limit=0),
        "timeout": aiohttp.ClientTimeout(total=_LONGEST_SECONDS),
    }
    started = time.perf_counter()
    async with aiohttp.ClientSession(**options) as http:
        visitors = []
        for number in range(conversations):
            hands_over = hand_offs and number % 4 == number // 4 % 4
            kind = HandingOver if hands_over else Visitor
            visitors.append(kind(number, origins[number % len(origins)], http, tally))
        await asyncio.gather(*[_visit(visitor, turns, pause, until) for visitor in visitors])
    tally.took += time.perf_counter() - started
    return tally


async def _visit(visitor: Visitor, turns: int, pause: float, until: Callable[[], bool]) -> None:
    await visitor.visit(turns, pause)
    while not until():
        await visitor.begin()
        for _ in range(turns):
            await visitor.ask(1, pause)
            if until():
                break
