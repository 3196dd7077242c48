"""Sentences of messages as customers write them: what says something stays, the rest goes."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.nlu.models.sentences import clauses, own_words
from bot.nlu.models.triage_evidence import parts_of
from bot.nlu.models.triage_words import load_triage_words
from bot.text.lexicon import LexiconError

LANGUAGES = ("en", "nb", "sv", "nl", "da", "de", "fr", "es", "fi")

# language -> an e-mail whose second line says something
EMAILS = {
    "en": "Hi there,\nMy card was refused.\nThanks in advance!\nKind regards\nAnna Smith\nSent from my iPhone",
    "nb": "Hei!\nKortet ble avvist.\nTakk på forhånd!\nMvh\nKari\nDaglig leder\nSendt fra min iPhone",
    "sv": "Hej!\nKortet nekades.\nTack på förhand!\nMed vänlig hälsning\nKarin\nSkickat från min iPhone",
    "nl": "Beste mensen,\nMijn kaart is geweigerd.\nAlvast bedankt!\nMet vriendelijke groet,\nSanne",
    "da": "Hej,\nKortet blev afvist.\nPå forhånd tak!\nVenlig hilsen\nMette\nSendt fra min iPhone",
    "de": "Sehr geehrte Damen und Herren,\nmeine Karte wurde abgelehnt.\nVielen Dank!\nMfG\nUwe",
    "fr": "Bonjour,\nMa carte a été refusée.\nMerci d'avance !\nCordialement,\nLucie",
    "es": "Buenos días:\nHan rechazado mi tarjeta.\n¡Muchas gracias!\nUn saludo,\nLucía",
    "fi": "Hei,\nKorttini hylättiin.\nKiitos jo etukäteen!\nYstävällisin terveisin\nAino",
}


def sentences(text: str, language: str, folder: Path) -> list[str]:
    """The sentences of a message that say something."""
    return list(parts_of(text, language, folder).sentences)


@pytest.fixture(scope="module")
def folder(root: Path) -> Path:
    return root / "data"


@pytest.mark.parametrize("language", LANGUAGES)
def test_greeting_thanks_and_signature_are_left_out(language: str, folder: Path) -> None:
    text = EMAILS[language]
    assert sentences(text, language, folder) == [text.splitlines()[1]]


def test_a_greeting_in_the_same_sentence_is_taken_off(folder: Path) -> None:
    assert sentences("Hei, jeg finner ikke fakturaen", "nb", folder) == ["jeg finner ikke fakturaen"]


def test_quoted_older_mail_is_left_out(folder: Path) -> None:
    text = "It is still not solved.\n\nOn Monday Microsoft Support wrote:\n> Please pay the invoice.\n> Regards"
    assert sentences(text, "en", folder) == ["It is still not solved."]
    text = "Det er fortsatt stengt.\n\nFra: Microsoft\nSendt: mandag\nEmne: Faktura\n\nBetal fakturaen."
    assert sentences(text, "nb", folder) == ["Det er fortsatt stengt."]


def test_the_subject_of_a_pasted_mail_stays(folder: Path) -> None:
    assert "Card refused" in sentences("Subject: Card refused\nPlease help me with it today.", "en", folder)


def test_a_postscript_after_the_signature_stays(folder: Path) -> None:
    text = "My card was refused.\nKind regards\nAnna\nPS: where do I download my last invoice?"
    assert sentences(text, "en", folder)[-1] == "PS: where do I download my last invoice?"


@pytest.mark.parametrize("text", ["Hi", "thanks!", "Mvh", "> quoted", "?"])
def test_a_message_with_nothing_else_in_it_stays_as_it_is(text: str, folder: Path) -> None:
    assert sentences(text, "en", folder) == [text]
    assert own_words(text, "en", folder) == [text]


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("de", "Ich brauche z. B. eine Rechnung.|Wo finde ich sie?"),
        ("de", "Am 3. Mai gingen 22,40 weg.|Warum?"),
        ("de", "Wir nutzen Microsoft 365.|Nun ist das Abo weg."),
        ("nb", "Se bl.a. faktura nr. 12 fra 3. mai.|Hva gjør jeg?"),
        ("nb", "Jeg betaler for Microsoft 365.|Kortet er nytt."),
        ("da", "Beløbet skal betales den 30.|Hvor gør jeg det?"),
        ("da", "Fakturaen siger 50.000.|Er det rigtigt?"),
        ("sv", "Fakturan kom den 3:e.|Kan ni t.ex. dela upp den?"),
        ("nl", "Ik heb het nummer bij de hand.|Wat nu?"),
        ("fi", "Tilaus päättyi 2. päivä, lasku maksettiin 12.11. viitteellä.|Miksi?"),
        ("es", "Estuve en el hospital.|¿Cómo pago?|¡Ayuda!"),
        ("fr", "La page dit « payez maintenant. »|Je paye où ?|C'est M. Petit qui demande."),
        ("en", "Mr. Smith and my wife's.|Well ... it's J. Smith.|Done"),
        ("en", "My card was refused.|I don't.|What now?!|Help"),
        ("xx", "eins.|zwei"),
    ],
)
def test_a_sentence_ends_where_a_reader_would_say_so(language: str, text: str, folder: Path) -> None:
    assert own_words(text.replace("|", " "), language, folder) == text.split("|")


def test_a_sentence_ends_where_the_blank_after_it_was_forgotten(folder: Path) -> None:
    assert own_words("kortet ble avvist.Hva nå? se portal.azure.com", "nb", folder) == [
        "kortet ble avvist.",
        "Hva nå?",
        "se portal.azure.com",
    ]


@pytest.mark.parametrize(
    ("language", "text", "second"),
    [
        ("en", "my card was refused and where is my invoice", "and where is my invoice"),
        ("nb", "kortet ble avvist og nå er abonnementet deaktivert", "og nå er abonnementet deaktivert"),
        ("de", "meine Karte geht nicht, außerdem will ich kündigen", "außerdem will ich kündigen"),
        ("fi", "kortti hylättiin ja tilaus on poissa käytöstä", "ja tilaus on poissa käytöstä"),
    ],
)
def test_a_sentence_is_cut_where_a_second_matter_may_begin(language: str, text: str, second: str, folder: Path) -> None:
    assert clauses(text, language, folder)[-1] == second


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_clauses_of_a_sentence_have_all_of_its_words(language: str, folder: Path) -> None:
    text = "one, two three and four five; six - seven also eight nine ten"
    words = "".join(clauses(text, language, folder)).translate(str.maketrans("", "", " ,;-"))
    assert words == text.translate(str.maketrans("", "", " ,;-"))


def test_a_language_without_word_lists_is_split_all_the_same(folder: Path) -> None:
    assert sentences("Kartım reddedildi. Faturam nerede?", "tr", folder) == ["Kartım reddedildi.", "Faturam nerede?"]


def test_a_broken_word_list_is_refused_with_its_file_and_field(tmp_path: Path) -> None:
    (tmp_path / "triage").mkdir()
    (tmp_path / "triage" / "en.yml").write_text("greetings: hello\n", encoding="utf8")
    with pytest.raises(LexiconError, match=r"en\.yml: greetings"):
        load_triage_words(tmp_path, "en")
    (tmp_path / "triage" / "nb.yml").write_text('signals:\n  deadline: ["(i dag"]\n', encoding="utf8")
    with pytest.raises(LexiconError, match="close its brackets"):
        load_triage_words(tmp_path, "nb")
