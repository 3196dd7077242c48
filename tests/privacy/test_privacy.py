"""What is kept of a person is handed out or deleted as a whole, and of nobody else; what is old goes by itself."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from pathlib import Path

import redis
from sqlalchemy import update

from bot.articles.examples import read_lines
from bot.phrases.review import Review
from bot.privacy.person import PersonalData
from bot.privacy.retention import Expired, expire
from bot.settings import Settings
from bot.stores.sessions import Session, as_json, key
from bot.tickets.model import ConversationOutcome
from bot.tickets.model import as_json as ticket_json
from bot.tickets.tables import CANDIDATES
from tests.privacy.conftest import NOW, Kept
from tests.support.servers import RedisServer


def test_all_of_a_person_is_handed_out_and_nothing_of_others(kept: Kept) -> None:
    kept.contact("told", "Anna@X.no")
    kept.say("told", "kortet er avvist")
    kept.say("other", "skriv til johanna@x.no eller anna@x.no.example.com")
    kept.say("form", "what she said before the form")
    mine = kept.ticket("form", "anna@x.no")
    kept.search("told")
    kept.ticket("theirs", "johanna@x.no")
    kept.tickets.correct(mine.number, intent="billing_access")
    kept.tickets.note(mine.number, "called her back", by="Kari")
    kept.tickets.record_outcomes([ConversationOutcome("told", "handed_over", "card_declined", "nb", None, 0.9)])
    data = kept.data()
    person = data.find("anna@x.no")
    found = data.export(person)
    assert person.mentions == {}
    assert [item["id"] for item in found["conversations"]] == ["form", "told"]
    assert [event.get("text") for event in found["conversations"][1]["events"]] == [None, "kortet er avvist"]
    assert [ticket["number"] for ticket in found["tickets"]] == [mine.number]
    assert ("note", "called her back") in {(each["field"], each["after"]) for each in found["tickets"][0]["changes"]}
    assert [search["kind"] for search in found["searches"]] == ["shown"]
    assert [outcome["outcome"] for outcome in found["outcomes"]] == ["handed_over"]
    assert [phrase["ticket_id"] for phrase in found["candidates"]] == [mine.id]
    assert json.dumps(found, default=str)


def test_a_person_with_letters_beyond_ascii_is_found(kept: Kept) -> None:
    kept.contact("told", "Bjørn.Ærlig@blåbær.no")
    assert kept.data().find("bjørn.ærlig@blåbær.no").conversations == ("told",)


def test_erasing_leaves_nothing_of_a_person_and_all_of_others(kept: Kept, redis_server: RedisServer) -> None:
    kept.say("mine", "hei", email="anna@x.no")
    kept.say("theirs", "hei", email="johanna@x.no")
    kept.ticket("mine", "anna@x.no", way="pending")
    theirs = kept.ticket("theirs", "johanna@x.no", way="delivered")
    kept.tickets.record_outcomes([ConversationOutcome("mine", "handed_over", "card_declined", "nb", None, 0.9)])
    kept.search("mine")
    kept.search("theirs")
    with redis.Redis.from_url(redis_server.url) as client:
        session = Session("mine", "nb", "nb", None, expires=time.time() + 60, seen=0.0, page_email="anna@x.no")
        client.set(key("mine"), as_json(session))
        data = kept.data(redis_server.url)
        data.erase(data.find("ANNA@x.no"))
        assert client.get(key("mine")) is None
    assert kept.talks() == ["theirs"]
    assert [ticket.number for ticket in kept.tickets.tickets()] == [theirs.number]
    assert [way.number for way in kept.tickets.deliveries()] == [theirs.number]
    assert kept.tickets.outcomes() == []
    assert kept.searched() == ["theirs"]
    again = data.export(data.find("anna@x.no"))
    assert (again["conversations"], again["tickets"], again["page"]) == ([], [], [])


def test_what_is_old_goes_and_what_is_still_being_worked_on_stays(kept: Kept) -> None:
    kept.say("old", "hei", days_ago=31)
    kept.say("going on", "hei", days_ago=31)
    kept.say("going on", "er du der?", days_ago=29)
    ended = [
        kept.ticket("closed", "anna@x.no", days_ago=366, state="closed"),
        kept.ticket("delivered", "anna@x.no", days_ago=366, way="delivered"),
    ]
    stay = [
        kept.ticket("open", "bo@x.no", days_ago=366),
        kept.ticket("parked", "bo@x.no", days_ago=366, state="closed", way="parked"),
        kept.ticket("new", "bo@x.no", days_ago=364, state="closed"),
    ]
    for ticket in (*ended, *stay):
        kept.tickets.note(ticket.number, "about the customer", by="Kari")
    kept.search("old", days_ago=31)
    kept.search("going on", days_ago=29)
    before = {ticket.number: ticket_json(kept.tickets.ticket(ticket.number)) for ticket in [*ended, *stay]}
    done = expire(kept.conversations, kept.tickets, NOW, 30, 365)
    assert done == Expired(conversations=1, outcomes=0, tickets=2, candidates=0, held_back=2)
    assert kept.talks() == kept.searched() == ["going on"]
    for ticket in ended:
        now = kept.tickets.ticket(ticket.number)
        assert (now.contact_email, now.summary, now.transcript, now.entities) == (None, "", (), ())
        assert (now.queue, now.intent, now.language) == (ticket.queue, ticket.intent, ticket.language)
    assert [ticket for ticket in (*ended, *stay) if kept.tickets.changes(ticket.number)] == stay
    assert all(ticket_json(kept.tickets.ticket(ticket.number)) == before[ticket.number] for ticket in stay)
    again = expire(kept.conversations, kept.tickets, NOW, 30, 365)
    assert again == Expired(conversations=0, outcomes=0, tickets=0, candidates=0, held_back=2)


def test_what_is_old_or_erased_leaves_the_test_share_of_the_review_too(kept: Kept, tmp_path: Path) -> None:
    for text in ("said once", "said again and again", "new"):
        kept.tickets.record_fallback(text, "en")
    mine = kept.ticket("mine", "anna@x.no", transcript=[])
    kept.tickets.correct(mine.number, intent="refund_request", text="hers")
    settings = Settings(data_dir=tmp_path, review_dir=tmp_path / "review", review_test_share=1)
    review = Review(kept.tickets, settings)
    review.accept([each.ids[0] for each in review.waiting()], "refund_request")
    kept.tickets.record_fallback("said again and again", "en")
    with kept.tickets.engine.begin() as connection:
        old = CANDIDATES.c.id.in_([1, 2])
        connection.execute(update(CANDIDATES).values(at=NOW))
        connection.execute(update(CANDIDATES).where(old).values(at=NOW - timedelta(days=366)))
    path = tmp_path / "review" / "test" / "en.tsv"
    assert expire(kept.conversations, kept.tickets, NOW, 30, 365, tmp_path / "review").candidates == 2
    assert [line.text for line in read_lines(path)] == ["said again and again", "new"]
    assert {each.candidate_id for each in kept.tickets.decisions()} == {3, 4}
    data = PersonalData(kept.conversations, kept.tickets, None, tmp_path / "review")
    hers = tmp_path / "review" / "test" / "nb.tsv"
    assert [line.text for line in read_lines(hers)] == ["hers"]
    data.erase(data.find("anna@x.no"))
    assert not hers.exists()
