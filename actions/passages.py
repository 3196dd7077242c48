"""Finds the part of an article that a follow-up asks for: by a step's number, the kind of question or the words."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from actions.conversation import Turn, articles, issues, replies
from bot.articles.model import Article, Note, Section, Step
from bot.articles.parts import passage_kind, passages
from bot.text.characters import word_beginnings
from bot.text.limited_markdown import Text

# A passage is meant if rare words of its heading are asked for, or several of its text.
_HEADING_WEIGHT = 2.0
_ENOUGH = 1.1
_SHORT = 12
"""A number alone names a step only in a message of hardly more than ten words: not "the 3 years", in a long one."""


@dataclass(frozen=True)
class Passage:
    """A part of an article that can be repeated by itself.

    Args:
        heading: the section's title; empty for a step.
        markdown: everything it says.
        slug: of the section; empty for a step.
        kind: of the questions that it answers, None if it is of none.
    """

    heading: str
    markdown: str
    slug: str = ""
    kind: str | None = None

    @property
    def text(self) -> Text:
        """Everything it says."""
        return Text(self.markdown)

    @property
    def with_heading(self) -> Text:
        """Everything it says, after the heading where it is a bare list."""
        needs_one = self.heading and self.markdown.startswith("- ")
        return Text(f"**{self.heading}**\n\n{self.markdown}" if needs_one else self.markdown)


def step_number(text: str, language: str, most: int, asked: bool = False) -> int | None:
    """Returns the number of the step that a message names, None if it names none.

    Args:
        text: what the customer has typed, or the number that a button names.
        language: whose words for steps and numbers are looked for (`words` in `data/replies/`).
        most: how many steps there are; other numbers are no step's.
        asked: whether the bot has asked for the step: then its number may stand alone, in words, too.
    """
    # Names of a step; numbers behind one (`step two`); beginnings of those before one (`second step`), and of what is
    # counted otherwise (`3 times`).
    words = replies().words
    names, cardinals, ordinals, counted = (words(key, language) for key in ("step", "cardinals", "ordinals", "times"))
    tokens = ["", *re.findall(r"\w+", text.casefold()), ""]
    bare = None
    for before, token, after in zip(tokens, tokens[1:], tokens[2:], strict=False):
        digits = int(token) if token.isdecimal() else 0
        word = cardinals.index(token) + 1 if token in cardinals else 0
        number = (digits or word) if before in names else 0
        if not number and after in names:
            number = digits or next((place for place, start in enumerate(ordinals, 1) if token.startswith(start)), 0)
        if 1 <= number <= most:
            return number
        if 1 <= digits <= most and not after.startswith(counted) and (asked or len(tokens) <= _SHORT):
            bare = bare or digits
        if asked and 2 <= word <= most:  # not "one", which is an article in many languages
            bare = bare or word
    return bare


def section_passages(article: Article, product: str | None = None, slug: str | None = None) -> list[Passage]:
    """Returns the sections that answer follow-ups, or the one with a slug, without those of other products."""
    found = passages(article, product, slug)
    return [Passage(each.title, section_text(each), each.slug, passage_kind(each.slug)) for each in found]


def passage_of_kind(article: Article, kind: str, product: str | None) -> Passage | None:
    """Returns what an article answers to a kind of question (`who`, `how_long` ...), None if it has no answer.

    Args:
        article: the article.
        kind: one of `bot.articles.parts.KINDS`.
        product: the customer's product; where it is not known, the answers for all products are put together.
    """
    found = [passage for passage in section_passages(article, product) if passage.kind == kind]
    if not found:
        return None
    first, *others = found
    texts = [first.markdown, *(f"**{passage.heading}**\n{passage.markdown}" for passage in others)]
    return Passage(first.heading, "\n\n".join(filter(None, texts)), first.slug)


def was_said(turn: Turn, passage: Passage) -> bool:
    """Tells whether a passage was said in this conversation, with its heading or without."""
    return turn.has_said(passage.text) or turn.has_said(passage.with_heading)


def asked_passage(turn: Turn, passages: Iterable[Passage]) -> Passage | None:
    """Returns which of several passages the customer's words ask for, None if they do not tell."""
    asked, rarity = word_beginnings(turn.text), _word_rarity(turn.language)

    def score(passage: Passage) -> float:
        heading = word_beginnings(passage.heading)
        found = asked & (heading | word_beginnings(passage.text))
        return sum(rarity.get(stem, 0.0) * (_HEADING_WEIGHT if stem in heading else 1.0) for stem in found)

    best = max(passages, key=score, default=None)
    return best if best is not None and score(best) >= _ENOUGH else None


@lru_cache(maxsize=32)
def _word_rarity(language: str) -> dict[str, float]:
    """Returns how telling each word is, by its beginning: from 0, in every section, to 1, in a single one.

    It is the inverse document frequency (Spaerck Jones 1972) over the sections of a language's articles.
    """
    found = (each for issue in issues() for each in section_passages(articles().article(issue, language)))
    contents = [word_beginnings(f"{each.heading} {each.text}") for each in found]
    spread = Counter(stem for content in contents for stem in content)
    return {stem: math.log(len(contents) / count) / math.log(len(contents)) for stem, count in spread.items()}


def section_text(section: Section) -> str:
    """Returns what a section says, without its heading, as Markdown."""
    return "\n".join(filter(None, map(_part_text, section.in_order())))


def _part_text(part: str | Step | Note) -> str:
    if isinstance(part, Note):
        return note_text(part)
    return part if isinstance(part, str) else f"- {step_text(part)}"


def step_text(step: Step) -> str:
    """Returns what a step says, with its sub-steps and notes, as Markdown."""
    lines = [step.markdown, *(f"- {step_text(inner)}" for inner in step.steps)]
    return "\n".join([*lines, *(note_text(note) for note in step.notes)])


def note_text(note: Note) -> str:
    """Returns what a box says, as Markdown."""
    return "\n".join([note.markdown or note.text, *(f"- {item}" for item in note.items)]).strip()
