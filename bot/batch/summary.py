"""Summary of a run: a table for the terminal, a plot for a report."""

from __future__ import annotations

import base64
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path

import pyarrow as pa
from jinja2 import Template
from rich.console import Console
from rich.table import Table

COUNTED = ("intent", "language", "queue")
_SHOWN = 40
_PAGE = Template(
    """<!DOCTYPE html>
<html lang="en"><meta charset="utf-8"><title>Batch triage</title>
<style>body{font:16px/1.5 sans-serif;max-width:60em;margin:2em auto;padding:0 1em}table{border-collapse:collapse}
td,th{padding:.1em 1em .1em 0;text-align:left}td:last-child{text-align:right}img{max-width:100%}</style>
<h1>Batch triage</h1>
<p>{{ summary.rows }} tickets triaged, {{ summary.rejected }} rows rejected.</p>
<img alt="Tickets by intent, language and queue, as in the tables below" src="data:image/png;base64,{{ plot }}">
{% for name, counts in summary.counts.items() %}<h2>By {{ name }}</h2>
<table><tr><th>{{ name }}<th>tickets</tr>
{% for value, count in counts.most_common() %}<tr><td>{{ value }}<td>{{ count }}</tr>
{% endfor %}</table>{% endfor %}
</html>
""",
    autoescape=True,
)


@dataclass
class Summary:
    """Counts of a run's results."""

    rows: int = 0
    rejected: int = 0
    counts: Mapping[str, Counter[str]] = field(default_factory=lambda: {name: Counter() for name in COUNTED})

    def add(self, batch: pa.RecordBatch, rejected: int) -> None:
        """Counts some results, and rows without one."""
        self.rows += batch.num_rows
        self.rejected += rejected
        for name, counter in self.counts.items():
            counter.update(batch.column(name).to_pylist())

    def show(self, console: Console) -> None:
        """Prints the counts."""
        for name, counter in self.counts.items():
            table = Table(name, "tickets", "share")
            for value, count in counter.most_common():
                table.add_row(value, f"{count:,}", f"{count / self.rows:.1%}")
            console.print(table)
        console.print(f"{self.rows:,} tickets triaged, {self.rejected:,} rows rejected.")

    def write_report(self, path: Path) -> None:
        """Writes the counts as a plot (`.png`) or as a page with plot and tables (`.html`)."""
        if path.suffix == ".png":
            path.write_bytes(self._plot())
        else:
            plot = base64.b64encode(self._plot()).decode()
            path.write_text(_PAGE.render(summary=self, plot=plot), encoding="utf8")

    def _plot(self) -> bytes:
        from matplotlib.figure import Figure

        heights = [max(1, len(counter)) for counter in self.counts.values()]
        figure = Figure(figsize=(9, 2 + 0.25 * sum(heights)), constrained_layout=True)
        axes = figure.subplots(len(heights), 1, gridspec_kw={"height_ratios": heights})
        for axis, (name, counter) in zip(axes, self.counts.items(), strict=True):
            values = counter.most_common(_SHOWN)[::-1]
            bars = axis.barh([value for value, _ in values], [count for _, count in values], color="#2b6cb0")
            axis.bar_label(bars, labels=[f" {count:,}" for _, count in values])
            axis.set_title(f"tickets by {name}", loc="left")
            axis.spines[["top", "right"]].set_visible(False)
            axis.margins(x=0.12)
        drawn = BytesIO()
        figure.savefig(drawn, format="png")
        return drawn.getvalue()
