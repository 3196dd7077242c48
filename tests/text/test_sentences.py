"""The sentences of what somebody typed."""

from __future__ import annotations

from bot.text.sentences import sentences_of


def test_a_text_is_split_at_full_stops_and_line_ends() -> None:
    text = "paid it twice!  who sees that?\n\nget me v. 2 of the bill ... thanks"
    assert sentences_of(text) == ["paid it twice!", "who sees that?", "get me v.", "2 of the bill ...", "thanks"]
    assert sentences_of(" no stop at all ") == ["no stop at all"]
    assert sentences_of(" \n ") == []
