"""Answers to the bot's own questions, read by their words."""

from __future__ import annotations

import pytest

from bot.nlu.answers import read_answer


@pytest.mark.parametrize(
    ("language", "text", "product"),
    [
        ("en", "its microsoft 365, not azure", "microsoft365"),
        ("en", "whats azure? its word and excel and outlook", "microsoft365"),
        ("en", "not office 365, azure", "azure"),
        ("en", "E3", "microsoft365"),
        ("en", "my VMs", "azure"),
        ("en", "the family one", "microsoft_account"),
        ("nb", "365. men jeg er bare daglig leder, har jeg lov til å endre det der?", "microsoft365"),
        ("de", "nein das ist 365", "microsoft365"),
        ("es", "no es azure, es office", "microsoft365"),
        ("fi", "ei azure vaan 365", "microsoft365"),
        ("en", "both", "both"),
        ("nb", "begge deler", "both"),
        ("sv", "båda", "both"),
        ("da", "begge dele", "both"),
        ("de", "beides", "both"),
        ("nl", "allebei", "both"),
        ("fr", "les deux", "both"),
        ("es", "los dos", "both"),
        ("fi", "molemmat", "both"),
        ("en", "everything except the home one", "both"),
        ("de", "die ersten zwei, nicht das private", "both"),
        ("es", "los dos primeros, el de casa no", "both"),
        ("fr", "tout sauf le perso", "both"),
        ("fr", "ni l'un ni l'autre", "neither"),
        ("nl", "geen van beide", "neither"),
        ("nl", "geen van beide, het is Family, voor thuis", "microsoft_account"),
        ("en", "neither, it's our family plan", "microsoft_account"),
        ("en", "what's azure?", "unknown"),
        ("fr", "aucune idée", "unknown"),
        ("en", "the invoice is wrong", None),
    ],
)
def test_an_answer_names_the_product(language: str, text: str, product: str | None) -> None:
    assert read_answer(text, language).product == product


@pytest.mark.parametrize(
    ("language", "text", "agrees"),
    [
        ("en", "yes please", True),
        ("en", "no, keep the chat out of it", False),
        ("de", "jo passt", True),
        ("nb", "nei, ikke send det", False),
        ("en", "the invoice", None),
    ],
)
def test_an_answer_begins_with_yes_or_no(language: str, text: str, agrees: bool | None) -> None:
    assert read_answer(text, language).agrees is agrees


@pytest.mark.parametrize(
    ("language", "text", "place"),
    [
        ("en", "the first one", 0),
        ("de", "das zweite", 1),
        ("fr", "la deuxième", 1),
        ("fi", "ensimmäinen", 0),
        ("en", "my card", None),
    ],
)
def test_an_answer_names_one_of_two_by_its_place(language: str, text: str, place: int | None) -> None:
    assert read_answer(text, language).place == place


def test_diacritics_may_be_left_out_but_not_be_too_many() -> None:
    for text in ("henkilökohtainen", "henkilokohtainen"):
        assert read_answer(text, "fi").product == "microsoft_account"
    assert not read_answer("får jeg pengene tilbage?", "da").named  # "get", and no "far" (father)
    assert read_answer("andra alternativet", "sv").place == 1
    assert read_answer("jag vill ändra mitt kort", "sv").place is None
    assert read_answer("la premiere", "fr").place == read_answer("la première", "fr").place == 0
    assert read_answer("le troisième montre encore la vieille carte", "fr").place is None


def test_thanks_are_noticed_anywhere() -> None:
    assert read_answer("nein alles gut, danke", "de").thanks
    assert not read_answer("that did not help", "en").thanks
    assert not read_answer("kysyin sopimuksen tyyppiä, en päivää", "fi").thanks


@pytest.mark.parametrize(
    ("language", "text", "another"),
    [
        ("en", "One more thing: where do I find last year's invoices?", True),
        ("en", "add another card", False),
        ("nb", "da tar vi noe annet, jeg skal ha ned antallet lisenser", True),
        ("sv", "tack! En fråga till, hur byter jag kort?", True),
        ("da", "og så en anden ting", True),
        ("de", "neue frage: wie kündige ich", True),
        ("nl", "andere vraag dan", True),
        ("fr", "tant que je vous tiens, les factures arrivent chez mon prédécesseur", True),
        ("es", "otra cosa, necesito la factura de mayo", True),
        ("fi", "Sitten toinen asia: mistä saan kuitin?", True),
        ("fr", "l'autre carte", False),
    ],
)
def test_another_matter_is_announced(language: str, text: str, another: bool) -> None:
    assert read_answer(text, language).another is another


