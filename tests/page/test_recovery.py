"""Reload, lost connection, start over, two conversations at once: nothing is lost, doubled or mixed."""

from __future__ import annotations

import json

import pytest
from playwright.sync_api import Route, expect

from tests.page.test_flow import Visit
from tests.page.visitor import PHONE, Visitor, words


def test_the_conversation_survives_a_reload(visit: Visit) -> None:
    visitor = visit("/?lang=nb", viewport=PHONE)
    visitor.say("kortet mitt ble avvist")
    visitor.press("Microsoft 365")
    visitor.page.fill("#message", "halvferdig")
    before = [visitor.said(), visitor.card.text_content(), visitor.find("choice-buttons").count()]
    visitor.page.reload()
    visitor.wait_for_bot()
    assert [visitor.said(), visitor.card.text_content(), visitor.find("choice-buttons").count()] == before
    expect(visitor.find("#message")).to_have_value("halvferdig")
    visitor.press(words("nb")["labels"]["affirm"])
    expect(visitor.find(".turn .bubble").last).to_have_text(words("nb")["replies"]["utter_solved"])


def test_what_is_written_without_a_connection_is_sent_once_when_it_is_back(visit: Visit) -> None:
    visitor = visit("/?lang=en&product=azure")
    visitor.say("hello")
    visitor.page.context.set_offline(True)
    for text in ("my card was declined", "thank you"):
        visitor.page.fill("#message", text)
        visitor.page.press("#message", "Enter")
    expect(visitor.find("#connection")).to_have_text(words("en")["page"]["connection_lost"])
    expect(visitor.find("customer-message[data-state=waiting]")).to_have_count(2)
    visitor.page.context.set_offline(False)
    expect(visitor.find("#connection")).to_have_text(words("en")["page"]["connection_back"])
    visitor.wait_for_bot()
    expect(visitor.find("customer-message[data-state=sent]")).to_have_count(3)
    expect(visitor.find("answer-card")).to_have_count(1)
    assert visitor.said() == visitor.customer_texts() == ["hello", "my card was declined", "thank you"]


def test_the_first_message_may_be_written_without_a_connection(visit: Visit) -> None:
    visitor = visit("/?lang=en&product=azure")
    expect(visitor.find("topic-grid button").first).to_be_visible()
    visitor.page.context.set_offline(True)
    visitor.find("topic-grid button").first.click()
    expect(visitor.find("customer-message[data-state=waiting]")).to_have_count(1)
    visitor.page.context.set_offline(False)
    expect(visitor.find("answer-card")).to_have_count(1)
    visitor.wait_for_bot()
    assert visitor.said() == visitor.customer_texts()


def test_a_reply_that_breaks_off_is_fetched_again_and_the_message_counts_once(visit: Visit) -> None:
    visitor = visit("/?lang=en&product=azure")
    ids = []

    def break_off(route: Route) -> None:
        ids.append(json.loads(route.request.post_data or "{}")["id"])
        answer = route.fetch()  # the bot has answered, but the page shall get the first part alone, or nothing
        if len(ids) == 1:
            route.abort()
        elif len(ids) == 2:
            first = answer.text().split("\n\n", 2)[:2]
            route.fulfill(status=200, content_type="text/event-stream", body="\n\n".join(first) + "\n\n")
        else:
            route.fulfill(response=answer)

    visitor.page.route("**/messages", break_off)
    visitor.page.fill("#message", "my card was declined")
    visitor.page.press("#message", "Enter")
    visitor.find(".choice-feedback").first.wait_for()
    visitor.wait_for_bot()
    assert len(ids) == 3
    assert len(set(ids)) == 1
    expect(visitor.find("answer-card")).to_have_count(1)
    assert visitor.customer_texts() == ["my card was declined"]


