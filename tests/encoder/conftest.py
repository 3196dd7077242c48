"""A tiny parallel tree in three languages, written for these tests, and an encoder learned from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.encoder import Encoder
from bot.encoder.training.align import AlignmentReport, Segment, align_trees
from bot.encoder.training.train import TrainingSettings, quantise, train

TREES = Path(__file__).parent / "trees"
TINY = TrainingSettings(dimension=32, features=4000, occurrences=1, epochs=40, batch=16)


@pytest.fixture(scope="session")
def trees() -> list[Path]:
    """One folder per locale."""
    return sorted(path for path in TREES.iterdir() if path.is_dir())


@pytest.fixture(scope="session")
def alignment(trees: list[Path]) -> tuple[list[Segment], AlignmentReport]:
    """The aligned segments and the report."""
    return align_trees(trees)


@pytest.fixture(scope="session")
def tiny_encoder(alignment: tuple[list[Segment], AlignmentReport]) -> Encoder:
    """An encoder learned from the tiny trees without a teacher."""
    segments, _ = alignment
    keys, table = train([segment.texts for segment in segments], {}, TINY, report=lambda line: None)
    return Encoder(keys, *quantise(table), {"licence": "MIT"})
