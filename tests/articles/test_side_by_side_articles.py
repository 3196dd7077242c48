"""The side-by-side dialect, read from a file of our own wording."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.articles.model import Article
from bot.articles.readers import read_article

FIXTURES = Path(__file__).parent / "fixtures"


@pytest.fixture(scope="module")
def article() -> Article:
    return read_article(FIXTURES / "side_by_side.md")


def test_only_the_article_s_own_language_is_kept(article: Article) -> None:
    assert (article.dialect, article.language) == ("side-by-side", "nb")
    assert article.title == "Betale på nytt"
    assert article.sections[0].title == "Betale en gang til"
    assert article.sections[0].paragraphs == ('Kortet må virke. Trykk **Betal".',)
    assert article.slug == "pay-again"
    assert [step.text for step in article.steps] == ["Åpne siden. Vent litt.", "Lukk siden."]
    assert [(link.label, link.url) for link in article.links] == [("siden", "https://learn.microsoft.com/a")]
    assert article.problems == ()


def test_no_markup_is_left(article: Article) -> None:
    assert "span" not in repr(article.sections)
