"""Whole dialogues through the REST channel of a really running bot."""

from __future__ import annotations

import pytest

from actions.conversation import articles
from actions.passages import section_passages
from bot.articles.issues import load_issues
from bot.articles.replies import Replies
from tests.conftest import Answer, RunningBot
from tests.conversations.test_triage import spoken

REPLIES = Replies()

QUESTIONS = [
    ("nb", "kortet mitt ble avvist", "card_declined"),
    ("en", "my subscription was disabled", "subscription_disabled"),
    ("sv", "jag vill betala en förfallen faktura", "past_due_balance"),
    ("nl", "hoe betaal ik mijn factuur", "pay_invoice"),
]


def passage(issue: str, slug: str, language: str) -> str:
    """Returns what a passage says."""
    return section_passages(articles().article(issue, language), None, slug)[0].text


def assert_answers(answer: Answer, intent: str, language: str) -> None:
    assert answer.payload["intent"] == intent
    assert answer.payload["language"] == language
    assert len(answer.payload["variants"][0]["steps"]) >= 2
    assert len(answer.payload["links"]) >= 2
    assert sum(line.split(". ")[0].strip().isdigit() for line in answer.text.splitlines()) >= 2
    assert answer.text.count("https://") >= 2


@pytest.mark.parametrize(("language", "question", "intent"), QUESTIONS)
def test_an_issue_is_answered_in_the_language_of_the_question(
    running_bot: RunningBot, language: str, question: str, intent: str
) -> None:
    customer = running_bot.conversation()
    asked = customer.say(question)
    assert f"{REPLIES.label('azure', language)}: " in asked.text
    question = (REPLIES.text("utter_ask_product", language), REPLIES.dialogue("ask_work_product", language))
    assert question["microsoft_account" not in load_issues()[intent].products] in asked.text
    assert_answers(customer.press("/choose_product"), intent, language)
    assert REPLIES.text("utter_ask_solved", language) in customer.last.text


@pytest.mark.parametrize("language", ["en", "nb", "sv", "nl"])
def test_a_whole_visit_from_hello_to_goodbye(running_bot: RunningBot, language: str) -> None:
    words = {
        "en": ("hello", "the invoice for azure, how can I pay it?", "yes that solved it", "thank you", "goodbye"),
        "nb": (
            "hei",
            "hvordan får vi betalt azure-fakturaen, vet dere det?",
            "ja, det løste seg",
            "tusen takk",
            "ha det bra",
        ),
        "sv": ("hej", "hur betalar jag fakturan för azure?", "ja, det löste sig", "tack så mycket", "hej då"),
        "nl": ("hallo", "hoe betaal ik de factuur van azure?", "ja, dat is opgelost", "dank je wel", "tot ziens"),
    }[language]
    customer = running_bot.conversation()
    assert customer.say(words[0]).text
    assert_answers(customer.say(words[1]), "pay_invoice", language)
    assert customer.last.payload["product"] == "azure"
    assert customer.say(words[2]).text == REPLIES.text("utter_solved", language)
    assert customer.say(words[3]).text == REPLIES.text("utter_thank", language)
    assert customer.say(words[4]).text == REPLIES.text("utter_goodbye", language)


def test_the_product_is_remembered_and_not_asked_for_again(running_bot: RunningBot) -> None:
    customer = running_bot.conversation()
    customer.say("kortet mitt ble avvist")
    customer.press('/choose_product{"product": "microsoft365"}')
    answer = customer.say("/download_invoice")
    assert_answers(answer, "download_invoice", "nb")
    assert answer.payload["product"] == "microsoft365"


def test_a_question_that_a_passage_answers_gets_it_first_and_the_steps_at_a_press(running_bot: RunningBot) -> None:
    customer = running_bot.conversation()
    asked = customer.say("can I pay several azure invoices at once?")
    assert not asked.payload
    assert "/pay_invoice" in asked.buttons.values()
    assert_answers(customer.press("/pay_invoice"), "pay_invoice", "en")


def test_the_product_may_be_typed_instead_of_pressed(running_bot: RunningBot) -> None:
    customer = running_bot.conversation()
    customer.say("hoe betaal ik mijn factuur")
    answer = customer.say("het gaat om office 365")
    assert_answers(answer, "pay_invoice", "nl")
    assert answer.payload["product"] == "microsoft365"


def test_a_customer_switches_language_in_the_middle_by_writing_in_it(running_bot: RunningBot) -> None:
    customer = running_bot.conversation()
    customer.say("min prenumeration på azure har blivit inaktiverad")
    assert customer.last.payload["language"] == "sv"
    customer.say("I also want to cancel the subscription")
    assert customer.last.payload["language"] == "en"
    assert customer.say("ok").text


