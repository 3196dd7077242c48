"""Parses Markdown with embedded HTML: blocks as a tree, running text as plain text, limited Markdown and links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from html.parser import HTMLParser
from itertools import groupby

from markdown_it import MarkdownIt
from markdown_it.token import Token
from markdown_it.tree import SyntaxTreeNode

from bot.articles.links import resolve
from bot.articles.model import Document, Link

_BLOCK_TAG = re.compile(
    r"address|article|aside|blockquote|caption|center|dd|details|div|dl|dt|figcaption|figure|footer|form|h[1-6]|"
    r"header|hr|li|main|nav|ol|p|pre|section|summary|table|tbody|td|tfoot|th|thead|tr|ul"
)
# Other words in angle brackets are placeholders (`<mailbox>`) and stay in the text.
_HTML_TAG = re.compile(
    r"a|abbr|area|audio|b|base|bdi|bdo|big|body|br|button|canvas|cite|code|col|colgroup|del|dfn|dialog|em|embed|"
    r"fieldset|font|head|html|i|iframe|img|input|ins|kbd|label|legend|link|map|mark|meta|noscript|object|optgroup|"
    r"option|param|picture|q|rp|rt|ruby|s|samp|script|select|small|source|span|strike|strong|style|sub|sup|svg|"
    r"textarea|time|tt|u|var|video|wbr|" + _BLOCK_TAG.pattern
)
_BARE_ADDRESS = re.compile(r"https?://[^\s<>\"]+", re.IGNORECASE)
_BROKEN_LINK = re.compile(r"\]\s?\(\s*(https?:|/)[^)]*\)?")
_CLOSING_MARKS = ".,;:!?*_'\"»”’]"
_UNSEEN = " \t\n:\u00a0\ufeff"


class _Parser(MarkdownIt):
    """CommonMark whose addresses stay as they are written, so that defects in them can be reported."""

    def validateLink(self, url: str) -> bool:  # noqa: N802
        return True

    def normalizeLink(self, url: str) -> str:  # noqa: N802
        return url


# Running text is parsed by itself, after typographic bullets and the other language have been taken out of it.
# Indented code does not occur in help articles; what is indented too far is text or a list.
_BLOCK_PARSER = _Parser("commonmark").enable("table").disable(["code", "inline"])
_INLINE_PARSER = _Parser("commonmark")


@dataclass(frozen=True)
class InlineText:
    """A run of text in its two forms, with its links.

    Args:
        text: without markup.
        markdown: with `**bold**` and `[label](address)` kept.
        links: in order.
        heading_like: True if it is all bold and nothing else, but for a closing colon.
        anchor: the name of the first `<a name="...">` in it.
    """

    text: str = ""
    markdown: str = ""
    links: tuple[Link, ...] = ()
    heading_like: bool = False
    anchor: str = ""


def parse(document: Document) -> SyntaxTreeNode:
    """Returns the tree of an article's blocks, whose running text is not parsed yet."""
    document.muted = ""
    return SyntaxTreeNode(_BLOCK_PARSER.parse(document.body, document.env))


def render_text(document: Document, content: str, line: int = 1) -> InlineText:
    """Renders a part of an article's running text, which begins in a line of the file."""
    renderer = _Renderer(document, line)
    for token in _INLINE_PARSER.parseInline(content.strip(), document.env)[0].children or []:
        renderer.token(token)
    return renderer.finish()


def render_html(markup: str, document: Document, line: int) -> list[InlineText]:
    """Renders a block of HTML, which begins in a line of the file, as paragraphs without its markup."""
    renderer = _Renderer(document, line, in_html=True)
    try:
        renderer.feed(markup)
        renderer.close()
    except AssertionError:  # how html.parser refuses a malformed `<![...]` declaration
        document.report(line, "malformed HTML; the rest of the block was left out")
    renderer.end_paragraph()
    return [text for text in renderer.paragraphs if text.text or text.links]


@dataclass(eq=False)
class _OpenLink:
    """A link whose label is being collected; `target` is None until that is complete, or if it leads nowhere."""

    href: str
    line: int
    image_label: str = ""
    target: Link | None = None


@dataclass
class _Run:
    """Text of one kind."""

    text: str
    bold: bool
    link: _OpenLink | None


