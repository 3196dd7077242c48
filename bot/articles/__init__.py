"""Help articles: the `Article`, readers for every dialect, the store, and what answers take from an article."""

from __future__ import annotations

from bot.articles.model import Article, ArticleError, Link, Note, Section, Step
from bot.articles.parts import ArticleNotFound, ArticleStore, documents
from bot.articles.readers import read_article, read_text

__all__ = [
    "Article",
    "ArticleError",
    "ArticleNotFound",
    "ArticleStore",
    "Link",
    "Note",
    "Section",
    "Step",
    "documents",
    "read_article",
    "read_text",
]
