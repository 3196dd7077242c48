"""The commands `python -m bot articles import|links|learn` and `python -m bot search`."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bot.command_line import print_json

_SHOWN = 20


def add_commands(subparsers: Any) -> None:
    """Adds `search`."""
    parser = subparsers.add_parser("search", help="search the imported articles")
    parser.add_argument("text", help="what a customer says, in their own words")
    parser.add_argument("--language", default="en", help="the language of the text, such as nb; English without it")
    parser.add_argument("--results", type=int, default=10, metavar="N", help="how many articles at most; 10 without it")
    parser.add_argument("--json", action="store_true", help="print JSON")
    _with_database(parser).set_defaults(handler=run_search)


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
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    _with_database(parser).set_defaults(handler=run_import)

    parser = verbs.add_parser(
        "links",
        help="list every address in the imported articles and what is wrong with it",
        description="Exit code: 0 no problem, 1 problems, 2 no article database.",
    )
    parser.add_argument("--problems", action="store_true", help="only addresses with a problem")
    parser.add_argument("--online", action="store_true", help="also ask each address, one a second and host at most")
    parser.add_argument("--json", action="store_true", help="print JSON")
    _with_database(parser).set_defaults(handler=run_links)

    parser = verbs.add_parser(
        "learn",
        help="take questions that enough customers chose the same document for as known questions of the search",
        description="Learns anew from the searches that the ticket store keeps. Exit code: 0 done, 2 it could not.",
    )
    parser.add_argument("--dry-run", action="store_true", help="only list what would be learned")
    parser.add_argument("--json", action="store_true", help="print JSON")
    _with_database(parser).set_defaults(handler=run_learn)


def _with_database(parser: argparse.ArgumentParser) -> argparse.ArgumentParser:
    parser.add_argument("--database", type=Path, metavar="FILE", help="the article database; without it the setting's")
    return parser


def _path(arguments: argparse.Namespace) -> Path:
    from bot.settings import get_settings  # pydantic takes long to import, and other commands do not need it

    return Path(arguments.database or get_settings().articles_database)


def run_import(arguments: argparse.Namespace) -> int:
    """Runs `articles import`; returns the exit code."""
    from tqdm import tqdm

    from bot.search.database import Library, LibraryError
    from bot.search.importing import NothingToImport, import_articles

    try:
        report = import_articles(
            Library(_path(arguments)),
            arguments.paths,
            locale=arguments.locale,
            processes=arguments.processes,
            progress=lambda outcomes, total: tqdm(outcomes, total=total, unit=" articles", disable=None),
        )
    except (LibraryError, NothingToImport) as error:
        print(error, file=sys.stderr)
        return 2
    if arguments.json:
        print_json(asdict(report))
    else:
        for title in ("broken", "mended", "skipped"):
            for name, reason in getattr(report, title).items():
                print(f"{title}: {name}: {reason}")
        for title in ("new", "changed", "removed"):
            names = getattr(report, title)
            more = [f"... and {len(names) - _SHOWN} more"] if len(names) > _SHOWN else []
            for name in names[:_SHOWN] + more:
                print(f"{title}: {name}")
        counts = [f"{len(getattr(report, title))} {title}" for title in ("new", "changed", "removed")]
        print(*counts, f"{report.unchanged} unchanged", f"{len(report.broken)} broken", sep=", ")
    return 1 if report.broken else 0


def run_search(arguments: argparse.Namespace) -> int:
    """Runs `search`; returns the exit code: 0, or 2 where nothing has been imported."""
    from bot.search.database import LibraryError
    from bot.search.ranking import Searcher

    try:
        hits = Searcher(_path(arguments)).search(arguments.text, arguments.language, arguments.results)
    except LibraryError as error:
        print(error, file=sys.stderr)
        return 2
    if arguments.json:
        print_json([asdict(hit) for hit in hits])
        return 0
    for number, hit in enumerate(hits, start=1):
        print(f"{number}. {hit.title} ({hit.file}, {hit.language}, {hit.score:.2f})")
        for line in filter(None, (hit.sentence, hit.url)):
            print(f"   {line}")
    if not hits:
        print("nothing found")
    return 0


def run_links(arguments: argparse.Namespace) -> int:
    """Runs `articles links`; returns the exit code."""
    from bot.search.database import LibraryError
    from bot.search.links import check_links, list_links

    try:
        entries = list_links(_path(arguments))
    except LibraryError as error:
        print(error, file=sys.stderr)
        return 2
    if arguments.online:
        entries = check_links(entries, _path(arguments).with_name("links.json"))
    problems = [entry for entry in entries if entry.problems]
    shown = problems if arguments.problems else entries
    if arguments.json:
        print_json([asdict(entry) for entry in shown])
    else:
        for entry in shown:
            print(f"{entry.written} ({len(entry.articles)} articles, such as {entry.articles[0]})")
            for problem in entry.problems:
                print(f"   {problem}")
        print(f"{len(entries)} addresses, {len(problems)} with problems")
    return 1 if problems else 0


def run_learn(arguments: argparse.Namespace) -> int:
    """Runs `articles learn`; returns the exit code."""
    from bot.search.clicks import choices, learn, learned_questions
    from bot.search.database import LibraryError, open_library
    from bot.settings import get_settings
    from bot.tickets import ticket_store
    from bot.tickets.model import TicketStoreError

    try:
        events, fewest = ticket_store().searches(), get_settings().search_learns_from
        if arguments.dry_run:
            found = learned_questions(choices(events), fewest)
        else:
            found = learn(open_library(_path(arguments)), events, fewest)
    except (LibraryError, TicketStoreError) as error:
        print(error, file=sys.stderr)
        return 2
    if arguments.json:
        print_json([asdict(each) for each in found])
        return 0
    for each in found:
        print(f"{each.file} ({each.conversations} conversations, {each.language}): {each.text}")
    verb = "would be known" if arguments.dry_run else "known"
    print(f"{len(found)} questions {verb} from {len(choices(events))} choices of documents")
    return 0
