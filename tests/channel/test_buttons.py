"""Buttons act once, in the conversation they were offered in, as long as the bot has offered nothing newer."""

from __future__ import annotations

import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from bot.settings import Settings
from bot.stores.sessions import SessionError, ShownButtons
from bot.text.links import AllowedLinks
from tests.channel.conftest import PageBot


def test_a_button_acts_once(page_bot: PageBot) -> None:
    customer = page_bot.customer(language="en")
    azure, microsoft365 = customer.say("how do I pay my invoice?").buttons("product")
    assert customer.press(azure).answer["product"] == "azure"
    for _ in range(3):
        again = customer.post(button=azure["id"])
        assert (again.status_code, again.json()["error"]) == (409, "button")
    # The bot has asked something newer since.
    assert customer.post(button=microsoft365["id"]).status_code == 409


def test_a_button_pressed_by_many_at_once_acts_once(page_bot: PageBot) -> None:
    customer = page_bot.customer(language="en")
    button = customer.say("how do I pay my invoice?").buttons("product")[0]
    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(lambda _: customer.post(button=button["id"]).status_code, range(8)))
    assert sorted(statuses) == [200] + [409] * 7
    assert len([event for event in page_bot.events(customer) if event["event"] == "user"]) == 2


def test_a_button_of_another_conversation_does_nothing(page_bot: PageBot) -> None:
    mine, yours = page_bot.customer(language="en"), page_bot.customer(language="en")
    button = yours.say("how do I pay my invoice?").buttons("product")[0]
    assert mine.post(button=button["id"]).status_code == 409
    assert yours.press(button).answer["product"] == "azure"
    assert page_bot.events(mine) == []


def test_an_id_that_comes_with_another_text_or_button_is_refused_and_the_first_answer_stays(page_bot: PageBot) -> None:
    customer, typed, pressed = page_bot.customer(language="nb"), str(uuid.uuid4()), str(uuid.uuid4())
    asked = customer.say("kortet mitt ble avvist 4111 1111 1111 1111", typed)
    azure, microsoft365 = asked.buttons("product")[:2]
    for body in ({"text": "kortet ble avvist"}, {"button": azure["id"]}):
        refused = customer.post(typed, **body)
        assert (refused.status_code, refused.json()["error"]) == (409, "reused")
    answered = customer.press(azure, pressed)
    for body in ({"text": "Azure"}, {"button": microsoft365["id"]}):
        assert customer.post(pressed, **body).json()["error"] == "reused"
    assert customer.say("kortet mitt ble avvist 4111 1111 1111 1111", typed).parts == asked.parts
    assert customer.press(azure, pressed).parts == answered.parts
    assert len([event for event in page_bot.events(customer) if event["event"] == "user"]) == 2


@pytest.mark.parametrize("button", ["", "x", "/affirm", '/choose_product{"product":"azure"}', "0" * 16, "\u0000", "é"])
def test_a_button_that_was_never_offered_does_nothing(page_bot: PageBot, button: str) -> None:
    customer = page_bot.customer(language="fr")
    answer = customer.post(button=button)
    assert answer.status_code == 409
    assert answer.json()["language"] == "fr"
    assert page_bot.events(customer) == []


def test_what_a_button_says_to_the_bot_stays_on_the_server(page_bot: PageBot) -> None:
    customer = page_bot.customer(language="en")
    asked = customer.say("how do I pay my invoice?")
    assert "choose_product" not in str(asked.parts)
    for button in [*asked.buttons("product"), *customer.begun["buttons"]]:
        assert button.keys() <= {"id", "title", "kind", "intent"}
    customer.press(asked.buttons("product")[0])
    assert [entry["text"] for entry in customer.history() if entry["from"] == "customer"][1] == "Azure"
    assert "/choose_product" not in str(customer.history())


def test_a_button_that_was_refused_for_its_message_can_still_be_pressed(page_bot: PageBot) -> None:
    customer = page_bot.customer(language="en")
    button = customer.say("how do I pay my invoice?").buttons("product")[0]
    assert customer.post("not a uuid", button=button["id"]).status_code == 400
    assert customer.post(str(uuid.uuid4()), button=button["id"], text="x").status_code == 400
    assert customer.press(button).answer


def test_buttons_whose_payload_is_no_command_are_not_offered() -> None:
    offers = ShownButtons()
    shown = offers.add(
        "turn",
        [
            {"title": "Yes", "payload": "/affirm"},
            {"title": "Link", "payload": "https://example.com"},
            {"title": "Odd", "payload": "/a b"},
            {"title": "None"},
        ],
    )
    assert [offer.title for offer in shown] == ["Yes"]
    with pytest.raises(SessionError):
        offers.take("")


def test_links_lead_only_to_allowed_hosts() -> None:
    links = AllowedLinks(Settings(link_hosts="learn.microsoft.com", support_request_url="https://help.example.com/new"))
    for allowed in ("https://learn.microsoft.com/x?y#z", "https://help.example.com/"):
        assert links.allows(allowed)
    for address in (
        "http://learn.microsoft.com/",
        "https://learn.microsoft.com.evil.example/",
        "https://evil.example/learn.microsoft.com",
        "https://user@learn.microsoft.com/",
        "javascript:alert(1)",
        "//learn.microsoft.com",
        "https://[",
        "",
    ):
        assert not links.allows(address)
    answer = {
        "type": "answer",
        "links": [
            {"label": "a", "url": "https://learn.microsoft.com/a"},
            {"label": "b", "url": "https://evil.example"},
        ],
        "steps": [
            {"text": "See x", "markdown": "See [x](https://evil.example) and [y](https://learn.microsoft.com/y)"}
        ],
    }
    assert links.cleaned(answer) == {
        "type": "answer",
        "links": [{"label": "a", "url": "https://learn.microsoft.com/a"}],
        "steps": [{"text": "See x", "markdown": "See x and [y](https://learn.microsoft.com/y)"}],
    }


def test_no_link_of_the_shipped_articles_is_lost() -> None:
    from bot.articles.issues import load_issues
    from bot.articles.parts import ArticleStore, documents
    from bot.articles.replies import Replies
    from bot.settings import get_settings

    store, links = ArticleStore(get_settings().data_dir / "articles"), AllowedLinks(Settings())
    for intent in load_issues():
        for language in Replies().complete():
            for link in documents(store.article(intent, language)):
                assert links.allows(link.url), link.url
