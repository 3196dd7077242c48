"""The commands `python -m bot data ...`: check and audit the training phrases."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Collection, Iterator
from pathlib import Path

from bot.articles.examples import Example, ExampleError, read_examples
from bot.articles.issues import load_issues
from bot.articles.parts import ArticleStore, passages
from bot.articles.played_turns import PlayedTurnError, read_played_turns
from bot.articles.replies import Replies, ReplyError
from bot.command_line import reported
from bot.nlu.data_check import check_examples, few_follow_ups, few_phrases, few_questions, unknown_answers
from bot.settings import get_settings
from bot.text.lexicon import LexiconError, default_folder, load_lexicon


def add_commands(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `data check` and `data audit` to the command line."""
    parser = subparsers.add_parser("data", help="check the training data")
    verbs = parser.add_subparsers(dest="data_verb", required=True, metavar="COMMAND")
    check = verbs.add_parser(
        "check", help="word lists, replies, duplicates, runs of templates, too few phrases, unknown passages"
    )
    check.set_defaults(handler=reported(_check, ExampleError, LexiconError, PlayedTurnError, ReplyError))
    audit = verbs.add_parser("audit", help="phrases whose label is probably wrong, as a table (minutes)")
    audit.set_defaults(handler=reported(_audit, ExampleError))
    for each in (check, audit):
        folder = get_settings().data_dir / "nlu"
        each.add_argument("path", nargs="?", type=Path, default=folder, help="folder of example files (data/nlu)")
    audit.add_argument("-o", "--output", type=Path, metavar="FILE", help="write the table there; without it, print it")


def _check(options: argparse.Namespace) -> int:
    """Prints a line per problem and per intent with few phrases, which is none.

    Returns:
        Exit code 0 without problems, 1 with some.

    Raises:
        ExampleError: nothing could be read; so with LexiconError and PlayedTurnError.
    """
    examples = _examples(options)
    load_lexicon(default_folder())
    replies = Replies()
    written = list(all_passages(replies.complete()))
    problems = [
        *check_examples(examples),
        *few_follow_ups(examples, replies.complete()),
        *few_questions(examples, written),
        *unknown_answers(read_played_turns(), written),
        *replies.problems(),
    ]
    notes = (f"note: {note}" for note in few_phrases(examples))
    print(*problems, *notes, f"{len(examples)} phrases read, {len(problems)} problems", sep="\n")
    return 1 if problems else 0


def all_passages(languages: Collection[str]) -> Iterator[tuple[str, str]]:
    """Yields language and `issue/slug` of each passage of our articles in some languages (ISO 639-1)."""
    store = ArticleStore(get_settings().data_dir / "articles")
    for language in languages:
        for issue in load_issues():
            if language in store.languages(issue):
                article = store.article(issue, language)
                yield from ((language, f"{issue}/{section.slug}") for section in passages(article))


def _audit(options: argparse.Namespace) -> None:
    from bot.nlu.label_audit import as_table, audit

    suspects = audit(_examples(options))
    table = as_table(suspects, options.path)
    if options.output is None:
        print(table)
        return
    options.output.write_text(f"{table}\n", encoding="utf8")
    counts = Counter(reason for suspect in suspects for reason in suspect.reasons)
    reasons = ", ".join(f"{number} {reason}" for reason, number in sorted(counts.items()))
    print(f"{len(suspects)} phrases in {options.output} ({reasons})")


def _examples(options: argparse.Namespace) -> list[Example]:
    if not (examples := read_examples(options.path)):
        raise ExampleError(f"{options.path}: no examples found; give the folder of the example files.")
    return examples
