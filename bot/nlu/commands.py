"""The commands `python -m bot data ...`: check and describe the training phrases."""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from bot.articles.examples import Example, ExampleError, read_examples
from bot.articles.replies import Replies, ReplyError
from bot.nlu.data_check import check_examples, few_follow_ups, few_phrases
from bot.settings import get_settings
from bot.text.lexicon import LexiconError, default_folder, load_lexicon


def add_commands(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `data check` and `data report` to the command line."""
    parser = subparsers.add_parser("data", help="check and describe the training data")
    verbs = parser.add_subparsers(dest="data_verb", required=True, metavar="COMMAND")
    check = verbs.add_parser("check", help="word lists, duplicates, runs of templates, too few phrases")
    check.set_defaults(handler=_check)
    report = verbs.add_parser("report", help="counts, spread, repetition, confusions, suspected label errors")
    report.set_defaults(handler=_report)
    for each in (check, report):
        each.add_argument("path", nargs="?", type=Path, help="folder of example files (data/nlu)")
    report.add_argument("--folds", type=int, default=3, help="folds of the cross-validation; 0 leaves it out (3)")
    report.add_argument("--json", action="store_true", help="print JSON instead of Markdown")


def _check(options: argparse.Namespace) -> int:
    """Prints a line per problem and per intent with few phrases, which is none.

    Returns:
        Exit code 0 without problems, 1 with some, 2 where nothing could be read.
    """
    examples = _examples(options)
    if examples is None:
        return 2
    try:
        load_lexicon(default_folder())
        complete = Replies().complete()
    except (LexiconError, ReplyError) as error:
        print(error, file=sys.stderr)
        return 2
    problems = [*check_examples(examples), *few_follow_ups(examples, complete)]
    for problem in problems:
        print(problem)
    for note in few_phrases(examples):
        print(f"note: {note}")
    print(f"{len(examples)} phrases read, {len(problems)} problems")
    return 1 if problems else 0


def _report(options: argparse.Namespace) -> int:
    """Prints the report; exit code 0, or 2 where nothing could be read."""
    from bot.nlu.data_report import as_markdown, describe

    examples = _examples(options)
    if examples is None:
        return 2
    report = describe(examples, options.folds)
    print(json.dumps(report, ensure_ascii=False, indent=2) if options.json else as_markdown(report))
    return 0


def _examples(options: argparse.Namespace) -> list[Example] | None:
    """Reads the phrases of the folder that the options name; None, with a sentence, where there are none."""
    folder = options.path or get_settings().data_dir / "nlu"
    try:
        examples = read_examples(folder)
    except ExampleError as error:
        print(error, file=sys.stderr)
        return None
    if not examples:
        print(f"{folder}: no examples found; give the folder of the example files.", file=sys.stderr)
        return None
    return examples
