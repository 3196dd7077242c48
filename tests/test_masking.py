"""Card numbers, security codes and IBANs are hidden in every format; invoice numbers and GUIDs are not."""

from __future__ import annotations

import random
import re
import uuid

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.masking import is_iban, mask, passes_luhn

# What the numbers of each issuer begin with, and how long they are.
ISSUERS = [
    ("4", 16),
    ("4", 13),
    ("4", 19),
    ("51", 16),
    ("55", 16),
    ("2221", 16),
    ("2720", 16),
    ("34", 15),
    ("37", 15),
    ("6011", 16),
    ("644", 16),
    ("65", 16),
    ("300", 14),
    ("36", 14),
    ("3528", 16),
    ("3589", 16),
    ("62", 16),
    ("62", 19),
    ("5018", 13),
    ("5019", 16),
    ("6304", 18),
    ("6759", 17),
    ("2200", 16),
]
GROUPS = {13: (4, 3, 3, 3), 14: (4, 6, 4), 15: (4, 6, 5), 16: (4, 4, 4, 4), 17: (4, 4, 4, 5), 18: (4, 4, 4, 6)}
FULL_WIDTH = {digit: chr(0xFF10 + int(digit)) for digit in "0123456789"}
IBAN_LENGTHS = {"NO": 15, "BE": 16, "DK": 18, "FI": 18, "NL": 18, "AT": 20, "CH": 21, "DE": 22, "GB": 22}
IBAN_LENGTHS |= {"ES": 24, "SE": 24, "FR": 27, "PL": 28, "MT": 31}


def card_numbers(count: int, seed: int = 4) -> list[str]:
    """Returns different valid card numbers of all issuers."""
    source = random.Random(seed)
    numbers: dict[str, None] = {}
    while len(numbers) < count:
        start, length = ISSUERS[len(numbers) % len(ISSUERS)]
        body = start + "".join(source.choice("0123456789") for _ in range(length - len(start) - 1))
        numbers[body + next(digit for digit in "0123456789" if passes_luhn(body + digit))] = None
    return list(numbers)


def formats(card: str, number: int) -> str:
    """Returns a card number as one of many people would write it; `number` chooses whose way."""
    sizes = GROUPS.get(len(card), (4, 4, 4, 4, 3))
    starts = [sum(sizes[:index]) for index in range(len(sizes))]
    groups = [card[start : start + size] for start, size in zip(starts, sizes, strict=True)]
    written = [
        card,
        " ".join(groups),
        "-".join(groups),
        "\u00a0".join(groups),
        " - ".join(groups),
        "\u2013".join(groups),
        ".".join(groups),
        "  ".join(groups),
        " ".join(card),
        "-".join(card),
        "\u200b".join(card),
        "\u2011".join(groups),
        "\u202f".join(groups),
        "".join(FULL_WIDTH[digit] for digit in card),
        "\n".join(groups),
        "\u00ad".join(groups),
        f"{card[:2]} {card[2:]}",
        f"Visa{card}",
        f"({card})",
        f"{card}, exp 12/27, cvv 987",
        f"{' '.join(groups)} 12/27 987",
        "".join(chr(0x660 + int(digit)) for digit in card),
        "\t".join(groups),
    ]
    return written[number % len(written)]


def ibans(count: int, seed: int = 4) -> list[str]:
    """Returns different valid bank account numbers."""
    source = random.Random(seed)
    numbers: dict[str, None] = {}
    while len(numbers) < count:
        country = list(IBAN_LENGTHS)[len(numbers) % len(IBAN_LENGTHS)]
        account = "".join(source.choice("0123456789") for _ in range(IBAN_LENGTHS[country] - 4))
        rest = int("".join(str(int(char, 36)) for char in f"{account}{country}00")) % 97
        numbers[f"{country}{98 - rest:02d}{account}"] = None
    return list(numbers)


def spoken_codes(code: str) -> list[str]:
    """Returns a security code as it is named in the shipped languages."""
    names = (
        "CVV|cvc2|security code|sikkerhetskoden|säkerhetskod|sikkerhedskode|beveiligingscode|Prüfziffer|Sicherheitscode"
    )
    names += "|código de seguridad|cryptogramme|code de sécurité|turvakoodi|CVC"
    return [f"{name}{between}{code}" for name in names.split("|") for between in (" ", ": ", " er ", "=")]


def invoice_numbers(count: int, seed: int = 11) -> list[str]:
    """Returns invoice numbers as Microsoft and others write them, and as people name them."""
    source = random.Random(seed)
    letters, digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "0123456789"

    def some(characters: str, length: int) -> str:
        return "".join(source.choice(characters) for _ in range(length))

    numbers = []
    for number in range(count):
        written = [
            f"E0{some(digits, 2)}00{some(digits + letters, 4)}",
            f"G{some(digits, 9)}",
            f"INV-{some(digits, 16)}",
            f"INV{some(digits, 12)}",
            f"invoice {some('1789', 1)}{some(digits, 9)}",
            f"faktura nr. {some(digits, 8)}-{some(digits, 4)}",
            f"2024-{some(digits, 6)}",
            f"ref {some(digits, 12)}",
        ]
        numbers.append(written[number % len(written)])
    return numbers


def guids(count: int, seed: int = 11) -> list[str]:
    """Returns GUIDs, every other one of digits alone."""
    source = random.Random(seed)
    numbers = []
    for number in range(count):
        characters = "0123456789" if number % 2 else "0123456789abcdef"
        numbers.append(str(uuid.UUID("".join(source.choice(characters) for _ in range(32)))))
    return numbers


def digits_of(text: str) -> str:
    return "".join(str(int(char)) for char in text if char.isdigit())


def test_a_thousand_card_numbers_are_hidden_in_every_format() -> None:
    left = []
    for number, card in enumerate(card_numbers(1000)):
        for form in range(23):
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
    for invoice, identity in zip(invoice_numbers(1000), guids(1000), strict=True):
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


@given(st.text(st.sampled_from("0123456789 -.abNO\u200b\u00a0\uff11\n")))
def test_hiding_twice_hides_no_more(text: str) -> None:
    once = mask(text)
    assert mask(once.text).text == once.text
    assert once.changed == (once.text != text)


@given(st.text())
def test_any_text_can_be_searched(text: str) -> None:
    assert mask(text).changed in (True, False)


@given(st.from_regex(r"[0-9]{12,18}", fullmatch=True))
def test_every_check_digit_is_recognised(body: str) -> None:
    valid = [digit for digit in "0123456789" if passes_luhn(body + digit)]
    assert len(valid) == 1
    assert mask(body + valid[0]).cards == 1
