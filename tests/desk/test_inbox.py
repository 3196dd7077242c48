"""The inbox and the page of a ticket."""

from __future__ import annotations

import html
import re
from pathlib import Path

import pytest

from bot.desk.desk import Desk
from bot.tickets.model import Utterance
from tests.desk.conftest import Browser, RunningDesk, serving
from tests.support.servers import PostgresServer
from tests.tickets.conftest import a_draft

ATTACK = """<script>alert(1)</script><img src=x onerror="alert(2)">'"{{ 7*7 }}</textarea>"""


def numbers_in(page: str) -> list[str]:
    return re.findall(r'class="row" href="/tickets/([^"]+)"', page)


def test_the_most_urgent_and_oldest_ticket_comes_first(running: RunningDesk) -> None:
    normal = running.desk.tickets.open(a_draft(form_id="1", intent="pay_invoice", signals=[]))
    urgent = running.desk.tickets.open(a_draft(form_id="2", signals=["service_down"]))
    later = running.desk.tickets.open(a_draft(form_id="3", signals=["service_down"]))
    page = running.agent("Kari").get("/").text
    assert numbers_in(page) == [urgent.number, later.number, normal.number]


def test_filters_and_search_find_tickets(running: RunningDesk) -> None:
    store = running.desk.tickets
    card = store.open(a_draft(form_id="1"))
    other = store.open(
        a_draft(form_id="2", intent="download_invoice", language="de", summary="Wo ist 100% die Rechnung?", signals=[])
    )
    closed = store.open(a_draft(form_id="3"))
    store.close(closed.number)
    store.assign(other.number, "Kari")
    kari = running.agent("Kari")

    def found(query: str) -> list[str]:
        return numbers_in(kari.get(f"/?{query}").text)

    assert found("") == [card.number, other.number]
    assert found("state=any") == [card.number, closed.number, other.number]
    assert found("state=closed") == [closed.number]
    assert found("queue=payments") == [card.number]
    assert found("priority=urgent") == [card.number]
    assert found("language=de") == found("owner=mine") == [other.number]
    assert found("owner=nobody") == [card.number]
    assert found("search=RECHNUNG") == found("search=100%25+die") == [other.number]
    assert found("search=" + card.number.lower()) == [card.number]
    assert found("search=kari.nordmann&queue=payments") == [card.number]
    digits = card.number.split("-")[1]
    assert found(f"search={digits}") == found(f"search=T-{digits}") == [card.number]
    store.note(other.number, "wants the copy by post", by="Kari")
    assert found("search=rechnung+post") == found("search=kari+DOWNLOAD") == [other.number]
    assert found("search=rechnung+nordmann+post+nothing") == []
    assert found("intent=download_invoice") == [other.number]
    assert "state=any" in kari.get("/?search=nothing").text
    assert found("search=%25%25") == found("page=2") == []
    assert found("page=x&state=nonsense&page=99999999999") == [card.number, other.number]


def test_more_tickets_than_fit_are_on_the_next_page(running: RunningDesk) -> None:
    for number in range(52):
        running.desk.tickets.open(a_draft(form_id=str(number)))
    kari = running.agent("Kari")
    first, second = kari.get("/").text, kari.get("/?page=2").text
    assert (len(numbers_in(first)), len(numbers_in(second))) == (50, 2)
    assert 'rel="next"' in first
    assert 'rel="prev"' in second


def test_a_ticket_shows_what_was_understood_and_the_steps_in_both_languages(running: RunningDesk) -> None:
    ticket = running.desk.tickets.open(a_draft())
    page = html.unescape(running.agent("Kari").get(f"/tickets/{ticket.number}").text)
    for told in ("Card declined", "82 %", "Overdue balance", "E0500ABCDE", "negative", "there is a deadline"):
        assert told in page
    assert "Gjelder det Azure eller Microsoft 365?" in page
    for language in ("en", "nb"):
        article = running.desk.articles.article("card_declined", language)
        assert article.title in page
        azure = next(each for each in article.sections if each.slug == "recommended-steps-azure")
        other = next(each for each in article.sections if each.slug == "recommended-steps-microsoft-365")
        assert azure.steps[0].text in page
        assert other.steps[0].text not in page


