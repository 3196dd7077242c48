"""Measures a model's file, or a commit in a working tree of its own, for `regression compare`."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from bot.regression.changes import find_commit, git
from bot.regression.items import RegressionError, Result, read_result
from bot.regression.run import forget, measure
from bot.settings import PROJECT_ROOT

SLOW = ("dialogues", "peer")
"""Steps of `make nightly` alone; older commits measure them in `regression run`, too."""


def measured(name: str, sets: Path, output: Path) -> tuple[Result, Path]:
    """Measures a model, or trains that of a commit and measures it; both are asked the present held-out sets.

    Args:
        name: a model's file, or a commit, branch or tag.
        sets: folder of the held-out sets.
        output: where result and model are kept.

    Returns:
        The result and the model's file.

    Raises:
        RegressionError: it is neither, or could not be measured.
    """
    if (model := Path(name)).is_file():
        result = measure(sets, output, model=model)
        forget(output)
        return replace(result, about={**result.about, "commit": None}, inventory={}), model
    if not (commit := find_commit(PROJECT_ROOT, name)):
        raise RegressionError(f"{name}: is neither a model's file nor a commit; name one of these.")
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        git(PROJECT_ROOT, "worktree", "add", "--detach", str(tree), commit)
        try:
            return _measure_tree(name, tree, sets, output.resolve())
        finally:
            git(PROJECT_ROOT, "worktree", "remove", "--force", str(tree))


def _measure_tree(name: str, tree: Path, sets: Path, output: Path) -> tuple[Result, Path]:
    """Has a commit train and measure itself, with its own code."""
    if not tree.exists():
        raise RegressionError(f"{name}: git could not check it out in {tree}; is the disk full?")
    if not (tree / "bot" / "regression" / "commands.py").exists():
        raise RegressionError(f"{name}: is older than the regression run; train it and name its model's file.")
    words = ["--measure-only", "--fresh", "--sets", str(sets.resolve()), "--output", str(output)]
    command = [sys.executable, "-m", "bot", "regression", "run", *words, "--without", *SLOW]
    done = subprocess.run(command, cwd=tree, env={**os.environ, "PYTHONPATH": str(tree)}, check=False)
    if done.returncode != 0:
        raise RegressionError(f"{name}: could not be measured; the reason stands above.")
    result = read_result(output / "result.json")
    model = output / str(result.about["model"])
    shutil.move(tree / "models" / model.name, model)
    return result, model
