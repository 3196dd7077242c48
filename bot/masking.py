"""Finds payment card numbers, their security codes and bank account numbers (IBAN) in a text and hides them."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

HIDDEN = "••••"
_HIDDEN_CODE = "•••"

# Stands for characters that are not seen (zero-width blanks, soft hyphens) while a text is searched.
_UNSEEN = "\u200b"
# Stands for what has been recognised already.
_BARRIER = "\0"
_GAP = rf"[ \-./_{_UNSEEN}]{{0,4}}"
_DIGITS = re.compile(rf"[0-9](?:{_GAP}[0-9])*")
_GROUP = re.compile(r"[0-9]+")
_GUID = re.compile(
    r"(?<![0-9a-f])[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}(?![0-9a-f])|(?=[0-9]*[a-f])[0-9a-f]{32}", re.IGNORECASE
)
_DATE = re.compile(
    r"(?<![0-9])(?:(?:19|20)[0-9]{2}([-./])[01]?[0-9]\1[0-3]?[0-9]|[0-3]?[0-9]([-./])[01]?[0-9]\2(?:19|20)[0-9]{2})(?![0-9])"
)
_INVOICE_WORD = r"inv(?:oice)?|fakt(?:ura|uura)?|factuur|rechnung|regning|lasku|factura|facture"
_INVOICE_NAMED = re.compile(rf"(?:{_INVOICE_WORD})\w*[^0-9]{{0,12}}$", re.IGNORECASE)
_INVOICE_GLUED = re.compile(rf"(?<![a-z])(?:{_INVOICE_WORD})[-_#]?$", re.IGNORECASE)
_IBAN_START = re.compile(rf"(?<![a-z0-9])[a-z]{_GAP}[a-z]{_GAP}[0-9]{_GAP}[0-9]", re.IGNORECASE)

# Issuers' number ranges (ISO/IEC 7812): what a number begins with, and its possible lengths.
_ISSUERS = re.compile(
    r"4(?:[0-9]{12}|[0-9]{15}|[0-9]{18})"  # Visa
    r"|(?:5[1-5][0-9]{2}|222[1-9]|22[3-9][0-9]|2[3-6][0-9]{2}|27[01][0-9]|2720)[0-9]{12}"  # Mastercard
    r"|3[47][0-9]{13}"  # American Express
    r"|3(?:0[0-5]|[689][0-9])[0-9]{11,16}"  # Diners Club
    r"|35(?:2[89]|[3-8][0-9])[0-9]{12,15}"  # JCB
    r"|(?:5[0678]|6[0-9])[0-9]{11,17}"  # Maestro, Discover, UnionPay, RuPay, Dankort
    r"|220[0-4][0-9]{12,15}"  # Mir
)

# Length of the IBAN of each country in the register (ISO 13616, release 99).
_IBAN_LENGTHS = {
    **dict.fromkeys(["NO"], 15),
    **dict.fromkeys(["BE"], 16),
    **dict.fromkeys(["DK", "FI", "FK", "FO", "GL", "NL", "SD"], 18),
    **dict.fromkeys(["MK", "SI"], 19),
    **dict.fromkeys(["AT", "BA", "EE", "KZ", "LT", "LU", "MN", "XK"], 20),
    **dict.fromkeys(["CH", "HR", "LI", "LV"], 21),
    **dict.fromkeys(["BG", "BH", "CR", "DE", "GB", "GE", "IE", "ME", "RS", "VA"], 22),
    **dict.fromkeys(["AE", "GI", "IL", "IQ", "OM", "SO", "TL"], 23),
    **dict.fromkeys(["AD", "CZ", "ES", "MD", "PK", "RO", "SA", "SE", "SK", "TN", "VG"], 24),
    **dict.fromkeys(["LY", "PT", "ST"], 25),
    **dict.fromkeys(["IS", "TR"], 26),
    **dict.fromkeys(["BI", "DJ", "FR", "GR", "IT", "MC", "MR", "SM"], 27),
    **dict.fromkeys(["AL", "AZ", "BY", "CY", "DO", "GT", "HN", "HU", "LB", "NI", "PL", "SV"], 28),
    **dict.fromkeys(["BR", "EG", "PS", "QA", "UA"], 29),
    **dict.fromkeys(["JO", "KW", "MU", "YE"], 30),
    **dict.fromkeys(["MT", "SC"], 31),
    **dict.fromkeys(["LC"], 32),
    **dict.fromkeys(["RU"], 33),
}

_SHORTEST, _LONGEST = 13, 19
# A code that goes on, such as `INV-`.
_CODE_BEFORE = re.compile(r"[a-z0-9][-_]$", re.IGNORECASE)

# What the security code is called, in the shipped languages.
_CODE_NAME = (
    r"cvv2?|cvc2?|cvn2?|csc|cid|cv2|card verification (?:code|value|number)|security (?:code|number)|security-code"
    r"|sikkerhetskod\w*|sikkerhedskod\w*|kontrollsiff\w*|kontrolcif\w*|kontrolnum\w*|kortkod\w*"
    r"|säkerhetskod\w*|beveiligingscode|veiligheidscode|kaartcode|sicherheitscode|prüfziffer|prüfnummer"
    r"|kartenprüfnummer|sicherheitsnummer|código de (?:seguridad|verificación)|codigo de (?:seguridad|verificacion)"
    r"|code de (?:sécurité|vérification)|cryptogramme(?: visuel)?|turvakood\w*|turvaluk\w*|tarkistusnumero\w*"
)
_NAMED_CODE = re.compile(
    rf"(?<![a-z0-9])(?:{_CODE_NAME})[^0-9a-z]{{0,4}}(?:[a-zäöåé]{{1,8}}[^0-9a-z]{{1,3}})?([0-9]{{3,4}})(?![0-9])",
    re.IGNORECASE,
)
_EXPIRY = r"(?:[0-9]{1,2}\s?[/.\-]\s?(?:20)?[0-9]{2})"
_CODE_BESIDE = re.compile(
    r"[^0-9a-z]{1,4}"
    r"(?:(?:exp|valid|gyldig|utl|udl|giltig|geldig|gültig|cad|voim)\w*[^0-9a-z]{0,3})?"
    rf"(?:{_EXPIRY}[^0-9a-z]{{1,4}})?([0-9]{{3,4}})(?![0-9a-z])",
    re.IGNORECASE,
)


@dataclass(frozen=True)
class Masked:
    """A text without what must not be kept.

    Args:
        text: the text, each number hidden but for its last four digits.
        cards: how many card numbers were hidden.
        codes: how many security codes were hidden.
        accounts: how many bank account numbers were hidden.
    """

    text: str
    cards: int = 0
    codes: int = 0
    accounts: int = 0

    @property
    def changed(self) -> bool:
        """Whether anything was hidden."""
        return bool(self.cards or self.codes or self.accounts)


@dataclass(frozen=True)
class _Span:
    start: int
    end: int
    replacement: str


def mask(text: str) -> Masked:
    """Hides card numbers (13 to 19 digits, Luhn), the security codes beside them and IBANs (checksum).

    Digits of every script, full-width ones too, may be apart by blanks, dashes, dots and characters that are not
    seen. GUIDs, and numbers that an invoice's name is glued to, stay as they are; so do other numbers glued to letters
    or called an invoice, unless they are a card number of a known issuer.

    Args:
        text: what a customer has written.

    Returns:
        The text with the last four digits of each number left, and how much was hidden.
    """
    seen = _GUID.sub(lambda match: _BARRIER * len(match.group()), _as_searched(text))
    accounts = list(_accounts(seen))
    cards = _apart(_cards(_without(seen, accounts)), seen)
    codes = _codes(_without(seen, accounts), cards)
    masked = text
    for span in sorted([*accounts, *cards, *codes], key=lambda span: span.start, reverse=True):
        masked = masked[: span.start] + span.replacement + masked[span.end :]
    return Masked(masked, len(cards), len(codes), len(accounts))


def passes_luhn(digits: str) -> bool:
    """Tells whether a number's last digit is its check digit (ISO/IEC 7812-1, annex B)."""
    total = 0
    for position, digit in enumerate(reversed(digits)):
        value = int(digit) * (1 + position % 2)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def is_iban(account: str) -> bool:
    """Tells whether a bank account number has its country's length and checksum (ISO 13616, ISO 7064 MOD 97-10)."""
    account = account.upper()
    if _IBAN_LENGTHS.get(account[:2]) != len(account):
        return False
    return int("".join(str(int(char, 36)) for char in account[4:] + account[:4])) % 97 == 1


