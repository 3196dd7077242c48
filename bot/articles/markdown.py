"""Markdown as articles write it: the tree of its blocks, and running text rendered by itself."""

from __future__ import annotations

from dataclasses import dataclass

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from bot.articles.inline import Context, InlineText, render


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


_BLOCK_PARSER = _Parser().disable("inline")
"""Leaves running text as it is: what is a bullet, or in the other language, is taken out before that is parsed."""
_INLINE_PARSER = _Parser()


@dataclass(frozen=True)
class ParsedBody:
    """The block structure of an article's text, which side-by-side articles read twice."""

    text: str
    tree: SyntaxTreeNode
    env: dict[str, object]
    """What the parser knows about the document: its reference-style links."""
    first_line: int
    """The line of the file in which the text begins."""


def parse(text: str, first_line: int = 1) -> ParsedBody:
    """Parses an article's text without its front matter; its line ends are those of Unix."""
    env: dict[str, object] = {}
    return ParsedBody(text, SyntaxTreeNode(_BLOCK_PARSER.parse(text, env)), env, first_line)


def render_text(body: ParsedBody, content: str, context: Context, line: int = 1) -> InlineText:
    """Renders a piece of an article's running text, which begins in a line of the file."""
    inline = _INLINE_PARSER.parseInline(content.strip(), body.env)[0]
    return render(inline.children or [], context, line)
