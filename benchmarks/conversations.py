"""Plays the written conversations on the trained bot: what customers type after the first message.

python -m benchmarks.conversations [--half dev|held_out] [--languages nb en] [--model FILE] [--wrong FILE]

Prints how many turns brought about what they were to, by act, state and language. `--wrong` writes the others down;
look at those of `dev` only.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from bot.regression.conversations import WRITTEN, Heard, read_conversations
from bot.regression.player import play
from bot.settings import PROJECT_ROOT
from bot.training import train


def main(arguments: Sequence[str] | None = None) -> int:
    """Plays and prints; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.conversations", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--half", choices=("dev", "held_out"), default="dev")
    parser.add_argument("--languages", nargs="+")
    parser.add_argument("--model", type=Path, help="the trained model; without it, that of the present content")
    parser.add_argument("--wrong", type=Path, help="where to write the turns that went wrong")
    options = parser.parse_args(arguments)
    heard = _play(options.half, options.languages, options.model)
    _print(heard)
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


def _play(half: str, languages: list[str] | None, model: Path | None) -> list[Heard]:
    """Plays the conversations of a half, all or those in some languages."""
    scripts = [script for script in read_conversations(WRITTEN / half) if not languages or script.language in languages]
    return play(model or train(PROJECT_ROOT), scripts)


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
