"""What a conversation hands over: the draft of its ticket."""

from __future__ import annotations

from typing import Any

from rasa_sdk import Tracker
from rasa_sdk.executor import CollectingDispatcher

from actions.conversation import Turn
from actions.draft import draft_of, summary_of
from bot.tickets.model import TicketDraft


def said(text: str, intent: str, confidence: float = 0.9, at: float = 1.0, **noticed: Any) -> dict[str, Any]:
    ranking = [{"name": intent, "confidence": confidence}, {"name": "past_due_balance", "confidence": 0.05}]
    understood = {"intent": ranking[0], "intent_ranking": ranking, "entities": [], **noticed}
    return {"event": "user", "text": text, "parse_data": understood, "timestamp": at}


def answered(text: str, *buttons: tuple[str, str]) -> dict[str, Any]:
    offered = [{"title": title, "payload": payload} for title, payload in buttons]
    return {"event": "bot", "text": text, "data": {"buttons": offered}, "timestamp": 2.0}


def conversation(*events: dict[str, Any], **slots: Any) -> Turn:
    filled = {"language": "en", "ticket_form_id": "f", "ticket_summary": "s", "ticket_consent": True, **slots}
    said = events[-1].get("parse_data", {})
    tracker = Tracker("c", filled, said, list(events), False, None, {}, "action_listen")
    return Turn(CollectingDispatcher(), tracker)


def draft(*events: dict[str, Any], **slots: Any) -> TicketDraft:
    return draft_of(conversation(*events, **slots))


def test_the_intent_comes_with_its_confidence_and_runners_up_from_the_words_that_named_it() -> None:
    made = draft(
        said("my card was declined", "card_declined", 0.8), said("/affirm", "affirm", 1.0), issue="card_declined"
    )
    assert (made.intent, made.confidence) == ("card_declined", 0.8)
    assert made.runners_up == [("past_due_balance", 0.05)]


def test_a_conversation_without_an_issue_makes_a_ticket_without_intent() -> None:
    made = draft(said("a person please", "talk_to_human"))
    assert (made.intent, made.confidence, made.runners_up) == (None, 0.0, [])


def test_a_pressed_button_stands_in_the_transcript_by_its_title() -> None:
    made = draft(
        answered("Which?", ("Azure", '/choose_product{"product": "azure"}')),
        said('/choose_product{"product":"azure"}', "choose_product"),
    )
    assert [(line.speaker, line.text) for line in made.transcript] == [("bot", "Which?"), ("customer", "Azure")]
    assert made.transcript[0].at == "1970-01-01T00:00:02+00:00"


def test_a_whole_article_stands_in_the_transcript_by_its_title() -> None:
    made = draft(answered("Your card was declined\n\n" + "x" * 2000), said("no", "deny"))
    assert made.transcript[0].text == "Your card was declined […]"


def test_what_an_agent_wrote_stands_in_the_transcript_as_theirs() -> None:
    spoken = {"event": "agent", "text": "x" * 900, "timestamp": 3.0}
    live = {
        "event": "user",
        "text": "it is for the second invoice, too",
        "parse_data": {"intent": {}},
        "timestamp": 4.0,
    }
    made = draft(said("my card was declined", "card_declined"), spoken, live, issue="card_declined")
    lines = [(line.speaker, line.text) for line in made.transcript]
    assert lines[1:] == [("agent", "x" * 900), ("customer", "it is for the second invoice, too")]


def test_what_the_page_asks_for_where_nobody_came_is_not_the_customers_word() -> None:
    asks = said("a person please", "talk_to_human")
    for_them = {**said("/talk_to_human", "talk_to_human"), "metadata": {"language": "en", "desk": "nobody"}}
    made = draft(asks, answered("Wait.", ("Talk to a person", "/talk_to_human")), for_them, answered("Sorry, nobody."))
    lines = [(line.speaker, line.text) for line in made.transcript]
    assert lines == [("customer", "a person please"), ("bot", "Wait."), ("bot", "Sorry, nobody.")]


