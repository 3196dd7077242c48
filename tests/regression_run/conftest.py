"""A small project with an accepted baseline, made once: damages are done to it and taken back."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.page.conftest import browser  # noqa: F401 - the same browser opens the report
from tests.regression_run.sandbox import Sandbox, accept, make_sandbox, make_whole_sandbox


@pytest.fixture(scope="session")
def accepted(request: pytest.FixtureRequest, root: Path, tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """The sandbox with its baseline."""
    make = make_whole_sandbox if request.config.getoption("--shipped-data") else make_sandbox
    sandbox = make(tmp_path_factory.mktemp("project"), root)
    accept(sandbox)
    return sandbox


@pytest.fixture
def sandbox(accepted: Sandbox) -> Iterator[Sandbox]:
    """The sandbox as it was accepted; what a test does to it is taken back."""
    yield accepted
    accepted.go_back()
