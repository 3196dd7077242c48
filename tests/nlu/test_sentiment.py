"""Mood and urgency of messages in nine languages."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import pytest

from bot.nlu.models.sentiment import LABELS, read_mood
from bot.nlu.models.triage_words import load_triage_words, phrase_pattern
from bot.text.characters import fold_with_apostrophes

# language -> label -> what somebody in that mood writes
MOODS = {
    "en": {
        "very_negative": "This is ridiculous!! I'm fed up with your terrible service",
        "negative": "I'm disappointed that nobody told me",
        "neutral": "My card was declined, what can I do? Thanks in advance",
        "positive": "Great, that helped",
        "very_positive": "Absolutely fantastic, I love it, thank you!!",
    },
    "nb": {
        "very_negative": "Dette er latterlig!! Jeg er drittlei hele greia",
        "negative": "Jeg er ikke fornøyd med dette",
        "neutral": "Kortet ble avvist, hva gjør jeg? På forhånd takk",
        "positive": "Så bra, da ordnet det seg",
        "very_positive": "Helt fantastisk, kjempebra hjelp!!",
    },
    "sv": {
        "very_negative": "Det här är en skandal!! Jag har fått nog av er",
        "negative": "Jag är besviken på svaret",
        "neutral": "Kortet nekades, vad gör jag? Tack på förhand",
        "positive": "Vad bra",
        "very_positive": "Helt underbart, ni är bäst!!",
    },
    "nl": {
        "very_negative": "Belachelijk!! Ik ben het spuugzat met jullie",
        "negative": "Ik ben niet tevreden hierover",
        "neutral": "Mijn kaart is geweigerd, wat nu? Alvast bedankt",
        "positive": "Fijn, dat hielp",
        "very_positive": "Geweldig, jullie zijn de beste!!",
    },
    "da": {
        "very_negative": "Det er til grin!! Jeg har fået nok af jer",
        "negative": "Jeg er skuffet over det svar",
        "neutral": "Kortet blev afvist, hvad gør jeg? På forhånd tak",
        "positive": "Dejligt, det hjalp",
        "very_positive": "Helt fantastisk, I er de bedste!!",
    },
    "de": {
        "very_negative": "Eine Frechheit!! Ich habe die Nase voll von dieser Abzocke",
        "negative": "Ich bin enttäuscht von der Antwort",
        "neutral": "Meine Karte wurde abgelehnt, was tun? Vielen Dank im Voraus",
        "positive": "Prima, das hat geholfen",
        "very_positive": "Wirklich großartig, ich bin begeistert!!",
    },
    "fr": {
        "very_negative": "C'est honteux !! J'en ai marre de votre service",
        "negative": "Je ne suis pas content de cette réponse",
        "neutral": "Ma carte a été refusée, que faire ? Merci d'avance",
        "positive": "Super, ça m'a aidé",
        "very_positive": "Vraiment génial, c'est parfait !!",
    },
    "es": {
        "very_negative": "¡¡Es una vergüenza!! Estoy harto de ustedes",
        "negative": "Estoy decepcionada con la respuesta",
        "neutral": "Han rechazado mi tarjeta, ¿qué hago? Gracias de antemano",
        "positive": "Qué alegría, resuelto",
        "very_positive": "¡¡Genial, me encanta, son los mejores!!",
    },
    "fi": {
        "very_negative": "Naurettavaa!! Olen kyllästynyt tähän huijaukseen",
        "negative": "Olen pettynyt vastaukseen",
        "neutral": "Korttini hylättiin, mitä teen? Kiitos jo etukäteen",
        "positive": "Kiva, siitä oli apua",
        "very_positive": "Aivan mahtavaa, olette parhaita!!",
    },
}
URGENT = {
    "en": "Production is down, we need it back before Friday, it's the third time",
    "nb": "Produksjonen er nede, vi må ha den opp før fredag, det er tredje gang",
    "sv": "Produktionen ligger nere, vi måste ha igång den innan fredag, det är tredje gången",
    "nl": "Productie ligt stil, het moet uiterlijk vrijdag weer werken, dit is de derde keer",
    "da": "Produktionen ligger nede, det skal virke inden fredag, det er tredje gang",
    "de": "Die Produktion steht still, es muss bis Freitag laufen, das ist das dritte Mal",
    "fr": "La production est à l'arrêt, il faut que ça marche avant vendredi, c'est la troisième fois",
    "es": "La producción está parada, tiene que funcionar antes del viernes, es la tercera vez",
    "fi": "Tuotanto seisoo, sen pitää toimia ennen perjantaita, tämä on jo kolmas kerta",
}
CALM = {
    "en": "How do I pay the invoice that came on Friday?",
    "nb": "Hvordan betaler jeg fakturaen som kom på fredag?",
    "sv": "Hur betalar jag fakturan som kom i fredags?",
    "nl": "Hoe betaal ik de factuur die vrijdag kwam?",
    "da": "Hvordan betaler jeg fakturaen, der kom i fredags?",
    "de": "Wie bezahle ich die Rechnung, die am Freitag kam?",
    "fr": "Comment payer la facture arrivée vendredi ?",
    "es": "¿Cómo pago la factura que llegó el viernes?",
    "fi": "Miten maksan laskun, joka tuli perjantaina?",
}


@pytest.fixture(scope="module")
def folder(root: Path) -> Path:
    return root / "data"


def label(text: str, language: str, folder: Path) -> str:
    return read_mood(text, language, folder)[0].label


@pytest.mark.parametrize("language", MOODS)
@pytest.mark.parametrize("mood", LABELS)
def test_five_moods_are_told_apart_in_every_language(language: str, mood: str, folder: Path) -> None:
    assert label(MOODS[language][mood], language, folder) == mood


@pytest.mark.parametrize("language", URGENT)
def test_what_makes_a_message_urgent_is_noticed_in_every_language(language: str, folder: Path) -> None:
    assert {"service_down", "deadline", "failed_attempts"} <= set(read_mood(URGENT[language], language, folder)[1])


@pytest.mark.parametrize("language", CALM)
def test_a_plain_question_is_neutral_and_not_urgent(language: str, folder: Path) -> None:
    assert read_mood(CALM[language], language, folder)[1] == []
    assert label(CALM[language], language, folder) == "neutral"


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "not happy"),
        ("nb", "ikke bra"),
        ("de", "gar nicht zufrieden"),
        ("fr", "pas satisfait"),
        ("fi", "en ole tyytyväinen"),
    ],
)
def test_a_negation_turns_praise_into_complaint(language: str, text: str, folder: Path) -> None:
    assert label(text, language, folder) == "negative"


def test_a_negation_in_the_sentence_before_turns_nothing_round(folder: Path) -> None:
    assert label("I did not. Happy now", "en", folder) == "positive"


def test_emphasis_strengthens_displeasure(folder: Path) -> None:
    plain, _ = read_mood("this is disappointing and useless", "en", folder)
    for louder in (
        "this is disappointing and useless!!!",
        "THIS IS DISAPPOINTING AND USELESS",
        "this is so useless and disappointing",
    ):
        assert read_mood(louder, "en", folder)[0].score < plain.score


@pytest.mark.parametrize("text", ["", "?", "!!!", "12", "\ud83d\ude21", "x" * 5000])
def test_any_text_has_a_mood_with_a_confidence(text: str, folder: Path) -> None:
    found, _ = read_mood(text, "en", folder)
    assert found.label in LABELS
    assert 0 <= found.confidence <= 1


def test_a_language_without_word_lists_is_neutral(folder: Path) -> None:
    assert label("berbat!!", "tr", folder) == "neutral"


@pytest.mark.parametrize("language", sorted(MOODS))
def test_each_phrase_of_the_word_lists_is_found_in_each_of_its_forms(language: str, folder: Path) -> None:
    """Each phrase of the word lists, in each of its forms that brackets allow, between other words and by itself."""
    words = load_triage_words(folder, language)
    for phrases in (*words.signals.values(), *(value for _, value in words.sentiment)):
        pattern = re.compile(phrase_pattern(phrases))
        assert not pattern.search("xx")
        for phrase in phrases:
            for form in forms_of(phrase) if re.search(r"\w", phrase) else ():
                for text in (form, f"xx, {form}!", f"xx {form.replace(' ', ' - ')}? xx"):
                    assert pattern.search(fold_with_apostrophes(text)), (phrase, text)


def forms_of(phrase: str) -> list[str]:
    """Returns what a phrase of the word lists stands for, one for each choice of its brackets."""
    plain = phrase.replace(" .. ", " yy yy ").replace("*", "zz").replace("#", "7")
    choices = [
        [*part[1 : part.rindex(")")].split("|"), *([""] if part.endswith("?") else [])] if part[0] == "(" else [part]
        for part in re.split(r"(\([^()]*\)\??)", plain)
        if part
    ]
    return ["".join(chosen) for chosen in product(*choices)]
