"""Running text: inline tokens and HTML become plain text, limited Markdown and links."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from html.parser import HTMLParser
from itertools import groupby

from markdown_it.token import Token

from bot.articles.links import Address
from bot.articles.model import Link

HTML_TAGS = frozenset(
    {
        "a",
        "abbr",
        "address",
        "area",
        "article",
        "aside",
        "audio",
        "b",
        "base",
        "bdi",
        "bdo",
        "big",
        "blockquote",
        "body",
        "br",
        "button",
        "canvas",
        "caption",
        "center",
        "cite",
        "code",
        "col",
        "colgroup",
        "dd",
        "del",
        "details",
        "dfn",
        "dialog",
        "div",
        "dl",
        "dt",
        "em",
        "embed",
        "fieldset",
        "figcaption",
        "figure",
        "font",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "head",
        "header",
        "hr",
        "html",
        "i",
        "iframe",
        "img",
        "input",
        "ins",
        "kbd",
        "label",
        "legend",
        "li",
        "link",
        "main",
        "map",
        "mark",
        "meta",
        "nav",
        "noscript",
        "object",
        "ol",
        "optgroup",
        "option",
        "p",
        "param",
        "picture",
        "pre",
        "q",
        "rp",
        "rt",
        "ruby",
        "s",
        "samp",
        "script",
        "section",
        "select",
        "small",
        "source",
        "span",
        "strike",
        "strong",
        "style",
        "sub",
        "summary",
        "sup",
        "svg",
        "table",
        "tbody",
        "td",
        "textarea",
        "tfoot",
        "th",
        "thead",
        "time",
        "tr",
        "tt",
        "u",
        "ul",
        "var",
        "video",
        "wbr",
    }
)
"""Names that are HTML; other words in angle brackets are placeholders (`<mailbox>`) and stay in the text."""

_BLOCK_TAGS = frozenset(
    {
        "address",
        "article",
        "aside",
        "blockquote",
        "caption",
        "center",
        "dd",
        "details",
        "div",
        "dl",
        "dt",
        "figcaption",
        "figure",
        "footer",
        "form",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "header",
        "hr",
        "li",
        "main",
        "nav",
        "ol",
        "p",
        "pre",
        "section",
        "summary",
        "table",
        "tbody",
        "td",
        "tfoot",
        "th",
        "thead",
        "tr",
        "ul",
    }
)
_BARE_ADDRESS = re.compile(r"https?://[^\s<>\"]+", re.IGNORECASE)
_BROKEN_LINK = re.compile(r"\]\s?\(\s*(https?:|/)[^)]*\)?")


@dataclass(frozen=True)
class InlineText:
    """A run of text in its two forms, with its links."""

    text: str = ""
    markdown: str = ""
    links: tuple[Link, ...] = ()
    heading_like: bool = False
    """Whether it is all bold and nothing else, but for a closing colon."""
    anchor: str = ""
    """The name of the first `<a name="...">` in it."""


@dataclass
class Context:
    """What the rendering of a whole document has in common.

    Args:
        resolve: completes and cleans an address.
        report: takes the line and the sentence of a problem.
    """

    resolve: Callable[[str], Address]
    report: Callable[[int, str], None]
    muted: str = ""
    """`script` or `style` while its content is being skipped."""


@dataclass
class _OpenLink:
    href: str
    line: int
    image_label: str = ""


@dataclass
class _Piece:
    text: str
    bold: bool
    link: _OpenLink | None


@dataclass
class TextBuilder:
    """Collects the pieces of one run of text."""

    context: Context
    line: int
    anchor: str = ""
    _pieces: list[_Piece] = field(default_factory=list)
    _links: list[_OpenLink] = field(default_factory=list)
    _bold: int = 0
    _link: _OpenLink | None = None

    def write(self, text: str) -> None:
        """Adds text; addresses that stand in it become links."""
        if self.context.muted:
            return
        if self._link is not None or "://" not in text:
            self._add(text)
            return
        if _BROKEN_LINK.search(text):
            self.context.report(self.line, "a link is not well-formed Markdown; write [label](address) without blanks")
        end = 0
        for match in _BARE_ADDRESS.finditer(text):
            address = _without_closing_marks(match.group())
            if len(address) <= len("https://"):
                continue
            self._add(text[end : match.start()])
            self.open_link(address)
            self._add(address)
            self.close_link()
            end = match.start() + len(address)
        self._add(text[end:])

    def _add(self, text: str) -> None:
        if text and not self.context.muted:
            self._pieces.append(_Piece(text, self._bold > 0, self._link))

    def bold(self, step: int) -> None:
        """Opens (1) or closes (-1) bold text."""
        self._bold = max(0, self._bold + step)

    def open_link(self, href: str) -> None:
        """Begins a link; one inside another does not count."""
        if self._link is None and not self.context.muted:
            self._link = _OpenLink(href, self.line)
            self._links.append(self._link)

    def close_link(self) -> None:
        """Ends the link that is open, if one is."""
        self._link = None

    def image(self, label: str) -> None:
        """Drops an image; its description serves as label of a link that has no other."""
        if self._link is not None:
            self._link.image_label = label

    def html(self, markup: str) -> None:
        """Follows one HTML tag or comment."""
        _Tags(self).feed(markup)

    def start_tag(self, name: str, attributes: dict[str, str], markup: str) -> None:
        """Follows an opening tag."""
        if name in {"script", "style"}:
            self.context.muted = self.context.muted or name
        elif name not in HTML_TAGS:
            self.write(markup)
        elif name == "br":
            self._add("\n")
        elif name in {"b", "strong"}:
            self.bold(1)
        elif name == "img":
            self.image(attributes.get("alt", ""))
        elif name == "a" and attributes.get("href"):
            self.open_link(attributes["href"])
        elif name == "a":
            self.anchor = self.anchor or attributes.get("name") or attributes.get("id") or ""

    def end_tag(self, name: str) -> None:
        """Follows a closing tag."""
        if name == self.context.muted:
            self.context.muted = ""
        elif name in {"b", "strong"}:
            self.bold(-1)
        elif name == "a":
            self.close_link()
        elif name == "br":  # `</br>` is common and meant as a break
            self._add("\n")

    def finish(self) -> InlineText:
        """Returns what was collected."""
        targets = {id(link): self._target(link) for link in self._links}
        for link in self._links:  # a label that is bold in part only is not bold
            pieces = [piece for piece in self._pieces if piece.link is link]
            for piece in pieces:
                piece.bold = all(other.bold for other in pieces)
        text = tidy("".join(piece.text for piece in self._pieces))
        visible = [piece for piece in self._pieces if piece.text.strip(" \t\n:\u00a0\ufeff")]
        return InlineText(
            text=text,
            markdown=tidy("".join(self._markdown(targets))),
            links=tuple(target for target in targets.values() if target is not None),
            heading_like=bool(visible) and all(piece.bold and not piece.link for piece in visible),
            anchor=self.anchor,
        )

    def _target(self, link: _OpenLink) -> Link | None:
        address = self.context.resolve(link.href)
        if address.problem:
            self.context.report(link.line, address.problem)
        if address.url is None:
            return None
        label = tidy("".join(piece.text for piece in self._pieces if piece.link is link)).replace("\n", " ")
        label = label or tidy(link.image_label)
        if not label:
            self.context.report(link.line, f"the link to '{link.href[:200]}' has no label; give it a readable one")
        return Link(label=label, url=address.url, source=link.href, line=link.line)

    def _markdown(self, targets: dict[int, Link | None]) -> Iterable[str]:
        for bold, run in groupby(self._pieces, key=lambda piece: piece.bold):
            written = ""
            for _, group in groupby(run, key=lambda piece: id(piece.link)):
                pieces = list(group)
                text = "".join(piece.text for piece in pieces)
                target = targets.get(id(pieces[0].link))
                written += _linked(text, target) if target is not None and text.strip() else text
            yield _wrapped(written, "**", "**") if bold else written


class _Tags(HTMLParser):
    """Hands the tags and texts of a piece of HTML to a builder."""

    def __init__(self, builder: TextBuilder) -> None:
        super().__init__(convert_charrefs=True)
        self.builder = builder

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = {name: value or "" for name, value in attrs}
        self.builder.start_tag(tag, attributes, self.get_starttag_text() or "")

    def handle_endtag(self, tag: str) -> None:
        self.builder.end_tag(tag)

    def handle_data(self, data: str) -> None:
        self.builder.write(data)


class _Blocks(_Tags):
    """The same for a block of HTML: block elements part the text, white space means nothing."""

    def __init__(self, context: Context, line: int) -> None:
        super().__init__(TextBuilder(context, line))
        self.context = context
        self.first_line = line
        self.done: list[InlineText] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _BLOCK_TAGS:
            self.part()
        super().handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        super().handle_endtag(tag)
        if tag in _BLOCK_TAGS:
            self.part()

    def handle_data(self, data: str) -> None:
        super().handle_data(re.sub(r"\s+", " ", data))

    def part(self) -> None:
        """Ends a paragraph."""
        self.done.append(self.builder.finish())
        self.builder = TextBuilder(self.context, self.first_line + self.getpos()[0] - 1)


def render(tokens: Iterable[Token], context: Context, line: int) -> InlineText:
    """Renders inline tokens.

    Args:
        tokens: the children of an inline token.
        context: what the document's texts have in common.
        line: the line of the file in which they begin.
    """
    builder = TextBuilder(context, line)
    for token in tokens:
        if token.type in {"softbreak", "hardbreak"}:
            builder.line += 1
            builder.write(" " if token.type == "softbreak" else "\n")
        elif token.type in {"strong_open", "strong_close"}:
            builder.bold(token.nesting)
        elif token.type == "link_open":
            builder.open_link(str(token.attrs.get("href", "")))
        elif token.type == "link_close":
            builder.close_link()
        elif token.type == "image":
            builder.image(token.content)
        elif token.type == "html_inline":
            builder.html(token.content)
            builder.line += token.content.count("\n")
        else:
            builder.write(token.content)
    return builder.finish()


def render_html(markup: str, context: Context, line: int) -> list[InlineText]:
    """Renders a block of HTML as paragraphs, without its markup.

    Args:
        markup: the HTML.
        context: what the document's texts have in common.
        line: the line of the file in which it begins.
    """
    blocks = _Blocks(context, line)
    try:
        blocks.feed(markup)
        blocks.close()
    except AssertionError:  # how html.parser refuses a malformed `<![...]` declaration
        context.report(line, "malformed HTML; the rest of the block was left out")
    blocks.part()
    return [text for text in blocks.done if text.text or text.links]


def tidy(text: str) -> str:
    """Returns the text with its white space put in order; line breaks stay."""
    text = re.sub(r"[ \t\ufeff\u200b]+", " ", text)
    return re.sub(r" ?\n[ \n]*", "\n", text).strip()


def _linked(text: str, link: Link) -> str:
    label = link.label.replace("[", r"\[").replace("]", r"\]")
    url = link.url.replace("(", "%28").replace(")", "%29").replace(" ", "%20")
    start = text[: len(text) - len(text.lstrip())]
    return f"{start}[{label}]({url}){text[len(text.rstrip()) :]}"


def _wrapped(text: str, before: str, after: str) -> str:
    """Puts marks round a text, inside of its outer white space, which Markdown would not take for bold."""
    core = text.strip()
    if not core:
        return text
    start = text[: len(text) - len(text.lstrip())]
    return f"{start}{before}{core}{after}{text[len(text.rstrip()) :]}"


def _without_closing_marks(address: str) -> str:
    """Returns a bare address without the punctuation of the sentence it stands in."""
    while address and (
        address[-1] in ".,;:!?*_'\"»”’]" or (address[-1] == ")" and address.count(")") > address.count("("))
    ):
        address = address[:-1]
    return address
