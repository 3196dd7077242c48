"""The commands `python -m bot data ...`: check and describe the training phrases."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bot.articles.examples import ExampleError, read_examples
from bot.nlu.data_check import check_examples
from bot.settings import get_settings


def add_commands(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `data check` to the command line."""
    parser = subparsers.add_parser("data", help="check and describe the training data")
    verbs = parser.add_subparsers(dest="data_verb", required=True, metavar="COMMAND")
    check = verbs.add_parser("check", help="duplicates across intents, near-duplicates, runs of templates")
    check.add_argument("path", nargs="?", type=Path, help="folder of example files (data/nlu)")
    check.set_defaults(handler=_check)


def _check(options: argparse.Namespace) -> int:
    """Prints a line per problem; exit code 0 without problems, 1 with some, 2 where nothing could be read."""
    folder = options.path or get_settings().data_dir / "nlu"
    try:
        examples = read_examples(folder)
    except ExampleError as error:
        print(error, file=sys.stderr)
        return 2
    if not examples:
        print(f"{folder}: no examples found; give the folder of the example files.", file=sys.stderr)
        return 2
    problems = check_examples(examples)
    for problem in problems:
        print(problem)
    print(f"{len(examples)} phrases read, {len(problems)} problems")
    return 1 if problems else 0
