"""The blocks of an article: Markdown becomes sections with paragraphs, steps, bullets, notes and links."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.token import Token

from bot.articles.inline import Context, InlineText, render, render_html
from bot.articles.model import Link, Note, Section, Step

BOX_KINDS = frozenset({"note", "important", "tip", "warning", "caution"})
_TRANSLATED_KINDS = {"tips": "tip", "sugerencias": "tip", "conseils": "tip", "notes": "note"}

_BOX = re.compile(r"\[!\s*([^\W\d_]+)\s*\][ \t]*\n?")
_VIDEO = re.compile(r"\[!VIDEO\s+(\S+?)\]", re.IGNORECASE)
_INCLUDE = re.compile(r"\[!INCLUDE\s*\[[^\]]*\]\([^)]*\)\s*\]", re.IGNORECASE)
# Bullets that Markdown does not know: typographic ones, dashes, and asterisks or hyphens glued to their word.
_BULLET = re.compile(
    r"\s*(?:\\?[•·▪◦‣●][ \t\u00a0]*|[–—][ \t\u00a0]*(?=\w)|\\[*-][ \t]+|-(?=[^\W\d_])|\*(?=[^\s*][^*]*$))"
)
_LONGEST_HEADING = 200


class _Parser(MarkdownIt):
    """CommonMark with tables; addresses stay as they are written, so that defects in them can be reported."""

    def __init__(self) -> None:
        super().__init__("commonmark")
        # Indented code does not occur in help articles; what is indented too far is text or a list.
        self.enable("table").disable("code")

    def validateLink(self, url: str) -> bool:  # noqa: N802
        return True

    def normalizeLink(self, url: str) -> str:  # noqa: N802
        return url


_PARSER = _Parser()


@dataclass(frozen=True)
class ParsedBody:
    """The block tokens of an article's text, which side-by-side articles read twice."""

    text: str
    tokens: list[Token]
    env: dict[str, object]
    """What the parser knows about the document: its reference-style links."""
    first_line: int
    """The line of the file in which the text begins."""


def parse(text: str, first_line: int = 1) -> ParsedBody:
    """Parses an article's text without its front matter; its line ends are those of Unix."""
    env: dict[str, object] = {}
    return ParsedBody(text, _PARSER.parse(text, env), env, first_line)


def build_sections(
    body: ParsedBody, context: Context, select: Callable[[str], str] | None = None
) -> tuple[Section, ...]:
    """Builds the sections of an article.

    Args:
        body: the parsed text.
        context: how addresses are resolved and problems reported.
        select: picks the part of each text to read (one language of a side-by-side article); None reads all of it.

    Returns:
        The sections; the first is the text under the main heading, with an empty title where there is no such heading.
    """
    return _Builder(body, context, select).build()


def render_text(body: ParsedBody, content: str, context: Context) -> InlineText:
    """Renders a piece of an article's running text by itself."""
    return render(_inline_tokens(body, content), context, body.first_line)


def _inline_tokens(body: ParsedBody, content: str) -> list[Token]:
    return _PARSER.inline.parse(content.strip(), _PARSER, body.env, [])


@dataclass
class _Draft:
    """A section that is still being filled."""

    title: str = ""
    slug: str = ""
    level: int = 1
    line: int = 0
    paragraphs: list[str] = field(default_factory=list)
    bullets: list[Step] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    order: list[str] = field(default_factory=list)

    def add(self, kind: str, items: Iterable[Any]) -> None:
        """Adds paragraphs, bullets, steps or notes, and keeps their place among the others."""
        for item in items:
            getattr(self, f"{kind}s").append(item)
            self.order.append(kind)

    def freeze(self, first: bool) -> Section:
        section = "" if first else self.title
        return Section(
            title=self.title,
            slug=self.slug,
            level=self.level,
            paragraphs=tuple(self.paragraphs),
            bullets=tuple(self.bullets),
            steps=tuple(self.steps),
            notes=tuple(self.notes),
            links=tuple(replace(link, section=section) for link in self.links),
            order=tuple(self.order),
            line=self.line,
        )


@dataclass
class _Parts:
    """What one paragraph turned out to hold."""

    text: InlineText
    bullets: list[InlineText] = field(default_factory=list)
    status: InlineText | None = None


@dataclass
class _Content:
    """What the blocks inside an item or a box hold."""

    texts: list[InlineText] = field(default_factory=list)
    items: list[Step] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    status: InlineText | None = None

    @property
    def text(self) -> str:
        return "\n".join(text.text for text in self.texts if text.text)

    @property
    def markdown(self) -> str:
        return "\n".join(text.markdown for text in self.texts if text.markdown)


