"""The `Article`: what a help article says, whatever dialect it is written in."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Link:
    """A link as it is shown.

    Args:
        label: as plain text.
        url: absolute and cleaned.
        source: the address as it stands in the file, before it was completed and cleaned.
        line: the line of the file the link stands in; 0 where it is not known.
    """

    label: str
    url: str
    source: str = field(default="", compare=False)
    line: int = field(default=0, compare=False)


@dataclass(frozen=True)
class Note:
    """A remark that stands beside the text: a box (`[!NOTE]`, `[!IMPORTANT]` ...) or a status line after the steps.

    Args:
        kind: `note`, `important`, `tip`, `warning`, `caution` or `status` (the line that follows a list of steps).
        text: plain text, without markup and without the bullet points.
        items: the bullet points of the box, if it has any, as plain text.
        markdown: the text with `**bold**` and `[label](address)` kept.
    """

    kind: str
    text: str
    items: tuple[str, ...] = ()
    markdown: str = ""


@dataclass(frozen=True)
class Step:
    """One recommended step; steps form an ordered tree.

    Args:
        text: plain text, without markup.
        markdown: the same with `**bold**` and `[label](address)` kept.
        steps: sub-steps, in order.
        notes: boxes inside the step.
    """

    text: str
    markdown: str
    steps: tuple[Step, ...] = ()
    notes: tuple[Note, ...] = ()


@dataclass(frozen=True)
class Section:
    """A part of the article under a heading (also a bold line that serves as one).

    Args:
        title: the heading.
        slug: the English slug from the heading's `<a name="...">`, empty where there is none.
        level: heading level 1-6; a bold pseudo-heading counts as one below the heading it stands under.
        paragraphs: as Markdown limited to `**bold**` and links, in order; lists are not among them.
        bullets: items of unordered lists, in order.
        steps: items of ordered lists, in order.
        notes: boxes and status lines, in order, without those inside a step or bullet.
        links: all in the section, in order.
        order: `paragraph`, `bullet`, `step` or `note` for each of the above as they follow each other in the text.
        line: the line of the heading; 0 where it is not known.
    """

    title: str
    slug: str = ""
    level: int = 2
    paragraphs: tuple[str, ...] = ()
    bullets: tuple[Step, ...] = ()
    steps: tuple[Step, ...] = ()
    notes: tuple[Note, ...] = ()
    links: tuple[Link, ...] = ()
    order: tuple[str, ...] = field(default=(), compare=False)
    line: int = field(default=0, compare=False)

    def in_order(self) -> Iterator[str | Step | Note]:
        """Returns paragraphs, bullets, steps and notes as they follow each other in the text."""
        content = {kind: iter(getattr(self, f"{kind}s")) for kind in self.order}
        return (next(content[kind]) for kind in self.order)


@dataclass(frozen=True)
class Problem:
    """A defect of a source: where it is, what is wrong and how to correct it.

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


@dataclass
class Document:
    """A file that is being read as an article: its text, split into front matter and body, and the problems so far.

    Args:
        path: the file.
        metadata: the front matter.
        body: the Markdown behind it; its line ends are those of Unix.
        first_line: the line of the file in which the body begins.
        base_url: what relative addresses are relative to; None where the dialect has no such base.
        problems: what is wrong with it, as far as it has been read.
        env: what the parser knows about the body: its reference-style links.
        muted: `script` or `style` while its content is being skipped.
    """

    path: str
    metadata: dict[str, Any]
    body: str
    first_line: int = 1
    base_url: str | None = None
    problems: list[Problem] = field(default_factory=list)
    env: dict[str, object] = field(default_factory=dict)
    muted: str = ""

    def report(self, line: int, message: str) -> None:
        """Adds a problem."""
        self.problems.append(Problem(self.path, line, message))


@dataclass(frozen=True)
class Article:
    """A help article in one language.

    Args:
        title: as plain text.
        language: ISO 639-1 code (`nb`, `sv`, `en` ...).
        dialect: `plain`, `side-by-side` or `azure-docs`.
        path: the file.
        slug: English slug of the main heading.
        description: that of the front matter.
        metadata: the whole front matter; every value as the text it is written as (`no` stays `no`).
        sections: all in order; the first is the text under the main heading.
        problems: defects found while reading.
    """

    title: str
    language: str
    dialect: str
    path: str = ""
    slug: str = ""
    description: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)
    sections: tuple[Section, ...] = ()
    problems: tuple[Problem, ...] = ()

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
