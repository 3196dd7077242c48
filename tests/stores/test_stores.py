"""Tracker store, lock store, event broker and the page's sessions, on real servers."""

from __future__ import annotations

import asyncio
import json
import time
from contextlib import nullcontext
from pathlib import Path

import aio_pika
import pytest
from rasa.core.agent import Agent
from rasa.core.channels.channel import UserMessage
from rasa.core.lock_store import LockError, LockStore
from rasa.core.tracker_store import SQLTrackerStore, TrackerStore
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActionExecuted, SessionStarted, SlotSet, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.exceptions import RasaException
from rasa.shared.utils.common import class_from_module_path
from rasa.utils.endpoints import read_endpoint_config
from sqlalchemy.exc import OperationalError

from bot.articles.replies import Replies
from bot.channel.turns import Conversations
from bot.settings import Settings
from bot.stores import shared_redis
from bot.stores.broker import ConversationEvents
from bot.stores.conversations import EVENTS
from bot.stores.locks import ConversationLocks
from bot.stores.session_stores import RedisSessions
from bot.stores.sessions import Button, Part, Session, SessionError
from bot.stores.tracker_store import AnsweredElsewhereError, ConversationStore
from bot.text.links import AllowedLinks
from tests.conftest import or_skip
from tests.stores.conftest import SetUp
from tests.support.servers import PostgresServer, RabbitServer, RedisServer

ROOT = Path(__file__).resolve().parent.parent.parent
DOMAIN = Domain.from_yaml("version: '3.1'\nslots:\n  language: {type: text, mappings: [{type: from_text}]}\n")


@pytest.fixture(params=["sqlite", "postgresql"])
def tracker_database(request: pytest.FixtureRequest, tmp_path: Path, settings_of: SetUp) -> str:
    """An empty database of conversations of each kind, named by the environment."""
    if request.param == "sqlite":
        url = f"sqlite:///{tmp_path / 'new' / 'conversations.db'}"
    else:
        url = request.getfixturevalue("postgres").database()
    settings_of(tracker_database=url)
    return url


def as_rasa_opens_it() -> TrackerStore:
    """Opens the tracker store through endpoints.yml."""
    return TrackerStore.create(read_endpoint_config(str(ROOT / "endpoints.yml"), "tracker_store"), DOMAIN)


@pytest.mark.parametrize(
    ("former", "present"),
    [
        ("bot.serving.tracker_store.ConversationStore", ConversationStore),
        ("bot.serving.lock_store.ConversationLocks", ConversationLocks),
        ("bot.serving.event_broker.ConversationEvents", ConversationEvents),
    ],
)
def test_an_endpoints_file_of_an_earlier_version_names_the_same_stores(former: str, present: type) -> None:
    assert class_from_module_path(former) is present


def conversation(name: str) -> DialogueStateTracker:
    return DialogueStateTracker.from_events(
        name,
        [ActionExecuted("action_session_start"), UserUttered("hvorfor så høy?"), SlotSet("language", "nb")],
        slots=DOMAIN.slots,
    )


def test_what_one_server_keeps_another_one_goes_on_with(tracker_database: str) -> None:
    here, there = as_rasa_opens_it(), as_rasa_opens_it()
    assert isinstance(here, ConversationStore)
    asyncio.run(here.save(conversation("anne")))
    tracker = asyncio.run(there.retrieve("anne"))
    assert tracker is not None
    assert tracker.get_slot("language") == "nb"
    tracker.update(UserUttered("takk"))
    asyncio.run(there.save(tracker))
    asyncio.run(there.save(tracker))  # nothing new: nothing is kept twice
    again = asyncio.run(here.retrieve_full_tracker("anne"))
    assert again is not None
    assert [event.text for event in again.events if isinstance(event, UserUttered)] == ["hvorfor så høy?", "takk"]
    assert list(asyncio.run(here.keys())) == ["anne"]
    assert asyncio.run(here.retrieve("nobody")) is None


def said(tracker: DialogueStateTracker | None) -> list[str | None]:
    assert tracker is not None
    return [event.text for event in tracker.events if isinstance(event, UserUttered)]


