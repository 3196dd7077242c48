"""`python -m bot regression accept` says what it accepts."""

from __future__ import annotations

import pytest

from tests.regression_run.sandbox import STEPS, Sandbox

pytestmark = [pytest.mark.full, pytest.mark.timeout(1800)]


def test_a_set_that_the_run_left_out_is_said_to_be_compared_no_longer(sandbox: Sandbox) -> None:
    model = sandbox.accepted_model
    left_out = ("with page", "robustness", "entities", "articles")
    measured = sandbox.bot("regression", "run", "--model", model, "--without", *STEPS, *left_out)
    assert measured.returncode == 0, measured.stdout + measured.stderr
    accepted = sandbox.bot("regression", "accept", variables={"COLUMNS": "400"})
    assert accepted.returncode == 0, accepted.stderr
    (told,) = [line for line in accepted.stdout.splitlines() if line.startswith("no longer compared")]
    assert "articles/nb" in told
    assert "intents/nb" not in told
