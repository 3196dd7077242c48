"""The command `python -m bot articles propose`."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from bot.articles.examples import ExampleError, read_examples
from bot.command_line import reported
from bot.proposals import ProposalError
from bot.search import LibraryError
from bot.settings import get_settings
from bot.stores import DatabaseError


def add_article_commands(verbs: Any) -> None:
    """Adds `articles propose`.

    Args:
        verbs: what `add_subparsers` returned for `articles`.
    """
    parser = verbs.add_parser(
        "propose",
        help="draft new issues from questions that nothing answered",
        description="Gathers what customers asked in vain, masked, from the ticket store and Rasa's conversations; "
        "puts together what means the same; drafts an issue for each, for a person to finish. Exit code: 0 drafts "
        "were written, 1 there is nothing to propose, 2 something must be corrected first.",
    )
    parser.add_argument("--from", dest="file", type=Path, metavar="FILE", help="questions, a line each, or a CSV file")
    parser.add_argument("--language", default="", help="the language of the file's questions; recognised without it")
    parser.add_argument("-o", "--output", type=Path, default=Path("var/proposals"), metavar="FOLDER", help="where to")
    parser.add_argument("--fewest", type=_positive, default=3, metavar="N", help="questions that make an issue; 3")
    parser.add_argument("--most", type=_positive, default=10, metavar="N", help="issues to propose at most; 10")
    parser.add_argument("--database", type=Path, metavar="FILE", help="the article database; without it the setting's")
    errors = (ProposalError, LibraryError, DatabaseError, ExampleError)
    parser.set_defaults(handler=reported(_propose, *errors, prefix="error: "))


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return number


def _propose(arguments: argparse.Namespace) -> int:
    from bot.proposals.clusters import clusters
    from bot.proposals.drafts import check_output, write_drafts
    from bot.proposals.questions import from_conversations, from_file, from_store, merge
    from bot.tickets import ticket_store

    check_output(arguments.output)
    if arguments.file:
        questions = from_file(arguments.file, arguments.language)
    else:
        conversations = from_conversations(get_settings().tracker_database.get_secret_value())
        questions = merge(from_store(ticket_store()), conversations)
    database = arguments.database or get_settings().articles_database
    found = clusters(questions, database, arguments.fewest, arguments.most)
    if not found:
        print(f"{len(questions)} questions, and no {arguments.fewest} of them mean the same", file=sys.stderr)
        return 1
    drafts = write_drafts(found, arguments.output, read_examples(get_settings().data_dir / "nlu"))
    for name, cluster in drafts.items():
        print(f"{name}: {len(cluster.questions)} questions, such as “{cluster.questions[0].text}”")
    print(f"{len(questions)} questions; the drafts are in {arguments.output}: begin with its README.md")
    return 0
