"""The whole flow on the page, in four languages, on a phone and on a desktop."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import ViewportSize, expect

from tests.page.visitor import DESKTOP, PHONE, TABLET, Visitor, words

QUESTIONS = {
    "nb": "kortet mitt ble avvist",
    "sv": "mitt kort nekades",
    "nl": "mijn kaart is geweigerd",
    "en": "my card was declined",
}

Visit = Callable[..., Visitor]


@pytest.mark.parametrize("size", [PHONE, DESKTOP], ids=["phone", "desktop"])
@pytest.mark.parametrize("language", QUESTIONS)
def test_a_visit_from_greeting_to_the_next_topic(visit: Visit, language: str, size: ViewportSize) -> None:
    text = words(language)
    visitor = visit(f"/?lang={language}", viewport=size)
    expect(visitor.find("#greeting")).to_have_text(text["replies"]["utter_greet"])
    expect(visitor.find("html")).to_have_attribute("lang", language)
    expect(visitor.find("topic-grid button")).to_have_count(12)

    visitor.say(QUESTIONS[language])
    expect(visitor.find(".turn > .bubble").last).to_contain_text(f"{text['labels']['azure']}: ")
    expect(visitor.find("choice-buttons .bubble").last).to_have_text(text["replies"]["utter_ask_product"])

    visitor.press(text["labels"]["azure"])
    expect(visitor.find("answer-card")).to_have_count(1)
    expect(visitor.card.locator(".steps h3")).to_have_text(text["labels"]["steps"])
    assert visitor.card.locator(".steps > ol > li").count() >= 2
    assert visitor.card.locator(".links a").count() >= 2
    expect(visitor.card.locator(".host").first).to_have_text("learn.microsoft.com")
    expect(visitor.find("choice-buttons .bubble").last).to_have_text(text["replies"]["utter_ask_solved"])

    visitor.press(text["labels"]["deny"])
    visitor.find("choice-buttons:not([closed]) .choice-topic").first.click()
    visitor.wait_for_bot()
    expect(visitor.find("answer-card")).to_have_count(2)
    assert visitor.find("time").count() == visitor.find("customer-message").count() + visitor.find(".turn").count()
    assert visitor.page.evaluate("document.documentElement.scrollWidth") <= size["width"]


@pytest.mark.parametrize("size", [PHONE, TABLET, DESKTOP], ids=["phone", "tablet", "desktop"])
def test_a_tapped_topic_is_answered_like_a_question(visit: Visit, size: ViewportSize) -> None:
    visitor = visit("/?lang=nl&product=azure", viewport=size)
    topic = visitor.find("topic-grid button").first
    title = topic.text_content()
    topic.click()
    visitor.wait_for_bot()
    assert visitor.said() == [title]
    expect(visitor.card).to_have_attribute("lang", "nl")


@pytest.mark.parametrize("language", ["da", "de", "es", "fi", "fr"])
def test_the_page_greets_in_every_other_shipped_language_of_the_browser(visit: Visit, language: str) -> None:
    visitor = visit("/", locale=language, viewport=PHONE)
    expect(visitor.find("#greeting")).to_have_text(words(language)["replies"]["utter_greet"])
    expect(visitor.find("#message")).to_have_attribute("placeholder", words(language)["page"]["placeholder"])


def test_a_browser_without_a_shipped_language_gets_english_and_a_norwegian_one_bokmal(visit: Visit) -> None:
    expect(visit("/", locale="ja").find("html")).to_have_attribute("lang", "en")
    expect(visit("/", locale="nn-NO").find("html")).to_have_attribute("lang", "nb")
    expect(visit("/?lang=sv-FI", locale="fi").find("html")).to_have_attribute("lang", "sv")


def test_switching_the_product_shows_other_steps_without_a_request(visit: Visit) -> None:
    visitor = visit("/?lang=en&product=azure")
    visitor.say("my card was declined")
    expect(visitor.card.get_by_label("Azure")).to_be_checked()
    steps = visitor.card.locator(".steps").text_content()
    requests = len(visitor.requests)
    visitor.card.locator("label", has_text="Microsoft 365").click()
    expect(visitor.card.get_by_label("Microsoft 365")).to_be_checked()
    assert visitor.card.locator(".steps").text_content() != steps
    assert len(visitor.requests) == requests


def test_another_billing_agreement_shows_its_steps_or_who_acts_without_a_request(visit: Visit) -> None:
    visitor = visit("/?lang=en&product=azure")
    visitor.say("my card was declined")
    requests = len(visitor.requests)
    text = words("en")
    agreement = visitor.card.get_by_label(text["page"]["agreement"])
    steps = visitor.card.locator(".steps")
    shown = {"": steps.text_content()}
    for name in ("customer_agreement", "enterprise", "unknown"):
        agreement.select_option(text["labels"][name])
        expect(agreement).to_be_focused()
        shown[name] = steps.text_content()
    assert len(set(shown.values())) == 4
    assert "enterprise administrator" in str(shown["enterprise"])
    agreement.select_option(text["labels"]["online_services"])
    assert steps.text_content() == shown[""]
    visitor.card.locator("label", has_text="Microsoft 365").first.click()
    expect(agreement).to_have_count(0)
    assert len(visitor.requests) == requests


def test_what_cannot_be_undone_is_seen_without_unfolding_anything(visit: Visit) -> None:
    for message, warning in {
        "how do I transfer my subscription to a new owner": "role assignments",
        "what happens to my data": "days",
        "cancel my azure subscription": "30-90 days",
    }.items():
        visitor = visit("/?lang=en&product=azure")
        visitor.say(message)
        box = visitor.card.locator(".steps .box").first
        expect(box).to_be_visible()
        expect(visitor.card.locator(".steps")).to_contain_text(warning)


def test_a_family_plan_is_sent_to_no_admin_center(visit: Visit) -> None:
    visitor = visit("/?lang=en")
    visitor.say("the card for our microsoft 365 family was declined")
    personal = words("en")["labels"]["microsoft_account"]
    expect(visitor.card.get_by_label(personal)).to_be_checked()
    addresses = visitor.page.evaluate("[...document.querySelectorAll('answer-card a')].map((link) => link.href)")
    assert any("account.microsoft.com" in address for address in addresses)
    assert not any("admin.microsoft.com" in address or "portal.azure.com" in address for address in addresses)


def test_a_product_chosen_on_the_card_is_known_to_the_bot(visit: Visit) -> None:
    visitor = visit("/?lang=en&product=microsoft365")
    visitor.say("my card was declined")
    visitor.card.locator("label", has_text="Azure").click()
    solved = words("en")["replies"]["utter_ask_solved"]
    expect(visitor.find("choice-buttons .bubble").last).to_have_text(solved)
    expect(visitor.find("answer-card")).to_have_count(1)
    assert visitor.said() == ["my card was declined"]


def test_an_answer_stands_once_until_it_is_asked_for_again(visit: Visit) -> None:
    visitor = visit("/?lang=en&product=azure")
    visitor.say("my card was declined")
    visitor.say("my credit card was declined")
    expect(visitor.find("answer-card")).to_have_count(1)
    visitor.press(words("en")["labels"]["show_again"])
    expect(visitor.find("answer-card")).to_have_count(2)


def test_the_language_menu_changes_the_page_and_what_the_bot_speaks(visit: Visit) -> None:
    visitor = visit("/?lang=en&product=azure")
    visitor.page.select_option("#language", "sv")
    expect(visitor.find("html")).to_have_attribute("lang", "sv")
    visitor.find("topic-grid button").first.click()
    visitor.wait_for_bot()
    expect(visitor.card).to_have_attribute("lang", "sv")
    visitor.page.reload()
    expect(visitor.find("html")).to_have_attribute("lang", "sv")


def test_the_page_follows_a_customer_who_writes_in_another_language(visit: Visit) -> None:
    visitor = visit("/?lang=en&product=azure")
    visitor.say("hei, kortet mitt i azure ble avvist")
    expect(visitor.card).to_have_attribute("lang", "nb")
    expect(visitor.find("html")).to_have_attribute("lang", "nb")
    expect(visitor.find("#message")).to_have_attribute("placeholder", words("nb")["page"]["placeholder"])


def test_an_answer_can_be_copied_mailed_and_printed(visit: Visit) -> None:
    visitor = visit("/?lang=nb&product=microsoft365", permissions=["clipboard-read", "clipboard-write"])
    visitor.say("kortet mitt ble avvist")
    text = words("nb")
    visitor.card.get_by_role("button", name=text["page"]["copy"]).click()
    expect(visitor.card.get_by_role("button", name=text["page"]["copied"])).to_be_visible()
    copied = visitor.page.evaluate("navigator.clipboard.readText()")
    assert copied.startswith(visitor.card.locator("h2").text_content() or "?")
    assert "\n1. " in copied
    assert copied.count("https://") >= 2

    address = visitor.card.get_by_role("link", name=text["page"]["mail"]).get_attribute("href") or ""
    assert re.match(r"mailto:\?subject=\S+&body=\S+%0D%0A1\.%20", address)
    assert len(address) <= 2000

    visitor.page.evaluate(
        "() => { window.print = () => { window.printed = document.querySelector('.printed h2').textContent } }"
    )
    visitor.card.get_by_role("button", name=text["page"]["print"]).click()
    assert visitor.page.evaluate("window.printed") == visitor.card.locator("h2").text_content()
    visitor.page.emulate_media(media="print")
    expect(visitor.find("footer")).not_to_be_visible()
    expect(visitor.card.locator(".links a").first).to_be_visible()


def test_markup_that_a_customer_types_stays_text(visit: Visit) -> None:
    visitor = visit("/?lang=en")
    attack = "<img src=x onerror=alert(1)><b>card</b> declined **x** [y](javascript:alert(1))"
    visitor.say(attack)
    assert visitor.said() == [attack]
    assert visitor.find("#log img, #log b, #log a[href^='javascript']").count() == 0


def test_a_passage_has_its_buttons_in_bold_and_its_links_behind_their_names(visit: Visit) -> None:
    visitor = visit("/?lang=en")
    visitor.say("hi there, i want to pay an invoice for microsoft 365 with a card this time, how is that done")
    visitor.press("Pay a Microsoft 365 invoice by card")
    passage = visitor.find(".bubble").filter(has_text="Open the invoice under").last
    expect(passage.locator("strong").nth(1)).to_have_text("Pay now")
    expect(passage.get_by_role("link", name="Bills & payments")).to_have_attribute("target", "_blank")
    expect(passage).not_to_contain_text("https://")