def test_a_conversation_at_hand_is_the_one_in_the_database(tracker_database: str) -> None:
    here, there = ConversationStore(DOMAIN), ConversationStore(DOMAIN)
    asyncio.run(here.save(conversation("anne")))
    mine = asyncio.run(here.retrieve("anne"))
    assert mine is not None
    mine.update(UserUttered("takk"))
    asyncio.run(here.save(mine))
    assert asyncio.run(here.retrieve("anne")) is mine, "nobody else has written: it is not read again"
    asyncio.run(here.save(mine))

    theirs = asyncio.run(there.retrieve("anne"))
    assert theirs is not None
    theirs.update(UserUttered("og en ting til"))
    asyncio.run(there.save(theirs))
    again = asyncio.run(here.retrieve("anne"))
    assert said(again) == ["hvorfor så høy?", "takk", "og en ting til"]
    assert again == theirs
    asyncio.run(here.save(again))
    assert said(asyncio.run(there.retrieve_full_tracker("anne"))) == said(again), "nothing is kept twice"


def one_more_thing(store: ConversationStore) -> None:
    """Lets anne say something at a server."""
    tracker = asyncio.run(store.retrieve("anne"))
    assert tracker is not None
    tracker.update(UserUttered("og en ting til"))
    asyncio.run(store.save(tracker))


def test_a_conversation_that_another_server_wrote_to_meanwhile_is_read_again(tracker_database: str) -> None:
    here, there = ConversationStore(DOMAIN), ConversationStore(DOMAIN)
    asyncio.run(here.save(conversation("anne")))
    mine = asyncio.run(here.retrieve("anne"))
    assert mine is not None
    one_more_thing(there)
    mine.update(UserUttered("takk"))
    asyncio.run(here.save(mine))
    assert said(asyncio.run(here.retrieve("anne"))) == ["hvorfor så høy?", "og en ting til", "takk"]


def test_a_tracker_from_elsewhere_is_at_hand_only_if_all_that_is_kept_is_its_own(tracker_database: str) -> None:
    here, there = ConversationStore(DOMAIN), ConversationStore(DOMAIN)
    asyncio.run(there.save(conversation("anne")))
    mine = asyncio.run(here.retrieve_full_tracker("anne"))
    assert mine is not None
    one_more_thing(there)
    mine.update(UserUttered("takk"))  # as many events as are kept by now: Rasa's way of counting misses it
    asyncio.run(here.save(mine))
    assert said(asyncio.run(here.retrieve("anne"))) == said(asyncio.run(there.retrieve("anne")))


def test_what_was_erased_during_a_message_is_not_at_hand(tracker_database: str) -> None:
    store = ConversationStore(DOMAIN)
    asyncio.run(store.save(conversation("anne")))
    mine = asyncio.run(store.retrieve("anne"))
    assert mine is not None
    with store.engine.begin() as connection:
        connection.execute(EVENTS.delete())
    mine.update(UserUttered("takk"))
    asyncio.run(store.save(mine))
    assert said(asyncio.run(store.retrieve("anne"))) == ["takk"]


