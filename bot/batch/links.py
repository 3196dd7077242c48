"""Which article answers an issue in a language, and the document that it recommends first."""

from __future__ import annotations

from itertools import product

from bot.articles import ArticleStore
from bot.articles.issues import load_issues
from bot.articles.parts import documents
from bot.articles.replies import Replies
from bot.articles.store import ArticleNotFound
from bot.settings import get_settings

Links = dict[tuple[str, str], tuple[str, str | None]]
"""Issue and language of the answer -> the article's id and the address of its first document, if it has one."""


def read_links() -> Links:
    """Reads the articles of all issues, once for all workers: it takes some seconds."""
    articles = ArticleStore(get_settings().data_dir / "articles")
    links: Links = {}
    for intent, language in product(load_issues(), Replies().languages()):
        try:
            article = articles.article(intent, language)
        except ArticleNotFound:
            continue
        url = next((document.url for document in documents(article)), None)
        links[intent, language] = (f"{intent}/{article.language}", url)
    return links
