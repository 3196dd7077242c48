"""Many varied messages for long: whether memory, answering times, open files and databases stay as they are."""

from __future__ import annotations

import asyncio
import random
import re
import string
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import aiohttp
import matplotlib
import numpy as np
import psutil  # type: ignore[import-untyped]
from scipy.stats import linregress, t
from tabulate import tabulate

from benchmarks.serving.live_chats import LiveAgent, LiveChat, LiveCustomer, LiveTally
from benchmarks.serving.load import HandingOver, Part, Tally, Visitor, buttons_of
from bot.articles.examples import read_examples
from bot.articles.replies import Replies
from bot.desk.accounts import Accounts
from bot.privacy.retention import expire
from bot.regression.measure import HELD_OUT
from bot.settings import get_settings
from bot.stores.conversations import open_conversations
from bot.tickets.store import TicketStore
from tests.support.stack import Embedded

_TURNS, _PAUSE = 6, 4.0
_MESSAGES_PER_CONVERSATION = 6.2  # measured; people with forms and agents write more
_FORMS, _LIVE = 0.10, 0.04  # shares of conversations
_LONG, _LONG_CHARACTERS = 0.03, 1800
_AGENTS, _LINES, _INBOX_SECONDS = 2, 3, 5.0
_SAMPLE_SECONDS = 5.0
_RETENTION_SECONDS, _KEEP_SECONDS = 60.0, 300.0
_WINDOW_MINUTES = 5.0
_MOST_AT_ONCE = 600
_CONFIDENCE = 0.95
_DAY = 86400.0
# The last line of a traceback.
_EXCEPTION = re.compile(r"(?:\w+\.)*[A-Z]\w*(?:Error|Exception|Timeout|Refused)\b")
_SETTINGS = {"BOT_TOKEN_LIFETIME_SECONDS": "300"}
_DATABASES = ("TRACKER", "TICKETS")


class Phrases:
    """Messages that no other customer has written: held-out phrases with typing errors and words that nobody knows.

    Args:
        seed: of the variations.
    """

    def __init__(self, seed: int) -> None:
        self._chance = random.Random(seed)
        self._phrases: dict[str, list[str]] = {language: [] for language in Replies().languages()}
        for example in read_examples(HELD_OUT):
            self._phrases[example.language].append(example.text)
        known = [example for example in read_examples(get_settings().data_dir / "nlu") if example.intent == "ask_phone"]
        self._calls = {
            language: [each.text for each in known if each.language == language] for language in self._phrases
        }

    def languages(self) -> list[str]:
        """Returns the languages that there are phrases in."""
        return [language for language, phrases in self._phrases.items() if phrases]

    def next(self, language: str) -> str:
        """Returns the next message in a language; a few are as long as a message may be."""
        chance, phrases = self._chance, self._phrases[language]
        words = chance.choice(phrases).split()
        if chance.random() < _LONG:
            while sum(map(len, words)) + len(words) < _LONG_CHARACTERS:
                words += chance.choice(phrases).split()
        if chance.random() < 0.5:
            number = chance.randrange(len(words))
            words[number] = self._misspelt(words[number])
        if chance.random() < 0.5:
            words.insert(chance.randrange(len(words) + 1), self._new_word())
        return " ".join(words)[:_LONG_CHARACTERS]

    def call(self, language: str) -> str:
        """Returns what is said in a language by somebody who wants to be called."""
        return self._chance.choice(self._calls[language])

    def _misspelt(self, word: str) -> str:
        position = self._chance.randrange(len(word))
        written = self._chance.choice(["", word[position] * 2, self._chance.choice(string.ascii_lowercase)])
        return f"{word[:position]}{written}{word[position + 1 :]}" or word

    def _new_word(self) -> str:
        return "".join(self._chance.choices(string.ascii_lowercase, k=self._chance.randint(4, 12)))


class Talker(Visitor):
    """A customer who writes one new message after the other, and says which product it is about."""

    phrases: Phrases

    def __init__(self, number: int, origin: str, http: aiohttp.ClientSession, tally: Tally) -> None:
        super().__init__(number, origin, http, tally)
        languages = self.phrases.languages()
        self.language = languages[number % len(languages)]
        self.question = self.phrases.next(self.language)
        self._apologies = {
            self.replies.text(key, self.language) for key in ("utter_answer_failed", "utter_contact_person")
        }

    async def ask(self, turns: int, pause: float) -> None:
        """Writes messages."""
        parts: list[Part] = []
        for _ in range(turns):
            product = next((button for button in buttons_of(parts) if button["kind"] == "product"), None)
            body = {"button": product["id"]} if product else {"text": self.phrases.next(self.language)}
            parts = await self.say(body)
            await asyncio.sleep(pause * random.uniform(0.5, 1.5))

    def is_of_another(self, parts: list[Part]) -> bool:
        """Tells nothing here: what was written may well be taken for another language or matter."""
        return False


