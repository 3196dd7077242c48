"""The desk in a real browser: keys, a live conversation without loading anew, axe in light, dark and on phones."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Route, expect

from tests.desk.conftest import RunningDesk, serving
from tests.page.test_accessibility import LOOKS
from tests.page.visitor import Visitor
from tests.support.chromium import chromium
from tests.support.servers import wait_until
from tests.tickets.conftest import a_draft

TALK = "conversation-1"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, one for this file."""
    with chromium() as started:
        yield started


def arrive(browser: Browser, running: RunningDesk, **options: Any) -> Visitor:
    """Signs in as a person does."""
    visitor = Visitor.arrive(browser, running.address, "/sign-in", **options)
    if "Kari" not in running.passwords:
        running.passwords["Kari"] = running.desk.accounts.add("Kari", "admin")
    visitor.page.fill("[name=name]", "Kari")
    visitor.page.fill("[name=password]", running.passwords["Kari"])
    visitor.page.keyboard.press("Enter")
    expect(visitor.find("h1")).to_have_text("Inbox")
    return visitor


def test_an_agent_works_with_keys_and_sees_new_tickets_by_themselves(browser: Browser, running: RunningDesk) -> None:
    first = running.desk.tickets.open(a_draft(form_id="1"))
    visitor = arrive(browser, running)
    expect(visitor.find("#tickets a.row")).to_have_text([first.number])
    second = running.desk.tickets.open(a_draft(form_id="2"))
    expect(visitor.find("#tickets a.row")).to_have_text([first.number, second.number])
    for key in ("j", "j", "k", "j", "Enter"):
        visitor.page.keyboard.press(key)
    expect(visitor.find("h1")).to_contain_text(second.number)
    visitor.page.keyboard.press("j")  # nothing to move in here
    visitor.page.go_back()
    visitor.page.keyboard.press("/")
    visitor.page.keyboard.type("no such thing")
    visitor.page.keyboard.press("Enter")
    expect(visitor.find("#tickets")).to_contain_text("No tickets match.")
    visitor.leave()


def test_the_inbox_shows_who_waits_above_the_most_urgent_tickets(
    browser: Browser, running: RunningDesk, pictures: Path
) -> None:
    tickets, live = running.desk.tickets, running.desk.live
    rows = [
        ("Missä lasku on?", "download_invoice", "fi", []),
        ("Kortet mitt ble avvist, og tjenesten er nede", "card_declined", "nb", ["service_down"]),
        ("Je ne trouve pas la facture de septembre", "pay_invoice", "fr", []),
        ("Subscription was disabled after the card expired", "subscription_disabled", "en", ["service_down"]),
    ]
    for number, (summary, intent, language, signals) in enumerate(rows):
        more = {"intent": intent, "language": language, "signals": signals, "form_id": str(number)}
        tickets.open(a_draft(summary=summary, sentiment=("neutral", 0.6), **more))
    live.want(TALK, "nb", "card_declined")
    live.want("conversation-2", "de", "past_due_balance")
    live.beat("Ola")
    live.take("conversation-2", "Ola")
    visitor = arrive(browser, running)
    expect(visitor.find("#waiting li")).to_have_count(2)
    expect(visitor.find("#waiting-count .count")).to_contain_text("1")
    expect(visitor.find("#waiting .tag")).to_have_text(["waits", "live with Ola"])
    shown = visitor.find("#tickets tbody .tag").all_inner_texts()
    assert shown == sorted(shown, key=["urgent", "high", "normal", "low"].index)
    visitor.page.screenshot(path=pictures / "desk-inbox.png")
    visitor.leave()


def test_a_live_conversation_goes_both_ways_without_loading_anew(browser: Browser, running: RunningDesk) -> None:
    live = running.desk.live
    visitor = arrive(browser, running)
    expect(visitor.page).to_have_title("Inbox · Agents' desk")
    live.want(TALK, "nb", "card_declined")
    expect(visitor.page).to_have_title("(1) Inbox · Agents' desk")
    visitor.find("#waiting a.row").click()
    visitor.page.get_by_role("button", name="Take over").click()
    visitor.page.wait_for_load_state()  # before that, Enter is a new line
    visitor.page.evaluate("window.same = true")
    composer = visitor.page.get_by_label("Message")
    composer.fill("Hei!")
    composer.press("Enter")
    expect(visitor.find("#log .agent p")).to_have_text(["Hei!"])
    live.append(TALK, "customer_text", "c1", "<b>hallo</b>")
    expect(visitor.find("#log .customer p")).to_have_text(["<b>hallo</b>"])
    composer.fill("half a sent")
    live.append(TALK, "customer_text", "c2", "er du der?")
    expect(visitor.find("#log .customer p")).to_have_count(2)
    expect(composer).to_have_value("half a sent")
    visitor.page.context.set_offline(True)
    composer.press("Enter")
    expect(visitor.find("#not-sent")).to_be_visible()
    visitor.page.context.set_offline(False)
    composer.press("Enter")
    expect(visitor.find("#log .agent p")).to_have_text(["Hei!", "half a sent"])
    live.leave(TALK)
    expect(visitor.find("#log .event").last).to_contain_text("The customer has left.")
    expect(composer).to_be_hidden()
    assert visitor.page.evaluate("window.same")
    assert [row.kind for row in live.after(TALK)].count("agent_text") == 2
    visitor.leave()


