"""Summary of a run: counts by intent, language and queue, and their tables."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

import pyarrow as pa
from rich.console import Console
from rich.table import Table

COUNTED = ("intent", "language", "queue")
_BAR = 30
"""Characters of the bar of all tickets."""


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
            table = Table(name, "tickets", "share", "")
            for value, count in counter.most_common():
                share = count / self.rows
                table.add_row(value, f"{count:,}", f"{share:.1%}", "█" * round(_BAR * share))
            console.print(table)
        console.print(f"{self.rows:,} tickets triaged, {self.rejected:,} rows rejected.")
