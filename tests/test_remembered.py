"""What is remembered is asked once, and forgotten where there is too much."""

from __future__ import annotations

from bot.remembered import Remembered


def test_each_key_is_asked_once_until_there_are_too_many() -> None:
    asked: list[str] = []

    def length(word: str) -> int:
        asked.append(word)
        return len(word)

    remembered = Remembered(length, most=2)
    assert [remembered[word] for word in ("en", "tre", "en")] == [2, 3, 2]
    assert asked == ["en", "tre"]
    assert remembered["fire"] == 4
    assert set(remembered) == {"fire"}
    assert remembered["en"] == 2
    assert asked == ["en", "tre", "fire", "en"]
