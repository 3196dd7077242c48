"""Measures what `regression compare` is told to: a model's file, or a commit in a working tree of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bot.regression.items import RegressionError, Result, read_result
from bot.regression.run import DIALOGUES, EVERYTHING, PEER, Plan, forget, measure
from bot.settings import PROJECT_ROOT

SLOW = (DIALOGUES, PEER)


@dataclass(frozen=True)
class Measured:
    """What was measured, and of which model."""

    result: Result
    model: Path


def measured(name: str, sets: Path, output: Path) -> Measured:
    """Measures a model, or trains that of a commit and measures it; both are asked the present held-out sets.

    Args:
        name: a model's file, or a commit, branch or tag.
        sets: folder of the held-out sets.
        output: where result and model are kept.

    Raises:
        RegressionError: it is neither, or could not be measured.
    """
    if (model := Path(name)).is_file():
        steps = tuple(step for step in EVERYTHING if step not in SLOW)
        result = measure(Plan(sets, output, steps, model))
        forget(output)
        return Measured(Result({**result.about, "commit": None}, result.items, {}, result.seconds), model)
    commit = _git("rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")
    if commit is None:
        raise RegressionError(f"{name}: is neither a model's file nor a commit; name one of these.")
    return _of_commit(name, commit, sets, output)


def _of_commit(name: str, commit: str, sets: Path, output: Path) -> Measured:
    """Has a commit train and measure itself in a working tree of its own, with its own code."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        if _git("worktree", "add", "--detach", str(tree), commit) is None:
            raise RegressionError(f"{name}: git could not check it out in {tree}; is the disk full?")
        try:
            if not (tree / "bot" / "regression" / "commands.py").exists():
                raise RegressionError(f"{name}: is older than the regression run; train it and name its model's file.")
            kept = output.resolve()
            words = ["--measure-only", "--fresh", "--sets", str(sets.resolve()), "--output", str(kept)]
            command = [sys.executable, "-m", "bot", "regression", "run", *words, "--without", *SLOW]
            done = subprocess.run(command, cwd=tree, env={**os.environ, "PYTHONPATH": str(tree)}, check=False)
            if done.returncode != 0:
                raise RegressionError(f"{name}: could not be measured; the reason stands above.")
            result = read_result(kept / "result.json")
            model = kept / str(result.about["model"])
            shutil.move(tree / "models" / model.name, model)
            return Measured(result, model)
        finally:
            _git("worktree", "remove", "--force", str(tree))


def _git(*words: str) -> str | None:
    done = subprocess.run(["git", *words], cwd=PROJECT_ROOT, capture_output=True, text=True, check=False)
    return done.stdout.strip() if done.returncode == 0 else None
