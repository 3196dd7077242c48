"""Texts are split once; numbers of pieces stand for the same pieces, whatever was forgotten and whoever asks."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from bot import pieces
from bot.pieces import OfPieces, Pieces, Split, split

TEXTS = ["my card was declined", "", " card\u00a0and  \n card ", "æ ß card"]


def text_of(read: Split, row: int) -> str:
    return " ".join(read.pieces.names[number] for number in read.lists[row])


def test_a_text_is_what_stands_between_its_blanks() -> None:
    read = split(TEXTS)
    assert len(read) == 4
    assert [text_of(read, row) for row in range(4)] == [" ".join(text.split()) for text in TEXTS]
    assert read.of_text.tolist() == [0, 0, 0, 0, 2, 2, 2, 3, 3, 3]
    assert read.lists[2][0] == read.lists[2][2] == read.lists[0][1]
    assert split(read) is read
    assert [text_of(read.at([2, 0]), row) for row in range(2)] == ["card and card", "my card was declined"]


def test_long_numbers_are_one_piece_and_short_ones_are_not() -> None:
    read = split(["12345 E0400-987654 99", "67890 E0400-000000 98"])
    assert text_of(read, 0) == "00000 E0400-00000 99"
    assert read.lists[0][:2] == read.lists[1][:2]
    assert read.lists[0][2] != read.lists[1][2]
    number = Pieces()
    assert [number[f"T{invoice}"] for invoice in range(10_000, 20_000)] == [0] * 10_000
    assert number.names == ["T00000"]


def test_each_piece_is_asked_about_once_until_numbers_begin_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    lengths = OfPieces(lambda piece: asked.append(piece) or len(piece))  # type: ignore[func-returns-value]
    monkeypatch.setattr(pieces, "MOST_PIECES", 3)
    monkeypatch.setattr(pieces, "split", pieces._Splitter())
    for _ in range(2):
        read = pieces.split(["one three three four"])
        assert [lengths.at(read.pieces)[number] for number in read.lists[0]] == [3, 5, 5, 4]
    assert asked == ["one", "three", "four"]
    older = pieces.split(["eleven"])
    newer = pieces.split(["one"])
    assert newer.pieces is not older.pieces
    assert [lengths.at(read.pieces)[read.lists[0][0]] for read in (newer, older, newer)] == [3, 6, 3]


def test_a_call_with_many_texts_does_not_begin_anew_each_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pieces, "MOST_PIECES", 3)
    monkeypatch.setattr(pieces, "split", pieces._Splitter())
    texts = [f"word{number}" for number in range(50)]
    assert pieces.split(texts).pieces is pieces.split(texts).pieces
    assert len(pieces.split(["a"]).pieces.names) == 1


def test_threads_that_read_at_the_same_time_give_no_number_twice() -> None:
    words = [f"word-{letter}{other}" for letter in "abcdefghij" for other in "abcdefghij"]
    together = Barrier(4)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as threads:
            for _ in range(20):
                numbers = Pieces()
                found = [threads.submit(_read_together, numbers, words, together) for _ in range(4)]
                assert {tuple(one.result()) for one in found} == {tuple(numbers[word] for word in words)}
                assert [numbers.names[numbers[word]] for word in words] == words
                assert len(numbers.names) == len(words)
    finally:
        sys.setswitchinterval(interval)


def _read_together(numbers: Pieces, words: list[str], together: Barrier) -> list[int]:
    together.wait()
    return [numbers[word] for word in words]
