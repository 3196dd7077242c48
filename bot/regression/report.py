"""Writes the report of a run: HTML page, JSON and a Markdown summary of ten lines.

The templates in `assets/` are rendered here, those of explanations of a phrase, too.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from statistics import fmean
from typing import Any

from rich.console import Console
from rich.markup import escape

from bot.files import write_whole
from bot.regression.changes import Change
from bot.regression.items import Result, counted
from bot.regression.measure import refusal_as_intent
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


@dataclass(frozen=True)
class Report:
    """The verdict on a run with its explanation."""

    result: Result
    verdict: Verdict
    causes: Sequence[Mapping[str, Any]]
    """The changes that explain it, as `find_causes` returns them."""
    reasons: Sequence[Mapping[str, Any]]
    """The newly wrong answers, as `find_reasons` yields them."""
    changes: Sequence[Change]
    """The changes since the baseline."""
    then: Mapping[str, Any]
    """About the baseline: when, which commit."""
    remark: str
    """Reason for which causes cannot be read; empty where they can."""
    runs: Sequence[PastRun]
    """The last runs, this one included."""

    @property
    def headline(self) -> str:
        """The verdict in a few words."""
        verdict = self.verdict
        bad = {"figure": verdict.worse, "critical phrase": verdict.critical_wrong, "lost part": verdict.losses}
        counts = " and ".join(counted(len(found), noun) for noun, found in bad.items() if found)
        return f"worse than the baseline: {counts}" if counts else "as good as the baseline, or better"

    @cached_property
    def summary(self) -> str:
        """Markdown of ten lines, for a chat channel."""
        figures = {figure.name: figure for figure in self.verdict.figures}
        worse = [*map(str, self.verdict.losses), *(f"{figure.name} {figure}" for figure in self.verdict.worse)]
        return render("summary.md", report=self, lines=SUMMARY, figures=figures, worse=worse)

    @cached_property
    def cells(self) -> dict[tuple[str, str], tuple[float, int]]:
        """By intent and language: accuracy, phrases."""
        right: dict[tuple[str, str], list[bool]] = defaultdict(list)
        for item in self.result.of("intents"):
            right[item.expected, item.language].append(item.right)
        return {cell: (fmean(own), len(own)) for cell, own in sorted(right.items())}

    @property
    def matrix(self) -> Counter[tuple[str, str]]:
        """Returns how often each intent was expected, and how often predicted."""
        return Counter((item.expected, refusal_as_intent(item.got)) for item in self.result.of("intents"))

    @property
    def trend(self) -> dict[str, list[tuple[int, str, float]]]:
        """By figure that this run has, of each run that has it: its number, its day and the value."""
        runs = [(number, run.started_at[:10], run.figures) for number, run in enumerate(self.runs)]
        return {
            name: [(number, day, figures[name]) for number, day, figures in runs if name in figures]
            for name in TREND_FIGURES
            if name in self.runs[-1].figures
        }


def write_report(folder: Path, report: Report) -> None:
    """Writes `report.html`, `report.json` (plain values for programs) and `summary.md` into a folder."""
    verdict = report.verdict
    values = {
        "exit_code": int(verdict.is_worse),
        "headline": report.headline,
        "about": report.result.about,
        "baseline": report.then,
        "seconds": report.result.seconds,
        "worse": [figure.name for figure in verdict.worse],
        "figures": [{**asdict(figure), "change": figure.change} for figure in verdict.figures],
        "critical_wrong": [asdict(item) for item in verdict.critical_wrong],
        "losses": [str(loss) for loss in verdict.losses],
        "causes": report.causes,
        "newly_wrong": report.reasons,
        "newly_right": [pair.as_dict() for pair in verdict.newly_right],
        "changes": [asdict(change) for change in report.changes],
        "remark": report.remark,
        "not_compared": verdict.not_compared,
    }
    write_whole(folder / "report.json", json.dumps(values, ensure_ascii=False, indent=1, default=sorted))
    write_whole(folder / "summary.md", report.summary)
    write_whole(folder / "report.html", render("report.html", report=report))


def render(template: str, **values: Any) -> str:
    """Renders a template.

    Args:
        template: its file in `assets/`; in `.html` ones values are escaped.
        values: what it shows.
    """
    templates = open_templates(Path(__file__).parent / "assets")
    templates.filters |= {"intent": lambda intent: intent.replace("_", " "), "markup": escape, "shade": _shade}
    return templates.get_template(template).render(values).rstrip() + "\n"


def show(template: str, **values: Any) -> None:
    """Prints a template with rich's markup, in colour where the terminal has it."""
    Console(highlight=False).print(render(template, **values), soft_wrap=True, end="")


def _shade(share: float) -> str:
    """Returns the background of a cell: white for all right, orange for all wrong; black text is readable on both."""
    worst = (240, 150, 110)
    return "#" + "".join(f"{round(255 - (255 - channel) * min(1.0, 2 * (1 - share))):02x}" for channel in worst)
