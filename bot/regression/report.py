"""The report of a run: one HTML page, JSON, JUnit XML and a Markdown summary of ten lines, all of the same content."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from math import floor
from pathlib import Path
from statistics import fmean
from typing import Any
from xml.etree import ElementTree

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bot.nlu.explain import Near
from bot.regression.changes import Change
from bot.regression.explanation import Cause, Reason
from bot.regression.figures import refusal_as_intent
from bot.regression.history import PastRun
from bot.regression.items import Item, Pair, Result, write_whole
from bot.regression.verdict import Verdict

ASSETS = Path(__file__).parent / "assets"
TREND_RUNS = 60
GROUPS = {
    "overall": "Overall",
    "languages": "Accuracy by language",
    "intents": "F1 by intent",
    "real style": "Messages in the style of real ones",
    "cells": "One language each",
    "confusions": "Confusions",
    "language": "Language identification",
    "robustness": "Robustness",
    "entities": "Entities",
    "triage": "Two issues and long messages",
    "conversations": "What customers type after an answer",
    "retrieval": "Encoder: texts found in English",
    "exact": "Articles and dialogues",
    "ratios": "Beside Rasa's starter bot",
}
SUMMARY = (
    ("accuracy", "macro-F1"),
    ("out-of-scope recall", "false refusals"),
    ("real style", "real style, out of scope", "follow-ups"),
    ("calibration error", "flip rate"),
    ("language recognised", "long messages", "both issues found"),
)


TREND_FIGURES = ("accuracy", "macro-F1", "out-of-scope recall", "flip rate")
BINS = 10


@dataclass(frozen=True)
class Report:
    """The verdict on a run with its explanation."""

    result: Result
    verdict: Verdict
    causes: Sequence[Cause]
    reasons: Sequence[Reason]
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
        told = [f"{figures} figure{'s' * (figures != 1)}"] * bool(figures)
        told += [f"{phrases} critical phrase{'s' * (phrases != 1)}"] * bool(phrases)
        told += [f"{lost} loss{'es' * (lost != 1)} of content"] * bool(lost)
        return f"worse than the baseline: {' and '.join(told)}"


def write_report(report: Report, folder: Path) -> None:
    """Writes `report.html`, `report.json`, `junit.xml`, `summary.md` and `result.json` into a folder.

    Raises:
        RegressionError: a file could not be written.
    """
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
        "causes": [_cause(cause) for cause in report.causes],
        "newly_wrong": [_reason(reason) for reason in report.reasons],
        "newly_right": [_turned(pair) for pair in verdict.newly_right],
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
    every = [*map(str, verdict.losses), *(f"{figure.name} {figure}" for figure in verdict.worse)]
    worse = ", ".join(every[:5]) or "nothing"
    more = f" and {len(every) - 5} more" if len(every) > 5 else ""
    critical = "; ".join(f"“{item.text}” → {item.got}" for item in verdict.critical_wrong[:3])
    grown = ", ".join(f"{e} → {g} ({then} → {now})" for e, g, then, now in _grown_confusions(verdict.pairs)[:3])
    cause = next(filter(None, [*map(str, report.causes), report.remark, "no change explains it"]))
    old = f" ({report.age})" if report.age else ""
    lines = [
        f"**Nightly regression: {report.headline}** ({about['finished_at'][:16].replace('T', ' ')} UTC)",
        f"Commit {str(about['commit'])[:10]} “{about['subject']}”, baseline {str(report.then.get('commit'))[:10]}{old}",
        *(
            " · ".join(f"{name} {by_name[name]}" for name in names if name in by_name) or "not measured: -"
            for names in SUMMARY
        ),
        f"Worse: {worse}{more}",
        f"Critical phrases wrong: {critical or 'none'}",
        f"Newly wrong {len(verdict.newly_wrong)}, newly right {len(verdict.newly_right)}; grown: {grown or 'none'}",
        f"Probable cause: {cause}" if verdict.is_worse else f"Changes since then: {len(report.changes)}",
    ]
    return "\n- ".join(lines)


def as_junit(report: Report) -> str:
    """Returns JUnit XML: a suite for each group of figures, one of lost content and one of critical phrases."""
    root = ElementTree.Element("testsuites", name="nightly regression")
    verdict = report.verdict
    for group, title in GROUPS.items():
        own = [figure for figure in verdict.figures if figure.group == group]
        if own:
            suite = _suite(root, title, group, [(f.name, str(f) if f.is_worse else "") for f in own])
            for case, figure in zip(suite, own, strict=True):
                ElementTree.SubElement(case, "system-out").text = _clean(str(figure))
    lost = [(loss.name, str(loss)) for loss in verdict.losses]
    _suite(root, "Content", "content", lost or [("nothing is lost", "")])
    wrong = [(item.text, f"{item.expected} expected, {item.got} got") for item in verdict.critical_wrong]
    _suite(root, "Critical phrases", "critical", wrong or [("all are right", "")])
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True)


def _suite(root: ElementTree.Element, title: str, name: str, cases: Sequence[tuple[str, str]]) -> ElementTree.Element:
    """Adds a test suite; its cases are names with the messages of their failures, empty for what has not failed."""
    failures = sum(bool(message) for _, message in cases)
    suite = ElementTree.SubElement(root, "testsuite", name=title, tests=str(len(cases)), failures=str(failures))
    for text, message in cases:
        case = ElementTree.SubElement(suite, "testcase", classname=f"regression.{name}", name=_clean(text))
        if message:
            ElementTree.SubElement(case, "failure", message=_clean(message))
    return suite


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
        groups=GROUPS,
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


def _reliability(items: Sequence[Item]) -> list[tuple[float, float, int]]:
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
        then[pair.now.expected, pair.now.language] += [pair.then.right] if pair.now.set == "intents" else []
    return {
        cell: (fmean(right), fmean(then[cell]) if then[cell] else None, len(right))
        for cell, right in sorted(now.items())
    }


def _grown_confusions(pairs: Sequence[Pair]) -> list[tuple[str, str, int, int]]:
    """Returns expected, got, how often then, how often now, of the confusions that grew."""
    pairs = [pair for pair in pairs if pair.now.set == "intents"]
    now, then = (Counter((p[side].expected, p[side].got) for p in pairs if not p[side].right) for side in (0, 1))
    grown = [(*names, then[names], count) for names, count in now.items() if count > then[names]]
    return sorted(grown, key=lambda row: row[2] - row[3])


def _cause(cause: Cause) -> dict[str, Any]:
    told = {"told": str(cause), **asdict(cause.change)}
    return told | {"explains": cause.explains, "of": cause.of, "losses": list(map(str, cause.losses))}


def _turned(pair: Pair) -> dict[str, Any]:
    return {**asdict(pair.now), "got_then": pair.then.got, "confidence_then": pair.then.confidence}


def _reason(reason: Reason) -> dict[str, Any]:
    return {
        **_turned(reason.turned),
        "reason": reason.told,
        "words": list(reason.words),
        "ngrams": list(reason.ngrams),
        "nearest": [_near(near) for near in reason.near],
        "commits": [f"{change.commit}: {change.description}" for change in reason.changes],
    }


def _near(near: Near) -> dict[str, Any]:
    example = near.example
    return {"text": example.text, "intent": example.intent, "language": example.language, "likeness": near.likeness}


def _clean(text: str) -> str:
    """Returns a text without the characters that XML cannot hold."""
    return "".join(char for char in text if char in "\t\n\r" or ord(char) >= 32)
