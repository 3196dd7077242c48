"""What others have written about a person is listed apart: it is neither handed out nor deleted unasked."""

from __future__ import annotations

import json
import time

import pytest
import redis
from sqlalchemy import insert, update

from bot.stores.sessions import Session, as_json, key
from bot.tickets.model import SearchEvent
from bot.tickets.tables import CANDIDATES, OUTBOX
from tests.privacy.conftest import NOW, Kept
from tests.support.servers import RedisServer

ANNA = "anna@x.no"


def references(kept: Kept, redis_url: str | None = None) -> list[str]:
    """Returns what mentions Anna."""
    return list(kept.data(redis_url).find(ANNA).mentions)


def add_candidate(kept: Kept, text: str) -> str:
    """Adds a phrase for review of nobody's ticket; returns its reference."""
    with kept.tickets.engine.begin() as connection:
        values = {"kind": "fallback", "text": text, "language": "nb", "shown": [], "state": "new", "at": NOW}
        return f"candidate:{connection.execute(insert(CANDIDATES).values(**values)).inserted_primary_key[0]}"


def test_tickets_and_conversations_of_others_are_mentions(kept: Kept) -> None:
    mine = kept.ticket("mine", "Anna@X.no")
    kept.say("theirs", "sjefen min er anna@x.no, hun betaler")
    theirs = kept.ticket("theirs", "bo@x.no", summary="Faktura til Anna＠x.no, takk")
    nobodys = kept.ticket("nobodys", None, steps_tried=["skrev til -anna@x.no"])
    refused = kept.ticket("refused", "bo@x.no", way="parked")
    with kept.tickets.engine.begin() as connection:
        reason = "550 copy to an\u00adna@x.no refused"
        connection.execute(update(OUTBOX).where(OUTBOX.c.ticket_id == refused.id).values(reason=reason))
    kept.tickets.record_search(
        SearchEvent(search_id="1", conversation_id="asked", kind="shown", text="hvem er anna＠x.no")
    )
    candidate = add_candidate(kept, "send til ANNA﹫x.no")
    person = kept.data().find(ANNA)
    assert person.references == [mine.number, "conversation:mine"]
    assert person.mentions == {
        theirs.number: "faktura til anna@x.no, takk",
        nobodys.number: "skrev til -anna@x.no",
        refused.number: "550 copy to anna@x.no refused",
        "conversation:theirs": "sjefen min er anna@x.no, hun betaler",
        "conversation:asked": "hvem er anna@x.no",
        candidate: "send til anna@x.no",
    }
    written = json.dumps(kept.data().export(person), default=str)
    assert not [words for words in ("sjefen min", "Faktura til", "skrev til", "hvem er") if words in written]


def test_erasing_leaves_mentions_but_those_that_somebody_has_chosen(kept: Kept) -> None:
    kept.say("mine", "hei", email=ANNA)
    kept.say("left", "anna@x.no skylder oss penger")
    kept.say("chosen", "jeg er anna@x.no")
    left, chosen = (kept.ticket(name, "bo@x.no", summary=f"for anna@x.no, {name}") for name in ("a", "b"))
    phrases = [add_candidate(kept, f"anna＠x.no {number}") for number in range(2)]
    data = kept.data()
    data.erase(data.find(ANNA, [chosen.number, "conversation:chosen", phrases[1]]))
    assert kept.talks() == ["left"]
    assert [ticket.number for ticket in kept.tickets.tickets()] == [left.number]
    assert references(kept) == [left.number, "conversation:left", phrases[0]]
    assert data.find(ANNA).references == []


def test_what_is_chosen_must_be_a_mention(kept: Kept) -> None:
    kept.say("mine", "hei", email=ANNA)
    kept.say("theirs", "hei")
    with pytest.raises(ValueError, match="`conversation:theirs` is not among what mentions"):
        kept.data().find(ANNA, ["conversation:theirs"])


def test_a_conversation_with_two_contacts_is_for_a_person_to_decide(kept: Kept) -> None:
    hers = kept.ticket("shared", ANNA)
    kept.ticket("shared", "bo@x.no", form_id="second")
    person = kept.data().find(ANNA)
    assert person.references == [hers.number]
    assert list(person.mentions) == ["conversation:shared"]


def test_the_contact_is_the_address_that_the_form_ended_with(kept: Kept) -> None:
    for address in (ANNA, None, "bo@x.no", None):
        kept.contact("corrected", address)
    assert references(kept) == ["conversation:corrected"]
    assert kept.data().find("bo@x.no").conversations == ("corrected",)


def test_a_ticket_without_an_address_from_a_persons_conversation_is_theirs(kept: Kept) -> None:
    kept.say("mine", "hei", email=ANNA)
    ticket = kept.ticket("mine", None)
    assert [found.number for found in kept.data().find(ANNA).tickets] == [ticket.number]


@pytest.mark.parametrize("kept", ["sqlite"], indirect=True)
def test_what_the_page_remembers_is_sorted_as_well(kept: Kept, redis_server: RedisServer) -> None:
    with redis.Redis.from_url(redis_server.url) as client:
        client.flushdb()
        for name, email, said in (("mine", "ANNA@x.no", "hei"), ("theirs", None, "kjenner du anna@x.no?")):
            session = Session(name, "nb", "nb", None, expires=time.time() + 60, seen=0.0, page_email=email)
            session.remember({"type": "customer", "text": said})
            client.set(key(name), as_json(session))
        data = kept.data(redis_server.url)
        person = data.find(ANNA)
        assert person.conversations == ("mine",)
        assert references(kept, redis_server.url) == ["conversation:theirs"]
        assert [page["conversation"] for page in data.export(person)["page"]] == ["mine"]
        data.erase(person)
        assert [client.exists(key(name)) for name in ("mine", "theirs")] == [0, 1]