def test_a_message_that_waits_is_sent_after_a_reload(visit: Visit) -> None:
    visitor = visit("/?lang=en&product=azure")
    visitor.say("hello")
    visitor.page.route("**/messages", lambda route: route.abort())
    visitor.page.fill("#message", "my card was declined")
    visitor.page.press("#message", "Enter")
    expect(visitor.find("customer-message[data-state=waiting]")).to_have_count(1)
    visitor.page.unroute("**/messages")
    visitor.page.reload()
    expect(visitor.find("answer-card")).to_have_count(1)
    visitor.wait_for_bot()
    assert visitor.said() == visitor.customer_texts() == ["hello", "my card was declined"]


def test_starting_over_forgets_the_conversation_here_and_on_the_server(visit: Visit) -> None:
    visitor = visit("/?lang=sv")
    visitor.say("mitt kort nekades")
    token = json.loads(visitor.page.evaluate("sessionStorage.getItem('support-page:token')"))
    visitor.find("#start-over").click()
    expect(visitor.find("dialog")).to_contain_text(words("sv")["page"]["start_over_question"])
    visitor.find("dialog [value=start-over]").click()
    expect(visitor.find("#log")).to_be_empty()
    gone = visitor.page.request.get(
        f"{visitor.address}/webhooks/page/history", headers={"Authorization": f"Bearer {token}"}
    )
    assert gone.status == 401
    visitor.say("hej")
    assert visitor.customer_texts() == ["hej"]


def test_starting_over_while_the_bot_answers_leaves_nothing_of_it(visit: Visit) -> None:
    visitor = visit("/?lang=en")
    visitor.say("hello")
    visitor.page.route("**/messages", lambda route: None)  # never answered
    visitor.page.fill("#message", "my card was declined")
    visitor.page.press("#message", "Enter")
    expect(visitor.find("#typing")).not_to_be_empty()
    visitor.find("#start-over").click()
    visitor.find("dialog [value=start-over]").click()
    expect(visitor.find("#log")).to_be_empty()
    expect(visitor.find("#typing")).to_be_empty()
    expect(visitor.find("#connection")).to_be_empty()  # nothing waits for a connection
    visitor.page.unroute_all(behavior="ignoreErrors")
    visitor.say("how do I pay my invoice?")
    assert visitor.said() == visitor.customer_texts() == ["how do I pay my invoice?"]


@pytest.mark.parametrize("status", [0, 429, 500], ids=["no connection", "too many requests", "server error"])
def test_a_reload_that_cannot_read_what_was_said_keeps_it_and_what_is_written_meanwhile(
    visit: Visit, status: int
) -> None:
    visitor = visit("/?lang=en&product=azure")
    visitor.say("my card was declined")
    failed = "**/history"
    visitor.page.route(failed, lambda route: route.fulfill(status=status, json={}) if status else route.abort())
    visitor.page.reload()
    expect(visitor.find("#connection.lost")).to_be_visible()
    visitor.page.fill("#message", "thank you")
    visitor.page.press("#message", "Enter")
    expect(visitor.find("customer-message")).to_have_count(1)
    visitor.page.unroute(failed)
    expect(visitor.find("customer-message[data-state=sent]")).to_have_count(2)
    visitor.wait_for_bot()
    expect(visitor.find("#connection.lost")).to_have_count(0)
    expect(visitor.find("#log > answer-card, #log > .turn:nth-child(2) answer-card")).to_have_count(1)
    assert visitor.said() == visitor.customer_texts() == ["my card was declined", "thank you"]


def test_a_message_at_which_the_server_failed_can_be_sent_again(visit: Visit) -> None:
    visitor = visit("/?lang=en&product=azure")
    visitor.say("hello")
    refusal = {"error": "failed", "message": words("en")["page"]["error_failed"]}
    visitor.page.route("**/messages", lambda route: route.fulfill(status=500, json=refusal))
    visitor.page.fill("#message", "my card was declined")
    visitor.page.press("#message", "Enter")
    expect(visitor.find(".notice")).to_have_text(refusal["message"])
    visitor.page.unroute("**/messages")
    visitor.page.get_by_role("button", name=words("en")["page"]["again"]).click()
    expect(visitor.find("answer-card")).to_have_count(1)
    visitor.wait_for_bot()
    assert visitor.said() == visitor.customer_texts() == ["hello", "my card was declined"]


