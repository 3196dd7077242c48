"""Live chats go on whatever server is killed: nothing is lost, doubled, out of order or somebody else's."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from benchmarks.serving.live_faults import EMBEDDED_FAULTS, STACK_FAULTS, compare, servers_with_agents, with_live_fault
from tests.conftest import or_skip
from tests.support.stack import Embedded, Stack

CHATS = 10
NOTHING_WRONG = {"lost": 0, "doubled": 0, "out of order": 0, "another's": 0, "bot spoke": 0, "refused": 0}
EMBEDDED = [("embedded", name) for name in EMBEDDED_FAULTS if name != "none"]
# Two minutes.
STACK = [pytest.param("stack", name, marks=pytest.mark.full) for name in STACK_FAULTS if name != "none"]


@pytest.fixture(scope="module")
def servers(request: pytest.FixtureRequest, trained_model: Path) -> Iterator[Stack | Embedded]:
    """A bot with SQLite, or two with PostgreSQL and Redis; and the agents' desk."""
    with tempfile.TemporaryDirectory(prefix="live") as folder:
        servers = or_skip(lambda: servers_with_agents(request.param, Path(folder), trained_model))
        try:
            servers.start()
            yield servers
        finally:
            servers.stop()


@pytest.mark.parametrize(("servers", "fault"), [*EMBEDDED, *STACK], indirect=["servers"])
def test_whatever_is_killed_live_chats_lose_and_double_nothing(servers: Stack | Embedded, fault: str) -> None:
    row = with_live_fault(servers, fault, CHATS, lines=3)
    assert {name: row[name] for name in NOTHING_WRONG} == NOTHING_WRONG
    assert row["bot goes on"] == row["chats"] == CHATS


@pytest.mark.parametrize(
    ("found", "wrong"),
    [
        (["a", "b", "c"], {}),
        (["a", "c"], {"lost": 1}),
        (["a", "b", "b", "c"], {"doubled": 1}),
        (["b", "a", "c"], {"out of order": 1}),
        (["a", "x", "b", "c"], {"another's": 1}),
    ],
)
def test_what_is_wrong_is_counted(found: list[str], wrong: dict[str, int]) -> None:
    assert +compare(["a", "b", "c"], found) == Counter(wrong)
