"""Readers of help articles in three dialects: plain, side-by-side (two languages) and azure-docs."""

from __future__ import annotations

import re
from pathlib import Path

from bot.articles.inline import Document
from bot.articles.model import Article
from bot.articles.readers import side_by_side
from bot.articles.readers.document import assemble, decode, split
from bot.articles.sections import read_sections
from bot.settings import get_settings

_TOPICS = frozenset(
    {"conceptual", "how-to", "howto", "tutorial", "quickstart", "overview", "reference", "troubleshooting", "sample"}
)
_BOX_OR_RELATIVE_LINK = re.compile(
    r"^\s*>\s*\[![A-Za-z]+\]|\]\((?![a-z][a-z0-9+.-]*:|[/#<])[^)\s]+\.md\b", re.MULTILINE
)


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
    dialect = "plain"
    if _is_azure_docs(document):
        dialect, document.base_url = "azure-docs", str(get_settings().azure_docs_base_url)
    return assemble(document, dialect, read_sections(document))


def _is_azure_docs(document: Document) -> bool:
    """Tells whether a document is an azure-docs article: described, and with a topic kind, a box or a relative link.

    Our own articles are described, too; they name their intent.
    """
    metadata = document.metadata
    if not metadata.get("description") or "intent" in metadata:
        return False
    return str(metadata.get("ms.topic", "")).lower() in _TOPICS or bool(_BOX_OR_RELATIVE_LINK.search(document.body))
