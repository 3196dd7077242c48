"""A live conversation at the desk: what an agent may do with it, and what its rows are."""

from __future__ import annotations

import html
import json
import re
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import insert, update

from bot.desk.desk import Desk
from bot.stores.conversations import EVENTS
from bot.tickets.model import now
from bot.tickets.tables import LIVE_AGENTS
from tests.desk.conftest import RunningDesk
from tests.tickets.conftest import a_draft

TALK = "conversation-1"
PATH = f"/live/{TALK}"
ATTACK = """<script>alert(1)</script><img src=x onerror="alert(2)">"""


def kinds(desk: Desk) -> list[str]:
    return [row.kind for row in desk.live.after(TALK)]


def want(desk: Desk, *earlier: tuple[str, str]) -> None:
    """Has a customer ask for a person; `earlier` is what was said to the bot before, as (event, text)."""
    keep(desk, *({"event": event, "text": text} for event, text in earlier))
    desk.live.want(TALK, "nb", "card_declined")


def keep(desk: Desk, *events: dict[str, Any]) -> None:
    """Keeps events of the conversation as the bot does."""
    moment = now().timestamp()
    with desk.conversations.begin() as connection:
        for event in events:
            data = json.dumps({**event, "timestamp": moment})
            row = {"sender_id": TALK, "type_name": event["event"], "timestamp": moment, "data": data}
            connection.execute(insert(EVENTS).values(row))


def before(page: str) -> list[str]:
    """Returns what was said to the bot before, as the page shows it."""
    shown = page[page.index('id="before"') :].split("</ol>", maxsplit=1)[0]
    return [html.unescape(line) for line in re.findall(r"<p[^>]*>(.*?)</p>", shown)]


def test_a_waiting_customer_stands_in_the_inbox_with_issue_and_language(running: RunningDesk) -> None:
    want(running.desk)
    page = running.agent("Kari").get("/").text
    assert f'href="{PATH}"' in page
    for told in ("Card declined", "payments · nb", '<span class="count">1'):
        assert told in page


def test_an_ended_conversation_is_found_in_the_inbox_and_from_its_ticket(running: RunningDesk) -> None:
    want(running.desk)
    ticket = running.desk.tickets.open(a_draft(conversation_id=TALK))
    kari, ola = running.agent("Kari"), running.agent("Ola")
    kari.post(PATH, action="take")
    kari.post(PATH, action="hand_back")
    link = f'href="{PATH}"'
    assert link in kari.get("/").text
    assert link in kari.get(f"/tickets/{ticket.number}").text
    assert link not in ola.get("/").text
    assert link not in ola.get(f"/tickets/{ticket.number}").text


def test_the_agent_sees_what_was_said_to_the_bot_before(running: RunningDesk) -> None:
    want(running.desk, ("user", "kortet mitt ble avvist"), ("bot", "Sjekk kortet."), ("user", "4111 1111 1111 1111"))
    page = running.agent("Kari").get(PATH).text
    assert page.index("kortet mitt ble avvist") < page.index("Sjekk kortet.")
    assert "4111 1111" not in page


def test_the_agent_sees_what_was_said_while_the_customer_waited_until_the_take_over(running: RunningDesk) -> None:
    desk = running.desk
    want(desk, ("user", "talk to a person"))
    keep(desk, {"event": "user", "text": "my card is 4111 1111 1111 1111"}, {"event": "bot", "text": "Never tell it."})
    kari = running.agent("Kari")
    while_waiting = ["talk to a person", "my card is ••••1111", "Never tell it."]
    assert before(kari.get(PATH).text) == while_waiting
    kari.post(PATH, action="take")
    keep(desk, {"event": "user", "text": "under way"})  # answered after the click, before the bot heard of it
    taken = next(row for row in desk.live.after(TALK) if row.kind == "taken")
    keep(desk, {"event": "pause", "metadata": {"live": taken.uuid}})
    keep(desk, *({"event": "agent", "text": f"line {number}", "metadata": {"live": "x"}} for number in range(300)))
    assert before(kari.get(PATH).text) == [*while_waiting, "under way"]
    desk.live.beat("Ola")
    kari.post(PATH, action="transfer", value="Ola")
    last = desk.live.after(TALK)[-1]
    keep(desk, {"event": "pause", "metadata": {"live": last.uuid}})
    assert before(running.agent("Ola").get(PATH).text) == [*while_waiting, "under way"]


