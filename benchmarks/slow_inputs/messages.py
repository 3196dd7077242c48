"""Messages that may be slow: hand-made shapes to begin with, and ways to change one at random."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from bot.settings import PROJECT_ROOT, get_settings

LENGTH = 2000
"""Letters of a message, as many as the page takes."""
NORMAL = "Hei, kortet mitt ble avvist da jeg prøvde å betale fakturaen for Azure. Hva gjør jeg?"

Part = Callable[[random.Random], str]

_WORDS = re.compile(r"\w[\w'’-]*")
_SEPARATORS = ("", " ", ". ", "\n", "! ", ", ", "-", ".", "\n\n", " . ", "; ", "? ", "@", "/", "\u200b", "\n> ", ": ")


class Parts:
    """What messages are made of, by name: each makes one part of a message with a source of randomness.

    Args:
        data: the data folder, whose word lists and phrases give the words that the bot knows.
    """

    def __init__(self, data: Path | None = None) -> None:
        data = data or get_settings().data_dir
        listed = [data / "entities.yml", *sorted((data / "triage").glob("*.yml")), *sorted(data.glob("lexicon/*.yml"))]
        self._listed = _words_in(path for path in listed if path.exists())
        self._known = _words_in(sorted((data / "nlu").rglob("*.yml")))
        self.kinds: dict[str, Part] = {
            **{f"{length} letters": letters(length) for length in (1, 2, 3, 5, 8, 13, 40, 400)},
            "capitals": lambda chance: letters(chance.randint(1, 6))(chance).upper(),
            "words of the lists": lambda chance: chance.choice(self._listed),
            "words of the phrases": lambda chance: chance.choice(self._known),
            "typing errors": lambda chance: _with_error(chance.choice(self._known), chance),
            "two words": lambda chance: f"{letters(2)(chance)} {letters(2)(chance)}",
            "three words": lambda chance: " ".join(letters(3)(chance) for _ in range(3)),
            **{name: _characters(*ranges) for name, ranges in _SCRIPTS.items()},
            "any character": lambda chance: chr(
                chance.choice((chance.randrange(0x20, 0xD800), chance.randrange(0xE000, 0x20000)))
            ),
            "expanding": lambda chance: chance.choice("ﷺﷻ㍿㌫…™½ﬃ㈱㋿"),
            "digits": lambda chance: str(chance.randrange(10 ** chance.choice((1, 2, 3, 4, 8, 16)))),
            "three digits": lambda chance: f"{chance.randrange(1000):03}",
            "almost cards": lambda chance: f"4111 1111 1111 {chance.randrange(10000):04}",
            "amounts": lambda chance: f"{chance.randrange(1, 9999)} {chance.choice(('kr', 'EUR', '$', '€', 'øre'))}",
            "dates": lambda chance: f"{chance.randint(1, 31)}{chance.choice('./-')}{chance.randint(1, 12)}.",
            "days": lambda chance: f"{chance.randint(1, 31)}. {chance.choice(('mai', 'March', 'juin'))}",
            "errors": lambda chance: f"error {chance.randrange(1000, 99999)}",
            "invoices": lambda chance: f"E0{chance.randrange(100, 999)}{letters(3)(chance).upper()}",
            "ids": lambda chance: f"{chance.getrandbits(32):08x}-{chance.getrandbits(16):04x}",
            "account numbers": lambda chance: f"NO{chance.randrange(10**13):013}",
            "e-mail": lambda chance: f"{letters(2)(chance)}@{letters(3)(chance)}.com",
            "addresses": lambda chance: f"https://{letters(4)(chance)}.com/{letters(3)(chance)}",
            "products": lambda chance: chance.choice(
                ("azure", "office 365", "o365", "m365 e3", "microsoft 365", "365")
            ),
            "marks": lambda chance: (
                chance.choice(".!?,;:-–()[]\"'’`*_/@#+&%$€<>|~^=…•«»") * chance.choice((1, 1, 2, 30))
            ),
            "blanks": lambda chance: (
                chance.choice(" \n\t\u00a0\u3000\u2028\u200b\u2060\u00ad") * chance.choice((1, 2, 30))
            ),
        }

    def any(self, chance: random.Random) -> str:
        """Returns a part of any kind."""
        return chance.choice(list(self.kinds.values()))(chance)


_SCRIPTS: dict[str, tuple[tuple[int, int], ...]] = {
    "emoji": ((0x1F300, 0x1FAFF), (0x2600, 0x27BF)),
    "Chinese": ((0x4E00, 0x9FFF),),
    "Hangul": ((0xAC00, 0xD7A3),),
    "Thai": ((0xE01, 0xE3A),),
    "Cyrillic and Arabic": ((0x430, 0x44F), (0x621, 0x64A)),
    "letters with diacritics": ((0xC0, 0x24F), (0x1E00, 0x1EFF)),
    "compatibility characters": ((0x3200, 0x33FF), (0xFB00, 0xFDFF), (0xFF00, 0xFFEF), (0x1D400, 0x1D7FF)),
    "combining marks": ((0x300, 0x36F),),
}


def seeds(parts: Parts, chance: random.Random) -> Iterator[tuple[str, str]]:
    """Yields shapes with their names: each kind of part with each of the commonest separators, and some by hand."""
    for name, part in parts.kinds.items():
        for separator in _SEPARATORS[:5]:
            yield f"{name}, {separator!r} between", filled(part, separator, chance)
    for name, text in _BY_HAND.items():
        yield name, text(chance)[:LENGTH]


_BY_HAND: dict[str, Part] = {
    # Regular expressions that look for the end of a run again from each of its places.
    "a run of letters, then short sentences": lambda chance: letters(1000)(chance) + " A. B." * 170,
    "an e-mail address without an end": lambda chance: "azure 5 kr " + "a-" * 1000,
    "a host name without an end": lambda chance: "azure 5 kr " + "a." * 1000,
    "a number without an end": lambda chance: "5 kr " + "1." * 990 + "x",
    "groups of a number": lambda chance: "123 " * 498 + "kr",
    "a header without an end": lambda chance: "x\n" + "wrote from: " * 170,
    "an id without an end": lambda chance: "5 kr " + "0a1b-" * 400,
    "clauses of nothing": lambda chance: "ab cd" + ", -" * 700,
    "feelings": lambda chance: "no " + "bad " * 500,
    "brackets": lambda chance: "a" + ")" * 1999,
    "quotation marks": lambda chance: "a." + "\"'" * 999,
    "blanks before nothing": lambda chance: "a" + " ." * 10 + " " * 1900 + "b",
}


def filled(part: Part, separator: str, chance: random.Random) -> str:
    """Returns a whole message of one kind of part."""
    made = [part(chance)]
    length = len(made[0])
    while length < LENGTH:
        made.append(part(chance))
        length += len(separator) + len(made[-1])
    return separator.join(made)[:LENGTH]


def changed(text: str, other: str, parts: Parts, chance: random.Random) -> str:
    """Returns a message made from one or two others by one to three changes at random.

    Args:
        text: the message.
        other: what a piece may be taken from.
        parts: what else may be put in.
        chance: the source of randomness.
    """
    for _ in range(chance.randint(1, 3)):
        text = chance.choice(_CHANGES)(text, other, parts, chance)[:LENGTH]
    return text


def _put_in(text: str, other: str, parts: Parts, chance: random.Random) -> str:
    """Puts a run of parts in place of a slice."""
    start, end = _slice(text, chance)
    made = [parts.any(chance) for _ in range(chance.choice((1, 1, 3, 10, 100)))]
    return text[:start] + chance.choice(_SEPARATORS).join(made) + text[end:]


def _fill_in(text: str, other: str, parts: Parts, chance: random.Random) -> str:
    """Fills what is left of the message behind a place with one kind of part."""
    start, _ = _slice(text, chance)
    part = chance.choice(list(parts.kinds.values()))
    return text[:start] + filled(part, chance.choice(_SEPARATORS), chance)


def _cross(text: str, other: str, parts: Parts, chance: random.Random) -> str:
    """Goes on with another message from some place on."""
    start, _ = _slice(text, chance)
    place, _ = _slice(other, chance)
    return text[:start] + other[place:] + text[start:]


def _repeat(text: str, other: str, parts: Parts, chance: random.Random) -> str:
    """Repeats a slice."""
    start, end = _slice(text, chance)
    return text[:end] + text[start:end] * chance.choice((1, 5, 200)) + text[end:]


def _drop(text: str, other: str, parts: Parts, chance: random.Random) -> str:
    """Leaves a slice out and fills up with the beginning."""
    start, end = _slice(text, chance)
    return text[:start] + text[end:] + text


def _swap_separator(text: str, other: str, parts: Parts, chance: random.Random) -> str:
    """Replaces all, or half, of the blanks, stops or whatever one character it is."""
    if not text:
        return text
    before, after = chance.choice((" ", ".", "\n", chance.choice(text))), chance.choice(_SEPARATORS)
    share = chance.choice((0.1, 0.5, 1.0))
    return "".join(after if char == before and chance.random() < share else char for char in text)


def _shuffle(text: str, other: str, parts: Parts, chance: random.Random) -> str:
    """Puts the words into another order."""
    words = text.split(" ")
    chance.shuffle(words)
    return " ".join(words)


def _renew(text: str, other: str, parts: Parts, chance: random.Random) -> str:
    """Takes other letters everywhere, so that no word is a repetition."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    return "".join(chance.choice(letters) if char in letters else char for char in text)