def test_a_form_on_its_way_is_not_stopped_by_what_becomes_of_the_conversation_meanwhile(
    browser: Browser, running: RunningDesk
) -> None:
    live = running.desk.live
    running.passwords["Kari"] = running.desk.accounts.add("Kari", "agent")  # who sees no colleague's conversations
    visitor = arrive(browser, running)
    live.want(TALK, "nb", "card_declined")
    live.take(TALK, "Kari")
    live.beat("Kari")
    live.beat("Ola")
    path = f"{running.address}/live/{TALK}"
    visitor.page.goto(path)
    held: list[Route] = []
    visitor.page.route(path, lambda route: held.append(route) if route.request.method == "POST" else route.continue_())
    with visitor.page.expect_response(lambda answer: answer.status == 404):  # the page looks what has changed
        visitor.page.get_by_role("button", name="Ola").click(no_wait_after=True)
        while not held:
            visitor.page.wait_for_timeout(10)
        assert live.transfer(TALK, "Kari", "Ola")
    assert live.transfer(TALK, "Ola", "Kari")
    held[0].continue_()
    expect(visitor.find("h1")).to_have_text("Inbox")
    assert live.state(TALK).agent == "Ola"
    visitor.leave()


def test_a_message_changed_after_a_lost_answer_is_another_message(browser: Browser, running: RunningDesk) -> None:
    live = running.desk.live
    visitor = arrive(browser, running)
    live.want(TALK, "nb", "card_declined")
    live.take(TALK, "Kari")
    visitor.page.goto(f"{running.address}/live/{TALK}")

    composer = visitor.page.get_by_label("Message")

    def lose_the_answer(route: Route) -> None:
        if route.request.method != "POST":
            return route.continue_()
        route.fetch(max_redirects=0)
        return route.abort()

    for first, second in (("Hei", "Hei"), ("Hvordan", "Hvordan går det?")):
        visitor.page.route(f"**/live/{TALK}", lose_the_answer)
        composer.fill(first)
        composer.press("Enter")
        expect(visitor.find("#not-sent")).to_be_visible()
        visitor.page.unroute(f"**/live/{TALK}")
        composer.fill(second)
        composer.press("Enter")
        expect(composer).to_have_value("")
    texts = [row.text for row in live.after(TALK) if row.kind == "agent_text"]
    assert texts == ["Hei", "Hvordan", "Hvordan går det?"]
    visitor.leave()


def test_a_page_outlives_an_outage_of_the_database_with_what_was_typed(browser: Browser, running: RunningDesk) -> None:
    live = running.desk.live
    visitor = arrive(browser, running)
    live.want(TALK, "nb", "card_declined")
    live.take(TALK, "Kari")
    visitor.page.goto(f"{running.address}/live/{TALK}")
    visitor.page.evaluate("window.same = true")
    visitor.page.get_by_label("Message").fill("half a sent")
    with running.without_database():
        expect(visitor.find("#away")).to_be_visible(timeout=30_000)
        assert visitor.violations() == []
    expect(visitor.find("#away")).to_be_hidden(timeout=30_000)
    live.append(TALK, "customer_text", "c1", "er du der?")
    expect(visitor.find("#log .customer p")).to_have_text(["er du der?"], timeout=30_000)
    expect(visitor.page.get_by_label("Message")).to_have_value("half a sent")
    assert visitor.page.evaluate("window.same")
    visitor.leave()


