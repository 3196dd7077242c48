"""Finds bank account numbers (IBAN) in a text, by their country's form and their checksum."""

from __future__ import annotations

import re
from collections.abc import Iterator

# Length of the IBAN of each country in the register (ISO 13616, release 99); those with `*` have digits only.
_REGISTER = (
    "AD24 AE23* AL28 AT20* AZ28 BA20* BE16* BG22 BH22 BI27* BR29 BY28 CH21 CR22* CY28 CZ24* DE22* DJ27* DK18* DO28 "
    "EE20* EG29* ES24* FI18* FK18 FO18* FR27 GB22 GE22 GI23 GL18* GR27 GT28 HN28 HR21* HU28* IE22 IL23* IQ23 IS26* "
    "IT27 JO30 KW30 KZ20 LB28 LC32 LI21 LT20* LU20 LV21 LY25* MC27 MD24 ME22* MK19 MN20* MR27* MT31 MU30 NI28 NL18 "
    "NO15* OM23 PK24 PL28* PS29 PT25* QA29 RO24 RS22* RU33 SA24 SC31 SD18* SE24* SI19* SK24* SM27 SO23* ST25* SV28 "
    "TL23* TN24* TR26 UA29 VA22* VG24 XK20* YE30"
)
_LENGTHS = {form[:2]: int(form[2:4]) for form in _REGISTER.split()}
_DIGITS_ONLY = {form[:2] for form in _REGISTER.split() if form.endswith("*")}
# At most three runs of letters behind the check digits: text with numbers in it soon has more.
_FORM = re.compile(r"[A-Z]{2}[0-9]{2}[0-9]*(?:[A-Z]+[0-9]+){0,2}(?:[A-Z]+[0-9]*)?")
_BANK_AND_NUMBER = re.compile(r"[A-Z]{2}[0-9]{2}[A-Z]{0,4}[0-9]+")
_START = re.compile(f"({'|'.join(_LENGTHS).lower()})[0-9]{{2}}")
# Where a letter or digit is followed by another one of its kind.
_GOES_ON = re.compile(r"[^\W\d_]{2}|[0-9]{2}")


def is_iban(account: str) -> bool:
    """Tells whether a bank account number has its country's form and checksum (ISO 13616, ISO 7064 MOD 97-10)."""
    account = account.upper()
    country, rest = account[:2], account[4:]
    if _LENGTHS.get(country) != len(account) or not _FORM.fullmatch(account):
        return False
    if sum(map(str.isdigit, rest)) < len(rest) * (1 if country in _DIGITS_ONLY else 0.5):
        return False
    return int("".join(str(int(char, 36)) for char in rest + account[:4])) % 97 == 1


def find_ibans(seen: str) -> Iterator[tuple[int, int, str]]:
    """Yields start, end and plain form of the IBANs among the letters and digits, whatever stands between these.

    Args:
        seen: the text of a `Reading`.
    """
    places = [place for place, char in enumerate(seen) if char.isalnum()]
    compact = "".join(map(seen.__getitem__, places))
    end = 0
    for match in _START.finditer(compact):
        start = match.start()
        account = compact[start : start + _LENGTHS[match[1].upper()]].upper()
        if start < end or not is_iban(account):
            continue
        first, last = places[start], places[start + len(account) - 1]
        within_word = seen[:first][-1:].isalpha() and not seen[:first].endswith("iban")
        if _GOES_ON.match(seen, last) or (within_word and not _BANK_AND_NUMBER.fullmatch(account)):
            continue  # by chance, as in `Visa 41... was`
        end = start + len(account)
        yield first, last + 1, account
