"""The report's drawings as numbers for SVG: the trend of the last runs, and how sure the bot is beside how right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor

from bot.regression.history import PastRun
from bot.regression.items import Item

WIDTH, HEIGHT = 640, 220
TREND_FIGURES = ("accuracy", "macro-F1", "out-of-scope recall", "flip rate")
BINS = 10


@dataclass(frozen=True)
class Line:
    """One figure over time."""

    name: str
    points: str
    """As `polyline` takes them."""
    marks: Sequence[tuple[float, float, str]]
    """x, y and what each point says."""
    last: float


@dataclass(frozen=True)
class Trend:
    """The last runs."""

    lines: Sequence[Line]
    ticks: Sequence[tuple[float, str]]
    """y and the label."""
    runs: int


@dataclass(frozen=True)
class Bin:
    """Phrases of like confidence."""

    confidence: float
    right: float
    count: int

    @property
    def x(self) -> float:
        """Where it is drawn."""
        return round(self.confidence * HEIGHT, 1)

    @property
    def y(self) -> float:
        """Where it is drawn."""
        return round((1 - self.right) * HEIGHT, 1)


def trend(runs: Sequence[PastRun]) -> Trend:
    """Returns the trend of the figures that are drawn."""
    values = [run.figures[name] for run in runs for name in TREND_FIGURES if name in run.figures]
    low = floor(min(values, default=0.0) * 10) / 10
    lines = []
    for name in TREND_FIGURES:
        marks = [
            (
                _x(number, len(runs)),
                _y(run.figures[name], low),
                f"{run.started_at[:10]}: {name} {run.figures[name]:.3f}",
            )
            for number, run in enumerate(runs)
            if name in run.figures
        ]
        if marks:
            last = next(run.figures[name] for run in reversed(runs) if name in run.figures)
            lines.append(Line(name, " ".join(f"{x},{y}" for x, y, _ in marks), marks, last))
    steps = [low + (1 - low) * step / 4 for step in range(5)]
    return Trend(lines, [(_y(value, low), f"{100 * value:.0f} %") for value in steps], len(runs))


def reliability(items: Sequence[Item]) -> list[Bin]:
    """Returns the phrases by ten bins of confidence."""
    bins: dict[int, list[Item]] = {}
    for item in items:
        if item.confidence is not None:
            bins.setdefault(min(int(item.confidence * BINS), BINS - 1), []).append(item)
    return [
        Bin(
            sum(item.confidence or 0.0 for item in own) / len(own),
            sum((item.best or item.got) == item.expected for item in own) / len(own),
            len(own),
        )
        for _, own in sorted(bins.items())
    ]


def _x(number: int, count: int) -> float:
    return round(WIDTH * (number / (count - 1) if count > 1 else 0.5), 1)


def _y(value: float, low: float) -> float:
    return round(HEIGHT * (1 - (value - low) / max(1 - low, 0.1)), 1)