def test_entities_are_taken_from_the_whole_conversation_once_each() -> None:
    found = [{"entity": "invoice_number", "value": "E0500ABC"}, {"entity": "language", "value": "en"}]
    made = draft(said("a", "pay_invoice", entities=found), said("b", "pay_invoice", entities=found))
    assert made.entities == [("invoice_number", "E0500ABC")]


def test_what_was_tried_is_told_and_several_failures_are_a_signal() -> None:
    made = draft(said("no", "deny"), tried=["card_declined"], failed_steps=["Your card was declined - 3. Choose Edit"])
    assert made.steps_tried == ["Your card was declined", "Your card was declined - 3. Choose Edit"]
    assert made.signals == ["failed_attempts"]


def test_signals_of_all_messages_and_the_strongest_displeasure_go_along() -> None:
    def noticed(label: str, *signals: str) -> dict[str, Any]:
        return {"sentiment": {"label": label, "confidence": 0.7}, "signals": list(signals)}

    made = draft(
        said("a", "pay_invoice", triage=noticed("very_negative", "service_down")),
        said("b", "pay_invoice", triage=noticed("neutral", "deadline", "service_down")),
    )
    assert made.signals == ["service_down", "deadline"]
    assert made.sentiment == ("very_negative", 0.7)


def test_the_summary_is_what_was_said_of_the_issue_in_one_line() -> None:
    turn = conversation(
        said("my card\nwas   declined", "card_declined"), said("and how long?", "ask_how_long"), issue="card_declined"
    )
    assert summary_of(turn) == "my card was declined"


def test_the_summary_begins_with_what_the_conversation_began_with() -> None:
    turn = conversation(
        said("my site is down since this morning", "subscription_disabled"),
        said("who can pay?", "ask_who"),
        said("and how long is my data kept?", "data_retention"),
        issue="data_retention",
    )
    assert summary_of(turn) == "“my site is down since this morning” “and how long is my data kept?”"


def test_a_title_in_the_summary_is_not_quoted_as_the_customers_words() -> None:
    turn = conversation(
        said("our bank payment has the wrong reference", "nlu_fallback"),
        said("/payment_not_registered", "payment_not_registered"),
        said("the sum is right but the reference is that of the last month", "more_detail"),
        issue="payment_not_registered",
    )
    title = turn.article("payment_not_registered").title
    assert f" {title}. “the sum is right" in str(summary_of(turn))


def test_the_summary_holds_what_was_said_later_with_facts_in_it() -> None:
    day = [{"entity": "date", "value": "2 May"}]
    turn = conversation(
        said("we are billed twice for one subscription", "unrecognized_charge"),
        said("ah, that was my trial. can I still cancel it, it was on 2 May?", "ask_what_if", entities=day),
        said("and will we keep the mails?", "ask_what_happens"),
        issue="unrecognized_charge",
    )
    assert "“ah, that was my trial. can I still cancel it, it was on 2 May?”" in str(summary_of(turn))


def test_the_summary_holds_what_says_most_and_for_what_a_person_is_wanted() -> None:
    lost = "but what about the invoices of July, August and September that are out, the tax office wants our new name"
    wish = "good. and then I would like to write to support about those three old invoices, can you pass that on please"
    ranking = [{"name": "talk_to_human", "confidence": 0.8}, {"name": "update_billing_details", "confidence": 0.15}]
    turn = conversation(
        said("our invoices still have the old name", "update_billing_details"),
        said(lost, "ask_what_if"),
        said("and how does he make me an administrator, from his phone maybe", "billing_access"),
        said("I see, so it has to be him", "remark"),
        said(wish, "talk_to_human", intent_ranking=ranking),
        issue="update_billing_details",
    )
    told = str(summary_of(turn))
    assert told.index(lost) < told.index(wish)
    assert "I see" not in told


