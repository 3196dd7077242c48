"""The commands `python -m bot data ...`: check, describe and audit the training phrases."""

from __future__ import annotations

import argparse
from collections import Counter
from pathlib import Path

from bot.articles.examples import Example, ExampleError, read_examples
from bot.articles.replies import Replies, ReplyError
from bot.command_line import reported, to_json
from bot.nlu.data_check import check_examples, few_follow_ups, few_phrases
from bot.settings import get_settings
from bot.text.lexicon import LexiconError, default_folder, load_lexicon


def add_commands(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `data check`, `data report` and `data audit` to the command line."""
    parser = subparsers.add_parser("data", help="check and describe the training data")
    verbs = parser.add_subparsers(dest="data_verb", required=True, metavar="COMMAND")
    check = verbs.add_parser("check", help="word lists, replies, duplicates, runs of templates, too few phrases")
    check.set_defaults(handler=reported(_check, ExampleError, LexiconError, ReplyError))
    report = verbs.add_parser("report", help="counts, spread, repetition, confusions, suspected label errors")
    report.set_defaults(handler=reported(_report, ExampleError))
    audit = verbs.add_parser("audit", help="phrases whose label is probably wrong, as a table (minutes)")
    audit.set_defaults(handler=reported(_audit, ExampleError))
    for each in (check, report, audit):
        each.add_argument("path", nargs="?", type=Path, help="folder of example files (data/nlu)")
    audit.add_argument("-o", "--output", type=Path, metavar="FILE", help="write the table there; without it, print it")
    report.add_argument("--folds", type=int, default=3, help="folds of the cross-validation; 0 leaves it out (3)")
    report.add_argument("--json", action="store_true", help="print JSON instead of Markdown")


def _check(options: argparse.Namespace) -> int:
    """Prints a line per problem and per intent with few phrases, which is none.

    Returns:
        Exit code 0 without problems, 1 with some.

    Raises:
        ExampleError: nothing could be read; so with LexiconError.
    """
    examples = _examples(options)
    load_lexicon(default_folder())
    replies = Replies()
    problems = [*check_examples(examples), *few_follow_ups(examples, replies.complete()), *replies.problems()]
    notes = (f"note: {note}" for note in few_phrases(examples))
    print(*problems, *notes, f"{len(examples)} phrases read, {len(problems)} problems", sep="\n")
    return 1 if problems else 0


def _report(options: argparse.Namespace) -> None:
    from bot.nlu.data_report import as_markdown, describe

    report = describe(_examples(options), options.folds)
    print(to_json(report) if options.json else as_markdown(report))


def _audit(options: argparse.Namespace) -> None:
    from bot.nlu.label_audit import COLUMNS, as_rows, audit

    rows = as_rows(audit(_examples(options)), options.path or get_settings().data_dir / "nlu")
    lines = ["\t".join(COLUMNS), *("\t".join(row[name] for name in COLUMNS) for row in rows)]
    if options.output is None:
        print("\n".join(lines))
        return
    options.output.write_text("\n".join(lines) + "\n", encoding="utf8")
    counts = Counter(reason for row in rows for reason in row["reasons"].split(","))
    told = ", ".join(f"{number} {reason}" for reason, number in sorted(counts.items()))
    print(f"{len(rows)} phrases in {options.output} ({told})")


def _examples(options: argparse.Namespace) -> list[Example]:
    folder = options.path or get_settings().data_dir / "nlu"
    if not (examples := read_examples(folder)):
        raise ExampleError(f"{folder}: no examples found; give the folder of the example files.")
    return examples
