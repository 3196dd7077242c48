"""Readers: one module for each dialect of help articles, and the choice between them."""

from __future__ import annotations

from pathlib import Path

from bot.articles.model import Article
from bot.articles.readers import azure_docs, side_by_side
from bot.articles.readers.document import decode, read_document, split


def read_article(path: Path, *, salvage: bool = False) -> Article:
    """Reads a help article of any dialect.

    Args:
        path: the file.
        salvage: reads an article with broken front matter all the same and makes that one of its problems.

    Returns:
        The article; defects that did not stop the reading are in its `problems`.

    Raises:
        ArticleError: the file is not UTF-8, it is empty, or its front matter is broken and not to be salvaged.
        OSError: the file cannot be opened.
    """
    return read_text(decode(path.read_bytes(), str(path)), path=path, salvage=salvage)


def read_title(path: Path) -> str:
    """Reads the title of a help article; its text is read only where the front matter has none.

    Raises:
        ArticleError: as for `read_article`.
        OSError: the file cannot be opened.
    """
    title = split(decode(path.read_bytes(), str(path)), str(path)).metadata.get("title")
    return " ".join(str(title).split()) if title else read_article(path).title


def read_text(text: str, *, path: Path | str = "", salvage: bool = False) -> Article:
    """Reads a help article from a string.

    Args:
        text: the article with its front matter.
        path: where it comes from; tells the language where the front matter does not.
        salvage: as for `read_article`.

    Raises:
        ArticleError: the text is empty, or its front matter is broken and not to be salvaged.
    """
    document = split(text, str(path), salvage=salvage)
    if side_by_side.is_written_in(document):
        return side_by_side.read(document)
    if azure_docs.is_written_in(document):
        return azure_docs.read(document)
    return read_document(document, "plain", base_url=None)