def test_a_long_wish_for_a_person_that_tells_nothing_is_not_in_the_summary() -> None:
    wish = "I am sorry, I get lost in all this. could I have a person on the phone please, that would be so much easier"
    turn = conversation(
        said("he was our only administrator and nobody can get in", "admin_unavailable"),
        said("his wife does not know the code of the telephone that they send it to", "ask_what_if"),
        said(wish, "talk_to_human"),
        issue="admin_unavailable",
    )
    assert "the code of the telephone" in str(summary_of(turn))
    assert "I get lost" not in str(summary_of(turn))


def test_the_questions_that_were_asked_are_in_the_summary() -> None:
    turn = conversation(
        said("my plan is not in the list", "subscription_not_found"),
        said("who pays?", "ask_who"),
        said("and which papers do they want to see from us?", "ask_what_happens"),
        said("can I not just merge the two accounts?", "ask_what_if"),
        said("could somebody just call me please?", "ask_phone"),
        issue="subscription_not_found",
    )
    papers, merge = "and which papers do they want to see from us?", "can I not just merge the two accounts?"
    assert summary_of(turn) == f"“my plan is not in the list” “{papers}” “{merge}”"


def test_the_first_message_takes_no_place_from_what_was_said_later() -> None:
    first, paid = (
        "this is the SECOND reminder, we paid 3,127.50 on 4 June",
        "it was a transfer, with the wrong number on it",
    )
    asked = "I have the proof, where do I send it, and are my people cut off in the meantime or not, tell me please"
    sums = [{"entity": "amount", "value": "3127.50"}]
    turn = conversation(
        said(first, "payment_not_registered", entities=sums),
        said(paid, "payment_not_registered"),
        said(asked, "ask_what_happens"),
        issue="payment_not_registered",
    )
    assert all(text in str(summary_of(turn)) for text in (first, paid, asked))


def test_a_wish_for_a_person_that_also_tells_of_the_matter_is_the_summary() -> None:
    told = "get me a person please, somebody runs forty machines in our account"
    ranking = [{"name": "talk_to_human", "confidence": 0.8}, {"name": "account_compromised", "confidence": 0.15}]
    assert summary_of(conversation(said(told, "talk_to_human", intent_ranking=ranking))) == told
    assert summary_of(conversation(said("can I please talk to a real person now", "talk_to_human"))) is None


def test_the_summary_holds_what_makes_the_matter_urgent() -> None:
    turn = conversation(
        said("my brother died and he paid for the office", "out_of_scope", triage={"signals": ["death"]}),
        said("i just want to pay with my own card", "change_payment_method"),
        said("that is an office for families, he gave it to me", "remark"),
        issue="change_payment_method",
    )
    assert "my brother died" in str(summary_of(turn))


def test_the_summary_of_an_issue_that_was_only_pressed_is_its_title() -> None:
    assert summary_of(conversation(said("/card_declined", "card_declined"), issue="card_declined")) == (
        "Your card was declined"
    )


def test_a_topic_of_which_only_a_passage_was_shown_is_not_named_in_the_summary() -> None:
    told = "i have paid, and still you write that you will cut us off"
    shown = {"entities": [{"entity": "about", "value": "unrecognized_charge"}]}
    conversed = (said(told, "payment_not_registered"), said("is that mail genuine then", "ask_what_if", **shown))
    title = "A charge you do not recognise"
    assert title not in str(summary_of(conversation(*conversed, issue="unrecognized_charge")))
    pressed = said("/unrecognized_charge", "unrecognized_charge")
    assert title in str(summary_of(conversation(*conversed, pressed, issue="unrecognized_charge")))


def test_without_anything_said_of_the_matter_there_is_no_summary() -> None:
    assert summary_of(conversation(said("a person please", "talk_to_human"))) is None


def test_how_certain_the_language_is_typed_words_say() -> None:
    named = {"entity": "language", "value": "en", "confidence": 0.62}
    typed = said("my card was declined", "card_declined", entities=[named])
    pressed = said("/affirm", "affirm", entities=[{**named, "confidence": 1.0}])
    assert draft(typed, pressed).language_confidence == 0.62
    assert draft(pressed).language_confidence == 1.0