def test_no_offers_related_issues_and_a_button_leads_there(running_bot: RunningBot) -> None:
    customer = running_bot.conversation()
    customer.say("my credit card for azure was declined")
    offered = customer.say("no, that didn't help")
    assert "/past_due_balance" in offered.buttons.values()
    assert "/talk_to_human" in offered.buttons.values()
    assert customer.press("/past_due_balance").payload["intent"] == "past_due_balance"


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "I want to speak to a real person"),
        ("nb", "jeg ønsker å snakke med et menneske"),
        ("sv", "jag vill prata med en riktig människa"),
        ("nl", "ik wil een echte medewerker spreken"),
    ],
)
def test_whoever_wants_a_person_is_handed_over(running_bot: RunningBot, language: str, text: str) -> None:
    answer = running_bot.conversation().say(text)
    assert REPLIES.dialogue("hand_over", language) in answer.text
    assert REPLIES.dialogue("ask_email", language) in answer.text


def test_weather_is_refused_twice_then_topics_and_a_person_are_offered(running_bot: RunningBot) -> None:
    customer = running_bot.conversation()
    assert customer.say("hva blir været i Bergen i morgen").text == REPLIES.text("utter_out_of_scope", "nb")
    again = customer.say("og hvem vant kampen i går?")
    assert again.text == REPLIES.dialogue("out_of_scope_again", "nb")
    assert [*again.buttons.values()] == ["/ask_help", "/talk_to_human"]
    offered = customer.say("og hvem blir statsminister?")
    assert offered.text == REPLIES.text("utter_topics", "nb")
    assert len(offered.buttons) == 13
    person = customer.say("og hvem vant valget?")
    assert person.text == REPLIES.dialogue("objection_again", "nb")
    assert [*person.buttons.values()] == ["/talk_to_human"]


def test_no_to_a_refusal_is_asked_for_in_other_words(running_bot: RunningBot) -> None:
    customer = running_bot.conversation()
    assert customer.say("hva blir været i Bergen i morgen").text == REPLIES.text("utter_out_of_scope", "nb")
    assert customer.say("nei").text == REPLIES.text("utter_rephrase", "nb")


def test_the_bot_says_plainly_that_it_is_a_bot(running_bot: RunningBot) -> None:
    assert running_bot.conversation().say("are you a human?").text == REPLIES.text("utter_bot_challenge", "en")


@pytest.mark.parametrize(
    ("language", "question", "yes"),
    [
        ("en", "are you a human?", "yes please"),
        ("de", "bist du ein mensch?", "ja bitte"),
        ("nl", "ben je mens", "ja"),
    ],
)
def test_yes_to_the_offer_of_a_person_is_taken(running_bot: RunningBot, language: str, question: str, yes: str) -> None:
    customer = running_bot.conversation()
    assert REPLIES.text("utter_bot_challenge", language) in customer.say(question).text
    assert REPLIES.dialogue("hand_over", language) in customer.say(yes).text
    assert REPLIES.dialogue("ask_email", language) in customer.last.text


def test_yes_to_a_person_after_two_objections_is_taken(running_bot: RunningBot) -> None:
    customer = running_bot.conversation()
    customer.say("how do I cancel my azure subscription")
    for words in ("that is not what i asked", "still not what i asked"):
        customer.say(words)
    assert customer.last.text == REPLIES.dialogue("objection_again", "en")
    assert REPLIES.dialogue("ask_email", "en") in customer.say("yes").text


def test_two_questions_in_a_message_get_two_passages(running_bot: RunningBot) -> None:
    customer = running_bot.conversation()
    customer.say('/manage_licenses{"language": "en", "product": "microsoft365"}')
    answer = customer.say("who is allowed to buy licences? and how do i make a shared mailbox like info@?")
    assert "needs access to Billing" in answer.text
    assert "Shared mailboxes" in answer.text
    assert "Shared mailboxes" not in customer.say("yes but how do i make that shared mailbox like info@?").text


def test_a_question_asked_once_more_never_gets_the_same_text(running_bot: RunningBot) -> None:
    customer = running_bot.conversation()
    customer.say('/renew_subscription{"language": "en", "product": "microsoft_account"}')
    assert "no paid time" in customer.say("are the two weeks that are left lost if i renew today?").text
    again = customer.say("no, i mean: are the two weeks that are left lost if i renew today?")
    assert again.text
    assert "no paid time" not in again.text


def test_an_address_left_in_the_conversation_opens_the_form_and_is_not_asked_for(running_bot: RunningBot) -> None:
    customer = running_bot.conversation()
    customer.say("my card for azure was declined")
    customer.say("no, that didn't help at all")
    answer = customer.say("please pass it on then, ann@example.com")
    assert REPLIES.dialogue("let_down", "en") in answer.text
    assert REPLIES.dialogue("ask_email", "en") not in answer.text
    assert "Contact: ann@example.com" in answer.text


