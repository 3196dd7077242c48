"""The training's arithmetic."""

from __future__ import annotations

import numpy as np
import pytest

from bot.encoder import Encoder
from bot.encoder.training.train import (
    NothingToLearnError,
    TrainingSettings,
    contrast,
    project,
    quantise,
    train,
)

QUICK = TrainingSettings(dimension=8, features=500, occurrences=1, epochs=30, batch=4)


def test_the_gradient_of_the_contrast_is_that_of_its_loss() -> None:
    generator = np.random.default_rng(1)
    first, second = (generator.standard_normal((5, 4)).astype(np.float64) for _ in range(2))
    _, gradient = contrast(first, second, 3.0)
    step = 1e-2
    for row, column in ((0, 0), (3, 2)):
        moved = first.copy()
        moved[row, column] += step
        up, _ = contrast(moved, second, 3.0)
        moved[row, column] -= 2 * step
        down, _ = contrast(moved, second, 3.0)
        assert gradient[row, column] == pytest.approx((up - down) / (2 * step), rel=0.02, abs=1e-3)


def test_projected_targets_keep_their_cosines() -> None:
    generator = np.random.default_rng(2)
    targets = generator.standard_normal((50, 3)) @ generator.standard_normal((3, 20))
    targets = (targets / np.linalg.norm(targets, axis=1, keepdims=True)).astype(np.float32)
    projected = project(targets, 6)
    np.testing.assert_allclose(projected @ projected.T, targets @ targets.T, atol=1e-4)


def test_taught_texts_move_towards_what_the_teacher_says() -> None:
    segments = [{"nb": "katt og hund", "de": "Katze und Hund"}, {"nb": "bil og båt", "de": "Auto und Boot"}]
    targets = np.eye(4, dtype=np.float32)[:3]
    taught = {"the cat": targets[0], "the car": targets[1], "a feline": targets[0]}
    keys, table = train(segments, taught, QUICK, report=lambda line: None)
    cat, car, feline = Encoder(keys, *quantise(table), {}).encode(["the cat", "the car", "a feline"])
    assert cat @ feline > cat @ car


def test_only_the_most_useful_features_are_kept() -> None:
    segments = [{"nb": f"ord{number} felles", "de": f"wort{number} gemeinsam"} for number in range(20)]
    keys, table = train(segments, {}, TrainingSettings(dimension=8, features=30, occurrences=1, epochs=2))
    assert len(keys) == len(table) == 30


def test_a_single_segment_is_refused() -> None:
    with pytest.raises(NothingToLearnError, match="at least two trees"):
        train([{"nb": "a", "de": "b"}], {}, QUICK)
