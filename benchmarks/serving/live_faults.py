"""Kills one server at a time while customers talk to agents, and compares what everybody has seen of it afterwards."""

from __future__ import annotations

import asyncio
import json
import random
import statistics
import threading
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from sqlalchemy import select

from benchmarks.serving.faults import FAULTS, kill_at_random, killed, wait_for_all
from benchmarks.serving.live_chats import LiveAgent, LiveChat, LiveCustomer, LiveTally
from bot.desk.accounts import Accounts
from bot.stores.conversations import EVENTS, open_conversations
from bot.tickets.store import TicketStore
from tests.support.stack import UNLIMITED, Embedded, Stack

_AGENTS = 5
_PAUSE = 1.0
_SECONDS_BETWEEN_KILLS = (1, 3)
_LONGEST_SECONDS = 90
_TRIED_AGAIN = (0, 502, 503, 504)
"""What the page tries again by itself; of any other status the customer is told, and may press a button."""
RANDOM = "random"
KINDS = ("embedded", "stack")

EMBEDDED_FAULTS: Mapping[str, Callable[[Any], None]] = {
    "none": lambda embedded: None,
    "bot killed": lambda embedded: killed(embedded.bot),
    "desk killed": lambda embedded: killed(embedded.agents_desk),
}
STACK_FAULTS: Mapping[str, Callable[[Any], None]] = {
    **{name: FAULTS[name] for name in FAULTS if name.split()[0] in {"none", "a", "Redis", "PostgreSQL"}},
    "desk killed": EMBEDDED_FAULTS["desk killed"],
}


def servers_with_agents(kind: str, folder: Path, model: Path) -> Stack | Embedded:
    """Returns servers with a desk, not started yet.

    Args:
        kind: `embedded`: one bot with SQLite; `stack`: two with PostgreSQL and Redis behind nginx.
        folder: where data and logs go.
        model: the model that is served.

    Raises:
        ServerMissing: a server is not installed.
    """
    if kind == "embedded":
        return Embedded(folder, model, UNLIMITED)
    return Stack(folder, model, broker=False, settings=UNLIMITED, actions_apart=False, agents=True)


def faults_of(servers: Stack | Embedded) -> Mapping[str, Callable[[Any], None]]:
    """Returns what can be broken."""
    return STACK_FAULTS if isinstance(servers, Stack) else EMBEDDED_FAULTS


def with_live_fault(
    servers: Stack | Embedded, name: str, chats: int, lines: int, times: int = 1, seed: int = 1
) -> dict[str, object]:
    """Breaks something while customers talk to agents; they go on until it is repaired.

    Args:
        servers: with a desk.
        name: which of `faults_of`, or `RANDOM`: any of them at any moment.
        chats: how many conversations there are at once.
        lines: how many each side writes at least.
        times: how often it is broken.
        seed: of the moments.

    Returns:
        The table's row.
    """
    tally, over, chance, faults = LiveTally(), threading.Event(), random.Random(seed), faults_of(servers)

    def break_it() -> None:
        while tally.live < chats and not over.wait(0.02):
            pass
        if name == RANDOM:
            kills = [faults[each] for each in faults if "killed" in each]
            kill_at_random(servers, kills, chance, over, times * len(kills))
            return
        for _ in range(times if name != "none" else 1):
            if over.wait(chance.uniform(*_SECONDS_BETWEEN_KILLS)):
                return
            faults[name](servers)
            wait_for_all(servers.programs)

    breaking = threading.Thread(target=break_it)
    breaking.start()
    try:
        seen = asyncio.run(_talk(servers, chats, lines, tally, lambda: not breaking.is_alive()))
    finally:
        over.set()
        breaking.join()
    return {"fault": f"{name} ({times} times each)" if name == RANDOM else name, **_row(servers, seen, tally)}


@dataclass(frozen=True)
class Seen:
    """What everybody sees of a conversation when it is over.

    Args:
        chat: who has written what, and what the customer's stream has shown.
        history: what the customer's page shows after a reload.
        transcript: texts of both as the desk shows them.
    """

    chat: LiveChat
    history: Sequence[Mapping[str, Any]]
    transcript: Sequence[str]