@pytest.mark.parametrize(
    ("language", "text", "ticket"),
    [
        ("en", "that did not help. Please open a ticket", True),
        ("en", "do not open a ticket", False),
        ("fr", "ouvrez un ticket", True),
        ("de", "bitte ein Ticket eröffnen", True),
        ("de", "ich will kein Ticket machen", False),
        ("nb", "opprett en sak", True),
        ("nb", "nei, ikke lag en sak", False),
        ("da", "jeg vil gerne have oprettet en sag", True),
        ("sv", "skapa ett ärende åt mig", True),
        ("fi", "tehkää tukipyyntö", True),
        ("es", "quiero abrir un ticket", True),
        ("nl", "maak maar een ticket aan", True),
        ("en", "I opened a ticket yesterday", False),
        ("fr", "ouvrez-moi une demande auprès du support s'il vous plaît", True),
        ("de", "hilft null. ticket bitte, mit telefonnummer", True),
        ("de", "ticket bitte nicht anlegen", False),
        ("en", "please open a ticket the card doesn't work", True),
        ("da", "opret en sag det virker ikke", True),
        ("fr", "ouvrez un ticket je ne peux pas payer", True),
        ("es", "ábreme una incidencia", True),
        ("nb", "registrer en henvendelse", True),
        ("nl", "doe mij een ticket", True),
        ("sv", "lägg upp en ticket", True),
        ("fi", "tee mulle tiketti tästä", True),
        ("de", "nehmen sie das auf die rechnung", False),
    ],
)
def test_a_ticket_is_asked_for_in_so_many_words(language: str, text: str, ticket: bool) -> None:
    assert read_answer(text, language).ticket is ticket


@pytest.mark.parametrize(
    ("language", "text", "unwanted"),
    [
        ("sv", "Jag vill inte ha en människa, utan byta vem som har licensen", True),
        ("es", "no se si quiero persona, primero quiero saber si es real", True),
        ("de", "bitte keinen Mitarbeiter, nur die Nummer", True),
        ("en", "I don't want a human, who can have the licence?", True),
        ("en", "I don't want a ticket, I want a person", False),
        ("en", "no, a person please", False),
        ("en", "I don't want to talk to a bot", False),
        ("en", "there is no human answering", False),
        ("de", "ich erreiche keinen Mitarbeiter", False),
        ("sv", "ingen människa svarar", False),
        ("es", "si quiero persona", False),
        ("nl", "ik kan geen medewerker bereiken", False),
        ("nb", "nei, et menneske takk", False),
        ("fr", "non, je veux parler à quelqu'un", False),
    ],
)
def test_who_wants_no_person_is_told_from_who_says_no_and_wants_one(language: str, text: str, unwanted: bool) -> None:
    assert read_answer(text, language).no_person is unwanted


@pytest.mark.parametrize(
    ("language", "text", "unwanted"),
    [
        ("es", "no no, ticket no hace falta. solo si dos personas pueden tener ese rol", True),
        ("en", "I don't want a ticket, I want a person", True),
        ("da", "nej nej ikke en sag. jeg spurgte om to kan få dem", True),
        ("nl", "ik heb nog geen ticket gekregen", False),
        ("en", "please open a ticket", False),
    ],
)
def test_who_wants_no_ticket_is_told_from_who_has_none(language: str, text: str, unwanted: bool) -> None:
    assert read_answer(text, language).no_ticket is unwanted


@pytest.mark.parametrize(
    ("language", "text", "agreement"),
    [
        ("en", "we have a Microsoft Customer Agreement, where are the invoices?", "customer_agreement"),
        ("en", "where are the invoices with our MCA?", "customer_agreement"),
        ("en", "do we have an enterprise agreement?", ""),
        ("en", "do I need a customer agreement for that?", ""),
        ("en", "we have no EA", ""),
        ("en", "not sure if we have an enterprise agreement", ""),
        ("en", "so a customer agreement?", ""),
        (
            "nl",
            "die rol heb ik op het factureringsprofiel, dus klantovereenkomst. waar klik ik dan?",
            "customer_agreement",
        ),
        ("da", "vi har en Microsoft kundeaftale. hvor ligger fakturaerne", "customer_agreement"),
        ("de", "wir haben eine Microsoft-Kundenvereinbarung, wo finde ich die Rechnung?", "customer_agreement"),
        ("es", "tenemos un contrato de cliente de Microsoft", "customer_agreement"),
        ("fi", "meillä on Enterprise Agreement, kuka voi vaihtaa kortin", "enterprise"),
        ("fr", "nous avons un contrat client Microsoft", "customer_agreement"),
        ("nb", "har vi en kundeavtale?", ""),
        ("nl", "wij hebben een klantovereenkomst", "customer_agreement"),
        ("sv", "vi har ett enterprise-avtal", "enterprise"),
    ],
)
def test_a_billing_agreement_is_told_from_a_question_for_one(language: str, text: str, agreement: str) -> None:
    assert read_answer(text, language).agreement == agreement


@pytest.mark.parametrize(
    ("language", "text", "corrects"),
    [
        ("en", "that's not what I asked. where is the invoice?", True),
        ("en", "No I mean the other card", True),
        ("en", "does it open in the browser I mean", False),
        ("da", "Det var ikke mit spørgsmål. Skal kortet også ændres?", True),
        ("de", "danach hab ich nicht gefragt", True),
        ("de", "ich habe noch eine Frage", False),
        ("es", "no me has contestado, cuándo lo devuelven", True),
        ("fi", "Ette vastanneet. Mitä papereita tarvitsette?", True),
        ("fr", "mais répondez à ma question !", True),
        ("fr", "le support ne répond pas", False),
        ("nb", "jeg spurte ikke om telefon", True),
        ("nl", "dat vroeg ik niet", True),
        ("sv", "Det var inte det jag frågade. Var ser jag det?", True),
    ],
)
def test_a_message_says_that_the_last_answer_was_about_something_else(language: str, text: str, corrects: bool) -> None:
    assert read_answer(text, language).corrects is corrects
