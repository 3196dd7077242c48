"""The commands `python -m bot articles import|links|learn` and `python -m bot search`."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from bot.command_line import reported, to_json
from bot.search import LibraryError
from bot.settings import get_settings
from bot.stores import DatabaseError

Answer = tuple[Any, list[str], int]
"""Values that a command prints as JSON with `--json`, lines that it prints else, and its exit code."""


def add_commands(subparsers: Any) -> None:
    """Adds `search`."""
    parser = subparsers.add_parser("search", help="search the imported articles")
    parser.add_argument("text", help="what a customer says, in their own words")
    parser.add_argument("--language", default="en", help="the language of the text, such as nb; English without it")
    parser.add_argument("--results", type=int, default=10, metavar="N", help="how many articles at most; 10 without it")
    _complete(parser, _search)


def add_article_commands(verbs: Any) -> None:
    """Adds `articles import`, `articles links` and `articles learn`.

    Args:
        verbs: what `add_subparsers` returned for `articles`.
    """
    parser = verbs.add_parser(
        "import",
        help="bring the article database up to date with article trees",
        description="Reads what has changed in article trees. Exit code: 0 all of it was taken, 1 some files are "
        "broken (of those the last good version is kept), 2 nothing could be imported.",
    )
    parser.add_argument("paths", nargs="+", type=Path, metavar="PATH", help="a locale's folder, or one of such folders")
    parser.add_argument("--locale", default="", help="the locale of folders that are not named for one, such as nb-NO")
    parser.add_argument("--processes", type=int, metavar="N", help="how many read at once; one a core without it")
    _complete(parser, _import)

    parser = verbs.add_parser(
        "links",
        help="list every address in the imported articles and what is wrong with it",
        description="Exit code: 0 no problem, 1 problems, 2 no article database.",
    )
    parser.add_argument("--problems", action="store_true", help="only addresses with a problem")
    _complete(parser, _links)

    parser = verbs.add_parser(
        "learn",
        help="take questions that enough customers chose the same document for as known questions of the search",
        description="Learns anew from the searches that the ticket store keeps. Exit code: 0 done, 2 it could not.",
    )
    parser.add_argument("--dry-run", action="store_true", help="only list what would be learned")
    _complete(parser, _learn)


def _complete(parser: argparse.ArgumentParser, command: Callable[[argparse.Namespace, Path], Answer]) -> None:
    """Adds what all of these commands have: `--json`, `--database` and what runs them, with the database's file."""
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.add_argument("--database", type=Path, metavar="FILE", help="the article database; without it the setting's")

    def run(arguments: argparse.Namespace) -> int:
        values, lines, code = command(arguments, arguments.database or get_settings().articles_database)
        print(to_json(values) if arguments.json else "\n".join(lines))
        return code

    parser.set_defaults(handler=reported(run, LibraryError, DatabaseError))


def _import(arguments: argparse.Namespace, database: Path) -> Answer:
    from tqdm import tqdm

    from bot.search.database import Library
    from bot.search.importing import import_articles

    progress = partial(tqdm, unit=" articles", disable=None)
    report = import_articles(Library(database), arguments.paths, arguments.locale, arguments.processes, progress)
    reasons = {title: getattr(report, title) for title in ("broken", "corrected", "skipped")}
    lines = [f"{title}: {name}: {reason}" for title, found in reasons.items() for name, reason in found.items()]
    counts = [f"{len(getattr(report, title))} {title}" for title in ("new", "changed", "removed")]
    lines.append(", ".join([*counts, f"{report.unchanged} unchanged", f"{len(report.broken)} broken"]))
    return asdict(report), lines, 1 if report.broken else 0


def _search(arguments: argparse.Namespace, database: Path) -> Answer:
    from bot.search.ranking import Searcher

    hits = Searcher(database).search(arguments.text, arguments.language, arguments.results)
    lines = []
    for number, hit in enumerate(hits, start=1):
        found = f"{number}. {hit.title} ({hit.file}, {hit.language}, {hit.score:.2f})"
        lines += [found, *(f"   {line}" for line in (hit.sentence, hit.url) if line)]
    return [asdict(hit) for hit in hits], lines or ["nothing found"], 0


def _links(arguments: argparse.Namespace, database: Path) -> Answer:
    from bot.search.links import list_links

    entries = list_links(database)
    problems = [entry for entry in entries if entry.problems]
    shown = problems if arguments.problems else entries
    lines = []
    for entry in shown:
        lines.append(f"{entry.written} ({len(entry.articles)} articles, such as {entry.articles[0]})")
        lines += [f"   {problem}" for problem in entry.problems]
    lines.append(f"{len(entries)} addresses, {len(problems)} with problems")
    return [asdict(entry) for entry in shown], lines, 1 if problems else 0


def _learn(arguments: argparse.Namespace, database: Path) -> Answer:
    from bot.search.clicks import choices, learn, learned_questions
    from bot.search.database import open_library
    from bot.tickets import ticket_store

    events, fewest = ticket_store().searches(), get_settings().search_learns_from
    if arguments.dry_run:
        verb, found = "would be known", learned_questions(choices(events), fewest)
    else:
        verb, found = "known", learn(open_library(database), events, fewest)
    lines = [f"{each.file} ({each.conversations} conversations, {each.language}): {each.text}" for each in found]
    lines.append(f"{len(found)} questions {verb} from {len(choices(events))} choices of documents")
    return [asdict(each) for each in found], lines, 0
