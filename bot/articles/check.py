"""Checks articles of any source for defects, and a tree of our own by our own rules (`promises.py`), too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.articles.model import Article, ArticleError, Problem
from bot.articles.promises import check_tree
from bot.articles.readers import read_article


class NothingToCheck(LookupError):  # noqa: N818 - says what happened, as ArticleNotFound does
    """A path does not exist, or no article was found in any of them; the message says which."""


@dataclass(frozen=True)
class Report:
    """Findings of a check; `articles` is the number of those that could be read."""

    articles: int
    problems: tuple[Problem, ...]


def check(paths: Sequence[Path]) -> Report:
    """Checks files and folders; a folder of our own articles is checked by the rules for these (`promises.py`), too.

    Our own tree is a folder `<intent>/<language>.md` that has the issue table `issues.yml` beside it.

    Args:
        paths: files, or folders that are searched for `.md` and `.txt`.

    Raises:
        NothingToCheck: a path does not exist, or there is no article in any of them.
    """
    for root in paths:
        if not root.exists():
            raise NothingToCheck(f"{root} does not exist; name a file or a folder of articles")
    files = dict.fromkeys(file for root in paths for file in find_files(root))
    if not files:
        raise NothingToCheck(f"no article (.md or .txt) was found in {', '.join(map(str, paths))}")
    articles: dict[Path, Article] = {}
    problems: list[Problem] = []
    for file in files:
        try:
            articles[file] = read_article(file, salvage=True)
            problems += articles[file].problems
        except ArticleError as error:
            problems.append(error)
        except OSError as error:
            problems.append(Problem(str(file), 1, f"cannot be opened ({error.strerror}); check its permissions"))
    for tree in dict.fromkeys(tree for root in paths for tree in find_trees(root)):
        problems += check_tree(tree, articles)
    return Report(len(articles), tuple(dict.fromkeys(problems)))


def find_files(root: Path) -> list[Path]:
    """Returns the articles in a folder, sorted; a file is returned as it is."""
    if root.is_file():
        return [root]
    return sorted(path for path in root.rglob("*") if path.suffix.lower() in {".md", ".txt"} and path.is_file())


def find_trees(root: Path) -> list[Path]:
    """Returns the folders of our own articles at or under a folder."""
    # Resolved, because `data/articles/.` and `articles` have the table beside them as well.
    candidates = [root] if (root.resolve().parent / "issues.yml").is_file() else []
    candidates += [table.with_name("articles") for table in sorted(root.rglob("issues.yml"))]
    return [tree for tree in candidates if any(tree.glob("*/??.md"))]