_CHANGES = (_put_in, _put_in, _fill_in, _cross, _repeat, _drop, _swap_separator, _swap_separator, _shuffle, _renew)


def _slice(text: str, chance: random.Random) -> tuple[int, int]:
    start = chance.randint(0, len(text))
    return start, min(len(text), start + chance.choice((0, 1, 5, 20, 100, 500)))


def letters(length: int) -> Part:
    """Returns what makes words of so many letters at random."""
    return lambda chance: "".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=length))


def _characters(*ranges: tuple[int, int]) -> Part:
    return lambda chance: chr(chance.randint(*chance.choice(ranges)))


def _with_error(word: str, chance: random.Random) -> str:
    place = chance.randrange(len(word))
    return word[:place] + chance.choice("abcdefghijklmnopqrstuvwxyz") + word[place + 1 :]


def _words_in(paths: Iterator[Path] | Sequence[Path]) -> list[str]:
    """Returns the words in some files of data, each once, in an order of its own."""
    return sorted({word for path in paths for word in _WORDS.findall(path.read_text(encoding="utf8"))})


def describe(text: str) -> str:
    """Returns a message's shape in a line: how many letters, words, different words, lines, stops and so on."""
    words = text.split()
    counts = {
        "letters": sum(map(str.isalpha, text)),
        "digits": sum(map(str.isdigit, text)),
        "outside ASCII": sum(not char.isascii() for char in text),
        "words": len(words),
        "different": len(set(words)),
        "longest": max(map(len, words), default=0),
        "lines": len(text.splitlines()),
        "stops": sum(text.count(mark) for mark in ".!?"),
    }
    return f"{len(text)} characters: " + ", ".join(f"{number} {name}" for name, number in counts.items() if number)


RESULTS = PROJECT_ROOT / "results" / "slow_inputs.json"
