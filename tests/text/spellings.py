"""Card numbers, IBANs and security codes as customers may spell them, made from a seed.

The words are written here anew, not taken from the lexicon.
"""

from __future__ import annotations

import random
import string
import unicodedata
from collections.abc import Callable, Iterator

from tests.text.numbers import GROUPS, card_numbers, ibans

_BLANKS = [" ", "  ", "     ", " " * 40, "\t", "\n", "\r\n", "\n\n", "\u00a0", "\u2009", "\u202f", "\u3000", "\u2028"]
_UNSEEN = [
    "\u200b",
    "\u200b \u200b",
    "\u200d",
    "\u2060",
    "\ufeff",
    "\u00ad",
    "\u034f",
    "\u180e",
    "\ufe0f",
    "\U000e0031",
]
_BLANK_LETTERS = ["\u2800", "\u3164", "\uffa0", "\u115f\u1160", "\u3164\u3164 "]
_SIGNS = [
    *"-./_\\,;:|*~+=#'^\u2013\u2212\u2011\u00b7\u2022\u2026\u2192",
    " - ",
    " --- ",
    " \u2014 ",
    " . ",
    " / ",
    " _ ",
]
_SIGNS += [", ", " | ", "**", '", "', ") (", "][", "<>", "...", "-----------"]
_LINES = ["\n- ", "\n* ", "\n\u2022 ", "\n> ", "\n\n> > ", " \n "]
_EMOJI = ["\U0001f4b3", " \u2705 ", "\U0001f44d\U0001f3fd", "\u2764\ufe0f"]
SEPARATORS = ["", *_BLANKS, *_UNSEEN, *_BLANK_LETTERS, *_SIGNS, *_LINES, *_EMOJI]
DICTATED = [
    f" {word} "
    for word in ["then", ", then", "dash", "så", "strek", "sedan", "dan", "derefter", "dann", "puis", "luego", "sitten"]
]
_ZEROS = "0\uff10\u0660\u06f0\u0966\u09e6\u0e50\u1040\U0001d7ce\U0001d7f6\U0001fbf0"
_CIRCLED = "\u24ea" + "".join(map(chr, range(0x2460, 0x2469)))
_RAISED = "\u2070\u00b9\u00b2\u00b3" + "".join(map(chr, range(0x2074, 0x207A)))

_BEFORE_CARD = (
    "||Visa|VISA |Mastercard:|kort|kortet mitt |my card |mycard|Kartennummer |n° |nr.|#|(|№|tarjeta |carte |kaart:"
)
_AFTER_CARD = "||.|)| was declined|takk| funkar inte|?!| geht nicht|x| ei toimi|\n\nMvh|kr|\u20e3"
_BEFORE_IBAN = "|IBAN |IBAN|iban:|konto |kontonr.|Konto: |myiban|my account is |cuenta |compte=|tilini on "
_AFTER_IBAN = "|.| takk|abc|kontonummer|)|\nBIC DNBANOKK|x| please"
_NAMES = {
    "en": "CVV|cvc|CVV2|cvv code|CVC number|security code|Security-Code|C.V.V.|the 3 digits on the back",
    "nb": "CVV-koden|cvc-kode|CVC'en|sikkerhetskoden|kontrollsifrene|tallene bak på kortet|koden på baksiden",
    "sv": "CVV-koden|cvc-nummer|säkerhetskoden|sakerhetskod|kontrollsiffrorna|siffrorna på baksidan|kortkoden",
    "da": "CVV-koden|kontrolcifrene|sikkerhedskoden|sikkerhedskode|de tre cifre bag på kortet|tallene på bagsiden",
    "nl": "CVC-code|cvv|beveiligingscode|veiligheidscode|de cijfers achterop|de code op de achterkant|kaartcode",
    "de": "CVV-Code|Prüfziffer|Prüfnummer|pruefziffer|Sicherheitscode|Kartenprüfnummer|KPN|Zahl auf der Rückseite",
    "fr": "CVV|code CVC|cryptogramme|cryptogramme visuel|code de sécurité|les 3 chiffres au dos|code de securite",
    "es": "CVV|código CVC|código de seguridad|codigo de seguridad|los tres dígitos de atrás|clave de seguridad",
    "fi": "CVC-koodi|CVV-numero|turvakoodi|turvaluku|kortin turvakoodini|tarkistusnumero|numerot kortin takana",
}
_LINKS = {
    "en": " is | on my card is | of my visa is | number is | is: | for the card: ",
    "nb": " er | på kortet er | min er | til kortet mitt er | er: ",
    "sv": " är | på kortet är | till mitt kort är | är: ",
    "da": " er | på kortet er | til mit kort er | er: ",
    "nl": " is | van mijn kaart is | op de kaart is | is: ",
    "de": " ist | von meiner Karte ist | lautet | auf der Karte: ",
    "fr": " est | de ma carte est | c'est | c\u2019est le ",
    "es": " es | de mi tarjeta es | de la tarjeta: | es el ",
    "fi": " on | kortissa on | minun kortin on | on: ",
}
_GLUED = ["", " ", ":", ": ", " = ", " :  ", "\n", "\u200b", " \u2800", "     ", " - ", "\u3164", " => "]
_REVERSED = (
    "{} is my CVV|{} (cvv)|{} er CVV-koden|{} är säkerhetskoden|{} ist die Prüfziffer|{} est le cryptogramme|{} = CVC"
)
_REVERSED += "|{} es el código de seguridad|{} on turvakoodi|{} is de beveiligingscode|{} er sikkerhedskoden"


