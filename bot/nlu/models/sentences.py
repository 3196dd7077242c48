"""Splits a message into the sentences that say something: no greeting, politeness, signature or quoted older mail."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from bot.nlu.models.triage_words import folded, load_triage_words, phrase_pattern

NAME_WORDS = 4
"""Lines up to this long after a closing formula are names, titles and telephone numbers."""

LONGEST_HEADER = 200
"""A longer line is no head of an older mail (`On Monday, .. wrote:`), which is looked for from each of its places."""

_END = re.compile(
    r"""(?<![.!?])(?P<mark>[.!?]+)(?:\s?[»”])?["')\]]*\s+(?=\S)"""
    r"|(?<=[a-zà-öø-ÿ]{2})\.(?=[A-ZÀ-ÖØ-Þ][a-zà-öø-ÿ])"  # the blank was forgotten
)
_LAST_WORD = re.compile(r"(?<![\w.'’])[\w.'’]+$")
_DOTTED = re.compile(r"[^\W\d]{1,4}(?:\.[^\W\d]{1,4})+")
_NUMBER = re.compile(r"\d{1,2}(?:\.\d{1,2})*")
_WORD = re.compile(r"\w+")
_TWO_WORDS = re.compile(r"\w\W+\w")
_THREE_WORDS = re.compile(r"\w\W+\w+\W+\w")
_QUOTED = re.compile(r"^\s*[>|]")
_DASHES = re.compile(r"^\s*(--|__)\s*$")


@dataclass(frozen=True)
class _Patterns:
    greeting: re.Pattern[str]
    closing: re.Pattern[str]
    postscript: re.Pattern[str]
    header: re.Pattern[str]
    device: re.Pattern[str]
    polite: re.Pattern[str]
    clause: re.Pattern[str]
    abbreviations: frozenset[str]
    ordinals: bool
    """Tells whether a number with a full stop is an ordinal."""


def own_words(text: str, language: str, folder: Path) -> list[str]:
    """Returns the sentences of a message that its writer has written for it: no signature, no quoted older mail.

    Args:
        text: the message as typed.
        language: its language, ISO 639-1.
        folder: the data folder with the word lists.

    Returns:
        The sentences; the whole text, if nothing else is in it.
    """
    patterns = _patterns(folder, language)
    found = _split(_without_quotes(text, patterns), patterns)
    return _without_signature(found, patterns) or [text.strip()]


def telling(own: list[str], language: str, folder: Path) -> list[str]:
    """Returns those of a message's own sentences that say something: no greeting, no mere politeness."""
    patterns = _patterns(folder, language)
    return [each for each in _without_greeting(own, patterns) if not _is_polite(each, patterns)]


def clauses(sentence: str, language: str, folder: Path) -> list[str]:
    """Returns the parts of a sentence between commas, semicolons, dashes, and words such as "and" or "also"."""
    starts = [match.start() for match in _patterns(folder, language).clause.finditer(folded(sentence))]
    parts, last = [], 0
    for start in [*starts, len(sentence)]:
        before, after = sentence[last:start], sentence[start:]
        # Both sides must be long enough to name a matter.
        if _TWO_WORDS.search(before) and (start == len(sentence) or _TWO_WORDS.search(after)):
            parts.append(before.strip(" ,;-–—"))
            last = start
    if last < len(sentence) and parts:
        parts[-1] = f"{parts[-1]} {sentence[last:].strip()}"
    return parts or [sentence]


def words_in(text: str) -> int:
    """Returns the number of words."""
    return len(_WORD.findall(text))


