"""Writes the report of a run or a comparison: HTML page, JSON, JUnit XML and a Markdown summary of ten lines.

The templates in `assets/` are rendered here, those of explanations of a phrase, too.
"""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from itertools import product
from pathlib import Path
from statistics import fmean
from typing import Any

from rich.console import Console
from rich.markup import escape

from bot.regression.changes import Change
from bot.regression.explain import Cause, find_causes, find_reasons
from bot.regression.figures import BINS, refusal_as_intent
from bot.regression.items import Baseline, Item, Result, counted, write_whole
from bot.regression.verdict import Verdict
from bot.stores.regression_runs import PastRun
from bot.text.templates import open_templates

TREND_RUNS = 60
SUMMARY = (
    ("accuracy", "macro-F1"),
    ("out-of-scope recall", "false refusals", "calibration error"),
    ("real style", "real style, out of scope", "follow-ups", "reviewed messages"),
    ("language recognised", "long messages", "both issues found", "flip rate"),
)
TREND_FIGURES = ("accuracy", "macro-F1", "out-of-scope recall", "flip rate")
_NOT_IN_XML = re.compile(r"[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Report:
    """The verdict on a run with its explanation."""

    result: Result
    verdict: Verdict
    causes: Sequence[Cause]
    reasons: Sequence[Mapping[str, Any]]
    """Causes, as `find_reasons` returns them."""
    changes: Sequence[Change]
    """The changes since the baseline."""
    then: Mapping[str, Any]
    """About the baseline: when, which commit."""
    remark: str = ""
    """Reason for which causes cannot be read."""
    runs: Sequence[PastRun] = ()
    """The last runs, this one included."""
    age: str = ""
    """Age of the baseline, in commits and days."""

    @property
    def headline(self) -> str:
        """The verdict in a few words."""
        verdict = self.verdict
        bad = {"figure": verdict.worse, "critical phrase": verdict.critical_wrong, "lost part": verdict.losses}
        told = " and ".join(counted(len(found), noun) for noun, found in bad.items() if found)
        return f"worse than the baseline: {told}" if told else "as good as the baseline, or better"

    @cached_property
    def summary(self) -> str:
        """Markdown of ten lines, for a chat channel."""
        figures = {figure.name: figure for figure in self.verdict.figures}
        worse = [*map(str, self.verdict.losses), *(f"{figure.name} {figure}" for figure in self.verdict.worse)]
        return render("summary.md", report=self, lines=SUMMARY, figures=figures, worse=worse)

    @cached_property
    def grown_confusions(self) -> list[tuple[str, str, int, int]]:
        """Expected, got, how often then, how often now, of the confusions that grew."""
        pairs = [pair for pair in self.verdict.pairs if pair.now.set == "intents"]
        now, then = (Counter((p[side].expected, p[side].got) for p in pairs if not p[side].right) for side in (0, 1))
        grown = [(*names, then[names], count) for names, count in now.items() if count > then[names]]
        return sorted(grown, key=lambda row: row[2] - row[3])

    @cached_property
    def cells(self) -> dict[tuple[str, str], tuple[float, float | None, int]]:
        """By intent and language: accuracy now, accuracy then (None without a baseline), phrases."""
        then = {pair.now: pair.then.right for pair in self.verdict.pairs}
        cells: dict[tuple[str, str], list[Item]] = defaultdict(list)
        for item in self.result.of("intents"):
            cells[item.expected, item.language].append(item)
        return {
            cell: (fmean(item.right for item in own), fmean(known) if known else None, len(own))
            for cell, own in sorted(cells.items())
            for known in [[then[item] for item in own if item in then]]
        }

    @property
    def matrix(self) -> Counter[tuple[str, str]]:
        """Returns how often each intent was expected, and how often predicted."""
        return Counter((item.expected, refusal_as_intent(item.got)) for item in self.result.of("intents"))

    @property
    def reliability(self) -> list[tuple[float, float, int]]:
        """Mean confidence, share of right answers and count of the phrases by ten bins of confidence."""
        bins: dict[int, list[tuple[float, bool]]] = defaultdict(list)
        for item in self.result.of("intents"):
            if item.confidence is not None:
                bins[min(int(item.confidence * BINS), BINS - 1)].append((item.confidence, item.is_best_right))
        return [(fmean(c for c, _ in own), fmean(ok for _, ok in own), len(own)) for _, own in sorted(bins.items())]

    @property
    def trend(self) -> dict[str, list[tuple[int, str, float]]]:
        """By figure, of each run that measured it: its number, its day and the value."""
        trend: dict[str, list[tuple[int, str, float]]] = defaultdict(list)
        for name, (number, run) in product(TREND_FIGURES, enumerate(self.runs)):
            if name in run.figures:
                trend[name].append((number, run.started_at[:10], run.figures[name]))
        return trend


def write_report(
    folder: Path, result: Result, verdict: Verdict, then: Baseline, changes: list[Change], model: Path, **more: Any
) -> Report:
    """Writes `report.html`, `report.json`, `junit.xml`, `summary.md` and `result.json` into a folder.

    Args:
        folder: the folder.
        result: what was measured.
        verdict: the comparison with the baseline.
        then: the baseline.
        changes: the changes since then.
        model: the model that was measured.
        **more: further fields of the report.

    Returns:
        The report, with the reasons of what is newly wrong.
    """
    reasons = list(find_reasons(verdict.newly_wrong, changes, model))
    report = Report(result, verdict, find_causes(verdict, changes), reasons, changes, then.about, **more)
    result.write(folder / "result.json")
    write_whole(folder / "report.json", json.dumps(as_dict(report), ensure_ascii=False, indent=1, default=sorted))
    write_whole(folder / "summary.md", report.summary)
    write_whole(folder / "report.html", render("report.html", report=report))
    suites: dict[str, list[tuple[str, bool, str]]] = defaultdict(list)
    for figure in verdict.figures:
        suites[figure.group].append((figure.name, figure.is_worse, str(figure)))
    suites["content"] = [(loss.name, True, str(loss)) for loss in verdict.losses]
    wrong = verdict.critical_wrong
    suites["critical phrases"] = [(item.text, True, f"{item.expected} expected, {item.got} got") for item in wrong]
    write_whole(folder / "junit.xml", render("junit.xml", suites=suites))
    return report


def as_dict(report: Report) -> dict[str, Any]:
    """Returns the report as plain values."""
    verdict = report.verdict
    return {
        "verdict": "worse" if verdict.is_worse else "good",
        "exit_code": int(verdict.is_worse),
        "headline": report.headline,
        "about": report.result.about,
        "baseline": report.then,
        "seconds": report.result.seconds,
        "worse": [figure.name for figure in verdict.worse],
        "figures": [{**asdict(figure), "change": figure.change} for figure in verdict.figures],
        "critical_wrong": [asdict(item) for item in verdict.critical_wrong],
        "losses": [str(loss) for loss in verdict.losses],
        "baseline_age": report.age,
        "causes": [
            {"told": str(one), **asdict(one.change), "explains": one.explains, "of": one.of}
            | {"losses": list(map(str, one.losses))}
            for one in report.causes
        ],
        "newly_wrong": report.reasons,
        "newly_right": [pair.as_dict() for pair in verdict.newly_right],
        "grown_confusions": report.grown_confusions,
        "cells": [[*cell, *values] for cell, values in report.cells.items()],
        "changes": [asdict(change) for change in report.changes],
        "remark": report.remark,
        "not_compared": verdict.not_compared,
    }


def render(template: str, **values: Any) -> str:
    """Renders a template.

    Args:
        template: its file in `assets/`; in `.html` and `.xml` ones values are escaped.
        values: what it shows.
    """
    templates = open_templates(Path(__file__).parent / "assets")
    templates.filters |= {
        "intent": lambda intent: intent.replace("_", " "),
        "markup": escape,
        "shade": _shade,
        "xml": lambda text: _NOT_IN_XML.sub("", text),
    }
    return templates.get_template(template).render(values).rstrip() + "\n"


def show(template: str, **values: Any) -> None:
    """Prints a template with rich's markup, in colour where the terminal has it."""
    Console(highlight=False).print(render(template, **values), soft_wrap=True, end="")


def _shade(share: float) -> str:
    """Returns the background of a cell: white for all right, orange for all wrong; black text is readable on both."""
    worst = (240, 150, 110)
    return "#" + "".join(f"{round(255 - (255 - channel) * min(1.0, 2 * (1 - share))):02x}" for channel in worst)
