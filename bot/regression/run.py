"""Carries out one regression run: trains, then measures step by step; a run that was interrupted is continued.

Steps that are done are kept in files, and count as long as content, held-out sets and commit are the same. It can also
measure another model, or another commit with that commit's code. It gives no verdict.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import asdict, replace
from datetime import datetime, timezone
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import Any

import yaml
from rich.progress import track

from bot.articles.check import NothingToCheck
from bot.articles.examples import ExampleError
from bot.articles.issues import load_issues
from bot.encoder.model import EncoderFileError
from bot.regression.changes import WATCHED, find_commit, git
from bot.regression.inventory import take_inventory
from bot.regression.items import Item, RegressionError, Result, read_json, read_result, write_whole
from bot.regression.steps import STEPS, ModelUnderTest, Step, intents
from bot.settings import PROJECT_ROOT
from bot.text.yaml_files import read_yaml
from bot.training import LaunchError, fingerprint, model_or_trained, train, train_to

ERRORS = (RegressionError, ExampleError, NothingToCheck, EncoderFileError, LaunchError)
"""Errors that keep a run from its verdict and that a person can correct."""
FIRST_SEED = 1001
"""Seed of the first model that is trained to measure the turnover."""
SLOW = ("dialogues", "peer")
"""Steps of `make nightly` alone; older commits measure them in `regression run`, too."""
REMEDY = "run again with --fresh"


def measure(
    sets: Path, output: Path, steps: Mapping[str, Step], model: Path | None, fresh: bool = False, retrainings: int = 0
) -> Result:
    """Trains and measures.

    Args:
        sets: folder of the held-out sets.
        output: where steps are kept until the run is complete.
        steps: what is to be measured.
        model: the model to measure; None trains one from scratch.
        fresh: whether what an interrupted run has left is thrown away.
        retrainings: how many models are trained beside, with other seeds, to measure the turnover.

    Raises:
        ERRORS: a step could not be done; what was done before is kept for the next run.
    """
    unfinished = output / "unfinished"
    inventory = take_inventory(PROJECT_ROOT)  # what cannot be read is told before twenty minutes have passed
    tested = ModelUnderTest(Path(), sets, unfinished)
    tested.check_sets()
    about = _begin(unfinished, model, sets, fresh)
    note = unfinished / "training.json"
    if note.exists() and not Path(read_json(note, REMEDY)["model"]).is_file():
        note.unlink()
    trained = _keep(note, lambda: {"model": str(model_or_trained(model) if model else train(force=True))})
    tested.path, seconds = Path(trained["model"]), {"training": trained["seconds"]}
    items: dict[str, Item] = {}
    numbers: dict[str, float] = {}
    for name in track(list(steps), "measuring", disable=not sys.stderr.isatty()):
        found = _keep(unfinished / f"step {name}.json", partial(_measure, steps[name], tested))
        items |= {item.key: item for item in (Item(**fields) for fields in found["items"])}
        numbers |= found["numbers"]
        seconds[name] = found["seconds"]
    if retrainings:
        right = {key for key, item in items.items() if item.set == "intents" and item.right}
        about["turnover"] = _turnover(retrainings, sets, right)
    about |= {"finished_at": _now(), "model": tested.path.name}
    return Result(about, list(items.values()), numbers, seconds, inventory)


def forget(output: Path) -> None:
    """Removes what was kept of a run that is complete."""
    shutil.rmtree(output / "unfinished", ignore_errors=True)


def _begin(folder: Path, model: Path | None, sets: Path, fresh: bool) -> dict[str, Any]:
    """Returns what is known of a run at its beginning; that of an interrupted one if nothing has changed since."""
    path = folder / "about.json"
    key = {
        "fingerprint": fingerprint(PROJECT_ROOT),
        "model": os.path.relpath(model, PROJECT_ROOT) if model else None,
        "sets": hash_of_sets(sets),
        "taxonomy": hash_of_taxonomy(PROJECT_ROOT),
        "commit": find_commit("HEAD") or None,
    }
    about: dict[str, Any] = read_json(path, REMEDY) if path.exists() and not fresh else {}
    if about.get("key") == key:
        done = len(list(folder.glob("step *.json")))
        print(f"going on with the run of {about['started_at']}: {done} steps are there already", flush=True)
        return about
    shutil.rmtree(folder, ignore_errors=True)
    about = {
        "key": key,
        "started_at": _now(),
        "commit": key["commit"],
        "subject": git("log", "-1", "--format=%s"),
        "uncommitted": bool(git("status", "--porcelain", "--", *WATCHED)),
        "rasa": version("rasa"),
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
    }
    write_whole(path, json.dumps(about, indent=1))
    return about


def _measure(step: Step, tested: ModelUnderTest) -> dict[str, Any]:
    """Returns the items and the numbers that a step measures, as plain values."""
    found = step.measure(tested)
    if isinstance(found, Mapping):
        return {"items": [], "numbers": dict(found)}
    return {"items": [asdict(item) for item in found], "numbers": {}}


def _keep(path: Path, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Does some work and writes down its result with its `seconds`, or reads what an earlier run has written."""
    if not path.exists():
        started = time.monotonic()
        result = work()
        seconds = round(time.monotonic() - started, 1)
        write_whole(path, json.dumps({**result, "seconds": seconds}, ensure_ascii=False))
    return dict(read_json(path, REMEDY))