@lru_cache(maxsize=64)
def _patterns(folder: Path, language: str) -> _Patterns:
    words = load_triage_words(folder, language)
    quotes = phrase_pattern(words.quotes)
    return _Patterns(
        greeting=re.compile(rf"^\W*{phrase_pattern(words.greetings)}"),
        closing=re.compile(rf"^\W*{phrase_pattern(words.closings)}"),
        postscript=re.compile(rf"^\W*{phrase_pattern(words.postscripts)}"),
        # `From: ..`, `---- Original message ----`, `On Monday Kari wrote:`
        header=re.compile(rf"^\W*{quotes}\W*(?::|[-_]+\s*$)|^.*{quotes}.*:\s*$"),
        device=re.compile(rf"^\W*{phrase_pattern(words.devices)}"),
        polite=re.compile(phrase_pattern(words.polite)),
        clause=re.compile(rf"[,;]\s|\s[-–—]\s|{phrase_pattern(words.clauses)}"),
        abbreviations=frozenset(folded(word).rstrip(".") for word in words.abbreviations),
        ordinals="#" in words.abbreviations,
    )


def _split(text: str, patterns: _Patterns) -> list[str]:
    """Returns the sentences of a text; a line's end is a sentence's, too.

    spaCy's sentencizer needs the tokenizer of each language (French: 3.8 s and 31 MiB with its first message), leaves
    "¿" behind and takes "3. päivä" for two sentences.
    """
    found: list[str] = []
    for line in text.splitlines():
        start = 0
        for end in _END.finditer(line):
            if not _goes_on(line[start : end.start()], end["mark"], line[end.end()], patterns):
                found.append(line[start : end.end()].strip())
                start = end.end()
        found.append(line[start:].strip())
    return [sentence for sentence in found if sentence]


def _goes_on(before: str, mark: str | None, following: str, patterns: _Patterns) -> bool:
    """Tells whether a mark does not end the sentence: after an abbreviation or a date's number, and in "well ..."."""
    if mark is None or mark.strip("."):
        return False
    if len(mark) > 1:
        return True
    word = _LAST_WORD.search(before)
    if word is None:
        return False
    last = word.group().lstrip("'’")
    if _NUMBER.fullmatch(last):
        return patterns.ordinals or not (following.isupper() or following in "¿¡")
    is_initial = len(last) == 1 and last.isupper()
    return is_initial or bool(_DOTTED.fullmatch(last)) or folded(last) in patterns.abbreviations


def _without_quotes(text: str, patterns: _Patterns) -> str:
    """Returns the text without lines that begin with `>` and without what follows an older mail's header."""
    if "\n" not in text:
        return text
    kept: list[str] = []
    for line in text.splitlines():
        if _QUOTED.match(line):
            continue
        if len(line) <= LONGEST_HEADER and patterns.header.match(folded(line)):
            if any(_WORD.search(other) for other in kept):
                break
            kept.append(line.partition(":")[2])  # a mail pasted with its head: what the subject says counts
            continue
        kept.append(line)
    remaining = "\n".join(kept)
    return remaining if _WORD.search(remaining) else text


def _without_signature(found: list[str], patterns: _Patterns) -> list[str]:
    kept: list[str] = []
    signing = False
    for position, sentence in enumerate(found):
        plain = folded(sentence)
        if patterns.device.match(plain):
            continue
        if _DASHES.match(sentence):
            signing = True
            continue
        if patterns.postscript.match(plain):
            signing = False
        closing = patterns.closing.match(plain)
        if position and closing and words_in(sentence) - words_in(closing.group()) <= NAME_WORDS:
            signing = True
            continue
        if signing and words_in(sentence) > NAME_WORDS + 2:
            signing = False
        if not signing:
            kept.append(sentence)
    return kept


def _without_greeting(found: list[str], patterns: _Patterns) -> list[str]:
    if not found:
        return found
    first, *others = found
    greeting = patterns.greeting.match(folded(first))
    if not greeting:
        return found
    rest = first[greeting.end() :]
    head, comma, tail = rest.partition(",")
    if comma and words_in(head) <= 3:  # the addressee's name
        rest = tail
    elif words_in(rest) <= 3:
        rest = ""
    rest = rest.strip(" ,.!-–")
    return [rest, *others] if _WORD.search(rest) else others


def _is_polite(sentence: str, patterns: _Patterns) -> bool:
    """Tells whether hardly anything but polite words is in the sentence."""
    if not _WORD.search(sentence):
        return True
    left, removed = patterns.polite.subn(" ", folded(sentence))
    return bool(removed) and not _THREE_WORDS.search(left)
