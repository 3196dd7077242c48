"""One recorded history of every message that customers send, and a checker of what became of them."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, Literal

import aiohttp
from sqlalchemy import select

from benchmarks.serving.load import QUESTIONS, HandingOver, Part, Tally, texts_of
from bot.stores.conversations import EVENTS, open_conversations
from bot.tickets.numbers import find_number

Outcome = Literal["answered", "apology", "refused", "lost"]
_TURNS, _PAUSE = 7, 0.7
# Shorter than a fault: a message is sent again while the first try may still be under way.
_TRY_SECONDS = 10
_PROVE_SECONDS = 120


@dataclass(frozen=True)
class Message:
    """One message of a customer, and what became of it.

    Args:
        conversation: its id, as the server knows it.
        message: its id, the same in each try.
        said: the text, or the button's id.
        sent: when it was sent first, in seconds since 1970.
        done: when the last try was over.
        status: the last try's HTTP status, 0 where the connection broke.
        attempts: how often it was sent.
        texts: of the answer.
        outcome: `refused` is what the customer is shown as such; `lost` an answer that says nothing.
        another: whether the answer is one to somebody else.
        email: the customer's address; each is of one conversation.
        number: of the ticket that the answer names, empty without one.
    """

    conversation: str
    message: str
    said: str
    sent: float
    done: float
    status: int
    attempts: int
    texts: Sequence[str]
    outcome: Outcome
    another: bool
    email: str
    number: str


@dataclass(frozen=True)
class Kept:
    """What the product has kept when everything is over.

    Args:
        messages: (conversation, message id) of each of the tracker's user messages, oldest first.
        pages: conversation -> the message ids that its page shows after a reload.
        tickets: (number, address) of each ticket.
        arrived: ticket number -> how often it is at the help desk.
    """

    messages: Sequence[tuple[str, str]]
    pages: Mapping[str, Sequence[str]]
    tickets: Sequence[tuple[str, str]]
    arrived: Mapping[str, int]


@dataclass(frozen=True)
class Finding:
    """Something that must not happen.

    Args:
        kind: `lost`, `doubled`, `mixed` or `out of order`.
        message: the message's id, or the ticket's number.
        detail: what was found.
    """

    kind: str
    message: str
    detail: str


def check(history: Iterable[Message], kept: Kept) -> list[Finding]:
    """Returns all that is lost, doubled, mixed up or out of order."""
    history = sorted(history, key=lambda one: one.sent)
    found = []
    places = defaultdict(list)
    for conversation, message in kept.messages:
        places[message].append(conversation)
    for one in history:
        if one.outcome == "lost":
            found.append(Finding("lost", one.message, "answered with nothing"))
        if one.outcome == "answered" and one.message not in places:
            found.append(Finding("lost", one.message, "answered, but not in the tracker"))
        shown = kept.pages.get(one.conversation)
        if one.outcome == "answered" and shown is not None and one.message not in shown:
            found.append(Finding("lost", one.message, "answered, but not on the page after a reload"))
        if len(places[one.message]) > 1 or (shown or []).count(one.message) > 1:
            found.append(Finding("doubled", one.message, "kept more than once"))
        half = len(one.texts) // 2
        if half and one.texts[:half] == one.texts[half:]:
            found.append(Finding("doubled", one.message, "answered twice at once"))
        if one.another or set(places[one.message]) - {one.conversation}:
            found.append(Finding("mixed", one.message, "another conversation's"))
    return found + _disorder(history, kept) + _wrong_tickets(history, kept)


def _disorder(history: Sequence[Message], kept: Kept) -> list[Finding]:
    found = []
    sent, stored = defaultdict(list), defaultdict(list)
    for one in history:
        sent[one.conversation].append(one.message)
    for conversation, message in kept.messages:
        stored[conversation].append(message)
    for conversation, messages in sent.items():
        for there in (stored[conversation], kept.pages.get(conversation, [])):
            both = [message for message in dict.fromkeys(there) if message in messages]
            if both != [message for message in messages if message in both]:
                found.append(Finding("out of order", both[0], f"in {conversation}"))
    return found


def _wrong_tickets(history: Sequence[Message], kept: Kept) -> list[Finding]:
    found, addresses = [], dict(kept.tickets)
    known = {one.email for one in history}
    for one in history:
        if one.number and addresses.get(one.number) != one.email:
            found.append(Finding("lost", one.number, "a ticket that was told is not there"))
    for email, times in Counter(email for _, email in kept.tickets if email in known).items():
        if times > 1:
            found.append(Finding("doubled", next(n for n, owner in kept.tickets if owner == email), f"{times} tickets"))
    for number, email in kept.tickets:
        if email in known and (times := kept.arrived.get(number, 0)) != 1:
            found.append(Finding("doubled" if times else "lost", number, f"{times} times at the help desk"))
    return found


@dataclass
class Recorder:
    """Customers who write until they are told to stop, and the history of their messages.

    Args:
        origin: where the page is.
        history: every message, in the order in which they were over.
        pages: as in `Kept`.
        silent: customers who got no answer any more when everything was over.
    """

    origin: str
    history: list[Message] = field(default_factory=list)
    pages: dict[str, list[str]] = field(default_factory=dict)
    silent: int = 0

    def write(self, customers: int, until: Callable[[], bool]) -> None:
        """Lets customers write, each one conversation after the other, until it may end; then each asks once more."""
        asyncio.run(self._write(customers, until))

    async def _write(self, customers: int, until: Callable[[], bool]) -> None:
        options: dict[str, Any] = {
            "connector": aiohttp.TCPConnector(limit=0),
            "timeout": aiohttp.ClientTimeout(total=_TRY_SECONDS),
        }
        async with aiohttp.ClientSession(**options) as http:
            visitors = [[_Recorded(number, self, http)] for number in range(customers)]
            await asyncio.gather(*[self._one_after_the_other(each, customers, until) for each in visitors])
            for visitor in [visitor for each in visitors for visitor in each]:
                self.pages[visitor.conversation] = await visitor.page()

    async def _one_after_the_other(self, visitors: list[_Recorded], step: int, until: Callable[[], bool]) -> None:
        while True:
            await visitors[-1].visit(_TURNS, _PAUSE)
            visitors.append(_Recorded(visitors[-1].number + step, self, visitors[-1].http))
            if until():
                break
        last, deadline = visitors[-1], time.monotonic() + _PROVE_SECONDS
        await last.begin()
        while True:
            await last.ask(1, _PAUSE)
            if self._answered(last.conversation):
                return
            if time.monotonic() > deadline:
                self.silent += 1
                return

    def _answered(self, conversation: str) -> bool:
        return any(one.conversation == conversation and one.outcome == "answered" for one in self.history)


class _Recorded(HandingOver):
    tries = 1000
    questions = (
        *QUESTIONS,
        ("nb", "hvordan sier jeg opp abonnementet?", "cancel_subscription"),
        ("en", "how do I cancel my subscription?", "cancel_subscription"),
        ("da", "hvordan betaler jeg fakturaen?", "pay_invoice"),
        ("fr", "comment payer ma facture ?", "pay_invoice"),
    )

    def __init__(self, number: int, recorder: Recorder, http: aiohttp.ClientSession) -> None:
        super().__init__(number, recorder.origin, http, Tally())
        self.recorder = recorder

    async def send(self, message: str, body: dict[str, str]) -> list[Part] | None:
        sent, before = time.time(), self.tally.retries
        parts = await super().send(message, body)
        texts = texts_of(parts or [])
        outcome: Outcome = "answered" if parts else "refused" if parts is None else "lost"
        if set(texts) & self._apologies:
            outcome = "apology"
        self.recorder.history.append(
            Message(
                self.conversation,
                message,
                next(iter(body.values())),
                sent,
                time.time(),
                self.status,
                self.tally.retries - before + 1,
                texts,
                outcome,
                self.is_of_another(parts or []),
                self._email,
                next(filter(None, map(find_number, texts)), ""),
            )
        )
        return parts

    async def _post(self, body: dict[str, str]) -> tuple[int, list[Part]]:
        self.status = 0
        self.status, parts = await super()._post(body)
        return self.status, parts

    async def page(self) -> list[str]:
        """Returns the ids of the customer's messages that the page shows after a reload, none where it is refused."""
        for _ in range(30):
            with suppress(aiohttp.ClientError, asyncio.TimeoutError):
                async with self.http.get(f"{self.url}/history", headers=self.headers()) as response:
                    if response.status == 200:
                        shown = (await response.json())["messages"]
                        return [said["id"] for said in shown if said["from"] == "customer"]
            await asyncio.sleep(1)
        return []


def kept_messages(url: str, conversations: Iterable[str]) -> list[tuple[str, str]]:
    """Returns (conversation, message id) of each user message in a tracker database, of some conversations."""
    engine, wanted = open_conversations(url), set(conversations)
    query = select(EVENTS.c.sender_id, EVENTS.c.data).where(EVENTS.c.type_name == "user").order_by(EVENTS.c.id)
    with engine.connect() as connection:
        rows = [(row.sender_id, str(json.loads(row.data).get("message_id"))) for row in connection.execute(query)]
    engine.dispose()
    return [row for row in rows if row[0] in wanted]