class _Builder:
    """Walks over the block tokens once and fills sections."""

    def __init__(self, body: ParsedBody, context: Context, select: Callable[[str], str] | None) -> None:
        self.body = body
        self.context = context
        self.select = select
        self.lines = body.text.split("\n")
        self.drafts = [_Draft()]
        self.heading_level = 1
        self.seen_heading = False
        self.line = body.first_line

    @property
    def draft(self) -> _Draft:
        return self.drafts[-1]

    def build(self) -> tuple[Section, ...]:
        for block in _blocks(self.body.tokens):
            self._block(block)
        return tuple(draft.freeze(first=number == 0) for number, draft in enumerate(self.drafts))

    def _block(self, block: list[Token]) -> None:
        kind = block[0].type
        if kind == "heading_open":
            self._heading(block)
        elif kind == "paragraph_open":
            self._paragraph(block[1])
        elif kind == "bullet_list_open":
            self.draft.add("bullet", self._items(block)[0])
        elif kind == "ordered_list_open":
            steps, status = self._items(block, status_follows=True)
            self.draft.add("step", steps)
            if status is not None and status.text:
                self.draft.add("note", [Note("status", status.text, markdown=status.markdown)])
        elif kind == "blockquote_open":
            self._quote(block)
        else:
            self.draft.add("paragraph", [text.markdown for text in self._other(block) if text.markdown])

    def _heading(self, block: list[Token]) -> None:
        level = int(block[0].tag[1])
        main = level == 1 and not self.seen_heading
        self.seen_heading = True
        self.heading_level = level
        if not main:
            self.drafts.append(_Draft(level=level))
        draft = self.draft
        heading = self._parts(block[1]).text
        draft.title = heading.text.replace("\n", " ")
        draft.slug = heading.anchor
        draft.line = self.line
        if not heading.text:
            self.context.report(self.line, "a heading has no text; give it one or remove it")

    def _paragraph(self, token: Token) -> None:
        box = _BOX.match(token.content)
        if box is not None:
            self.draft.add("note", self._box(box.group(1), [[token]], token))
            return
        links_before = len(self.draft.links)
        parts = self._parts(token)
        if _is_pseudo_heading(parts):
            moved = self.draft.links[links_before:]
            del self.draft.links[links_before:]
            title = parts.text.text.rstrip(": \u00a0").strip()
            level = min(self.heading_level + 1, 6)
            self.drafts.append(_Draft(title, parts.text.anchor, level, self.line, links=moved))
            return
        if parts.text.markdown:
            self.draft.add("paragraph", [parts.text.markdown])
        self.draft.add("bullet", [Step(bullet.text, bullet.markdown) for bullet in parts.bullets])

    def _quote(self, block: list[Token]) -> None:
        inner = list(_blocks(block[1:-1]))
        first = inner[0][1] if inner and inner[0][0].type == "paragraph_open" else None
        box = _BOX.match(first.content) if first is not None else None
        if first is not None and _VIDEO.match(first.content):
            for part in inner:
                self._block(part)
        else:
            self.draft.add("note", self._box(box.group(1) if box else "", inner, first))

    def _box(self, name: str, inner: list[list[Token]], first: Token | None) -> list[Note]:
        """Reads a box, or a quotation, which has no name; `first` is the text that opens it with its kind."""
        kind = name.lower() or "note"
        if first is not None:
            self._place(first)
        line = self.line
        if kind not in BOX_KINDS:
            self.context.report(
                line, f"unknown box [!{name}]; write one of {', '.join(sorted(BOX_KINDS)).upper()}, in English"
            )
            kind = _TRANSLATED_KINDS.get(kind, "note")
            name = ""
        content = self._contents(inner)
        items = tuple(item.text for item in content.items if item.text)
        if not content.text and not items:
            if name:
                self.context.report(line, f"the box [!{name}] is empty; put its text inside of it")
            return content.notes
        return [Note(kind, content.text, items, content.markdown), *content.notes]

    def _contents(self, blocks: list[list[Token]], *, status_follows: bool = False) -> _Content:
        """Reads the blocks of an item or a box; `status_follows` where a status line may end the last of them."""
        content = _Content()
        for number, block in enumerate(blocks):
            last = status_follows and number == len(blocks) - 1
            kind = block[0].type
            if kind in {"bullet_list_open", "ordered_list_open"}:
                items, content.status = self._items(block, status_follows=last)
                content.items += items
            elif kind == "blockquote_open":
                inner = list(_blocks(block[1:-1]))
                first = inner[0][1] if inner and inner[0][0].type == "paragraph_open" else None
                box = _BOX.match(first.content) if first is not None else None
                content.notes += self._box(box.group(1) if box else "", inner, first)
            elif kind in {"paragraph_open", "heading_open", "inline"}:
                parts = self._parts(block[0] if kind == "inline" else block[1], status_follows=last)
                content.texts.append(parts.text)
                content.items += [Step(bullet.text, bullet.markdown) for bullet in parts.bullets]
                content.status = parts.status
            else:
                content.texts += self._other(block)
        return content

    def _items(self, block: list[Token], *, status_follows: bool = False) -> tuple[list[Step], InlineText | None]:
        """Reads a list; returns its items and the status line that follows the last of them, if one does."""
        items: list[Step] = []
        status: InlineText | None = None
        elements = list(_blocks(block[1:-1]))
        for number, element in enumerate(elements):
            inner = list(_blocks(element[1:-1]))
            content = self._contents(inner, status_follows=status_follows and number == len(elements) - 1)
            status = content.status
            if content.text or content.items or content.notes:
                items.append(Step(content.text, content.markdown, tuple(content.items), tuple(content.notes)))
        return items, status

    def _other(self, block: list[Token]) -> list[InlineText]:
        """Reads tables, code and HTML as text without markup."""
        token = block[0]
        self._place(token)
        if token.type == "html_block":
            texts = render_html(token.content, self.context, self.line)
            for text in texts:
                self.draft.links += text.links
            return texts
        if token.type == "table_open":
            return [self._row(row) for row in _rows(block)]
        content = token.content.strip("\n")
        return [InlineText(content, content)] if content.strip() and not self.context.muted else []

    def _row(self, cells: list[Token]) -> InlineText:
        texts = [self._parts(cell).text for cell in cells]
        return InlineText(
            " – ".join(text.text.replace("\n", " ") for text in texts if text.text),
            " – ".join(text.markdown.replace("\n", " ") for text in texts if text.markdown),
        )

    def _parts(self, token: Token, *, status_follows: bool = False) -> _Parts:
        """Renders an inline token: its text, the bullets that Markdown does not know, and the status line after it."""
        self._place(token)
        line = self.line
        content = token.content
        cut = self._status_start(token) if status_follows else None
        source = content.split("\n")
        status_text = "\n".join(source[cut:]) if cut else ""
        head = "\n".join(source[:cut]) if cut else content
        head = self._selected(_without_directives(head))
        groups = _bullet_groups(head)
        if head == content and len(groups) == 1:
            text = self._rendered(token.children or [], line)
            bullets: list[InlineText] = []
        else:
            rendered = [self._rendered(_inline_tokens(self.body, part), line + start) for start, part in groups]
            text, bullets = rendered[0], [bullet for bullet in rendered[1:] if bullet.text]
        status = None
        if cut:
            status_tokens = _inline_tokens(self.body, self._selected(_without_directives(status_text)))
            status = self._rendered(status_tokens, line + cut)
        return _Parts(text, bullets, status)

    def _rendered(self, tokens: list[Token], line: int) -> InlineText:
        text = render(tokens, self.context, line)
        self.draft.links += text.links
        return text

    def _selected(self, content: str) -> str:
        return self.select(content) if self.select is not None else content

    def _status_start(self, token: Token) -> int | None:
        """Finds the first line of a list's last paragraph that is not indented and hence not part of the item."""
        if token.map is None:
            return None
        for number, line in enumerate(self.lines[token.map[0] + 1 : token.map[1]], start=1):
            if line[:1].strip() and not _BULLET.match(line):
                return number
        return None

    def _place(self, token: Token) -> None:
        if token.map is not None:
            self.line = self.body.first_line + token.map[0]


