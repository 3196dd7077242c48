"""Markdown as articles write it: the tree of its blocks, and running text rendered by itself."""

from __future__ import annotations

from collections.abc import Callable

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode

from bot.articles.inline import Body, InlineText, render


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


def ignore(line: int, message: str) -> None:
    """Takes a problem that nobody is to be told."""


def parse(
    text: str, first_line: int = 1, report: Callable[[int, str], None] = ignore, base_url: str | None = None
) -> Body:
    """Parses an article's text without its front matter; its line ends are those of Unix. Arguments as of `Body`."""
    env: dict[str, object] = {}
    return Body(text, SyntaxTreeNode(_BLOCK_PARSER.parse(text, env)), env, first_line, report, base_url)


def render_text(body: Body, content: str, line: int = 1) -> InlineText:
    """Renders a part of an article's running text, which begins in a line of the file."""
    inline = _INLINE_PARSER.parseInline(content.strip(), body.env)[0]
    return render(inline.children or [], body, line)