def _turnover(retrainings: int, sets: Path, right: set[str]) -> dict[str, Any]:
    """Measures how many right answers a harmless retraining turns wrong.

    Args:
        retrainings: how many models are trained, of the same content with other seeds.
        sets: folder of the held-out sets.
        right: keys of the right answers of the model that is measured, of the set `intents`.

    Returns:
        `retrainings`, `right` (right answers that were asked again), `turned` (those that were wrong then) and `share`.
    """
    turned = 0
    for number in range(retrainings):
        with tempfile.TemporaryDirectory() as folder:
            model = ModelUnderTest(_train_with_seed(Path(folder), FIRST_SEED + number), sets, Path(folder))
            turned += len({item.key for item in intents(model) if not item.right} & right)
    asked = len(right) * retrainings
    return {"retrainings": retrainings, "right": asked, "turned": turned, "share": round(turned / max(asked, 1), 5)}


def _train_with_seed(folder: Path, seed: int) -> Path:
    """Trains the project's content with a configuration that differs in the seed of every component that has one."""
    from rasa.shared.utils.common import class_from_module_path

    config = read_yaml(PROJECT_ROOT / "config.yml", ValueError)
    for component in config["pipeline"]:
        name = component["name"]
        if "." in name and "random_seed" in class_from_module_path(name).get_default_config():
            component["random_seed"] = seed
    for importer in config.get("importers") or []:
        if "data_dir" in importer:
            importer["data_dir"] = str(PROJECT_ROOT / importer["data_dir"])
    (folder / "config.yml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf8")
    model = folder / "model.tar.gz"
    train_to(model, PROJECT_ROOT, "--config", folder / "config.yml")
    return model


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
        result = measure(sets, output, STEPS, model)
        forget(output)
        return replace(result, about={**result.about, "commit": None}, inventory={}), model
    if not (commit := find_commit(name)):
        raise RegressionError(f"{name}: is neither a model's file nor a commit; name one of these.")
    with tempfile.TemporaryDirectory() as folder, ExitStack() as at_the_end:
        tree = Path(folder) / "tree"
        at_the_end.callback(git, "worktree", "remove", "--force", str(tree))
        git("worktree", "add", "--detach", str(tree), commit)
        if not tree.exists():
            raise RegressionError(f"{name}: git could not check it out in {tree}; is the disk full?")
        if not (tree / "bot" / "regression" / "commands.py").exists():
            raise RegressionError(f"{name}: is older than the regression run; train it and name its model's file.")
        # It trains and measures itself, with its own code.
        words = ["--measure-only", "--fresh", "--sets", str(sets.resolve()), "--output", str(output.resolve())]
        command = [sys.executable, "-m", "bot", "regression", "run", *words, "--without", *SLOW]
        done = subprocess.run(command, cwd=tree, env={**os.environ, "PYTHONPATH": str(tree)}, check=False)
        if done.returncode != 0:
            raise RegressionError(f"{name}: could not be measured; the reason stands above.")
        result = read_result(output / "result.json")
        model = output / str(result.about["model"])
        shutil.move(tree / "models" / model.name, model)
        return result, model


def hash_of_sets(folder: Path) -> str:
    """Returns a hash of the held-out sets: 12 hexadecimal digits."""
    asked = (path for path in folder.rglob("*") if path.suffix in {".yml", ".tsv"} and path.stem != "tolerances")
    content = b"".join(path.name.encode() + path.read_bytes() for path in sorted(asked))
    return hashlib.sha256(content).hexdigest()[:12]


def hash_of_taxonomy(root: Path) -> str:
    """Returns a hash of the names of all intents but issues on trial: 12 hexadecimal digits."""
    domain = read_yaml(root / "domain.yml", ExampleError)
    issues = load_issues(root / "data" / "issues.yml").values()
    names = {*(issue.intent for issue in issues if not issue.languages), *domain["intents"]}
    return hashlib.sha256("\n".join(sorted(names)).encode()).hexdigest()[:12]


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