def _as_searched(text: str) -> str:
    """Returns a text of the same length in which digits, letters, blanks and dashes are plain."""
    return text if text.isascii() and text.isprintable() else "".join(_plain(char) for char in text)


def _plain(char: str) -> str:
    if char.isspace():
        return " "
    if char.isascii():
        return char
    digit = unicodedata.digit(char, -1)
    if digit >= 0:
        return str(digit)
    category = unicodedata.category(char)
    if category == "Pd" or char in "\u2212\u00b7":
        return "-"
    if category in {"Cf", "Mn", "Me"}:
        return _UNSEEN
    compatible = unicodedata.normalize("NFKC", char)
    return compatible if len(compatible) == 1 else char


def _without(seen: str, spans: Sequence[_Span]) -> str:
    for span in spans:
        seen = seen[: span.start] + _BARRIER * (span.end - span.start) + seen[span.end :]
    return seen


def _accounts(seen: str) -> Iterator[_Span]:
    end = 0
    for match in _IBAN_START.finditer(seen):
        if match.start() < end:
            continue
        country = "".join(char for char in match.group() if char.isalpha())[:2].upper()
        found = _take(seen, match.start(), _IBAN_LENGTHS.get(country, 0))
        if found and is_iban(found[0]):
            account, end = found
            yield _Span(match.start(), end, f"{country}{HIDDEN}{account[-4:]}")


