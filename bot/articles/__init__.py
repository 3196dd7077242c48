"""Help articles: the `Article`, readers for every dialect, the store, and what answers take from an article."""

from __future__ import annotations

from bot.articles.model import Article, ArticleError, Link, Note, Problem, Section, Step
from bot.articles.parts import documents, lead, needs_product
from bot.articles.readers import read_article, read_text
from bot.articles.store import ArticleNotFound, ArticleStore

__all__ = [
    "Article",
    "ArticleError",
    "ArticleNotFound",
    "ArticleStore",
    "Link",
    "Note",
    "Problem",
    "Section",
    "Step",
    "documents",
    "lead",
    "needs_product",
    "read_article",
    "read_text",
]
