"""The commands `python -m bot articles check|show`: find defects, print one article; other packages add more."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bot.articles.check import NothingToCheck, check
from bot.articles.model import Article, ArticleError, Note, Step
from bot.articles.readers import read_article
from bot.command_line import reported, to_json


def add_commands(subparsers: Any) -> Any:
    """Adds `articles check` and `articles show`.

    Args:
        subparsers: what `ArgumentParser.add_subparsers` returned.

    Returns:
        The subparsers of `articles`, for other packages to add to.
    """
    articles = subparsers.add_parser("articles", help="check and show help articles")
    verbs = articles.add_subparsers(dest="articles_verb", required=True, metavar="COMMAND")

    parser = verbs.add_parser(
        "check",
        help="report what is wrong with articles",
        description="Prints 'file:line: what is wrong' for each problem and a sum. "
        "Exit code: 0 no problem, 1 problems, 2 no article found.",
    )
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="a file, or a folder of .md and .txt files")
    parser.add_argument("--json", action="store_true", help="print the result as JSON")
    parser.set_defaults(handler=reported(_check, NothingToCheck))

    parser = verbs.add_parser("show", help="print an article as it was understood")
    parser.add_argument("file", type=Path, metavar="FILE", help="the article, in any dialect")
    parser.add_argument("--json", action="store_true", help="print all of it as JSON")
    parser.set_defaults(handler=reported(_show, ArticleError))
    return verbs


def _check(arguments: argparse.Namespace) -> int:
    report = check(arguments.paths)
    lines = [*map(str, report.problems), f"{report.articles} articles read, {len(report.problems)} problems"]
    print(to_json(asdict(report)) if arguments.json else "\n".join(lines))
    return 1 if report.problems else 0


def _show(arguments: argparse.Namespace) -> int:
    try:
        article = read_article(arguments.file, salvage=True)
    except OSError as error:
        print(f"{arguments.file} cannot be read ({error.strerror})", file=sys.stderr)
        return 2
    print(to_json(asdict(article)) if arguments.json else "\n".join(_lines(article)))
    return 0


def _lines(article: Article) -> Iterator[str]:
    """Yields an article as readable text."""
    yield article.title
    yield f"{article.language}, {article.dialect}"
    if article.description:
        yield article.description
    for section in article.sections:
        slug = f" ({section.slug})" if section.slug else ""
        yield f"\n{'#' * section.level} {section.title}{slug}"
        yield from section.paragraphs
        yield from _item_lines(section.steps, (), numbered=True)
        yield from _item_lines(section.bullets, section.notes, numbered=False)
        yield from (f"-> {link.label}: {link.url}" for link in section.links)
    yield from map(str, article.problems)


def _item_lines(items: Iterable[Step], notes: Iterable[Note], numbered: bool, indent: str = "") -> Iterator[str]:
    for number, item in enumerate(items, start=1):
        yield f"{indent}{f'{number}.' if numbered else '-'} {item.markdown}"
        yield from _item_lines(item.steps, item.notes, numbered, indent + "   ")
    for note in notes:
        yield f"{indent}[{note.kind}] {note.markdown}".rstrip()
        yield from (f"{indent}  - {item}" for item in note.items)
