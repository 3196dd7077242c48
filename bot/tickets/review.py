"""The command `python -m bot review`: lists what may become a training phrase, and takes it into the data or drops it.

Candidates come from agents' corrections, from answers to "A or B?" and from messages that were not understood.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from tabulate import tabulate

from bot.articles.examples import Example, ExampleError, read_as_rasa, read_examples
from bot.articles.issues import load_issues
from bot.files import written_whole
from bot.settings import get_settings
from bot.tickets import ticket_store
from bot.tickets.commands import add_verb, print_json
from bot.tickets.store import TicketStore

FILE = "reviewed.yml"


class ReviewError(ValueError):
    """A candidate cannot be taken; the message says why and what to do."""


def add_commands(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `review`, `review accept` and `review reject`."""
    summary = "corrections, chosen clarifications and fallbacks, as candidates for training data"
    parser = add_verb(subparsers, "review", summary, _list)
    parser.add_argument("--language", help="only this language")
    parser.add_argument("--json", action="store_true", help="print JSON")
    verbs = parser.add_subparsers(dest="review_verb", metavar="COMMAND")
    accepting = add_verb(verbs, "accept", "take candidates into data/nlu/<language>/reviewed.yml", _accept)
    rejecting = add_verb(verbs, "reject", "drop candidates", _reject)
    for each in (accepting, rejecting):
        each.add_argument("ids", nargs="+", type=int, metavar="ID")
    accepting.add_argument("--intent", help="what they are to be understood as; needed where nobody has said")


@dataclass(frozen=True)
class Candidate:
    """One phrase to decide on; what was recorded several times is one candidate.

    Args:
        ids: of everything recorded that says the same; the first names the candidate.
        kinds: `correction`, `choice` and `fallback`, as recorded.
        text: what the customer wrote, without what only concerns the customer.
        language: of the text.
        intent: what it should be understood as, None if nobody has said.
        shown: what the bot took it for.
    """

    ids: tuple[int, ...]
    kinds: tuple[str, ...]
    text: str
    language: str
    intent: str | None
    shown: tuple[str, ...]


def candidates(store: TicketStore, folder: Path) -> list[Candidate]:
    """Returns what waits for a decision, by language and intent; what is a training phrase already is left out.

    Args:
        store: the ticket store.
        folder: the training phrases, `data/nlu`.
    """
    known = {(example.language, _key(example.text)) for example in read_examples(folder)}
    groups: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for row in store.candidates():
        key = (row["language"], row["intent"] or "", _key(row["text"]))
        if (key[0], key[2]) not in known and key[2]:
            groups.setdefault(key, []).append(row)
    return [_candidate(groups[key]) for key in sorted(groups, key=lambda key: (key[0], key[1] == "", key[1]))]


def accept(store: TicketStore, folder: Path, ids: Sequence[int], intent: str | None = None) -> list[Example]:
    """Takes candidates into `<folder>/<language>/reviewed.yml`; the next training learns them.

    Args:
        store: the ticket store.
        folder: the training phrases, `data/nlu`.
        ids: the candidates' first ids.
        intent: what they are to be understood as; None keeps what each one says.

    Returns:
        The phrases taken.

    Raises:
        ReviewError: there is no such candidate, it has no intent, the intent is unknown, or Rasa could not read the
            phrase in a file; nothing is taken.
    """
    chosen = _chosen(store, folder, ids)
    examples = read_examples(folder)
    intents = {*load_issues(), *(example.intent for example in examples)}
    taken: list[Example] = []
    for candidate in chosen:
        name = intent or candidate.intent
        if name is None:
            raise ReviewError(f"candidate {candidate.ids[0]} has no intent; name one with --intent.")
        if name not in intents:
            raise ReviewError(f"{name!r} is no intent; see data/issues.yml and data/nlu/en/dialogue.yml.")
        example = Example(candidate.text, name, candidate.language, folder / candidate.language / FILE)
        remedy = f"drop candidate {candidate.ids[0]} with `python -m bot review reject {candidate.ids[0]}`"
        _readable_content([example], remedy)
        taken.append(example)
    with ExitStack() as files:  # all are written before the first takes its place
        for path in sorted({example.path for example in taken}):
            phrases = [example for example in (*examples, *taken) if example.path == path]
            content = _readable_content(phrases, f"look at {path}")
            path.parent.mkdir(parents=True, exist_ok=True)
            files.enter_context(written_whole(path)).write(content.encode())
    store.settle([identity for candidate in chosen for identity in candidate.ids], "accepted")
    return taken


