"""The report of a run: one HTML page, JSON, JUnit XML and a Markdown summary of ten lines, all of the same content."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from bot.regression.drawing import reliability, trend
from bot.regression.explanation import Explanation, Reason
from bot.regression.figures import Compared, refusal_as_intent
from bot.regression.history import PastRun
from bot.regression.items import Item, Result, write_whole
from bot.regression.verdict import Turned, Verdict

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


@dataclass(frozen=True)
class Report:
    """What is told of a run."""

    result: Result
    verdict: Verdict
    explanation: Explanation
    then: dict[str, Any]
    """About the baseline: when, which commit."""
    runs: Sequence[PastRun]
    """The last runs, this one included."""
    age: str = ""
    """How old the baseline is, in commits and days."""

    @property
    def headline(self) -> str:
        """The verdict in a few words."""
        if not self.verdict.is_worse:
            return "as good as the baseline, or better"
        figures, phrases = len(self.verdict.worse), len(self.verdict.critical_wrong)
        told = [f"{figures} figure{'s' * (figures != 1)}"] * bool(figures)
        told += [f"{phrases} critical phrase{'s' * (phrases != 1)}"] * bool(phrases)
        lost = len(self.verdict.losses)
        told += [f"{lost} loss{'es' * (lost != 1)} of content"] * bool(lost)
        return f"worse than the baseline: {' and '.join(told)}"


def write_report(report: Report, folder: Path) -> None:
    """Writes `report.html`, `report.json`, `junit.xml`, `summary.md` and `result.json` into a folder.

    Raises:
        RegressionError: a file could not be written.
    """
    write_whole(folder / "result.json", json.dumps(report.result.as_dict(), ensure_ascii=False))
    write_whole(folder / "report.json", json.dumps(as_dict(report), ensure_ascii=False, indent=1, default=sorted))
    write_whole(folder / "junit.xml", as_junit(report))
    write_whole(folder / "summary.md", as_markdown(report) + "\n")
    write_whole(folder / "report.html", as_html(report))


def as_dict(report: Report) -> dict[str, Any]:
    """Returns the report as plain values."""
    verdict, explanation = report.verdict, report.explanation
    return {
        "verdict": "worse" if verdict.is_worse else "good",
        "exit_code": verdict.exit_code,
        "headline": report.headline,
        "about": report.result.about,
        "baseline": report.then,
        "seconds": dict(report.result.seconds),
        "worse": [figure.name for figure in verdict.worse],
        "figures": [{**asdict(figure), "change": figure.change} for figure in (*verdict.figures, *verdict.numbers)],
        "critical_wrong": [asdict(item) for item in verdict.critical_wrong],
        "losses": [str(loss) for loss in verdict.losses],
        "baseline_age": report.age,
        "causes": [{"told": str(cause), **asdict(cause.change), "explains": cause.explains, "of": cause.of,
                    "losses": list(map(str, cause.losses))} for cause in explanation.causes],
        "newly_wrong": [_reason(reason) for reason in explanation.reasons],
        "newly_right": [_turned(pair) for pair in verdict.newly_right],
        "grown_confusions": [list(row) for row in explanation.confusions],
        "cells": [[*cell, *values] for cell, values in explanation.cells.items()],
        "changes": [asdict(change) for change in explanation.changes],
        "remark": explanation.remark,
        "not_compared": verdict.not_compared,
    }  # fmt: skip


def as_markdown(report: Report) -> str:
    """Returns the summary: ten lines for a chat channel."""
    verdict, about = report.verdict, report.result.about
    by_name = {figure.name: figure for figure in verdict.figures}
    every = [*map(str, verdict.losses), *(f"{f.name} {shown(f)}" for f in verdict.worse)]
    worse = ", ".join(every[:5])
    more = f" and {len(every) - 5} more" if len(every) > 5 else ""
    critical = "; ".join(f"“{item.text}” → {item.got}" for item in verdict.critical_wrong[:3])
    grown = ", ".join(f"{e} → {g} ({then} → {now})" for e, g, then, now in report.explanation.confusions[:3])
    known = [*map(str, report.explanation.causes), report.explanation.remark, "no change explains it"]
    cause = next(filter(None, known))
    old = f" ({report.age})" if report.age else ""
    lines = [
        f"**Nightly regression: {report.headline}** ({about['finished_at'][:16].replace('T', ' ')} UTC)",
        f"Commit {str(about['commit'])[:10]} “{about['subject']}”, baseline {str(report.then.get('commit'))[:10]}{old}",
        *(
            " · ".join(f"{name} {shown(by_name[name])}" for name in names if name in by_name) or "not measured: -"
            for names in SUMMARY
        ),
        f"Worse: {worse}{more}" if worse else "Worse: nothing",
        f"Critical phrases wrong: {critical or 'none'}",
        f"Newly wrong {len(verdict.newly_wrong)}, newly right {len(verdict.newly_right)}; grown: {grown or 'none'}",
        f"Probable cause: {cause}" if verdict.is_worse else f"Changes since then: {len(report.explanation.changes)}",
    ]
    return "\n".join(f"{'' if number == 0 else '- '}{line}" for number, line in enumerate(lines))


def as_junit(report: Report) -> str:
    """Returns JUnit XML: a suite for each group of figures, and one of critical phrases."""
    root = ElementTree.Element("testsuites", name="nightly regression")
    compared = [*report.verdict.figures, *report.verdict.numbers]
    for group, title in GROUPS.items():
        own = [figure for figure in compared if figure.group == group]
        if not own:
            continue
        failed = sum(figure.is_worse for figure in own)
        suite = ElementTree.SubElement(root, "testsuite", name=title, tests=str(len(own)), failures=str(failed))
        for figure in own:
            case = ElementTree.SubElement(suite, "testcase", classname=f"regression.{group}", name=figure.name)
            if figure.is_worse:
                ElementTree.SubElement(case, "failure", message=_clean(shown(figure)))
            ElementTree.SubElement(case, "system-out").text = _clean(shown(figure))
    lost = report.verdict.losses
    suite = ElementTree.SubElement(
        root, "testsuite", name="Content", tests=str(max(len(lost), 1)), failures=str(len(lost))
    )
    if not lost:
        ElementTree.SubElement(suite, "testcase", classname="regression.content", name="nothing is lost")
    for loss in lost:
        case = ElementTree.SubElement(suite, "testcase", classname="regression.content", name=_clean(loss.name))
        ElementTree.SubElement(case, "failure", message=_clean(str(loss)))
    wrong = report.verdict.critical_wrong
    suite = ElementTree.SubElement(
        root, "testsuite", name="Critical phrases", tests=str(max(len(wrong), 1)), failures=str(len(wrong))
    )
    if not wrong:
        ElementTree.SubElement(suite, "testcase", classname="regression.critical", name="all are right")
    for item in wrong:
        case = ElementTree.SubElement(suite, "testcase", classname="regression.critical", name=_clean(item.text))
        told = f"{item.expected} expected, {item.got} got"
        ElementTree.SubElement(case, "failure", message=_clean(told))
    return ElementTree.tostring(root, encoding="unicode", xml_declaration=True)


def as_html(report: Report) -> str:
    """Returns the page: nothing in it is fetched from anywhere."""
    environment = Environment(loader=FileSystemLoader(ASSETS), autoescape=True, undefined=StrictUndefined)
    environment.filters |= {"shown": shown, "value": _value, "intent": _words, "shade": _shade}
    matrix = _confusion_matrix(report.result.of("intents"))
    return environment.get_template("report.html").render(
        report=report,
        summary=as_markdown(report),
        groups=GROUPS,
        compared=[*report.verdict.figures, *report.verdict.numbers],
        labels=matrix[0],
        matrix=matrix[1],
        cells=report.explanation.cells,
        cell_intents=sorted({intent for intent, _ in report.explanation.cells}),
        languages=sorted({language for _, language in report.explanation.cells}),
        trend=trend(report.runs[-TREND_RUNS:]),
        reliability=reliability(report.result.of("intents")),
        wrong=[item for item in report.result.items if not item.right],
        style=(ASSETS / "report.css").read_text(encoding="utf8"),
        script=(ASSETS / "report.js").read_text(encoding="utf8"),
    )


def shown(figure: Compared) -> str:
    """Returns a figure beside that of the baseline, as people read it."""
    now, then = _value(figure, figure.now), "new" if figure.then is None else f"was {_value(figure, figure.then)}"
    return f"{now} ({then})"


def _value(figure: Compared, value: float | None) -> str:
    if value is None:
        return ""
    if figure.group == "ratios":
        return f"{value:.2f}"
    return f"{value:.3f}" if figure.name.startswith(("F1", "macro", "calibration")) else f"{100 * value:.1f} %"


def _words(intent: str) -> str:
    return intent.replace("_", " ")


def _shade(share: float) -> str:
    """Returns the background of a cell: white for all right, orange for all wrong; black text is readable on both."""
    worst = (240, 150, 110)
    return "#" + "".join(f"{round(255 - (255 - channel) * min(1.0, 2 * (1 - share))):02x}" for channel in worst)


def _confusion_matrix(items: Sequence[Item]) -> tuple[list[str], dict[tuple[str, str], int]]:
    counted = Counter((item.expected, refusal_as_intent(item.got)) for item in items)
    return sorted({label for pair in counted for label in pair}), dict(counted)


def _turned(pair: Turned) -> dict[str, Any]:
    return {**asdict(pair.now), "got_then": pair.then.got, "confidence_then": pair.then.confidence}


def _reason(reason: Reason) -> dict[str, Any]:
    near = [
        {"text": n.example.text, "intent": n.example.intent, "language": n.example.language, "likeness": n.likeness}
        for n in reason.near
    ]
    commits = [f"{change.commit}: {change.description}" for change in reason.changes]
    pulled = {"words": list(reason.words), "ngrams": list(reason.ngrams)}
    return {**_turned(reason.turned), "reason": reason.told, **pulled, "nearest": near, "commits": commits}


def _clean(text: str) -> str:
    """Returns a text without the characters that XML cannot hold."""
    return "".join(char for char in text if char in "\t\n\r" or ord(char) >= 32)
