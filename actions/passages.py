"""Finds the passage of an article that a follow-up asks for: a step by its number, a section by its words, a time."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bot.articles import Article, Note, Section, Step
from bot.articles.parts import passage_kind, passages
from bot.text.limited_markdown import plain

# Where a step fails, the reason is mostly one of these.
TROUBLE_KINDS = ("not_there", "who")

# Words are compared by their beginning, which survives inflection and most compounds.
_STEM = 4
_SHORTEST_WORD = 3
# A passage is meant if rare words of its heading are asked for, or several of its text.
_HEADING_WEIGHT = 2.0
_ENOUGH = 1.1


@dataclass(frozen=True)
class Passage:
    """A part of an article that can be repeated by itself.

    Args:
        heading: the section's title; empty for a step.
        text: everything it says, as plain text.
        slug: of the section; empty for a step.
        kind: of the questions that it answers, None if it is of none.
    """

    heading: str
    text: str
    slug: str = ""
    kind: str | None = None


@dataclass(frozen=True)
class StepWords:
    """The words by which a language names a step.

    Args:
        names: what a step is called, in all forms.
        cardinals: the numbers that may follow it, from one on (`step two`).
        ordinals: the beginnings of those that may stand before it, from first on (`second step`).
        counted: the beginnings of words before which a number is no step's (`3 times`, `2 days`).
    """

    names: Sequence[str]
    cardinals: Sequence[str]
    ordinals: Sequence[str]
    counted: Sequence[str]


def step_number(text: str, words: StepWords, most: int, asked: bool = False) -> int | None:
    """Returns the number of the step that a message names, None if it names none.

    Args:
        text: what the customer has typed, or the number that a button names.
        words: how the customer's language names steps.
        most: how many steps there are; other numbers are no step's.
        asked: whether the bot has asked for the step: then its number may stand alone, in words, too.
    """
    tokens = ["", *re.findall(r"\w+", text.casefold()), ""]
    bare = None
    for before, token, after in zip(tokens, tokens[1:], tokens[2:], strict=False):
        number = _number(before, token, after, words)
        if 1 <= number <= most:
            return number
        if token.isdigit() and 1 <= int(token) <= most and not after.startswith(tuple(words.counted)):
            bare = bare or int(token)
        if asked and token in words.cardinals[1:most]:  # not "one", which is an article in many languages
            bare = bare or words.cardinals.index(token) + 1
    return bare


def _number(before: str, token: str, after: str, words: StepWords) -> int:
    """Returns the number that a word is because a step's name stands beside it, 0 if it is none."""
    if token.isdigit() and (before in words.names or after in words.names):
        return int(token)
    if before in words.names and token in words.cardinals:
        return words.cardinals.index(token) + 1
    if after in words.names:
        return next((place for place, start in enumerate(words.ordinals, 1) if token.startswith(start)), 0)
    return 0


def step_passages(steps: Iterable[Step]) -> list[Passage]:
    """Returns steps, each with all that stands below it."""
    return [Passage("", step_text(step)) for step in steps]


def section_passages(article: Article, product: str | None = None) -> list[Passage]:
    """Returns the sections that answer follow-ups, without those of other products than a known one."""
    return [
        Passage(section.title, section_text(section), section.slug, passage_kind(section.slug))
        for section in passages(article, product)
    ]


def passage_of_kind(article: Article, kind: str, product: str | None) -> Passage | None:
    """Returns what an article answers to a kind of question (`who`, `how_long` ...), None if it has no answer.

    Args:
        article: the article.
        kind: one of `bot.articles.parts.KINDS`.
        product: the customer's product; where it is not known, the answers for all products are put together.
    """
    found = [section for section in passages(article, product) if passage_kind(section.slug) == kind]
    if not found:
        return None
    text = "\n\n".join(f"{section.title}\n{section_text(section)}" for section in found[1:])
    return Passage(found[0].title, "\n\n".join(filter(None, [section_text(found[0]), text])), found[0].slug)


def asked_passage(
    text: str, passages: Sequence[Passage], rarity: Mapping[str, float], known: str = ""
) -> Passage | None:
    """Returns the passage that a question is about, None if its words do not tell.

    Args:
        text: the question.
        passages: those to choose from.
        rarity: what each word's beginning counts, see `word_rarity`.
        known: words that do not count, such as the article's title.
    """
    asked = _stems(text) - _stems(known)
    best, most = None, 0.0
    for passage in passages:
        heading = _stems(passage.heading)
        found = asked & (heading | _stems(passage.text))
        score = sum(rarity.get(stem, 0.0) * (_HEADING_WEIGHT if stem in heading else 1.0) for stem in found)
        if score > most:
            best, most = passage, score
    return best if most >= _ENOUGH else None


def word_rarity(articles: Iterable[Article]) -> dict[str, float]:
    """Returns how telling each word is, by its beginning: from 0, in every section, to 1, in a single one.

    It is the inverse document frequency (Spaerck Jones 1972) over the sections of a language's articles.
    """
    contents = [_stems(f"{each.heading} {each.text}") for article in articles for each in section_passages(article)]
    spread = Counter(stem for content in contents for stem in content)
    return {stem: math.log(len(contents) / count) / math.log(len(contents)) for stem, count in spread.items()}


def section_text(section: Section) -> str:
    """Returns what a section says, without its heading."""
    lines = []
    for part in section.in_order():
        if isinstance(part, str):
            lines.append(plain(part))
        else:
            lines.append(note_text(part) if isinstance(part, Note) else f"- {step_text(part)}")
    return "\n".join(line for line in lines if line)


def step_text(step: Step) -> str:
    """Returns what a step says, with its sub-steps and notes."""
    lines = [plain(step.markdown), *(f"- {step_text(inner)}" for inner in step.steps)]
    return "\n".join([*lines, *(note_text(note) for note in step.notes)])


def note_text(note: Note) -> str:
    """Returns what a box says."""
    return "\n".join([plain(note.markdown or note.text), *(f"- {item}" for item in note.items)]).strip()


def _stems(text: str) -> set[str]:
    return {word[:_STEM] for word in re.findall(r"[^\W\d_]+", text.casefold()) if len(word) >= _SHORTEST_WORD}
