"""Readers: one module for each dialect of help articles, and the choice between them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from bot.articles.model import Article
from bot.articles.readers import azure_docs, plain, side_by_side
from bot.articles.readers.document import Document, decode, split

_Reader = Callable[[Document, str | None], Article]

READERS: dict[str, _Reader] = {
    "side-by-side": side_by_side.read,
    "azure-docs": azure_docs.read,
    "plain": plain.read,
}
"""The reader of each dialect."""


def read_article(path: Path, *, azure_docs_base_url: str | None = None, salvage: bool = False) -> Article:
    """Reads a help article of any dialect.

    Args:
        path: the file.
        azure_docs_base_url: what relative links of azure-docs articles are relative to; None takes the setting.
        salvage: reads an article with broken front matter all the same and makes that one of its problems.

    Returns:
        The article; defects that did not stop the reading are in its `problems`.

    Raises:
        ArticleError: the file is not UTF-8, it is empty, or its front matter is broken and not to be salvaged.
        OSError: the file cannot be opened.
    """
    path = Path(path)
    text = decode(path.read_bytes(), str(path))
    return read_text(text, path=path, azure_docs_base_url=azure_docs_base_url, salvage=salvage)


def read_text(
    text: str, *, path: Path | str = "", azure_docs_base_url: str | None = None, salvage: bool = False
) -> Article:
    """Reads a help article from a string.

    Args:
        text: the article with its front matter.
        path: where it comes from; tells the language where the front matter does not.
        azure_docs_base_url: as for `read_article`.
        salvage: as for `read_article`.

    Raises:
        ArticleError: the text is empty, or its front matter is broken and not to be salvaged.
    """
    document = split(text, str(path), salvage=salvage)
    return READERS[dialect_of(document)](document, azure_docs_base_url)


def dialect_of(document: Document) -> str:
    """Tells the dialect: `side-by-side`, `azure-docs` or `plain`."""
    if side_by_side.is_written_in(document):
        return "side-by-side"
    return "azure-docs" if azure_docs.is_written_in(document) else "plain"
