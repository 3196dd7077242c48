"""The commands `python -m bot regression ...` and `python -m bot explain`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

from bot.command_line import Command, print_json, run_to_end
from bot.nlu.intent import NoClassifierError
from bot.regression import changes, run
from bot.regression.explain import explain, find_causes, find_reasons
from bot.regression.history import History
from bot.regression.items import RegressionError, Result, read_baseline, read_result
from bot.regression.measure import HELD_OUT
from bot.regression.notify import notify
from bot.regression.report import TREND_RUNS, Report, show, write_report
from bot.regression.steps import STEPS, Step
from bot.regression.verdict import judge, make_baseline, read_tolerances
from bot.settings import PROJECT_ROOT, get_settings
from bot.stores.regression_runs import PastRun
from bot.training import model_or_trained

OUTPUT = PROJECT_ROOT / "var" / "regression"


def add_commands(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `regression run`, `regression accept` and `explain`."""
    parser = subparsers.add_parser("regression", help="the nightly run: measure, compare with the baseline, report")
    verbs = parser.add_subparsers(dest="regression_verb", required=True, metavar="COMMAND")
    running = verbs.add_parser(
        "run",
        help="train, measure, compare with the baseline and report",
        description="Exit code: 0 as good as the baseline or better, 1 worse, 2 could not run.",
    )
    add_run_options(running, STEPS)
    accepting = verbs.add_parser("accept", help="make the last run's result the baseline, and show what that changes")
    _add_folders(accepting, _accept)
    explaining = subparsers.add_parser("explain", help="what the bot understands of a text, and why")
    explaining.add_argument("text")
    explaining.add_argument("--model", type=Path, help="ask this model instead of that of the present content")
    explaining.add_argument("--page", metavar="LANGUAGE", help="the language of the page it was typed on")
    explaining.add_argument("--json", action="store_true", help="print JSON")
    _set_handler(explaining, _explain)


def add_run_options(parser: argparse.ArgumentParser, steps: Mapping[str, Step]) -> None:
    """Adds the options of a run to a parser, and the run as its `handler`.

    Args:
        parser: the parser.
        steps: what a run measures unless its options leave it out.
    """
    _add_folders(parser, partial(_run, steps))
    parser.add_argument("--model", type=Path, help="measure this model instead of training one")
    parser.add_argument("--without", nargs="+", default=[], choices=(*STEPS, *run.SLOW), help="steps that are left out")
    parser.add_argument("--fresh", action="store_true", help="throw away what an interrupted run has left")
    parser.add_argument("--measure-only", action="store_true", help="write result.json and stop: no verdict")


def _add_folders(parser: argparse.ArgumentParser, command: Command) -> None:
    """Adds a command and the folders that it reads and writes."""
    parser.add_argument("--sets", type=Path, default=HELD_OUT, help="folder of held-out sets, baseline and tolerances")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="where the report goes (var/regression)")
    _set_handler(parser, command)


def _set_handler(parser: argparse.ArgumentParser, command: Command) -> None:
    parser.set_defaults(handler=lambda options: run_to_end(command, options, *run.ERRORS, NoClassifierError))


def _run(steps: Mapping[str, Step], options: argparse.Namespace) -> int:
    """Measures, compares with the baseline, reports; returns 1 if the bot got worse."""
    baseline_path = options.sets / "baseline.json"
    baseline = read_baseline(baseline_path)  # before the measuring, which takes twenty minutes: it may be broken
    tolerances = read_tolerances(options.sets / "tolerances.yml")
    history = None if options.measure_only else History(get_settings().regression_database.get_secret_value())
    steps = {name: step for name, step in steps.items() if name not in options.without}
    if missing := [name for name in run.SLOW if name not in {*steps, *options.without}]:
        print(f"not measured: {', '.join(missing)}; `make nightly` measures them, too.", flush=True)
    result = run.measure(options.sets, options.output, steps, options.model, options.fresh)
    result.write(options.output / "result.json")
    if history is None or baseline is None:
        run.forget(options.output)
        if history is None:
            return 0
        raise RegressionError(f"{baseline_path}: there is no baseline; `python -m bot regression accept` makes one.")
    if "intents" not in steps:  # they were left out on purpose, with all phrases
        tolerances = tolerances.copy(update={"critical": {}})
    asked = {name for step in steps.values() for name in step.sets}
    counts = {name: count for name, count in baseline.counts.items() if name.split("/")[0] in asked}
    verdict = judge(result, replace(baseline, counts=counts), tolerances)
    commit = changes.baseline_commit(baseline_path)
    since = list(changes.since(commit))
    model = options.model or PROJECT_ROOT / "models" / result.about["model"]
    figures = {figure.name: figure.now for figure in verdict.figures}
    outcome = "worse" if verdict.is_worse else "good"
    this = PastRun(result.about["started_at"], str(result.about["commit"]), outcome, figures)
    report = Report(
        result,
        verdict,
        causes=find_causes(verdict, since),
        reasons=list(find_reasons(verdict.newly_wrong, since, model)),
        changes=since,
        then=baseline.about,
        remark="" if commit else "This clone lacks the commit that wrote the baseline: causes cannot be read.",
        runs=[*history.last(TREND_RUNS - 1), this],
    )
    write_report(options.output, report)
    history.add(this)
    run.forget(options.output)
    print(report.summary)
    print(f"The whole report: {options.output / 'report.html'}")
    for problem in notify(get_settings(), f"Nightly regression: {report.headline}", report.summary):
        print(problem, file=sys.stderr)
    return int(verdict.is_worse)


def _accept(options: argparse.Namespace) -> None:
    """Writes the last run's result as the baseline, and prints what that changes."""
    result = read_result(options.output / "result.json")
    path = options.sets / "baseline.json"
    tolerances = read_tolerances(options.sets / "tolerances.yml")
    before = make_baseline(Result({}, []))
    try:
        before = read_baseline(path) or before
    except RegressionError as error:  # a broken baseline is replaced without comparing
        print(error, file=sys.stderr)
    # A run without the starter bot leaves what was measured beside it.
    result = replace(result, numbers=result.numbers or before.numbers)
    verdict = judge(result, replace(before, counts={}), tolerances)
    show("accepted.txt", about=result.about, verdict=verdict, gone=before.missing(result.items))
    if wrong := verdict.critical_wrong:
        raise RegressionError(f"{len(wrong)} critical phrases are wrong ({wrong[0].text}); nothing was accepted.")
    make_baseline(result).write(path)
    print(f"{path} is written; commit it.")
    if result.about["uncommitted"]:
        print("The run measured changes that are not committed; commit them with the baseline.")


def _explain(options: argparse.Namespace) -> None:
    if not options.text.strip():
        raise RegressionError("there is no text to explain; give one in quotation marks.")
    explained = explain(options.text, model_or_trained(options.model), options.page)
    if options.json:
        print_json(explained)
    else:
        show("explanation.txt", **explained)