def forget_conversation(visitor: Visitor) -> None:
    """Makes the token worthless without the page's knowledge, as its expiry does."""
    token = json.loads(visitor.page.evaluate("sessionStorage.getItem('support-page:token')"))
    headers = {"Authorization": f"Bearer {token}"}
    assert visitor.page.request.delete(f"{visitor.address}/webhooks/page/session", headers=headers).status == 204


def test_an_expired_conversation_goes_on_in_a_new_one_after_a_reload(visit: Visit) -> None:
    visitor = visit("/?lang=en&product=azure")
    visitor.say("hello")
    forget_conversation(visitor)
    visitor.page.reload()
    expect(visitor.find(".notice")).to_contain_text(words("en")["page"]["expired"])
    visitor.say("my card was declined")
    expect(visitor.find("answer-card")).to_have_count(1)
    assert visitor.customer_texts() == ["my card was declined"]


def test_a_message_to_an_expired_conversation_begins_a_new_one(visit: Visit) -> None:
    visitor = visit("/?lang=en&product=azure")
    visitor.say("hello")
    forget_conversation(visitor)
    visitor.say("my card was declined")
    expect(visitor.find("answer-card")).to_have_count(1)
    order = visitor.page.evaluate("[...document.querySelector('#log').children].map((node) => node.className || 'me')")
    assert order == ["me", "turn", "notice", "me", "turn"]
    expect(visitor.find(".notice")).to_have_text(words("en")["page"]["expired"])
    assert visitor.customer_texts() == ["my card was declined"]


def test_a_button_of_an_expired_conversation_says_so_once(visit: Visit) -> None:
    visitor = visit("/?lang=en")
    visitor.say("my card was declined")
    forget_conversation(visitor)
    visitor.find(".choice-product").first.click()
    expect(visitor.find(".notice")).to_have_text(words("en")["page"]["expired"])
    expect(visitor.find("customer-message[data-state=refused]")).to_have_count(1)
    visitor.say("how do I pay my invoice?")
    assert visitor.customer_texts() == ["how do I pay my invoice?"]


def test_two_conversations_at_once_never_mix(visit: Visit) -> None:
    first, second = visit("/?lang=en&product=azure"), visit("/?lang=nb&product=azure")
    first.page.fill("#message", "my card was declined")
    second.page.fill("#message", "jeg vil si opp abonnementet")
    first.page.press("#message", "Enter")
    second.page.press("#message", "Enter")
    for visitor, language in ((first, "en"), (second, "nb")):
        visitor.wait_for_bot()
        expect(visitor.card).to_have_attribute("lang", language)
        expect(visitor.find("answer-card")).to_have_count(1)
        assert visitor.customer_texts() == visitor.said()
    assert first.said() != second.said()


def test_a_card_number_is_hidden_in_what_the_page_shows_too(visit: Visit) -> None:
    visitor = visit("/?lang=en")
    visitor.say("my card 4111 1111 1111 1111 was declined")
    expect(visitor.find(".notice")).to_have_count(1)
    assert "4111 1111" not in visitor.page.content()
    assert "4111 1111" not in visitor.page.evaluate("JSON.stringify({ ...sessionStorage })")


def test_a_text_that_is_too_long_comes_back_to_be_shortened(visit: Visit) -> None:
    visitor = visit("/?lang=en")
    text = "my card was declined " * 200
    visitor.page.fill("#message", text)
    visitor.page.press("#message", "Enter")
    expect(visitor.find(".notice")).to_have_count(1)
    expect(visitor.find("#message")).to_have_value(text.strip())
