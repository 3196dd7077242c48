"""The plain dialect: front matter and Markdown in one language; our own articles are written in it."""

from __future__ import annotations

from bot.articles.model import Article
from bot.articles.readers.document import Document, read_document

DIALECT = "plain"


def read(document: Document, azure_docs_base_url: str | None = None) -> Article:
    """Reads a plain article; it has no base for relative addresses, so `azure_docs_base_url` is not used."""
    return read_document(document, DIALECT, None)
