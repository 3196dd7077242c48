"""What the actions make of what the pipeline noticed: close issues, second issues, follow-ups, a store that is down."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from actions.passages import passage_of_kind
from actions.recommended_steps import root_cause_first
from bot.articles import ArticleStore
from bot.articles.issues import load_issues
from bot.articles.replies import Replies
from tests.actions.conftest import ActionServer, action_server, slots_of
from tests.conftest import ROOT

REPLIES = Replies()
LANGUAGES = REPLIES.languages()
ARTICLES = ArticleStore(ROOT / "data" / "articles")


def payloads(result: dict[str, Any]) -> list[str]:
    return [button["payload"] for response in result["responses"] for button in response["buttons"]]


def texts(result: dict[str, Any]) -> str:
    return "\n".join(response["text"] or "" for response in result["responses"])


@pytest.mark.parametrize("language", LANGUAGES)
def test_two_close_issues_are_asked_about_by_their_titles_with_neither(actions: ActionServer, language: str) -> None:
    pair = ["past_due_balance", "payment_not_registered"]
    message = {"text": "paid but overdue", "triage": {"candidates": pair}}
    result = actions.run("action_recommended_steps", pair[0], message=message, language=language)
    assert result["responses"][0]["text"] == REPLIES.dialogue("which_issue", language)
    titles = [button["title"] for button in result["responses"][0]["buttons"]]
    assert titles == [
        *(ARTICLES.article(intent, language).title for intent in pair),
        REPLIES.label("neither", language),
    ]
    assert payloads(result) == ["/past_due_balance", "/payment_not_registered", "/deny"]
    assert slots_of(result)["choice"] == {"text": "paid but overdue", "shown": pair, "turn": 1}


def test_issues_that_a_refused_message_may_mean_are_offered_before_it_is_refused(actions: ActionServer) -> None:
    maybe = ["pay_invoice", "past_due_balance", "download_invoice"]
    message = {"text": "that thing from last month", "triage": {"candidates": maybe}}
    result = actions.run("action_not_understood", "out_of_scope", message=message, language="en")
    assert result["responses"][0]["text"] == REPLIES.dialogue("which_issue", "en")
    assert payloads(result) == [*(f"/{intent}" for intent in maybe), "/deny"]
    asked = {"text": "that thing", "shown": maybe, "turn": 0}
    result = actions.run("action_not_understood", "out_of_scope", message=message, language="en", choice=asked)
    assert texts(result) == REPLIES.text("utter_out_of_scope", "en")


def test_it_is_asked_once_and_the_next_answer_decides(actions: ActionServer) -> None:
    pair = ["past_due_balance", "payment_not_registered"]
    asked = {"text": "paid but overdue", "shown": pair, "turn": 0}
    message = {"text": "I did pay it", "triage": {"candidates": pair}}
    result = actions.run(
        "action_recommended_steps", pair[1], message=message, language="en", product="azure", choice=asked
    )
    assert result["responses"][0]["custom"]["intent"] == pair[1]
    assert slots_of(result)["choice"] is None


def test_neither_offers_the_topics_and_a_person(actions: ActionServer) -> None:
    asked = {"text": "paid but overdue", "shown": ["past_due_balance", "payment_not_registered"], "turn": 0}
    result = actions.run("action_feedback", "deny", language="nb", choice=asked)
    assert texts(result) == REPLIES.dialogue("neither", "nb")
    assert payloads(result)[-1] == "/talk_to_human"


def test_yes_to_a_or_b_asks_again_which(actions: ActionServer) -> None:
    asked = {"text": "paid but overdue", "shown": ["past_due_balance", "payment_not_registered"], "turn": 0}
    result = actions.run("action_feedback", "affirm", language="en", choice=asked)
    assert payloads(result)[:2] == ["/past_due_balance", "/payment_not_registered"]
    assert slots_of(result)["choice"]["text"] == "paid but overdue"


def test_the_root_cause_comes_first_whichever_is_named_more_clearly() -> None:
    assert root_cause_first("subscription_disabled", "card_declined") == ("card_declined", "subscription_disabled")
    assert root_cause_first("card_declined", "subscription_disabled") == ("card_declined", "subscription_disabled")
    assert root_cause_first("download_invoice", "manage_licenses") == ("download_invoice", "manage_licenses")
    for intent, issue in load_issues().items():
        for caused in issue.causes:
            assert root_cause_first(caused, intent) == (intent, caused)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_second_issue_is_offered_by_button_and_again_once_the_first_is_solved(
    actions: ActionServer, language: str
) -> None:
    message = {"text": "declined and disabled", "triage": {"second_issue": {"name": "card_declined"}}}
    first = actions.run(
        "action_recommended_steps", "subscription_disabled", message=message, language=language, product="azure"
    )
    assert first["responses"][0]["custom"]["intent"] == "card_declined"
    assert "/subscription_disabled" in payloads(first)
    kept = slots_of(first)
    assert (kept["issue"], kept["other_issue"]) == ("card_declined", "subscription_disabled")
    solved = actions.run("action_feedback", "affirm", language=language, **kept)
    topic = REPLIES.topic("subscription_disabled", language)
    assert texts(solved) == REPLIES.dialogue("solved_and_other", language, topic=topic)
    assert payloads(solved) == ["/subscription_disabled"]
    then = actions.run("action_feedback", "affirm", language=language, other_issue="subscription_disabled")
    assert slots_of(then)["issue"] == "subscription_disabled"
    assert then["events"][-1]["name"] == "action_recommended_steps"


@pytest.mark.parametrize("language", LANGUAGES)
def test_how_long_it_takes_is_answered_for_every_issue_and_product(actions: ActionServer, language: str) -> None:
    for intent, issue in load_issues().items():
        article = ARTICLES.article(intent, language)
        for product in issue.products:
            slots = {"language": language, "issue": intent, "product": product}
            told = texts(actions.run("action_follow_up", "ask_duration", **slots))
            passage = passage_of_kind(article, "how_long", product)
            if passage is None:
                assert told == REPLIES.dialogue("no_duration", language)
            else:
                assert told == f"{passage.heading}\n\n{passage.text}"


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_section_of_every_article_can_be_asked_for(actions: ActionServer, language: str) -> None:
    for intent in load_issues():
        offered = actions.run("action_follow_up", "more_detail", language=language, issue=intent, product="azure")
        assert texts(offered) == REPLIES.dialogue("which_part", language)
        for button in offered["responses"][0]["buttons"]:
            slug = button["payload"].split('"')[3]
            entity = {"entity": "section", "value": slug}
            told = actions.run(
                "action_follow_up",
                "more_detail",
                message={"entities": [entity]},
                language=language,
                issue=intent,
                product="azure",
            )
            assert texts(told).startswith(button["title"])
            assert "**" not in texts(told)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "step 2 doesn't work"),
        ("en", "the second step fails"),
        ("en", "I'm stuck at step two"),
        ("nb", "trinn 2 virker ikke"),
        ("nb", "det andre trinnet går ikke"),
        ("sv", "steg två fungerar inte"),
        ("sv", "det andra steget går inte"),
        ("nl", "stap twee lukt niet"),
        ("nl", "de tweede stap werkt niet"),
        ("da", "trin 2 virker ikke"),
        ("de", "der zweite Schritt geht nicht"),
        ("de", "Schritt 2 klappt nicht"),
        ("fr", "l'étape 2 ne marche pas"),
        ("fr", "la deuxième étape ne marche pas"),
        ("es", "el paso dos no funciona"),
        ("es", "el segundo paso falla"),
        ("fi", "vaihe 2 ei toimi"),
        ("fi", "toinen vaihe ei onnistu"),
    ],
)
def test_a_step_that_fails_is_said_again_with_its_number(actions: ActionServer, language: str, text: str) -> None:
    slots = {"language": language, "issue": "card_declined", "product": "azure"}
    result = actions.run("action_follow_up", "step_failed", message={"text": text}, **slots)
    article = ARTICLES.article("card_declined", language)
    section = article.section("recommended-steps-azure")
    assert section is not None
    assert texts(result).startswith(REPLIES.dialogue("step_again", language, number=2))
    assert section.steps[1].text in texts(result)
    assert len(slots_of(result)["failed_steps"]) == 1


@pytest.mark.parametrize("text", ["I tried it 3 times", "it doesn't work", "step 40 fails", "for 2 days now"])
def test_a_failure_without_a_step_asks_which_one(actions: ActionServer, text: str) -> None:
    slots = {"language": "en", "issue": "card_declined", "product": "azure"}
    result = actions.run("action_follow_up", "step_failed", message={"text": text}, **slots)
    assert texts(result) == REPLIES.dialogue("which_step", "en")
    assert payloads(result)[0] == '/step_failed{"step": "1"}'
    assert payloads(result)[-2:] == ["/already_tried", "/talk_to_human"]


@pytest.mark.parametrize("intent", ["step_failed", "ask_duration", "send_again", "more_detail"])
def test_a_follow_up_to_nothing_asks_what_it_is_about(actions: ActionServer, intent: str) -> None:
    assert texts(actions.run("action_follow_up", intent, language="sv")) == REPLIES.dialogue("no_issue_yet", "sv")


def test_a_follow_up_that_names_an_issue_clearly_is_about_that_one(actions: ActionServer) -> None:
    ranking = [{"name": "ask_duration", "confidence": 0.6}, {"name": "refund_request", "confidence": 0.3}]
    message = {"text": "how long does a refund take?", "intent_ranking": ranking}
    result = actions.run("action_follow_up", "ask_duration", message=message, language="en", issue="card_declined")
    passage = passage_of_kind(ARTICLES.article("refund_request", "en"), "how_long", None)
    assert passage is not None
    assert texts(result).startswith(passage.heading)
    assert slots_of(result)["issue"] == "refund_request"


def test_a_question_about_the_issue_at_hand_is_answered_from_its_section(actions: ActionServer) -> None:
    slots = {"language": "en", "issue": "refund_request", "product": "azure"}
    passage = passage_of_kind(ARTICLES.article("refund_request", "en"), "how_long", "azure")
    assert passage is not None
    message = {"text": "how long does a refund take?"}
    told = actions.run("action_recommended_steps", "refund_request", message=message, **slots)
    assert texts(told).startswith(passage.heading)
    message = {"text": "how do I get a refund?"}
    answered = actions.run("action_recommended_steps", "refund_request", message=message, **slots)
    assert answered["responses"][0]["custom"]["intent"] == "refund_request"


def test_the_second_no_hands_over_to_a_person(actions: ActionServer) -> None:
    first = actions.run("action_feedback", "deny", language="en", issue="card_declined")
    assert slots_of(first)["tried"] == ["card_declined"]
    second = actions.run(
        "action_feedback", "already_tried", language="en", issue="pay_invoice", tried=["card_declined"]
    )
    assert slots_of(second)["tried"] == ["card_declined", "pay_invoice"]
    assert second["events"][-1]["name"] == "action_start_ticket"


def test_naming_the_product_of_an_issue_with_the_same_steps_says_so(actions: ActionServer) -> None:
    slots = {"language": "en", "issue": "spending_limit", "product": "microsoft365"}
    told = texts(actions.run("action_recommended_steps", "choose_product", **slots))
    assert told.startswith(REPLIES.dialogue("only_product", "en", product="Azure"))


FILLED = {
    "ticket_form_id": "form",
    "contact_email": "somebody@example.com",
    "ticket_summary": "It does not work",
    "ticket_consent": True,
    "issue": "card_declined",
}


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_store_that_is_down_gets_an_apology_with_another_way_and_loses_nothing(
    broken: ActionServer, language: str
) -> None:
    result = broken.run("action_open_ticket", "affirm", language=language, **FILLED)
    assert texts(result) == REPLIES.dialogue("ticket_failed", language)
    assert "https://" in texts(result)
    assert payloads(result) == ["/talk_to_human", "/cancel_form"]
    assert slots_of(result) == {}
    again = broken.run("action_start_ticket", "talk_to_human", language=language, **FILLED)
    assert again["responses"] == []
    assert slots_of(again) == {}
    assert again["events"][-1]["name"] == "ticket_form"
    asked = broken.run("action_ticket_status", "ticket_status", language=language)
    assert texts(asked) == REPLIES.dialogue("status_failed", language)


def test_answers_go_on_while_the_store_is_down(broken: ActionServer) -> None:
    answered = broken.run("action_recommended_steps", "card_declined", language="en", product="azure")
    assert answered["responses"][0]["custom"]["intent"] == "card_declined"
    assert texts(broken.run("action_feedback", "affirm", language="en", issue="card_declined"))


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """An action server whose ticket store cannot be opened."""
    folder: Path = tmp_path_factory.mktemp("broken")
    (folder / "file").write_text("not a folder", encoding="utf8")
    with action_server(folder, f"sqlite:///{folder / 'file' / 'tickets.db'}") as server:
        yield server
