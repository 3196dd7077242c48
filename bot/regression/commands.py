"""The commands `python -m bot regression ...` and `python -m bot explain`."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import traceback
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from rich.console import Console
from rich.table import Table

from bot.regression import changes, compare, run
from bot.regression.baseline import Baseline, make_baseline, read_baseline, write_baseline
from bot.regression.explanation import explain
from bot.regression.history import History, PastRun
from bot.regression.inventory import losses
from bot.regression.items import RegressionError, Result, read_result, write_whole
from bot.regression.measure import HELD_OUT
from bot.regression.notify import notify
from bot.regression.report import TREND_RUNS, Report, as_markdown, shown, write_report
from bot.regression.verdict import critical_items, judge, read_tolerances
from bot.settings import PROJECT_ROOT, get_settings

OUTPUT = PROJECT_ROOT / "var" / "regression"
COULD_NOT_RUN = 2


def add_commands(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `regression run`, `accept`, `compare`, and `explain`."""
    parser = subparsers.add_parser("regression", help="the nightly run: measure, compare with the baseline, report")
    verbs = parser.add_subparsers(dest="regression_verb", required=True, metavar="COMMAND")
    running = verbs.add_parser(
        "run",
        help="train, measure, compare with the baseline and report",
        description="Exit code: 0 as good as the baseline or better, 1 worse, 2 could not run.",
    )
    _add_places(running)
    running.add_argument("--model", type=Path, help="measure this model instead of training one")
    running.add_argument("--without", nargs="+", default=[], choices=run.EVERYTHING, help="steps that are left out")
    running.add_argument("--fresh", action="store_true", help="throw away what an interrupted run has left")
    running.add_argument(
        "--retrainings",
        type=int,
        default=0,
        metavar="N",
        help="train N more models with other seeds, to measure how many answers a harmless change turns; "
        "`accept` keeps that with the baseline",
    )
    running.add_argument("--measure-only", action="store_true", help="write result.json and stop: no verdict")
    running.set_defaults(handler=lambda options: _reported(lambda: _run(options)))
    accepting = verbs.add_parser("accept", help="make the last run's result the baseline, and show what that changes")
    _add_places(accepting)
    accepting.set_defaults(handler=lambda options: _reported(lambda: _accept(options)))
    comparing = verbs.add_parser(
        "compare",
        help="compare two models or two commits",
        description="Says whether B is worse than A. Each is a model's file, or a commit, which is trained.",
    )
    comparing.add_argument("a", metavar="A")
    comparing.add_argument("b", metavar="B")
    _add_places(comparing)
    comparing.set_defaults(handler=lambda options: _reported(lambda: _compare(options)))
    explaining = subparsers.add_parser("explain", help="what the bot understands of a text, and why")
    explaining.add_argument("text")
    explaining.add_argument("--model", type=Path, help="ask this model instead of that of the present content")
    explaining.add_argument("--page", metavar="LANGUAGE", help="the language of the page it was typed on")
    explaining.add_argument("--json", action="store_true", help="print JSON")
    explaining.set_defaults(handler=lambda options: _reported(lambda: _explain(options)))