def spelled_cards(count: int, seed: int) -> Iterator[tuple[str, str]]:
    """Yields card numbers and texts that hold them."""
    source = random.Random(seed)
    for card in card_numbers(count, seed):
        separators = DICTATED if source.random() < 0.1 else SEPARATORS
        written = _joined(source, card, _sizes(source, card), separators)
        yield card, source.choice(_BEFORE_CARD.split("|")) + written + source.choice(_AFTER_CARD.split("|"))


def spelled_ibans(count: int, seed: int) -> Iterator[tuple[str, str]]:
    """Yields IBANs and texts that hold them."""
    source = random.Random(seed)
    for account in ibans(count, seed):
        case = account if source.random() < 0.7 else account.lower()
        written = _joined(source, case, _sizes(source, account), SEPARATORS)
        yield account, source.choice(_BEFORE_IBAN.split("|")) + written + source.choice(_AFTER_IBAN.split("|"))


def spelled_codes(count: int, seed: int) -> Iterator[tuple[str, str]]:
    """Yields security codes as they are spelled, and texts that name them."""
    source = random.Random(seed)
    for number in range(count):
        code = "".join(source.choices(string.digits, k=source.choice([3, 3, 3, 4])))
        written = _joined(source, code, [len(code)] if source.random() < 0.6 else [1] * len(code), SEPARATORS)
        language = list(_NAMES)[number % len(_NAMES)]
        if number % 8 == 0:
            yield written, source.choice(_REVERSED.split("|")).format(written)
            continue
        name = source.choice([str, str.upper, str.lower])(source.choice(_NAMES[language].split("|")))
        link = source.choice([*_LINKS[language].split("|"), *_GLUED])
        before, after = source.choice(["", "my ", "min ", "hei, ", "("]), source.choice(["", ".", ")", " takk", "\n"])
        yield written, before + name + link + written + after


def leaks(number: str, text: str) -> bool:
    """Tells whether five digits of a number in a row, other than its last four, can still be read in a text."""
    digits = "".join(_read_digit(char) for char in text)
    number = "".join(filter(str.isdigit, number))
    return any(number[start : start + 5] in digits for start in range(len(number) - 4))


def _read_digit(char: str) -> str:
    """Returns the digit that a character shows, if any; written apart from the code under test."""
    value = unicodedata.digit(char, -1)
    return str(value) if value >= 0 else "".join(filter(str.isdigit, unicodedata.normalize("NFKC", char)))


def _sizes(source: random.Random, number: str) -> list[int]:
    """Returns the sizes of the groups that somebody writes a number in."""
    length, way = len(number), source.randrange(6)
    if way == 0:
        return [length]
    if way == 1:
        return [1] * length
    if way == 2 and number.isdigit() and length in GROUPS:
        return list(GROUPS[length])
    if way < 5:
        size = 4 if way < 4 else source.choice([2, 3, 5, 8])
        return [size] * (length // size) + [length % size] * (length % size > 0)
    sizes: list[int] = []
    while sum(sizes) < length:
        sizes.append(min(source.randint(1, 6), length - sum(sizes)))
    return sizes


def _joined(source: random.Random, number: str, sizes: list[int], separators: list[str]) -> str:
    """Writes a number in groups: with one separator or several, in one script or several."""
    chosen = [source.choice(separators) for _ in range(1 if source.random() < 0.7 else 3)]
    digit = _script(source)
    written, start = "", 0
    for size in sizes:
        written += (source.choice(chosen) if start else "") + "".join(map(digit, number[start : start + size]))
        start += size
    return written


def _script(source: random.Random) -> Callable[[str], str]:
    """Returns how one person writes a digit; letters stay."""
    zero = source.choice(_ZEROS)
    ways: list[Callable[[int], str]] = [
        lambda digit: chr(ord(zero) + digit),
        lambda digit: _CIRCLED[digit],
        lambda digit: f"{digit}\ufe0f\u20e3",
        lambda digit: _RAISED[digit],
        lambda digit: chr(ord(source.choice(_ZEROS)) + digit),
    ]
    chosen = source.choice([str, str, *ways])
    return lambda char: str(chosen(int(char))) if char in string.digits else char
