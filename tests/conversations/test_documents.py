"""The long tail: what no issue covers is answered with documents from really imported articles, the weather is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.articles.replies import Replies
from bot.tickets.model import SearchEvent
from bot.tickets.store import TicketStore
from tests.channel.conftest import Customer, PageBot
from tests.conftest import Answer, RunningBot
from tests.conversations.test_triage import wait_for

REPLIES = Replies()
LONG_TAIL = [
    ("nb", "hvordan setter jeg opp fraværsmelding i outlook?", "setting-up-out-of-office-automatic-replies.md"),
    ("nb", "Hvordan setter jeg opp delt postkasse for resepsjonen?", "create-and-use-a-shared-mailbox.md"),
    ("nl", "hoe maak ik een gedeeld postvak aan?", "create-and-use-a-shared-mailbox.md"),
    ("nl", "een verwijderd bestand in sharepoint terughalen", "sharepoint-restore-deleted-files.md"),
]
WEATHER = {
    "da": "hvordan bliver vejret i weekenden?",
    "de": "Wie wird das Wetter in Hamburg am Sonntag?",
    "en": "what will the weather be like on Sunday?",
    "es": "¿qué tiempo hará en Madrid el domingo?",
    "fi": "millainen sää on viikonloppuna?",
    "fr": "quel temps fera-t-il à Lyon dimanche ?",
    "nb": "hvordan blir været på søndag?",
    "nl": "wat voor weer wordt het zondag?",
    "sv": "hur blir vädret på söndag?",
}


def files(answer: Answer) -> list[str]:
    return [link["file"] for link in answer.payload.get("links", [])]


@pytest.mark.parametrize(("language", "question", "file"), LONG_TAIL)
def test_a_long_tail_question_is_offered_the_right_document_as_a_search_result(
    searching_bot: RunningBot, language: str, question: str, file: str
) -> None:
    answer = searching_bot.conversation().say(question)
    assert answer.payload["type"] == "documents"
    assert file in files(answer)
    assert 1 <= len(files(answer)) <= 3
    assert answer.text.startswith(REPLIES.dialogue("documents_found", language))
    assert answer.payload["title"] == REPLIES.label("search_results", language)
    for link in answer.payload["links"]:
        assert link["label"] in answer.text
        assert link["sentence"] in answer.text
        assert link["url"].startswith("https://")
        assert link["url"] in answer.text
    assert answer.buttons == {
        REPLIES.label("documents_helped", language): "/solved",
        REPLIES.label("no_document", language): "/none_of_these",
    }


@pytest.mark.parametrize("language", REPLIES.complete())
def test_the_weather_stays_refused(searching_bot: RunningBot, language: str) -> None:
    answer = searching_bot.conversation(language=language).say(WEATHER[language])
    assert answer.text == REPLIES.text("utter_out_of_scope", language)
    assert not answer.payload


def test_this_helped_closes_well_and_is_recorded(searching_bot: RunningBot) -> None:
    customer = searching_bot.conversation()
    shown = customer.say(LONG_TAIL[0][1])
    assert customer.press("/solved").text == REPLIES.text("utter_solved", "nb")
    store = TicketStore(searching_bot.tickets)
    wait_for(lambda: [event.kind for event in _steps(store, shown)] == ["shown", "helped"])
    first = _steps(store, shown)[0]
    assert first.text == LONG_TAIL[0][1]
    assert list(first.documents) == files(shown)


def test_none_of_these_leads_to_a_person_with_the_question_as_summary(searching_bot: RunningBot) -> None:
    customer = searching_bot.conversation()
    shown = customer.say(LONG_TAIL[3][1])
    asked = customer.press("/none_of_these")
    assert REPLIES.dialogue("hand_over_next", "nl") in asked.text
    assert REPLIES.dialogue("ask_email", "nl") in asked.text
    assert LONG_TAIL[3][1] in customer.say("iemand@example.com").text
    store = TicketStore(searching_bot.tickets)
    wait_for(lambda: [event.kind for event in _steps(store, shown)] == ["shown", "none"])


def test_a_ticket_after_documents_is_not_about_the_issue_before(searching_bot: RunningBot) -> None:
    customer = searching_bot.conversation()
    customer.say("kortet mitt for azure ble avvist")
    customer.say(LONG_TAIL[0][1])
    customer.press("/none_of_these")
    assert LONG_TAIL[0][1] in customer.say("noen@example.com").text


def test_a_verdict_may_be_typed_and_another_question_may_follow_instead(searching_bot: RunningBot) -> None:
    customer = searching_bot.conversation()
    customer.say(LONG_TAIL[0][1])
    assert customer.say("kortet mitt for azure ble avvist").payload["intent"] == "card_declined"
    customer.say(LONG_TAIL[0][1])
    assert REPLIES.dialogue("hand_over_next", "nb") in customer.say(REPLIES.label("no_document", "nb")).text


def test_without_imported_articles_a_near_miss_is_refused_as_ever(running_bot: RunningBot) -> None:
    answer = running_bot.conversation().say(LONG_TAIL[0][1])
    assert answer.text == REPLIES.text("utter_out_of_scope", "nb")
    assert not answer.payload


def _steps(store: TicketStore, shown: Answer) -> list[SearchEvent]:
    return [event for event in store.searches() if event.search_id == shown.payload["search"]]


def test_the_page_gets_the_documents_and_tells_only_of_those_that_it_got(searching_bot: RunningBot) -> None:
    bot = PageBot(searching_bot.port, searching_bot.log, Path(), Path(), searching_bot.process.pid)
    customer, stranger = bot.customer(language="nb"), bot.customer(language="nb")
    parts = customer.say(LONG_TAIL[0][1]).parts
    assert [part["type"] for part in parts] == ["documents", "buttons"]
    found = {"search": parts[0]["search"], "file": parts[0]["links"][0]["file"]}

    def told(by: Customer, **body: object) -> int:
        return by.request("POST", "/webhooks/page/opened", json=body).status_code

    assert told(customer, **found) == 204
    assert told(stranger, **found) == 400
    assert told(customer, **{**found, "file": "another.md"}) == 400
    assert told(customer, search=1, file=[]) == 400
    assert bot.request("POST", "/webhooks/page/opened", json=found).status_code == 401
    store = TicketStore(searching_bot.tickets)

    def steps() -> list[tuple[str, int]]:
        return sorted(
            (event.kind, len(event.documents)) for event in store.searches() if event.search_id == found["search"]
        )

    wait_for(lambda: steps() == [("opened", 1), ("shown", len(parts[0]["links"]))])
