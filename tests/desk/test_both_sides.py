"""A customer on the page and an agent at the desk in real browsers: what each sees of the other, axe, pictures."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Locator, expect

from bot.desk.accounts import Accounts
from bot.tickets.store import TicketStore
from tests.page.test_accessibility import LOOKS
from tests.page.test_live import QUESTION, WANTED
from tests.page.visitor import Visitor, words
from tests.support.chromium import chromium
from tests.support.stack import Embedded

AGENT = "Kari Nordmann"
TALK = {
    "en": ("Hi, I am Kari. Which bank is it?", "DNB. I have tried twice.", "Thank you, I see it now."),
    "nb": ("Hei, jeg er Kari. Hvilken bank er det?", "DNB. Jeg har prøvd to ganger.", "Takk, nå ser jeg det."),
}
NOTE = "Bank blocks foreign payments?"
MEANWHILE = {"en": "I have tried two cards", "nb": "jeg har prøvd to kort"}
STEPS = {"en": ["Your card was declined"], "nb": ["Your card was declined", "Kortet ditt ble avvist"]}
"""Titles of the article at the desk of an agent who reads English."""
FOLLOW_UP = {
    "en": ("who can change it?", "account administrator can"),
    "nb": ("hvem kan bytte det?", "bare kontoadministratoren"),
}
"""What is asked after the agent has gone, and what only somebody knows who has heard of the card before."""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Chromium, one for this file."""
    with chromium() as started:
        yield started


@pytest.fixture(scope="module")
def servers(trained_model: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Embedded]:
    """A bot and the agents' desk."""
    servers = Embedded(tmp_path_factory.mktemp("servers"), trained_model)
    try:
        servers.start()
        yield servers
    finally:
        servers.stop()


def at_desk(browser: Browser, servers: Embedded, look: str) -> Visitor:
    """Signs in as an agent, who is present then."""
    accounts = Accounts(TicketStore(servers.environment["BOT_TICKETS_DATABASE"]))
    if any(account.name == AGENT for account in accounts.agents()):
        accounts.remove(AGENT)
    agent = Visitor.arrive(browser, servers.agents_desk.origin, "/sign-in", **LOOKS[look])
    agent.page.fill("[name=name]", AGENT)
    agent.page.fill("[name=password]", accounts.add(AGENT, "agent"))
    agent.page.keyboard.press("Enter")
    expect(agent.find("#waiting")).to_contain_text(f"At the desk: {AGENT}")
    return agent


@dataclass
class Sides:
    """Customer and agent, and what axe-core has found wrong with each view of either."""

    customer: Visitor
    agent: Visitor
    found: dict[str, list[str]] = field(default_factory=dict)

    def look_at(self, view: str) -> None:
        """Notes what is wrong with what both see; nobody has to scroll sideways."""
        for side, visitor in (("customer", self.customer), ("agent", self.agent)):
            self.found[f"{side}: {view}"] = visitor.violations()
            size = visitor.page.viewport_size
            assert size is not None
            assert visitor.page.evaluate("document.documentElement.scrollWidth") <= size["width"], (side, view)

    def talk(self, language: str) -> None:
        """Writes both ways, and a note; each side sees at once what is meant for it."""
        hello, reply, thanks = TALK[language]
        message, composer = self.customer.find("#message"), self.agent.page.get_by_label("Message")
        bot_turns = self.customer.find(".turn:not(.agent)").count()
        send(composer, hello)
        expect(self.customer.find(".turn.agent .bubble")).to_have_text([hello])
        send(message, reply)
        expect(self.agent.find("#log .customer p")).to_have_text([reply])
        composer.fill(NOTE)
        self.agent.page.get_by_role("button", name="Note for colleagues").click()
        expect(self.agent.find("#log .note p")).to_have_text([NOTE])
        send(composer, thanks)
        expect(self.customer.find(".turn.agent .bubble")).to_have_text([hello, thanks])
        expect(self.agent.find("#log .agent p")).to_have_text([hello, thanks])
        assert self.customer.find(".turn:not(.agent)").count() == bot_turns
        assert NOTE not in self.customer.find("#log").inner_text()

    def leave(self) -> None:
        """Closes both tabs; axe has found nothing."""
        assert {view: problems for view, problems in self.found.items() if problems} == {}
        for visitor in (self.customer, self.agent):
            visitor.leave()


def send(box: Locator, text: str) -> None:
    """Types a message and sends it, on either side."""
    box.fill(text)
    box.press("Enter")
    expect(box).to_have_value("")


@pytest.mark.parametrize(
    ("language", "customers_look", "agents_look", "names"),
    [
        ("en", "light", "dark", ("live-desktop", "desk-live-dark")),
        ("nb", "phone", "light", ("live-phone", "desk-live")),
    ],
)
def test_customer_and_agent_see_each_other_and_the_bot_goes_on_with_context(
    browser: Browser,
    servers: Embedded,
    pictures: Path,
    language: str,
    customers_look: str,
    agents_look: str,
    names: tuple[str, str],
) -> None:
    page = {key: text.replace("{agent}", AGENT) for key, text in words(language)["page"].items()}
    agent = at_desk(browser, servers, agents_look)
    path = f"/?lang={language}&product=azure"
    customer = Visitor.arrive(browser, servers.origin, path, **LOOKS[customers_look])
    sides = Sides(customer, agent)
    customer.say(QUESTION[language])
    expect(agent.find("#waiting")).to_contain_text("Nobody waits.")
    sides.look_at("nobody waits")
    customer.say(WANTED[language])
    expect(customer.find("#live-status")).to_have_text(page["live_waiting"])
    expect(agent.find("#waiting li")).to_contain_text(["Card declined"])
    sides.look_at("waiting")

    agent.find("#waiting a.row").click()
    said = agent.find("#before .customer p")
    expect(said).to_have_text([QUESTION[language], WANTED[language]])
    customer.say(MEANWHILE[language])
    agent.page.get_by_role("button", name="Take over").click()
    agent.page.wait_for_load_state()  # before that, Enter is a new line
    expect(said).to_have_text([QUESTION[language], WANTED[language], MEANWHILE[language]])
    agent.find("summary").click()
    expect(agent.find("details article h3")).to_contain_text(STEPS[language])
    expect(customer.find("#live-status")).to_have_text(page["live_with"])
    expect(customer.find(".notice").last).to_have_text(page["live_taken"])
    sides.look_at("taken")
    sides.talk(language)
    sides.look_at("live")
    for visitor, name in zip((customer, agent), names, strict=True):
        visitor.page.screenshot(path=pictures / f"{name}.png")

    conversation = agent.page.url
    agent.page.get_by_role("button", name="Hand back").click()
    expect(agent.find("#waiting")).to_contain_text("Nobody waits.")
    expect(customer.find(".notice").last).to_have_text(page["live_handed_back"])
    expect(customer.find("#live")).to_be_hidden()
    sides.look_at("handed back")
    question, passage = FOLLOW_UP[language]
    customer.say(question)
    expect(customer.find(".turn").last).to_contain_text(passage)
    customer.find("live-rating label").nth(4).click()
    customer.find("live-rating button").click()
    expect(customer.find("live-rating")).to_have_text(page["rate_thanks"])
    agent.page.goto(conversation)
    expect(agent.find("#log .event").last).to_contain_text("5")
    sides.look_at("rated")
    sides.leave()
