"""Customers who talk to agents: the page's messages and stream, the desk's forms; both send again what breaks."""

from __future__ import annotations

import asyncio
import html
import json
import random
import re
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp

from benchmarks.serving.load import TRY_AGAIN_SECONDS, Part, Tally, Visitor

_FORM_TOKEN = re.compile(r'name="token" value="([0-9a-f]+)"')
_LINE = re.compile(r'<li class="line (?:customer|agent)" id="row-\d+">.*?<p dir="auto">(.*?)</p>', re.DOTALL)
_BEAT_SECONDS = 10
_SILENCE_SECONDS = 40
_FOLLOWED_SECONDS = 120


@dataclass
class LiveTally(Tally):
    """What customers and agents have seen.

    Args:
        live: how many conversations an agent has taken.
        agents_retries: tries of the desk's forms beyond the first one.
        customers_seconds: of each of a customer's lines, from sending until it is taken, tries included.
        agents_seconds: of each of an agent's messages, from sending to the customer's seeing it, tries included.
        interrupted: how often a customer's stream had to be opened again.
    """

    live: int = 0
    agents_retries: int = 0
    customers_seconds: list[float] = field(default_factory=list)
    agents_seconds: list[float] = field(default_factory=list)
    interrupted: int = 0


class LiveCustomer(Visitor):
    """A customer who asks, wants a person, and writes numbered lines to the agent."""

    tries = 300
    tally: LiveTally

    def __init__(self, number: int, origin: str, http: aiohttp.ClientSession, tally: LiveTally) -> None:
        super().__init__(number, origin, http, tally)
        self.written: list[str] = []
        self.shown: list[str] = []
        self.shown_at: dict[str, float] = {}
        self.answers: list[Part] = []
        """What the bot said to lines that were the agent's."""

    async def want_a_person(self) -> None:
        """Begins a conversation with a question, and waits for an agent."""
        await self.begin()
        await self.ask(1, 0.0)
        parts = await self.say({"text": self.replies.label("person", self.language)})
        if not any(part["type"] == "waiting" for part in parts):
            raise RuntimeError(f"a customer who wants a person was told {parts}")

    async def write(self) -> None:
        """Writes the next line to the agent."""
        text, started = f"customer {self.number} line {len(self.written)}", time.perf_counter()
        parts = await self.send(str(uuid.uuid4()), {"text": text})
        self.tally.customers_seconds.append(time.perf_counter() - started)
        self.tally.errors += parts is None
        self.answers += parts or []
        self.written.append(text)

    async def follow(self) -> None:
        """Reads the stream of the conversation, over lost connections, until the agent is there no longer."""
        after = 0
        timeout = aiohttp.ClientTimeout(total=None, sock_read=_SILENCE_SECONDS)
        while True:
            try:
                request = self.http.get(f"{self.url}/live?after={after}", headers=self.headers(), timeout=timeout)
                async with request as response:
                    if 400 <= response.status < 500 and response.status != 429:
                        self.tally.errors += 1  # the page gives up here
                        return
                    event = ""
                    while line := (await response.content.readline()).decode():
                        if line.startswith("event: "):
                            event = line.removeprefix("event: ").strip()
                        elif line.startswith("data: ") and event == "row":
                            after = self._show(json.loads(line.removeprefix("data: ")))
                        elif line.startswith("data: ") and event == "done":
                            return
            except (aiohttp.ClientError, asyncio.TimeoutError):
                pass
            self.tally.interrupted += 1
            await asyncio.sleep(TRY_AGAIN_SECONDS / 2)

    def _show(self, row: dict[str, Any]) -> int:
        if row["kind"] == "agent_text":
            self.shown.append(row["text"])
            self.shown_at.setdefault(row["text"], time.perf_counter())
        return int(row["sequence"])

    async def history(self) -> list[dict[str, Any]]:
        """Returns what the page shows after a reload."""
        async with self.http.get(f"{self.url}/history", headers=self.headers()) as response:
            response.raise_for_status()
            return list((await response.json())["messages"])


