"""What the actions make of what the pipeline noticed: close issues, second issues, follow-ups, a store that is down."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from actions.passages import passage_of_kind, section_passages
from actions.recommended_steps import root_cause_first
from bot.articles.issues import load_issues
from bot.articles.parts import ArticleStore, lead
from bot.articles.replies import Replies
from bot.text.limited_markdown import plain
from tests.actions.conftest import ActionServer, action_server, slots_of
from tests.conftest import ROOT

REPLIES = Replies()
LANGUAGES = REPLIES.complete()
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
    assert payloads(result) == ["/past_due_balance", "/payment_not_registered", "/none_of_these"]
    assert slots_of(result)["choice"] == {"text": "paid but overdue", "shown": pair, "turn": 1}


def test_issues_that_a_refused_message_may_mean_are_offered_before_it_is_refused(actions: ActionServer) -> None:
    maybe = ["pay_invoice", "past_due_balance", "download_invoice"]
    message = {"text": "that thing from last month", "triage": {"candidates": maybe}}
    result = actions.run("action_not_understood", "out_of_scope", message=message, language="en")
    assert result["responses"][0]["text"] == REPLIES.dialogue("which_issue", "en")
    assert payloads(result) == [*(f"/{intent}" for intent in maybe), "/none_of_these"]
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


def test_a_product_in_place_of_a_choice_brings_the_likeliest_issue_and_the_others(
    actions: ActionServer,
) -> None:
    asked = {"text": "paid but overdue", "shown": ["past_due_balance", "payment_not_registered"], "turn": 0}
    said: dict[str, Any] = {"message": {"text": "365, I think"}, "language": "en", "choice": asked}
    result = actions.run("action_recommended_steps", "choose_product", product="microsoft365", **said)
    assert payloads(result) == ["/past_due_balance", "/payment_not_registered", "/none_of_these"]
    assert slots_of(result)["issue"] == "past_due_balance"
    unknown = actions.run("action_recommended_steps", "choose_product", **said)
    assert texts(unknown) == REPLIES.text("utter_help", "en")


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
    second = {"name": "card_declined", "confidence": 0.95}
    message = {"text": "declined and disabled", "triage": {"second_issue": second}}
    first = actions.run(
        "action_recommended_steps", "subscription_disabled", message=message, language=language, product="azure"
    )
    assert first["responses"][0]["custom"]["intent"] == "card_declined"
    assert "/subscription_disabled" in payloads(first)
    kept = slots_of(first)
    assert (kept["issue"], kept["other_issue"]) == ("card_declined", "subscription_disabled")
    asked = actions.run("action_recommended_steps", "subscription_disabled", message=message, language=language)
    assert "/subscription_disabled" not in payloads(asked)
    named = {"language": language, "product": "azure", **slots_of(asked)}
    chosen = actions.run("action_recommended_steps", "choose_product", **named)
    assert "/subscription_disabled" in payloads(chosen)
    told = [each["text"] for each in chosen["responses"] if each.get("text")]
    again = actions.run("action_recommended_steps", "choose_product", said=told, **{**named, "product": "microsoft365"})
    assert "/subscription_disabled" not in payloads(again)
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
            told = texts(actions.run("action_follow_up", "ask_how_long", **slots))
            passage = passage_of_kind(article, "how_long", product)
            if passage is None:
                assert told == REPLIES.dialogue("no_duration", language)
            else:
                assert told == passage.text


def test_a_part_that_is_likely_is_offered_once(actions: ActionServer) -> None:
    named = {"entity": "passages", "value": "card_declined/who-azure card_declined/what-if-bank-declines"}
    slots = {"language": "en", "issue": "card_declined", "product": "azure"}
    offered = actions.run("action_follow_up", "more_detail", message={"text": "more", "entities": [named]}, **slots)
    titles = [button["title"] for button in offered["responses"][0]["buttons"]]
    assert texts(offered) == REPLIES.dialogue("which_part", "en")
    assert len(titles) == len({*titles})


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_section_of_every_article_can_be_asked_for(actions: ActionServer, language: str) -> None:
    for intent in load_issues():
        offered = actions.run("action_follow_up", "more_detail", language=language, issue=intent, product="azure")
        assert texts(offered) == REPLIES.dialogue("which_part", language)
        sections = section_passages(ARTICLES.article(intent, language), "azure")
        titles = [button["title"] for button in offered["responses"][0]["buttons"]]
        assert titles == [*(each.heading for each in sections[:5]), REPLIES.label("person", language)]
        for section in sections:
            entity = {"entity": "section", "value": section.slug}
            told = actions.run(
                "action_follow_up",
                "more_detail",
                message={"entities": [entity]},
                language=language,
                issue=intent,
                product="azure",
            )
            bare_list = section.markdown.startswith("- ")
            assert texts(told).startswith(section.heading if bare_list else plain(section.markdown)[:40])
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


@pytest.mark.parametrize("intent", ["step_failed", "ask_how_long", "send_again", "more_detail"])
def test_a_follow_up_to_nothing_asks_what_it_is_about(actions: ActionServer, intent: str) -> None:
    assert texts(actions.run("action_follow_up", intent, language="sv")) == REPLIES.dialogue("no_issue_yet", "sv")


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_question_is_answered_by_the_passage_of_its_kind_and_once(actions: ActionServer, language: str) -> None:
    slots = {"language": language, "issue": "refund_request", "product": "azure"}
    passage = passage_of_kind(ARTICLES.article("refund_request", language), "how_long", "azure")
    assert passage is not None
    told = texts(actions.run("action_follow_up", "ask_how_long", **slots))
    assert told == passage.text
    again = actions.run("action_follow_up", "ask_how_long", said=[told], **slots)
    assert texts(again) == REPLIES.dialogue("passage_said", language, title=passage.heading)
    assert payloads(again) == ["/talk_to_human"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_of_a_passage_that_differs_by_product_the_own_part_is_said(actions: ActionServer, language: str) -> None:
    asked = {"about": "cancel_subscription", "section": "where-confirmed"}
    message = {"text": "?", "entities": [{"entity": name, "value": value} for name, value in asked.items()]}
    slots = {"language": language, "issue": "cancel_subscription", "product": "azure"}
    told = texts(actions.run("action_follow_up", "ask_where", message=message, **slots))
    assert "Azure" in told
    assert "Microsoft 365" not in told


def test_a_question_beside_the_description_of_a_problem_is_answered_plainly(actions: ActionServer) -> None:
    message = {"text": "can it go to another card?", "entities": [{"entity": "about", "value": "refund_request"}]}
    told = texts(actions.run("action_follow_up", "ask_what_if", message=message, language="en"))
    assert told == REPLIES.dialogue("no_passage", "en", topic=REPLIES.topic("refund_request", "en"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_answer_that_was_given_is_not_repeated_unless_asked_for(actions: ActionServer, language: str) -> None:
    slots = {"language": language, "issue": "refund_request", "product": "azure"}
    answer = actions.run("action_recommended_steps", "refund_request", **slots)["responses"][0]["text"]
    message = {"text": "money back"}
    again = actions.run("action_recommended_steps", "refund_request", message=message, said=[answer], **slots)
    assert answer not in texts(again)
    assert payloads(again)[0] == "/send_again"
    assert payloads(again)[-1] == "/talk_to_human"


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("intent", ["thank", "remark"])
def test_thanks_and_remarks_never_get_the_same_words_twice(actions: ActionServer, intent: str, language: str) -> None:
    said: list[str] = []
    for _ in range(3):
        told = texts(actions.run("action_react", intent, said=said, language=language, issue="card_declined"))
        assert told not in said
        said.append(told)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("passages", ["", "card_declined/who-azure card_declined/cost"])
def test_what_is_not_understood_never_gets_the_same_words_twice(
    actions: ActionServer, passages: str, language: str
) -> None:
    message = {"text": "??", "entities": [{"entity": "passages", "value": passages}] if passages else []}
    said: list[str] = []
    for _ in range(4 if passages else 3):
        slots = {"said": said, "language": language, "issue": "card_declined"}
        result = actions.run("action_not_understood", "out_of_scope", message=message, **slots)
        assert payloads(result)[-1] == "/talk_to_human"
        assert texts(result) not in said
        said.append(texts(result))


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_objection_gets_what_was_understood_then_a_person_then_the_form(
    actions: ActionServer, language: str
) -> None:
    slots = {"language": language, "issue": "card_declined"}
    first = actions.run("action_react", "objection", **slots)
    assert REPLIES.topic("card_declined", language) in texts(first)
    assert payloads(first)[-1] == "/talk_to_human"
    second = actions.run("action_react", "objection", said=[texts(first)], **slots)
    assert texts(second) == REPLIES.dialogue("objection_again", language)
    third = actions.run("action_react", "objection", said=[texts(first), texts(second)], **slots)
    assert third["events"][-1]["name"] == "action_start_ticket"


@pytest.mark.parametrize("language", LANGUAGES)
def test_both_products_neither_and_no_idea_are_answers(actions: ActionServer, language: str) -> None:
    def chosen(product: str, said: list[str] | None = None) -> dict[str, Any]:
        message = {"entities": [{"entity": "product", "value": product}]}
        slots = {"language": language, "issue": "cancel_subscription", "product": product}
        return actions.run("action_recommended_steps", "choose_product", message=message, said=said, **slots)

    both = chosen("both")
    assert texts(both).startswith(REPLIES.dialogue("product_both", language))
    shown = [response["custom"]["product"] for response in both["responses"] if response["custom"]]
    assert shown == ["azure", "microsoft365"]
    assert payloads(chosen("neither"))[-1] == "/talk_to_human"
    unknown = chosen("unknown")
    assert texts(unknown) == REPLIES.dialogue("product_hint", language)
    products = load_issues()["cancel_subscription"].products
    offered = payloads(unknown)
    assert all("choose_product" in payload for payload in offered[: len(products)])
    assert all('"section": "what-if-' in payload for payload in offered[len(products) :])
    again = chosen("unknown", said=[texts(unknown)])
    assert texts(again).startswith(REPLIES.dialogue("no_product_yet", language))


def test_the_question_which_step_fails_comes_with_the_passages_that_it_may_be_about(actions: ActionServer) -> None:
    passages = "billing_access/what-if-forgotten-password card_declined/what-if-bank-declines card_declined/who-azure"
    message = {"text": "it wants a password", "entities": [{"entity": "passages", "value": passages}]}
    asked = actions.run("action_follow_up", "step_failed", message=message, language="en", issue="card_declined")
    assert texts(asked) == REPLIES.dialogue("which_step", "en")
    assert "what-if-forgotten-password" in payloads(asked)[0]
    assert payloads(asked)[2] == '/step_failed{"step": "1"}'


@pytest.mark.parametrize("product", ["neither", "unknown"])
def test_who_has_none_of_the_products_or_cannot_tell_is_offered_what_holds_without_one(
    actions: ActionServer, product: str
) -> None:
    message = {"entities": [{"entity": "product", "value": product}]}
    slots = {"language": "en", "issue": "unrecognized_charge", "product": product}
    offered = payloads(actions.run("action_recommended_steps", "choose_product", message=message, **slots))
    assert '/more_detail{"section": "what-if-fraud"}' in offered


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_number_to_call_is_where_the_contact_page_has_it(actions: ActionServer, language: str) -> None:
    told = actions.run("action_phone", "ask_phone", message={"text": "is there a hotline?"}, language=language)
    assert "https://" in texts(told)
    assert payloads(told) == ["/talk_to_human"]
    message = {"text": "call me at 555 010 0199"}
    given = actions.run("action_phone", "ask_phone", message=message, language=language)
    assert slots_of(given)["contact_phone"] == "555 010 0199"
    assert given["events"][-1]["name"] == "ticket_form"


def test_who_wants_no_number_gets_a_ticket(actions: ActionServer) -> None:
    told = texts(actions.run("action_phone", "ask_phone", message={"text": "is there a hotline?"}, language="en"))
    again = actions.run(
        "action_phone", "ask_phone", message={"text": "no number, in writing"}, said=[told], language="en"
    )
    assert again["events"][-1]["name"] == "action_start_ticket"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_case_number_of_microsofts_own_is_told_from_a_ticket(actions: ActionServer, language: str) -> None:
    message = {"text": "2411120040001234"}
    told = actions.run("action_ticket_status", "ticket_status", message=message, language=language)
    assert "https://" in texts(told)
    assert "T-12345" not in texts(told)


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


@pytest.mark.parametrize("language", LANGUAGES)
def test_likely_passages_are_offered_to_choose_from_and_the_second_time_in_other_words(
    actions: ActionServer, language: str
) -> None:
    slots = {"language": language, "issue": "card_declined", "product": "azure"}
    named = {"entity": "passages", "value": "card_declined/who-azure card_declined/what-if-renewed-card"}
    first = actions.run("action_follow_up", "ask_what_if", message={"entities": [named]}, **slots)
    assert texts(first) == REPLIES.dialogue("which_passage", language)
    assert [payload.partition("{")[0] for payload in payloads(first)] == ["/more_detail"] * 2 + ["/talk_to_human"]
    again = actions.run("action_follow_up", "ask_who", message={"entities": [named]}, said=[texts(first)], **slots)
    assert texts(again) == REPLIES.dialogue("which_passage_again", language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_doubtful_passage_is_said_and_the_next_likely_ones_stand_beside_it(
    actions: ActionServer, language: str
) -> None:
    slots = {"language": language, "issue": "card_declined", "product": "azure"}
    named = {"about": "card_declined", "section": "who-azure", "passages": "card_declined/what-if-renewed-card"}
    message = {"entities": [{"entity": name, "value": value} for name, value in named.items()]}
    answered = actions.run("action_follow_up", "ask_who", message=message, **slots)
    article = ARTICLES.article("card_declined", language)
    who = next(section for section in article.sections if section.slug == "who-azure")
    assert texts(answered).startswith(plain(who.paragraphs[0])[:40])
    assert texts(answered).endswith(REPLIES.dialogue("which_passage_again", language))
    assert [payload.partition("{")[0] for payload in payloads(answered)] == ["/more_detail", "/talk_to_human"]


def test_no_button_has_the_title_of_what_is_said_or_of_another_button(actions: ActionServer) -> None:
    slots = {"language": "en", "issue": "card_declined", "product": "azure"}
    others = "card_declined/what-if-renewed-card card_declined/who-azure card_declined/who-azure"
    named = {"about": "card_declined", "section": "what-if-renewed-card", "passages": others}
    message = {"entities": [{"entity": name, "value": value} for name, value in named.items()]}
    answered = actions.run("action_follow_up", "ask_what_if", message=message, **slots)
    assert texts(answered).startswith("Same number? Just update the expiry date.")
    titles = [button["title"] for response in answered["responses"] for button in response.get("buttons") or []]
    assert titles == ["Who can update the card in Azure", REPLIES.label("person", "en")]


def test_a_passage_is_not_said_again_under_its_heading(actions: ActionServer) -> None:
    slots: dict[str, Any] = {"language": "en", "issue": "card_declined", "product": "azure"}
    named = {"about": "card_declined", "section": "who-azure"}
    entities = [{"entity": name, "value": value} for name, value in named.items()]
    told = texts(actions.run("action_follow_up", "ask_who", message={"entities": entities}, **slots))
    doubtful = [*entities, {"entity": "passages", "value": "card_declined/what-if-renewed-card"}]
    again = actions.run("action_follow_up", "ask_who", message={"entities": doubtful}, said=[told], **slots)
    assert told not in texts(again)
    heading = next(each.title for each in ARTICLES.article("card_declined", "en").sections if each.slug == "who-azure")
    assert texts(again).startswith(REPLIES.dialogue("passage_said", "en", title=heading))
    assert [payload.partition("{")[0] for payload in payloads(again)] == ["/more_detail", "/talk_to_human"]


def test_steps_that_a_structure_has_shown_are_not_offered_again(actions: ActionServer) -> None:
    named = [{"entity": "about", "value": "card_declined"}, {"entity": "section", "value": "who-azure"}]
    message = {"text": "who may change the card?", "entities": named}

    def offered(**before: Any) -> list[str]:
        result = actions.run(
            "action_follow_up",
            "ask_who",
            message=message,
            issue="pay_invoice",
            product="azure",
            language="en",
            **before,
        )
        return payloads(result)

    assert "/card_declined" in offered()
    assert "/card_declined" not in offered(structures=[{"type": "answer", "intent": "card_declined"}])


def test_an_article_opens_once_and_not_for_somebody_who_mourns(actions: ActionServer) -> None:
    slots = {"language": "en", "issue": "card_declined", "product": "azure"}
    opening = plain(lead(ARTICLES.article("card_declined", "en")))
    first = actions.run("action_recommended_steps", "card_declined", **slots)
    assert opening in texts(first)
    steps = [texts(first).partition("\n\nDid that")[0]]
    slots["issue"] = "pay_invoice"
    then = actions.run("action_recommended_steps", "pay_invoice", said=steps, **slots)
    assert plain(lead(ARTICLES.article("pay_invoice", "en"))) not in texts(then)
    named = {"entity": "product", "value": "azure"}
    mourning = {"entities": [named], "triage": {"signals": ["death"]}}
    asked = actions.run("action_recommended_steps", "choose_product", message=mourning, **slots)
    assert "Recommended steps" in texts(asked)
    assert plain(lead(ARTICLES.article("pay_invoice", "en"))) not in texts(asked)


def test_after_a_death_a_question_is_answered_and_steps_wait_for_whether_a_person_is_wanted(
    actions: ActionServer,
) -> None:
    slots = {"language": "en", "product": "microsoft365"}
    found = {"about": "data_retention", "section": "how-long-mail-microsoft-365"}
    entities = [{"entity": name, "value": value} for name, value in found.items()]
    mourning = {"text": "my brother died, what does Expired mean", "triage": {"signals": ["death"]}}
    bereaved = REPLIES.dialogue("bereaved", "en")
    asked = {**mourning, "entities": entities}
    first = actions.run("action_recommended_steps", "data_retention", message=asked, **slots)
    assert bereaved not in texts(first)
    assert first["events"][-1]["name"] == "action_follow_up"
    told = actions.run("action_follow_up", "data_retention", message=asked, issue="data_retention", **slots)
    assert "/talk_to_human" in payloads(told)
    plain_wish = actions.run("action_recommended_steps", "data_retention", message=mourning, **slots)
    assert bereaved in texts(plain_wish)


@pytest.mark.parametrize(
    ("signals", "reply"),
    [
        (["deadline"], "service_down"),
        (["frustration"], "upset"),
        (["frustration", "worry"], "upset"),
        (["frustration", "death"], "death"),
    ],
)
def test_sympathy_is_said_once_before_the_answer_in_place_of_its_opening(
    actions: ActionServer, signals: list[str], reply: str
) -> None:
    slots = {"language": "en", "product": "azure"}
    message = {"text": "my card was declined!!", "triage": {"signals": signals}}
    words = REPLIES.dialogue(reply, "en")
    first = texts(actions.run("action_recommended_steps", "card_declined", message=message, **slots))
    assert first.startswith(words)
    assert plain(lead(ARTICLES.article("card_declined", "en"))) not in first
    again = texts(actions.run("action_recommended_steps", "card_declined", message=message, said=[words], **slots))
    assert words not in again


def test_worry_is_answered_in_the_first_answer_only_and_a_death_always(actions: ActionServer) -> None:
    slots = {"language": "en", "issue": "card_declined", "product": "azure"}
    for signal, reply, said in (("worry", "upset", False), ("death", "death", True)):
        about = [{"entity": "about", "value": "card_declined"}, {"entity": "section", "value": "what-happens-why"}]
        message = {"text": "why is that?", "entities": about, "triage": {"signals": [signal]}}
        told = texts(actions.run("action_follow_up", "ask_what_happens", message=message, **slots))
        assert (REPLIES.dialogue(reply, "en") in told) is said


def test_no_sympathy_is_said_to_who_shows_no_feeling(actions: ActionServer) -> None:
    message = {"text": "my card was declined again", "triage": {"signals": ["failed_attempts"]}}
    first = texts(actions.run("action_recommended_steps", "card_declined", message=message, language="en"))
    assert not any(REPLIES.dialogue(each, "en") in first for each in ("upset", "service_down", "death"))


def test_who_objects_hears_that_the_answer_was_wrong_and_no_other_regret(actions: ActionServer) -> None:
    objects = [{"entity": "objects", "value": "yes"}, {"entity": "section", "value": "what-if-left-running-azure"}]
    about = [*objects, {"entity": "about", "value": "refund_request"}]
    message = {"text": "no, that is rubbish!", "entities": about, "triage": {"signals": ["frustration"]}}
    slots = {"language": "en", "issue": "refund_request", "product": "azure"}
    told = texts(actions.run("action_follow_up", "ask_what_if", message=message, **slots))
    assert told.startswith(REPLIES.dialogue("misread", "en"))
    assert REPLIES.dialogue("upset", "en") not in told


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_passage_that_sends_to_support_offers_a_person(actions: ActionServer, language: str) -> None:
    asked = [
        {"entity": "about", "value": "refund_request"},
        {"entity": "section", "value": "what-if-left-running-azure"},
    ]
    slots = {"language": language, "issue": "refund_request", "product": "azure"}
    message = {"text": "?", "entities": asked}
    result = actions.run("action_follow_up", "ask_what_if", message=message, **slots)
    sections = ARTICLES.article("refund_request", language).sections
    (passage,) = (section for section in sections if section.slug == "what-if-left-running-azure")
    assert plain(passage.paragraphs[0]) in texts(result)
    assert payloads(result)[-1] == "/talk_to_human"
    within = actions.run("action_follow_up", "ask_what_if", message=message, form="ticket_form", **slots)
    assert plain(passage.paragraphs[0]) in texts(within)
    assert payloads(within) == []
