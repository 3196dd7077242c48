"""No spelling of a card number, an IBAN or a security code gets through; other numbers do."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.text.masking import mask
from tests.text.numbers import AMOUNTS, INVOICES, ORDERS, PHONES, dates, guids, made
from tests.text.spellings import leaks, spelled_cards, spelled_codes, spelled_ibans

SPELLINGS = 3000
MOST_FALSE_ALARMS = 0.01


def test_three_thousand_spellings_of_card_numbers_leak_nothing() -> None:
    masked = [(text, mask(text).text, card) for card, text in spelled_cards(SPELLINGS, seed=20)]
    assert [(text, kept) for text, kept, card in masked if leaks(card, kept)] == []


def test_three_thousand_spellings_of_bank_account_numbers_leak_nothing() -> None:
    masked = [(text, mask(text).text, account) for account, text in spelled_ibans(SPELLINGS, seed=20)]
    assert [(text, kept) for text, kept, account in masked if leaks(account, kept)] == []


def test_of_three_thousand_spellings_of_named_security_codes_no_digit_is_left() -> None:
    masked = [(text, mask(text).text, written) for written, text in spelled_codes(SPELLINGS, seed=20)]
    wrong = [(text, kept) for text, kept, written in masked if kept != text.replace(written, "•••", 1)]
    # The hidden part may take an unseen character behind it along.
    assert [
        (text, kept) for text, kept in wrong if "•••" not in kept or any(map(str.isdigit, kept[kept.index("•") :]))
    ] == []


@pytest.mark.parametrize(
    "text",
    [
        "4012     8888     8888     1881",
        "4012\n8888\n8888\n1881",
        "4012\u200b 8888\u200b 8888 \u200b1881",
        "4012\u28008888\u31648888\u28001881",
        "4012 --- 8888 --- 8888 --- 1881",
        "4012, 8888, 8888, 1881",
        "4012 then 8888 then 8888 then 1881",
        "1. 4012 8888 8888 1881",
        "INV-1234 4012 8888 8888 1881",
        "2024-11-20 4012 8888 8888 1881",
        "+47 12 34 56 78 4012 8888 8888 1881",
        "http://example.com/?card=4012888888881881&x=1",
        '{"card": "4012888888881881"}',
        "4️⃣0️⃣1️⃣2️⃣ 8️⃣8️⃣8️⃣8️⃣ 8️⃣8️⃣8️⃣8️⃣ 1️⃣8️⃣8️⃣1️⃣",
        "4012 8888 8888 1881123",
    ],
)
def test_a_card_number_is_hidden_however_it_is_spelled(text: str) -> None:
    masked = mask(text)
    assert masked.cards == 1
    assert not leaks("4012888888881881", masked.text)


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("NO93/8601/1117/947", "NO••••7947"),
        ("no93_8601_1117_947.", "NO••••7947."),
        ("IBANNO9386011117947", "IBANNO••••7947"),
        ("NO9386011117947abc", "NO••••7947abc"),
        ("GB 29 NWBK 6016 1331 9268 19", "GB••••6819"),
        ("NO93\n8601\n11\n17947", "NO••••7947"),
    ],
)
def test_a_bank_account_number_is_hidden_however_it_is_spelled(text: str, hidden: str) -> None:
    assert mask(text).text == hidden


@pytest.mark.parametrize(
    ("text", "hidden"),
    [
        ("CVV-koden er 123", "CVV-koden er •••"),
        ("my cvv code is 123", "my cvv code is •••"),
        ("CVC = 1 2 3", "CVC = •••"),
        ("CVC: 1-2-3-4", "CVC: •••"),
        ("cvv2123", "cvv•••"),
        ("CVV2 123", "CVV2 •••"),
        ("mycvv123", "mycvv•••"),
        ("CVV (3 digits): 123", "CVV (3 digits): •••"),
        ("the three digits on the back are 123", "the three digits on the back are •••"),
        ("123 is my CVV", "••• is my CVV"),
        ("123 er CVV-koden min", "••• er CVV-koden min"),
        ("cvv, 12/27, 123", "cvv, 12/27, •••"),
        ("4111 1111 1111 1111 12/27 123", "••••1111 12/27 •••"),
        ("4111 1111 1111 1111\n12/27\n123", "••••1111\n12/27\n•••"),
        ("4111 1111 1111 1111, Ola Nordmann, 12/27, 123", "••••1111, Ola Nordmann, 12/27, •••"),
        ("4111 1111 1111 1111 1227 123", "••••1111 •••"),
        ("4111 1111 1111 1111 123 12/27", "••••1111 ••• 12/27"),
        ("4111 1111 1111 1111 utløper 12/27 kode 123", "••••1111 utløper 12/27 kode •••"),
    ],
)
def test_a_security_code_is_hidden_however_it_is_spelled(text: str, hidden: str) -> None:
    assert mask(text).text == hidden


@pytest.mark.parametrize(
    ("forms", "most"),
    [(INVOICES, MOST_FALSE_ALARMS), (ORDERS, MOST_FALSE_ALARMS), (PHONES, 0), (AMOUNTS, MOST_FALSE_ALARMS)],
    ids=["invoices", "orders", "phones", "amounts"],
)
def test_other_numbers_are_hidden_in_one_of_a_hundred_at_most(forms: str, most: float) -> None:
    texts = [f"hi, {number} please" for number in made(forms, 3000)]
    assert len([text for text in texts if mask(text).changed]) <= most * len(texts)


def test_support_requests_numbered_by_their_day_stay() -> None:
    # Such numbers begin like a Mastercard's.
    named = (
        "support request 24{4}|case no. 24{4}|SR: 24{4}|TrackingID#24{4}|saksnummer 24{4}|Anfrage 24{4}|ärende nr 24{4}"
    )
    numbers = [text[:-4] + "0611" + text[-4:] + "500012" for text in made(named, 1000)]
    assert [text for text in numbers if mask(text).changed] == []


def test_no_date_and_no_guid_is_hidden() -> None:
    assert [text for text in (*dates(2000), *guids(2000)) if mask(f"on {text}, please").changed] == []


def test_nothing_is_hidden_in_the_held_out_phrases(root: Path) -> None:
    lines = [
        line
        for path in sorted((root / "tests" / "regression").rglob("*"))
        if path.suffix in {".yml", ".tsv"}
        for line in path.read_text(encoding="utf8").splitlines()
    ]
    assert len(lines) > 5000
    assert [line for line in lines if mask(line).changed] == []


@pytest.mark.parametrize(
    "text",
    [
        "CVV failed with error 403",
        "card ending 1234 was declined",
        "since 2023 my CVV is asked for twice",
        "the security code field is red, order 20241",
        "the code is 123",
        "+49 151 12345678",
        "from 01.01.2024 to 31.12.2024",
    ],
)
def test_a_number_that_is_no_code_stays(text: str) -> None:
    assert mask(text).text == text
