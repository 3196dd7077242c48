"""An address is recognised however it is spelled, and is not taken for a longer one."""

from __future__ import annotations

import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.privacy.addresses import AT_SIGNS, find_mention, fold, fold_address, is_address

ADDRESSES = st.sampled_from(
    ["anna@x.no", "anna.li-berg@x-y.example", "bjørn_1@blåbær.no", "o'brien+a@x.no", "straße@x.de"]
)
INVISIBLE = "\u00ad\u200b\u200c\u200d\u2060\ufeff\u034f\u180e\u3164\ufe0f\u2800\u202e\U000e0041\x00\x1b"
WRAPPED = [
    ("", ""),
    ("-", ""),
    (".", "."),
    ("...", "..."),
    ("– ", ", takk"),
    ("<", ">"),
    ("(", ")."),
    ("mailto:", "\n"),
]


@st.composite
def spellings(draw: st.DrawFn) -> tuple[str, str]:
    """Draws an address and one of the ways in which people, or programs of theirs, write it."""
    address = draw(ADDRESSES)
    written = ""
    for char in address:
        forms = [char, char.upper(), unicodedata.normalize("NFD", char)]
        if "!" <= char <= "~":
            forms.append(chr(ord(char) + 0xFEE0))  # full width
        written += draw(st.sampled_from(forms)) + draw(st.text(INVISIBLE, max_size=2))
    return address, written


@given(spellings(), st.sampled_from(WRAPPED))
def test_every_spelling_is_recognised(spelling: tuple[str, str], wrapped: tuple[str, str]) -> None:
    address, written = spelling
    around = wrapped[0] + written + wrapped[1]
    assert fold_address(written) == fold(address) == fold_address(fold_address(written))
    assert is_address(written, fold_address(address))
    assert find_mention(around, fold_address(address)) is not None
    assert find_mention(around, fold_address("-" + written + ".")) is not None


@given(spellings(), st.sampled_from(["jo", "jo.", "jo-", "jo--", "_", "1", "é", "a+", "x%", "jo\u00ad"]))
def test_an_address_that_begins_earlier_is_another_one(spelling: tuple[str, str], before: str) -> None:
    address, written = spelling
    assert find_mention(f"fra {before}{written}", fold_address(address)) is None
    assert not is_address(before + written, fold_address(address))


@given(spellings(), st.sampled_from([".example", "e", "-e.no", "--e.no", "é", "1", "\u00ad.example", "\uff0eexample"]))
def test_an_address_that_goes_on_is_another_one(spelling: tuple[str, str], after: str) -> None:
    address, written = spelling
    assert find_mention(f"til {written}{after}", fold_address(address)) is None
    assert not is_address(written + after, fold_address(address))


@given(st.text())
def test_folding_twice_changes_nothing_more(text: str) -> None:
    assert fold(fold(text)) == fold(text)


def test_no_other_character_is_an_at_sign() -> None:
    folded = (unicodedata.normalize("NFKC", chr(code)) for code in range(sys.maxunicode + 1))
    assert {chr(code) for code, plain in enumerate(folded) if "@" in plain} == set(AT_SIGNS)
    assert {fold(sign) for sign in AT_SIGNS} == {"@"}


@pytest.mark.parametrize("text", ["anna", "anna@", "@x.no", "", "anna@x@no", "an na@x.no", "-@x.no"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not an e-mail address; expected such as"):
        fold_address(text)