def test_so_many_events_are_at_hand_and_those_used_last(tracker_database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.stores.tracker_store._CACHED_EVENTS", 3 * 3)
    store = ConversationStore(DOMAIN)
    talks = {name: conversation(name) for name in ("anne", "bo", "carl", "dina")}

    def save(name: str) -> None:
        asyncio.run(store.save(talks[name]))

    def at_hand(name: str) -> bool:
        return asyncio.run(store.retrieve(name)) is talks[name]

    for name in ("anne", "bo", "carl", "anne", "dina"):
        save(name)
    assert {name: at_hand(name) for name in ("anne", "carl", "dina")} == dict.fromkeys(("anne", "carl", "dina"), True)
    assert not at_hand("bo")
    save("anne")
    for number in range(9):
        talks["dina"].update(UserUttered(f"{number}"))
    save("dina")
    assert not at_hand("dina"), "longer than all that may be at hand"
    assert at_hand("anne")


def test_what_was_not_kept_is_not_at_hand(tracker_database: str) -> None:
    store = ConversationStore(DOMAIN)
    asyncio.run(store.save(conversation("anne")))
    half_done = asyncio.run(store.retrieve("anne"))
    assert half_done is not None
    half_done.update(UserUttered("this message fails"))
    assert said(asyncio.run(store.retrieve("anne"))) == ["hvorfor så høy?"]


def test_a_message_that_another_server_answered_meanwhile_is_not_kept_twice(tracker_database: str) -> None:
    here, there = ConversationStore(DOMAIN), ConversationStore(DOMAIN)
    asyncio.run(here.save(conversation("anne")))
    trackers = [asyncio.run(store.retrieve("anne")) for store in (here, there)]
    for store, tracker in zip((there, here), trackers[::-1], strict=True):
        assert tracker is not None
        tracker.update(UserUttered("takk", input_channel="page"))
        tracker.events[-1].message_id = "the same"
        with pytest.raises(AnsweredElsewhereError) if store is here else nullcontext():
            asyncio.run(store.save(tracker))
    assert said(asyncio.run(here.retrieve("anne"))) == ["hvorfor så høy?", "takk"]


def test_a_turn_waits_for_a_postgresql_that_comes_back(postgres: PostgresServer, settings_of: SetUp) -> None:
    settings_of(tracker_database=postgres.database())
    store, tracker = ConversationStore(DOMAIN), conversation("anne")
    asyncio.run(store.save(tracker))
    tracker.update(UserUttered("takk"))
    postgres.stop()

    async def comes_back() -> None:
        saving = asyncio.create_task(store.save(tracker))
        await asyncio.wait([saving], timeout=0.1)
        postgres.start()
        await saving

    asyncio.run(comes_back())
    assert said(asyncio.run(store.retrieve("anne"))) == ["hvorfor så høy?", "takk"]


def test_an_erased_conversation_is_not_at_hand(tracker_database: str) -> None:
    store = ConversationStore(DOMAIN)
    asyncio.run(store.save(conversation("anne")))
    with store.engine.begin() as connection:
        connection.execute(EVENTS.delete())
    assert asyncio.run(store.retrieve("anne")) is None


def test_a_conversation_that_began_anew_is_read_from_there(tracker_database: str) -> None:
    store = ConversationStore(DOMAIN)
    tracker = conversation("anne")
    tracker.update(SessionStarted(timestamp=time.time() + 1))
    tracker.update(UserUttered("tilbake", timestamp=time.time() + 2))
    asyncio.run(store.save(tracker))
    tracker.update(SessionStarted(timestamp=time.time() + 3))
    tracker.update(UserUttered("igjen", timestamp=time.time() + 4))
    asyncio.run(store.save(tracker))
    assert said(asyncio.run(store.retrieve("anne"))) == ["igjen"]
    assert said(asyncio.run(store.retrieve_full_tracker("anne"))) == ["hvorfor så høy?", "tilbake", "igjen"]


def test_a_conversation_that_began_anew_while_a_clock_was_ahead_goes_on(tracker_database: str) -> None:
    here, there = ConversationStore(DOMAIN), ConversationStore(DOMAIN)
    tracker = conversation("anne")
    tracker.update(SessionStarted(timestamp=time.time() + 3600))
    asyncio.run(here.save(tracker))
    for store in (here, there, here):
        one_more_thing(store)
    assert said(asyncio.run(there.retrieve("anne"))) == ["og en ting til"] * 3
    assert said(asyncio.run(there.retrieve_full_tracker("anne"))) == ["hvorfor så høy?"] + ["og en ting til"] * 3


def test_a_new_model_reads_conversations_with_its_own_slots(tracker_database: str) -> None:
    store = ConversationStore(DOMAIN)
    asyncio.run(store.save(conversation("anne")))
    store.domain = Domain.from_yaml("version: '3.1'\nslots:\n  product: {type: text, mappings: [{type: from_text}]}\n")
    tracker = asyncio.run(store.retrieve("anne"))
    assert tracker is not None
    assert "product" in tracker.slots


def test_the_table_of_conversations_is_that_of_rasa() -> None:
    rasas = SQLTrackerStore.SQLEvent.__table__
    assert EVENTS.name == rasas.name
    assert [repr(column.type) for column in EVENTS.columns] == [repr(column.type) for column in rasas.columns]
    assert [column.name for column in EVENTS.columns] == [column.name for column in rasas.columns]
    assert {index.name for index in EVENTS.indexes} == {index.name for index in rasas.indexes}


def test_servers_that_start_at_once_make_one_table(tracker_database: str) -> None:
    async def both() -> list[ConversationStore]:
        return await asyncio.gather(*[asyncio.to_thread(ConversationStore, DOMAIN) for _ in range(4)])

    for store in asyncio.run(both()):
        store.check()


def test_a_postgresql_that_was_away_is_used_again_without_a_lost_message(
    postgres: PostgresServer, settings_of: SetUp
) -> None:
    settings_of(tracker_database=postgres.database())
    store = ConversationStore(DOMAIN)
    asyncio.run(store.save(conversation("anne")))
    postgres.stop()
    postgres.start()
    tracker = asyncio.run(store.retrieve("anne"))
    assert tracker is not None


def test_a_conversation_that_cannot_be_read_is_no_new_one(postgres: PostgresServer, settings_of: SetUp) -> None:
    settings_of(tracker_database=postgres.database())
    agent = Agent(domain=DOMAIN, tracker_store=as_rasa_opens_it())
    asyncio.run(agent.tracker_store.save(conversation("anne")))
    postgres.stop()
    try:
        with pytest.raises(OperationalError):
            asyncio.run(agent.tracker_store.retrieve("anne"))
    finally:
        postgres.start()
    assert asyncio.run(agent.tracker_store.retrieve("anne")) is not None


def test_a_database_that_cannot_be_used_is_told_without_its_password(settings_of: SetUp) -> None:
    settings_of(tracker_database="postgresql://bot:geheim@127.0.0.1:1/bot")
    with pytest.raises(RasaException, match="BOT_TRACKER_DATABASE") as told:
        as_rasa_opens_it()
    assert "geheim" not in str(told.value)


@pytest.mark.parametrize("shared", [False, True])
def test_one_message_of_a_conversation_is_let_in_at_a_time(
    redis_server: RedisServer, settings_of: SetUp, shared: bool
) -> None:
    if shared:
        settings_of(redis_url=redis_server.url)
    inside: list[str] = []

    async def message(store: LockStore, who: str) -> None:
        async with store.lock(who):
            inside.append(who)
            assert inside.count(who) == 1
            await asyncio.sleep(0)
            inside.remove(who)

    async def crowd() -> None:
        locks = [ConversationLocks() for _ in range(2)] if shared else [ConversationLocks()]
        await asyncio.gather(*[message(store, who) for who in ("anne", "bo") for store in locks for _ in range(5)])

    asyncio.run(crowd())


def test_the_lock_of_a_server_that_has_died_lapses_while_that_of_a_living_one_is_renewed(
    redis_server: RedisServer, settings_of: SetUp, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings_of(redis_url=redis_server.url)
    monkeypatch.setattr(shared_redis, "LOCK_SECONDS", 0.5)

    async def hold_beyond_its_time(entered: asyncio.Event) -> float:
        async with ConversationLocks().lock("cecilie"):
            entered.set()
            await asyncio.sleep(1.2)  # how long it is held is what is tried
            return time.monotonic()

    async def crowd() -> None:
        entered = asyncio.Event()
        holding = asyncio.create_task(hold_beyond_its_time(entered))
        await entered.wait()
        async with ConversationLocks().lock("cecilie"):
            assert time.monotonic() >= await holding
        # This loop ends before it is given back: nobody renews it any more.
        await shared_redis.take_lock(shared_redis.open_redis(redis_server.url), "bot:lock:cecilie", 0)

    async def come_after() -> None:
        async with ConversationLocks().lock("cecilie", lock_lifetime=5):
            pass

    asyncio.run(crowd())
    asyncio.run(come_after())


def test_without_its_redis_a_lock_is_refused(tmp_path: Path, settings_of: SetUp) -> None:
    server = or_skip(lambda: RedisServer(tmp_path))
    settings_of(redis_url=server.url)
    server.stop()

    async def enter() -> None:
        async with ConversationLocks().lock("anne"):
            pytest.fail("nobody could have known of this lock")

    with pytest.raises(LockError, match="Redis does not answer"):
        asyncio.run(enter())


def test_a_conversation_on_the_page_is_the_same_on_every_server(redis_server: RedisServer) -> None:
    async def visit() -> None:
        here, there = RedisSessions(redis_server.url), RedisSessions(redis_server.url)
        session = Session("page-anne", "nb", "nb", "azure", expires=time.time() + 60, seen=0.0, page_email="a@b.no")
        offered = session.offers.add("turn", [{"title": "Ja", "payload": '/affirm{"product":"azure"}'}])
        session.remember({"from": "customer", "id": "1", "text": "hei"})
        session.remember_answer("1", [{"type": "text", "text": "Hei!"}])
        await here.add(session)
        found = await there.get("page-anne")
        assert found is not None
        assert {**vars(found), "seen": 0.0} == {**vars(session), "seen": 0.0}
        assert found.offers.take(offered[0].id).entities == {"product": "azure"}
        await there.save(found)
        again = await here.get("page-anne")
        assert again is not None
        assert again.offers.open == {}
        await here.remove("page-anne")
        await there.save(found)  # a turn that ends after its conversation does not bring it back
        assert await here.get("page-anne") is None

    asyncio.run(visit())


def test_a_conversation_is_changed_by_one_server_at_a_time(redis_server: RedisServer) -> None:
    async def crowd() -> list[str]:
        stores, done = [RedisSessions(redis_server.url) for _ in range(2)], []
        await stores[0].add(Session("page-bo", "nb", "nb", None, expires=time.time() + 60, seen=0.0))

        async def message(store: RedisSessions, text: str) -> None:
            lock = await store.lock("page-bo")
            session = await store.get("page-bo")
            assert session is not None
            await asyncio.sleep(0)
            session.remember({"from": "customer", "text": text})
            await store.save(session)
            await lock.release()

        await asyncio.gather(*[message(store, f"{number}") for number, store in enumerate(stores * 5)])
        session = await stores[1].get("page-bo")
        assert session is not None
        done = [said["text"] for said in session.messages]
        return sorted(done)

    assert asyncio.run(crowd()) == [str(number) for number in range(10)]


def test_without_its_redis_a_customer_is_told_to_try_again(tmp_path: Path) -> None:
    server = or_skip(lambda: RedisServer(tmp_path))
    server.stop()
    with pytest.raises(SessionError) as refusal:
        asyncio.run(RedisSessions(server.url).get("page-anne"))
    assert (refusal.value.status, refusal.value.code, refusal.value.retry_after) == (503, "failed", 2)


def test_an_answer_that_is_given_while_redis_is_away_has_buttons_that_act(tmp_path: Path) -> None:
    server = or_skip(lambda: RedisServer(tmp_path))

    async def talk() -> tuple[list[Part], Session | None]:
        store, parts = RedisSessions(server.url), []
        session = Session("page-anne", "nb", "nb", None, expires=time.time() + 60, seen=0.0)
        await store.add(session)

        async def answer(message: UserMessage) -> None:
            assert message.output_channel is not None
            server.stop()
            buttons = [{"title": "Ja", "payload": "/affirm"}]
            await message.output_channel.send_response("page-anne", {"text": "Hjalp det?", "buttons": buttons})

        conversations = Conversations(store, Replies(), AllowedLinks(Settings()), answer, at_once=2)
        lock = await store.lock("page-anne")
        turn = conversations.begin(session, "1", Button("1", "Hei", "greet"), lock, "198.51.100.7")
        async for part in turn.follow():
            parts.append(part)
            await asyncio.to_thread(server.start)
        return parts, await store.get("page-anne")

    parts, kept = asyncio.run(talk())
    server.stop()
    assert kept is not None
    assert [part["buttons"][0]["id"] for part in parts] == list(kept.offers.open)


def test_no_broker_is_used_where_none_is_set() -> None:
    assert asyncio.run(ConversationEvents.from_endpoint_config(None)) is None


def test_events_reach_the_queue_also_those_from_while_the_broker_was_away(
    rabbit: RabbitServer, settings_of: SetUp
) -> None:
    settings_of(broker_url=rabbit.url, broker_queue="events-of-this-test")

    async def talk() -> list[str]:
        broker = await ConversationEvents.from_endpoint_config(None)
        assert broker is not None
        broker.publish({"event": "user", "text": "away", "sender_id": "anne"})
        while broker.waiting < 1:
            await asyncio.sleep(0.01)  # between two looks
        await asyncio.to_thread(rabbit.start)
        while not broker.is_ready():
            await asyncio.sleep(0.05)  # between two looks
        broker.publish({"event": "user", "text": "back", "sender_id": "anne"})
        connection = await aio_pika.connect(Settings().broker_url.get_secret_value())  # type: ignore[union-attr]
        async with connection:
            channel = await connection.channel()
            queue = await channel.declare_queue("events-of-this-test", durable=True)
            texts: list[str] = []
            async with queue.iterator(timeout=60) as messages:
                async for message in messages:
                    texts.append(json.loads(message.body)["text"])
                    await message.ack()
                    if len(texts) == 2:
                        break
        await broker.close()
        return texts

    try:
        assert sorted(asyncio.run(talk())) == ["away", "back"]
    finally:
        rabbit.stop()
