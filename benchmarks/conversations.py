"""Plays the written conversations on the trained bot: what customers type after the first message.

python -m benchmarks.conversations [--half dev|held_out] [--languages nb en] [--model FILE] [--wrong FILE]
    [--results FILE]

Prints how many turns brought about what they were to, by act, state and language. `--wrong` writes the others down;
look at those of `dev` only. `--results` keeps every verdict, for the nightly run.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import os
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bot.settings import PROJECT_ROOT

if TYPE_CHECKING:
    from bot.regression.conversations import Heard

FOLDER = PROJECT_ROOT / "tests" / "conversations" / "written"


def main(arguments: Sequence[str] | None = None) -> int:
    """Plays and prints; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.conversations", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--half", choices=("dev", "held_out"), default="dev")
    parser.add_argument("--languages", nargs="+")
    parser.add_argument("--model", type=Path, help="the trained model; without it, that of the present content")
    parser.add_argument("--wrong", type=Path, help="where to write the turns that went wrong")
    parser.add_argument("--results", type=Path, help="where to keep the verdict on each typed follow-up, as JSON")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["BOT_TICKETS_DATABASE"] = f"sqlite:///{folder}/tickets.db"
        heard = asyncio.run(_play(options.half, options.languages, options.model))
    _print(heard)
    if options.results:
        rows = [
            {
                "language": one.script.language,
                "act": one.turn.act,
                "text": one.turn.says,
                "expected": one.turn.value or one.turn.act,
                "got": one.intent + " once more" * one.repeated + " with an apology" * one.apologised,
                "right": one.right and not one.repeated and not one.apologised,
            }
            for one in heard
            if one.turn.state != "first"
        ]
        options.results.write_text(json.dumps(rows, ensure_ascii=False), encoding="utf8")
    if options.wrong:
        wrong = sorted(
            (one for one in heard if not one.right or one.repeated), key=lambda one: (one.turn.act, one.script.language)
        )
        lines = (
            f"{one.script.language}-{one.script.number} {one.turn.state} {one.turn.act} {one.turn.value}"
            f" -> {one.intent}{' REPEATED' if one.repeated else ''} | {one.turn.says}"
            f" | {' / '.join(one.replies)[:160]!r}"
            for one in wrong
        )
        options.wrong.write_text("\n".join(lines), encoding="utf8")
    return 0


async def _play(half: str, languages: list[str] | None, model: Path | None) -> list[Heard]:
    """Plays the conversations of a half, all or those in some languages."""
    import structlog

    from bot.regression.conversations import play_all, read_conversations
    from bot.training import train

    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    scripts = read_conversations(FOLDER / half)
    chosen = [script for script in scripts if not languages or script.language in languages]
    return await play_all(model or train(PROJECT_ROOT), chosen)


def _print(heard: Sequence[Heard]) -> None:
    follow_ups = [one for one in heard if one.turn.state != "first"]
    for title, key in (
        ("act", lambda one: one.turn.act),
        ("state", lambda one: one.turn.state),
        ("language", lambda one: one.script.language),
    ):
        print(f"\n| {title} | right | of | % |\n| --- | --- | --- | --- |")
        for name, ones in sorted(_grouped(follow_ups, key).items()):
            right = sum(one.right for one in ones)
            print(f"| {name} | {right} | {len(ones)} | {100 * right / len(ones):.0f} |")
    first = [one for one in heard if one.turn.state == "first"]
    right = sum(one.right for one in follow_ups)
    print(f"\ntyped follow-ups right: {right} of {len(follow_ups)} ({100 * right / len(follow_ups):.1f} %)")
    print(f"first messages right: {sum(one.right for one in first)} of {len(first)}")
    print(f"the same text twice: {sum(one.repeated for one in follow_ups)}")
    thanks = [one for one in follow_ups if one.turn.act == "thank"]
    print(f"apologies to thanks: {sum(one.apologised for one in thanks)} of {len(thanks)}")
    outside = [one for one in heard if one.turn.act == "out_of_scope"]
    print(f"forced topics: {sum(one.forced for one in outside)} of {len(outside)}")


def _grouped(heard: Iterable[Heard], key: Callable[[Heard], str]) -> dict[str, list[Heard]]:
    groups: dict[str, list[Heard]] = defaultdict(list)
    for one in heard:
        groups[key(one)].append(one)
    return groups


if __name__ == "__main__":
    sys.exit(main())