class Caller(Talker, HandingOver):
    """A customer who wants to be called, which begins the ticket's form also where agents are present."""

    def __init__(self, number: int, origin: str, http: aiohttp.ClientSession, tally: Tally) -> None:
        super().__init__(number, origin, http, tally)
        self._person = {"text": f"{self.phrases.call(self.language)} +47 22 {number % 90 + 10} 10 56"}


@dataclass
class Sample:
    """What is seen at a moment.

    Args:
        minute: since the first message.
        sent: messages since then.
        answered: how many answers' times there are.
        memory: resident memory of each process, in MB.
        files: open files of each process.
        databases: size of each, in MB, with what SQLite has not merged yet.
    """

    minute: float
    sent: int
    answered: int
    memory: dict[str, float]
    files: dict[str, int]
    databases: dict[str, float]


@dataclass
class Soak:
    """What was seen while messages came.

    Args:
        minutes: how long they came.
        tally: what customers and agents have seen.
        samples: in the order of time.
        broken: kinds of conversations that ended early, with the reason.
        errors: what the servers have logged as exceptions.
    """

    minutes: float
    tally: LiveTally = field(default_factory=LiveTally)
    samples: list[Sample] = field(default_factory=list)
    broken: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)

    def slope(self, process: str) -> tuple[float, float]:
        """Returns by how many MB a process grows with 1,000 messages in the last half, and the upper 95 % bound."""
        samples = [sample for sample in self.samples if self.minutes / 2 <= sample.minute <= self.minutes]
        fit = linregress([each.sent / 1000 for each in samples], [each.memory[process] for each in samples])
        return fit.slope, fit.slope + t.ppf((1 + _CONFIDENCE) / 2, len(samples) - 2) * fit.stderr

    def windows(self) -> list[tuple[float, float]]:
        """Returns the minute in which each window of five begins, and the 95th percentile of its answers in ms."""
        found, long = [], min(_WINDOW_MINUTES, self.minutes / 3)
        for begin in np.arange(0, self.minutes - long / 2, long):
            seconds = self.tally.seconds[self._at(begin).answered : self._at(begin + long).answered]
            found.append((float(begin), 1000 * float(np.percentile(seconds or [0.0], 95))))
        return found

    def report(self) -> str:
        """Returns the figures as Markdown."""
        first, middle, last = self.samples[0], self._at(self.minutes / 2), self.samples[-1]
        rows = [
            {
                "process": name,
                "MB: begin, middle, end": ", ".join(f"{each.memory[name]:.0f}" for each in (first, middle, last)),
                "MB / 1,000 messages": round(self.slope(name)[0], 3),
                "upper 95 %": round(self.slope(name)[1], 3),
                "open files: begin, middle, end": ", ".join(str(each.files[name]) for each in (first, middle, last)),
                "most": max(each.files[name] for each in self.samples),
            }
            for name in last.memory
        ]
        sizes = [
            {
                "database": name,
                "MB every five minutes": ", ".join(
                    f"{self._at(minute).databases[name]:.1f}" for minute in np.arange(0, self.minutes + 0.1, 5)
                ),
            }
            for name in last.databases
        ]
        tally, windows = self.tally, self.windows()
        counts = {
            "messages": tally.sent,
            "answered": tally.answered,
            "apologies": tally.apologies,
            "refused": tally.errors,
            "lost": tally.lost,
            "tried again": tally.retries,
            "forms to the end": f"{len(tally.told)} of {len(tally.tickets)}",
            "live chats": tally.live,
            "conversations broken off": dict(self.broken),
            "errors logged": dict(self.errors.most_common(5)),
        }
        times = {f"from minute {begin:.0f}": round(p95) for begin, p95 in windows}
        return "\n\n".join(
            [
                tabulate([counts], headers="keys", tablefmt="github"),
                tabulate(rows, headers="keys", tablefmt="github"),
                "p95 in ms by window:\n\n" + tabulate([times], headers="keys", tablefmt="github"),
                f"p95 of the last window / of the second: {windows[-1][1] / windows[1][1]:.2f}",
                tabulate(sizes, headers="keys", tablefmt="github"),
            ]
        )

    def draw(self, file: Path) -> None:
        """Draws memory and answering times over messages and minutes."""
        matplotlib.use("Agg")
        from matplotlib import pyplot

        figure, (memory, times) = pyplot.subplots(2, 1, figsize=(8, 6))
        for name in self.samples[0].memory:
            values = [sample.memory[name] for sample in self.samples]
            memory.plot([sample.sent / 1000 for sample in self.samples], values, label=name)
        memory.set(xlabel="thousand messages", ylabel="resident memory, MB", ylim=(0, None))
        memory.legend()
        times.step(*zip(*self.windows(), strict=True), where="post", marker="o")
        times.set(xlabel="minute", ylabel="p95 of answers, ms", ylim=(0, None))
        figure.tight_layout()
        figure.savefig(file, dpi=100)

    def _at(self, minute: float) -> Sample:
        return min(self.samples, key=lambda sample: abs(sample.minute - minute))


