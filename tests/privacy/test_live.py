"""Live conversations with agents are personal data, too: handed out, deleted and expired like the rest."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta

from sqlalchemy import update

from bot.privacy.retention import expire
from bot.stores.live import LiveStore
from bot.stores.session_stores import KeptSessions
from bot.stores.sessions import Session
from bot.tickets.tables import LIVE_ROWS, LIVE_STATES
from tests.privacy.conftest import NOW, Kept


def talked(kept: Kept, *conversations: str) -> LiveStore:
    """Lets an agent talk in conversations and hand them back."""
    store = LiveStore(str(kept.tickets.engine.url))
    store.beat("Berit")
    for name in conversations:
        store.want(name, "nb", None)
        store.take(name, "Berit")
        store.append(name, "customer_text", "u", "jeg er anna@x.no")
        store.append(name, "note", "n", "hyggelig", "Berit")
        store.hand_back(name, "Berit")
    return store


def test_what_was_said_to_an_agent_is_handed_out_and_erased(kept: Kept) -> None:
    kept.contact("mine", "anna@x.no")
    kept.contact("theirs", "johanna@x.no")
    store = talked(kept, "mine", "theirs")
    url = str(kept.conversations.url)
    sessions = KeptSessions(10, url)
    for name in ("mine", "theirs"):
        asyncio.run(sessions.add(Session(name, "nb", "nb", None, expires=time.time() + 60, seen=0.0)))
    data = kept.data()
    person = data.find("anna@x.no")
    found = data.export(person)
    assert person.conversations == ("mine",)
    assert [row["kind"] for row in found["live"]] == ["wanted", "taken", "customer_text", "note", "handed_back"]
    assert [page["conversation"] for page in found["page"]] == ["mine"]
    data.erase(person)
    assert store.after("mine") == []
    assert store.state("mine").state == "none"
    assert len(store.after("theirs")) == 5
    assert asyncio.run(KeptSessions(10, url).get("mine")) is None
    assert asyncio.run(KeptSessions(10, url).get("theirs")) is not None


def test_old_live_conversations_go(kept: Kept) -> None:
    store = talked(kept, "old", "new")
    long_ago = NOW - timedelta(days=31)
    with store.writing() as connection:
        connection.execute(update(LIVE_ROWS).where(LIVE_ROWS.c.conversation_id == "old").values(at=long_ago))
        connection.execute(update(LIVE_STATES).where(LIVE_STATES.c.conversation_id == "old").values(since=long_ago))
    expire(kept.conversations, kept.tickets, NOW, 30, 365)
    assert store.after("old") == []
    assert store.state("old").state == "none"
    assert store.state("new").state == "ended"
