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
    parser.set_defaults(handler=lambda options: reported(lambda: _list(options)))
    verbs = parser.add_subparsers(dest="review_verb", metavar="COMMAND")
    accepting = verbs.add_parser("accept", help="take candidates into data/nlu/<language>/reviewed.yml")
    accepting.add_argument("ids", nargs="+", type=int, metavar="ID")
    accepting.add_argument("--intent", help="what they are to be understood as; needed where nobody has said")
    accepting.set_defaults(handler=lambda options: reported(lambda: _accept(options)))
    rejecting = verbs.add_parser("reject", help="drop candidates")
    rejecting.add_argument("ids", nargs="+", type=int, metavar="ID")
    rejecting.set_defaults(handler=lambda options: reported(lambda: _reject(options)))


def _list(options: argparse.Namespace) -> int:
    found = candidates(ticket_store(), get_settings().data_dir / "nlu")
    if options.language:
        found = [candidate for candidate in found if candidate.language == options.language]
    if options.json:
        print(json.dumps([asdict(candidate) for candidate in found], ensure_ascii=False, indent=2))
    elif not found:
        print("nothing to review")
    else:
        rows = [
            (item.ids[0], len(item.ids), ", ".join(item.kinds), item.language, item.intent or "?", item.text, taken)
            for item in found
            for taken in [", ".join(item.shown)]
        ]
        headers = ("id", "times", "from", "language", "intent", "text", "was taken for")
        print(tabulate(rows, headers=headers, disable_numparse=True))
    return 0


def _accept(options: argparse.Namespace) -> int:
    taken = accept(ticket_store(), get_settings().data_dir / "nlu", options.ids, options.intent)
    for example in taken:
        print(f"{example.path}: {example.intent}: {example.text}")
    print("`make train` learns them; look at them with `git diff` first.")
    return 0


def _reject(options: argparse.Namespace) -> int:
    reject(ticket_store(), get_settings().data_dir / "nlu", options.ids)
    print(f"{len(options.ids)} dropped")
    return 0