def test_an_agent_reads_the_steps_in_their_own_language(running: RunningDesk) -> None:
    ticket = running.desk.tickets.open(a_draft())
    page = html.unescape(running.agent("Kari", language="sv").get(f"/tickets/{ticket.number}").text)
    assert running.desk.articles.article("card_declined", "sv").title in page
    assert running.desk.articles.article("card_declined", "nb").title in page
    assert running.desk.articles.article("card_declined", "en").title not in page


@pytest.mark.parametrize(
    ("action", "value", "field"),
    [("queue", "billing", "queue"), ("priority", "low", "priority"), ("product", "microsoft365", "product")],
)
def test_one_click_corrects_queue_priority_and_product(
    running: RunningDesk, action: str, value: str, field: str
) -> None:
    ticket = running.desk.tickets.open(a_draft())
    kari = running.agent("Kari")
    assert kari.post(f"/tickets/{ticket.number}", action=action, value=value).status_code == 303
    assert getattr(running.desk.tickets.ticket(ticket.number), field) == value
    (change,) = running.desk.tickets.changes(ticket.number)
    assert (change.agent, change.field, change.before, change.after) == ("Kari", field, getattr(ticket, field), value)
    assert running.desk.tickets.candidates() == []


def test_a_corrected_issue_moves_the_ticket_and_becomes_a_candidate_for_training(running: RunningDesk) -> None:
    ticket = running.desk.tickets.open(a_draft())
    running.agent("Kari").post(f"/tickets/{ticket.number}", action="intent", value="download_invoice")
    after = running.desk.tickets.ticket(ticket.number)
    assert (after.intent, after.queue) == ("download_invoice", "billing")
    (candidate,) = running.desk.tickets.candidates()
    kept = {name: candidate[name] for name in ("kind", "text", "language", "intent", "shown")}
    assert kept == {
        "kind": "correction",
        "text": "kortet mitt ble avvist",
        "language": "nb",
        "intent": "download_invoice",
        "shown": ["card_declined"],
    }
    page = html.unescape(running.agent("Kari").get(f"/tickets/{ticket.number}").text)
    assert "the bot took it for Card declined, 82 %" in page
    changes = {change.field: (change.before, change.after) for change in running.desk.tickets.changes(ticket.number)}
    assert changes["intent"] == ("card_declined", "download_invoice")
    assert changes["queue"] == ("payments", "billing")
    assert ("Kari", "intent ticket", ticket.number) in running.audit()


def test_a_ticket_without_an_issue_says_so_after_its_correction(running: RunningDesk) -> None:
    ticket = running.desk.tickets.open(a_draft(intent=None, confidence=0.0))
    kari = running.agent("Kari")
    kari.post(f"/tickets/{ticket.number}", action="intent", value="download_invoice")
    page = html.unescape(kari.get(f"/tickets/{ticket.number}").text)
    assert "corrected; the bot recognised no issue" in page
    assert "Issue: not recognised → " in page


def test_a_ticket_is_taken_given_closed_and_opened_again(running: RunningDesk) -> None:
    ticket = running.desk.tickets.open(a_draft())
    kari, path = running.agent("Kari"), f"/tickets/{ticket.number}"
    running.agent("Ola")
    states = []
    for action, value in (("assign", "Kari"), ("assign", "Ola"), ("close", ""), ("reopen", "")):
        kari.post(path, action=action, value=value)
        now = running.desk.tickets.ticket(ticket.number)
        states.append((now.state, now.assignee))
    assert states == [("assigned", "Kari"), ("assigned", "Ola"), ("closed", "Ola"), ("assigned", "Ola")]
    status = running.desk.tickets.statuses_in(ticket.conversation_id)[0]
    assert status.state == "assigned"


