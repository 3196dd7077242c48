"""The page's own words are there in every shipped language."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.articles.replies import Replies
from tests.page.visitor import words


@pytest.mark.parametrize("language", Replies().complete())
def test_a_language_has_every_text_of_the_page_in_alphabetical_order(language: str) -> None:
    page = words(language)["page"]
    assert list(page) == sorted(words("en")["page"])
    assert all(text.strip() for text in page.values())


def test_every_text_that_the_sources_name_exists(root: Path) -> None:
    web = root / "bot" / "channel" / "web"
    scripts = "\n".join(path.read_text(encoding="utf8") for path in web.glob("src/**/*.js"))
    document = (web / "static" / "index.html").read_text(encoding="utf8")
    named = {
        *re.findall(r"\bpage\.(?!js)(\w+)", scripts),
        *re.findall(r'data-(?:text|label|placeholder)="(\w+)"', document),
    }
    assert named - set(words("en")["page"]) == set()