def soak(folder: Path, model: Path, minutes: float, seed: int, pace: float) -> Soak:
    """Starts bot, action server and desk, and lets customers and agents write.

    Args:
        folder: where data and logs go.
        model: the model that is served.
        minutes: how long.
        seed: of the messages.
        pace: messages per second.
    """
    servers = Embedded(folder, model, _SETTINGS, actions_apart=True)
    Talker.phrases = Phrases(seed)
    result = Soak(minutes)
    try:
        servers.start()
        asyncio.run(_run(servers, folder, result, random.Random(seed), pace))
    finally:
        servers.stop()
    for log in folder.glob("*.log"):
        lines = log.read_text(encoding="utf8", errors="replace").splitlines()
        result.errors.update(f"{log.stem}: {line[:120]}" for line in lines if _EXCEPTION.match(line))
    return result


async def _run(servers: Embedded, folder: Path, result: Soak, chance: random.Random, pace: float) -> None:
    store = TicketStore(servers.environment["BOT_TICKETS_DATABASE"])
    accounts, agents = Accounts(store), []
    for number in range(_AGENTS):
        agent = LiveAgent(f"Agent {number + 1}", servers.agents_desk.origin, result.tally)
        await agent.sign_in(accounts.add(agent.name, "agent", "en"))
        agents.append(agent)
    async with aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(limit=0), timeout=aiohttp.ClientTimeout(total=120)
    ) as http:
        beside = [
            asyncio.create_task(_sample(servers, folder, result)),
            asyncio.create_task(_retain(servers, store)),
            *[asyncio.create_task(_look_at_inbox(agent)) for agent in agents],
        ]
        await _write(servers, http, agents, result, chance, pace)
        for task in beside:
            if task.done():
                task.result()  # what is measured is worth nothing without it
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
    for agent in agents:
        await agent.leave()


async def _write(
    servers: Embedded,
    http: aiohttp.ClientSession,
    agents: list[LiveAgent],
    result: Soak,
    chance: random.Random,
    pace: float,
) -> None:
    """Begins conversations at an even pace."""
    running: set[asyncio.Task[None]] = set()
    begun, number = time.monotonic(), 0
    while (elapsed := time.monotonic() - begun) < 60 * result.minutes:
        if elapsed * pace >= number * _MESSAGES_PER_CONVERSATION:
            number += 1
            if len(running) < _MOST_AT_ONCE:
                task = asyncio.create_task(_converse(servers, http, agents, result, number, chance.random()))
                running.add(task)
                task.add_done_callback(running.discard)
            else:
                result.broken["too many at once"] += 1
        else:
            await asyncio.sleep(0.02)
    await asyncio.gather(*running)


async def _converse(
    servers: Embedded, http: aiohttp.ClientSession, agents: list[LiveAgent], result: Soak, number: int, kind: float
) -> None:
    name, given = "talk", (number, servers.origin, http, result.tally)
    try:
        if kind < _LIVE:
            name = "live chat"
            customer = LiveCustomer(*given)
            await customer.want_a_person()
            await LiveChat(customer, agents[number % len(agents)], result.tally).run(_LINES, _PAUSE, lambda: True)
        elif kind < _LIVE + _FORMS:
            name = "form"
            await Caller(*given).visit(_TURNS, _PAUSE)
        else:
            await Talker(*given).visit(_TURNS, _PAUSE)
    except Exception as error:  # the others go on; each is in the report
        result.broken[f"{name}: {str(error)[:120] or type(error).__name__}"] += 1


async def _sample(servers: Embedded, folder: Path, result: Soak) -> None:
    programs = {"bot": servers.bot, "actions": servers.actions, "desk": servers.agents_desk}
    processes = {name: psutil.Process(program.process.pid) for name, program in programs.items() if program.process}
    started = time.monotonic()
    while True:
        seen: dict[str, list[psutil.Process]] = {
            name: [process, *process.children(recursive=True)] for name, process in processes.items()
        }
        result.samples.append(
            Sample(
                (time.monotonic() - started) / 60,
                result.tally.sent,
                len(result.tally.seconds),
                {name: sum(each.memory_info().rss for each in group) / 1e6 for name, group in seen.items()},
                {name: sum(each.num_fds() for each in group) for name, group in seen.items()},
                {name: sum(f.stat().st_size for f in folder.glob(f"{name}.db*")) / 1e6 for name in _DATABASES},
            )
        )
        await asyncio.sleep(_SAMPLE_SECONDS)


async def _retain(servers: Embedded, store: TicketStore) -> None:
    """Closes tickets and lets retention run each minute, as a timer does each day."""
    conversations = open_conversations(servers.environment["BOT_TRACKER_DATABASE"])

    def retain() -> None:
        for ticket in store.tickets(state="new"):
            store.close(ticket.number)
        keep = _KEEP_SECONDS / _DAY
        expire(conversations, store, datetime.now(timezone.utc), keep, keep)

    while True:
        await asyncio.sleep(_RETENTION_SECONDS)
        await asyncio.to_thread(retain)


async def _look_at_inbox(agent: LiveAgent) -> Any:
    while True:
        await asyncio.sleep(_INBOX_SECONDS)
        await agent.page("/")