def _add_places(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--sets", type=Path, default=HELD_OUT, help="folder of held-out sets, baseline and tolerances")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="where the report goes (var/regression)")


def _reported(command: Callable[[], int]) -> int:
    """Turns whatever keeps a run from its verdict into one sentence and exit code 2; 1 is for a worse bot alone."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return command()
    except RegressionError as error:
        told = str(error)
    except KeyboardInterrupt:
        told = "interrupted; run it again, and it goes on where it was."
    except OSError as error:
        told = f"{error.filename or 'a file'}: {error.strerror or error}; make room or mend it, and run again."
    except Exception as error:
        traceback.print_exc()
        told = f"a fault of the program ({type(error).__name__}: {error}); the trace stands above."
    finally:
        signal.signal(signal.SIGTERM, before)
    print(f"could not run: {told}", file=sys.stderr)
    return COULD_NOT_RUN


def _run(options: argparse.Namespace) -> int:
    baseline_path = options.sets / "baseline.json"
    baseline = read_baseline(baseline_path)  # a broken one is told before twenty minutes have passed
    tolerances = read_tolerances(options.sets / "tolerances.yml")
    history = None if options.measure_only else History(get_settings().regression_database.get_secret_value())
    steps = tuple(step for step in run.EVERYTHING if step not in options.without)
    result = run.measure(
        run.Plan(options.sets, options.output, steps, options.model, options.fresh, options.retrainings)
    )
    if history is None:
        _keep(result, options.output)
        return 0
    if baseline is None:
        _keep(result, options.output)
        raise RegressionError(f"{baseline_path}: there is no baseline; `python -m bot regression accept` makes one.")
    compared = _only_measured(baseline, steps)
    if "intents" not in steps:
        tolerances = tolerances.copy(update={"critical": {}})  # they were left out on purpose, with all phrases
    verdict = judge(result, compared, tolerances)
    commit, remark = changes.base(PROJECT_ROOT, baseline.about.get("commit"), baseline_path)
    since = changes.since(PROJECT_ROOT, commit)
    explanation = explain(result, compared, verdict, since, _model_file(options, result), remark)
    told = "worse" if verdict.is_worse else "good"
    values = {figure.name: figure.now for figure in (*verdict.figures, *verdict.numbers)}
    this = PastRun(result.about["started_at"], str(result.about["commit"]), told, values)
    age = changes.age(PROJECT_ROOT, commit, baseline.about["finished_at"])
    report = Report(result, verdict, explanation, dict(baseline.about), [*history.last(TREND_RUNS - 1), this], age)
    write_report(report, options.output)
    history.add(this)
    run.forget(options.output)
    print(as_markdown(report))
    print(f"\nThe whole report: {options.output / 'report.html'}")
    for problem in notify(get_settings(), f"Nightly regression: {report.headline}", as_markdown(report)):
        print(problem, file=sys.stderr)
    return verdict.exit_code


def _keep(result: Result, output: Path) -> None:
    write_whole(output / "result.json", json.dumps(result.as_dict(), ensure_ascii=False))
    run.forget(output)


def _only_measured(baseline: Baseline, steps: tuple[str, ...]) -> Baseline:
    """Returns the baseline without the sets of steps that were left out on purpose."""
    left = {name for step in run.EVERYTHING if step not in steps for name in run.SETS_OF[step]}
    counts = {name: count for name, count in baseline.counts.items() if name.split("/")[0] not in left}
    return replace(baseline, counts=counts)


def _model_file(options: argparse.Namespace, result: Result) -> Path:
    return options.model or PROJECT_ROOT / "models" / str(result.about["model"])


def _accept(options: argparse.Namespace) -> int:
    result = read_result(options.output / "result.json")
    path = options.sets / "baseline.json"
    before = read_baseline(path) if _is_readable(path) else None
    if before and "turnover" not in result.about and "turnover" in before.about:
        result = replace(result, about={**result.about, "turnover": before.about["turnover"]})
    if before and not result.numbers:  # a run without the starter bot leaves what was measured beside it
        result = replace(result, numbers=before.numbers)
    after = make_baseline(result)
    critical = critical_items(result.items, read_tolerances(options.sets / "tolerances.yml"))
    wrong = [item for item in critical if not item.right]
    table = Table(title=f"accepted: the run of {result.about['finished_at']}, commit {result.about['commit']}")
    for heading in ("figure", "baseline", "accepted"):
        table.add_column(heading, justify="left" if heading == "figure" else "right")
    for name, value in {**after.figures, **after.numbers}.items():
        then = {**before.figures, **before.numbers}.get(name) if before else None
        if then != value:
            table.add_row(name, "" if then is None else f"{then:.4f}", f"{value:.4f}")
    console = Console()
    console.print(table)
    pairs = [(item, before.then(item)) for item in result.items] if before else []
    for item in [item for item, past in pairs if past is not None and past.right and not item.right]:
        console.print(f"accepted as wrong: {item.set} {item.language} {item.expected} → {item.got}: {item.text}")
    if before and (gone := before.missing(result.items)):
        console.print(f"no longer compared, for the run left them out: {', '.join(gone)}", style="yellow")
    if before:
        tolerances = read_tolerances(options.sets / "tolerances.yml")
        for loss in losses(after.inventory, before.inventory, tolerances.most_phrases_lost):
            console.print(f"accepted as lost: {loss}", style="yellow")
    if wrong:
        raise RegressionError(f"{len(wrong)} critical phrases are wrong ({wrong[0].text}); nothing was accepted.")
    write_baseline(path, after)
    console.print(f"{path} is written; commit it.")
    if result.about["uncommitted"]:
        console.print("The run measured changes that are not committed; commit them with the baseline.")
    return 0


def _is_readable(path: Path) -> bool:
    """Tells whether there is a baseline that can be read: a broken one is replaced without comparing."""
    try:
        return read_baseline(path) is not None
    except RegressionError as error:
        print(error, file=sys.stderr)
        return False


def _compare(options: argparse.Namespace) -> int:
    first, second = (compare.measured(getattr(options, side), options.sets, options.output / side) for side in "ab")
    tolerances = read_tolerances(options.sets / "tolerances.yml").copy(update={"critical": {}})
    baseline = make_baseline(first.result)
    verdict = judge(second.result, baseline, tolerances)
    since = changes.between(PROJECT_ROOT, first.result.about["commit"], second.result.about["commit"])
    explanation = explain(second.result, baseline, verdict, since, second.model)
    report = Report(second.result, verdict, explanation, first.result.about, [])
    write_report(report, options.output / "comparison")
    console = Console()
    for figure in verdict.figures:
        if figure.change:
            style = "red" if figure.is_worse else ("green" if figure.change > 0 else "")
            console.print(f"{figure.name}: {shown(figure)}{' worse' if figure.is_worse else ''}", style=style)
    console.print(f"{options.b} is {report.headline.replace('the baseline', str(options.a))}")
    console.print(f"The whole comparison: {options.output / 'comparison' / 'report.html'}")
    return verdict.exit_code


def _explain(options: argparse.Namespace) -> int:
    from bot.regression.phrase import explain_text, print_explanation

    explanation = explain_text(options.text, options.model, options.page)
    print_explanation(explanation, as_json=options.json)
    return 0