class LiveAgent:
    """An agent at the desk, in a browser of their own.

    Args:
        name: of the account.
        origin: where the desk is.
        tally: what is counted.
    """

    def __init__(self, name: str, origin: str, tally: LiveTally) -> None:
        self.name, self._origin, self._tally = name, origin, tally
        jar = aiohttp.CookieJar(unsafe=True)  # cookies of an address without a name
        timeout = aiohttp.ClientTimeout(total=_SILENCE_SECONDS)
        self._http = aiohttp.ClientSession(
            cookie_jar=jar, connector=aiohttp.TCPConnector(limit=0), timeout=timeout, headers={"Accept": "text/html"}
        )
        self._token = ""

    async def sign_in(self, password: str) -> None:
        """Signs in and is present from now on."""
        self._token = _token_of(await self.page("/sign-in"))
        if await self.send("/sign-in", name=self.name, password=password) != 303:
            raise RuntimeError(f"{self.name} could not sign in")
        self._token = _token_of(await self.page("/"))
        await self.send("/beat")
        self._beating = asyncio.create_task(self._beat())

    async def leave(self) -> None:
        """Closes the browser."""
        self._beating.cancel()
        await self._http.close()

    async def send(self, path: str, **fields: str) -> int:
        """Sends a form until the desk takes or refuses it; returns the status."""
        while True:
            form = {"token": self._token, **fields}
            try:
                async with self._http.post(
                    self._origin + path, data=form, headers={"Origin": self._origin}, allow_redirects=False
                ) as response:
                    if response.status < 500:
                        return response.status
            except (aiohttp.ClientError, asyncio.TimeoutError):
                pass
            self._tally.agents_retries += 1
            await asyncio.sleep(TRY_AGAIN_SECONDS)

    async def page(self, path: str) -> str:
        """Returns a page of the desk."""
        async with self._http.get(self._origin + path) as response:
            response.raise_for_status()
            return await response.text()

    async def transcript(self, conversation: str) -> list[str]:
        """Returns what customer and agent have written, as the desk shows it."""
        return [html.unescape(text) for text in _LINE.findall(await self.page(f"/live/{conversation}"))]

    async def _beat(self) -> None:
        while True:
            await asyncio.sleep(_BEAT_SECONDS)
            await self.send("/beat")


class LiveChat:
    """A customer's conversation with an agent.

    Args:
        customer: who asks.
        agent: who takes it.
        tally: what is counted.
    """

    def __init__(self, customer: LiveCustomer, agent: LiveAgent, tally: LiveTally) -> None:
        self.customer, self.agent, self._tally = customer, agent, tally
        self.written: list[str] = []
        """The agent's lines."""
        self.goes_on = False
        """Whether the bot has answered after the agent has handed back."""
        self._sent_at: dict[str, float] = {}

    async def run(self, lines: int, pause: float, until: Callable[[], bool]) -> None:
        """Lets both write until it may end, hands back, and asks the bot once more.

        Args:
            lines: how many each of them writes at least.
            pause: seconds between two lines, half to one and a half of it.
            until: whether it may end.
        """
        customer, path = self.customer, f"/live/{self.customer.conversation}"
        following = asyncio.create_task(customer.follow())
        if await self.agent.send(path, action="take") != 303:
            raise RuntimeError("a customer who waits could not be taken")
        self._tally.live += 1

        async def go_on(write: Callable[[], Any]) -> None:
            written = 0
            while written < lines or not until():
                await asyncio.sleep(pause * random.uniform(0.5, 1.5))
                await write()
                written += 1

        await asyncio.gather(go_on(customer.write), go_on(self._write))
        if await self.agent.send(path, action="hand_back") != 303:
            raise RuntimeError("a conversation could not be handed back")
        await asyncio.wait_for(following, _FOLLOWED_SECONDS)
        self._tally.agents_seconds += [
            at - self._sent_at[text] for text, at in customer.shown_at.items() if text in self._sent_at
        ]
        self.goes_on = bool(await customer.say({"text": customer.question}))

    async def _write(self) -> None:
        text = f"agent line {len(self.written)} to customer {self.customer.number}"
        self._sent_at[text] = time.perf_counter()
        path, identity = f"/live/{self.customer.conversation}", str(uuid.uuid4())
        status = await self.agent.send(path, action="agent_text", uuid=identity, text=text)
        self._tally.errors += status != 303
        self.written.append(text)


def _token_of(page: str) -> str:
    found = _FORM_TOKEN.search(page)
    if found is None:
        raise RuntimeError("a page of the desk has no form")
    return found[1]
