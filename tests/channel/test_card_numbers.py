"""Card numbers, security codes and IBANs typed on the page are found nowhere afterwards."""

from __future__ import annotations

import json
import re

from tests.channel.conftest import Customer, PageBot
from tests.text.numbers import card_numbers, formats, guids, ibans, made, spoken_codes
from tests.text.test_masking import INVOICES


def test_a_thousand_card_numbers_are_in_no_store_no_log_and_no_reply(page_bot: PageBot) -> None:
    cards = card_numbers(1000)
    accounts = ibans(100)
    replies: list[str] = []
    customer: Customer = page_bot.customer(language="en")
    for start in range(0, len(cards), 50):
        if start % 100 == 0:
            customer = page_bot.customer(language="en")
        lines = [formats(card, start + offset) for offset, card in enumerate(cards[start : start + 50])]
        for part in (lines[:25], lines[25:]):
            replies.append(json.dumps(customer.say("my card: " + "; card: ".join(part)).parts))
        replies.append(json.dumps(customer.history()))
    customer = page_bot.customer(language="nb")
    for start in range(0, len(accounts), 10):
        replies.append(json.dumps(customer.say("konto " + ", konto ".join(accounts[start : start + 10])).parts))
    # What is not a card number shows that the search would find one.
    customer.say("; ".join(formats("4111111111111112", form) for form in range(15)))
    kept = digits_only(page_bot.kept())
    assert kept.count("4111111111111112") >= 2 * 15
    said = digits_only("\n".join(replies))
    assert [card for card in cards if card in kept or card in said] == []
    plain = page_bot.kept() + "\n".join(replies)
    assert [account for account in accounts if account in plain.replace(" ", "")] == []


def test_a_thousand_invoice_numbers_and_guids_reach_the_bot_as_they_were_typed(page_bot: PageBot) -> None:
    numbers = [number for pair in zip(made(INVOICES, 500), guids(500), strict=True) for number in pair]
    said: list[str] = []
    for start in range(0, len(numbers), 125):
        customer = page_bot.customer(language="en")
        for part in range(start, start + 125, 25):
            said.append("about " + ", ".join(numbers[part : part + 25]))
            assert customer.say(said[-1]).parts[0]["type"] != "notice"
        kept = [event["text"] for event in page_bot.events(customer) if event["event"] == "user"]
        assert kept == said[-5:]
        assert [entry["text"] for entry in customer.history() if entry["from"] == "customer"] == kept


def digits_only(text: str) -> str:
    """Returns a text in which no format can hide a number: without what may stand between digits."""
    text = text.encode("utf8", errors="replace").decode("unicode_escape", errors="replace")
    return re.sub(r"(?<=[0-9])[^0-9a-zA-Z\n]{1,6}(?=[0-9])", "", text)


def test_the_customer_is_told_and_shown_what_was_hidden(page_bot: PageBot) -> None:
    customer = page_bot.customer(language="nb", product="azure")
    answer = customer.say("kortet mitt 4111 1111 1111 1111 (cvv 123) ble avvist")
    notice = answer.parts[0]
    assert (notice["type"], notice["code"], notice["language"]) == ("notice", "card_masked", "nb")
    assert "skjult" in notice["text"]
    assert notice["masked"] == customer.history()[0]["text"] == "kortet mitt ••••1111 (cvv •••) ble avvist"
    assert answer.answer["intent"] == "card_declined"
    said = [event for event in page_bot.events(customer) if event["event"] == "user"]
    assert said[0]["text"] == notice["masked"]


def test_a_message_without_numbers_to_hide_is_kept_as_it_is(page_bot: PageBot) -> None:
    customer = page_bot.customer(language="en")
    text = "invoice E0300ABCDE of subscription 0a1b2c3d-4e5f-6789-abcd-ef0123456789, 1 234,50 kr on 2024-11-20"
    assert customer.say(text).parts[0]["type"] != "notice"
    assert customer.history()[0]["text"] == text


def test_security_codes_alone_are_hidden_too(page_bot: PageBot) -> None:
    customer = page_bot.customer(language="en")
    customer.say("; ".join(spoken_codes("987")))
    assert "987" not in customer.history()[0]["text"]
