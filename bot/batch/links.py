"""Which article answers an issue in a language, and the document that it recommends first."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product

from bot.articles import ArticleStore
from bot.articles.issues import load_issues
from bot.articles.parts import documents
from bot.articles.replies import Replies
from bot.articles.store import ArticleNotFound
from bot.settings import get_settings


@dataclass(frozen=True)
class Link:
    """What a ticket is answered by."""

    article_id: str | None = None
    url: str | None = None
    """Of the first document that the article recommends."""


Links = dict[tuple[str, str], Link]
"""Issue and language of the answer -> its link; where there is no article, there is none."""


def read_links() -> Links:
    """Reads the articles of all issues, once for all workers: it takes some seconds."""
    articles = ArticleStore(get_settings().data_dir / "articles")
    found = {}
    for intent, language in product(load_issues(), Replies().languages()):
        try:
            article = articles.article(intent, language)
        except ArticleNotFound:
            continue
        recommended = documents(article)
        url = recommended[0].url if recommended else None
        found[intent, language] = Link(f"{intent}/{article.language}", url)
    return found
