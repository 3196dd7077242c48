"""Turns the articles' limited Markdown (`**bold**`, `[label](address)`) into text for channels without markup."""

from __future__ import annotations

import re

_LINK = re.compile(r"\[(?P<label>[^\]]*)\]\((?P<address>[^)\s]*)\)")


def plain(markdown: str) -> str:
    """Returns a paragraph without emphasis; a link becomes `label (address)`."""
    return _LINK.sub(r"\g<label> (\g<address>)", markdown).replace("**", "")
