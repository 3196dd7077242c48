"""Imported article trees: one folder a locale, the same file names in every locale."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

from bot.articles.model import ArticleError
from bot.articles.readers import read_article


class TreeError(ValueError):
    """An article tree that the configuration names is not there."""


def source_titles(tree: Path, names: Iterable[str]) -> Iterator[tuple[str, str]]:
    """Yields the titles that a locale's tree gives to the named articles.

    Args:
        tree: folder of one locale; the articles lie in it or in a folder below.
        names: file names without `.md`; a name that the tree lacks, or that cannot be read, is passed over.

    Yields:
        title and language of each article found.

    Raises:
        TreeError: the folder does not exist.
    """
    if not tree.is_dir():
        raise TreeError(f"{tree}: no such article tree; correct `trees` of the importer in config.yml.")
    for name in names:
        for path in sorted(tree.rglob(f"{name}.md")):
            try:
                article = read_article(path)
            except ArticleError:
                continue
            yield article.title, article.language
