"""Recommended steps of an issue, for an agent to read in several languages."""

from __future__ import annotations

from starlette.requests import Request

from bot.articles.model import Article, Link
from bot.articles.parts import ArticleNotFound, Variant, documents, variants
from bot.desk.desk import Desk, agent_of

Steps = tuple[Article, list[Variant], tuple[Link, ...]]
"""An article, its first answers for the product (all where that is not known), and the recommended documents."""


def steps_for(desk: Desk, request: Request, issue: str | None, product: str | None, language: str) -> list[Steps]:
    """Returns the steps of an issue in the languages of agent and customer, in English where an article lacks one.

    Args:
        desk: has the articles.
        request: of the agent; its query's `steps` may name another language than the agent's.
        issue: the intent, None where none was recognised.
        product: the customer's, None where it is not known.
        language: the customer's, ISO 639-1.

    Returns:
        One for each language that was found; none where there is no article on the issue.
    """
    found: dict[str, Steps] = {}
    for wanted in (request.query_params.get("steps") or agent_of(request).language, language):
        try:
            article = desk.articles.article(issue or "", wanted)
        except ArticleNotFound:
            continue
        fitting = [each for each in variants(article) if product is None or each.product in (product, None)]
        found[article.language] = article, fitting, documents(article, product)
    return list(found.values())
