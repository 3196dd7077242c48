"""A ticket as an agent reads it, and as a program does."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from bot.articles.replies import Replies
from bot.settings import get_settings
from bot.text.yaml_files import read_yaml
from bot.tickets.delivery.message import body, subject
from bot.tickets.model import as_json
from bot.tickets.store import TicketStore
from tests.tickets.conftest import ROOT, a_draft

LANGUAGES = Replies().complete()
FOLDER = ROOT / "data" / "tickets"


@pytest.fixture
def store(tmp_path: Path) -> TicketStore:
    return TicketStore(f"sqlite:///{tmp_path / 'tickets.db'}")


def test_a_norwegian_ticket_reads_so(store: TicketStore) -> None:
    ticket = store.open(a_draft())
    assert subject(ticket) == f"[{ticket.number}] Kortet mitt ble avvist"
    assert body(ticket) == (
        "Hva saken gjelder: Kortet mitt ble avvist\n"
        "\n"
        "Kontakt: Kari.Nordmann@example.com\n"
        "Tema: Kortet ble avvist (card_declined), 82 %\n"
        "Kan også være: Forfalt beløp (past_due_balance), 9 %; "
        "Betalt, men vises ikke (payment_not_registered), 4 %\n"
        "Språk: nb, 98 %\n"
        "Produkt: Azure\n"
        "Kø: betaling\n"
        "Prioritet: haster (fordi: Kortet ble avvist (card_declined); det er en frist)\n"
        "Stemning: negativ, 71 %\n"
        "Nevnt i samtalen: Fakturanummer E0500ABCDE; Beløp 129 EUR\n"
        "\n"
        "Allerede prøvd:\n"
        "  - Sjekket utløpsdatoen\n"
        "\n"
        "Samtalen (UTC):\n"
        "  10:42 Kunde: kortet mitt ble avvist\n"
        "  10:42 Bot: Gjelder det Azure eller Microsoft 365?\n"
        "\n"
        "Merkelapper: intent__card_declined language__nb product__azure priority__urgent\n"
    )


def test_what_is_not_known_is_left_out(store: TicketStore, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = get_settings().copy(update={"tickets_language": "en"})
    monkeypatch.setattr("bot.tickets.delivery.message.get_settings", lambda: settings)
    draft = a_draft(
        intent=None, product=None, contact_email=None, consent=False, sentiment=None, signals=[], runners_up=[]
    )
    text = body(store.open(draft))
    assert text == (
        "What is wrong: Kortet mitt ble avvist\n"
        "\n"
        "Contact: would rather not say\n"
        "Issue: not recognised\n"
        "Language: nb, 98%\n"
        "Queue: billing\n"
        "Priority: normal (because: no issue was recognised)\n"
        "\n"
        "Tried already:\n"
        "  - Sjekket utløpsdatoen\n"
        "\n"
        "The customer does not want the conversation passed on.\n"
        "\n"
        "Tags: language__nb priority__normal\n"
    )


def test_a_telephone_number_is_a_contact(store: TicketStore) -> None:
    numbered = a_draft(entities=[("phone", "+1 555 010 0199"), ("amount", "129 EUR")])
    text = body(store.open(numbered))
    assert "Kontakt: Kari.Nordmann@example.com, +1 555 010 0199\n" in text
    assert text.count("555 010 0199") == 1


def test_a_long_summary_of_several_lines_is_one_short_subject(store: TicketStore) -> None:
    ticket = store.open(a_draft(summary="first line\nBcc: everybody@example.com\n" + "long " * 60))
    assert "\n" not in subject(ticket)
    assert len(subject(ticket)) == 120


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_every_heading(language: str) -> None:
    def shape(value: Any) -> Any:
        return {key: shape(item) for key, item in value.items()} if isinstance(value, dict) else bool(value)

    assert shape(read_yaml(FOLDER / f"{language}.yml", ValueError)) == shape(read_yaml(FOLDER / "en.yml", ValueError))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_ticket_is_written_in_its_own_language(store: TicketStore, language: str) -> None:
    text = body(store.open(a_draft(language=language, signals=["service_down", "legal", "frustration"])))
    words = read_yaml(FOLDER / f"{language}.yml", ValueError)
    assert text.startswith(f"{words['summary']}: ")
    assert Replies().topic("card_declined", language) in text
    for reason in ("service_down", "legal", "frustration"):
        assert words["reasons"][reason] in text


def test_a_text_that_is_no_language_gets_the_english_headings(store: TicketStore) -> None:
    english, unknown = (
        body(store.open(a_draft(language=language, form_id=language))) for language in ("en", "x" * 300)
    )
    assert english.splitlines()[-3:-1] == unknown.splitlines()[-3:-1]


@pytest.mark.parametrize(
    "changes",
    [{}, {"intent": None, "consent": False, "contact_email": None, "sentiment": None, "product": None}],
)
def test_the_published_schema_describes_what_is_posted(store: TicketStore, changes: dict[str, Any]) -> None:
    schema = json.loads((ROOT / "docs" / "ticket.schema.json").read_text(encoding="utf8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    posted = json.loads(json.dumps({"version": 1, "ticket": as_json(store.open(a_draft(**changes)))}))
    jsonschema.Draft202012Validator(schema).validate(posted)
    posted["ticket"]["priority"] = "soon"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(schema).validate(posted)
