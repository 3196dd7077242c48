"""Measures a model on messages that real people wrote and on held-out ones in their style.

python -m benchmarks.people [--model FILE] [--plain] [--store FILE] [--against FILE]

Beside the model stands a plain scikit-learn classifier that learned from the same phrases (`--plain`, two minutes). A
stored run holds numbers and intents only, no text.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.held_out import share
from benchmarks.people.figures import FIGURES, Answer, interval, is_accepted, paired
from benchmarks.people.messages import DEV, LabelledMessage, read_people, read_real_style
from benchmarks.people.systems import ask_model, ask_plain

Run = Mapping[str, Answer]
"""Key of a message -> the answer to it."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and prints; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.people", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--model", type=Path, help="a trained model; else that of this data, trained if needed")
    parser.add_argument("--plain", action="store_true", help="a plain scikit-learn classifier beside it")
    parser.add_argument("--store", type=Path, metavar="FILE", help="keep what the model said for later comparisons")
    parser.add_argument("--against", type=Path, metavar="FILE", help="compare with a stored run, message by message")
    parser.add_argument("--messages", type=Path, default=DEV, metavar="FILE", help="the labelled messages")
    options = parser.parse_args(arguments)
    try:
        people = read_people(options.messages)
    except FileNotFoundError:
        print(f"error: the messages are not on this machine ({options.messages}).", file=sys.stderr)
        return 2
    real_style = read_real_style()
    messages = [*people, *real_style]
    for path in (options.model, options.against):
        if path and not path.is_file():
            print(f"error: {path}: there is no such file.", file=sys.stderr)
            return 2
    runs: dict[str, Run] = {"the bot": _run(messages, ask_model(messages, options.model))}
    if options.plain:
        runs["plain"] = _run(messages, ask_plain(messages))
    if options.against:
        runs["stored run"] = _stored(options.against)
    _print_people(people, runs)
    _print_real_style(real_style, runs)
    for name in set(runs) - {"the bot"}:
        for title, part in (("people", people), ("real style", real_style)):
            now, before = ([(one, runs[which][one.key]) for one in part] for which in ("the bot", name))
            print(f"\n{title}, the bot against {name}:", *paired(now, before), sep="\n  ")
    if options.store:
        kept = {key: asdict(answer) for key, answer in runs["the bot"].items()}
        options.store.write_text(json.dumps(kept, indent=0), encoding="utf8")
    return 0


def _run(messages: Sequence[LabelledMessage], answers: Sequence[Answer]) -> Run:
    return {message.key: answer for message, answer in zip(messages, answers, strict=True)}


def _stored(path: Path) -> Run:
    stored = json.loads(path.read_text(encoding="utf8"))
    return {key: Answer(**{**answer, "offered": tuple(answer["offered"])}) for key, answer in stored.items()}


def _print_people(people: Sequence[LabelledMessage], runs: Mapping[str, Run]) -> None:
    print(
        f"\n{len(people)} messages that people wrote, {sum(one.in_scope for one in people)} in scope; 95 % intervals\n"
    )
    print("| figure |", " | ".join(runs), "|")
    print("|---|" + "---|" * len(runs))
    for name, measure in FIGURES.items():
        cells = []
        for run in runs.values():
            asked = [(one, run[one.key]) for one in people]
            low, high = interval(asked, measure)
            cells.append(f"{100 * measure(asked):.1f} [{100 * low:.1f}, {100 * high:.1f}]")
        print(f"| {name} |", " | ".join(cells), "|")


def _print_real_style(messages: Sequence[LabelledMessage], runs: Mapping[str, Run]) -> None:
    print(f"\n{len(messages)} held-out messages in their style: issues as it acts / forced / out of scope found\n")
    print("| language |", " | ".join(runs), "|")
    print("|---|" + "---|" * len(runs))
    languages = sorted({one.language for one in messages})
    for language in (*languages, "all"):
        cells = []
        for run in runs.values():
            asked = [(one, run[one.key]) for one in messages if language in (one.language, "all")]
            acts = [is_accepted(message, answer.intent) for message, answer in asked if message.in_scope]
            forced = [is_accepted(message, answer.forced) for message, answer in asked if message.in_scope]
            found = FIGURES["out of scope found"](asked)
            cells.append(f"{100 * share(acts):.1f} / {100 * share(forced):.1f} / {100 * found:.1f}")
        print(f"| {language} |", " | ".join(cells), "|")


if __name__ == "__main__":
    raise SystemExit(main())
