"""The commands `python -m bot review ...`: list, accept, reject, undo and import candidates for training phrases.

One more plays the conversations that reviewers keep on a model.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from tabulate import tabulate

from bot.command_line import print_json
from bot.phrases.groups import grouped, score
from bot.phrases.model import DISPUTED, NEW, Candidate, ReviewError
from bot.phrases.review import Review, Taken
from bot.settings import get_settings
from bot.tickets import ticket_store
from bot.tickets.commands import add_verb

_COLUMNS = ("id", "times", "from", "language", "intent", "text")


def add_commands(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `review` and `review accept`, `reject`, `undo`, `import`, `conversations`."""
    summary = "messages that may become training phrases, the most informative first"
    parser = add_verb(subparsers, "review", summary, _list)
    json_option = argparse.ArgumentParser(add_help=False)
    # Without a default here, that of a subcommand would undo what was said before it.
    json_option.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print JSON")
    parser.add_argument("--language", help="only this language")
    parser.add_argument("--json", action="store_true", help="print JSON")
    verbs = parser.add_subparsers(dest="review_verb", metavar="COMMAND")
    accepting = add_verb(verbs, "accept", "take candidates into the training phrases", _accept, json_option)
    rejecting = add_verb(verbs, "reject", "drop candidates", _reject, json_option)
    for each in (accepting, rejecting):
        each.add_argument("ids", nargs="+", type=int, metavar="ID")
    accepting.add_argument("--intent", help="what they are to be understood as; needed where nobody has said")
    add_verb(verbs, "undo", "undo the last decision of this command", _undo, json_option)
    importing = add_verb(verbs, "import", "take messages from elsewhere as candidates", _import, json_option)
    importing.add_argument("file", type=Path, metavar="FILE", help="TSV: language, text, perhaps what it was taken for")
    importing.add_argument("--model", type=Path, help="let this model say how sure it is of each, for the order")
    about = "play the conversations that reviewers keep on a model; exit code 1 where a turn went wrong"
    playing = add_verb(verbs, "conversations", about, _play, json_option)
    playing.add_argument("--model", type=Path, required=True, help="the trained model")


def _review() -> Review:
    return Review(ticket_store(), get_settings())


def _list(options: argparse.Namespace) -> None:
    found = [each for each in _review().candidates() if options.language in (None, each.language)]
    groups = grouped([each for each in found if each.state == NEW])
    numbered = [(number, each) for number, group in enumerate(groups, start=1) for each in group.candidates]
    disputed = [each for each in found if each.state == DISPUTED]
    if options.json:
        listed = [*numbered, *((None, each) for each in disputed)]
        print_json([{**asdict(each), "score": score(each), "group": number} for number, each in listed])
        return
    if not numbered and not disputed:
        print("nothing to review")
    if numbered:
        rows = [(number, f"{score(each):.2f}", *_row(each), ", ".join(each.shown)) for number, each in numbered]
        print(tabulate(rows, ("group", "score", *_COLUMNS, "was taken for"), disable_numparse=True))
    if disputed:
        print("\nReviewers differ; the next decision here settles it:")
        decisions = [
            "; ".join(f"{one.agent}: {one.intent or one.verdict}" for one in each.decisions) for each in disputed
        ]
        rows = [(*_row(each), decided) for each, decided in zip(disputed, decisions, strict=True)]
        print(tabulate(rows, (*_COLUMNS, "decided"), disable_numparse=True))


def _row(each: Candidate) -> tuple[Any, ...]:
    return each.ids[0], len(each.ids), ", ".join(each.kinds), each.language, each.intent or "?", each.text


def _accept(options: argparse.Namespace) -> None:
    taken = _review().accept(options.ids, options.intent)
    _show(taken, options)
    if not options.json and any(each.path and each.path.suffix == ".yml" for each in taken):
        print("`make train` learns them; look at them with `git diff` first.")


def _reject(options: argparse.Namespace) -> None:
    _show(_review().reject(options.ids), options)


def _undo(options: argparse.Namespace) -> None:
    _show(_review().undo(), options)


def _show(taken: Sequence[Taken], options: argparse.Namespace) -> None:
    rows = [{"id": one.candidate.ids[0], "state": one.state, "intent": one.intent, "file": one.path} for one in taken]
    if options.json:
        print_json(rows)
        return
    for each in taken:
        where = f"{each.path}: {each.intent}" if each.path else each.state
        print(f"{each.candidate.ids[0]}: {where}: {each.candidate.text}")


def _import(options: argparse.Namespace) -> None:
    taken, known = _review().import_file(options.file, options.model and partial(_rankings, options.model))
    if options.json:
        print_json({"taken": taken, "known": known})
    else:
        print(f"{taken} messages taken as candidates; {known} more were there already, or have no words")


def _rankings(model: Path, texts: Sequence[str]) -> list[list[tuple[str, float]]]:
    """Returns for each text the intents that a model finds likeliest, with their confidences."""
    from bot.regression.measure import NluModel

    found = NluModel(_existing(model)).parse(texts)
    rankings = [[each for each in one["intent_ranking"] if each["name"] != "nlu_fallback"] for one in found]
    return [[(each["name"], round(each["confidence"], 4)) for each in ranking[:5]] for ranking in rankings]


def _play(options: argparse.Namespace) -> int:
    from bot.regression.conversations import play, read_conversations

    folder = get_settings().review_dir / "conversations"
    if not any(folder.glob("*.yml")):
        raise ReviewError(f"{folder} has no conversations yet; the desk's tickets have a button (docs/desk.md#review).")
    heard = play(_existing(options.model), read_conversations(folder))
    wrong = [each for each in heard if not each.right]
    columns = ("language", "conversation", "says", "expected", "got")
    rows = [
        (one.script.language, one.script.number + 1, one.turn.says, one.turn.value or one.turn.act, one.intent)
        for one in wrong
    ]
    if options.json:
        listed = [dict(zip(columns, row, strict=True)) for row in rows]
        print_json({"right": len(heard) - len(wrong), "of": len(heard), "wrong": listed})
    else:
        print(tabulate(rows, headers=columns, disable_numparse=True) if rows else "all as expected")
        print(f"{len(heard) - len(wrong)} of {len(heard)} turns right")
    return int(bool(wrong))


def _existing(model: Path) -> Path:
    if not model.is_file():
        raise ReviewError(f"there is no model {model}; `make train` makes one in models/.")
    return model