def _blocks(tokens: list[Token]) -> Iterator[list[Token]]:
    """Yields the outermost blocks, each with all of its tokens."""
    start = depth = 0
    for number, token in enumerate(tokens):
        depth += token.nesting
        if depth == 0:
            yield tokens[start : number + 1]
            start = number + 1


def _rows(table: list[Token]) -> Iterator[list[Token]]:
    cells: list[Token] = []
    for token in table:
        if token.type == "inline":
            cells.append(token)
        elif token.type == "tr_close":
            yield cells
            cells = []


def _without_directives(content: str) -> str:
    """Removes the marks of boxes and includes and turns a video into a link."""
    if "[!" not in content:
        return content
    content = _INCLUDE.sub("", content)
    return _VIDEO.sub(r"[Video](\1)", _BOX.sub("", content, count=1) if _BOX.match(content) else content)


def _bullet_groups(content: str) -> list[tuple[int, str]]:
    """Parts a paragraph before each line that opens with a bullet; the first part, often all of it, has none.

    Returns:
        The parts without their bullets, each with the number of its first line.
    """
    groups: list[tuple[int, str]] = []
    current: list[str] = []
    start = 0
    for number, line in enumerate(content.split("\n")):
        bullet = _BULLET.match(line)
        if bullet is not None and bullet.end() < len(line.rstrip()):
            groups.append((start, "\n".join(current)))
            current, start = [line[bullet.end() :]], number
        else:
            current.append(line)
    return [*groups, (start, "\n".join(current))]


def _is_pseudo_heading(parts: _Parts) -> bool:
    text = parts.text.text
    return parts.text.heading_like and not parts.bullets and "\n" not in text and len(text) <= _LONGEST_HEADING