def test_the_steps_of_the_issue_that_was_answered_last_stand_beside_the_chat(running: RunningDesk) -> None:
    want(running.desk)
    kari = running.agent("Kari", language="de")

    def titles() -> list[str]:
        page = kari.get(PATH).text
        return re.findall(r"<h3>(.*?) <span", page[page.index("<details") : page.index("</details>")])

    def title(issue: str, language: str) -> str:
        return html.escape(running.desk.articles.article(issue, language).title)

    assert titles() == [title("card_declined", "de"), title("card_declined", "nb")]
    keep(running.desk, *({"event": "slot", "name": "issue", "value": value} for value in ("pay_invoice", None)))
    assert titles() == [title("pay_invoice", "de"), title("pay_invoice", "nb")]
    kari.post(PATH, action="take")
    assert titles() == [title("pay_invoice", "de"), title("pay_invoice", "nb")]


def test_a_conversation_is_taken_answered_and_handed_back(running: RunningDesk) -> None:
    want(running.desk)
    kari = running.agent("Kari")
    assert 'id="composer" hidden' in kari.get(PATH).text
    assert kari.post(PATH, action="take").status_code == 303
    assert 'id="composer" hidden' not in kari.get(PATH).text
    assert kari.post(PATH, action="agent_text", uuid="u1", text="Hei, jeg ser på det.").status_code == 303
    running.desk.live.append(TALK, "customer_text", "c1", "takk")
    assert kari.post(PATH, action="note", uuid="u2", text="third time this week").status_code == 303
    page = html.unescape(kari.get(PATH).text)
    for told in ("Kari has joined.", "Hei, jeg ser på det.", "takk", "third time this week"):
        assert told in page
    answer = kari.post(PATH, action="hand_back")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/")
    assert kinds(running.desk) == ["wanted", "taken", "agent_text", "customer_text", "note", "handed_back"]
    assert ("Kari", "take conversation", TALK) in running.audit()


def test_a_message_sent_twice_is_there_once(running: RunningDesk) -> None:
    want(running.desk)
    kari = running.agent("Kari")
    kari.post(PATH, action="take")
    for _ in range(2):
        assert kari.post(PATH, action="agent_text", uuid="u1", text="Hei").status_code == 303
    assert kinds(running.desk).count("agent_text") == 1


def test_another_text_with_the_id_of_one_that_arrived_is_refused(running: RunningDesk) -> None:
    want(running.desk)
    kari = running.agent("Kari")
    kari.post(PATH, action="take")
    assert kari.post(PATH, action="agent_text", uuid="u1", text="Hei").status_code == 303
    assert kari.post(PATH, action="agent_text", uuid="u1", text="Hei igjen").status_code == 409
    assert kari.post(PATH, action="note", uuid="u1", text="Hei").status_code == 409


def test_of_two_agents_one_gets_the_conversation(running: RunningDesk) -> None:
    want(running.desk)
    agents = [running.agent(name) for name in ("Kari", "Ola", "Siri", "Per")]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda agent: agent.post(PATH, action="take").status_code, agents))
    assert sorted(answers) == [303, *[status for status in sorted(answers) if status != 303]]
    assert answers.count(303) == 1
    assert set(answers) <= {303, 404, 409}
    assert kinds(running.desk) == ["wanted", "taken"]


@pytest.mark.parametrize("role", ["agent", "reviewer"])
def test_another_agents_conversation_can_be_read_by_reviewers_and_written_by_nobody(
    running: RunningDesk, role: str
) -> None:
    want(running.desk)
    running.agent("Kari").post(PATH, action="take")
    other = running.agent("Ola", role)  # type: ignore[arg-type]
    assert other.get(PATH).status_code == (200 if role == "reviewer" else 404)
    refused = 409 if role == "reviewer" else 404
    for fields in ({"action": "agent_text", "text": "x", "uuid": "1"}, {"action": "hand_back"}, {"action": "take"}):
        assert other.post(PATH, **fields).status_code == refused
    assert kinds(running.desk) == ["wanted", "taken"]


def test_the_stream_of_another_agents_conversation_is_refused(running: RunningDesk) -> None:
    want(running.desk)
    running.agent("Kari").post(PATH, action="take")
    running.desk.live.beat("Kari")
    other = running.agent("Ola")
    for conversation in (TALK, "no such conversation"):
        with other.http.get(f"{running.address}/events?conversation={conversation}", stream=True, timeout=30) as answer:
            assert answer.status_code == 404


def test_a_conversation_in_which_nobody_asked_for_a_person_is_not_shown(running: RunningDesk) -> None:
    with running.desk.conversations.begin() as connection:
        data = json.dumps({"event": "user", "text": "secret", "timestamp": 1.0})
        connection.execute(insert(EVENTS).values(sender_id="other", type_name="user", timestamp=1.0, data=data))
    admin = running.agent("Kari", "admin")
    for path in ("/live/other", "/live/", "/live/..%2f..%2fetc", f"/live/{TALK}"):
        assert admin.get(path).status_code == 404
        assert admin.post(path, action="take").status_code == 404


