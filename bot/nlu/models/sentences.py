"""Splits a message into the sentences that say something: no greeting, politeness, signature or quoted older mail."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import Path

from bot.nlu.models.triage_words import Phrases, TriageWords, compiled, load_triage_words, phrase_pattern
from bot.text.characters import fold_with_apostrophes

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


def own_words(text: str, language: str, folder: Path) -> list[str]:
    """Returns the sentences of a message that its writer has written for it: no signature, no quoted older mail.

    Args:
        text: the message as typed.
        language: its language, ISO 639-1.
        folder: the data folder with the word lists.

    Returns:
        The sentences; the whole text, if nothing else is in it.
    """
    words = load_triage_words(folder, language)
    return _without_signature(_split(_without_quotes(text, words), words), words) or [text.strip()]


def telling(own: list[str], language: str, folder: Path) -> list[str]:
    """Returns those of a message's own sentences that say something: no greeting, no mere politeness."""
    words = load_triage_words(folder, language)
    return [each for each in _without_greeting(own, words.greetings) if not _is_polite(each, words.polite)]


def clauses(sentence: str, language: str, folder: Path) -> list[str]:
    """Returns the parts of a sentence between commas, semicolons, dashes, and words such as "and" or "also"."""
    cut = compiled(load_triage_words(folder, language).clauses, r"[,;]\s|\s[-–—]\s|")
    starts = [match.start() for match in cut.finditer(fold_with_apostrophes(sentence))]
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


def _begins(text: str, phrases: Phrases) -> re.Match[str] | None:
    """Returns the phrase with which a text begins, None if it begins with none of them."""
    return compiled(phrases, r"^\W*").match(fold_with_apostrophes(text))


@lru_cache(maxsize=64)
def _header(phrases: Phrases) -> re.Pattern[str]:
    """Finds the head of an older mail: `From: ..`, `---- Original message ----`, `On Monday Kari wrote:`."""
    quotes = phrase_pattern(phrases)
    return re.compile(rf"^\W*{quotes}\W*(?::|[-_]+\s*$)|^.*{quotes}.*:\s*$")


@lru_cache(maxsize=64)
def _without_stop(abbreviations: Phrases) -> frozenset[str]:
    return frozenset(fold_with_apostrophes(word).rstrip(".") for word in abbreviations)


def _split(text: str, words: TriageWords) -> list[str]:
    """Returns the sentences of a text; a line's end is a sentence's, too.

    spaCy's sentencizer needs the tokenizer of each language (French: 3.8 s and 31 MiB with its first message), leaves
    "¿" behind and takes "3. päivä" for two sentences.
    """
    found: list[str] = []
    for line in text.splitlines():
        start = 0
        for end in _END.finditer(line):
            if not _goes_on(line[start : end.start()], end["mark"], line[end.end()], words.abbreviations):
                found.append(line[start : end.end()].strip())
                start = end.end()
        found.append(line[start:].strip())
    return [sentence for sentence in found if sentence]


def _goes_on(before: str, mark: str | None, following: str, abbreviations: Phrases) -> bool:
    """Tells whether a mark does not end the sentence: after an abbreviation or a date's number, and in "well ..."."""
    if mark is None or mark.strip("."):
        return False
    if len(mark) > 1:
        return True
    word = _LAST_WORD.search(before)
    if word is None:
        return False
    last = word.group().lstrip("'’")
    if _NUMBER.fullmatch(last):  # where `#` is listed, a number with a full stop is an ordinal
        return "#" in abbreviations or not (following.isupper() or following in "¿¡")
    is_initial = len(last) == 1 and last.isupper()
    return is_initial or bool(_DOTTED.fullmatch(last)) or fold_with_apostrophes(last) in _without_stop(abbreviations)


def _without_quotes(text: str, words: TriageWords) -> str:
    """Returns the text without lines that begin with `>` and without what follows an older mail's header."""
    if "\n" not in text:
        return text
    kept: list[str] = []
    for line in [line for line in text.splitlines() if not _QUOTED.match(line)]:
        heads = len(line) <= LONGEST_HEADER and _header(words.quotes).match(fold_with_apostrophes(line))
        if heads and any(_WORD.search(other) for other in kept):
            break
        kept.append(line.partition(":")[2] if heads else line)  # of a mail pasted with its head, the subject counts
    remaining = "\n".join(kept)
    return remaining if _WORD.search(remaining) else text


def _without_signature(found: list[str], words: TriageWords) -> list[str]:
    kept: list[str] = []
    signing = False
    for position, sentence in enumerate(found):
        if _begins(sentence, words.devices):
            continue
        closing, count = _begins(sentence, words.closings), words_in(sentence)
        signs_off = position and closing and count - words_in(closing.group()) <= NAME_WORDS
        if _DASHES.match(sentence) or signs_off:
            signing = True
            continue
        if _begins(sentence, words.postscripts) or count > NAME_WORDS + 2:
            signing = False
        if not signing:
            kept.append(sentence)
    return kept


def _without_greeting(found: list[str], greetings: Phrases) -> list[str]:
    greeting = _begins(found[0], greetings) if found else None
    if greeting is None:
        return found
    first, *others = found
    rest = first[greeting.end() :]
    head, comma, tail = rest.partition(",")
    if comma and words_in(head) <= 3:  # the addressee's name
        rest = tail
    elif words_in(rest) <= 3:
        rest = ""
    rest = rest.strip(" ,.!-–")
    return [rest, *others] if _WORD.search(rest) else others


def _is_polite(sentence: str, polite: Phrases) -> bool:
    """Tells whether hardly anything but polite words is in the sentence."""
    if not _WORD.search(sentence):
        return True
    left, removed = compiled(polite).subn(" ", fold_with_apostrophes(sentence))
    return bool(removed) and not _THREE_WORDS.search(left)
