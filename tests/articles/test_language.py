"""The language of an article."""

from __future__ import annotations

import pytest

from bot.articles.language import detect, normalise
from bot.articles.readers import read_text

NORWEGIAN = "Kortet mitt ble avvist da jeg skulle betale regningen, og nå vet jeg ikke hva jeg skal gjøre."


@pytest.mark.parametrize(
    ("front_matter", "path", "language"),
    [
        ("ms.contentlocale: sv-SE\nlanguage: en", "nb-NO/da.md", "sv"),
        ("language: no", "sv-SE/da.md", "nb"),
        ("language: EN_us", "", "en"),
        ("title: t", "tree/sv-SE/AlchemyInsights/da.md", "sv"),
        ("title: t", "tree/de-de/x.md", "de"),
        ("title: t", "tree/it-IT/x.md", "it"),
        ("title: t", "pay_invoice/fi.md", "fi"),
        ("title: t", "pay_invoice/no.md", "nb"),
        ("title: t", "pay_invoice/readme.md", "nb"),
        ("title: t", "to-do/x.md", "nb"),
    ],
)
def test_front_matter_counts_more_than_folder_than_file_than_text(front_matter: str, path: str, language: str) -> None:
    assert read_text(f"---\n{front_matter}\n---\n# Betaling\n\n{NORWEGIAN}\n", path=path).language == language


def test_a_text_without_words_has_no_language_and_that_is_reported() -> None:
    article = read_text("# 123\n\n456\n")
    assert article.language == "und"
    assert "the language cannot be told" in article.problems[0].message


@pytest.mark.parametrize(("code", "language"), [("nb-NO", "nb"), ("no", "nb"), ("nn_NO", "nb"), ("EN-us", "en")])
def test_a_locale_is_read_as_its_language(code: str, language: str) -> None:
    assert normalise(code) == language


@pytest.mark.parametrize("code", [None, "", "norwegian", "1", "n", False])
def test_what_is_no_language_code_counts_for_nothing(code: object) -> None:
    assert normalise(code) == ""


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("My card was declined and I do not know what to do about the invoice.", "en"),
        (NORWEGIAN, "nb"),
        ("Mitt kort nekades och jag vet inte hur jag ska betala fakturan.", "sv"),
        ("Mijn kaart is geweigerd en ik weet niet hoe ik de factuur moet betalen.", "nl"),
        ("Meine Karte wurde abgelehnt und ich weiß nicht, wie ich die Rechnung bezahlen soll.", "de"),
        ("Ma carte a été refusée et je ne sais pas comment payer la facture.", "fr"),
        ("Mi tarjeta fue rechazada y no sé cómo pagar la factura.", "es"),
        ("Korttini hylättiin enkä tiedä, miten lasku maksetaan.", "fi"),
        ("Mit betalingskort blev afvist, og nu ved jeg ikke, hvordan jeg skal betale den regning, I har sendt.", "da"),
    ],
)
def test_a_sentence_tells_its_language(text: str, language: str) -> None:
    assert detect(text) == language
