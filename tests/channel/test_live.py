"""An agent takes over on the page and hands back: what the customer sees, what the conversation keeps, kill -9."""

from __future__ import annotations

import json
import os
import random
import re
import signal
import sqlite3
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import psutil
import pytest
import requests

from bot.stores.live import GONE_SECONDS, WAIT_SECONDS, NotLiveError
from bot.text.yaml_files import read_yaml
from tests.channel.conftest import Customer, PageBot, reply
from tests.channel.live_desk import Desk, desk_bot
from tests.conftest import ROOT
from tests.stores.test_live import grow_old
from tests.support.servers import RedisServer, wait_until


@pytest.fixture(scope="module")
def desk(trained_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A bot with a desk."""
    unlimited = {"BOT_LIMIT_MESSAGES_PER_CONVERSATION": "10000 per minute"}
    with desk_bot(trained_model, tmp_path_factory.mktemp("desk"), **unlimited) as started:
        yield started


def stream(customer: Customer, after: int = 0) -> Iterator[dict[str, Any]]:
    """Yields the rows of the page's stream."""
    response = customer.request("GET", f"/webhooks/page/live?after={after}", stream=True)
    assert response.status_code == 200, response.text
    event = ""
    for line in response.iter_lines(chunk_size=1, decode_unicode=True):
        if line.startswith("event: "):
            event = line.removeprefix("event: ")
        elif line.startswith("data: ") and event == "row":
            yield json.loads(line.removeprefix("data: "))


def change(customer: Customer, **body: str) -> requests.Response:
    """Leaves or rates."""
    return customer.request("POST", "/webhooks/page/live", json=body)


def told(key: str, language: str = "en", **values: str) -> str:
    """Returns one of the bot's texts."""
    return str(read_yaml(ROOT / "data" / "replies" / f"{language}.yml", ValueError)["dialogue"][key]).format(**values)


def said(customer: Customer) -> list[str]:
    """Returns the history as words: kinds of rows, texts of customer and agent, types of the bot's parts."""
    return [
        line.get("text") or line["kind"] if line["from"] in {"customer", "live"} else line["type"]
        for line in customer.history()
    ]


def events(desk: Desk, customer: Customer, *kinds: str) -> list[Any]:
    """Returns the tracker's events of some kinds, with their text."""
    return [event.get("text") or event["event"] for event in desk.bot.events(customer) if event["event"] in kinds]


@contextmanager
def away(database: Path, table: str) -> Iterator[None]:
    """Takes a table away for a while: whoever asks a database for it gets an error."""
    with closing(sqlite3.connect(database, timeout=60, isolation_level=None)) as connection:
        connection.execute(f"ALTER TABLE {table} RENAME TO {table}_away")
        try:
            yield
        finally:
            connection.execute(f"ALTER TABLE {table}_away RENAME TO {table}")


def test_an_agent_takes_over_and_hands_back(desk: Desk) -> None:
    customer = desk.live(language="en")
    rows = stream(customer)
    assert (first := next(rows))["kind"] == "taken" and first["agent"] == "Anna"
    desk.write(customer, "Hi, Anna here.")
    assert next(rows)["text"] == "Hi, Anna here."
    message = str(uuid.uuid4())
    assert customer.say("It is card 4111 1111 1111 1111", message).parts[0]["type"] == "notice"
    assert customer.say("It is card 4111 1111 1111 1111", message).parts[0]["type"] == "notice"
    assert customer.say("cancel my subscription").parts == []
    desk.write(customer, "Done.")
    assert next(rows)["text"] == "Done."
    assert desk.store.hand_back(customer.conversation, "Anna")
    assert [row["kind"] for row in rows] == ["handed_back"]
    answered = customer.say("how do I pay my invoice?")
    assert answered.answer["intent"] == "pay_invoice"
    assert change(customer, action="rate", rating="4", text="quick").status_code == 204
    assert change(customer, action="rate", rating="1").status_code == 204
    rated = desk.store.after(customer.conversation)[-1]
    assert (rated.kind, rated.rating, rated.text) == ("rated", 4, "quick")
    desk.applied(customer)
    live = ["Hi, Anna here.", "It is card ••••1111", "notice", "cancel my subscription", "Done.", "handed_back"]
    assert said(customer)[5:12] == ["taken", *live]
    kinds = ("pause", "resume", "agent", "user")
    texts = ["Hi, Anna here.", "It is card ••••1111", "cancel my subscription", "Done."]
    wanted = ["pause", *texts, "resume", "how do I pay my invoice?"]
    assert events(desk, customer, *kinds)[-len(wanted) :] == wanted
    kept = desk.bot.kept()
    assert not re.search(r"(?<![\w.-])4111", kept)  # times and ids may hold these digits, too
    assert not re.search(r"4111\W?1111", kept)


def test_the_bot_goes_on_with_what_it_knew_before(desk: Desk) -> None:
    customer = desk.live(language="en", product="azure")
    assert customer.say("anything").parts == []
    assert desk.store.hand_back(customer.conversation, "Anna")
    assert customer.say("how long does that take?").parts[0]["type"] != "waiting"
    slots = {event["name"]: event["value"] for event in desk.bot.events(customer) if event["event"] == "slot"}
    assert slots["issue"] == "card_declined"


def test_without_an_agent_the_ticket_is_asked_for_at_once(desk: Desk) -> None:
    desk.store.sign_out("Anna")
    customer = desk.bot.customer(language="en")
    assert told("hand_over") in customer.say("I want to talk to a person").text
    assert desk.store.state(customer.conversation).state == "none"


def test_the_bot_goes_on_answering_while_a_customer_waits(desk: Desk) -> None:
    customer = desk.waiting(language="en")
    assert customer.say("how do I pay my invoice?").answer
    assert customer.say("where is that person?").parts
    assert customer.say("I want to talk to a person").text == told("wait_still")
    assert change(customer, action="leave").status_code == 204
    assert [row["kind"] for row in stream(customer)] == ["left"]
    assert customer.say("how do I cancel my subscription?").answer


def test_without_the_tickets_database_a_message_to_an_agent_is_to_be_sent_again(desk: Desk) -> None:
    customer, other = desk.live(language="en"), desk.bot.customer(language="en", product="azure")
    message = str(uuid.uuid4())
    with away(desk.folder / "tickets.db", "live_states"):
        for _ in range(2):
            broken = customer.post(message, text="hello Anna")
            assert broken.status_code == 200 and "event:" not in broken.text
        assert other.say("how do I pay my invoice?").answer["intent"] == "pay_invoice"
    assert customer.say("hello Anna", message).parts == []
    assert [row.uuid for row in desk.store.after(customer.conversation) if row.text] == [message]
    desk.applied(customer)
    assert [line for line in said(customer) if line == "hello Anna"] == ["hello Anna"]


def test_a_message_to_an_agent_that_cannot_be_looked_up_is_tried_again_by_the_page(desk: Desk) -> None:
    customer, message = desk.live(language="en"), str(uuid.uuid4())
    with away(desk.folder / "tickets.db", "live_states"):
        assert "event:" not in customer.post(message, text="hello Anna").text
    with away(desk.bot.database, "events"):
        assert customer.post(message, text="hello Anna").status_code == 503  # the page shows any other one as refused
    assert customer.say("hello Anna", message).parts == []
    desk.applied(customer)
    assert [line for line in said(customer) if line == "hello Anna"] == ["hello Anna"]


def test_a_stream_that_cannot_be_read_is_broken_off_and_goes_on(desk: Desk) -> None:
    customer, failures = (
        desk.live(language="en"),
        desk.bot.log.read_text().count("The support page's server has failed"),
    )
    rows = stream(customer)
    taken = next(rows)
    with (
        away(desk.folder / "tickets.db", "live_states"),
        customer.request("GET", f"/webhooks/page/live?after={taken['sequence']}", stream=True) as broken,
    ):
        assert broken.status_code == 200
        assert "done" not in broken.text
    assert desk.bot.log.read_text().count("The support page's server has failed") == failures
    desk.write(customer, "Still here.")
    assert next(stream(customer, taken["sequence"]))["text"] == "Still here."


def test_who_waits_is_the_agents_also_where_the_page_has_not_told_them(desk: Desk) -> None:
    desk.store.beat("Anna")
    customer = desk.bot.customer(language="en")
    assert desk.store.want(customer.conversation, "en", None)
    desk.applied(customer)
    assert desk.store.take(customer.conversation, "Anna")
    assert customer.say("hello Anna").parts == []
    assert desk.store.hand_back(customer.conversation, "Anna")


def test_without_the_tickets_database_whoever_has_no_agent_gets_the_history(desk: Desk) -> None:
    live, waiting, other = desk.live(language="en"), desk.waiting(language="en"), desk.bot.customer(language="en")
    other.say("how do I pay my invoice?")
    with away(desk.folder / "tickets.db", "live_states"):
        assert other.history()[0]["text"] == "how do I pay my invoice?"
        for customer in (live, waiting):
            assert customer.request("GET", "/webhooks/page/history").status_code == 503
        assert change(live, action="leave").status_code == 503
    assert live.request("GET", "/webhooks/page/history").json()["live"]["state"] == "live"
    assert change(live, action="leave").status_code == 204


def test_a_button_whose_press_was_broken_off_acts_when_it_is_sent_again(desk: Desk) -> None:
    customer, message = desk.waiting(language="en"), str(uuid.uuid4())
    offered = [button for part in customer.say("how do I pay my invoice?").parts for button in part.get("buttons", [])]
    with away(desk.folder / "tickets.db", "live_rows"):
        assert "event:" not in customer.post(message, button=offered[0]["id"]).text
    assert customer.press(offered[0], message).parts


def test_a_message_that_an_agent_has_is_not_apologised_for(desk: Desk) -> None:
    customer = desk.live(language="en")
    with away(desk.bot.database, "events"):
        assert customer.say("hello Anna").parts == []
    desk.applied(customer)
    assert events(desk, customer, "user")[-1] == "hello Anna"


@pytest.mark.parametrize("taken", [False, True])
def test_where_nobody_comes_or_the_agent_is_gone_a_ticket_is_asked_for(desk: Desk, taken: bool) -> None:
    customer = desk.live(language="nb") if taken else desk.waiting(language="nb")
    grow_old(desk.store, GONE_SECONDS + 1 if taken else WAIT_SECONDS + 1)
    rows = list(stream(customer))
    assert [row["kind"] for row in rows] == (["taken", "agent_gone"] if taken else ["nobody"])
    assert rows[-1]["parts"][0]["text"].startswith(told("hand_over_nobody", rows[-1]["parts"][0]["language"])[:20])
    assert rows[-1]["parts"][-1]["type"] == "buttons"
    answered = customer.say("kari@example.com")
    assert "kari@example.com" in answered.text
    assert said(customer).count("buttons") == len(
        [line for line in customer.history() if line.get("type") == "buttons"]
    )


def test_a_note_after_the_agent_is_gone_keeps_no_ticket_from_being_asked_for(desk: Desk) -> None:
    customer = desk.live(language="en")
    with away(desk.bot.database, "events"):  # nothing can be applied: both rows are, at once
        grow_old(desk.store, GONE_SECONDS + 1)
        wait_until(lambda: desk.store.state(customer.conversation).state == "ended", "the agent to be gone", 30)
        desk.store.append(customer.conversation, "note", str(uuid.uuid4()), "was away", "Anna")
    rows = list(stream(customer))
    assert [row["kind"] for row in rows] == ["taken", "agent_gone"]
    assert rows[-1]["parts"][-1]["type"] == "buttons"


def test_who_asks_for_a_ticket_while_waiting_gets_its_form_and_waits_no_longer(desk: Desk) -> None:
    customer = desk.waiting(language="fr")
    answered = customer.say("Non, mon problème n'est pas résolu. Je veux ouvrir un ticket.")
    assert answered.parts[-1]["type"] == "buttons"
    assert desk.store.state(customer.conversation).state == "ended"
    assert [row["kind"] for row in stream(customer)] == ["left"]
    assert "kari@example.com" in customer.say("kari@example.com").text


def test_taking_over_ends_an_open_form(desk: Desk) -> None:
    desk.store.sign_out("Anna")
    customer = desk.bot.customer(language="en", product="azure")
    customer.say("what is the status of my ticket?")
    desk.store.beat("Anna")
    customer.say("I want to talk to a person")
    assert desk.store.take(customer.conversation, "Anna")
    assert customer.say("T-12345-ABC123").parts == []
    assert desk.store.hand_back(customer.conversation, "Anna")
    assert customer.say("how do I pay my invoice?").answer["intent"] == "pay_invoice"


def test_buttons_from_before_the_agent_act_no_longer(desk: Desk) -> None:
    customer = desk.waiting(language="en")
    offered = [button for part in customer.say("how do I pay my invoice?").parts for button in part.get("buttons", [])]
    assert desk.store.take(customer.conversation, "Anna")
    desk.applied(customer)
    assert customer.post(button=offered[0]["id"]).status_code == 409


def test_nobody_else_follows_leaves_or_rates(desk: Desk) -> None:
    customer = desk.live(language="en")
    for method in ("GET", "POST"):
        for token in ("", "x" * 40):
            headers = {"Authorization": f"Bearer {token}"}
            body = {"json": {}} if method == "POST" else {}
            assert desk.bot.request(method, "/webhooks/page/live", headers=headers, **body).status_code == 401
    assert change(customer, action="rate", rating="5").status_code == 409
    for body in ({}, {"action": "rate", "rating": "6"}, {"action": "take"}):
        assert change(customer, **body).status_code == 400
    assert customer.request("GET", "/webhooks/page/live?after=-1").status_code == 400
    assert desk.store.state(customer.conversation).state == "live"


def test_without_the_desk_there_is_no_such_address(page_bot: PageBot) -> None:
    customer = page_bot.customer(language="en")
    assert customer.request("GET", "/webhooks/page/live").status_code == 404
    assert "live" not in customer.request("GET", "/webhooks/page/history").json()
    assert told("hand_over") in customer.say("I want to talk to a person").text


def test_where_the_desk_is_switched_off_the_bot_goes_on(
    trained_model: Path, tmp_path: Path, redis_server: RedisServer
) -> None:
    shared = {"BOT_REDIS_URL": redis_server.url}
    with desk_bot(trained_model, tmp_path, **shared) as desk:
        customer = desk.live(language="en")
        assert customer.say("hello Anna").parts == []
    with desk_bot(trained_model, tmp_path, BOT_DESK="off", **shared) as without:
        customer.bot = without.bot
        assert said(customer)[-1] == "hello Anna" and "taken" not in said(customer)
        assert customer.say("how do I pay my invoice?").answer["intent"] == "pay_invoice"


class Talk:
    """A customer and an agent who do at random what they may do, at the same time."""

    def __init__(self, desk: Desk, seed: int) -> None:
        self.desk, self.random = desk, random.Random(seed)
        self.customer = desk.bot.customer(language="en")
        self.name = self.customer.conversation
        self.answers: dict[str, list[bool]] = {}
        self.texts: dict[str, str] = {}

    def say(self, message: str) -> None:
        """Sends a message and notes whether the bot has answered it."""
        self.answers.setdefault(message, []).append(bool(self.customer.say(self.texts[message], message).parts))

    def act_as_customer(self) -> None:
        """Writes, asks for a person, sends again what was sent (also at the same time), leaves."""
        for _ in range(25):
            choice = self.random.choice(("text", "text", "text", "person", "again", "twice", "leave"))
            if choice in {"text", "person", "twice"} or not self.texts:
                message = str(uuid.uuid4())
                self.texts[message] = "I want to talk to a person" if choice == "person" else f"text {message[:6]}"
                times = 2 if choice == "twice" else 1
                with ThreadPoolExecutor(times) as pool:
                    list(pool.map(self.say, [message] * times))
            elif choice == "again":
                self.say(self.random.choice(list(self.texts)))
            elif self.random.random() < 0.3:
                assert change(self.customer, action="leave").status_code == 204

    def act_as_agent(self) -> None:
        """Takes, writes (now and then twice the same), notes, hands back, until the customer is done."""
        store, chance = self.desk.store, random.Random(self.name)
        while not self.busy.done():
            store.beat("Anna")
            choice = chance.choice(("take", "text", "text", "note", "back"))
            if choice == "take":
                store.take(self.name, "Anna")
            elif choice == "back":
                store.hand_back(self.name, "Anna")
            else:
                row = (self.name, "agent_text" if choice == "text" else "note", str(uuid.uuid4()), "from Anna", "Anna")
                with suppress(NotLiveError):
                    assert store.append(*row) == store.append(*row)

    def run(self) -> None:
        """Lets both act until the customer is done."""
        self.texts = {str(uuid.uuid4()): text for text in ("I want to talk to a person", "are you there?")}
        wanted, to_agent = self.texts
        self.say(wanted)
        assert self.desk.store.take(self.name, "Anna")
        self.say(to_agent)
        with ThreadPoolExecutor(2) as pool:
            self.busy = pool.submit(self.act_as_customer)
            pool.submit(self.act_as_agent).result()
            self.busy.result()
        self.desk.applied(self.customer)

    def check(self) -> None:
        """Nothing is lost, doubled or misplaced."""
        rows = self.desk.store.after(self.name)
        to_agent = {row.uuid for row in rows if row.kind == "customer_text"}
        assert {message: set(found) for message, found in self.answers.items()} == {
            message: {message not in to_agent} for message in self.texts
        }
        kept = self.desk.bot.events(self.customer)
        users = [event["message_id"] for event in kept if event["event"] == "user"]
        assert sorted(users) == sorted(self.texts)
        talk = [event["metadata"]["live"] for event in kept if "live" in (event.get("metadata") or {})]
        silent = ("wanted", "note", "rated")
        assert [row for row in talk if row in {one.uuid for one in rows if one.text}] == [
            row.uuid for row in rows if row.text and row.kind not in silent
        ]
        paused = False
        for event in kept:
            paused = (paused or event["event"] == "pause") and event["event"] != "resume"
            assert not (paused and event["event"] in {"bot", "action"})
        assert paused == (self.desk.store.state(self.name).state == "live")
        lines = self.customer.history()
        assert sorted(line["id"] for line in lines if line["from"] == "customer") == sorted(self.texts)
        assert [line["sequence"] for line in lines if line["from"] == "live"] == [
            row.sequence for row in rows if row.kind not in {"wanted", "customer_text", "note"}
        ]


@pytest.mark.parametrize("seed", [1, 2])
def test_whatever_comes_first_nothing_is_lost_doubled_or_misplaced(desk: Desk, seed: int) -> None:
    desk.store.beat("Anna")
    talks = [Talk(desk, seed * 100 + number) for number in range(3)]
    with ThreadPoolExecutor(len(talks)) as pool:
        list(pool.map(Talk.run, talks))
    for talk in talks:
        talk.check()
        assert any(row.kind == "customer_text" for row in desk.store.after(talk.name))


def test_a_killed_bot_loses_and_doubles_nothing_of_a_live_chat(trained_model: Path, tmp_path: Path) -> None:
    ids = [str(uuid.uuid4()) for _ in range(6)]
    with desk_bot(trained_model, tmp_path) as desk:
        customers = [desk.live(language="en") for _ in range(5)]
        for customer in customers:
            desk.write(customer, "one")
            assert customer.say("two", ids[0]).parts == []

        def write_on(customer: Customer) -> None:
            """Sends a message after the other until nobody answers."""
            for number, message in enumerate(ids[1:], 3):
                try:
                    reply(customer.post(message, text=f"text {number}"))
                except (requests.RequestException, AssertionError):
                    return

        writers = [threading.Thread(target=write_on, args=(customer,)) for customer in customers]
        for writer in writers:
            writer.start()
        desk.write(customers[0], "while it dies")
        killed = children(desk.bot.process_id)
        for process in killed:
            os.kill(process, signal.SIGKILL)
        for writer in writers:
            writer.join()
        for customer in customers:
            desk.write(customer, "after the kill")
    with desk_bot(trained_model, tmp_path) as again:
        for customer in customers:
            customer.bot = again.bot
            for number, message in enumerate(ids[1:], 3):
                assert customer.say(f"text {number}", message).parts == []
            desk.applied(customer)
            texts = [f"text {number}" for number in range(3, 8)]
            rows = [row.text for row in desk.store.after(customer.conversation) if row.text]
            assert [text for text in rows if text in {"two", *texts}] == ["two", *texts]
            kept = events(again, customer, "agent", "user")[2:]
            assert kept == rows
            lines = said(customer)
            assert sorted(line for line in lines if line in rows) == sorted(rows)
            assert desk.store.hand_back(customer.conversation, "Anna")
            assert customer.say("how do I pay my invoice?").answer["intent"] == "pay_invoice"


def test_a_bot_killed_before_it_kept_turns_goes_on_with_those_that_rasa_kept(
    trained_model: Path, tmp_path: Path
) -> None:
    """What the tracker has is written to the page's conversation a second later, unless a person is wanted."""
    typed, pressed = str(uuid.uuid4()), str(uuid.uuid4())
    with desk_bot(trained_model, tmp_path) as desk:
        talkative, pressing = desk.bot.customer(language="nb"), desk.bot.customer(language="en")
        with closing(sqlite3.connect(desk.bot.database, timeout=60)) as connection:
            before = connection.execute("SELECT data, conversation FROM page_sessions").fetchall()
        assert [json.loads(data)["messages"] for data, _ in before] == [[], []]
        answers = [talkative.say("my card 4111 1111 1111 1111 was declined", typed)]
        asked = pressing.say("my card was declined")
        answers.append(pressing.press(asked.buttons("product")[0], pressed))
        histories = [history(customer) for customer in (talkative, pressing)]
        kept = [events(desk, customer, "user", "bot") for customer in (talkative, pressing)]
        for process in children(desk.bot.process_id):
            os.kill(process, signal.SIGKILL)
        with closing(sqlite3.connect(desk.bot.database, timeout=60)) as connection, connection:
            connection.executemany("UPDATE page_sessions SET data = ? WHERE conversation = ?", before)
    with desk_bot(trained_model, tmp_path) as again:
        talkative.bot = pressing.bot = again.bot
        assert [history(customer) for customer in (talkative, pressing)] == histories
        found = [
            talkative.say("my card 4111 1111 1111 1111 was declined", typed),
            pressing.press(asked.buttons("product")[0], pressed),
        ]
        told = [[part for part in answer.parts if part["type"] != "notice"] for answer in answers]
        assert [answer.parts for answer in found] == told
        assert [history(customer) for customer in (talkative, pressing)] == histories
        assert [events(again, customer, "user", "bot") for customer in (talkative, pressing)] == kept
        assert talkative.press(answers[0].buttons("product")[0]).answer["intent"] == "card_declined"
        assert pressing.say("thank you").parts


def history(customer: Customer) -> list[dict[str, Any]]:
    """Returns what the page shows after a reload, without times, which are told to the second by either server."""
    return [
        {name: value for name, value in said.items() if name != "time"}
        for said in customer.history()
        if said.get("type") != "notice"
    ]


def children(process: int) -> list[int]:
    """Returns a process and those that it has started, the newest first."""
    found = psutil.Process(process)
    return [child.pid for child in reversed([found, *found.children(recursive=True)])]
