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


def source_of(article: Article) -> Article:
    assert article.source is not None
    return article.source


def test_both_languages_are_kept_apart(article: Article) -> None:
    source = source_of(article)
    assert (article.dialect, article.language, source.language) == ("side-by-side", "nb", "en")
    assert (article.title, source.title) == ("Betale på nytt", "Pay once more")
    assert article.sections[0].title == "Betale en gang til"
    assert article.sections[0].paragraphs == ('Kortet må virke. Trykk **Betal".',)
    assert source.sections[0].paragraphs == ("The card must work. Press **Retry**.",)
    assert article.slug == source.slug == "pay-again"
    assert article.ids == source.ids == ("31", "32")


def test_both_languages_have_the_same_blocks(article: Article) -> None:
    source = source_of(article)
    assert [step.text for step in article.steps] == ["Åpne siden. Vent litt.", "Lukk siden."]
    assert [step.text for step in source.steps] == ["Open the page. Wait a little.", "Close the page."]
    assert [link.url for link in article.links] == [link.url for link in source.links]
    assert [link.label for link in source.links] == ["page"]


def test_sentences_are_aligned(article: Article) -> None:
    assert article.segments[0] == ("Betale en gang til", "Pay once more")
    assert article.segments[3] == ("Åpne siden.", "Open the page.")
    assert len(article.segments) == 6


def test_a_sentence_without_partner_is_reported(article: Article) -> None:
    assert [(problem.line, problem.message) for problem in article.problems] == [
        (14, "segment f0-107 has no English source; add the span beside it")
    ]


def test_no_markup_is_left(article: Article) -> None:
    assert "span" not in repr(article.sections) + repr(source_of(article).sections) + repr(article.segments)


def test_the_source_is_among_the_plain_values(article: Article) -> None:
    source = article.as_dict()["source"]
    assert source["language"] == "en"
    assert len(source["steps"]) == 2