def _take(seen: str, start: int, length: int) -> tuple[str, int] | None:
    """Returns the next `length` letters and digits and where they end, None if they are interrupted or go on."""
    taken: list[str] = []
    gap = 0
    for position in range(start, len(seen)):
        char = seen[position]
        if len(taken) == length:
            return ("".join(taken), position) if not (char.isascii() and char.isalnum()) else None
        if char.isascii() and char.isalnum():
            taken.append(char)
            gap = 0
        elif char in f" -.{_UNSEEN}" and gap < 3:
            gap += 1
        else:
            return None
    return ("".join(taken), len(seen)) if length and len(taken) == length else None


def _cards(seen: str) -> Iterator[tuple[int, int]]:
    """Yields where card numbers begin and end; they may overlap."""
    for run in _DIGITS.finditer(seen):
        if _INVOICE_GLUED.search(seen, max(0, run.start() - 12), run.start()):
            continue
        groups = [(match.start() + run.start(), match.group()) for match in _GROUP.finditer(run.group())]
        alone = _stands_alone(seen, run)
        for first, (start, _) in enumerate(groups):
            digits = ""
            for last, (group_start, group) in enumerate(groups[first:], start=first):
                digits += group
                whole = first == 0 and last == len(groups) - 1
                if _is_card(digits, alone and whole) or (first == last and _begins_with_card(group)):
                    yield start, group_start + len(group)
                if len(digits) >= _LONGEST:
                    break


def _is_card(digits: str, alone: bool) -> bool:
    """Tells whether digits are a card number: of a known issuer, or of any if they stand alone."""
    if not _SHORTEST <= len(digits) <= _LONGEST or not passes_luhn(digits):
        return False
    return alone or _ISSUERS.fullmatch(digits) is not None


def _begins_with_card(digits: str) -> bool:
    """Tells whether a code or a date is glued to the end of a card number."""
    return any(length < len(digits) and _is_card(digits[:length], alone=False) for length in (15, 16))


def _stands_alone(seen: str, run: re.Match[str]) -> bool:
    """Tells whether digits are neither part of a code such as `INV-1234`, nor dates, nor called an invoice."""
    before = seen[max(0, run.start() - 40) : run.start()]
    after = seen[run.end() : run.end() + 1]
    return not (before[-1:].isalpha() or after.isalpha() or _CODE_BEFORE.search(before)) and not (
        _DATE.search(run.group()) or _INVOICE_NAMED.search(before)
    )


def _apart(found: Iterator[tuple[int, int]], seen: str) -> list[_Span]:
    """Joins numbers that overlap, so that no part of either is left, and hides all but the last four digits.

    Where it is not certain which number it is, or a security code may be glued to its end, no digit is left.
    """
    joined: list[tuple[int, int, bool]] = []
    for start, end in sorted(found):
        if joined and start < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(end, joined[-1][1]), False)
        else:
            joined.append((start, end, True))
    spans = []
    for start, end, certain in joined:
        digits = "".join(char for char in seen[start:end] if char.isdigit())
        shown = certain and passes_luhn(digits) and not _begins_with_card(digits)
        spans.append(_Span(start, end, HIDDEN + (digits[-4:] if shown else "")))
    return spans


def _codes(seen: str, cards: Sequence[_Span]) -> list[_Span]:
    found = {match.span(1) for match in _NAMED_CODE.finditer(_without(seen, cards))}
    for card in cards:
        beside = _CODE_BESIDE.match(seen, card.end)
        if beside:
            found.add(beside.span(1))
    return [
        _Span(start, end, _HIDDEN_CODE)
        for start, end in sorted(found)
        if not any(start < card.end and card.start < end for card in cards)
    ]
