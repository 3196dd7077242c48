"""The forms of ticket and status in every language: each field interrupted, corrected, cancelled and skipped."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from bot.articles.replies import Replies
from bot.tickets.store import TicketStore
from tests.conftest import Conversation, RunningBot
from tests.conversations.test_triage import NUMBER, spoken

REPLIES = Replies()
LANGUAGES = REPLIES.complete()
ADDRESS = "somebody@example.com"
# Words of no language, so that every conversation stays in its own.
MATTER = "0x80070005"


def at_email(bot: RunningBot, language: str) -> Conversation:
    customer = bot.conversation()
    customer.say(f'/talk_to_human{{"language": "{language}"}}')
    return customer


def at_summary(bot: RunningBot, language: str) -> Conversation:
    customer = at_email(bot, language)
    customer.say(ADDRESS)
    return customer


def at_consent(bot: RunningBot, language: str) -> Conversation:
    customer = at_summary(bot, language)
    customer.say(MATTER)
    return customer


def at_number(bot: RunningBot, language: str) -> Conversation:
    customer = bot.conversation()
    customer.say(f'/ticket_status{{"language": "{language}"}}')
    return customer


def at_owner(bot: RunningBot, language: str) -> Conversation:
    customer = at_number(bot, language)
    customer.say("T-99999-ABCDEF")
    return customer


FIELDS: dict[str, Callable[[RunningBot, str], Conversation]] = {
    "ask_email": at_email,
    "ask_summary": at_summary,
    "ask_consent": at_consent,
    "ask_status_number": at_number,
    "ask_status_email": at_owner,
}


def says(customer: Conversation, key: str, language: str) -> bool:
    return spoken(key, language).search(customer.last.text) is not None


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_question_in_the_middle_is_answered_and_the_form_asks_the_same_again(
    running_bot: RunningBot, language: str, field: str
) -> None:
    customer = FIELDS[field](running_bot, language)
    assert says(customer, field, language)
    customer.say("/bot_challenge")
    assert says(customer, "utter_bot_challenge", language)
    assert says(customer, field, language)
    customer.say("/download_invoice")
    assert customer.last.payload["intent"] == "download_invoice"
    assert customer.last.payload["language"] == language
    assert says(customer, field, language)


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("language", LANGUAGES)
def test_every_field_has_a_button_that_ends_the_form(running_bot: RunningBot, language: str, field: str) -> None:
    customer = FIELDS[field](running_bot, language)
    customer.press("/cancel_form")
    form = "status_form" if "status" in field else "ticket_form"
    assert customer.last.text == REPLIES.dialogue(f"{form}_cancelled", language)
    assert customer.say("/greet").text == REPLIES.text("utter_greet", language)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("da", "jeg vil ikke have en sag"),
        ("de", "nein, ich brauche kein Ticket"),
        ("en", "no no, I don't need a ticket"),
        ("es", "genial, pues ya está, no quiero ticket. gracias!"),
        ("fi", "en halua tikettiä"),
        ("fr", "non merci, pas besoin de ticket"),
        ("nb", "nei, jeg trenger ingen sak"),
        ("nl", "ik hoef geen ticket hoor"),
        ("sv", "jag vill inte ha ett ärende"),
    ],
)
def test_who_wants_no_ticket_is_not_asked_any_more(running_bot: RunningBot, language: str, text: str) -> None:
    assert at_email(running_bot, language).say(text).text == REPLIES.dialogue("ticket_form_cancelled", language)


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "I don't want a ticket, I want a real person"),
        ("de", "ich will kein Ticket, ich will einen Menschen sprechen"),
        ("fi", "en halua tikettiä vaan ihmisen"),
    ],
)
def test_a_person_in_place_of_a_ticket_is_not_lost(running_bot: RunningBot, language: str, text: str) -> None:
    for customer in (running_bot.conversation(), at_email(running_bot, language)):
        customer.say(f'/greet{{"language": "{language}"}}')
        customer.say(text)
        assert says(customer, "ask_email", language)
        assert not says(customer, "ticket_form_cancelled", language)


def test_the_organisation_typed_before_the_ticket_is_sent_says_not_whether_it_may_be(running_bot: RunningBot) -> None:
    told = "båtverft as, example.no"
    added = REPLIES.dialogue("consent_added", "nb", added=f"“{told}”")
    assert at_consent(running_bot, "nb").say(told).text == added


@pytest.mark.parametrize("field", FIELDS)
def test_whoever_says_goodbye_is_not_asked_any_more(running_bot: RunningBot, field: str) -> None:
    customer = FIELDS[field](running_bot, "nb")
    customer.say("/goodbye")
    assert says(customer, "utter_goodbye", "nb")
    assert not says(customer, field, "nb")


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_address_can_be_corrected_at_every_later_field(running_bot: RunningBot, language: str) -> None:
    customer = at_summary(running_bot, language)
    customer.say('/correct_field{"field": "contact_email"}')
    assert says(customer, "ask_email", language)
    customer.say("somebody.else@example.com")
    assert says(customer, "ask_summary", language)
    customer.say(MATTER)
    customer.press('/correct_field{"field": "contact_email"}')
    assert says(customer, "ask_email", language)
    customer.say("a.third@example.com")
    assert says(customer, "ask_consent", language)
    assert "a.third@example.com" in customer.last.text


def test_a_question_beside_the_address_is_answered_before_the_form_goes_on(running_bot: RunningBot) -> None:
    customer = running_bot.conversation()
    customer.say("our only administrator has died and nobody can get into our microsoft 365 any more")
    customer.press("/talk_to_human")
    customer.say(f"{ADDRESS}. does our subscription keep running while this is sorted out?")
    assert "run on" in customer.last.text
    assert ADDRESS in customer.last.text


def test_what_is_told_beside_a_new_address_goes_into_the_ticket(running_bot: RunningBot) -> None:
    customer = at_consent(running_bot, "en")
    customer.press('/correct_field{"field": "contact_email"}')
    customer.say("call me at 020 7946 0000, and I see now that the card expired two months ago and I owe 388 pounds")
    assert says(customer, "ask_consent", "en")
    assert MATTER in customer.last.text
    assert "the card expired two months ago and I owe 388 pounds" in customer.last.text
    customer.press('/correct_field{"field": "contact_email"}')
    customer.say("ann@example.com or 020 7946 0001, our mail has been down since Monday")
    assert "pounds our mail has been down since Monday" in customer.last.text.replace("pounds.", "pounds")


@pytest.mark.parametrize(
    ("issue", "asked", "words"),
    [
        ("card_declined", "can i use the same card once the bank has unblocked it?", "same card works again"),
        ("card_declined", '/more_detail{"section": "who-azure"}', "account administrator"),  # a button
    ],
)
def test_a_passage_that_is_asked_for_in_the_form_is_said(
    running_bot: RunningBot, issue: str, asked: str, words: str
) -> None:
    customer = running_bot.conversation()
    customer.say(f'/{issue}{{"language": "en", "product": "azure"}}')
    customer.press("/talk_to_human")
    customer.say(asked)
    assert words in customer.last.text
    assert says(customer, "ask_email", "en")


def test_what_else_is_said_before_the_ticket_is_sent_goes_into_it(running_bot: RunningBot) -> None:
    customer = at_consent(running_bot, "en")
    text = "and please write that it is about the invoice from May, too"
    assert customer.say(text).text == REPLIES.dialogue("consent_added", "en", added=f"“{text}”")
    number = NUMBER.search(customer.press("/affirm").text)
    assert number is not None
    summary = TicketStore(running_bot.tickets).ticket(number.group()).summary
    assert MATTER in summary
    assert "the invoice from May, too" in summary


def test_a_yes_that_says_more_sends_that_along(running_bot: RunningBot) -> None:
    customer = at_consent(running_bot, "en")
    number = NUMBER.search(customer.say("yes, and write that the photos must not get lost").text)
    assert number is not None
    assert "the photos must not get lost" in TicketStore(running_bot.tickets).ticket(number.group()).summary


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_description_can_be_corrected(running_bot: RunningBot, language: str) -> None:
    customer = at_consent(running_bot, language)
    customer.press('/correct_field{"field": "ticket_summary"}')
    assert says(customer, "ask_summary", language)
    customer.say("0x80070006")
    assert "0x80070006" in customer.last.text
    assert MATTER not in customer.last.text


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_number_can_be_corrected_while_the_address_is_asked_for(running_bot: RunningBot, language: str) -> None:
    customer = at_owner(running_bot, language)
    customer.say('/correct_field{"field": "status_number"}')
    assert says(customer, "ask_status_number", language)
    customer.say("T-99998-ABCDEF")
    assert says(customer, "ask_status_email", language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_another_address_typed_at_the_end_takes_the_place_of_the_first(running_bot: RunningBot, language: str) -> None:
    customer = at_consent(running_bot, language)
    customer.say("new.one@example.com")
    assert says(customer, "ask_consent", language)
    assert "new.one@example.com" in customer.last.text


@pytest.mark.parametrize("language", LANGUAGES)
def test_after_three_texts_that_are_no_address_the_form_offers_to_go_on_without(
    running_bot: RunningBot, language: str
) -> None:
    customer = at_email(running_bot, language)
    for wrong in ("somebody@", "@example.com"):
        customer.say(wrong)
        assert says(customer, "email_wrong", language)
    customer.say("some body@example")
    assert says(customer, "email_given_up", language)
    customer.press("/skip_field")
    assert says(customer, "ask_summary", language)
    customer.say(MATTER)
    assert REPLIES.label("no_email", language) in customer.last.text
    customer.press("/affirm")
    assert says(customer, "ticket_opened_without_address", language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_an_address_that_the_page_knows_is_not_asked_for(running_bot: RunningBot, language: str) -> None:
    customer = running_bot.conversation(email="known@example.com")
    customer.say(f'/talk_to_human{{"language": "{language}"}}')
    assert says(customer, "ask_summary", language)
    assert not says(customer, "ask_email", language)
    customer.say(MATTER)
    assert "known@example.com" in customer.last.text


def test_an_address_from_the_page_that_is_none_is_asked_for(running_bot: RunningBot) -> None:
    customer = running_bot.conversation(email="not an address")
    customer.say("/talk_to_human")
    assert says(customer, "ask_email", "en")


def test_a_free_sentence_is_the_description_even_if_it_names_an_issue(running_bot: RunningBot) -> None:
    customer = at_summary(running_bot, "en")
    customer.say("My card was declined and nobody at the bank knows why")
    assert says(customer, "ask_consent", "en")
    assert "My card was declined and nobody at the bank knows why" in customer.last.text
    assert not customer.last.payload


def test_card_numbers_do_not_get_into_a_ticket(running_bot: RunningBot) -> None:
    customer = at_summary(running_bot, "en")
    customer.say("My card 4111 1111 1111 1111 is declined every time")
    number = NUMBER.search(customer.press("/affirm").text)
    assert number is not None
    ticket = TicketStore(running_bot.tickets).ticket(number.group())
    assert "4111 1111" not in f"{ticket.summary} {ticket.transcript}"


def test_the_same_form_makes_one_ticket_and_the_next_form_another(running_bot: RunningBot) -> None:
    customer = at_consent(running_bot, "en")
    first = NUMBER.search(customer.press("/affirm").text)
    customer.say("/affirm")
    assert NUMBER.search(customer.last.text) is None
    customer.say("/talk_to_human")
    for said in (ADDRESS, MATTER):
        customer.say(said)
    second = NUMBER.search(customer.press("/affirm").text)
    assert first is not None
    assert second is not None
    assert first.group() != second.group()


def test_a_stranger_learns_nothing_and_after_five_guesses_nothing_is_looked_up(running_bot: RunningBot) -> None:
    opened = NUMBER.search(at_consent(running_bot, "en").press("/affirm").text)
    assert opened is not None
    stranger = running_bot.conversation()
    answers = set()
    for number, address in [
        (opened.group(), "wrong@example.com"),
        ("T-99999-ABCDEF", ADDRESS),
        ("T-99999-ABCDEF", "wrong@example.com"),
        (opened.group()[:-1] + ("0" if opened.group()[-1] != "0" else "1"), ADDRESS),
        (opened.group(), "other@example.com"),
        (opened.group(), ADDRESS),  # right, but the sixth
    ]:
        stranger.say('/ticket_status{"language": "en"}')
        stranger.say(number)
        answers.add(stranger.say(address).text)
    assert answers == {REPLIES.dialogue("status_unknown", "en")}


def test_three_texts_without_a_number_end_in_the_same_neutral_answer(running_bot: RunningBot) -> None:
    customer = at_number(running_bot, "nb")
    for _ in range(2):
        customer.say("T-10001")
        assert says(customer, "status_number_wrong", "nb")
    assert customer.say("T-10001").text == REPLIES.dialogue("status_unknown", "nb")


def test_a_ticket_asks_once_for_the_facts_that_it_lacks(running_bot: RunningBot) -> None:
    customer = running_bot.conversation()
    customer.say('/payment_not_registered{"product": "azure", "language": "en"}')
    customer.say("/talk_to_human")
    asked = customer.say(ADDRESS).text
    facts = ", ".join(REPLIES.label(f"fact_{name}", "en") for name in ("invoice_number", "amount", "date"))
    assert REPLIES.dialogue("ask_facts", "en", facts=facts) in asked
    told = customer.say("E0400RWX7P, 845.60 GBP, paid on 28 October 2026").text
    assert told == REPLIES.dialogue("consent_added", "en", added="“E0400RWX7P, 845.60 GBP, paid on 28 October 2026”")
    assert REPLIES.dialogue("ask_facts", "en", facts="\0").partition("\0")[0] not in told


def test_what_is_added_to_a_ticket_is_shown_alone_and_a_changed_description_whole(running_bot: RunningBot) -> None:
    customer = at_consent(running_bot, "en")
    for added in ("the invoice is E0400RWX7P from October", "and please write that we are a charity, that matters"):
        assert customer.say(added).text == REPLIES.dialogue("consent_added", "en", added=f"“{added}”")
    customer.press('/correct_field{"field": "ticket_summary"}')
    assert "The charge in October is not ours." in customer.say("The charge in October is not ours.").text
    assert says(customer, "ask_consent", "en")


def test_a_ticket_about_a_personal_plan_asks_for_the_order_and_no_invoice(running_bot: RunningBot) -> None:
    customer = running_bot.conversation()
    customer.say('/refund_request{"product": "microsoft_account", "language": "en"}')
    customer.say("/talk_to_human")
    asked = customer.say(ADDRESS).text
    assert REPLIES.label("fact_order_number", "en") in asked
    assert REPLIES.label("fact_invoice_number", "en") not in asked


def test_the_draft_of_a_second_ticket_is_shown_whole(running_bot: RunningBot) -> None:
    customer = running_bot.conversation()
    first, later = (
        "my azure card was declined twice today with do not honour",
        "since 9 o'clock 4 of our machines are down",
    )
    customer.say(first)
    customer.say("/talk_to_human")
    assert first in customer.say(ADDRESS).text
    customer.press("/cancel_form")
    customer.say(later)
    customer.say("/talk_to_human")
    shown = customer.say(ADDRESS).text
    assert first in shown
    assert later in shown
    assert ADDRESS in shown


@pytest.mark.parametrize("language", LANGUAGES)
def test_what_is_told_of_the_matter_in_place_of_an_address_goes_into_the_ticket(
    running_bot: RunningBot, language: str
) -> None:
    customer = at_email(running_bot, language)
    told = f"{MATTER} {MATTER} {MATTER} {MATTER} {MATTER} 0x1"
    customer.say(told)
    assert says(customer, "noted", language)
    assert says(customer, "ask_email", language)
    customer.say(ADDRESS)
    assert told in customer.last.text
