"""Reads article trees, from which the bot learns languages that have no phrases of their own.

A tree is the folder of one locale, such as `it-IT`; the same file names in every locale say which issue an article is
on. Of a large tree only a part is read. The importer makes training data of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from bot.articles.language import normalise
from bot.articles.model import Article, ArticleError, walk
from bot.articles.readers import read_article
from bot.text.yaml_files import read_yaml

_IMPORTER = "bot.articles.importer.ArticleImporter"
_ARTICLES_READ = 1000
"""About so many articles of a large tree are read; docs/adding-a-language.md says what that brings."""


class TreeError(ValueError):
    """An article tree that the configuration names cannot be used; the message says why and how to correct it."""


def configured_trees(config: Path) -> list[Path]:
    """Returns the article trees that a configuration names for languages without phrases.

    Args:
        config: `config.yml`; its importer's `trees` are relative to its folder.

    Raises:
        TreeError: the file is not YAML.
    """
    importers = (read_yaml(config, TreeError) or {}).get("importers") or []
    entries = [entry for entry in importers if isinstance(entry, dict) and entry.get("name") == _IMPORTER]
    return [(config.parent / tree).resolve() for entry in entries for tree in entry.get("trees") or []]


def tree_language(tree: Path) -> str:
    """Returns the ISO 639-1 code of a tree's language, told by its folder's name (`it-IT` -> `it`).

    Raises:
        TreeError: the folder is not named for a locale.
    """
    language = normalise(tree.name)
    if not language:
        raise TreeError(f"{tree}: the folder of an article tree is named for its locale, such as `it-IT`; rename it.")
    return language


def files_read(tree: Path, names: frozenset[str]) -> list[Path]:
    """Returns the articles of a locale's tree that a language is learned from.

    Args:
        tree: folder of one locale; the articles lie in it or in a folder below.
        names: file names, without `.md`, of the articles on our issues; all that the tree has are among the result,
            and others spread evenly over it.

    Raises:
        TreeError: the folder does not exist, is not named for a locale, or holds none of the named articles.
    """
    if not tree.is_dir():
        raise TreeError(f"{tree}: no such article tree; correct `trees` of the importer in config.yml.")
    tree_language(tree)
    files = sorted(tree.rglob("*.md"))
    named = {path for path in files if path.stem in names}
    if not named:
        problem = f"{tree}: holds none of the articles listed as `sources` in data/issues.yml"
        raise TreeError(f"{problem}; correct `trees` of the importer in config.yml.")
    return sorted(named.union(files[:: 1 + len(files) // _ARTICLES_READ]))


@lru_cache(maxsize=16)  # Rasa asks for the training data three times
def read_tree(tree: Path, names: frozenset[str]) -> tuple[Article, ...]:
    """Reads the articles of a locale's tree that its language is learned from; arguments and errors as `files_read`.

    Articles that cannot be read, and those in another language (not translated yet), are passed over.
    """
    articles = []
    for path in files_read(tree, names):
        with suppress(ArticleError, OSError):
            articles.append(read_article(path))
    return tuple(article for article in articles if article.language == tree_language(tree))


def texts(article: Article) -> Iterator[str]:
    """Yields what an article says as plain text: headings, list items and boxes, one at a time."""
    yield article.title
    for section in article.sections:
        yield section.title
        yield from (step.text for step in walk((*section.steps, *section.bullets)))
        yield from (note.text for note in section.notes)
