"""Prints how well triage does on held-out messages, per language, or computes its thresholds anew.

python -m benchmarks.triage [--model FILE]
python -m benchmarks.triage thresholds
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from datetime import date
from pathlib import Path

from benchmarks.triage.held_out import (
    Triaged,
    long_messages,
    single_issue_messages,
    summarise,
    triage,
    two_issue_messages,
)
from bot.regression.measure import NluModel
from bot.training import train

HEADINGS = {
    "both_found": "both found",
    "false_second": "false second",
    "false_second_long": "false second, long",
    "short_accuracy": "short right",
    "long_accuracy": "long right",
    "asked": "asked which",
    "asked_right": "right one offered",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and prints; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.triage", description=(__doc__ or "").split("\n")[0])
    parser.add_argument("what", nargs="?", choices=["measure", "thresholds"], default="measure")
    parser.add_argument("--model", type=Path, help="measure this model instead of that of the present content")
    options = parser.parse_args(arguments)
    if options.what == "thresholds":
        return _print_thresholds()
    messages = [*two_issue_messages(), *single_issue_messages(), *long_messages()]
    triaged = triage(NluModel(options.model or train()), messages)
    print(" | ".join(["language", *HEADINGS.values()]))
    for language in sorted({message.language for message in messages}):
        print(_row(language, [one for one in triaged if one.message.language == language]))
    print(_row("all", triaged))
    return 0


def _print_thresholds() -> int:
    import yaml

    from benchmarks.triage.thresholds import thresholds

    print(f"# Computed by `python -m benchmarks.triage thresholds`, {date.today().isoformat()}.")
    rounded = {
        key: {k: round(v, 2) for k, v in value.items()} if isinstance(value, dict) else round(value, 2)
        for key, value in thresholds().items()
    }
    print(yaml.safe_dump(rounded, sort_keys=False).rstrip())
    return 0


def _row(name: str, triaged: list[Triaged]) -> str:
    figures = summarise(triaged)
    return " | ".join([name, *(f"{figures[key]:.1%}" for key in HEADINGS)])


if __name__ == "__main__":
    raise SystemExit(main())