class _Renderer(HTMLParser):
    """Collects the runs of a text from Markdown tokens and HTML tags.

    In a block of HTML, block elements separate paragraphs, and white space means nothing.
    """

    def __init__(self, document: Document, line: int, in_html: bool = False) -> None:
        super().__init__()
        self.document = document
        self.in_html = in_html
        self.first_line = line
        self.paragraphs: list[InlineText] = []
        self._begin(line)

    def _begin(self, line: int) -> None:
        self.line = line
        self.anchor = ""
        self._runs: list[_Run] = []
        self._links: list[_OpenLink] = []
        self._bold = 0
        self._link: _OpenLink | None = None

    def token(self, token: Token) -> None:
        """Adds an inline token."""
        if token.type in {"softbreak", "hardbreak"}:
            self.line += 1
            self.write(" " if token.type == "softbreak" else "\n")
        elif token.tag == "strong":
            self._bold = max(0, self._bold + token.nesting)
        elif token.type == "link_open":
            self._open_link(str(token.attrs.get("href", "")))
        elif token.type == "link_close":
            self._link = None
        elif token.type == "image":
            self._image(token.content)
        elif token.type == "html_inline":
            self.reset()
            self.feed(token.content)
            self.line += token.content.count("\n")
        else:
            self.write(token.content)

    def write(self, text: str) -> None:
        """Adds text; addresses that stand in it become links."""
        if self._link is not None or self.document.muted or "://" not in text:
            return self._add(text)
        if _BROKEN_LINK.search(text):
            self.document.report(self.line, "a link is not well-formed Markdown; write [label](address) without blanks")
        end = 0
        for match in _BARE_ADDRESS.finditer(text):
            address = _without_closing_marks(match.group())
            if len(address) > len("https://"):
                self._add(text[end : match.start()])
                self._open_link(address)
                self._add(address)
                self._link = None
                end = match.start() + len(address)
        self._add(text[end:])

    def end_paragraph(self) -> None:
        """Ends a paragraph of HTML."""
        self.paragraphs.append(self.finish())
        self._begin(self.first_line + self.getpos()[0] - 1)

    def handle_data(self, data: str) -> None:
        """Follows text in HTML."""
        self.write(re.sub(r"\s+", " ", data) if self.in_html else data)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Follows an opening tag."""
        attributes = dict(attrs)
        if self.in_html and _BLOCK_TAG.fullmatch(tag):
            self.end_paragraph()
        if tag in {"script", "style"}:
            self.document.muted = self.document.muted or tag
        elif not _HTML_TAG.fullmatch(tag):
            self.write(self.get_starttag_text() or "")
        elif tag == "br":
            self._add("\n")
        elif tag in {"b", "strong"}:
            self._bold += 1
        elif tag == "img":
            self._image(attributes.get("alt") or "")
        elif tag == "a" and (href := attributes.get("href")):
            self._open_link(href)
        elif tag == "a":
            self.anchor = self.anchor or attributes.get("name") or attributes.get("id") or ""

    def handle_endtag(self, tag: str) -> None:
        """Follows a closing tag."""
        if tag == self.document.muted:
            self.document.muted = ""
        elif tag in {"b", "strong"}:
            self._bold = max(0, self._bold - 1)
        elif tag == "a":
            self._link = None
        elif tag == "br":  # `</br>` is common and meant as a break
            self._add("\n")
        elif self.in_html and _BLOCK_TAG.fullmatch(tag):
            self.end_paragraph()

    def _add(self, text: str) -> None:
        if text and not self.document.muted:
            self._runs.append(_Run(text, self._bold > 0, self._link))

    def _open_link(self, href: str) -> None:
        """Begins a link; one inside another does not count."""
        if self._link is None and not self.document.muted:
            self._link = _OpenLink(href, self.line)
            self._links.append(self._link)

    def _image(self, label: str) -> None:
        """Drops an image; its description serves as label of a link that has no other."""
        if self._link is not None:
            self._link.image_label = label

    def finish(self) -> InlineText:
        """Returns what was collected."""
        for link in self._links:
            runs = [run for run in self._runs if run.link is link]
            link.target = self._target(link, "".join(run.text for run in runs))
            bold = all(run.bold for run in runs)  # a label that is bold in part only is not bold
            for run in runs:
                run.bold = bold
        visible = [run for run in self._runs if run.text.strip(_UNSEEN)]
        heading_like = bool(visible) and all(run.bold and not run.link for run in visible)
        text, markdown = _tidy("".join(run.text for run in self._runs)), _tidy("".join(self._markdown()))
        links = tuple(link.target for link in self._links if link.target is not None)
        return InlineText(text, markdown, links, heading_like, self.anchor)

    def _target(self, link: _OpenLink, text: str) -> Link | None:
        address = resolve(link.href, self.document.base_url)
        if address.problem:
            self.document.report(link.line, address.problem)
        if address.url is None:
            return None
        label = _tidy(text).replace("\n", " ") or _tidy(link.image_label)
        if not label:
            self.document.report(link.line, f"the link to '{link.href[:200]}' has no label; give it a readable one")
        return Link(label, address.url, link.href, link.line)

    def _markdown(self) -> Iterator[str]:
        for bold, group in groupby(self._runs, key=lambda run: run.bold):
            written = ""
            for link, runs in groupby(group, key=lambda run: run.link):
                text = "".join(run.text for run in runs)
                core = text.strip()
                written += text.replace(core, _link_markdown(link.target), 1) if core and link and link.target else text
            core = written.strip()
            # Markdown does not take marks with white space inside of them for bold.
            yield written.replace(core, f"**{core}**", 1) if bold and core else written


def _link_markdown(link: Link) -> str:
    label = link.label.replace("[", r"\[").replace("]", r"\]")
    return f"[{label}]({link.url.replace('(', '%28').replace(')', '%29').replace(' ', '%20')})"


def _tidy(text: str) -> str:
    """Returns the text with its white space put in order; line breaks stay."""
    text = re.sub(r"[ \t\ufeff\u200b]+", " ", text)
    return re.sub(r" ?\n[ \n]*", "\n", text).strip()


def _without_closing_marks(address: str) -> str:
    """Returns a bare address without the punctuation of the sentence it stands in."""
    address = address.rstrip(_CLOSING_MARKS)
    while address.endswith(")") and address.count(")") > address.count("("):
        address = address[:-1].rstrip(_CLOSING_MARKS)
    return address
