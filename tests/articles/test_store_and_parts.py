"""The store of our own articles and the parts that answers are made of."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bot.articles.issues import load_issues
from bot.articles.model import Article
from bot.articles.parts import (
    ArticleNotFound,
    ArticleStore,
    agreements,
    documents,
    lead,
    needs_product,
    passage_kind,
    passages,
    section_product,
    variant_for,
)
from bot.articles.readers import read_text
from tests.conftest import ROOT

VARIANTS = """---
title: T
language: en
---
# <a name="x"></a>T

First **sentence**.

Second one.

## <a name="recommended-steps-azure"></a>In Azure

Do it [now](https://portal.azure.com).

> [!IMPORTANT]
> It cannot be undone.

1. azure

## <a name="recommended-steps-azure-enterprise"></a>With an Enterprise Agreement

Ask.

1. enterprise

## <a name="recommended-steps-microsoft-365"></a>In Microsoft 365

Do that.

1. office

## <a name="how-long-azure"></a>How long in Azure

A day.

## <a name="what-if-old-card"></a>The card is old

Two cases:

- red
- blue

In both, wait.

## <a name="recommended-documents-azure"></a>Read on

- [a](https://learn.microsoft.com/a)

## <a name="recommended-documents"></a>Read on

- [d](https://learn.microsoft.com/d)
"""


def texts(article: Article, product: str | None, agreement: str | None = None) -> list[str]:
    variant = variant_for(article, product, agreement)
    return [step.text for step in variant.steps] if variant is not None else []


def test_the_steps_are_those_of_the_product() -> None:
    article = read_text(VARIANTS)
    assert needs_product(article)
    assert texts(article, "azure") == ["azure"]
    assert texts(article, "microsoft365") == ["office"]
    assert texts(article, None) == []
    assert texts(article, "microsoft_account") == []


def test_the_steps_are_those_of_the_agreement_where_it_has_its_own() -> None:
    article = read_text(VARIANTS)
    assert agreements(article, "azure") == ("enterprise",)
    assert agreements(article, "microsoft365") == ()
    assert texts(article, "azure", "enterprise") == ["enterprise"]
    assert texts(article, "azure", "partner") == ["azure"]


def test_a_variant_says_first_what_to_do_now_and_what_to_beware_of() -> None:
    variant = variant_for(read_text(VARIANTS), "azure")
    assert variant is not None
    assert variant.now == "Do it [now](https://portal.azure.com)."
    assert [note.text for note in variant.warnings] == ["It cannot be undone."]


def test_common_steps_are_for_every_product() -> None:
    only_azure = re.sub(
        r'## <a name="recommended-steps-(azure-enterprise|microsoft-365).*?(?=## )', "", VARIANTS, flags=re.DOTALL
    )
    article = read_text(only_azure.replace("recommended-steps-azure", "recommended-steps"))
    assert not needs_product(article)
    assert texts(article, "microsoft365") == texts(article, None) == ["azure"]


def test_steps_for_one_product_alone_serve_while_the_product_is_unknown() -> None:
    article = read_text(VARIANTS.replace("recommended-steps-microsoft-365", "other"))
    assert not needs_product(article)
    assert texts(article, None) == ["azure"]
    assert texts(article, "microsoft365") == []


def test_documents_are_those_of_the_product_and_those_of_all() -> None:
    article = read_text(VARIANTS)
    assert lead(article) == "First **sentence**.\n\nSecond one."
    assert [link.label for link in documents(article, "azure")] == ["a", "d"]
    assert [link.label for link in documents(article, "microsoft365")] == ["d"]
    assert [link.label for link in documents(article)] == ["a", "d"]


def test_passages_have_a_kind_and_may_be_one_products() -> None:
    article = read_text(VARIANTS)
    found = [(section.slug, passage_kind(section.slug), section_product(section.slug)) for section in passages(article)]
    assert found == [("how-long-azure", "how_long", "azure"), ("what-if-old-card", "what_if", None)]
    assert [section.slug for section in passages(article, "microsoft365")] == ["what-if-old-card"]


def test_of_a_list_with_an_item_for_each_product_a_known_one_leaves_its_own() -> None:
    items = [
        "Azure: at once.",
        "Azure Marketplace needs more.",
        "Agreement: later.",
        "Microsoft 365 (work): in a week.",
    ]
    lines = "\n- ".join(["It depends.\n", *items])
    article = read_text(f'# T\n\n## <a name="how-long"></a>How long\n\n{lines}\n')

    def said(product: str | None) -> list[str]:
        [section] = passages(article, product)
        return [part if isinstance(part, str) else part.text for part in section.in_order()]

    assert said("azure") == ["It depends.", "At once.", *items[1:3]]
    assert said("microsoft365") == ["It depends.", *items[1:]]
    assert said(None) == said("microsoft_account") == ["It depends.", *items]


def test_a_single_item_that_is_left_of_a_list_is_read_as_running_text() -> None:
    items = "- Azure: **Cost analysis** shows it.\n- Microsoft 365: see the bill.\n"
    article = read_text(f'# T\n\n## <a name="cost"></a>Cost\n\nNone.\n\n{items}\nAsk.\n')
    [azure], [office] = (passages(article, product) for product in ("azure", "microsoft365"))
    assert (azure.paragraphs, azure.bullets) == (("None.", "**Cost analysis** shows it.", "Ask."), ())
    assert [*office.in_order()] == ["None.", "See the bill.", "Ask."]


def test_an_item_may_be_for_several_products() -> None:
    items = "- Azure, Microsoft 365: ask the partner.\n- Personal or family plan: ask the shop.\n"
    article = read_text(f'# T\n\n## <a name="who"></a>Who\n\n{items}')
    products = ("azure", "microsoft365", "microsoft_account")
    said = [section.paragraphs for product in products for section in passages(article, product)]
    assert said == [("Ask the partner.",), ("Ask the partner.",), ("Ask the shop.",)]
    assert [len(section.bullets) for section in passages(article)] == [2]


def test_a_section_keeps_the_order_of_its_paragraphs_and_lists() -> None:
    section = read_text(VARIANTS).section("what-if-old-card")
    assert section is not None
    read = [part if isinstance(part, str) else part.text for part in section.in_order()]
    assert read == ["Two cases:", "red", "blue", "In both, wait."]


def test_parts_that_are_missing_are_empty() -> None:
    article = read_text("# T\n\n## U\n\nx\n", path="en.md")
    assert (lead(article), documents(article), variant_for(article), texts(article, None)) == ("", (), None, [])


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("pay/en.md", "pay/nb.md", "refund/en.md"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"# {name}\n\nx\n", encoding="utf-8")
    (tmp_path / "pay" / "README.md").write_text("no article", encoding="utf-8")
    return tmp_path


def test_the_store_knows_its_languages(folder: Path) -> None:
    store = ArticleStore(folder)
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


def test_titles_that_are_read_alone_are_those_of_the_articles() -> None:
    store = ArticleStore(ROOT / "data" / "articles")
    for intent in load_issues():
        assert store.title(intent, "nb") == store.article(intent, "nb").title
    assert store.title("card_declined", "xx") == store.title("card_declined", "en")


@pytest.mark.parametrize(("intent", "language"), [("none", "nb"), ("../pay", "en"), ("pay", "../pay/en"), ("", "")])
def test_what_is_not_there_is_said(folder: Path, intent: str, language: str) -> None:
    with pytest.raises(ArticleNotFound, match="write one") as caught:
        ArticleStore(folder / "pay" / ".." if intent.startswith("..") else folder).article(intent, language, "sv")
    assert f"there is no article {intent}/{language}.md or {intent}/sv.md in " in str(caught.value)
