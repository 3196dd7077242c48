"""The commands `python -m bot review ...`: list, accept, reject, undo and import candidates for training phrases.

Two more commands test a model: on the messages that are kept for measuring, and on the conversations that are kept.
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from tabulate import tabulate

from bot.command_line import Command, print_json, reported
from bot.phrases.files import test_files
from bot.phrases.groups import grouped, score
from bot.phrases.model import DISPUTED, NEW, Candidate, ReviewError
from bot.phrases.review import Review, Taken
from bot.regression.items import RegressionError
from bot.settings import get_settings
from bot.tickets import ticket_store
from bot.tickets.commands import add_verb


def add_commands(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `review` and `review accept`, `reject`, `undo`, `import`, `measure`, `conversations`."""
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
    told = "take messages from elsewhere as candidates"
    importing = add_verb(verbs, "import", told, _with_model(_import), json_option)
    importing.add_argument("file", type=Path, metavar="FILE", help="TSV: language, text, perhaps what it was taken for")
    told = "share of the test share that a model understands"
    measuring = add_verb(verbs, "measure", told, _with_model(_measure), json_option)
    importing.add_argument("--model", type=Path, help="let this model say how sure it is of each, for the order")
    told = "play the conversations that reviewers keep on a model; exit code 1 where a turn went wrong"
    playing = add_verb(verbs, "conversations", told, _with_model(_play), json_option)
    for each in (measuring, playing):
        each.add_argument("--model", type=Path, required=True, help="the trained model")


def _with_model(command: Command) -> Command:
    return reported(command, RegressionError, code=1, prefix="error: ")


def _review() -> Review:
    return Review(ticket_store(), get_settings())


def _list(options: argparse.Namespace) -> None:
    found = [each for each in _review().candidates() if options.language in (None, each.language)]
    groups = grouped([each for each in found if each.state == NEW])
    numbered = [(number, each) for number, group in enumerate(groups, start=1) for each in group.candidates]
    disputed = [each for each in found if each.state == DISPUTED]
    if options.json:
        waiting = [{**asdict(each), "score": score(each), "group": number} for number, each in numbered]
        print_json([*waiting, *({**asdict(each), "score": score(each), "group": None} for each in disputed)])
        return
    if not found or not (numbered or disputed):
        print("nothing to review")
    if numbered:
        headers = ("group", "score", "id", "times", "from", "language", "intent", "text", "was taken for")
        rows = [(number, f"{score(each):.2f}", *_row(each), ", ".join(each.shown)) for number, each in numbered]
        print(tabulate(rows, headers=headers, disable_numparse=True))
    if disputed:
        print("\nReviewers differ; the next decision here settles it:")
        told = ["; ".join(f"{one.agent}: {one.intent or one.verdict}" for one in each.decisions) for each in disputed]
        differing = [(*_row(each), decided) for each, decided in zip(disputed, told, strict=True)]
        headers_of = ("id", "times", "from", "language", "intent", "text", "decided")
        print(tabulate(differing, headers=headers_of, disable_numparse=True))


def _row(each: Candidate) -> tuple[Any, ...]:
    return each.ids[0], len(each.ids), ", ".join(each.kinds), each.language, each.intent or "?", each.text


def _accept(options: argparse.Namespace) -> None:
    taken = _review().accept(options.ids, options.intent)
    _print_taken(taken, options)
    if not options.json and any(each.path and each.path.suffix == ".yml" for each in taken):
        print("`make train` learns them; look at them with `git diff` first.")


def _reject(options: argparse.Namespace) -> None:
    _print_taken(_review().reject(options.ids), options)


def _undo(options: argparse.Namespace) -> None:
    _print_taken(_review().undo(), options)


def _print_taken(taken: Sequence[Taken], options: argparse.Namespace) -> None:
    if options.json:
        rows = [(each.candidate.ids[0], each.state, each.intent, each.path) for each in taken]
        print_json([dict(zip(("id", "state", "intent", "file"), row, strict=True)) for row in rows])
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


def _measure(options: argparse.Namespace) -> None:
    from bot.regression.steps import ModelUnderTest, reviewed

    folder = get_settings().review_dir
    if not test_files(folder):
        raise ReviewError(f"{folder / 'test'} has no messages yet; accept some (docs/tickets.md#review).")
    items = list(reviewed(ModelUnderTest(_existing(options.model), folder, folder)))
    of = Counter(name for each in items for name in (each.language, "all"))
    right = Counter(name for each in items if each.right for name in (each.language, "all"))
    names = [*sorted(of.keys() - {"all"}), "all"]
    if options.json:
        print_json({name: {"understood": right[name], "of": of[name]} for name in names})
        return
    rows = [(name, right[name], of[name], f"{100 * right[name] / of[name]:.1f}") for name in names]
    print(tabulate(rows, headers=("language", "understood", "of", "%"), disable_numparse=True))


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
