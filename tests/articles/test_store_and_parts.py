"""The store of our own articles and the parts that answers are made of."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.articles import (
    Article,
    ArticleNotFound,
    ArticleStore,
    contact,
    documents,
    lead,
    needs_product,
    read_text,
    recommended_steps,
)

VARIANTS = """---
title: T
language: en
---
# <a name="x"></a>T

First **sentence**.

Second one.

## <a name="recommended-steps-azure"></a>In Azure

1. azure

## <a name="recommended-steps-microsoft-365"></a>In Microsoft 365

1. office

## <a name="contact"></a>Ask us

Write to us.

## <a name="recommended-documents"></a>Read on

- [d](https://learn.microsoft.com/d)
"""


def texts(article: Article, product: str | None) -> list[str]:
    return [step.text for step in recommended_steps(article, product)]


def test_the_steps_are_those_of_the_product() -> None:
    article = read_text(VARIANTS)
    assert needs_product(article)
    assert texts(article, "azure") == ["azure"]
    assert texts(article, "microsoft365") == ["office"]
    assert texts(article, None) == []
    assert texts(article, "xbox") == []


def test_common_steps_are_for_every_product() -> None:
    article = read_text(VARIANTS.replace("recommended-steps-azure", "recommended-steps"))
    assert not needs_product(article)
    assert texts(article, "microsoft365") == texts(article, None) == ["azure"]


def test_steps_for_one_product_alone_serve_while_the_product_is_unknown() -> None:
    article = read_text(VARIANTS.replace("recommended-steps-microsoft-365", "other"))
    assert not needs_product(article)
    assert texts(article, None) == ["azure"]
    assert texts(article, "microsoft365") == []


def test_the_other_parts_are_found_by_their_slugs() -> None:
    article = read_text(VARIANTS)
    assert lead(article) == "First **sentence**.\n\nSecond one."
    assert [link.label for link in documents(article)] == ["d"]
    section = contact(article)
    assert section is not None
    assert section.paragraphs == ("Write to us.",)


def test_parts_that_are_missing_are_empty() -> None:
    article = read_text("# T\n\n## U\n\nx\n", path="en.md")
    assert (lead(article), documents(article), contact(article), texts(article, None)) == ("", (), None, [])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("pay/en.md", "pay/nb.md", "refund/en.md"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"# {name}\n\nx\n", encoding="utf-8")
    (tmp_path / "pay" / "README.md").write_text("no article", encoding="utf-8")
    return tmp_path


def test_the_store_knows_its_intents_and_languages(folder: Path) -> None:
    store = ArticleStore(folder)
    assert store.intents() == ("pay", "refund")
    assert store.languages() == ("en", "nb")
    assert store.languages("refund") == ("en",)


def test_an_article_is_found_in_its_language_or_in_the_one_to_fall_back_on(folder: Path) -> None:
    store = ArticleStore(folder)
    assert store.article("pay", "nb").title == "pay/nb.md"
    assert store.article("refund", "nb").title == "refund/en.md"
    assert store.article("refund", "sv", fallback="en").language == "en"


def test_an_article_is_read_once_and_only_when_it_is_asked_for(folder: Path) -> None:
    store = ArticleStore(folder)
    article = store.article("pay", "nb")
    for path in folder.rglob("*.md"):
        path.unlink()
    assert store.article("pay", "nb") is article
    with pytest.raises(ArticleNotFound):
        store.article("pay", "en")


@pytest.mark.parametrize(("intent", "language"), [("none", "nb"), ("../pay", "en"), ("pay", "../pay/en"), ("", "")])
def test_what_is_not_there_is_said(folder: Path, intent: str, language: str) -> None:
    with pytest.raises(ArticleNotFound, match="write one") as caught:
        ArticleStore(folder / "pay" / ".." if intent.startswith("..") else folder).article(intent, language, "sv")
    assert caught.value.intent == intent
