"""The list of addresses."""

from __future__ import annotations

from bot.search.database import Library
from bot.search.links import list_links


def test_every_address_is_listed_with_its_articles_and_problems(imported: Library) -> None:
    found = {entry.written: entry for entry in list_links(imported.path)}
    entry = found["https://docs.microsoft.com/shared-mailbox"]
    assert entry.articles == ("nb-NO/Insights/shared-mailbox.md", "nl-NL/Insights/shared-mailbox.md")
    assert entry.url == "https://learn.microsoft.com/shared-mailbox"
    assert entry.problems == ("host docs.microsoft.com has moved to learn.microsoft.com; correct it",)
