"""Turns what was measured into a table with ratios and targets."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from benchmarks.peer.measure import Samples


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    measured: str
    unit: str
    ours: float
    theirs: float
    target: float | None = None
    """The largest ratio that is good enough; None where there is no target."""

    @property
    def ratio(self) -> float:
        """Our figure by theirs."""
        return self.ours / self.theirs

    @property
    def is_missed(self) -> bool:
        """Whether there is a target, and the ratio is above it."""
        return self.target is not None and self.ratio > self.target


def median_row(measured: str, unit: str, samples: Samples, scale: float = 1.0, target: float | None = None) -> Row:
    """Compares the medians of both bots.

    Args:
        measured: what the row shows.
        unit: of the figures shown.
        samples: what was measured of `ours` and of the other bot.
        scale: shown figure = measured figure * scale.
        target: the largest ratio that is good enough.
    """
    ours, theirs = (statistics.median(samples[name]) * scale for name in _names(samples))
    return Row(measured, unit, ours, theirs, target)


def slowest_row(measured: str, unit: str, samples: Samples, scale: float = 1.0) -> Row:
    """Compares the 95th percentiles of both bots; arguments as for `median_row`."""
    ours, theirs = (percentile_95(samples[name]) * scale for name in _names(samples))
    return Row(measured, unit, ours, theirs)


def percentile_95(values: Sequence[float]) -> float:
    """Returns the value that 95 % of the values do not exceed, interpolated."""
    return statistics.quantiles(values, n=20, method="inclusive")[-1]


def table(rows: Sequence[Row]) -> str:
    """Returns the rows as a Markdown table."""
    lines = [
        "| measured | unit | ours | rasa init | ours ÷ rasa init | target |",
        "|---|---|---:|---:|---:|---|",
    ]
    for row in rows:
        verdict = "" if row.target is None else f"≤ {row.target:.1f}: {'missed' if row.is_missed else 'met'}"
        figures = f"{_shown(row.ours)} | {_shown(row.theirs)} | {row.ratio:.2f}"
        lines.append(f"| {row.measured} | {row.unit} | {figures} | {verdict} |")
    return "\n".join(lines)


def _shown(figure: float) -> str:
    return f"{figure:.0f}" if figure >= 100 else f"{figure:.1f}"


def _names(samples: Samples) -> tuple[str, str]:
    (theirs,) = (name for name in samples if name != "ours")
    return "ours", theirs
