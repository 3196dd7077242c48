"""Measures whether follow-up questions get the passage that answers them.

python -m benchmarks.passages [--model FILE] [--languages nb en] [--turns | --first]

The questions (`tests/conversations/questions/<lang>.tsv`) are by writers who saw no article and no training data;
others named the passages that answer them (`answered`: 2 wholly, 1 in part, 0 not at all). Each is asked after the
steps of its issue. With `--turns` they are what customers typed in the middle of played conversations
(`tests/conversations/turns.tsv`), asked where they were typed; those of other conversations are learned from
(`data/turns.tsv`). With `--first` they are the first messages of others, of which readers named the
issues and the passages that a good agent would answer with (`tests/conversations/first_messages.tsv`).
"""

from __future__ import annotations

import argparse
import asyncio
import csv
import logging
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import structlog
from rasa.core.agent import Agent
from rasa.core.channels.channel import UserMessage
from rasa.shared.core.events import ActionExecuted, BotUttered, SlotSet, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker
from tabulate import tabulate

from bot import rasa_patches
from bot.settings import PROJECT_ROOT
from bot.training import train

_QUESTIONS = PROJECT_ROOT / "tests" / "conversations" / "questions"
_TURNS = PROJECT_ROOT / "tests" / "conversations" / "turns.tsv"
_FIRST = PROJECT_ROOT / "tests" / "conversations" / "first_messages.tsv"


@dataclass(frozen=True)
class Asked:
    """A question, and what the bot would answer it with."""

    language: str
    wants: str
    """A passage (`ask`), an issue's steps (`steps`), or what we do not have (`outside`)."""
    answered: int
    right: frozenset[str]
    """Passages that answer it, as `issue/slug`, and issues whose steps do, as `issue/`."""
    intent: str
    shown: str
    """The passage that is shown; empty for none."""
    offered: frozenset[str]
    """Those on buttons, beside it or alone."""

    @property
    def issue_right(self) -> bool:
        """True where the issue is one of those named."""
        return self.intent in {name.partition("/")[0] for name in self.right}

    @property
    def outcome(self) -> str:
        """Which of `right`, `offered`, `wrong`, `no passage` it is."""
        if self.shown in self.right:
            return "right"
        if self.right & self.offered:
            return "offered"
        return "wrong" if self.shown or self.offered else "no passage"


def main(arguments: Sequence[str] | None = None) -> int:
    """Asks all questions and prints; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.passages", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--model", type=Path, help="the trained model; without it, that of the present content")
    parser.add_argument("--languages", nargs="+")
    which = parser.add_mutually_exclusive_group()
    which.add_argument("--turns", action="store_true", help="what was typed in played conversations")
    which.add_argument("--first", action="store_true", help="first messages of played conversations")
    options = parser.parse_args(arguments)
    files = [_TURNS] if options.turns else [_FIRST] if options.first else _questions()
    found = asyncio.run(ask_all(options.model or train(PROJECT_ROOT), files))
    asked = [one for one in found if not options.languages or one.language in options.languages]
    if options.first:
        print(f"issue right: {sum(one.issue_right for one in asked)} of {len(asked)}")
        _print("first messages that a passage answers best", [one for one in asked if one.wants == "ask"])
        return 0
    for answered, name in ((2, "answered wholly"), (1, "answered in part"), (0, "answered by none")):
        _print(name, [one for one in asked if one.answered == answered])
    _print("all that a passage answers", [one for one in asked if one.answered])
    return 0


def _print(name: str, asked: Sequence[Asked]) -> None:
    outcomes = ("right", "offered", "wrong", "no passage")
    rows = []
    for language in (*sorted({one.language for one in asked}), "all"):
        found = [one.outcome for one in asked if language in (one.language, "all")]
        rows.append([language, len(found), *(f"{100 * found.count(each) / len(found):.0f}" for each in outcomes)])
    print(f"\n{tabulate(rows, (name, 'of', *(f'{each}, %' for each in outcomes)), tablefmt='github')}")


async def ask_all(model: Path, files: Sequence[Path]) -> list[Asked]:
    """Asks every question of some files on a trained model."""
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    rasa_patches.install()
    agent = Agent.load(str(model))
    assert agent.processor is not None
    found = []
    for language, row in _rows(files):
        tracker = DialogueStateTracker.from_events("asked", list(_answered(row, language)))
        parsed = await agent.processor.parse_message(UserMessage(row["message"]), tracker)
        values = {one["entity"]: str(one["value"]) for one in parsed["entities"]}
        shown = f"{values['about']}/{values['section']}" if values.get("section") else ""
        right = frozenset(row["passages"].split())
        waiting = values.get("waiting_passage", "").split()  # of these, the customer's product decides
        shown = next((name for name in waiting if name in right), next(iter(waiting), shown))
        found.append(
            Asked(
                language=language,
                wants=row.get("wants", "ask"),
                answered=int(row["answered"]),
                right=right,
                intent=str(parsed["intent"]["name"]),
                shown=shown,
                offered=frozenset(values.get("passages", "").split()),
            )
        )
    return found


def _questions() -> list[Path]:
    return sorted(_QUESTIONS.glob("*.tsv"))


def _rows(files: Sequence[Path]) -> Iterator[tuple[str, dict[str, str]]]:
    """Yields the language and the row of each question; turns that ask nothing are left out."""
    for path in files:
        with path.open(encoding="utf8", newline="") as file:
            for row in csv.DictReader(file, delimiter="\t", quoting=csv.QUOTE_NONE):
                if row.get("wants", "ask") in ("ask", "outside") or path == _FIRST:
                    yield row.get("language", path.stem), row


def _answered(row: dict[str, str], language: str) -> Iterator[SlotSet | ActionExecuted | BotUttered | UserUttered]:
    """Yields the events of a conversation in which the steps of an issue, and maybe some passages, were shown.

    Before a first message nothing was.
    """
    yield from (ActionExecuted("action_listen"), SlotSet("language", language))
    for issue in (*reversed(row.get("earlier", "").split()), *row.get("issue", "").split()):
        yield ActionExecuted("action_listen")
        yield UserUttered("", {"name": issue})
        yield from (SlotSet("issue", issue), SlotSet("product", row["product"] or None))
        yield BotUttered("...")
    for passage in row.get("given", "").split():
        about, _, section = passage.partition("/")
        named = [{"entity": "about", "value": about}, {"entity": "section", "value": section}]
        yield UserUttered("", {"name": "more_detail"}, named)
        yield BotUttered("...")
    yield ActionExecuted("action_listen")


if __name__ == "__main__":
    sys.exit(main())
