"""The `Article`: what a help article says, whatever dialect it is written in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Link:
    """A link as it is shown: a label and an absolute, cleaned address."""

    label: str
    url: str
    source: str = field(default="", compare=False)
    """The address as it stands in the file, before it was completed and cleaned."""
    line: int = field(default=0, compare=False)
    """The line of the file the link stands in; 0 where it is not known."""


@dataclass(frozen=True)
class Note:
    """A remark that stands beside the text: a box (`[!NOTE]`, `[!IMPORTANT]` ...) or a status line after the steps."""

    kind: str
    """`note`, `important`, `tip`, `warning`, `caution` or `status` (the line that follows a list of steps)."""
    text: str
    """Plain text, without markup and without the bullet points."""
    items: tuple[str, ...] = ()
    """The bullet points of the box, if it has any, as plain text."""
    markdown: str = ""
    """The text with `**bold**` and `[label](address)` kept."""


@dataclass(frozen=True)
class Step:
    """One recommended step; steps form an ordered tree."""

    text: str
    """Plain text, without markup."""
    markdown: str
    """The same with `**bold**` and `[label](address)` kept."""
    steps: tuple[Step, ...] = ()
    """Sub-steps, in order."""
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True)
class Section:
    """A part of the article under a heading (also a bold line that serves as one)."""

    title: str
    slug: str = ""
    """The English slug from the heading's `<a name="...">`, empty where there is none."""
    level: int = 2
    """Heading level 1-6; a bold pseudo-heading counts as one below the heading it stands under."""
    paragraphs: tuple[str, ...] = ()
    """Paragraphs as Markdown limited to `**bold**` and links, in order; lists are not among them."""
    bullets: tuple[Step, ...] = ()
    """Items of unordered lists, in order."""
    steps: tuple[Step, ...] = ()
    """Items of ordered lists, in order."""
    notes: tuple[Note, ...] = ()
    """Boxes and status lines, in order, without those inside a step or bullet."""
    links: tuple[Link, ...] = ()
    order: tuple[str, ...] = field(default=(), compare=False)
    """`paragraph`, `bullet`, `step` or `note` for each of the above as they follow each other in the text."""
    line: int = field(default=0, compare=False)
    """The line of the heading; 0 where it is not known."""

    def in_order(self) -> Iterator[str | Step | Note]:
        """Returns paragraphs, bullets, steps and notes as they follow each other in the text."""
        content = {kind: iter(getattr(self, f"{kind}s")) for kind in self.order}
        return (next(content[kind]) for kind in self.order)


@dataclass(frozen=True)
class Problem:
    """A defect of a source: where it is, what is wrong and how to mend it.

    Args:
        path: the file; empty for a text that came from nowhere.
        line: counted from 1.
        message: the defect and its remedy, as one sentence.
    """

    path: str
    line: int
    message: str

    def __str__(self) -> str:
        """The form in which the check prints it: `file:line: what is wrong`."""
        return f"{self.path}:{self.line}: {self.message}"


class ArticleError(Problem, ValueError):
    """A problem for which a file cannot be read as an article at all."""


@dataclass(frozen=True)
class Article:
    """A help article in one language."""

    title: str
    language: str
    """ISO 639-1 code (`nb`, `sv`, `en` ...)."""
    dialect: str
    """`plain`, `side-by-side` or `azure-docs`."""
    path: str = ""
    slug: str = ""
    """English slug of the main heading."""
    description: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)
    """The whole front matter; every value as the text it is written as (`no` stays `no`)."""
    sections: tuple[Section, ...] = ()
    """All sections in order; the first is the text under the main heading."""
    problems: tuple[Problem, ...] = ()
    """Defects found while reading."""

    @property
    def steps(self) -> tuple[Step, ...]:
        """The recommended steps: every section's ordered list, in order."""
        return tuple(step for section in self.sections for step in section.steps)

    @property
    def links(self) -> tuple[Link, ...]:
        """All links, in order."""
        return tuple(link for section in self.sections for link in section.links)

    def section(self, slug: str) -> Section | None:
        """Returns the section with this English slug, or None."""
        return next((section for section in self.sections if section.slug == slug), None)


def walk(steps: Iterable[Step]) -> Iterator[Step]:
    """Yields steps, each one followed by its sub-steps."""
    for step in steps:
        yield step
        yield from walk(step.steps)