def reject(store: TicketStore, folder: Path, ids: Sequence[int]) -> None:
    """Drops candidates; they are not shown again.

    Raises:
        ReviewError: there is no such candidate; nothing is dropped.
    """
    chosen = _chosen(store, folder, ids)
    store.settle([identity for candidate in chosen for identity in candidate.ids], "rejected")


def _chosen(store: TicketStore, folder: Path, ids: Sequence[int]) -> list[Candidate]:
    waiting = {candidate.ids[0]: candidate for candidate in candidates(store, folder)}
    missing = [str(identity) for identity in ids if identity not in waiting]
    if missing:
        raise ReviewError(f"no candidate {', '.join(missing)}; `python -m bot review` lists them.")
    return [waiting[identity] for identity in dict.fromkeys(ids)]


def _candidate(rows: list[dict[str, Any]]) -> Candidate:
    ids = tuple(row["id"] for row in rows)
    kinds = tuple(dict.fromkeys(row["kind"] for row in rows))
    shown = tuple(dict.fromkeys(intent for row in rows for intent in row["shown"]))
    return Candidate(ids, kinds, rows[0]["text"], rows[0]["language"], rows[0]["intent"], shown)


def _key(text: str) -> str:
    return " ".join(re.sub(r"[^\w\s]", " ", text.casefold()).split())


def _readable_content(examples: Sequence[Example], remedy: str) -> str:
    """Returns the content of a file of phrases in the format of the other ones.

    Raises:
        ReviewError: Rasa would read something else, or nothing; the message ends with the remedy.
    """
    lines = ['version: "3.1"', "", "nlu:"]
    for intent in dict.fromkeys(example.intent for example in examples):
        texts = dict.fromkeys(example.text for example in examples if example.intent == intent)
        lines += [f"- intent: {intent}", "  metadata:", f"    language: {examples[0].language}", "  examples: |"]
        lines += [f"    - {text}" for text in texts]
        lines.append("")
    content = "\n".join(lines)
    try:
        read = read_as_rasa(content, examples[0].path)
    except ExampleError as error:
        raise ReviewError(f"{error} Nothing was written; {remedy}.") from error
    changed = {(each.intent, each.text) for each in examples} ^ {(each.intent, each.text) for each in read}
    if changed:
        shown = ", ".join(ascii(text) for _, text in sorted(changed))
        raise ReviewError(
            f"{examples[0].path}: Rasa would read other phrases ({shown}). Nothing was written; {remedy}."
        )
    return content


def _list(options: argparse.Namespace) -> None:
    found = candidates(ticket_store(), get_settings().data_dir / "nlu")
    if options.language:
        found = [candidate for candidate in found if candidate.language == options.language]
    if options.json:
        print_json([asdict(candidate) for candidate in found])
    elif not found:
        print("nothing to review")
    else:
        headers = ("id", "times", "from", "language", "intent", "text", "was taken for")
        rows = [
            (one.ids[0], len(one.ids), ", ".join(one.kinds), one.language, one.intent or "?", one.text, shown)
            for one in found
            for shown in [", ".join(one.shown)]
        ]
        print(tabulate(rows, headers=headers, disable_numparse=True))


def _accept(options: argparse.Namespace) -> None:
    for example in accept(ticket_store(), get_settings().data_dir / "nlu", options.ids, options.intent):
        print(f"{example.path}: {example.intent}: {example.text}")
    print("`make train` learns them; look at them with `git diff` first.")


def _reject(options: argparse.Namespace) -> None:
    reject(ticket_store(), get_settings().data_dir / "nlu", options.ids)
    print(f"{len(options.ids)} dropped")