def test_a_conversation_goes_to_a_colleague_who_is_there(running: RunningDesk) -> None:
    want(running.desk)
    kari, ola = running.agent("Kari"), running.agent("Ola")
    kari.post(PATH, action="take")
    assert kari.post(PATH, action="transfer", value="Ola").status_code == 409  # not at the desk
    assert ola.post("/beat").status_code == 204
    assert 'value="Ola"' in kari.get(PATH).text
    assert kari.post(PATH, action="transfer", value="Ola").status_code == 303
    assert running.desk.live.state(TALK).agent == "Ola"
    assert kari.get(PATH).status_code == 404
    assert ola.post(PATH, action="agent_text", uuid="1", text="Hei").status_code == 303


def test_a_conversation_whose_agent_is_gone_can_be_taken_by_another_one(running: RunningDesk) -> None:
    want(running.desk)
    running.agent("Kari").post(PATH, action="take")
    with running.desk.tickets.writing() as connection:
        connection.execute(update(LIVE_AGENTS).values(beat_at=now() - timedelta(seconds=31)))
    ola = running.agent("Ola")
    assert "Take over" in ola.get(PATH).text
    assert ola.post(PATH, action="take").status_code == 303
    assert running.desk.live.state(TALK).agent == "Ola"


def test_an_agent_who_signs_out_is_not_present(running: RunningDesk) -> None:
    kari = running.agent("Kari")
    kari.post("/beat")
    assert running.desk.live.present() == ["Kari"]
    kari.post("/sign-out")
    assert running.desk.live.present() == []


def test_writing_to_a_customer_who_has_left_is_refused(running: RunningDesk) -> None:
    want(running.desk)
    kari = running.agent("Kari")
    kari.post(PATH, action="take")
    running.desk.live.leave(TALK)
    assert kari.post(PATH, action="agent_text", uuid="1", text="Hei").status_code == 409
    assert kari.post(PATH, action="hand_back").status_code == 409
    assert "The customer has left." in kari.get(PATH).text


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"action": "want"},
        {"action": "agent_text", "text": "", "uuid": "1"},
        {"action": "agent_text", "text": "x"},
        {"action": "agent_text", "text": "x" * 2001, "uuid": "1"},
        {"action": "agent_text", "text": "x", "uuid": "1" * 65},
    ],
    ids=str,
)
def test_a_form_that_does_not_fit_writes_nothing(running: RunningDesk, fields: dict[str, str]) -> None:
    want(running.desk)
    kari = running.agent("Kari")
    kari.post(PATH, action="take")
    assert kari.post(PATH, **fields).status_code == 422
    assert kinds(running.desk) == ["wanted", "taken"]


def test_what_a_customer_writes_live_is_text_and_nothing_else(running: RunningDesk) -> None:
    want(running.desk, ("user", ATTACK), ("bot", ATTACK))
    kari = running.agent("Kari")
    kari.post(PATH, action="take")
    running.desk.live.append(TALK, "customer_text", "c1", ATTACK)
    kari.post(PATH, action="note", uuid="n", text=ATTACK)
    page = kari.get(PATH).text
    assert html.unescape(page).count(ATTACK) == 4
    assert "<img" not in page
    assert re.findall(r"<script[^>]*>", page) == ['<script src="/static/desk.js" defer>']


def test_an_open_page_hears_of_what_the_customer_writes(running: RunningDesk) -> None:
    want(running.desk)
    kari = running.agent("Kari")
    kari.post(PATH, action="take")
    with kari.http.get(f"{running.address}/events?conversation={TALK}", stream=True, timeout=30) as answer:
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        events = (line for line in answer.iter_lines(1, decode_unicode=True) if line.startswith("event: "))
        assert [next(events), next(events)] == ["event: ping", "event: change"]
        running.desk.live.append(TALK, "customer_text", "c1", "hallo?")
        assert next(events) == "event: change"
        running.desk.live.leave(TALK)
        assert next(events) == "event: change"


def test_an_open_inbox_hears_of_colleagues_who_come(running: RunningDesk) -> None:
    kari = running.agent("Kari")
    with kari.http.get(running.address + "/events", stream=True, timeout=30) as answer:
        events = (line for line in answer.iter_lines(1, decode_unicode=True) if line.startswith("event"))
        assert [next(events), next(events)] == ["event: ping", "event: change"]
        running.desk.live.beat("Ola")
        assert next(events) == "event: change"


def test_a_stream_of_somebody_who_is_signed_out_meanwhile_ends(running: RunningDesk) -> None:
    kari = running.agent("Kari")
    with kari.http.get(running.address + "/events", stream=True, timeout=40) as answer:
        lines = answer.iter_lines(1, decode_unicode=True)
        assert next(lines) == "event: ping"
        running.desk.accounts.remove("Kari")
        assert "event: over" in list(lines)
