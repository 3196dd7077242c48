"""Live conversations: rows once and in order, one agent at a time, whatever is retried and whoever comes first."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from sqlalchemy import event, func, select, update

from bot.desk.accounts import Accounts
from bot.stores.live import GONE_SECONDS, PRESENT_SECONDS, WAIT_SECONDS, LiveStore, NotLiveError
from bot.tickets.model import now
from bot.tickets.tables import LIVE_AGENTS, LIVE_STATES, TICKETS
from tests.support.servers import PostgresServer

AGENTS = ("Anna", "Berit")


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> LiveStore:
    """An empty store of each kind."""
    if request.param == "sqlite":
        return LiveStore(f"sqlite:///{tmp_path / 'tickets.db'}")
    server: PostgresServer = request.getfixturevalue("postgres")
    return LiveStore(server.database())


def live(store: LiveStore, conversation: str = "c") -> LiveStore:
    """Makes a conversation live with Anna."""
    store.beat("Anna")
    assert store.want(conversation, "nb", "card_declined")
    assert store.take(conversation, "Anna")
    return store


def grow_old(store: LiveStore, seconds: float) -> None:
    """Lets time go by: whatever has been noted was noted so much earlier."""
    moment = now() - timedelta(seconds=seconds)
    with store.writing() as connection:
        connection.execute(update(LIVE_AGENTS).values(beat_at=moment))
        connection.execute(update(LIVE_STATES).values(since=moment))


def kinds(store: LiveStore, conversation: str = "c") -> list[str]:
    return [row.kind for row in store.after(conversation)]


def test_a_customer_waits_talks_to_an_agent_and_is_handed_back(store: LiveStore) -> None:
    assert store.state("c").state == "none"
    live(store)
    assert [(found.state, found.agent, found.queue) for found in store.waiting()] == [("live", "Anna", "payments")]
    assert store.append("c", "agent_text", "u1", "Hei!", "Anna") == 3
    assert store.append("c", "customer_text", "u2", "kort 4111 1111 1111 1111") == 4
    assert store.append("c", "note", "u3", "snill", "Berit") == 5
    assert store.hand_back("c", "Anna")
    assert store.append("c", "rated", "u4", "fint", rating=5) == 7
    assert store.waiting() == []
    assert kinds(store) == ["wanted", "taken", "agent_text", "customer_text", "note", "handed_back", "rated"]
    assert [row.text for row in store.after("c", 2)] == ["Hei!", "kort ••••1111", "snill", None, "fint"]
    assert store.after("c", 6)[0].rating == 5


def test_what_is_sent_twice_is_one_row(store: LiveStore) -> None:
    live(store)
    first = store.append("c", "customer_text", "u", "hei")
    assert store.append("c", "customer_text", "u", "hei") == first
    assert store.hand_back("c", "Anna")
    assert store.append("c", "customer_text", "u", "hei") == first
    assert live(store, "other").append("other", "customer_text", "u", "hei")


def test_another_text_of_an_agent_with_a_known_uuid_is_refused(store: LiveStore) -> None:
    live(store)
    first = store.append("c", "agent_text", "u", "kort 4111 1111 1111 1111", "Anna")
    assert store.append("c", "agent_text", "u", "kort 4111 1111 1111 1111", "Anna") == first
    for kind, text, agent in (("agent_text", "x", "Anna"), ("note", "kort ••••1111", "Anna"), ("note", "x", "Berit")):
        with pytest.raises(NotLiveError):
            store.append("c", kind, "u", text, agent)  # type: ignore[arg-type]
    assert len(store.after("c")) == 3


def test_one_of_many_agents_gets_a_conversation(store: LiveStore) -> None:
    assert store.want("c", "en", None)
    names = [f"agent {number}" for number in range(8)]
    for name in names:
        store.beat(name)
    with ThreadPoolExecutor(8) as pool:
        got = list(pool.map(lambda name: store.take("c", name), names))
    assert got.count(True) == 1
    assert store.state("c").agent == names[got.index(True)]
    assert kinds(store) == ["wanted", "taken"]


def test_rows_that_come_at_once_have_one_order(store: LiveStore) -> None:
    live(store)
    with ThreadPoolExecutor(4) as pool:
        got = list(pool.map(lambda n: store.append("c", "customer_text", f"u{n}", str(n)), range(24)))
    assert sorted(got) == list(range(3, 27))
    assert [row.sequence for row in store.after("c")] == list(range(1, 27))


def test_only_who_has_the_conversation_writes_in_it(store: LiveStore) -> None:
    for kind, agent in (("agent_text", "Berit"), ("customer_text", None), ("rated", None)):
        with pytest.raises(NotLiveError):
            store.append("c", kind, "u", "hei", agent)  # type: ignore[arg-type]
    live(store)
    for kind, agent in (("agent_text", "Berit"), ("rated", None)):
        with pytest.raises(NotLiveError):
            store.append("c", kind, "u", "hei", agent)  # type: ignore[arg-type]
    assert not store.hand_back("c", "Berit")
    assert store.hand_back("c", "Anna")
    assert not store.hand_back("c", "Anna")
    for kind, agent in (("agent_text", "Anna"), ("customer_text", None)):
        with pytest.raises(NotLiveError):
            store.append("c", kind, "u", "hei", agent)  # type: ignore[arg-type]


def test_a_conversation_goes_to_another_agent_who_is_present(store: LiveStore) -> None:
    live(store)
    assert not store.transfer("c", "Anna", "Berit")
    store.beat("Berit")
    assert not store.take("c", "Berit")
    assert store.transfer("c", "Anna", "Berit")
    assert not store.transfer("c", "Anna", "Berit")
    assert store.append("c", "agent_text", "u", "Hei", "Berit")
    assert kinds(store) == ["wanted", "taken", "taken", "agent_text"]


def test_an_agent_is_present_as_long_as_the_desk_is_open(store: LiveStore) -> None:
    store.beat("Anna")
    store.beat("Berit")
    assert store.present() == ["Anna", "Berit"]
    store.sign_out("Berit")
    assert store.present() == ["Anna"]
    grow_old(store, PRESENT_SECONDS + 1)
    assert store.present() == []


def test_another_agent_may_take_the_conversation_of_one_who_is_gone(store: LiveStore) -> None:
    live(store)
    grow_old(store, PRESENT_SECONDS + 1)
    store.beat("Berit")
    assert store.give_up() == 0
    assert store.take("c", "Berit")
    assert not store.hand_back("c", "Anna")


def test_waiting_and_an_agent_who_is_gone_come_to_an_end_once(store: LiveStore) -> None:
    assert store.want("waits", "en", None)
    live(store)
    assert store.give_up() == 0
    grow_old(store, WAIT_SECONDS + 1)
    assert store.give_up() == 1
    assert kinds(store, "waits") == ["wanted", "nobody"]
    grow_old(store, GONE_SECONDS + 1)
    assert store.give_up() == 1
    assert store.give_up() == 0
    assert kinds(store) == ["wanted", "taken", "agent_gone"]
    store.beat("Anna")
    assert store.want("c", "en", None)


def test_a_long_conversation_goes_on_while_its_agent_is_present(store: LiveStore) -> None:
    live(store)
    grow_old(store, 3600)
    store.beat("Anna")
    assert store.give_up() == 0


def test_the_customer_of_an_agent_who_signs_out_is_not_left_at_once(store: LiveStore) -> None:
    live(store)
    grow_old(store, 3600)
    store.beat("Anna")
    store.sign_out("Anna")
    assert store.present() == []
    assert store.give_up() == 0
    store.beat("Anna")  # who is signed in elsewhere, too
    assert store.present() == ["Anna"]
    store.sign_out("Anna")
    grow_old(store, GONE_SECONDS + 1)
    assert store.give_up() == 1


def test_what_is_not_applied_yet_is_found(store: LiveStore) -> None:
    live(store)
    assert store.leave("c")
    assert not store.leave("c")
    assert [(found.conversation_id, found.applied, found.sequence) for found in store.unfinished()] == [("c", 0, 3)]
    store.note_applied("c", 3)
    store.note_applied("c", 2)
    assert store.unfinished() == []
    assert store.state("c").applied == 3


def test_what_is_looked_for_again_and_again_is_found_by_indexes(store: LiveStore) -> None:
    asked: list[tuple[str, Any]] = []
    event.listen(store.engine, "before_cursor_execute", lambda *about: asked.append((about[2], about[3])))
    store.unfinished()
    Accounts(store).note("Kari", "127.0.0.1", "see ticket", "T-10001")
    queries = [query for query in asked if query[0].startswith("SELECT")]
    newest = select(func.max(TICKETS.c.updated_at)).compile(store.engine)
    queries.append((str(newest), newest.params))
    explain = "EXPLAIN QUERY PLAN" if store.engine.dialect.name == "sqlite" else "EXPLAIN"
    with store.reading() as connection:
        if explain == "EXPLAIN":  # an empty table is sooner read as a whole
            connection.exec_driver_sql("SET enable_seqscan = off")
        plans = [
            "\n".join(str(line[-1]) for line in connection.exec_driver_sql(f"{explain} {query}", values))
            for query, values in queries
        ]
    names = ("ix_live_states_unfinished", "ix_desk_audit_agent_object_at", "ix_tickets_updated_at")
    assert [name for name, plan in zip(names, plans, strict=True) if name not in plan] == []


class LiveMachine(RuleBasedStateMachine):
    """Customer, bot and two agents do at random what they may do, or may not; a plain model says what happens."""

    @initialize()
    def begin(self) -> None:
        self.store = LiveStore("sqlite://")
        for agent in AGENTS:
            self.store.beat(agent)
        self.phase, self.agent, self.rows = "none", None, list[tuple[str, str | None, str | None]]()
        self.sent: dict[str, int] = {}

    def _add(self, kind: str, text: str | None = None, agent: str | None = None) -> None:
        self.rows.append((kind, text, agent))

    @rule()
    def want(self) -> None:
        free = self.phase in {"none", "ended"}
        assert self.store.want("c", "en", None) == free
        if free:
            self.phase, self.agent = "waiting", None
            self._add("wanted")

    @rule(agent=st.sampled_from(AGENTS))
    def take(self, agent: str) -> None:
        assert self.store.take("c", agent) == (self.phase == "waiting" or (self.phase, self.agent) == ("live", agent))
        if self.phase == "waiting":
            self.phase, self.agent = "live", agent
            self._add("taken", agent=agent)

    @rule(agent=st.sampled_from(AGENTS), to=st.sampled_from(AGENTS))
    def transfer(self, agent: str, to: str) -> None:
        mine = (self.phase, self.agent) == ("live", agent)
        assert self.store.transfer("c", agent, to) == mine
        if mine:
            self.agent = to
            self._add("taken", agent=to)

    @rule(agent=st.sampled_from(AGENTS))
    def hand_back(self, agent: str) -> None:
        mine = (self.phase, self.agent) == ("live", agent)
        assert self.store.hand_back("c", agent) == mine
        if mine:
            self.phase = "ended"
            self._add("handed_back", agent=agent)

    @rule()
    def leave(self) -> None:
        active = self.phase in {"waiting", "live"}
        assert self.store.leave("c") == active
        if active:
            self.phase = "ended"
            self._add("left", agent=self.agent)

    @rule(uuid=st.sampled_from("abcdef"), agent=st.sampled_from((None, *AGENTS)))
    def write(self, uuid: str, agent: str | None) -> None:
        """Writes a text, or the same one once more."""
        kind = "agent_text" if agent else "customer_text"
        may = self.phase == "live" and agent in {None, self.agent}
        text = f"{uuid} {agent}"
        is_other = agent and uuid in self.sent and self.rows[self.sent[uuid] - 1] != (kind, text, agent)
        try:
            sequence = self.store.append("c", kind, uuid, text, agent)  # type: ignore[arg-type]
        except NotLiveError:
            assert is_other or (not may and uuid not in self.sent)
            return
        assert not is_other
        if uuid not in self.sent:
            assert may
            self._add(kind, text, agent)
            self.sent[uuid] = len(self.rows)
        assert sequence == self.sent[uuid]

    @rule()
    def apply(self) -> None:
        """The serving process applies what there is."""
        before = self.store.state("c").applied
        rows = self.store.after("c", before)
        if rows:
            assert rows[0].sequence == before + 1
            self.store.note_applied("c", rows[-1].sequence)

    @invariant()
    def rows_are_those_of_the_model(self) -> None:
        rows = self.store.after("c")
        assert [(row.kind, row.text, row.agent) for row in rows] == self.rows
        assert [row.sequence for row in rows] == list(range(1, len(rows) + 1))
        assert (self.store.state("c").state, self.store.state("c").agent) == (self.phase, self.agent)

    def teardown(self) -> None:
        self.store.engine.dispose()


TestEveryOrderOfEvents = LiveMachine.TestCase
TestEveryOrderOfEvents.settings = settings(max_examples=30, stateful_step_count=40, deadline=None)
