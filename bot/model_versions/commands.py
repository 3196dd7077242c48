"""The commands `python -m bot models ...`: train, compare, list, switch, undo."""

from __future__ import annotations

import argparse
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from tabulate import tabulate

from bot.command_line import Command, print_json, reported
from bot.model_versions.folder import (
    ModelVersionError,
    find_model,
    list_models,
    models_folder,
    only_job,
    read_job,
    write_comparison,
    write_job,
)
from bot.model_versions.overview import Version, overview
from bot.model_versions.switching import served_model, switch, undo
from bot.regression.items import RegressionError
from bot.settings import get_settings
from bot.training import LaunchError, model_path, train

LEFT_OUT = ("with page", "robustness")
"""Steps that take more than half of the time, and say little of phrases that were added."""
_SHOWN = 200
"""Changed messages that `compare` prints."""


def add_commands(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `models train`, `compare`, `list`, `switch` and `undo`."""
    parser = subparsers.add_parser("models", help="train a new model, compare it, switch to it and back, while serving")
    verbs = parser.add_subparsers(dest="models_verb", required=True, metavar="COMMAND")
    _add(verbs, "train", "train a model of the present content, quietly; nobody is served with it yet", _train)
    comparing = _add(verbs, "compare", "say what a new model understands otherwise; exit code 1: worse", _compare)
    comparing.add_argument("a", metavar="A", nargs="?", help="the earlier model (the served one)")
    comparing.add_argument("b", metavar="B", nargs="?", help="the new model (the newest one)")
    comparing.add_argument("--sets", type=Path, help="folder of the held-out sets and tolerances (the project's)")
    left_out = f"steps of the nightly run that are left out ({', '.join(LEFT_OUT)}; none: twice as long)"
    comparing.add_argument("--without", nargs="*", default=LEFT_OUT, metavar="STEP", help=left_out)
    listing = _add(verbs, "list", "which models there are, which is served, and how they compare", _list)
    for each in (comparing, listing):
        each.add_argument("--json", action="store_true", help="print JSON")
    switching = _add(verbs, "switch", "have the running servers answer with another model", _switch_or_undo)
    switching.add_argument("name", metavar="NAME", help="its file in the models folder")
    _add(verbs, "undo", "have them answer with the model before the last switch again", _switch_or_undo)


def _add(verbs: Any, name: str, summary: str, command: Command) -> argparse.ArgumentParser:
    described = f"{summary[0].upper()}{summary[1:]}."
    parser: argparse.ArgumentParser = verbs.add_parser(name, help=summary, description=described)
    failed = 2 if name == "compare" else 1  # its exit code 1 is a finding
    errors = (ModelVersionError, LaunchError, RegressionError, ValueError)
    parser.set_defaults(handler=reported(command, *errors, code=failed, prefix="error: ", stopped=failed))
    return parser


def _train(options: argparse.Namespace) -> None:
    folder = models_folder()
    with only_job(folder):
        pass  # refused before it is noted; the training takes the lock itself, to hand it on to its process
    with _noted(folder, "train") as done:
        model = model_path()
        if model.exists():
            done.append(f"{model.name} is there already: it is the model of the present content")
        else:
            train(quietly=True)
            done.append(model.name)
    print(*done)
    print(
        f"nobody is served with it yet: `python -m bot models compare`, then `python -m bot models switch {model.name}`"
    )


def _compare(options: argparse.Namespace) -> int:
    # Not at the top: `switch` would load it for nothing, beside customers.
    from bot.model_versions.comparison import compare, without_customers_words
    from bot.regression.measure import HELD_OUT

    folder = models_folder()
    os.nice(get_settings().models_nice)
    with only_job(folder), _noted(folder, "compare") as done:
        then, now = _models_to_compare(folder, options.a, options.b)
        comparison = compare(folder, then, now, options.sets or HELD_OUT, options.without)
        write_comparison(folder, now.name, without_customers_words(comparison))
        done.append(f"{now.name}: {'worse' if comparison['worse'] else 'as good or better'}")
    if options.json:
        print_json(comparison)
    else:
        _show(comparison)
    return int(comparison["worse"])


def _models_to_compare(folder: Path, a: str | None, b: str | None) -> tuple[Path, Path]:
    """Returns the earlier model and the new one.

    Raises:
        ModelVersionError: one is not there, or there is nothing to compare.
    """
    name = a or served_model(folder)
    if name is None:
        raise ModelVersionError("no server runs and no model was switched to; name both: `models compare A B`.")
    then = find_model(folder, name)
    others = [path for path in list_models(folder) if path != then]
    if b is None and not others:
        raise ModelVersionError(f"there is no model beside {then.name}; `python -m bot models train` trains one.")
    return then, find_model(folder, b or others[0].name)


def _show(comparison: dict[str, Any]) -> None:
    for figure in comparison["figures"]:
        then = "new" if figure["then"] is None else f"was {figure['then']:.4f}"
        print(f"{figure['name']}: {figure['now']:.4f} ({then})")
    asked = ", ".join(f"{count} of {source}" for source, count in comparison["asked"].items())
    counts = ", ".join(f"{count} {name}" for name, count in comparison["counts"].items())
    print(f"messages asked: {asked}\nunderstood otherwise: {counts}")
    order = {"worse": 0, "other": 1, "better": 2}
    changed = sorted(comparison["changed"], key=lambda each: order[each["verdict"]])
    keys = ("verdict", "source", "language", "text", "expected", "then", "now")
    print(tabulate([[each[key] for key in keys] for each in changed[:_SHOWN]], headers=keys, disable_numparse=True))
    if len(changed) > _SHOWN:
        print(f"... and {len(changed) - _SHOWN} more (--json lists all)")
    for reason in comparison["reasons"]:
        print(f"worse: {reason}")
    verdict = "worse than" if comparison["worse"] else "as good as, or better than,"
    print(f"{comparison['now']} is {verdict} {comparison['then']}")


def _list(options: argparse.Namespace) -> None:
    folder = models_folder()
    versions, job = overview(folder, model_path().name), read_job(folder)
    if options.json:
        print_json({"models": [vars(version) for version in versions], "job": job})
        return
    print(tabulate([_row(version) for version in versions], headers=_HEADERS, disable_numparse=True))
    if job:
        at = datetime.fromtimestamp(job["at"], timezone.utc)
        print(f"last job: {job['job']}, {job['state']} ({at:%Y-%m-%d %H:%M} UTC) {job['message']}")


_HEADERS = ("model", "trained (UTC)", "served", "content", "last comparison")


def _row(version: Version) -> tuple[str, ...]:
    served = "served" if version.served else "before" if version.previous else ""
    compared = ""
    if version.comparison:
        counts = ", ".join(f"{count} {name}" for name, count in version.comparison["counts"].items())
        verdict = "worse" if version.comparison["worse"] else "good"
        compared = f"{verdict}, {counts} (beside {version.comparison['then']})"
    servers = f"{served} by {version.servers}" if version.servers else served
    content = "present" if version.present else ""
    return version.name, f"{version.trained:%Y-%m-%d %H:%M}", servers, content, compared


def _switch_or_undo(options: argparse.Namespace) -> None:
    folder = models_folder()
    name, servers = switch(folder, options.name) if options.models_verb == "switch" else undo(folder)
    if servers:
        print(f"{name} is served by {servers} server{'s' if servers > 1 else ''}.")
    else:
        print(f"no server runs that follows {folder}; the next `make run` serves {name}.")


@contextmanager
def _noted(folder: Path, job: str) -> Iterator[list[str]]:
    """Notes a job's beginning and end, for those who look at the desk; what it has done is what the block adds."""
    done: list[str] = []
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends what it has started, too
    write_job(folder, job, "running")
    try:
        yield done
    except BaseException as error:
        write_job(folder, job, "failed", "interrupted" if isinstance(error, KeyboardInterrupt) else str(error))
        raise
    write_job(folder, job, "done", *done)