def test_an_agent_is_present_and_hears_again_after_a_proxy_refused_the_stream(
    browser: Browser, running: RunningDesk
) -> None:
    visitor = arrive(browser, running)
    visitor.page.route("**/events", lambda route: route.fulfill(status=502))
    running.desk.live.sign_out("Kari")
    visitor.page.reload()
    wait_until(lambda: running.desk.live.present() == ["Kari"], "a beat without the stream")
    visitor.page.unroute("**/events")
    ticket = running.desk.tickets.open(a_draft())
    expect(visitor.find("#tickets a.row")).to_have_text([ticket.number], timeout=30_000)
    second = running.desk.tickets.open(a_draft(form_id="2"))
    expect(visitor.find("#tickets a.row")).to_have_text([ticket.number, second.number], timeout=30_000)
    visitor.leave()


def test_a_reviewer_labels_groups_with_keys_and_goes_on_with_the_next(browser: Browser, tmp_path: Path) -> None:
    unsure = [("card_declined", 0.41), ("pay_invoice", 0.38)]
    with serving(f"sqlite:///{tmp_path / 'tickets.db'}", tmp_path, review_test_share=1) as running:
        store = running.desk.tickets
        texts = ("zebra crossing", "quick yellow lemons", "why five oxen", "jumbo hammock")
        for text in texts:
            store.record_fallback(text, "en", ["card_declined"], unsure)
        visitor = arrive(browser, running)
        visitor.page.get_by_role("link", name="Review").click()
        left = visitor.find("#queue bdi")
        expect(left).to_have_text(list(texts))
        visitor.page.wait_for_load_state()
        for keys, expected in (
            ("a", texts[1:]),  # the first group, though nothing has the focus yet
            ("j2", (texts[1], texts[3])),  # the second one; then the one after it has the focus
            ("r", (texts[1],)),
            ("u", (texts[1], texts[3])),
            ("n", (texts[1],)),  # none of our issues
        ):
            for key in keys:
                visitor.page.keyboard.press(key)
            expect(left).to_have_text(list(expected))
            visitor.page.wait_for_load_state()  # before that, keys do nothing
        measured = (tmp_path / "review" / "test" / "en.tsv").read_text(encoding="utf8")
        assert measured == f"card_declined\t{texts[0]}\npay_invoice\t{texts[2]}\nout_of_scope\t{texts[3]}\n"
        visitor.leave()


def test_a_message_whose_tick_was_taken_away_is_not_accepted_with_the_others(browser: Browser, tmp_path: Path) -> None:
    with serving(f"sqlite:///{tmp_path / 'tickets.db'}", tmp_path, review_test_share=1) as running:
        for text in ("zebra crossing", "quick yellow lemons", "why five oxen"):
            running.desk.tickets.record_fallback(text, "en", ["card_declined"], [("card_declined", 0.41)])
        visitor = arrive(browser, running)
        visitor.page.get_by_role("link", name="Review").click()
        visitor.page.get_by_label("quick yellow lemons").uncheck()
        visitor.page.click("#accept-first")
        expect(visitor.find("#queue bdi")).to_have_text(["quick yellow lemons"])
        visitor.leave()


@pytest.mark.parametrize("look", LOOKS)
def test_axe_finds_nothing_on_any_page(browser: Browser, running: RunningDesk, look: str) -> None:
    store, live = running.desk.tickets, running.desk.live
    ticket = store.open(a_draft())
    store.note(ticket.number, "call back", by="Kari")
    store.correct(ticket.number, intent="download_invoice", by="Kari")
    visitor = arrive(browser, running, **LOOKS[look])
    live.want(TALK, "nb", "card_declined")
    live.beat("Kari")
    live.take(TALK, "Kari")
    live.append(TALK, "customer_text", "1", "hallo")
    for text in ("my card fails", "my card fails again", "nonsense", "my money is gone"):
        store.record_fallback(text, "en", ["card_declined"], [("card_declined", 0.4), ("pay_invoice", 0.3)])
    review = running.desk.review
    nonsense, money = (each.ids for each in review.waiting() if each.text in ("nonsense", "my money is gone"))
    review.reject([*nonsense, *money], by="Kari")
    review.accept(money, "refund_request", by="Ola", decides_all=False)
    found: dict[str, list[str]] = {}
    pages = ("/", f"/tickets/{ticket.number}", f"/live/{TALK}", "/review", "/quality", "/models", "/audit", "/nowhere")
    for path in pages:
        visitor.page.goto(running.address + path)
        found[path] = visitor.violations()
        size = visitor.page.viewport_size
        assert size is not None
        assert visitor.page.evaluate("document.documentElement.scrollWidth") <= size["width"], path
    visitor.page.get_by_role("button", name="Sign out").click()
    expect(visitor.find("h1")).to_have_text("Sign in")
    found["sign-in"] = visitor.violations()
    assert {path: problems for path, problems in found.items() if problems} == {}
    visitor.leave()
