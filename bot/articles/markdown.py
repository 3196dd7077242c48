"""Markdown as articles write it: the tree of its blocks, and running text rendered by itself."""

from __future__ import annotations

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from bot.articles.inline import Document, InlineText, Renderer


class _Parser(MarkdownIt):
    """CommonMark whose addresses stay as they are written, so that defects in them can be reported."""

    def validateLink(self, url: str) -> bool:  # noqa: N802
        return True

    def normalizeLink(self, url: str) -> str:  # noqa: N802
        return url


# Running text stays as it is: what is a bullet, or in the other language, is taken out before that is parsed.
# Indented code does not occur in help articles; what is indented too far is text or a list.
_BLOCK_PARSER = _Parser("commonmark").enable("table").disable(["code", "inline"])
_INLINE_PARSER = _Parser("commonmark")


def parse(document: Document) -> SyntaxTreeNode:
    """Returns the tree of an article's blocks, whose running text is not parsed yet."""
    document.muted = ""
    return SyntaxTreeNode(_BLOCK_PARSER.parse(document.body, document.env))


def render_text(document: Document, content: str, line: int = 1) -> InlineText:
    """Renders a part of an article's running text, which begins in a line of the file."""
    renderer = Renderer(document, line)
    for token in _INLINE_PARSER.parseInline(content.strip(), document.env)[0].children or []:
        renderer.token(token)
    return renderer.finish()
