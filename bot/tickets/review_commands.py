"""The command `python -m bot review`: see what was taught, and take it into the training data or not."""

from __future__ import annotations

import argparse
import json
from dataclasses import asdict

from tabulate import tabulate

from bot.settings import get_settings
from bot.tickets import ticket_store
from bot.tickets.commands import reported
from bot.tickets.review import accept, candidates, reject


def add_commands(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `review`, `review accept` and `review reject`."""
    summary = "corrections, chosen clarifications and fallbacks, as candidates for training data"
    parser = subparsers.add_parser("review", help=summary, description=summary.capitalize() + ".")
    parser.add_argument("--language", help="only this language")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(handler=reported(_list))
    verbs = parser.add_subparsers(dest="review_verb", metavar="COMMAND")
    accepting = verbs.add_parser("accept", help="take candidates into data/nlu/<language>/reviewed.yml")
    accepting.add_argument("ids", nargs="+", type=int, metavar="ID")
    accepting.add_argument("--intent", help="what they are to be understood as; needed where nobody has said")
    accepting.set_defaults(handler=reported(_accept))
    rejecting = verbs.add_parser("reject", help="drop candidates")
    rejecting.add_argument("ids", nargs="+", type=int, metavar="ID")
    rejecting.set_defaults(handler=reported(_reject))


def _list(options: argparse.Namespace) -> None:
    found = candidates(ticket_store(), get_settings().data_dir / "nlu")
    if options.language:
        found = [candidate for candidate in found if candidate.language == options.language]
    if options.json:
        print(json.dumps([asdict(candidate) for candidate in found], ensure_ascii=False, indent=2))
    elif not found:
        print("nothing to review")
    else:
        headers = ("id", "times", "from", "language", "intent", "text", "was taken for")
        rows = [
            (each.ids[0], len(each.ids), ", ".join(each.kinds), each.language, each.intent or "?", each.text, shown)
            for each in found
            for shown in [", ".join(each.shown)]
        ]
        print(tabulate(rows, headers=headers, disable_numparse=True))


def _accept(options: argparse.Namespace) -> None:
    for example in accept(ticket_store(), get_settings().data_dir / "nlu", options.ids, options.intent):
        print(f"{example.path}: {example.intent}: {example.text}")
    print("`make train` learns them; look at them with `git diff` first.")


def _reject(options: argparse.Namespace) -> None:
    reject(ticket_store(), get_settings().data_dir / "nlu", options.ids)
    print(f"{len(options.ids)} dropped")
