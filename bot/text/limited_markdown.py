"""The Markdown of articles and replies, limited to `**bold**` and `[label](address)`, for channels without markup."""

from __future__ import annotations

import re

LINK = re.compile(r"\[(?P<label>[^\]]*)\]\((?P<address>[^)\s]*)\)")


def plain(markdown: str) -> str:
    """Returns a text without emphasis; a link becomes `label (address)`."""
    return LINK.sub(r"\g<label> (\g<address>)", markdown).replace("**", "")


class Text(str):
    """A text without markup which knows the Markdown that it was made from, for channels that can show it."""

    markdown: str

    def __new__(cls, markdown: str) -> Text:
        """Makes the text of its Markdown."""
        text = super().__new__(cls, plain(markdown))
        text.markdown = markdown
        return text


def visible(markdown: str) -> str:
    """Returns a text as a page shows it: without emphasis, links by their labels."""
    return LINK.sub(r"\g<label>", markdown).replace("**", "")
