"""A bot with a desk, its waiting and live customers, and the agents' side of it."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bot.stores.live import LiveStore
from tests.channel.conftest import _LINKED, Customer, PageBot, serving
from tests.conftest import ROOT
from tests.support.servers import wait_until


class Desk:
    """A bot with a desk, and the agents' side of it."""

    def __init__(self, bot: PageBot, folder: Path) -> None:
        self.bot = bot
        self.folder = folder
        self.store = LiveStore(f"sqlite:///{folder / 'tickets.db'}")

    def waiting(self, **page: str) -> Customer:
        """Returns a customer who waits for a person, after a question."""
        self.store.beat("Anna")
        customer = self.bot.customer(**page)
        customer.say("my card was declined")
        asked = customer.say("I want to talk to a person")
        assert [part["type"] for part in asked.parts] == ["waiting"]
        return customer

    def live(self, **page: str) -> Customer:
        """Returns a customer whom Anna has taken."""
        customer = self.waiting(**page)
        assert self.store.take(customer.conversation, "Anna")
        self.applied(customer)
        return customer

    def write(self, customer: Customer, text: str) -> None:
        """Writes as Anna."""
        self.store.append(customer.conversation, "agent_text", str(uuid.uuid4()), text, "Anna")

    def applied(self, customer: Customer) -> None:
        """Waits until the bot has applied everything."""

        def done() -> bool:
            state = self.store.state(customer.conversation)
            return state.applied == state.sequence

        wait_until(done, "the rows to be applied", 30)


@contextmanager
def desk_bot(model: Path, folder: Path, **environment: str) -> Iterator[Desk]:
    """Starts a bot with a desk; the same folder again goes on with what is there."""
    project = folder / "project"
    if not project.exists():
        project.mkdir()
        for name in _LINKED:
            (project / name).symlink_to(ROOT / name)
    with serving(project, model, folder, **{"BOT_DESK": "on", **environment}) as bot:
        yield Desk(bot, folder)