async def _talk(
    servers: Stack | Embedded, chats: int, lines: int, tally: LiveTally, until: Callable[[], bool]
) -> list[Seen]:
    accounts = Accounts(TicketStore(servers.environment["BOT_TICKETS_DATABASE"]))
    names = [f"Agent {chr(65 + number)}" for number in range(_AGENTS)]
    agents = [LiveAgent(name, servers.agents_desk.origin, tally) for name in names]
    for agent in agents:
        if any(account.name == agent.name for account in accounts.agents()):
            accounts.remove(agent.name)
        await agent.sign_in(accounts.add(agent.name, "agent", "en"))
    timeout = aiohttp.ClientTimeout(total=_LONGEST_SECONDS)
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0), timeout=timeout) as http:
        customers = [LiveCustomer(number, servers.origin, http, tally) for number in range(chats)]
        await asyncio.gather(*[customer.want_a_person() for customer in customers])
        all_chats = [
            LiveChat(customer, agents[number % len(agents)], tally) for number, customer in enumerate(customers)
        ]
        await asyncio.gather(*[chat.run(lines, _PAUSE, until) for chat in all_chats])
        seen = [
            Seen(chat, await chat.customer.history(), await chat.agent.transcript(chat.customer.conversation))
            for chat in all_chats
        ]
    for agent in agents:
        await agent.leave()
    return seen


def _row(servers: Stack | Embedded, seen: Sequence[Seen], tally: LiveTally) -> dict[str, object]:
    conversations = open_conversations(servers.environment["BOT_TRACKER_DATABASE"])
    wrong = Counter[str]()
    for one in seen:
        query = select(EVENTS.c.data).where(EVENTS.c.sender_id == one.chat.customer.conversation).order_by(EVENTS.c.id)
        with conversations.connect() as connection:
            events = [json.loads(row.data) for row in connection.execute(query)]
        wrong += _wrong(one, events)
    conversations.dispose()
    return {
        "chats": len(seen),
        "customers wrote": sum(len(one.chat.customer.written) for one in seen),
        "agents wrote": sum(len(one.chat.written) for one in seen),
        "customers sent again": tally.retries,
        "because of": ", ".join(f"{status or 'no connection'}: {n}" for status, n in sorted(tally.failures.items())),
        "agents sent again": tally.agents_retries,
        "streams opened again": tally.interrupted,
        "longest s": round(max(tally.customers_seconds)),
        "p50 ms of customers": round(1000 * statistics.median(tally.customers_seconds)),
        "p50 ms of agents": round(1000 * statistics.median(tally.agents_seconds)),
        **{name: wrong[name] for name in ("lost", "doubled", "out of order", "another's", "bot spoke")},
        "refused": tally.errors + sum(n for status, n in tally.failures.items() if status not in _TRIED_AGAIN),
        "bot goes on": sum(one.chat.goes_on for one in seen),
    }


def _wrong(seen: Seen, events: Sequence[Mapping[str, Any]]) -> Counter[str]:
    """Counts what is wrong with a conversation in the customer's history and stream, at the desk, in the tracker."""
    chat = seen.chat
    written, customers, agents = chat.customer.written, set(chat.customer.written), set(chat.written)
    said = [line["text"] for line in seen.history if line["from"] == "customer" and " line " in line["text"]]
    heard = [line["text"] for line in seen.history if line["from"] == "live" and line["kind"] == "agent_text"]
    live = [event for event in events if "live" in (event.get("metadata") or {})]
    kept = [event["text"] for event in live if event["event"] in {"user", "agent"}]
    wrong = compare(written, said) + compare(chat.written, heard) + compare(chat.written, chat.customer.shown)
    for texts in (seen.transcript, kept):
        wrong += compare(written, [text for text in texts if text not in agents])
        wrong += compare(chat.written, [text for text in texts if text not in customers])
    wrong["out of order"] += list(seen.transcript) != kept
    paused = False
    for event in events:
        paused = (paused or event["event"] == "pause") and event["event"] != "resume"
        wrong["bot spoke"] += paused and event["event"] in {"bot", "action"}
    wrong["bot spoke"] += len(chat.customer.answers)
    return wrong


def compare(written: Sequence[str], found: Sequence[str]) -> Counter[str]:
    """Counts how what is found differs from what one side has written; each text of it is written once."""
    times = Counter(found)
    first = [text for text in times if text in set(written)]
    return Counter(
        {
            "lost": sum(text not in times for text in written),
            "doubled": sum(times.values()) - len(times),
            "out of order": int(first != [text for text in written if text in times]),
            "another's": len(times) - len(first),
        }
    )
