"""The entity extractor: what it finds, what it leaves alone, and the values it gives."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rasa.shared.nlu.constants import ENTITIES, TEXT
from rasa.shared.nlu.training_data.message import Message

from bot.nlu.entities import SpacyEntityRuler
from bot.nlu.models.entity_patterns import EntityMatcher
from bot.nlu.models.entity_values import read_entities
from bot.nlu.models.entity_words import load_entity_words
from bot.regression.measure import read_phrases
from bot.settings import get_settings
from bot.text.characters import fold
from bot.text.lexicon import LexiconError
from tests.nlu.entities.scoring import score

DEVELOPMENT = Path(__file__).parent / "entities" / "dev"
GUID = "0A1B2C3D-4e5f-6789-abcd-ef0123456789"

EXTRACTOR = SpacyEntityRuler()
WORDS = load_entity_words(get_settings().data_dir / "entities.yml")


def extract(text: str, language: str | None = None) -> list[tuple[str, str, str]]:
    """Returns entity, marked text and value of everything found in a text."""
    message = Message({TEXT: text, "language": {"name": language}} if language else {TEXT: text})
    EXTRACTOR.process([message])
    return [(item["entity"], text[item["start"] : item["end"]], item["value"]) for item in message.get(ENTITIES)]


@pytest.mark.parametrize("path", sorted(DEVELOPMENT.glob("*.tsv")), ids=lambda path: path.stem)
def test_the_entities_of_our_development_phrases_are_found(path: Path) -> None:
    result = score(EXTRACTOR, read_phrases(path), path.stem)
    assert result.f1() >= 0.95, "\n".join(result.misses)


def test_there_are_development_phrases_in_all_nine_languages() -> None:
    counts = {path.stem: len(read_phrases(path)) for path in DEVELOPMENT.glob("*.tsv")}
    assert sorted(counts) == ["da", "de", "en", "es", "fi", "fr", "nb", "nl", "sv"]
    assert min(counts.values()) >= 25


@pytest.mark.parametrize(
    ("language", "amount", "value"),
    [
        ("nb", "1 234,50 kr", "1234.50 NOK"),
        ("nb", "1\u00a0234,50\u00a0kr", "1234.50 NOK"),
        ("nb", "1.875,-  kr", "1875.00 NOK"),
        ("nb", "kr 500,-", "500.00 NOK"),
        ("nb", "kr500", "500.00 NOK"),
        ("nb", "500 kroner", "500.00 NOK"),
        ("nb", "NOK 1200", "1200.00 NOK"),
        ("nb", "5 tusen kroner", "5000.00 NOK"),
        ("nb", "99,-", "99.00 NOK"),
        ("sv", "12 345 SEK", "12345.00 SEK"),
        ("sv", "499:-", "499.00 SEK"),
        ("sv", "49:90 kr", "49.90 SEK"),
        ("sv", "500 spänn", "500.00 SEK"),
        ("da", "kr. 2.000", "2000.00 DKK"),
        ("da", "1.234,50 kr", "1234.50 DKK"),
        ("nl", "€ 1.234,50", "1234.50 EUR"),
        ("nl", "49,90 euro", "49.90 EUR"),
        ("de", "1.234,50 €", "1234.50 EUR"),
        ("de", "1'200 CHF", "1200.00 CHF"),
        ("de", "49,--", "49.00 EUR"),
        ("fr", "1\u202f234,50 €", "1234.50 EUR"),
        ("es", "1.234.567,89 €", "1234567.89 EUR"),
        ("es", "100 dólares", "100.00 USD"),
        ("fi", "49,90 e", "49.90 EUR"),
        ("fi", "49,90e", "49.90 EUR"),
        ("en", "$1,234.50", "1234.50 USD"),
        ("en", "US$ 50", "50.00 USD"),
        ("en", "$50 CAD", "50.00 CAD"),
        ("en", "GBP 30", "30.00 GBP"),
        ("en", "£30", "30.00 GBP"),
        ("en", "20 quid", "20.00 GBP"),
        ("de", "109,50 US-Dollar", "109.50 USD"),
        ("es", "450 pesos", "450.00 pesos"),
        ("en", "99p", "0.99 GBP"),
        ("sv", "50 öre", "0.50 SEK"),
        ("en", "500 kr", "500.00 kr"),
        ("en", "500 kronor", "500.00 SEK"),
    ],
)
def test_an_amount_in_the_format_of_its_market_gets_a_normalised_value(language: str, amount: str, value: str) -> None:
    assert extract(f"xx {amount} yy", language) == [("amount", amount, value)]


@pytest.mark.parametrize(
    ("language", "typed", "value"),
    [
        ("nb", "12.03.2024", "2024-03-12"),
        ("nb", "3. april 2025", "2025-04-03"),
        ("nb", "12/3-2024", "2024-03-12"),
        ("sv", "2024-03-12", "2024-03-12"),
        ("sv", "den 3 mars", "den 3 mars"),
        ("da", "3/12/2024", "2024-12-03"),
        ("en", "3/12/2024", "3/12/2024"),
        ("en", "25/12/2024", "2024-12-25"),
        ("en", "March 12th, 2025", "2025-03-12"),
        ("en", "12 March", "12 March"),
        ("en", "Jan 2025", "2025-01"),
        ("de", "01.09.", "01.09."),
        ("de", "3. März 2025", "2025-03-03"),
        ("fr", "1er janvier 2025", "2025-01-01"),
        ("fr", "3 aout 2025", "2025-08-03"),
        ("es", "3 de mayo de 2025", "2025-05-03"),
        ("fi", "12. maaliskuuta", "12. maaliskuuta"),
        ("nl", "12-03-24", "2024-03-12"),
        ("nl", "5/7", "5/7"),
    ],
)
def test_a_date_is_given_in_iso_form_where_it_is_complete_and_clear(language: str, typed: str, value: str) -> None:
    assert extract(f"xx {typed} yy", language) == [("date", typed, value)]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("it says 0x80070005 now", "0x80070005"),
        ("aadsts50058 again", "AADSTS50058"),
        ("AADSTS 50058 again", "AADSTS 50058"),
        ("CAA20003", "CAA20003"),
        ("715-123280", "715-123280"),
        ("error 51", "51"),
        ("error code is: 53003", "53003"),
        ("feilkode 53003", "53003"),
        ("felkod: 53003", "53003"),
        ("fejlkode 53003", "53003"),
        ("foutcode 53003", "53003"),
        ("Fehlercode (53003)", "53003"),
        ("code d'erreur : 53003", "53003"),
        ("código de error 53003", "53003"),
        ("virhekoodi 53003", "53003"),
        ("blocked with code 53003", "53003"),
    ],
)
def test_an_error_code_is_known_by_its_form_or_by_the_words_before_it(text: str, code: str) -> None:
    assert [(entity, value) for entity, _, value in extract(text)] == [("error_code", code)]


@pytest.mark.parametrize(
    ("text", "marked", "value"),
    [
        ("azure-abonnement", "azure", "azure"),
        ("azureabonnementet", "azure", "azure"),
        ("Azuressa", "Azuressa", "azure"),
        ("azur", "azur", "azure"),
        ("O365 licence", "O365", "microsoft365"),
        ("m-365", "m-365", "microsoft365"),
        ("MS365", "MS365", "microsoft365"),
        ("Office-Paket", "Office", "microsoft365"),
        ("Officepaket", "Office", "microsoft365"),
        ("365 Business Basic", "365 Business Basic", "microsoft365"),
        ("Microsoft 365 Business Standard", "Microsoft 365 Business Standard", "microsoft365"),
        ("Office 365 E3", "Office 365", "microsoft365"),
        ("365 subscription", "365", "microsoft365"),
        ("Microsoft 365 Family", "Microsoft 365 Family", "microsoft_account"),
        ("o365 personal", "o365 personal", "microsoft_account"),
        ("Familienabo", "Familienabo", "microsoft_account"),
        ("perhetilaus", "perhetilaus", "microsoft_account"),
    ],
)
def test_a_product_is_known_by_all_its_names(text: str, marked: str, value: str) -> None:
    assert extract(text) == [("product", marked, value)]


def test_numbers_of_invoices_and_subscriptions_are_written_one_way() -> None:
    assert extract(f"e0400abcde, G001234567 {{{GUID}}}") == [
        ("invoice_number", "e0400abcde", "E0400ABCDE"),
        ("invoice_number", "G001234567", "G001234567"),
        ("subscription_id", GUID, GUID.lower()),
    ]


def test_every_currency_and_product_that_the_word_lists_name_is_recognised() -> None:
    words = load_entity_words(Path(__file__).parents[2] / "data" / "entities.yml")
    unknown = []
    for language, section in (("en", words.shared), *words.languages.items()):
        names = (name for names in section.currencies.values() for name in names)
        for text in (f"x {name} 750" if name.endswith(".") else f"x 750 {name}" for name in names):
            unknown += [text] if extract(text, language)[0][1] != text[2:] else []
        for product, aliases in section.products.items():
            for text in (f"{alias} licence" for alias in aliases):
                unknown += [text] if extract(text, language)[0][2] != product else []
        for month in (name for names in section.months for name in names):
            unknown += [month] if [entity for entity, _, _ in extract(f"3. {month} 2025", language)] != ["date"] else []
    assert unknown == []


def test_two_products_are_given_in_the_order_of_the_text() -> None:
    assert [value for _, _, value in extract("Office 365 and Azure")] == ["microsoft365", "azure"]


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "24 hours, 365 days, step 3, E3, 2024, version 2.1 and 24/7"),
        ("en", "call 1-800-642-7676 or +47 22 33 44 55"),
        ("en", "our office is closed, see portal.azure.com, it may take 3 days"),
        ("en", "step 1/2, 12 users, 50%, 10:30"),
        ("nb", "har betalt nok 3 ganger, vent 30 sek"),
        ("nb", "feil 3 ganger"),
        ("en", "my zip code 98052, the code 483920 from the SMS, code postal 75001"),
        ("en", "my card **** 7781, error on card ****7781, error code 0x"),
        ("fr", "au 3e rappel, l'office de tourisme"),
        ("en", "99/99/2024 and 31.02.2024"),
        ("en", "Exchange, Teams and Outlook"),
    ],
)
def test_look_alikes_are_left_alone(language: str, text: str) -> None:
    assert extract(text, language) == []


def test_a_full_stop_after_a_currency_does_not_take_the_next_sentence_along() -> None:
    assert [marked for _, marked, _ in extract("Betalte 500 kr. 3 dager siden", "nb")] == ["500 kr"]


def test_entities_of_other_extractors_are_kept_and_ours_look_like_rasas() -> None:
    message = Message({TEXT: "azure", ENTITIES: [{"entity": "language", "value": "en"}]})
    EXTRACTOR.process([message])
    assert message.get(ENTITIES) == [
        {"entity": "language", "value": "en"},
        {
            "entity": "product",
            "start": 0,
            "end": 5,
            "value": "azure",
            "confidence": 1.0,
            "extractor": "SpacyEntityRuler",
        },
    ]


def test_commands_and_messages_without_text_are_passed_over() -> None:
    messages = [Message({TEXT: "/choose{'product': 'azure'}"}), Message({})]
    EXTRACTOR.process(messages)
    assert [message.get(ENTITIES) for message in messages] == [None, None]


def test_a_long_running_extractor_forgets_the_words_that_it_has_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.nlu.entities._VOCABULARY_LIMIT", 100)
    extractor = SpacyEntityRuler()
    for number in range(300):
        extractor.process([Message({TEXT: f"word{number} azure"})])
    assert len(extractor._matcher.vocab) < 300


PLAIN = "kr|kr.|€|$| |500|1 234,50|,-|12.03.2024|31/02|mars|den|azure|365|Office|error|code|.|3|th|nok|p|İ|ß"
FRAGMENTS_LISTED = [*PLAIN.split("|"), GUID, "E0400ABCDE", "0x80070005", "\n", "\u00a0", "\ud800"]
FRAGMENTS = st.sampled_from(FRAGMENTS_LISTED)


@settings(deadline=None, max_examples=150)
@given(
    st.one_of(st.text(max_size=80), st.lists(FRAGMENTS, max_size=12).map("".join)), st.sampled_from(["nb", "en", "xx"])
)
def test_whatever_is_typed_the_spans_lie_in_the_text_and_have_a_value(text: str, language: str) -> None:
    message = Message({TEXT: text, "language": {"name": language}})
    EXTRACTOR.process([message])
    end = 0
    for item in message.get(ENTITIES) or []:
        assert end <= item["start"] < item["end"] <= len(text)
        assert item["value"].strip()
        assert text[item["start"] : item["end"]].strip() == text[item["start"] : item["end"]]
        end = item["end"]


@pytest.mark.parametrize(
    ("text", "codes"),
    [
        ("Error code:\n50034", ["50034"]),
        ("Fehlercode\n50034", ["50034"]),
        ("Feilkode:\n\n2603", ["2603"]),
        ("The error message is\n53003", ["53003"]),
        ("I see error 500 12 times", ["500"]),
        ("error code 500 - 2 invoices", ["500"]),
        ("error 1 500", []),
    ],
)
def test_a_code_may_stand_in_the_next_line_and_a_number_behind_it_is_none(text: str, codes: list[str]) -> None:
    assert [value for entity, _, value in extract(text) if entity == "error_code"] == codes


@given(st.text())
def test_a_folded_text_has_the_same_offsets(text: str) -> None:
    assert len(fold(text)) == len(text)


def test_word_lists_that_cannot_be_used_are_refused_with_field_and_remedy(tmp_path: Path) -> None:
    path = tmp_path / "entities.yml"
    cases = {
        "shared: {}\nlanguages: {xx: {fillers: [on]}}": "languages.xx.fillers.0: .* quotes",
        "shared: {}\nlanguages: {xx: {colours: [red]}}": "languages.xx.colours",
        "shared: {}\nlanguages: {xx: {months: [[a]]}}": "languages.xx.months: list all 12 months",
        "shared: [": "not valid YAML",
    }
    for content, message in cases.items():
        path.write_text(content, encoding="utf8")
        load_entity_words.cache_clear()
        with pytest.raises(LexiconError, match=message):
            load_entity_words(path)
    with pytest.raises(LexiconError, match="cannot be read"):
        load_entity_words(tmp_path / "missing.yml")


def test_a_language_is_added_by_adding_lines(tmp_path: Path) -> None:
    known = (Path(__file__).parents[2] / "data" / "entities.yml").read_text(encoding="utf8")
    path = tmp_path / "entities.yml"
    path.write_text(known + "\n  it:\n    currencies: {EUR: [eurini]}\n    error_words: [errore]\n", encoding="utf8")
    words = load_entity_words(path)
    found = read_entities(EntityMatcher(words)("errore 51, 20 eurini"), "it", words)
    assert [value for _, value, *_ in found] == ["51", "20.00 EUR"]
