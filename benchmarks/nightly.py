"""Runs the nightly regression with the steps that start the bot: whole dialogues, and the ratios to Rasa's starter bot.

python -m benchmarks.nightly [options of `python -m bot regression run`]

Exit code 0: as good as the baseline or better; 1: worse; 2: could not run.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from xml.etree import ElementTree

from bot.regression.commands import add_run_options
from bot.regression.items import Item, RegressionError, read_json
from bot.regression.steps import STEPS, ModelUnderTest, Step
from bot.settings import PROJECT_ROOT


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures, compares and reports; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.nightly", description=(__doc__ or "").split("\n")[0])
    add_run_options(parser, {**STEPS, "dialogues": Step(dialogues, ("dialogues",)), "peer": Step(peer, ())})
    options = parser.parse_args(arguments)
    return int(options.handler(options))


def dialogues(tested: ModelUnderTest) -> list[Item]:
    """Returns how the whole dialogues went, played against a really running bot by their own tests."""
    report = tested.folder / "dialogues.xml"
    model = str(tested.path.resolve())
    command = ["-m", "pytest", "tests/conversations", "--model", model, f"--junitxml={report.resolve()}"]
    _run([*command, "-p", "no:cacheprovider"], tested.folder / "dialogues.log")
    items = []
    for case in ElementTree.parse(report).iter("testcase"):
        if case.find("skipped") is not None:
            continue
        failed = next((found for kind in ("failure", "error") if (found := case.find(kind)) is not None), None)
        got = "passed" if failed is None else str(failed.get("message", "failed")).splitlines()[0][:300]
        name, part = case.get("name", ""), case.get("classname", "")
        items.append(Item("dialogues", part, "", name, "passed", got, failed is None))
    return items


def peer(tested: ModelUnderTest) -> dict[str, float]:
    """Returns latency and memory as ratios to Rasa's starter bot, measured in the same run."""
    folder = tested.folder.resolve()
    command = ["-m", "benchmarks.peer", "--no-training", "--model", str(tested.path.resolve())]
    _run([*command, "--results", str(folder)], folder / "peer.log")
    rows = read_json(folder / "peer.json", "run again")["rows"]
    # Answers per second are the one figure of which more is better; as a ratio it is turned round.
    ratios = {
        row["measured"]: 1 / row["ratio"] if row["unit"] == "1/s" else row["ratio"] for row in rows if row["ratio"]
    }
    return {f"{name} (ours ÷ rasa init)": round(ratio, 3) for name, ratio in ratios.items()}


def _run(words: Sequence[str], log: Path) -> None:
    """Runs Python in the project's folder; its messages go into a file. Exit code 1 means failed tests or targets."""
    with log.open("wb") as stream:
        done = subprocess.run([sys.executable, *words], cwd=PROJECT_ROOT, stdout=stream, stderr=stream, check=False)
    if done.returncode not in (0, 1):
        last = log.read_text(encoding="utf8", errors="replace").strip().splitlines()[-1:] or ["no message"]
        raise RegressionError(f"`python {' '.join(words[:3])}` failed (exit code {done.returncode}): {last[0]}")


if __name__ == "__main__":
    sys.exit(main())
