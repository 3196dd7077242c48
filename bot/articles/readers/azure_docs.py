"""The azure-docs dialect: a described article of a documentation set, with relative links, boxes and images."""

from __future__ import annotations

import re

from bot.articles.model import Article
from bot.articles.readers.document import Document, read_document
from bot.settings import get_settings

_TOPICS = frozenset(
    {"conceptual", "how-to", "howto", "tutorial", "quickstart", "overview", "reference", "troubleshooting", "sample"}
)
_SIGN = re.compile(r"^\s*>\s*\[![A-Za-z]+\]|\]\((?![a-z][a-z0-9+.-]*:|[/#<])[^)\s]+\.md\b", re.MULTILINE)


def is_written_in(document: Document) -> bool:
    """Tells whether a document is of this dialect: described, and with a topic kind, a box or a relative link.

    Our own articles are described, too; they name their intent.
    """
    metadata = document.metadata
    if not metadata.get("description") or "intent" in metadata:
        return False
    return str(metadata.get("ms.topic", "")).lower() in _TOPICS or _SIGN.search(document.body) is not None


def read(document: Document) -> Article:
    """Reads an azure-docs article; links to the files of other articles are completed and lose their `.md`."""
    return read_document(document, "azure-docs", str(get_settings().azure_docs_base_url))
