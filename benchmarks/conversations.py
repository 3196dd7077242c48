"""Plays the written conversations on the trained bot: what customers type after the first message.

python -m benchmarks.conversations [--half dev|held_out] [--languages nb en] [--model FILE] [--wrong FILE]

Prints how many turns brought about what they were to, by act, state and language. `--wrong` writes the others down;
look at those of `dev` only.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Sequence
from operator import attrgetter
from pathlib import Path

from tabulate import tabulate

from bot.regression.conversations import WRITTEN, Heard, play, read_conversations
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
    scripts = read_conversations(WRITTEN / options.half)
    scripts = [one for one in scripts if not options.languages or one.language in options.languages]
    heard = play(options.model or train(PROJECT_ROOT), scripts)
    _print(heard)
    if options.wrong:
        wrong = [one for one in heard if not one.right or one.repeated]
        lines = (
            f"{one.script.language}-{one.script.number} {one.turn.state} {one.turn.act} {one.turn.value}"
            f" -> {one.intent}{' REPEATED' if one.repeated else ''} | {one.turn.says}"
            f" | {' / '.join(one.replies)[:160]!r}"
            for one in sorted(wrong, key=lambda one: (one.turn.act, one.script.language))
        )
        options.wrong.write_text("\n".join(lines), encoding="utf8")
    return 0


def _print(heard: Sequence[Heard]) -> None:
    follow_ups = [one for one in heard if one.turn.state != "first"]
    for name in ("turn.act", "turn.state", "script.language"):
        key = attrgetter(name)
        right, total = Counter(key(one) for one in follow_ups if one.right), Counter(map(key, follow_ups))
        rows = [(value, right[value], of, f"{100 * right[value] / of:.0f}") for value, of in sorted(total.items())]
        print(f"\n{tabulate(rows, (name.split('.')[1], 'right', 'of', '%'), tablefmt='github')}")
    first = [one for one in heard if one.turn.state == "first"]
    rights = sum(one.right for one in follow_ups)
    print(f"\ntyped follow-ups right: {rights} of {len(follow_ups)} ({100 * rights / len(follow_ups):.1f} %)")
    print(f"first messages right: {sum(one.right for one in first)} of {len(first)}")
    print(f"the same text twice: {sum(one.repeated for one in follow_ups)}")
    thanks = [one for one in follow_ups if one.turn.act == "thank"]
    print(f"apologies to thanks: {sum(one.apologised for one in thanks)} of {len(thanks)}")
    outside = [one for one in heard if one.turn.act == "out_of_scope"]
    print(f"forced topics: {sum(one.forced for one in outside)} of {len(outside)}")


if __name__ == "__main__":
    sys.exit(main())
