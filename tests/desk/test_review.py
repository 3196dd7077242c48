"""The review page: groups, decisions, undo, disagreements, and who may see it."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import insert

from bot.articles.examples import read_examples
from bot.stores.conversations import EVENTS
from tests.desk.conftest import Browser, RunningDesk, serving
from tests.tickets.conftest import a_draft

KNOWN = 'version: "3.1"\n\nnlu:\n- intent: greet\n  metadata:\n    language: en\n  examples: |\n    - hello\n'
UNSURE = [("card_declined", 0.41), ("pay_invoice", 0.38)]


@pytest.fixture
def data(tmp_path: Path, root: Path) -> Path:
    """A folder of data with one training phrase."""
    folder = tmp_path / "data"
    (folder / "nlu" / "en").mkdir(parents=True)
    (folder / "nlu" / "en" / "dialogue.yml").write_text(KNOWN, encoding="utf8")
    (folder / "articles").symlink_to(root / "data" / "articles")
    return folder


@pytest.fixture
def running(tmp_path: Path, data: Path) -> Iterator[RunningDesk]:
    """A desk whose accepted phrases go into a folder of its own."""
    with serving(f"sqlite:///{tmp_path / 'tickets.db'}", tmp_path, data_dir=data, review_test_share=0) as running:
        yield running


def reviewed(data: Path) -> list[tuple[str, str]]:
    path = data / "nlu" / "en" / "reviewed.yml"
    return [(each.intent, each.text) for each in read_examples(path)] if path.exists() else []


def shown(browser: Browser, query: str = "") -> list[list[str]]:
    """Returns the texts of each group on the page."""
    page = browser.get(f"/review{query}").text
    queue = page[page.index('id="queue"') : page.index('id="decided-title"')]
    groups = queue.split('class="card group"')[1:]
    return [[html.unescape(text) for text in re.findall(r"<bdi[^>]*>(.*?)</bdi>", group)] for group in groups]


def test_the_most_informative_group_comes_first_with_what_it_may_mean(running: RunningDesk) -> None:
    store = running.desk.tickets
    store.record_fallback("where do I see what this costs", "en", ["pay_invoice"], [("pay_invoice", 0.9)])
    store.record_fallback("kortet mitt virker ikke lenger", "nb", ["card_declined"], UNSURE)
    store.record_fallback("kortet virker ikke", "nb", ["card_declined"], UNSURE)
    store.record_fallback("HELLO!", "en")  # a training phrase already
    kari = running.agent("Kari", "reviewer")
    assert shown(kari) == [
        ["kortet mitt virker ikke lenger", "kortet virker ikke"],
        ["where do I see what this costs"],
    ]
    assert shown(kari, "?language=en") == [["where do I see what this costs"]]
    page = kari.get("/review").text
    assert re.findall(r'name="intent" value="(\w+)" data-keys="([^"]+)"', page)[:3] == [
        ("card_declined", "1 a"),
        ("pay_invoice", "2"),
        ("out_of_scope", "n"),
    ]
    assert "How to buy, exchange or return Azure reservations" in page
    assert "Names of people may remain" in page
    assert ("Kari", "see review", "") in running.audit()


def test_one_click_labels_a_group_but_for_what_was_left_out(running: RunningDesk, data: Path) -> None:
    for text in ("my card fails", "my card fails again", "my card fails always"):
        running.desk.tickets.record_fallback(text, "en", ["card_declined"], UNSURE)
    kari = running.agent("Kari", "reviewer")
    done = kari.post("/review", action="decide", intent="card_declined", **{"id-1": "1", "id-3": "1", "next": "2"})
    assert (done.status_code, done.headers["location"]) == (303, "/review#group-2")
    assert reviewed(data) == [("card_declined", "my card fails"), ("card_declined", "my card fails always")]
    assert shown(kari) == [["my card fails again"]]
    assert ("Kari", "accept phrases", "1, 3") in running.audit()
    kari.post("/review", action="undo")
    assert reviewed(data) == []
    assert len(shown(kari)[0]) == 3


def test_the_first_proposals_of_the_page_are_accepted_at_once_and_taken_back_at_once(
    running: RunningDesk, data: Path
) -> None:
    store = running.desk.tickets
    store.record_fallback("where do I see what this costs", "en", ["pay_invoice"], [("pay_invoice", 0.9)])
    store.record_fallback("my card fails again", "en", ["card_declined"], UNSURE)
    store.record_fallback("qwerty", "en")  # nothing is proposed for it
    kari = running.agent("Kari", "reviewer")
    page = kari.get("/review").text
    form = page[page.index('value="accept_first"') : page.index('id="accept-first"')]
    fields = dict(re.findall(r'name="(id-\d+)" value="(\w+)"', form))
    kari.post("/review", action="accept_first", **fields)
    assert sorted(reviewed(data)) == [
        ("card_declined", "my card fails again"),
        ("pay_invoice", "where do I see what this costs"),
    ]
    assert shown(kari) == [["qwerty"]]
    kari.post("/review", action="undo")
    assert reviewed(data) == []
    assert len(shown(kari)) == 3
    assert kari.post("/review", action="accept_first", **{next(iter(fields)): "no_such_issue"}).status_code == 409
    assert kari.post("/review", action="accept_first").status_code == 422


def test_another_intent_is_chosen_from_the_list_and_a_message_is_rejected(running: RunningDesk, data: Path) -> None:
    running.desk.tickets.record_fallback("my money is gone", "en")
    running.desk.tickets.record_fallback("nonsense", "en")
    kari = running.agent("Kari", "reviewer")
    kari.post("/review", action="decide", intent="", other="refund_request", **{"id-1": "1"})
    kari.post("/review", action="decide", reject="1", other="", **{"id-2": "1"})
    assert reviewed(data) == [("refund_request", "my money is gone")]
    page = html.unescape(kari.get("/review").text)
    assert "Nothing waits for review." in page
    decided = page[page.index('id="decided-title"') :]
    assert re.findall(r"<strong>(.*?)</strong> <span[^>]*>(\w+) ", decided) == [
        ("rejected", "Kari"),
        ("Refund or credit", "Kari"),
    ]


def test_two_reviewers_who_differ_are_shown_until_one_of_them_or_an_administrator_decides(
    running: RunningDesk, data: Path
) -> None:
    running.desk.tickets.record_fallback("my money is gone", "en")
    kari, ola, per = (running.agent(name, "reviewer") for name in ("Kari", "Ola", "Per"))
    fields = {"action": "decide", "id-1": "1"}
    kari.post("/review", intent="refund_request", **fields)
    ola.post("/review", intent="card_declined", **fields)
    page = kari.get("/review").text
    assert "Reviewers differ" in page
    assert re.findall(r"<li>(\w+): <strong>(.*?)</strong>", page) == [
        ("Kari", "Refund or credit"),
        ("Ola", "Card declined"),
    ]
    assert reviewed(data) == []
    per.post("/review", intent="refund_request", **fields)
    assert "Reviewers differ" in per.get("/review").text
    running.agent("Ada", "admin").post("/review", intent="refund_request", **fields)
    assert "Reviewers differ" not in kari.get("/review").text
    assert reviewed(data) == [("refund_request", "my money is gone")]


def test_what_cannot_be_decided_is_said_and_nothing_is_lost(running: RunningDesk, data: Path) -> None:
    running.desk.tickets.record_fallback("my money is gone", "en")
    kari = running.agent("Kari", "reviewer")
    for fields, told in (
        ({"id-1": "1", "intent": "lost_money"}, "is no intent"),
        ({"id-77": "1", "intent": "refund_request"}, "no candidate 77"),
    ):
        answer = kari.post("/review", action="decide", **fields)
        assert answer.status_code == 409
        assert told in html.unescape(answer.text)
    assert kari.post("/review", action="undo").status_code == 409
    for fields in ({}, {"id-1": "1"}, {"id-x": "1", "intent": "greet"}, {"id-²": "1", "intent": "greet"}):
        assert kari.post("/review", action="decide", **fields).status_code == 422
    assert kari.post("/review", action="drop", **{"id-1": "1"}).status_code == 422
    assert shown(kari) == [["my money is gone"]]
    assert reviewed(data) == []


def test_agents_without_the_role_see_no_messages_and_decide_nothing(running: RunningDesk, data: Path) -> None:
    running.desk.tickets.record_fallback("my money is gone", "en")
    agent = running.agent("Kari")
    assert agent.get("/review").status_code == 403
    assert agent.post("/review", action="decide", intent="greet", **{"id-1": "1"}).status_code == 403
    assert 'href="/review"' not in agent.get("/").text
    assert reviewed(data) == []


def test_what_a_customer_wrote_is_text_and_nothing_else(running: RunningDesk) -> None:
    attack = "<script>alert(1)</script><img src=x onerror=alert(2)>'\""
    running.desk.tickets.record_fallback(attack, "en")
    kari = running.agent("Kari", "reviewer")
    assert shown(kari) == [[attack]]
    page = kari.get("/review").text
    assert "<img" not in page
    assert re.findall(r"<script[^>]*>", page) == ['<script src="/static/desk.js" defer>']


def keep(running: RunningDesk, conversation: str) -> None:
    """Keeps a conversation of one message as Rasa does."""
    event = {"event": "user", "text": "my card fails", "timestamp": 1.0}
    event["parse_data"] = {"intent": {"name": "card_declined"}, "entities": []}
    with running.desk.conversations.begin() as connection:
        values = {"sender_id": conversation, "type_name": "user", "timestamp": 1.0, "data": json.dumps(event)}
        connection.execute(insert(EVENTS).values(**values))


def test_a_reviewer_keeps_the_conversation_of_a_ticket_or_a_live_one_as_a_test(
    running: RunningDesk, tmp_path: Path
) -> None:
    ticket = running.desk.tickets.open(a_draft(language="en"))
    silent = running.desk.tickets.open(a_draft(form_id="2", consent=False))
    for conversation in (ticket.conversation_id, "talk"):
        keep(running, conversation)
    running.desk.live.want("talk", "nb", "card_declined")
    agent, kari = running.agent("Ola"), running.agent("Kari", "reviewer")
    for path in (f"/tickets/{ticket.number}", "/live/talk"):
        assert "Keep as a test" not in agent.get(path).text
        assert agent.post(path, action="case").status_code == 403
        assert "Keep as a test" in kari.get(path).text
        assert kari.post(path, action="case").status_code == 303
    assert "The conversation is a test case now" in kari.get("/review?case=en").text
    assert kari.post(f"/tickets/{silent.number}", action="case").status_code == 422
    (english, norwegian) = sorted((tmp_path / "review" / "conversations").iterdir())
    assert (english.name, norwegian.name) == ("en.yml", "nb.yml")
    assert "says: my card fails" in english.read_text(encoding="utf8")


def test_of_a_conversation_that_is_kept_no_longer_no_test_is_made(running: RunningDesk) -> None:
    ticket = running.desk.tickets.open(a_draft())
    answer = running.agent("Kari", "reviewer").post(f"/tickets/{ticket.number}", action="case")
    assert answer.status_code == 410
    assert "Nothing that was understood is kept" in answer.text