def test_a_note_is_kept_without_card_numbers(running: RunningDesk) -> None:
    ticket = running.desk.tickets.open(a_draft())
    kari = running.agent("Kari")
    kari.post(f"/tickets/{ticket.number}", action="note", text="they read out 4111 1111 1111 1111")
    page = kari.get(f"/tickets/{ticket.number}").text
    assert "they read out" in page
    assert "4111 1111" not in page


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"action": "drop"},
        {"action": "queue", "value": "nowhere"},
        {"action": "priority", "value": ""},
        {"action": "intent", "value": "greet"},
        {"action": "assign", "value": "nobody I know"},
        {"action": "note", "text": "   "},
        {"action": "note", "text": "x" * 5000},
        {"action": "state", "value": "closed"},
    ],
    ids=str,
)
def test_a_form_that_does_not_fit_changes_nothing(running: RunningDesk, fields: dict[str, str]) -> None:
    ticket = running.desk.tickets.open(a_draft())
    assert running.agent("Kari").post(f"/tickets/{ticket.number}", **fields).status_code == 422
    assert running.desk.tickets.ticket(ticket.number) == ticket
    assert running.desk.tickets.changes(ticket.number) == []


def test_the_desk_works_on_postgresql(postgres: PostgresServer, tmp_path: Path) -> None:
    with serving(postgres.database(), tmp_path) as running:
        ticket = running.desk.tickets.open(a_draft())
        admin = running.agent("Kari", "admin")
        path = f"/tickets/{ticket.number}"
        for action, value in (("intent", "download_invoice"), ("priority", "low"), ("assign", "Kari"), ("close", "")):
            assert admin.post(path, action=action, value=value).status_code == 303
        assert admin.post(path, action="note", text="call back").status_code == 303
        for shown in (path, "/?state=closed&search=KORTET&owner=mine&language=nb", "/audit"):
            assert ticket.number in admin.get(shown).text
        running.desk.live.want("conversation-1", "nb", "card_declined")
        assert admin.post("/live/conversation-1", action="take").status_code == 303
        assert admin.get("/live/conversation-1").status_code == 200
        assert [admin.get(each).status_code for each in ("/quality", "/quality.csv")] == [200, 200]


def test_a_guessed_number_shows_no_ticket(running: RunningDesk) -> None:
    ticket = running.desk.tickets.open(a_draft())
    kari = running.agent("Kari")
    guessed = ticket.number[:-1] + ("0" if ticket.number[-1] != "0" else "1")
    for number in (guessed, "T-10001-", "1", "..%2f..", "T-99999-ABCDEF"):
        assert kari.get(f"/tickets/{number}").status_code == 404
        assert kari.post(f"/tickets/{number}", action="close").status_code == 404


def test_what_a_customer_wrote_is_text_and_nothing_else(running: RunningDesk) -> None:
    draft = a_draft(
        summary=ATTACK,
        contact_email=ATTACK,
        entities=[("invoice_number", ATTACK)],
        steps_tried=[ATTACK],
        transcript=[Utterance("customer", ATTACK), Utterance("bot", ATTACK)],
    )
    ticket = running.desk.tickets.open(draft)
    admin = running.agent("Kari", "admin")
    admin.post(f"/tickets/{ticket.number}", action="note", text=ATTACK)
    assert html.unescape(admin.get(f"/tickets/{ticket.number}").text).count(ATTACK) >= 6
    for path in ("/", f"/tickets/{ticket.number}", "/?search=" + "%22%3E%3Cscript%3E", "/audit"):
        page = admin.get(path).text
        assert "<img" not in page
        assert re.findall(r"<script[^>]*>", page) == ['<script src="/static/desk.js" defer>']


def test_an_agent_without_a_script_needs_none(running: RunningDesk) -> None:
    ticket = running.desk.tickets.open(a_draft())
    page = running.agent("Kari").get(f"/tickets/{ticket.number}").text
    assert " onclick=" not in page
    assert " style=" not in page
    assert page.count('<form method="post"') == page.count('name="token"')


def test_the_history_of_the_command_line_is_kept_too(desk: Desk) -> None:
    ticket = desk.tickets.open(a_draft())
    desk.tickets.correct(ticket.number, intent="download_invoice")
    assert {change.agent for change in desk.tickets.changes(ticket.number)} == {"command line"}


def test_who_sees_a_ticket_stands_in_the_audit_log(running: RunningDesk) -> None:
    ticket = running.desk.tickets.open(a_draft())
    admin: Browser = running.agent("Kari", "admin")
    admin.get(f"/tickets/{ticket.number}")
    assert ("Kari", "see ticket", ticket.number) in running.audit()
    assert ticket.number in admin.get("/audit").text
