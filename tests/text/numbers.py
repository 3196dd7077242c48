"""Numbers that nobody has, made from a seed: valid card and account numbers, and what must not be taken for one."""

from __future__ import annotations

import random
import string
import uuid
from collections.abc import Callable

from bot.text.cards import passes_luhn

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
IBAN_LENGTHS = {"NO": 15, "BE": 16, "DK": 18, "FI": 18, "NL": 18, "AT": 20, "CH": 21, "DE": 22, "GB": 22}
IBAN_LENGTHS |= {"ES": 24, "SE": 24, "FR": 27, "PL": 28, "MT": 31}
BANKS = {"NL": "ABNA", "GB": "NWBK", "MT": "MALT"}

INVOICES = (
    "E0{2}00{4}|G{9}|INV-{16}|INV{12}|invoice 7{9}|faktura nr. {8}-{4}|2024-{6}|ref {12}|Rechnung {12}|lasku {11}"
)
INVOICES += "|facture n° {10}|factuur 2025/{5}|invoice no. {14}|faktura {13}"
ORDERS = "order {6}|order #{8}|Order number {10}|ordre {9}|beställning {7}|Bestellnummer {10}|commande {12}|pedido {8}"
ORDERS += (
    "|tilausnumero {9}|bestelling {10}|case {15}|sak {8}|ticket #{7}|Ärende {6}-{4}|ref {12}|PO-{8}|SR{15}|KID {11}"
)
ORDERS += "|TrackingID#{16}|ORD-{4}-{6}|order no {14}|reference {16}|1Z{6}W{10}"
PHONES = (
    "+47 {2} {2} {2} {2}|4{7}|9{2} {2} {3}|+46 70 {3} {2} {2}|070-{3} {2} {2}|+45 {8}|{2} {2} {2} {2}|+31 6 {8}|06-{8}"
)
PHONES += (
    "|+49 151 {8}|+49 (0)30 {7}|0151 {8}|+33 6 {2} {2} {2} {2}|06.{2}.{2}.{2}.{2}|+34 6{2} {3} {3}|6{8}|+358 40 {7}"
)
PHONES += (
    "|040 {3} {4}|+1 ({3}) {3}-{4}|({3}) {3}-{4}|+44 7{3} {6}|0047 {8}|+49151{8}|+43 664 {7}|+49 151 {8}, +49 160 {8}"
)
AMOUNTS = (
    "{3},{2} kr|1 {3},{2}|kr 4{3}|4.{3},{2} EUR|${1},{3}.{2}|5{3} and 6{3}|{2},{2} + {3},{2} = {3},{2}|{4} kr, {4} kr"
)
AMOUNTS += "|1 {3} {3},{2} / 2 {3} {3},{2}|{3},- og {3},-|4{3},{2} 5{3},{2}|$4{1},{3}.{2}, $5{1},{3}.{2}"


def made(forms: str, count: int, seed: int = 11) -> list[str]:
    """Returns texts of the forms given (`a {2}|b {3}`), each `{n}` replaced by n digits."""
    source = random.Random(seed)
    ways = forms.split("|")
    texts = []
    for number in range(count):
        head, *rest = ways[number % len(ways)].split("{")
        for part in rest:
            length, _, tail = part.partition("}")
            head += "".join(source.choices(string.digits, k=int(length))) + tail
        texts.append(head)
    return texts


def guids(count: int, seed: int = 11) -> list[str]:
    """Returns GUIDs, every other one of digits alone."""
    source = random.Random(seed)
    return [
        str(uuid.UUID("".join(source.choices(string.digits if number % 2 else "0123456789abcdef", k=32))))
        for number in range(count)
    ]


def dates(count: int, seed: int = 11) -> list[str]:
    """Returns dates, spans of dates and points in time."""
    source = random.Random(seed)
    forms: list[Callable[[int, int, int], str]] = [
        lambda y, m, d: f"{y}-{m:02}-{d:02}",
        lambda y, m, d: f"{d:02}.{m:02}.{y}",
        lambda y, m, d: f"{d}/{m}/{y}",
        lambda y, m, d: f"{d}.{m}.{y} - {d}.{m % 12 + 1}.{y}",
        lambda y, m, d: f"{y}-{m:02}-{d:02} {y}-{m:02}-{d % 28 + 1:02}",
        lambda y, m, d: f"{d:02}.{m:02}.{y}, {d % 28 + 1:02}.{m:02}.{y}",
        lambda y, m, d: f"{y}-{m:02}-{d:02} {d % 24:02}:{m:02}:{d:02}",
        lambda y, m, d: f"{y}-{m:02}-{d:02}T{d % 24:02}:{m:02}:{d:02}Z",
        lambda y, m, d: f"{d:02}-{m:02}-{y} {d % 24}:{m:02}, {d:02}-{m:02}-{y}",
    ]
    days = [(source.randint(2018, 2030), source.randint(1, 12), source.randint(1, 28)) for _ in range(count)]
    return [source.choice(forms)(*day) for day in days]


def card_numbers(count: int, seed: int = 4) -> list[str]:
    """Returns different valid card numbers of all issuers."""
    source = random.Random(seed)
    numbers: dict[str, None] = {}
    while len(numbers) < count:
        start, length = ISSUERS[len(numbers) % len(ISSUERS)]
        body = start + "".join(source.choices(string.digits, k=length - len(start) - 1))
        numbers[body + next(digit for digit in string.digits if passes_luhn(body + digit))] = None
    return list(numbers)


def ibans(count: int, seed: int = 4) -> list[str]:
    """Returns different valid bank account numbers."""
    source = random.Random(seed)
    numbers: dict[str, None] = {}
    while len(numbers) < count:
        country = list(IBAN_LENGTHS)[len(numbers) % len(IBAN_LENGTHS)]
        account = BANKS.get(country, "")
        account += "".join(source.choices(string.digits, k=IBAN_LENGTHS[country] - 4 - len(account)))
        rest = int("".join(str(int(char, 36)) for char in f"{account}{country}00")) % 97
        numbers[f"{country}{98 - rest:02d}{account}"] = None
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
        "".join(chr(0xFF10 + int(digit)) for digit in card),
        "\n".join(groups),
        "\u00ad".join(groups),
        f"{card[:2]} {card[2:]}",
        f"Visa{card}",
        f"({card})",
        f"{card}, exp 12/27, cvv 987",
        f"{' '.join(groups)} 12/27 987",
        "".join(chr(0x660 + int(char)) for char in card),
        "\t".join(groups),
    ]
    return written[number % len(written)]


def spoken_codes(code: str) -> list[str]:
    """Returns a security code as it is named in the shipped languages."""
    names = (
        "CVV|cvc2|security code|sikkerhetskoden|säkerhetskod|sikkerhedskode|beveiligingscode|Prüfziffer|Sicherheitscode"
    )
    names += "|código de seguridad|cryptogramme|code de sécurité|turvakoodi|CVC"
    return [f"{name}{between}{code}" for name in names.split("|") for between in (" ", ": ", " er ", "=")]
