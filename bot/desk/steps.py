"""Recommended steps of an issue, for an agent to read in several languages."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from bot.articles.model import Article
from bot.articles.parts import ArticleNotFound, ArticleStore, Variant, variants


@dataclass(frozen=True)
class Steps:
    """Recommended steps of an issue in one language.

    Args:
        article: the article.
        variants: its first answers for the product, all where that is not known.
    """

    article: Article
    variants: tuple[Variant, ...]


def steps_in(articles: ArticleStore, issue: str | None, product: str | None, languages: Iterable[str]) -> list[Steps]:
    """Returns the steps of an issue in each of some languages, in English where an article lacks one of them.

    Args:
        articles: the articles.
        issue: the intent, None where none was recognised.
        product: the customer's, None where it is not known.
        languages: ISO 639-1.

    Returns:
        One for each language that was found; none where there is no article on the issue.
    """
    found: dict[str, Steps] = {}
    for language in languages:
        try:
            article = articles.article(issue or "", language)
        except ArticleNotFound:
            continue
        fitting = [each for each in variants(article) if product is None or each.product in (product, None)]
        found[article.language] = Steps(article, tuple(fitting))
    return list(found.values())
