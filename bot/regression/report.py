"""The report of a run: one HTML page, JSON, JUnit XML and a Markdown summary of ten lines, all of the same content."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from math import floor
from pathlib import Path
from statistics import fmean
from typing import Any
from xml.etree import ElementTree

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bot.regression.changes import Change
from bot.regression.explain import Cause
from bot.regression.figures import refusal_as_intent
from bot.regression.history import PastRun
from bot.regression.items import Item, Pair, Result, counted, write_whole
from bot.regression.verdict import Verdict

ASSETS = Path(__file__).parent / "assets"
TREND_RUNS = 60
SUMMARY = (
    ("accuracy", "macro-F1"),
    ("out-of-scope recall", "false refusals"),
    ("real style", "real style, out of scope", "follow-ups"),
    ("calibration error", "flip rate"),
    ("language recognised", "long messages", "both issues found"),
)
TREND_FIGURES = ("accuracy", "macro-F1", "out-of-scope recall", "flip rate")
BINS = 10
_NOT_IN_XML = re.compile(r"[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Report:
    """The verdict on a run with its explanation."""

    result: Result
    verdict: Verdict
    causes: Sequence[Cause]
    reasons: Sequence[Mapping[str, Any]]
    """As `find_reasons` returns them."""
    changes: Sequence[Change]
    """The changes since the baseline."""
    then: Mapping[str, Any]
    """About the baseline: when, which commit."""
    remark: str = ""
    """What keeps causes from being read, or made it harder."""
    runs: Sequence[PastRun] = ()
    """The last runs, this one included."""
    age: str = ""
    """How old the baseline is, in commits and days."""

    @property
    def headline(self) -> str:
        """The verdict in a few words."""
        if not self.verdict.is_worse:
            return "as good as the baseline, or better"
        figures, phrases, lost = map(len, (self.verdict.worse, self.verdict.critical_wrong, self.verdict.losses))
        told = [counted(figures, "figure")] * bool(figures) + [counted(phrases, "critical phrase")] * bool(phrases)
        told += [counted(lost, "loss of content", "losses of content")] * bool(lost)
        return f"worse than the baseline: {' and '.join(told)}"


def write_report(report: Report, folder: Path) -> None:
    """Writes `report.html`, `report.json`, `junit.xml`, `summary.md` and `result.json` into a folder."""
    report.result.write(folder / "result.json")
    write_whole(folder / "report.json", json.dumps(as_dict(report), ensure_ascii=False, indent=1, default=sorted))
    write_whole(folder / "junit.xml", as_junit(report))
    write_whole(folder / "summary.md", as_markdown(report) + "\n")
    write_whole(folder / "report.html", as_html(report))


def as_dict(report: Report) -> dict[str, Any]:
    """Returns the report as plain values."""
    verdict = report.verdict
    return {
        "verdict": "worse" if verdict.is_worse else "good",
        "exit_code": verdict.exit_code,
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
        "grown_confusions": _grown_confusions(verdict.pairs),
        "cells": [[*cell, *values] for cell, values in _heat_map(report).items()],
        "changes": [asdict(change) for change in report.changes],
        "remark": report.remark,
        "not_compared": verdict.not_compared,
    }


def as_markdown(report: Report) -> str:
    """Returns the summary: ten lines for a chat channel."""
    verdict, about = report.verdict, report.result.about
    by_name = {figure.name: figure for figure in verdict.figures}
    worse = [*map(str, verdict.losses), *(f"{figure.name} {figure}" for figure in verdict.worse)]
    more = f" and {len(worse) - 5} more" if len(worse) > 5 else ""
    critical = "; ".join(f"“{item.text}” → {item.got}" for item in verdict.critical_wrong[:3])
    grown = ", ".join(f"{e} → {g} ({then} → {now})" for e, g, then, now in _grown_confusions(verdict.pairs)[:3])
    cause = next(filter(None, [*map(str, report.causes), report.remark, "no change explains it"]))
    old = f" ({report.age})" if report.age else ""
    figures = (
        " · ".join(f"{name} {by_name[name]}" for name in names if name in by_name) or "not measured: -"
        for names in SUMMARY
    )
    lines = [
        f"**Nightly regression: {report.headline}** ({about['finished_at'][:16].replace('T', ' ')} UTC)",
        f"Commit {str(about['commit'])[:10]} “{about['subject']}”, baseline {str(report.then.get('commit'))[:10]}{old}",
        *figures,
        f"Worse: {', '.join(worse[:5]) or 'nothing'}{more}",
        f"Critical phrases wrong: {critical or 'none'}",
        f"Newly wrong {len(verdict.newly_wrong)}, newly right {len(verdict.newly_right)}; grown: {grown or 'none'}",
        f"Probable cause: {cause}" if verdict.is_worse else f"Changes since then: {len(report.changes)}",
    ]
    return "\n- ".join(lines)


def as_junit(report: Report) -> str:
    """Returns JUnit XML: a suite for each group of figures, one of lost content and one of critical phrases."""
    root, verdict = ElementTree.Element("testsuites", name="nightly regression"), report.verdict
    for group in dict.fromkeys(figure.group for figure in verdict.figures):
        _suite(root, group, [(f.name, f.is_worse, str(f)) for f in verdict.figures if f.group == group])
    _suite(root, "content", [(loss.name, True, str(loss)) for loss in verdict.losses])
    wrong = [(item.text, True, f"{item.expected} expected, {item.got} got") for item in verdict.critical_wrong]
    _suite(root, "critical phrases", wrong)
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True)


def _suite(root: ElementTree.Element, name: str, cases: Sequence[tuple[str, bool, str]]) -> None:
    """Adds a test suite of cases: names, whether they have failed, and what is to be said of them."""
    failures = sum(failed for _, failed, _ in cases)
    suite = ElementTree.SubElement(root, "testsuite", name=name, tests=str(len(cases)), failures=str(failures))
    for text, failed, told in cases:
        classname = f"regression.{name}"
        case = ElementTree.SubElement(suite, "testcase", classname=classname, name=_NOT_IN_XML.sub("", text))
        if failed:
            ElementTree.SubElement(case, "failure", message=told)
        ElementTree.SubElement(case, "system-out").text = told


def as_html(report: Report) -> str:
    """Returns the page: nothing in it is fetched from anywhere."""
    environment = Environment(loader=FileSystemLoader(ASSETS), autoescape=True, undefined=StrictUndefined)
    environment.filters |= {"intent": lambda intent: intent.replace("_", " "), "shade": _shade}
    items = report.result.of("intents")
    matrix = Counter((item.expected, refusal_as_intent(item.got)) for item in items)
    cells = _heat_map(report)
    runs = report.runs[-TREND_RUNS:]
    trend = {
        name: [(n, run.started_at[:10], run.figures[name]) for n, run in enumerate(runs) if name in run.figures]
        for name in TREND_FIGURES
    }
    values = [value for points in trend.values() for _, _, value in points]
    return environment.get_template("report.html").render(
        report=report,
        summary=as_markdown(report),
        confusions=_grown_confusions(report.verdict.pairs),
        labels=sorted({label for pair in matrix for label in pair}),
        matrix=matrix,
        cells=cells,
        cell_intents=sorted({intent for intent, _ in cells}),
        languages=sorted({language for _, language in cells}),
        runs=len(runs),
        trend={name: points for name, points in trend.items() if points},
        lowest=floor(min(values, default=0.0) * 10) / 10,
        reliability=_reliability(items),
        wrong=[item for item in report.result.items if not item.right],
        style=(ASSETS / "report.css").read_text(encoding="utf8"),
        script=(ASSETS / "report.js").read_text(encoding="utf8"),
    )


def _shade(share: float) -> str:
    """Returns the background of a cell: white for all right, orange for all wrong; black text is readable on both."""
    worst = (240, 150, 110)
    return "#" + "".join(f"{round(255 - (255 - channel) * min(1.0, 2 * (1 - share))):02x}" for channel in worst)


def _reliability(items: Iterable[Item]) -> list[tuple[float, float, int]]:
    """Returns mean confidence, share of right answers and count of the phrases by ten bins of confidence."""
    bins: dict[int, list[tuple[float, bool]]] = defaultdict(list)
    for item in items:
        if item.confidence is not None:
            right = (item.best or item.got) == item.expected
            bins[min(int(item.confidence * BINS), BINS - 1)].append((item.confidence, right))
    return [(fmean(c for c, _ in own), fmean(right for _, right in own), len(own)) for _, own in sorted(bins.items())]


def _heat_map(report: Report) -> dict[tuple[str, str], tuple[float, float | None, int]]:
    """Returns by intent and language: accuracy now, accuracy then (None without a baseline), phrases."""
    now: dict[tuple[str, str], list[bool]] = defaultdict(list)
    then: dict[tuple[str, str], list[bool]] = defaultdict(list)
    for item in report.result.of("intents"):
        now[item.expected, item.language].append(item.right)
    for pair in report.verdict.pairs:
        if pair.now.set == "intents":
            then[pair.now.expected, pair.now.language].append(pair.then.right)
    return {
        cell: (fmean(right), fmean(then[cell]) if then[cell] else None, len(right))
        for cell, right in sorted(now.items())
    }


def _grown_confusions(pairs: Iterable[Pair]) -> list[tuple[str, str, int, int]]:
    """Returns expected, got, how often then, how often now, of the confusions that grew."""
    pairs = [pair for pair in pairs if pair.now.set == "intents"]
    now, then = (Counter((p[side].expected, p[side].got) for p in pairs if not p[side].right) for side in (0, 1))
    grown = [(*names, then[names], count) for names, count in now.items() if count > then[names]]
    return sorted(grown, key=lambda row: row[2] - row[3])
