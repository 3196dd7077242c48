"""The sections of an article: blocks of Markdown become paragraphs, steps, bullets, notes and links."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from markdown_it.tree import SyntaxTreeNode

from bot.articles.markdown import InlineText, parse, render_html, render_text
from bot.articles.model import Document, Link, Note, Section, Step

BOX_KINDS = frozenset({"note", "important", "tip", "warning", "caution"})
_TRANSLATED_KINDS = {"tips": "tip", "sugerencias": "tip", "conseils": "tip", "notes": "note"}

_BOX = re.compile(r"\[!\s*([^\W\d_]+)\s*\][ \t]*\n?")
_VIDEO = re.compile(r"\[!VIDEO\s+(\S+?)\]", re.IGNORECASE)
_INCLUDE = re.compile(r"\[!INCLUDE\s*\[[^\]]*\]\([^)]*\)\s*\]", re.IGNORECASE)
# Bullets that Markdown does not know: typographic ones, dashes, and asterisks or hyphens glued to their word.
_BULLET = re.compile(
    r"\s*(?:\\?[•·▪◦‣●][ \t\u00a0]*|[–—][ \t\u00a0]*(?=\w)|\\[*-][ \t]+|-(?=[^\W\d_])|\*(?=[^\s*][^*]*$))"
)
# Side-by-side articles have each sentence in their language in one span, and in English in the span beside it.
_ENGLISH = re.compile(r"<span\b[^>]*\bdata-stu-id\b[^>]*>.*?</span\s*>", re.IGNORECASE | re.DOTALL)
_LONGEST_HEADING = 200


def read_sections(document: Document) -> tuple[Section, ...]:
    """Reads the sections of an article and reports what is wrong with them.

    Returns:
        The sections; the first is the text under the main heading, with an empty title where there is no such heading.
    """
    builder = _Builder(document)
    for node in parse(document).children:
        builder.block(node)
    if document.muted:
        document.report(document.first_line, f"<{document.muted}> is never closed; close or remove it")
    return tuple(draft.freeze() for draft in builder.drafts)


@dataclass
class _Draft:
    """A section that is still being filled; its content in order, each item with its kind."""

    level: int = 1
    title: str = ""
    slug: str = ""
    line: int = 0
    links: list[Link] = field(default_factory=list)
    content: list[tuple[str, Any]] = field(default_factory=list)

    def freeze(self) -> Section:
        """Returns the finished section."""
        order = tuple(kind for kind, _ in self.content)
        contents: Any = {f"{kind}s": tuple(item for own, item in self.content if own == kind) for kind in {*order}}
        links = tuple(self.links)
        return Section(self.title, self.slug, self.level, **contents, links=links, order=order, line=self.line)


class _Builder:
    """Walks over the blocks once and fills sections.

    Content is passed on as pairs of a kind (`paragraph`, `bullet`, `step`, `note`) and a text, step or note.
    """

    def __init__(self, document: Document) -> None:
        self.document = document
        self.lines = document.body.split("\n")
        self.drafts = [_Draft()]
        self.heading_level = 0

    def block(self, node: SyntaxTreeNode) -> None:
        """Adds an outermost block."""
        if node.type == "heading":
            self._heading(node)
        elif node.type == "blockquote" and _VIDEO.match(_opening(node.children)):
            for child in node.children:
                self.block(child)
        elif _BOX.match(_opening([node])):
            self._add(self._box([node]))
        elif node.type == "paragraph":
            self._paragraph(node)
        else:
            status, line = self._cut_status(node) if node.type == "ordered_list" else ("", 0)
            self._add(self._content(node))
            if (text := self._rendered(status, line)).text:
                self._add([("note", Note("status", text.text, markdown=text.markdown))])

    def _add(self, content: Iterable[tuple[str, Any]]) -> None:
        """Adds content to the last section; of paragraphs the Markdown, if there is any."""
        found = ((kind, item.markdown if kind == "paragraph" else item) for kind, item in content)
        self.drafts[-1].content += (pair for pair in found if pair[1])

    def _heading(self, node: SyntaxTreeNode) -> None:
        level = int(node.tag[1])
        if level > 1 or self.heading_level:
            self.drafts.append(_Draft(level))
        self.heading_level = level
        heading, draft = self._inline(node)[0], self.drafts[-1]
        draft.title, draft.slug, draft.line = heading.text.replace("\n", " "), heading.anchor, self._line(node)
        if not heading.text:
            self.document.report(draft.line, "a heading has no text; give it one or remove it")

    def _paragraph(self, node: SyntaxTreeNode) -> None:
        """Adds a paragraph, or a section where it is all bold and serves as a heading."""
        links, before = self.drafts[-1].links, len(self.drafts[-1].links)
        (_, text), *bullets = content = list(self._content(node))
        if text.heading_like and not bullets and "\n" not in text.text and len(text.text) <= _LONGEST_HEADING:
            title = text.text.rstrip(": \u00a0").strip()
            level = min((self.heading_level or 1) + 1, 6)
            self.drafts.append(_Draft(level, title, text.anchor, self._line(node), links[before:]))
            del links[before:]
        else:
            self._add(content)

    def _content(self, node: SyntaxTreeNode) -> Iterator[tuple[str, Any]]:
        """Yields what a block holds."""
        if node.type == "blockquote":
            yield from self._box(node.children)
        elif node.type in {"bullet_list", "ordered_list"}:
            kind = "bullet" if node.type == "bullet_list" else "step"
            items = (self._item(element.children) for element in node.children)
            yield from ((kind, item) for item in items if item.text or item.steps or item.notes)
        elif node.type in {"paragraph", "heading"}:
            text, *bullets = self._inline(node)
            yield "paragraph", text
            yield from (("bullet", Step(bullet.text, bullet.markdown)) for bullet in bullets if bullet.text)
        else:
            yield from (("paragraph", text) for text in self._other(node))

    def _box(self, nodes: Sequence[SyntaxTreeNode]) -> list[tuple[str, Note]]:
        """Reads a box, or a quotation, which does not open with the name of a kind."""
        named = _BOX.match(_opening(nodes))
        name, line = (named.group(1), self._line(nodes[0])) if named else ("", 0)
        kind = name.lower() or "note"
        if kind not in BOX_KINDS:
            known = ", ".join(sorted(BOX_KINDS)).upper()
            self.document.report(line, f"unknown box [!{name}]; write one of {known}, in English")
            kind, name = _TRANSLATED_KINDS.get(kind, "note"), ""
        content = self._item(nodes)
        items = tuple(item.text for item in content.steps if item.text)
        own = [Note(kind, content.text, items, content.markdown)] if content.text or items else []
        if name and not own:
            self.document.report(line, f"the box [!{name}] is empty; put its text inside of it")
        return [("note", note) for note in (*own, *content.notes)]

    def _item(self, nodes: Sequence[SyntaxTreeNode]) -> Step:
        """Reads the blocks of a list item or a box."""
        content = [pair for node in nodes for pair in self._content(node)]
        texts = [item for kind, item in content if kind == "paragraph"]
        steps = tuple(item for kind, item in content if kind in {"bullet", "step"})
        return Step(*_joined(texts, "\n"), steps, tuple(item for kind, item in content if kind == "note"))

    def _other(self, node: SyntaxTreeNode) -> list[InlineText]:
        """Reads tables, code and HTML as text without markup."""
        if node.type == "table":
            return [self._row(row) for part in node.children for row in part.children]
        if node.type == "html_block":
            texts = render_html(node.content, self.document, self._line(node))
            self.drafts[-1].links += (link for text in texts for link in text.links)
            return texts
        content = node.content.strip("\n")
        return [InlineText(content, content)] if content.strip() and not self.document.muted else []

    def _row(self, row: SyntaxTreeNode) -> InlineText:
        text, markdown = _joined([self._inline(cell)[0] for cell in row.children], " – ")
        return InlineText(text.replace("\n", " "), markdown.replace("\n", " "))

    def _inline(self, node: SyntaxTreeNode) -> list[InlineText]:
        """Reads the running text of a block: itself, then each bullet in it that Markdown does not know."""
        inline = node.children[0]
        groups = _bullet_groups(_read_part(inline.content))
        return [self._rendered(part, self._line(inline) + start) for start, part in groups]

    def _rendered(self, content: str, line: int) -> InlineText:
        text = render_text(self.document, content, line)
        self.drafts[-1].links += text.links
        return text

    def _line(self, node: SyntaxTreeNode) -> int:
        """Returns the line of the file in which a block begins."""
        return self.document.first_line + (node.map or (0, 0))[0]

    def _cut_status(self, node: SyntaxTreeNode) -> tuple[str, int]:
        """Removes from an ordered list the status lines behind its last step ("The page now shows the amount.").

        CommonMark counts them to that step, but they are not indented.

        Returns:
            Their text, empty where there are none, and the line of the file in which it begins.
        """
        while node.type in {"bullet_list", "ordered_list", "list_item"} and node.children:
            node = node.children[-1]
        if node.type not in {"paragraph", "heading"}:
            return "", 0
        inline = node.children[0]
        first, end = inline.map or (0, 0)
        others = enumerate(self.lines[first + 1 : end], start=1)
        start = next((number for number, line in others if line[:1].strip() and not _BULLET.match(line)), end - first)
        lines = inline.content.split("\n")
        inline.to_tokens()[0].content = "\n".join(lines[:start])
        return _read_part("\n".join(lines[start:])), self.document.first_line + first + start


def _opening(nodes: Sequence[SyntaxTreeNode]) -> str:
    """Returns the text of the paragraph that blocks begin with; empty where they begin with another one."""
    return nodes[0].children[0].content if nodes and nodes[0].type == "paragraph" else ""


def _read_part(content: str) -> str:
    """Returns what is read of a text: no box's mark, no include, no English beside it; a video is a link."""
    content = _INCLUDE.sub("", content)
    box = _BOX.match(content)
    return _ENGLISH.sub("", _VIDEO.sub(r"[Video](\1)", content[box.end() :] if box else content))


def _joined(texts: Sequence[InlineText], mark: str) -> tuple[str, str]:
    """Returns the plain text and the Markdown of several texts with a mark between them."""
    plain = mark.join(text.text for text in texts if text.text)
    return plain, mark.join(text.markdown for text in texts if text.markdown)


def _bullet_groups(content: str) -> list[tuple[int, str]]:
    """Parts a paragraph before each line that opens with a bullet; the first part, often all of it, has none.

    Returns:
        The parts without their bullets, each with the number of its first line.
    """
    groups: list[tuple[int, list[str]]] = [(0, [])]
    for number, line in enumerate(content.split("\n")):
        bullet = _BULLET.match(line)
        if bullet is not None and bullet.end() < len(line.rstrip()):
            groups.append((number, [line[bullet.end() :]]))
        else:
            groups[-1][1].append(line)
    return [(start, "\n".join(lines)) for start, lines in groups]
