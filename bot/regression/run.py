"""Carries out one regression run: trains, then measures step by step; a run that was interrupted is continued.

Steps that are done are kept in files, and count as long as content, held-out sets and commit are the same. It gives no
verdict.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import shutil
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any

from rich.progress import track

from bot.articles.check import NothingToCheck
from bot.articles.examples import ExampleError
from bot.articles.issues import load_issues
from bot.encoder.model import EncoderFileError
from bot.files import write_whole
from bot.regression.changes import WATCHED, git
from bot.regression.inventory import take_inventory
from bot.regression.items import Item, RegressionError, Result, read_json
from bot.regression.steps import ModelUnderTest, Step
from bot.settings import PROJECT_ROOT
from bot.text.yaml_files import read_yaml
from bot.training import LaunchError, fingerprint, model_or_trained, train

ERRORS = (RegressionError, ExampleError, NothingToCheck, EncoderFileError, LaunchError)
"""Errors that keep a run from its verdict and that a person can correct."""
SLOW = ("dialogues", "peer")
"""Steps of `make nightly` alone."""
REMEDY = "run again with --fresh"


def measure(sets: Path, output: Path, steps: Mapping[str, Step], model: Path | None, fresh: bool) -> Result:
    """Trains and measures.

    Args:
        sets: folder of the held-out sets.
        output: where steps are kept until the run is complete.
        steps: what is to be measured.
        model: the model to measure; None trains one from scratch.
        fresh: whether what an interrupted run has left is thrown away.

    Raises:
        ERRORS: a step could not be done; what was done before is kept for the next run.
    """
    unfinished = output / "unfinished"
    inventory = take_inventory(PROJECT_ROOT)  # before the measuring, which takes twenty minutes: a file may be broken
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
        "commit": git("rev-parse", "--verify", "--quiet", "HEAD") or None,
    }
    about: dict[str, Any] = read_json(path, REMEDY) if path.exists() and not fresh else {}
    if about.get("key") == key:
        print(f"going on with the run of {about['started_at']}", flush=True)
        return about
    shutil.rmtree(folder, ignore_errors=True)
    about = {
        "key": key,
        "started_at": _now(),
        "commit": key["commit"],
        "subject": git("log", "-1", "--format=%s"),
        "uncommitted": bool(git("status", "--porcelain", "--", *WATCHED)),
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


def hash_of_sets(folder: Path) -> str:
    """Returns a hash of the held-out sets: 12 hexadecimal digits."""
    asked = (path for path in folder.rglob("*") if path.suffix in {".yml", ".tsv"} and path.stem != "tolerances")
    content = b"".join(path.name.encode() + path.read_bytes() for path in sorted(asked))
    return hashlib.sha256(content).hexdigest()[:12]


def hash_of_taxonomy(root: Path) -> str:
    """Returns a hash of the names of all intents but issues on trial: 12 hexadecimal digits."""
    domain = read_yaml(root / "domain.yml", ExampleError)
    issues = load_issues(root / "data" / "issues.yml")
    names = {*(intent for intent, issue in issues.items() if not issue.languages), *domain["intents"]}
    return hashlib.sha256("\n".join(sorted(names)).encode()).hexdigest()[:12]


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
