"""What goes through a batch run: chunks of rows, and rows that are turned away."""

from __future__ import annotations

from dataclasses import dataclass

CHUNK_ROWS = 2000
"""Rows that are understood together. What a row's result is does not depend on its neighbours, but the last digit of a
confidence may; so the number is the same on one machine and on a cluster."""


class BatchError(RuntimeError):
    """The run cannot begin or go on; the message says why and what to do."""


@dataclass(frozen=True)
class Rejected:
    """A row without a result."""

    row: int
    """Number of the row, from 1; a header does not count."""
    id: str
    """Empty where it could not be read."""
    reason: str


@dataclass(frozen=True)
class Row:
    """A row that can be triaged."""

    row: int
    id: str
    text: str


@dataclass(frozen=True)
class Chunk:
    """Neighbouring rows of the input."""

    number: int
    """From 0."""
    rows: tuple[Row, ...]
    rejected: tuple[Rejected, ...]
    position: int
    """How much of the input has been read behind it, in the units of the source's `total`."""

    @property
    def size(self) -> int:
        """Number of rows, with rejected ones."""
        return len(self.rows) + len(self.rejected)

    @property
    def label(self) -> str:
        """What the chunk is called in messages."""
        numbers = [*(row.row for row in self.rows), *(one.row for one in self.rejected)]
        return f"rows {min(numbers)} to {max(numbers)}"
