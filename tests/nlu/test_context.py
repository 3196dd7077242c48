"""What a message does where it is said: the last component of the really trained pipeline, with a conversation."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from rasa.core.agent import Agent
from rasa.core.channels.channel import UserMessage
from rasa.shared.core.events import ActionExecuted, ActiveLoop, BotUttered, Event, SlotSet, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker

from bot.articles.examples import read_examples
from bot.articles.issues import load_issues
from bot.articles.replies import Replies
from bot.nlu.dialogue_state import dialogue_state_of
from bot.nlu.models.passage_counts import PassageCounts
from bot.nlu.models.passage_scores import Evidence, PassageLabels
from tests.conftest import ROOT

REPLIES = Replies()
FOLLOW_UPS = [
    (path.stem, *line.split("\t"))
    for path in sorted((ROOT / "tests" / "conversations" / "follow_ups").glob("*.tsv"))
    for line in path.read_text(encoding="utf8").splitlines()
]
IN_FORMS = frozenset({"cancel_form", "skip_field", "correct_field"})


@pytest.fixture(scope="module")
def agent(trained_model: Path) -> Agent:
    return Agent.load(str(trained_model))


def understood(agent: Agent, text: str, language: str, *events: Event) -> dict[str, Any]:
    assert agent.processor is not None
    assert agent.domain is not None
    tracker = DialogueStateTracker.from_events("customer", list(events), slots=agent.domain.slots)
    message = UserMessage(text, sender_id="customer", metadata={"language": language})
    parsed: dict[str, Any] = asyncio.run(agent.processor.parse_message(message, tracker))
    return parsed


def entities_of(parsed: dict[str, Any]) -> dict[str, Any]:
    return {entity["entity"]: entity["value"] for entity in parsed["entities"]}


def answered(language: str, issue: str = "card_declined", product: str = "azure") -> list[Event]:
    buttons = [{"title": REPLIES.label("affirm", language), "payload": "/solved"}]
    return [
        UserUttered("x", {"name": issue}),
        SlotSet("language", language),
        SlotSet("issue", issue),
        SlotSet("product", product),
        BotUttered("steps", {"buttons": buttons}),
    ]


def asked_for(field: str, language: str) -> list[Event]:
    return [*answered(language), ActiveLoop("ticket_form"), SlotSet("requested_slot", field), BotUttered("?")]


def test_without_a_conversation_nothing_changes(agent: Agent) -> None:
    phrases = read_examples(ROOT / "tests" / "regression" / "en.yml")[::7]
    for phrase in phrases:
        parsed = understood(agent, phrase.text, "en")
        assert "said" not in parsed
        assert parsed["intent"]["name"] in (parsed["intent_ranking"][0]["name"], "nlu_fallback")


BEGUN = ActionExecuted("action_session_start")


@pytest.mark.parametrize(
    ("text", "issue", "section"),
    [
        (
            "can I pay several azure invoices at once?",
            "pay_invoice",
            "what-if-several",
        ),
        ("kort avvist igjen", "card_declined", ""),
    ],
)
def test_a_first_message_keeps_its_issue_and_gets_the_passage_that_it_asks_for(
    agent: Agent, text: str, issue: str, section: str
) -> None:
    parsed = understood(agent, text, "en", BEGUN)
    values = entities_of(parsed)
    assert parsed["intent"]["name"] == issue
    assert values.get("section", "").startswith(section)
    assert ("section" in values) == bool(section)


@pytest.mark.parametrize(
    ("language", "text", "passage"),
    [
        (
            "en",
            "how do I get the family plan without Copilot, the cheaper one, back?",
            "price_question/what-if-without-copilot-microsoft-account",
        ),
        (
            "de",
            "Word sagt, das Abo sei abgelaufen, dabei habe ich letzte Woche bezahlt",
            "activation_problem/what-if-expired",
        ),
        (
            "fi",
            "irtisanoin business standardin kesällä ja silti laskutatte joka kuukausi",
            "unrecognized_charge/what-if-after-cancelling-microsoft-365",
        ),
        (
            "nl",
            "onze boekhouding wil de azure facturen als e-factuur via peppol, kan dat",
            "download_invoice/what-if-e-invoice",
        ),
        (
            "es",
            "¿puedo dar de baja microsoft 365 parando el pago automático en paypal?",
            "unrecognized_charge/what-if-paypal",
        ),
    ],
)
def test_where_the_issue_is_not_sure_a_passage_of_any_article_may_answer_a_first_message(
    agent: Agent, language: str, text: str, passage: str
) -> None:
    parsed = understood(agent, text, language, BEGUN)
    values = entities_of(parsed)
    assert passage in (f"{values.get('about')}/{values.get('section')}", *values.get("passages", "").split())
    assert parsed["intent"]["name"] == parsed["intent_ranking"][0]["name"], "as outside a conversation"


@pytest.mark.parametrize(
    ("text", "product"), [("our E3 licences got disabled", "microsoft365"), ("my card got declined", None)]
)
def test_a_product_is_taken_from_the_names_of_its_plans(agent: Agent, text: str, product: str | None) -> None:
    parsed = understood(agent, text, "en", BEGUN)
    assert entities_of(parsed).get("product") == product


def test_first_messages_imply_their_product_by_their_situation(agent: Agent) -> None:
    lines = (ROOT / "tests" / "nlu" / "first_messages.tsv").read_text(encoding="utf8").splitlines()
    implied = []
    for language, _, product, text in (line.split("\t") for line in lines):
        implied.append((product, entities_of(understood(agent, text, language, BEGUN)).get("product", "")))
    found = [right == product for right, product in implied if right]
    wrong = [product for right, product in implied if product not in ("", right)]
    assert len(found) > 250
    assert sum(found) / len(found) >= 0.75
    assert len(wrong) / len(implied) <= 0.05


def test_held_out_follow_ups_are_what_they_are_after_an_answer(agent: Agent) -> None:
    asked = [(language, act, text) for language, act, text in FOLLOW_UPS if act not in IN_FORMS]
    right = [understood(agent, text, language, *answered(language))["intent"]["name"] for language, _, text in asked]
    share = sum(name == act for name, (_, act, _) in zip(right, asked, strict=True)) / len(asked)
    assert share >= 0.88


@pytest.mark.parametrize(
    ("language", "text", "act"),
    [
        ("en", "No, that's alright, my son will have a look at it tonight. Thank you so much for everything", "thank"),
        ("nb", "nei, det går bra, søsteren min kan se på det med meg på søndag. tusen takk for all hjelp", "thank"),
        ("sv", "tack, då vet jag vad som gäller. jag ber vår ekonom kontakta supporten med fakturanumren", "thank"),
        (
            "nb",
            "Da lar jeg kortet være, og setter meg ned med min kone og ser på hennes konto. Takk for hjelpen.",
            "thank",
        ),
        (
            "nl",
            "mooi is dat, dan zet ik het verlengen maar uit. belachelijk dat het niet vanzelf gaat, maar goed bedankt",
            "thank",
        ),
        ("en", "thanks but that did not help at all, the page still says the same thing as before", "not_helped"),
        ("de", "Danke für die Mühe, aber es hat nicht geholfen, da steht immer noch überfällig", "not_helped"),
    ],
)
def test_thanks_win_also_in_a_longer_message_but_not_over_what_did_not_help(
    agent: Agent, language: str, text: str, act: str
) -> None:
    assert understood(agent, text, language, *answered(language))["intent"]["name"] == act


def test_questions_get_the_passage_that_answers_them(agent: Agent) -> None:
    lines = (ROOT / "tests" / "nlu" / "passages.tsv").read_text(encoding="utf8").splitlines()
    right = []
    for language, issue, product, passages, text in (line.split("\t") for line in lines):
        parsed = understood(agent, text, language, *answered(language, issue, product))
        values = entities_of(parsed)
        right.append(f"{values.get('about')}/{values.get('section')}" in passages.split(","))
    assert len(right) > 150
    assert sum(right) / len(right) >= 0.7  # one question in two hundred moves with the rounding of a processor


def test_held_out_commands_are_obeyed_in_a_form(agent: Agent) -> None:
    said = [(language, act, text) for language, act, text in FOLLOW_UPS if act in IN_FORMS]
    heard = [
        understood(agent, text, language, *asked_for("contact_email", language))["intent"]["name"]
        for language, _, text in said
    ]
    assert sum(name == act for name, (_, act, _) in zip(heard, said, strict=True)) / len(said) >= 0.85


@pytest.mark.parametrize("language", REPLIES.complete())
def test_a_typed_button_is_the_button(agent: Agent, language: str) -> None:
    parsed = understood(agent, REPLIES.label("affirm", language), language, *answered(language))
    assert parsed["intent"]["name"] == "solved"


@pytest.mark.parametrize(
    ("text", "field", "act"),
    [
        ("jane@example.com", "contact_email", "form_answer"),
        ("somebody@", "contact_email", "form_answer"),
        ("555 010 0199", "contact_email", "form_answer"),
        ("The company name on our invoice is wrong", "ticket_summary", "form_answer"),
        ("how do I download an invoice?", "contact_email", "download_invoice"),
        ("yes, go ahead", "ticket_consent", "affirm"),
        ("no, don't send the chat", "ticket_consent", "deny"),
        ("forget the ticket", "ticket_consent", "cancel_form"),
        ("no, forget it, don't send anything", "ticket_consent", "cancel_form"),
        ("and please write that it is about the invoice from May, too", "ticket_consent", "form_answer"),
        ("Harbour Rowing Club, harbourrowing.example.org", "ticket_consent", "form_answer"),
        ("let me speak to a real person right now", "contact_email", "talk_to_human"),
    ],
)
def test_what_is_said_in_a_form(agent: Agent, text: str, field: str, act: str) -> None:
    assert understood(agent, text, "en", *asked_for(field, "en"))["intent"]["name"] == act


def test_another_product_than_was_taken_for_granted_is_a_correction(agent: Agent) -> None:
    parsed = understood(agent, "its microsoft 365, not azure", "en", *answered("en"))
    assert parsed["intent"]["name"] == "choose_product"
    assert {entity["value"] for entity in parsed["entities"] if entity["entity"] == "product"} == {"microsoft365"}


@pytest.mark.parametrize(("product", "kept"), [("microsoft_account", set()), ("azure", {"microsoft365"})])
def test_the_apps_of_a_personal_plan_do_not_make_it_one_of_a_company(
    agent: Agent, product: str, kept: set[str]
) -> None:
    said = answered("en", "unrecognized_charge", product)
    parsed = understood(agent, "I want to cancel the microsoft 365 subscription of my husband", "en", *said)
    assert {entity["value"] for entity in parsed["entities"] if entity["entity"] == "product"} == kept


@pytest.mark.parametrize(("text", "question"), [("365. but who is allowed to do that?", {"ask_who"}), ("365", set())])
def test_a_question_beside_the_product_is_kept(agent: Agent, text: str, question: set[str]) -> None:
    buttons = [
        {"title": "Azure", "payload": '/choose_product{"product": "azure"}'},
        {"title": "Microsoft 365", "payload": '/choose_product{"product": "microsoft365"}'},
    ]
    asked = [
        UserUttered("x", {"name": "pay_invoice"}),
        SlotSet("issue", "pay_invoice"),
        BotUttered("?", {"buttons": buttons}),
    ]
    parsed = understood(agent, text, "en", *asked)
    named = {entity["value"] for entity in parsed["entities"] if entity["entity"] == "product"}
    assert (parsed["intent"]["name"], named) == ("choose_product", {"microsoft365"})
    assert {entity["value"] for entity in parsed["entities"] if entity["entity"] == "question"} == question


@pytest.mark.parametrize(
    ("language", "text"),
    [
        (
            "fr",
            "je l'ai stoppée. par contre 187 € je les ai pas, je suis étudiant. payer en plusieurs fois, possible ?",
        ),
        ("en", "I am a student"),
    ],
)
def test_who_has_azure_may_be_a_student_at_home(agent: Agent, language: str, text: str) -> None:
    parsed = understood(agent, text, language, *answered(language, "understand_bill"))
    assert not {entity["value"] for entity in parsed["entities"] if entity["entity"] == "product"}


@pytest.mark.parametrize(
    ("text", "act"),
    [
        ("the personal one please, we are private persons", "choose_product"),
        ("no idea, can i talk to a real person please", "talk_to_human"),
    ],
)
def test_a_product_for_persons_is_no_wish_for_one(agent: Agent, text: str, act: str) -> None:
    products = ("azure", "microsoft365", "microsoft_account")
    buttons = [{"title": name, "payload": f'/choose_product{{"product": "{name}"}}'} for name in products]
    asked = [SlotSet("issue", "card_declined"), BotUttered("?", {"buttons": buttons})]
    parsed = understood(agent, text, "en", UserUttered("x", {"name": "card_declined"}), *asked)
    assert parsed["intent"]["name"] == act


def test_a_plan_that_was_not_offered_is_not_taken_for_granted(agent: Agent) -> None:
    buttons = [
        {"title": name, "payload": f'/choose_product{{"product": "{name}"}}'} for name in ("azure", "microsoft365")
    ]
    asked = [SlotSet("issue", "update_billing_details"), BotUttered("?", {"buttons": buttons})]
    text = "yo que se, el del correo y el word para el taller, me cobran unos 15 euros al mes"
    parsed = understood(agent, text, "es", UserUttered("x", {"name": "update_billing_details"}), *asked)
    assert {each["value"] for each in parsed["entities"] if each["entity"] == "product"} == {"microsoft365"}


@pytest.mark.parametrize(
    ("text", "intent"),
    [
        ("Geld zurueck natuerlich. Das ist das Microsoft 365 Family", "refund_request"),
        ("Sie verstehen die Frage nicht", "none_of_these"),
        ("die App geht nicht, ich will kündigen", "cancel_subscription"),
    ],
)
def test_an_offered_issue_is_chosen_by_several_words_of_its_title(agent: Agent, text: str, intent: str) -> None:
    titles = {
        "unrecognized_charge": "Eine Abbuchung, die Sie nicht kennen",
        "refund_request": "Geld zurück oder Gutschrift",
    }
    offered = {**titles, "none_of_these": "Keines davon"}
    buttons = [{"title": title, "payload": f"/{name}"} for name, title in offered.items()]
    asked = [SlotSet("language", "de"), BotUttered("?", {"buttons": buttons})]
    parsed = understood(agent, text, "de", UserUttered("x", {"name": "nlu_fallback"}), *asked)
    assert parsed["intent"]["name"] == intent


@pytest.mark.parametrize(
    ("text", "wanted"), [("close the ticket please", False), ("ticket please, nobody answers me", True)]
)
def test_a_ticket_is_opened_for_who_wants_one(agent: Agent, text: str, wanted: bool) -> None:
    parsed = understood(agent, text, "en", *answered("en"))
    assert (parsed["intent"]["name"] == "talk_to_human") == wanted


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "the invoice from march is not in that list, only april and may. can I speak to someone"),
        ("nl", "die pagina heb ik al gezien en daar staat mijn abonnement niet. medewerker graag"),
        ("en", "booking@example.com, write to me there"),
        ("sv", "styrelsen@example.com, gärna före lunch"),
    ],
)
def test_a_person_is_reached_by_one_sentence_among_others_and_by_an_address(
    agent: Agent, language: str, text: str
) -> None:
    assert understood(agent, text, language, *answered(language))["intent"]["name"] == "talk_to_human"


@pytest.mark.parametrize(
    ("language", "issue", "text"),
    [
        (
            "es",
            "manage_licenses",
            "ah que alivio! pero como le doy la licencia si el usuario ya no me figura en la lista",
        ),
        ("en", "partner_billing", "they went bankrupt, nobody answers. what now"),
        ("fi", "partner_billing", "se firma meni konkurssiin"),
    ],
)
def test_what_tells_of_trouble_is_not_solved(agent: Agent, language: str, issue: str, text: str) -> None:
    assert understood(agent, text, language, *answered(language, issue, "microsoft365"))["intent"]["name"] != "solved"


@pytest.mark.parametrize(
    ("language", "issue", "had", "text", "product"),
    [
        ("en", "signup_problem", "azure", "i'm a student, can i get azure as a student without a card?", "azure"),
        ("de", "unrecognized_charge", "azure", "was hat das mit microsoft 365 zu tun? nochmal: warum", "azure"),
        (
            "fr",
            "close_account",
            "azure",
            "et les licences microsoft 365 ? votre liste ne parle que d'azure",
            "microsoft365",
        ),
        ("nb", "refund_request", "microsoft_account", "og mister jeg word med en gang?", "microsoft_account"),
    ],
)
def test_the_product_changes_only_where_another_one_is_meant(
    agent: Agent, language: str, issue: str, had: str, text: str, product: str
) -> None:
    values = entities_of(understood(agent, text, language, *answered(language, issue, had)))
    assert values.get("product", had) == product


@pytest.mark.parametrize(
    ("language", "had", "text", "product"),
    [
        ("nl", "microsoft365", "ik heb helemaal geen beheercentrum!", "microsoft_account"),
        ("fr", "microsoft365", "j'ai pas de centre d'administration, c'est pour moi à la maison", "microsoft_account"),
        ("en", "microsoft_account", "no, it's the business plan of our company", "microsoft365"),
        ("da", "microsoft_account", "nej det er firmaets microsoft 365", "microsoft365"),
        ("en", "azure", "there is no admin center here", "azure"),
        ("es", "microsoft_account", "yo no compré ninguna licencia. es Azure, la cuenta gratuita", "azure"),
        ("de", "microsoft365", "das ist doch Azure, im Portal steht deaktiviert", "azure"),
    ],
)
def test_a_plan_that_was_taken_for_granted_is_corrected_in_passing(
    agent: Agent, language: str, had: str, text: str, product: str
) -> None:
    values = entities_of(understood(agent, text, language, *answered(language, "billing_notifications", had)))
    assert values.get("product", had) == product


@pytest.mark.parametrize(
    ("language", "product", "text", "act"),
    [
        ("en", "azure", "we have a Microsoft Customer Agreement, where is the card then?", "choose_product"),
        ("sv", "azure", "vi har ett enterprise-avtal", "choose_product"),
        ("en", "azure", "thanks, we have an enterprise agreement", ""),
        ("en", "azure", "a person please, we have an enterprise agreement", ""),
        ("en", "azure", "do we need an enterprise agreement for that?", ""),
        ("en", "microsoft365", "we have a Microsoft Customer Agreement, where is the card then?", ""),
    ],
)
def test_the_steps_for_a_billing_agreement_are_given_once_it_is_named(
    agent: Agent, language: str, product: str, text: str, act: str
) -> None:
    parsed = understood(agent, text, language, *answered(language, "change_payment_method", product))
    assert (parsed["intent"]["name"] == "choose_product") == bool(act)
    assert ("agreement" in entities_of(parsed)) == ("need" not in text)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "no clue what any of those are, i just have a laptop"),
        ("nl", "wat is azure nou weer? ik heb gewoon een laptop"),
    ],
)
def test_who_does_not_know_the_products_has_not_refused_them(agent: Agent, language: str, text: str) -> None:
    products = [{"title": "365", "payload": '/choose_product{"product": "microsoft365"}'}]
    parsed = understood(agent, text, language, *answered(language)[:3], BotUttered("?", {"buttons": products}))
    assert entities_of(parsed)["product"] == "unknown"


def test_an_answer_about_something_else_is_about_none_of_the_products(agent: Agent) -> None:
    products = [{"title": "365", "payload": '/choose_product{"product": "microsoft365"}'}]
    text = "none of this, my washing machine leaks and I am in the wrong chat"
    parsed = understood(agent, text, "en", *answered("en")[:3], BotUttered("?", {"buttons": products}))
    assert entities_of(parsed)["product"] == "neither"


def test_who_has_chosen_a_companys_plan_keeps_it_where_something_is_her_own(agent: Agent) -> None:
    text = "betalingsmailene går til en gammel adresse, hvordan får jeg dem sendt til min egen"
    chose = UserUttered("365", {"name": "choose_product"}, [{"entity": "product", "value": "microsoft365"}])
    told = answered("da", "subscription_disabled", "microsoft365")
    parsed = understood(agent, text, "da", told[0], chose, *told[1:])
    assert "product" not in entities_of(parsed)
    assert "billing_notifications" in (entities_of(parsed).get("about"), parsed["intent"]["name"])


@pytest.mark.parametrize(
    ("language", "text", "product"),
    [
        (
            "fi",
            "Maksoin helmikuussa vuoden Microsoft 365 Personalista, nyt tililläni ei näy tilausta",
            "microsoft_account",
        ),
        ("en", "our office on microsoft 365 business has two invoices to pay", "microsoft365"),
    ],
)
def test_a_personal_plan_is_none_of_a_company_in_a_first_message(
    agent: Agent, language: str, text: str, product: str
) -> None:
    assert entities_of(understood(agent, text, language, BEGUN))["product"] == product


def test_what_names_another_issue_clearly_is_no_objection(agent: Agent) -> None:
    parsed = understood(agent, "ich möchte mein abo kündigen", "de", *answered("de", product="microsoft365"))
    assert parsed["intent"]["name"] == "cancel_subscription"


@pytest.mark.parametrize(
    ("language", "text"),
    [
        (
            "fr",
            "non, je dis que je suis sur mon téléphone et que ma carte est refusée alors qu'il y a de l'argent dessus",
        ),
        ("en", "i'm doing this on my phone in the van and the card keeps being declined when i press pay"),
    ],
)
def test_a_telephone_in_a_story_is_no_wish_to_call(agent: Agent, language: str, text: str) -> None:
    parsed = understood(agent, text, language, *answered(language, "subscription_disabled"))
    assert parsed["intent"]["name"] != "ask_phone"


def test_a_long_story_that_begins_with_yes_is_not_solved(agent: Agent) -> None:
    text = "ja pengene er sendt, det har jeg kvittering på. og når dere har fått dem, kommer serverne opp av seg selv"
    longer = f"{text} eller må jeg starte dem selv"
    events = answered("nb", "payment_not_registered")
    assert understood(agent, longer, "nb", *events)["intent"]["name"] != "solved"


@pytest.mark.parametrize(
    ("language", "text", "act"),
    [
        ("en", "can you explain that to me like i am five", "more_detail"),
        ("nb", "lim inn de lenkene en gang til er du snill, chatten hoppet", "send_again"),
        ("de", "kann mir das mal jemand richtig erklären", "talk_to_human"),
    ],
)
def test_an_answer_is_wanted_once_more_or_in_plainer_words_and_no_person_unless_one_is_named(
    agent: Agent, language: str, text: str, act: str
) -> None:
    assert understood(agent, text, language, *answered(language))["intent"]["name"] == act


def test_a_few_words_that_nothing_is_made_of_do_not_say_that_it_is_solved(agent: Agent) -> None:
    parsed = understood(agent, "blub blub blub", "en", *answered("en"))
    assert parsed["intent"]["name"] != "solved"
    assert "section" not in entities_of(parsed)


def test_a_password_forgotten_gets_its_passage_though_it_is_no_question(agent: Agent) -> None:
    parsed = understood(agent, "ich habe mein kennwort vergessen", "de", *answered("de", "billing_access"))
    sections = [entity["value"] for entity in parsed["entities"] if entity["entity"] == "section"]
    assert sections == ["what-if-forgotten-password"]


def with_ticket(said: str, issue: str) -> list[Event]:
    """A conversation in which a ticket was opened for a problem that the customer said, without steps before."""
    meant = {"intent": {"name": "form_answer"}, "said": {"name": issue, "confidence": 0.9}}
    return [
        UserUttered("a person please", {"name": "talk_to_human"}),
        SlotSet("language", "en"),
        SlotSet("product", "azure"),
        UserUttered(said, {"name": "form_answer"}, parse_data=meant),
        SlotSet("ticket_number", "T-10001-ABC234"),
        BotUttered("done"),
        UserUttered("thanks", {"name": "thank"}),
        BotUttered("welcome"),
    ]


def test_what_is_asked_after_a_ticket_is_about_the_problem_that_it_describes(agent: Agent) -> None:
    events = with_ticket("my key was public and somebody runs forty machines", "account_compromised")
    parsed = understood(agent, "what do i do first, delete the key or stop the machines?", "en", *events)
    values = entities_of(parsed)
    assert "account_compromised/" in f"{values.get('about')}/ {values.get('passages')}"


def test_who_described_a_problem_for_a_ticket_may_still_ask_for_its_steps(agent: Agent) -> None:
    events = with_ticket("i want to end the whole thing and nobody lets me", "cancel_subscription")
    parsed = understood(agent, "how do I cancel my subscription?", "en", *events)
    assert parsed["intent"]["name"] == "cancel_subscription"
    assert "section" not in entities_of(parsed)


def test_an_address_for_a_ticket_is_no_problem_described() -> None:
    for said, issues in (("invoice@example.com", ()), ("the invoice is wrong", ("understand_bill",))):
        tracker = DialogueStateTracker.from_events("customer", with_ticket(said, "understand_bill"))
        state = dialogue_state_of(tracker)
        assert state is not None
        assert state.described == issues


def test_who_asks_when_right_after_a_ticket_hears_of_the_ticket(agent: Agent) -> None:
    opened = [*answered("fr"), SlotSet("issue", None), SlotSet("ticket_number", "T-10001-ABC234"), BotUttered("fait")]
    events = [*opened[:-2], UserUttered("x", {"name": "affirm"}), *opened[-2:]]
    parsed = understood(
        agent, "ok mais quand ? j'ai mon site qui marche plus la, les clients m'appellent", "fr", *events
    )
    assert parsed["intent"]["name"] == "ticket_status"


@pytest.mark.parametrize(
    ("language", "text", "found"),
    [
        (
            "sv",
            "det där handlar väl om reservationer? vi har inga såna. jag menar när man flyttar faktureringen",
            False,
        ),
        ("en", "no but who can return a reservation", True),
    ],
)
def test_passages_of_an_issue_are_left_out_that_the_customer_objects_to(
    agent: Agent, language: str, text: str, found: bool
) -> None:
    about = [{"entity": "about", "value": "reservations"}, {"entity": "section", "value": "what-happens-machines"}]
    shown = [UserUttered("x", {"name": "more_detail"}, about), BotUttered("They keep running.")]
    parsed = understood(agent, text, language, *answered(language, "transfer_ownership"), *shown)
    named = " ".join(each["value"] for each in parsed["entities"] if each["entity"] in ("about", "passages"))
    assert ("reservations" in named) is found


def test_passages_of_an_issue_of_another_product_are_found_only_where_it_is_named() -> None:
    names = ["reservations/how-long", "refund_request/how-long-microsoft-account"]
    labels = PassageLabels(names, PassageCounts.learn(names, []))
    scores, similar = np.zeros(2, np.float32), np.array([0.9, 0.1], np.float32)
    unnamed, named = [
        labels.probabilities(
            scores,
            similar,
            np.zeros((2, 2), np.float32),
            np.zeros(2, np.float32),
            0.0,
            5,
            Evidence(ranking, {}, ["refund_request"], "microsoft_account"),
        )
        for ranking in ({"refund_request": 0.9}, {"reservations": 0.9})
    ]
    assert unnamed[0] == 0.0
    assert named[0] > 0.0


@pytest.mark.parametrize(
    ("language", "issue", "text", "wanted"),
    [
        ("de", "understand_bill", "und wie lege ich so ein budget mit warnung an?", "cost_control"),
        ("es", "download_invoice", "y cómo cambio la tarjeta por la nueva?", "change_payment_method"),
        ("da", "price_question", "hvordan fjerner jeg de tre licenser så", "manage_licenses"),
    ],
)
def test_who_asks_how_something_else_is_done_gets_its_steps(
    agent: Agent, language: str, issue: str, text: str, wanted: str
) -> None:
    parsed = understood(agent, text, language, *answered(language, issue))
    assert parsed["intent"]["name"] == wanted
    assert f"{wanted}/" not in entities_of(parsed).get("passages", "").split()


@pytest.mark.parametrize(
    "text", ["and how do I cancel it, then?", "do I lose my mails if I cancel, and where do I do it?"]
)
def test_the_steps_that_were_shown_are_not_offered_beside_a_passage(agent: Agent, text: str) -> None:
    given = [{"entity": "about", "value": "cancel_subscription"}, {"entity": "section", "value": "who-microsoft-365"}]
    shown = [UserUttered("x", {"name": "ask_who"}, given), BotUttered("A billing administrator.")]
    parsed = understood(agent, text, "en", *answered("en", "cancel_subscription"), *shown)
    values = entities_of(parsed)
    assert values.get("section") or values.get("passages")
    assert "cancel_subscription/" not in values.get("passages", "").split()


def test_a_message_about_another_issue_begins_a_new_matter(agent: Agent) -> None:
    parsed = understood(agent, "I want to cancel my subscription", "en", *answered("en"))
    assert parsed["intent"]["name"] == "cancel_subscription"


@pytest.mark.parametrize(
    ("language", "text", "issue"),
    [
        ("en", "Another thing. I need copies of all our invoices from last year", "download_invoice"),
        ("de", "neue frage: wie bekomm ich ne warnung bevor das budget aufgebraucht ist?", "cost_control"),
        ("fr", "autre chose, comment résilier notre abonnement ?", "cancel_subscription"),
    ],
)
def test_an_announced_matter_is_no_question_about_the_answer(
    agent: Agent, language: str, text: str, issue: str
) -> None:
    assert understood(agent, text, language, *answered(language))["intent"]["name"] == issue


def test_another_issue_that_a_question_names_comes_with_its_passage_or_a_choice(agent: Agent) -> None:
    said = understood(agent, "stopper azure når budgettet er nået?", "da", *answered("da", "unrecognized_charge"))
    found = {each["entity"]: each["value"] for each in said["entities"]}
    shown = f"{found.get('about')}/{found.get('section')}"
    assert "cost_control/what-if-own-amount" in (shown, *found.get("passages", "").split())


def test_a_request_for_steps_of_another_issue_stays_that_issue(agent: Agent) -> None:
    said = understood(agent, "I also want to cancel the subscription", "en", *answered("en", "subscription_disabled"))
    assert said["intent"]["name"] == "cancel_subscription"
    assert "section" not in {each["entity"] for each in said["entities"]}


def test_a_first_question_after_hello_gets_its_passage_as_without_it(agent: Agent) -> None:
    text = "who can pay an azure invoice?"
    hello = [UserUttered("hello", {"name": "greet"}), SlotSet("language", "en"), BotUttered("Hello!")]
    at_once = understood(agent, text, "en", ActionExecuted("action_listen"))
    after_hello = understood(agent, text, "en", *hello)
    values = [{each["entity"]: each["value"] for each in said["entities"]} for said in (at_once, after_hello)]
    assert values[0]["section"] == values[1]["section"] == "who-azure"


def test_a_short_question_in_place_of_a_choice_gets_a_passage_of_these_issues(agent: Agent) -> None:
    offered = [{"title": "x", "payload": "/cancel_subscription"}, {"title": "y", "payload": "/none_of_these"}]
    asked = [UserUttered("x", {"name": "cancel_subscription"}), SlotSet("language", "en")]
    parsed = understood(agent, "how long does that take?", "en", *asked, BotUttered("?", {"buttons": offered}))
    assert parsed["intent"]["name"] == "ask_how_long"
    assert entities_of(parsed)["about"] == "cancel_subscription"


def test_a_product_that_words_only_hint_at_takes_no_other_ones_place(agent: Agent) -> None:
    text = "Danke. Und kann die Rechnung vom Oktober noch auf den neuen Firmennamen umgeschrieben werden?"
    parsed = understood(agent, text, "de", *answered("de", "update_billing_details"))
    assert entities_of(parsed).get("product") is None
    assert entities_of(parsed)["section"] == "what-if-invoice-already-out"


def test_an_answer_to_which_issue_it_is_asks_nothing_about_an_article(agent: Agent) -> None:
    offered = [
        {"title": "x", "payload": "/renew_subscription"},
        {"title": "y", "payload": "/none_of_these"},
    ]
    asked = [UserUttered("x", {"name": "renew_subscription"}), SlotSet("language", "de")]
    text = "ich glaub verlängern, aber ich komm da nicht rein, unser admin hat aufgehört und keiner hat das passwort"
    parsed = understood(agent, text, "de", *asked, BotUttered("?", {"buttons": offered}))
    assert parsed["intent"]["name"] in {"admin_unavailable", "renew_subscription"}


def test_steps_that_are_offered_are_not_taken_by_what_only_sounds_of_their_issue(agent: Agent) -> None:
    steps = [{"title": "Show the steps", "payload": "/understand_bill"}]
    asked = [
        UserUttered("x", {"name": "understand_bill"}),
        SlotSet("language", "en"),
        SlotSet("issue", "understand_bill"),
    ]
    text = "haha fair. ok got the idea, 14 seats for the full month plus the phone one. thx!"
    parsed = understood(agent, text, "en", *asked, BotUttered("Credits and charges.", {"buttons": steps}))
    assert parsed["intent"]["name"] == "thank"


def test_thanks_with_a_question_without_its_mark_get_the_passage(agent: Agent) -> None:
    text = "Takk. Bør jeg allikevel sperre kortet i banken. Man leser jo så mye rart."
    parsed = understood(agent, text, "nb", *answered("nb", "unrecognized_charge", "microsoft_account"))
    assert entities_of(parsed)["section"] == "what-happens-card-blocked"


def test_a_question_before_a_word_of_thanks_is_answered(agent: Agent) -> None:
    text = "bueno, no cancelo el basico, lo usan 7. donde le cambio la licencia a cada uno? y gracias!"
    parsed = understood(agent, text, "es", *answered("es", "change_plan", "microsoft365"))
    assert parsed["intent"]["name"] in ("manage_licenses", "ask_where")


def test_a_follow_up_that_no_issue_is_likely_for_is_offered_likely_answers(agent: Agent) -> None:
    text = "So it can't be reduced either, we simply pay 6.50 an hour until January whatever we run?"
    parsed = understood(agent, text, "en", *answered("en", "reservations"))
    assert parsed["intent"]["name"] not in load_issues()
    assert "section" in entities_of(parsed) or "passages" in entities_of(parsed)


def test_a_follow_up_that_sounds_a_little_of_another_issue_is_offered_likely_answers(agent: Agent) -> None:
    text = "it's the shop account, five people. the bank gave us all new cards. does our mail stop now? orders come in"
    parsed = understood(agent, text, "en", *answered("en", "card_declined"))
    assert parsed["intent"]["name"] not in load_issues()
    assert "section" in entities_of(parsed) or "passages" in entities_of(parsed)


@pytest.mark.parametrize(
    ("language", "issue", "product", "text", "intent"),
    [
        (
            "en",
            "cancel_subscription",
            "microsoft365",
            "ok, then I cancel the subscription before the third and let the others know. thanks",
            "thank",
        ),
        (
            "sv",
            "price_question",
            "microsoft365",
            "Nej, jag menar en anställd till, så att köpa en licens mitt i året",
            "manage_licenses",
        ),
    ],
)
def test_what_the_words_of_a_follow_up_say_counts_more_than_its_likeliest_intent(
    agent: Agent, language: str, issue: str, product: str, text: str, intent: str
) -> None:
    assert understood(agent, text, language, *answered(language, issue, product))["intent"]["name"] == intent


def test_who_has_no_other_card_gets_a_passage_on_that(agent: Agent) -> None:
    text = "jeg har ikke noe annet kort. vil bare ikke at dere trekker meg igjen neste år"
    parsed = understood(agent, text, "nb", *answered("nb", "remove_payment_method", "microsoft_account"))
    assert entities_of(parsed)["section"] == "what-if-next-year-microsoft-account"  # "you need not remove the card"


def test_a_passage_at_hand_comes_before_an_issue_that_is_named_beside_it(agent: Agent) -> None:
    text = "ok gut. letzte frage: sind meine daten in der sql db noch da oder alles weg"
    parsed = understood(agent, text, "de", *answered("de", "spending_limit"))
    assert parsed["said"]["name"] == "data_retention"
    assert entities_of(parsed)["section"] == "what-happens-data"


def test_who_tried_it_in_vain_and_says_what_came_of_it_gets_the_passage_on_that(agent: Agent) -> None:
    text = "I rang the bank twice already, they say that they have blocked nothing and it must be your fault"
    parsed = understood(agent, text, "en", *answered("en", "card_declined", "microsoft_account"))
    assert entities_of(parsed)["section"] == "what-if-bank-sees-nothing"


def test_a_question_in_place_of_an_address_gets_its_passage(agent: Agent) -> None:
    asked = [*answered("en", "account_compromised"), ActiveLoop("ticket_form")]
    asked += [SlotSet("requested_slot", "contact_email"), BotUttered("?")]
    parsed = understood(agent, "wait, shall I delete those machines or keep them as evidence??", "en", *asked)
    assert entities_of(parsed)["about"] == "account_compromised"
    assert entities_of(parsed)["section"].startswith("what-if")


def test_thanks_do_not_take_the_steps_that_were_offered(agent: Agent) -> None:
    steps = {"title": REPLIES.label("show_steps", "nb"), "payload": "/billing_notifications"}
    said = UserUttered("x", {"name": "billing_notifications"})
    shown = [*answered("nb", "billing_notifications"), said, BotUttered("kort svar", {"buttons": [steps]})]
    for text, act in (
        ("Utmerket. Takk for hjelpen.", "thank"),
        ("supert, takk", "thank"),
        ("ja takk", "billing_notifications"),
    ):
        assert understood(agent, text, "nb", *shown)["intent"]["name"] == act


def test_a_place_that_no_passage_surely_tells_is_offered_likely_ones(agent: Agent) -> None:
    text = "Wohin soll ich den Beleg der Bank schicken"
    parsed = understood(agent, text, "de", *answered("de", "payment_not_registered", "microsoft365"))
    values = entities_of(parsed)
    assert parsed["intent"]["name"] == "ask_where"
    assert "passages" in values or values["section"] == "what-if-proof"


def test_who_asks_about_a_contract_with_the_maker_wants_no_person(agent: Agent) -> None:
    text = "vale, o sea que es el operador. y puedo dejarlo y contratar directamente con microsoft?"
    parsed = understood(agent, text, "es", *answered("es", "partner_billing", "microsoft365"))
    assert parsed["intent"]["name"] != "talk_to_human"


def test_an_objection_about_something_else_entirely_is_still_answered(agent: Agent) -> None:
    text = "no that's not what I meant, I was talking about the weather in Lisbon tomorrow"
    parsed = understood(agent, text, "en", *answered("en", "pay_invoice"))
    assert parsed["intent"]["name"]


def test_a_request_that_ends_with_thanks_is_taken_up(agent: Agent) -> None:
    text = "I need the March invoice with the new address on it, not the old one, thanks"
    parsed = understood(agent, text, "en", *answered("en", "download_invoice"))
    assert parsed["intent"]["name"] != "thank"


def test_a_first_message_gets_the_passage_that_answers_it_best(agent: Agent) -> None:
    text = "we paid by transfer two weeks ago and i'm afraid i put the wrong reference on it, invoice still open"
    parsed = understood(agent, text, "en", ActionExecuted("action_listen"), SlotSet("language", "en"))
    assert parsed["intent"]["name"] == "payment_not_registered"
    assert entities_of(parsed)["section"] == "what-if-wrong-reference"


def test_steps_that_a_passage_took_the_place_of_are_not_shown() -> None:
    waits = [{"entity": "waiting_passage", "value": "refund_request/how-long-azure"}]
    asked = [UserUttered("x", {"name": "refund_request"}, waits), SlotSet("issue", "refund_request")]
    chosen = [SlotSet("product_asked", True), UserUttered("azure", {"name": "choose_product"}), BotUttered("...")]
    said = [*asked, *chosen, SlotSet("waiting_passage_said", "refund_request/how-long-azure")]
    for events, shown in ((said, False), ([*said, UserUttered("/refund_request", {"name": "refund_request"})], True)):
        state = dialogue_state_of(DialogueStateTracker.from_events("x", events))
        assert state is not None
        assert state.steps_shown is shown


def test_a_first_message_on_two_issues_gets_no_passage_in_place_of_them(agent: Agent) -> None:
    text = "My card was declined and now my Azure subscription is disabled."
    parsed = understood(agent, text, "en", ActionExecuted("action_listen"), SlotSet("language", "en"))
    assert parsed["triage"]["second_issue"]
    assert not {"passages", "section"} & {*entities_of(parsed)}


def test_where_the_product_decides_a_first_messages_passage_it_waits_for_the_product(agent: Agent) -> None:
    text = "i would like to know who of us is allowed to change the card that pays for all this"
    parsed = understood(agent, text, "en", ActionExecuted("action_listen"), SlotSet("language", "en"))
    variants = entities_of(parsed)["waiting_passage"].split()
    assert {name.rpartition("/who")[2] for name in variants} >= {"-azure", "-microsoft-365"}


def test_a_first_message_that_wants_the_steps_gets_passages_that_may_fit_beside_them(agent: Agent) -> None:
    text = "my personal plan is billed in euros, but i live in belfast and want to pay in pounds"
    parsed = understood(agent, text, "en", ActionExecuted("action_listen"), SlotSet("language", "en"))
    assert "section" not in entities_of(parsed)
    assert "country_or_currency/what-if-currency-only" in entities_of(parsed)["passages"].split()


def test_a_first_message_that_is_not_understood_gets_likely_answers_to_choose_from(agent: Agent) -> None:
    text = "hi its me again about the office of my mum, she had it on the old one "
    text += "and now its like that again and i dont know"
    parsed = understood(agent, text, "en", ActionExecuted("action_listen"))
    assert parsed["intent"]["name"] == "nlu_fallback"
    names = entities_of(parsed)["passages"].split()
    assert 1 < len(names) <= 4
    assert all(name.partition("/")[0] in load_issues() for name in names)


def test_a_bare_request_for_the_steps_gets_no_passage_beside_them(agent: Agent) -> None:
    parsed = understood(agent, "how do i cancel my azure subscription", "en", ActionExecuted("action_listen"))
    assert not {"passages", "section"} & {*entities_of(parsed)}


@pytest.mark.parametrize(
    ("language", "issue", "text", "passage"),
    [
        (
            "es",
            "card_declined",
            "es el familiar. y como se que ese correo de la tarjeta es de verdad, trae un boton",
            "unrecognized_charge/what-if-message-genuine",
        ),
        (
            "de",
            "understand_bill",
            "firma, 365. warum stehen da 14 lizenzen, gekündigt haben im mai doch zwei mitarbeiter",
            "manage_licenses/what-if-still-charged-microsoft-365",
        ),
    ],
)
def test_what_is_asked_beside_the_product_gets_its_passage_or_a_choice(
    agent: Agent, language: str, issue: str, text: str, passage: str
) -> None:
    products = [{"title": "365", "payload": '/choose_product{"product": "microsoft365"}'}]
    asked = [*answered(language, issue)[:3], SlotSet("product_asked", True), BotUttered("?", {"buttons": products})]
    parsed = understood(agent, text, language, *asked)
    values = entities_of(parsed)
    assert parsed["intent"]["name"] == "choose_product"
    shown = f"{values.get('about')}/{values.get('section')}"
    assert passage in (shown, *values.get("passages", "").split())


def test_what_may_be_ours_is_offered_passages_and_a_match_none(agent: Agent) -> None:
    text = "und meine frau hat noch ihr eigenes konto, muss die da auch mit umziehen?"
    parsed = understood(agent, text, "de", *answered("de", "country_or_currency", "microsoft_account"))
    assert {"passages", "section"} & {*entities_of(parsed)}
    match = understood(agent, "vem vann hockeymatchen i går kväll?", "sv", *answered("sv"))
    assert not {"passages", "section"} & {*entities_of(match)}


def test_another_issue_named_with_the_product_is_answered(agent: Agent) -> None:
    text = "365. hun slutter på fredag, kan en annen få lisensen hennes med det samme?"
    products = [{"title": "365", "payload": '/choose_product{"product": "microsoft365"}'}]
    asked = [*answered("nb")[:3], SlotSet("product_asked", True), BotUttered("?", {"buttons": products})]
    parsed = understood(agent, text, "nb", *asked)
    assert parsed["intent"]["name"] == "manage_licenses"
    assert entities_of(parsed)["product"] == "microsoft365"


def test_an_objection_that_says_more_gets_likely_passages_and_a_bare_one_none(agent: Agent) -> None:
    text = "that's not what i asked. in another subscription, is that possible or not"
    parsed = understood(agent, text, "en", *answered("en", "reservations"))
    assert entities_of(parsed)["section"] == "what-if-other-subscription"
    bare = understood(agent, "that is not what i asked you", "en", *answered("en", "cancel_subscription"))
    assert bare["intent"]["name"] == "objection"
    assert "passages" not in entities_of(bare)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("sv", "ok då lägger jag in kortet på nytt, tack"),
        ("fi", "ok, soittelen sitten Mikalle. kiitos"),
        ("da", "nå, jeg fandt det selv, de tre prikker. nu står der aktiv. tak"),
    ],
)
def test_a_plan_or_a_report_that_ends_with_thanks_is_thanks(agent: Agent, language: str, text: str) -> None:
    assert understood(agent, text, language, *answered(language))["intent"]["name"] == "thank"


def test_a_question_that_begins_with_a_no_objects_to_the_last_answer(agent: Agent) -> None:
    after = answered("en", "refund_request", "microsoft_account")
    parsed = understood(agent, "no i meant the refund, my old card is closed so where does it go", "en", *after)
    assert entities_of(parsed)["objects"] == "yes"
    for text in ("my old card is closed so where does the refund go", "no refund is shown on that page, where is it?"):
        assert "objects" not in entities_of(understood(agent, text, "en", *after))


@pytest.mark.parametrize(
    ("language", "text", "thanks"),
    [
        ("en", "thanks. how do i take her off", False),
        ("sv", "tack så mycket. men vem får ändra det", False),
        ("es", "Muchas gracias. ¿Y cómo hago para que las facturas lleguen a otro correo?", False),
        ("en", "thanks, i'll try that tomorrow", True),
        ("da", "ok tak, så får jeg chefen til at gøre det", True),
    ],
)
def test_what_is_asked_after_a_word_of_thanks_is_answered(agent: Agent, language: str, text: str, thanks: bool) -> None:
    parsed = understood(agent, text, language, *answered(language, "manage_licenses", "microsoft_account"))
    assert (parsed["intent"]["name"] == "thank") is thanks


def test_who_asks_who_may_do_it_wants_no_person(agent: Agent) -> None:
    parsed = understood(agent, "qui peut le faire alors", "fr", *answered("fr", "update_billing_details"))
    assert parsed["intent"]["name"] == "ask_who"


def test_a_button_that_was_offered_does_not_answer_a_question_about_its_issue(agent: Agent) -> None:
    offered = [{"title": "Kortin poistaminen", "payload": "/remove_payment_method"}]
    said = [*answered("fi", "change_payment_method", "microsoft365"), BotUttered("...", {"buttons": offered})]
    parsed = understood(agent, "se ei anna poistaa, nappi on harmaana", "fi", *said)
    assert entities_of(parsed)["about"] == "remove_payment_method"
    assert entities_of(parsed)["section"] == "not-there"


def test_a_few_words_on_the_answer_at_hand_are_no_new_matter(agent: Agent) -> None:
    parsed = understood(agent, "och kan man stoppa det", "sv", *answered("sv", "understand_bill"))
    assert entities_of(parsed)["section"] == "what-if-stop-only-azure"


def test_facts_in_place_of_a_yes_go_into_the_ticket_also_with_a_question_beside_them(agent: Agent) -> None:
    said = [*answered("en", "payment_not_registered"), *asked_for("ticket_consent", "en")[-3:]]
    text = "yes attach it, we paid 312 euros on 4 march with the wrong reference. how long does a transfer take?"
    parsed = understood(agent, text, "en", *said)
    assert parsed["intent"]["name"] == "form_answer"
    assert entities_of(parsed)["section"] == "how-long-transfer"


@pytest.mark.parametrize(
    ("language", "issue", "text"),
    [
        ("sv", "price_question", "Kan jag ångra mig sedan och gå tillbaka?"),
        ("de", "update_billing_details", "2. Für welche Rechnungen gilt die Änderung dann?"),
    ],
)
def test_a_question_that_is_hardly_a_new_matter_is_about_the_one_at_hand(
    agent: Agent, language: str, issue: str, text: str
) -> None:
    parsed = understood(agent, text, language, *answered(language, issue, "microsoft365"))
    assert parsed["intent"]["name"].startswith("ask_")


def test_how_something_is_taken_from_somebody_wants_no_person(agent: Agent) -> None:
    parsed = understood(agent, "and how do i take one away from somebody", "en", *answered("en", "manage_licenses"))
    assert parsed["intent"]["name"] != "talk_to_human"


def test_facts_beside_the_product_leave_the_matter_at_hand(agent: Agent) -> None:
    buttons = [{"title": "Microsoft 365", "payload": '/choose_product{"product": "microsoft365"}'}]
    said = [*answered("sv", "partner_billing", "")[:-1], BotUttered("?", {"buttons": buttons})]
    parsed = understood(agent, "365. vi har 22 licenser och avtalet går ut i mars", "sv", *said)
    assert parsed["intent"]["name"] == "choose_product"
    assert entities_of(parsed)["product"] == "microsoft365"
