"""Card numbers, security codes and IBANs are hidden in every format; invoice numbers and GUIDs are not."""

from __future__ import annotations

import random
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.text.cards import passes_luhn
from bot.text.ibans import is_iban
from bot.text.masking import mask
from tests.text.numbers import card_numbers, formats, guids, ibans, made, spoken_codes

INVOICES = "E0{2}00{4}|G{9}|INV-{16}|INV{12}|invoice 7{9}|faktura nr. {8}-{4}|2024-{6}|ref {12}"


def digits_of(text: str) -> str:
    return "".join(str(int(char)) for char in text if char.isdigit())


def test_a_thousand_card_numbers_are_hidden_in_every_format() -> None:
    left = []
    for number, card in enumerate(card_numbers(1000)):
        for form in range(0, 23, 5):  # with the number added, every format of every issuer
            masked = mask(f"Hi, my card {formats(card, number + form)} was declined")
            if masked.cards != 1 or len(digits_of(masked.text)) > 8 or card[:6] in digits_of(masked.text):
                left.append((formats(card, number + form), masked.text))
    assert left == []


def test_card_numbers_of_issuers_we_do_not_know_are_hidden_where_they_stand_alone() -> None:
    source = random.Random(7)
    for _ in range(1000):
        body = "9" + "".join(source.choice("0123456789") for _ in range(source.randint(11, 17)))
        card = body + next(digit for digit in "0123456789" if passes_luhn(body + digit))
        assert card not in mask(f"card: {card}.").text
        assert mask(f"{card[:4]} {card[4:8]} {card[8:]}").cards == 1


def test_a_thousand_invoice_numbers_and_a_thousand_guids_stay_as_they_are() -> None:
    wrong = []
    for invoice, identity in zip(made(INVOICES, 1000), guids(1000), strict=True):
        for text in [
            f"about {invoice}, please",
            invoice,
            f"subscription {identity}",
            # Without dashes, digits alone are no GUID that anybody could tell from other numbers.
            f"{identity.upper()} and {identity.replace('-', '') if re.search('[a-f]', identity) else identity}",
            f"tenant {{{identity}}}",
        ]:
            if mask(text).changed:
                wrong.append((text, mask(text).text))
    assert wrong == []


@pytest.mark.parametrize(
    "text",
    [
        "2024-11-20 2024-11-21",
        "from 01.01.2024 to 31.12.2024",
        "1 234 567,50 kr",
        "call me: +47 12 34 56 78 or +46 70 123 45 67",
        "4111 1111 1111 1112",
        "error 0x80070005, code 53003, AADSTS50076",
        "192.168.100.100 10.20.30.40",
        "NO93 8601 1117 948",
        "DE89370400440532013001",
        "I paid 4111 kr",
        "billing account 7c05a543-80ff-571e-9f98-1063b3b53cf2:99ad03ad-2d1b-4889-a452-090ad407d25f_2019-05-31",
        "",
    ],
)
def test_other_numbers_stay_as_they_are(text: str) -> None:
    assert mask(text).text == text


def test_a_thousand_ibans_are_hidden_in_every_format() -> None:
    for number, account in enumerate(ibans(1000)):
        assert is_iban(account)
        groups = [account[start : start + 4] for start in range(0, len(account), 4)]
        for written in (account, " ".join(groups), "-".join(groups), account.lower(), "\u00a0".join(groups)):
            masked = mask(f"konto {written} til refusjon")
            assert masked.accounts == 1, written
            assert masked.text == f"konto {account[:2]}••••{account[-4:]} til refusjon", number


def test_security_codes_are_hidden_beside_a_card_and_where_they_are_named() -> None:
    for beside in ("4111111111111111 123", "4111111111111111, 12/27, 123", "4111111111111111 exp 12/2027 cvc 123"):
        masked = mask(beside)
        assert (masked.cards, masked.codes) == (1, 1)
        assert "123" not in masked.text
    for named in spoken_codes("987"):
        assert mask(named).codes == 1, named
    assert mask("4111111111111111987").text == "••••"
    for other in ("error code 987", "I paid 987 kr", "the code 98765"):
        assert not mask(other).changed


def test_what_is_hidden_shows_its_last_four_digits() -> None:
    assert mask("Visa 4111-1111-1111-1234 / 4111 1111 1111 1111").text == "Visa 4111-1111-1111-1234 / ••••1111"


@settings(deadline=None)  # the first call reads the word lists
@given(st.text(st.sampled_from("0123456789 -.abNO\u200b\u00a0\uff11\n")))
def test_hiding_twice_hides_no_more(text: str) -> None:
    once = mask(text)
    assert mask(once.text).text == once.text
    assert once.changed == (once.text != text)


@settings(deadline=None)  # the first call reads the word lists
@given(st.text())
def test_any_text_can_be_searched(text: str) -> None:
    assert mask(text).changed in (True, False)


@settings(deadline=None)  # the first call reads the word lists
@given(st.from_regex(r"[0-9]{12,18}", fullmatch=True))
def test_every_check_digit_is_recognised(body: str) -> None:
    valid = [digit for digit in "0123456789" if passes_luhn(body + digit)]
    assert len(valid) == 1
    assert mask(body + valid[0]).cards == 1
