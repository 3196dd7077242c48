"""Imported article trees: one folder a locale, the same file names in every locale."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

from bot.articles.language import normalise
from bot.articles.model import Article, ArticleError, Step
from bot.articles.readers import read_article
from bot.articles.yaml_files import read_yaml

_IMPORTER = "bot.articles.importer.ArticleImporter"


class TreeError(ValueError):
    """An article tree that the configuration names cannot be used; the message says why and how to mend it."""


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


def source_files(tree: Path, names: Iterable[str]) -> dict[str, list[Path]]:
    """Finds the named articles in a locale's tree.

    Args:
        tree: folder of one locale; the articles lie in it or in a folder below.
        names: file names without `.md`; a name that the tree lacks is passed over.

    Returns:
        Name -> its files, in order.

    Raises:
        TreeError: the folder does not exist, is not named for a locale, or holds none of the articles.
    """
    if not tree.is_dir():
        raise TreeError(f"{tree}: no such article tree; correct `trees` of the importer in config.yml.")
    tree_language(tree)
    wanted = set(names)
    found: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(tree.rglob("*.md")):
        if path.stem in wanted:
            found[path.stem].append(path)
    if not found:
        raise TreeError(
            f"{tree}: holds none of the articles listed as `sources` in data/issues.yml; correct `trees` of the "
            "importer in config.yml."
        )
    return dict(found)


def source_articles(tree: Path, names: Iterable[str]) -> dict[str, list[Article]]:
    """Reads the named articles of a locale's tree.

    Those that cannot be read, and those in another language (not translated yet), are passed over.

    Raises:
        TreeError: as `source_files`.
    """
    language = tree_language(tree)
    return {
        name: [article for path in paths if (article := _readable(path)) and article.language == language]
        for name, paths in source_files(tree, names).items()
    }


def texts_of(article: Article) -> Iterator[str]:
    """Yields what an article says as plain text: headings, list items and boxes, one at a time."""
    yield article.title
    for section in article.sections:
        yield section.title
        yield from _step_texts((*section.steps, *section.bullets))
        yield from (note.text for note in section.notes)


def _step_texts(steps: Iterable[Step]) -> Iterator[str]:
    for step in steps:
        yield step.text
        yield from _step_texts(step.steps)


def _readable(path: Path) -> Article | None:
    try:
        return read_article(path)
    except (ArticleError, OSError):
        return None
