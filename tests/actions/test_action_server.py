"""Every action, asked over HTTP of the real action server."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from bot.articles.issues import common_issues, load_issues
from bot.articles.parts import ArticleStore, variant_for
from bot.articles.replies import SUPPORT, Replies
from bot.text.limited_markdown import plain
from tests.actions.conftest import ActionServer, slots_of
from tests.support.issues import issues_in

ROOT = Path(__file__).resolve().parent.parent.parent
LANGUAGES = Replies().complete()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_issue_is_answered_from_its_article_with_steps_and_links(actions: ActionServer, language: str) -> None:
    store = ArticleStore(ROOT / "data" / "articles")
    for intent, issue in issues_in(language).items():
        product = issue.products[0]
        result = actions.run("action_recommended_steps", intent, language=language, product=product)
        payload = result["responses"][0]["custom"]
        article = store.article(intent, language)
        assert payload["title"] == article.title
        assert payload["language"] == language
        assert payload["article_id"] == f"{intent}/{language}"
        shown = next(variant for variant in payload["variants"] if variant["product"] in (product, None))
        assert len(shown["steps"]) >= 2
        links = [link for link in payload["links"] if link["product"] in (product, None)]
        assert len(links) >= 2
        assert all(link["url"].startswith("https://") and link["host"] for link in payload["links"])
        text = result["responses"][0]["text"]
        assert "**" not in text
        assert plain(shown["now"]) in text
        assert all(plain(step["markdown"]) in text for step in shown["steps"])
        assert all(link["url"] in text for link in links)
        assert slots_of(result)["issue"] == intent
        assert [button["payload"] for button in result["responses"][1]["buttons"]] == [
            "/solved",
            "/not_helped",
            "/talk_to_human",
        ]


def test_the_product_is_asked_for_once_where_the_steps_differ(actions: ActionServer) -> None:
    first = actions.run("action_recommended_steps", "card_declined", language="nb")
    question = first["responses"][-1]
    assert question["text"] == Replies().text("utter_ask_product", "nb")
    assert [button["payload"] for button in question["buttons"]] == [
        '/choose_product{"product": "azure"}',
        '/choose_product{"product": "microsoft365"}',
        '/choose_product{"product": "microsoft_account"}',
    ]
    assert slots_of(first)["product_asked"] is True
    second = actions.run("action_recommended_steps", "card_declined", language="nb", product_asked=True)
    text = second["responses"][0]["text"]
    assert "(Microsoft 365)" in text
    assert "(Azure)" not in text


def test_before_the_question_for_the_product_stands_what_to_do_first_with_each(actions: ActionServer) -> None:
    brief, question = actions.run("action_recommended_steps", "pay_invoice", language="en")["responses"]
    answer = actions.run("action_recommended_steps", "pay_invoice", language="en", product="azure")["responses"][0]
    for variant in answer["custom"]["variants"]:
        product = Replies().label(variant["product"], "en")
        assert (f"{product}: {plain(variant['now'])}" in brief["text"]) == (variant["agreement"] is None)
    assert len(question["buttons"]) == 2


def test_the_known_product_chooses_the_steps(actions: ActionServer) -> None:
    answers = {
        product: actions.run("action_recommended_steps", "pay_invoice", language="sv", product=product)
        for product in ("azure", "microsoft365")
    }
    texts = {product: answer["responses"][0]["text"] for product, answer in answers.items()}
    variants = answers["azure"]["responses"][0]["custom"]["variants"]
    for variant in variants:
        shown = all(plain(step["markdown"]) in texts["azure"] for step in variant["steps"])
        assert shown == (variant["product"] == "azure" and variant["agreement"] is None)
    assert texts["azure"] != texts["microsoft365"]


def test_a_warning_stands_before_the_steps_of_its_product_and_of_no_other(actions: ActionServer) -> None:
    article = ArticleStore(ROOT / "data" / "articles").article("card_declined", "nb")
    variant = variant_for(article, "microsoft365")
    assert variant is not None
    warning = variant.warnings[0].text
    for product, shown in (("azure", False), ("microsoft365", True)):
        answer = actions.run("action_recommended_steps", "card_declined", language="nb", product=product)
        text = answer["responses"][0]["text"]
        assert (warning in text) == shown
        assert not shown or text.index(warning) < text.index("1. ")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("intent", ["transfer_ownership", "data_retention", "cancel_subscription"])
def test_what_cannot_be_undone_is_said_in_the_first_answer(actions: ActionServer, language: str, intent: str) -> None:
    article = ArticleStore(ROOT / "data" / "articles").article(intent, language)
    for product in load_issues()[intent].products:
        variant = variant_for(article, product)
        assert variant is not None
        assert variant.warnings
        answer = actions.run("action_recommended_steps", intent, language=language, product=product)
        assert all(plain(note.markdown) in answer["responses"][0]["text"] for note in variant.warnings)


@pytest.mark.parametrize("language", LANGUAGES)
def test_customers_with_a_personal_plan_are_sent_to_no_admin_center(actions: ActionServer, language: str) -> None:
    for intent, issue in load_issues().items():
        answer = actions.run("action_recommended_steps", intent, language=language, product="microsoft_account")
        text = answer["responses"][0]["text"]
        assert "admin.microsoft.com" not in text
        assert "portal.azure.com" not in text
        assert ("microsoft_account" in issue.products) or "account.microsoft.com" in text


def test_a_personal_plan_is_sent_to_its_own_page_and_offered_no_agreement(actions: ActionServer) -> None:
    slots = {"language": "en", "product": "microsoft_account"}
    answered = actions.run("action_recommended_steps", "billing_access", "cmdline", **slots)
    elsewhere = plain(Replies().dialogue("personal_elsewhere", "en"))
    assert [response["text"] for response in answered["responses"]] == [
        elsewhere,
        Replies().text("utter_ask_solved", "en"),
    ]
    assert "](" not in elsewhere


def test_an_issue_of_companies_is_answered_for_a_personal_plan_by_the_one_that_the_table_names(
    actions: ActionServer,
) -> None:
    answered = actions.run("action_recommended_steps", "understand_bill", language="en", product="microsoft_account")
    assert answered["responses"][0]["custom"]["intent"] == load_issues()["understand_bill"].personal


def test_the_support_that_a_page_names_is_that_of_the_product(actions: ActionServer) -> None:
    answer = actions.run("action_recommended_steps", "card_declined", language="nb", product="azure")
    payload = answer["responses"][0]["custom"]
    assert {product: SUPPORT[product] in text for product, text in payload["contact"].items()} == {
        "azure": True,
        "microsoft365": True,
        "microsoft_account": True,
    }


def test_a_terminal_offers_the_steps_for_other_agreements_after_those_for_most(actions: ActionServer) -> None:
    asked = actions.run("action_recommended_steps", "card_declined", "cmdline", language="en", product="azure")
    offered = asked["responses"][1]
    assert offered["text"] == Replies().dialogue("other_agreement", "en")
    assert [button["payload"] for button in offered["buttons"]] == [
        f'/choose_product{{"product": "azure", "agreement": "{name}"}}'
        for name in ("customer_agreement", "enterprise", "partner", "unknown")
    ]
    texts = {
        name: actions.run(
            "action_recommended_steps",
            "choose_product",
            "cmdline",
            language="en",
            product="azure",
            agreement=name,
            issue="card_declined",
        )["responses"][0]["text"]
        for name in ("customer_agreement", "enterprise", "partner", "unknown")
    }
    slots = {"language": "en", "product": "azure", "agreement": "unknown", "issue": "card_declined"}
    told = actions.run("action_recommended_steps", "choose_product", "cmdline", **slots)
    assert slots_of(told)["agreement"] is None  # the next answer begins with its steps again
    assert "Billing profiles" in texts["customer_agreement"]
    assert "enterprise administrator" in texts["enterprise"]
    assert "partner" in texts["partner"]
    assert "Properties" in texts["unknown"]


def test_naming_the_product_answers_the_issue_at_hand(actions: ActionServer) -> None:
    result = actions.run(
        "action_recommended_steps", "choose_product", language="nl", product="azure", issue="understand_bill"
    )
    assert result["responses"][0]["custom"]["intent"] == "understand_bill"


def test_naming_a_product_before_any_issue_offers_the_topics(actions: ActionServer) -> None:
    result = actions.run("action_recommended_steps", "choose_product", language="en", product="azure")
    assert len(result["responses"][0]["buttons"]) == 1 + len(common_issues())


def test_a_terminal_gets_text_without_the_structured_payload(actions: ActionServer) -> None:
    result = actions.run("action_recommended_steps", "card_declined", "cmdline", language="en", product="azure")
    assert "1. " in result["responses"][0]["text"]
    assert not result["responses"][0]["custom"]


def test_a_language_without_replies_is_answered_in_english_and_told_so_once(actions: ActionServer) -> None:
    result = actions.run("action_recommended_steps", "card_declined", language="cy", product="azure")
    assert result["responses"][0]["text"] == "I understand Welsh, but for now I can only answer in English."
    assert result["responses"][1]["custom"]["language"] == "en"
    told = slots_of(result)["language_told"]
    again = actions.run("action_recommended_steps", "card_declined", language="cy", product="azure", language_told=told)
    assert again["responses"][0]["custom"]["language"] == "en"


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_without_replies_is_answered_in_the_pages_second_language(
    actions: ActionServer, language: str
) -> None:
    slots = {"language": "cy", "fallback_language": language}
    notice = Replies().language_notice("cy", language)
    answered = actions.run("action_recommended_steps", "pay_invoice", product="azure", **slots)["responses"]
    assert (answered[0]["text"], answered[1]["custom"]["language"]) == (notice, language)
    refused = actions.run("action_not_understood", "out_of_scope", **slots)["responses"]
    assert [response["text"] for response in refused] == [notice, Replies().text("utter_out_of_scope", language)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_offers_the_related_issues_and_a_person(actions: ActionServer, language: str) -> None:
    response = actions.run("action_feedback", "deny", language=language, issue="card_declined")["responses"][0]
    related = [f"/{intent}" for intent in load_issues()["card_declined"].related]
    assert [button["payload"] for button in response["buttons"]] == [*related, "/talk_to_human"]
    assert response["text"] == Replies().text("utter_not_solved", language)


def test_yes_closes_the_issue(actions: ActionServer) -> None:
    result = actions.run("action_feedback", "affirm", language="en", issue="card_declined")
    assert slots_of(result) == {"issue": None, "tried": None}


@pytest.mark.parametrize(("intent", "reply"), [("affirm", "utter_affirm_idle"), ("deny", "utter_deny_idle")])
def test_yes_or_no_to_nothing_gets_a_reply_of_its_own(actions: ActionServer, intent: str, reply: str) -> None:
    assert actions.run("action_feedback", intent, language="sv")["responses"][0]["text"] == Replies().text(reply, "sv")


def test_help_offers_the_ten_most_common_issues_and_a_person(actions: ActionServer) -> None:
    buttons = actions.run("action_offer_topics", "ask_help", language="nl")["responses"][0]["buttons"]
    common = [f"/{intent}" for intent, issue in load_issues().items() if issue.common]
    assert len(common) == 12
    assert [button["payload"] for button in buttons] == [*common, "/talk_to_human"]


def test_what_is_not_understood_is_asked_again_once_and_then_topics_are_offered(actions: ActionServer) -> None:
    first = actions.run("action_not_understood", "nlu_fallback", language="nb")
    assert first["responses"][0]["text"] == Replies().text("utter_rephrase", "nb")
    assert first["responses"][0]["buttons"] == []
    said = [first["responses"][0]["text"]]
    second = actions.run("action_not_understood", "nlu_fallback", language="nb", said=said)
    assert second["responses"][0]["buttons"][-1]["payload"] == "/talk_to_human"


def test_what_is_out_of_scope_is_said_to_be_so(actions: ActionServer) -> None:
    result = actions.run("action_not_understood", "out_of_scope", language="en")
    assert result["responses"][0]["text"] == Replies().text("utter_out_of_scope", "en")


@pytest.mark.parametrize(
    "action",
    [
        *("action_recommended_steps", "action_offer_topics", "action_feedback", "action_not_understood"),
        *("action_form_command", "action_tell_status"),
    ],
)
def test_an_action_that_succeeds_ends_the_turn(actions: ActionServer, action: str) -> None:
    result = actions.run(action, "affirm", language="en", product="azure", issue="pay_invoice")
    assert result["events"][-1] == {"event": "followup", "name": "action_listen", "timestamp": None}


def test_the_action_server_loads_no_heavy_library_before_it_is_needed() -> None:
    code = (
        "import sys, rasa_sdk, actions; "
        "[__import__(f'actions.{m.name}') for m in __import__('pkgutil').iter_modules(actions.__path__)]; "
        "from actions.conversation import articles; articles().article('pay_invoice', 'nb'); "
        "print([m for m in ('rasa', 'spacy', 'lingua', 'tensorflow', 'sklearn', 'sqlalchemy') if m in sys.modules])"
    )
    result = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert result.stdout.strip().splitlines()[-1] == "[]"