def test_the_address_that_a_mail_came_from_is_not_the_customers(running_bot: RunningBot) -> None:
    customer = running_bot.conversation()
    customer.say("my card for azure was declined")
    answer = customer.say("is that mail genuine, it came from microsoft-noreply@microsoft.com")
    assert REPLIES.dialogue("hand_over", "en") not in answer.text


def test_a_question_that_begins_with_a_no_is_answered_with_regret(running_bot: RunningBot) -> None:
    customer = running_bot.conversation()
    customer.say('/manage_licenses{"product": "microsoft365", "language": "nb"}')
    answer = customer.say("nei jeg spurte hvem hos oss som har lov til å gjøre det")
    assert answer.text.startswith(REPLIES.dialogue("misread", "nb"))
    assert passage("manage_licenses", "who-microsoft-365", "nb") in answer.text


def test_a_misreading_is_regretted_once(running_bot: RunningBot) -> None:
    customer = running_bot.conversation()
    customer.say('/data_retention{"language": "en", "product": "microsoft365"}')
    misread = REPLIES.dialogue("misread", "en")
    assert customer.say("no, that's not it. i asked who can still get at our data").text.startswith(misread)
    assert misread not in customer.say("you did not answer me. is our whole organisation deleted").text


def test_a_case_number_of_microsoft_is_known_wherever_it_is_written(running_bot: RunningBot) -> None:
    number, told = "2611240040001234", spoken("foreign_case", "en")
    assert told.fullmatch(running_bot.conversation().say(number).text)
    customer = running_bot.conversation()
    assert REPLIES.dialogue("ask_status_number", "en") in customer.say("where is my ticket").text
    assert told.fullmatch(customer.say(number).text)
    assert not told.search(customer.say("ok").text)


def test_whoever_objects_with_the_matter_that_was_answered_is_not_told_of_a_misunderstanding(
    running_bot: RunningBot,
) -> None:
    customer = running_bot.conversation()
    customer.say("hva koster en lisens til i microsoft 365")
    answer = customer.say("jeg spurte om prisen")
    assert spoken("answer_known", "nb").fullmatch(answer.text)
    assert "/talk_to_human" in answer.buttons.values()


def test_help_leads_to_every_topic_it_names(running_bot: RunningBot) -> None:
    customer = running_bot.conversation()
    offered = customer.say("wat kun je allemaal?")
    topics = [payload[1:] for payload in offered.buttons.values() if payload[1:] in load_issues()]
    assert len(topics) == 12
    for topic in topics:
        visitor = running_bot.conversation()
        visitor.say(f"/{topic}")
        assert visitor.press("/choose_product").payload["intent"] == topic


@pytest.mark.parametrize(
    "text", ["", " ", "?", "👍", "a" * 3000, "<script>alert(1)</script>", "\u202eabc", "/", "/nosuchintent", "12345"]
)
def test_odd_messages_get_an_answer_and_break_nothing(running_bot: RunningBot, text: str) -> None:
    customer = running_bot.conversation()
    if text.strip():
        assert customer.say(text).messages
    assert customer.say("my card was declined on azure").payload["intent"] == "card_declined"


def test_the_passage_that_the_first_message_asks_for_is_said_and_its_steps_are_a_button(
    running_bot: RunningBot,
) -> None:
    customer = running_bot.conversation()
    text = "we transferred the amount two weeks ago but with the wrong reference number on it "
    text += "and the invoice is still open"
    answer = customer.say(text)
    assert passage("payment_not_registered", "what-if-wrong-reference", "en") in answer.text
    assert not answer.payload
    assert REPLIES.text("utter_ask_product", "en") not in answer.text
    assert customer.press("/payment_not_registered").text.endswith(REPLIES.text("utter_ask_product", "en"))
    assert customer.say("azure").payload["intent"] == "payment_not_registered"


def test_a_passage_that_differs_by_product_waits_for_the_product(running_bot: RunningBot) -> None:
    customer = running_bot.conversation()
    text = "how long does it take until we get the money back after the refund was approved by your people"
    assert customer.say(text).text.endswith(REPLIES.text("utter_ask_product", "en"))
    assert (
        passage("refund_request", "how-long-azure", "en") in customer.press('/choose_product{"product": "azure"}').text
    )
    assert "/refund_request" in customer.last.buttons.values()


def test_passages_that_may_fit_the_first_message_come_with_its_steps(running_bot: RunningBot) -> None:
    customer = running_bot.conversation()
    text = "my personal plan is billed in euros, but i live in belfast and want to pay in pounds"
    assert REPLIES.dialogue("case_passages", "en") in customer.say(text).text
    assert customer.press("/more_detail").text
