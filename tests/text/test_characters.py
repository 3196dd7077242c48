"""Typed texts hold no character that files, databases and mail servers refuse."""

from __future__ import annotations

import sys
import unicodedata

import pytest

from bot.channel.typed_text import safe_text
from bot.text.characters import readable


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("kortet\ufffe virker\uffff ikke", "kortet virker ikke"),
        ("\ufdd0a\U0001fffeb\U0010ffff", "ab"),
        ("private \ue000 \U000f0000", "private  "),
        ("half \ud83d", "half "),
        ("not assigned: \u0378", "not assigned: "),
        ("bell\x07 and \x1b[31m", "bell  and  [31m"),
        ("new line\nand\ttab", "new line\nand\ttab"),
        ("newer emoji \U0001fae8\U0001fac6 and old 👩‍👧 😀", "newer emoji \U0001fae8\U0001fac6 and old 👩‍👧 😀"),
        ("ﷺ ½ é e\u0301 中文 ไทย \u200b\u202e", "ﷺ ½ é e\u0301 中文 ไทย \u200b\u202e"),
    ],
    ids=ascii,
)
def test_unreadable_characters_are_dropped_and_the_others_stay(typed: str, kept: str) -> None:
    assert readable(typed) == kept
    assert safe_text(typed).text == kept.strip()


def test_every_character_is_kept_becomes_a_blank_or_is_dropped() -> None:
    everything = "".join(map(chr, range(sys.maxunicode + 1)))
    kept = readable(everything)
    kept.encode("utf8")
    assert {unicodedata.category(char) for char in set(kept) - {"\n", "\t"}}.isdisjoint({"Cc", "Co", "Cs"})
    assert not [char for char in kept if ord(char) & 0xFFFE == 0xFFFE or "\ufdd0" <= char <= "\ufdef"]
    assigned = [char for char in everything if unicodedata.category(char) not in {"Cc", "Cn", "Co", "Cs"}]
    assert set(assigned) <= set(kept)
    assert readable(kept) == kept


def test_a_card_number_is_hidden_though_unreadable_characters_stand_in_it() -> None:
    assert safe_text("4111\ufffe1111\ue0001111\ud8001111").text == "••••1111"
