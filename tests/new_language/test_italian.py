"""Italian, of which the bot has an article tree and nothing else: understood, and answered in a second language."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import requests

from bot.articles.replies import Replies
from bot.regression.items import RegressionError
from bot.regression.measure import NluModel
from bot.settings import get_settings
from tests.channel.conftest import Customer, PageBot, Reply

REPLIES = Replies()
PHRASES = {
    "la mia carta di credito è stata rifiutata": "card_declined",
    "perché la banca non accetta il pagamento con la carta?": "card_declined",
    "dove posso scaricare la fattura del mese scorso": "download_invoice",
    "mi serve una copia della fattura in pdf": "download_invoice",
    "voglio disdire il mio abbonamento": "cancel_subscription",
    "come si annulla un abbonamento che non serve più": "cancel_subscription",
    "vorrei chiedere un rimborso": "refund_request",
    "ho pagato troppo, rivoglio indietro i soldi": "refund_request",
}


@pytest.fixture(scope="module")
def understanding(small_model: Path, environment: dict[str, str]) -> Iterator[NluModel]:
    """The small model, loaded with the settings that it was trained with."""
    with settings(**environment):
        yield NluModel(small_model)


@contextmanager
def settings(**environment: str) -> Iterator[None]:
    """Reads the settings from these environment variables for a while."""
    try:
        with pytest.MonkeyPatch.context() as patch:
            for name, value in environment.items():
                patch.setenv(name, value)
            get_settings.cache_clear()
            yield
    finally:
        get_settings.cache_clear()


def italian(bot: PageBot, accepted: str = "it-IT, sv;q=0.8, en;q=0.5", **page: str) -> Customer:
    """Opens the page in an Italian browser, in the language that the server has found for it."""
    customer = Customer(bot)
    begun = customer.request("POST", "/webhooks/page/session", json=page, headers={"Accept-Language": accepted})
    assert begun.status_code == 201, begun.text
    customer.begun = begun.json()
    return customer


def on_rest(bot: PageBot, sender: str, text: str, **metadata: str) -> list[dict[str, Any]]:
    """Says something over Rasa's REST channel."""
    body = {"sender": sender, "message": text, "metadata": metadata}
    messages: list[dict[str, Any]] = requests.post(f"{bot.origin}/webhooks/rest/webhook", json=body, timeout=60).json()
    return messages


