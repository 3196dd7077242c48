"""Searches for the message of 2,000 letters that costs the most processor time, and prints it beside a normal one.

    python -m benchmarks.slow_inputs [--minutes 5] [--seed 1] [--model FILE]
    python -m benchmarks.slow_inputs --replay results/slow_inputs.json

It begins with hand-made shapes (short sentences, emoji, unknown words, near-card digits, marks ...) and goes on with
what is slowest, changed at random. The slowest are written to results/slow_inputs.json; `--replay` measures them again,
with another version of the code or on another machine.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import random
import tempfile
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as servers have it, see bot/launcher.py

from benchmarks.slow_inputs.messages import NORMAL, RESULTS, Parts, changed, describe, seeds

POPULATION = 24
"""So many of the slowest messages are gone on with."""
OF_ONE_SHAPE = 4
"""So many of them may come from the same shape, lest all be one another's copies."""
WRITTEN = 10
LIMIT_MS = 100


@dataclass(frozen=True)
class Found:
    """A message and what it costs."""

    whole: float
    """Milliseconds of processor time from typed text to answer."""
    understanding: float
    masking: float
    shape: str
    """The name of the shape that it was made from."""
    text: str


def main(arguments: Sequence[str] | None = None) -> int:
    """Searches and prints; returns 1 if a message costs more than the limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=5, help="how long is searched, the shapes included (5)")
    parser.add_argument("--seed", type=int, default=1, help="of what is chosen at random (1)")
    parser.add_argument("--model", type=Path, help="the model; without it, that of the present content")
    parser.add_argument("--replay", type=Path, metavar="FILE", help="measure the messages of an earlier search only")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        # Before anything reads the settings; in memory, as the disk is nobody's processor time.
        os.environ.update(BOT_TRACKER_DATABASE="sqlite://", BOT_TICKETS_DATABASE=f"sqlite:///{folder}/tickets.db")
        return _run(options)


def _run(options: argparse.Namespace) -> int:
    import structlog

    from benchmarks.slow_inputs.cost import Bot
    from bot.training import train

    logging.disable(logging.WARNING)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.ERROR))
    chance, parts = random.Random(options.seed), Parts()
    bot = Bot(options.model or train())
    # Their beginnings only: what is measured must be new.
    bot.warm_up(text[:100] for _, text in seeds(parts, random.Random(0)))
    began = time.monotonic()
    measured = 0

    def measure(text: str, shape: str, times: int = 1) -> Found:
        nonlocal measured
        measured += 1
        return Found(**asdict(bot.cost(text, times)), shape=shape, text=text)

    normal = measure(NORMAL, "normal", 9)
    if options.replay:
        kept = json.loads(options.replay.read_text(encoding="utf8"))["messages"]
        found = [measure(message["text"], message["shape"], 3) for message in kept]
    else:
        found = [measure(text, shape) for shape, text in seeds(parts, chance)]
        found = _slowest(found)
        while time.monotonic() - began < 60 * options.minutes:
            first, second = chance.choice(found), chance.choice(found)
            one = measure(changed(first.text, second.text, parts, chance), first.shape)
            if one.whole > found[-1].whole:  # by chance, perhaps
                found = _slowest([*found, measure(one.text, one.shape, 2)])
        found = [measure(one.text, one.shape, 5) for one in found[:WRITTEN]]
    found.sort(key=lambda one: -one.whole)
    _print(normal, found, measured, time.monotonic() - began)
    if not options.replay:
        content = {"normal": asdict(normal), "messages": [asdict(one) for one in found]}
        RESULTS.parent.mkdir(exist_ok=True)
        RESULTS.write_text(json.dumps(content, indent=1) + "\n", encoding="utf8")
    return int(found[0].whole > LIMIT_MS)


def _slowest(found: Iterable[Found]) -> list[Found]:
    """Returns the slowest messages, slowest first, not too many of one shape."""
    kept: list[Found] = []
    for one in sorted(found, key=lambda one: -one.whole):
        if sum(other.shape == one.shape for other in kept) < OF_ONE_SHAPE:
            kept.append(one)
    return kept[:POPULATION]


def _print(normal: Found, found: Sequence[Found], measured: int, seconds: float) -> None:
    print(f"{measured} messages in {seconds:.0f} s. Milliseconds of processor time:\n")
    print("| message | whole | understanding | masking | times a normal one |\n|---|---|---|---|---|")
    for one in (normal, *found):
        figures = f"{one.whole:.1f} | {one.understanding:.1f} | {one.masking:.1f} | {one.whole / normal.whole:.1f}"
        print(f"| {one.shape} | {figures} |")
    worst = found[0]
    print(f"\nThe worst, {worst.whole:.0f} ms (limit {LIMIT_MS}), {describe(worst.text)}\n{worst.text[:300]!r}")


if __name__ == "__main__":
    raise SystemExit(main())