def structured(messages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [message["custom"] for message in messages if "custom" in message]


def languages(reply: Reply) -> set[str]:
    return {part["language"] for part in reply.parts}


def test_nearly_all_phrases_are_understood_and_their_language_is_identified(understanding: NluModel) -> None:
    parsed = understanding.parse(list(PHRASES))
    understood = [result["intent"]["name"] for result in parsed]
    assert sum(one == other for one, other in zip(understood, PHRASES.values(), strict=True)) >= len(PHRASES) - 2
    assert {result["language"]["name"] for result in parsed} == {"it"}


def test_the_other_languages_are_understood_as_before(understanding: NluModel) -> None:
    parsed = understanding.parse(["my card was declined", "jag vill säga upp mitt abonnemang"])
    assert [result["intent"]["name"] for result in parsed] == ["card_declined", "cancel_subscription"]
    assert [result["language"]["name"] for result in parsed] == ["en", "sv"]
    assert not any(entity["entity"] == "fallback_language" for result in parsed for entity in result["entities"])


def test_without_a_page_the_answer_is_english_and_says_so_once(small_bot: PageBot) -> None:
    first = on_rest(small_bot, "rest-1", "vorrei chiedere un rimborso per azure")
    assert first[0]["text"] == "I understand Italian, but for now I can only answer in English."
    assert [(answer["intent"], answer["language"]) for answer in structured(first)] == [("refund_request", "en")]
    assert first[-1]["text"] == REPLIES.text("utter_ask_solved", "en")
    second = on_rest(small_bot, "rest-1", "voglio disdire il mio abbonamento azure")
    steps = on_rest(small_bot, "rest-1", "/cancel_subscription")
    assert [answer["intent"] for answer in structured(steps)] == ["cancel_subscription"]
    assert not any(message.get("text") == first[0]["text"] for message in [*second, *steps])


def test_the_answer_is_in_the_browsers_second_language_and_says_so_in_it(small_bot: PageBot) -> None:
    customer = italian(small_bot, product="azure")
    assert customer.begun["language"] == "sv"
    reply = customer.say("la mia carta di credito è stata rifiutata")
    assert reply.parts[0]["text"] == "Jag förstår italienska, men kan än så länge bara svara på svenska."
    assert (reply.answer["intent"], reply.answer["language"]) == ("card_declined", "sv")
    assert languages(reply) == {"sv"}
    again = customer.press(reply.buttons("feedback")[0])
    assert again.text == REPLIES.text("utter_solved", "sv")


def test_a_page_opened_for_the_language_is_shown_in_the_browsers(small_bot: PageBot) -> None:
    page = small_bot.request("GET", "/?lang=it", headers={"Accept-Language": "sv"})
    assert '<html lang="sv"' in page.text
    customer = italian(small_bot, "sv", language="sv", locale="it", product="azure")
    reply = customer.say("fattura")
    assert (reply.answer["intent"], languages(reply)) == ("download_invoice", {"sv"})
    assert reply.parts[0]["text"] == REPLIES.language_notice("it", "sv")


def test_a_language_chosen_in_the_menu_is_the_one_to_answer_in(small_bot: PageBot) -> None:
    customer = italian(small_bot, language="sv", product="azure")
    reply = customer.say("mi serve una copia della fattura in pdf", language="en")
    assert reply.parts[0]["text"] == REPLIES.language_notice("it", "en")
    assert languages(reply) == {"en"}


def test_the_greeting_of_a_rule_says_it_too(small_bot: PageBot) -> None:
    on_rest(small_bot, "rest-2", "voglio disdire il mio abbonamento", language="it", fallback_language="sv")
    (greeting,) = on_rest(small_bot, "rest-2", "/greet")
    assert greeting["text"] == f"{REPLIES.text('utter_greet', 'sv')} {REPLIES.language_notice('it', 'sv')}"
    (thanks,) = on_rest(small_bot, "rest-2", "/thank")
    assert thanks["text"] == REPLIES.text("utter_thank", "sv")


def test_a_customer_who_goes_on_in_a_language_with_replies_is_answered_in_it(small_bot: PageBot) -> None:
    customer = italian(small_bot, "it", product="azure")
    assert languages(customer.say("vorrei chiedere un rimborso")) == {"en"}
    assert languages(customer.say("jag vill säga upp mitt abonnemang i stället")) == {"sv"}


def test_card_numbers_amounts_and_refusals_fall_back_as_well(small_bot: PageBot) -> None:
    customer = italian(small_bot, product="azure")
    reply = customer.say(
        "la mia carta di credito 4111 1111 1111 1111 è stata rifiutata il 12/03/2024, erano 1.234,50 €"
    )
    assert (reply.parts[0]["code"], languages(reply)) == ("card_masked", {"sv"})
    assert reply.answer["intent"] == "card_declined"
    refused = customer.post(text="fattura " * 1000)
    assert (refused.status_code, refused.json()["language"]) == (413, "sv")
    assert {said["language"] for said in customer.history() if said["from"] == "bot"} == {"sv"}


def test_a_model_does_not_run_with_another_encoder_than_its_own(small_model: Path, root: Path) -> None:
    shipped = str(root / "bot" / "encoder" / "weights.npz")
    with settings(BOT_ENCODER_WEIGHTS=shipped), pytest.raises(RegressionError, match="BOT_ENCODER_WEIGHTS"):
        NluModel(small_model)
