"""Random schedules of faults: the checker finds what is planted, and a short schedule finds nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.serving.history import Finding, Kept, Message, check
from benchmarks.serving.schedules import Result, Step, possible, run, shorten, started, steps_of, table

FIRST = Message("page-a", "a1", "hi", 1, 2, 200, 1, ["Hello"], "answered", False, "a@customers.example", "")
TOLD = replace(FIRST, message="a2", sent=3, done=4, number="T-10001-AAAAAA")
OTHER = replace(FIRST, conversation="page-b", message="b1", email="b@customers.example")
HISTORY = [FIRST, TOLD, OTHER]
TICKET = ("T-10001-AAAAAA", "a@customers.example")
KEPT = Kept(
    [("page-a", "a1"), ("page-b", "b1"), ("page-a", "a2")],
    {"page-a": ["a1", "a2"], "page-b": ["b1"]},
    [TICKET],
    {"T-10001-AAAAAA": 1},
)


def test_a_whole_history_has_no_findings() -> None:
    refused = replace(FIRST, message="a3", sent=5, outcome="refused", texts=[])
    assert check([*HISTORY, refused, replace(refused, message="a4", outcome="apology")], KEPT) == []


@pytest.mark.parametrize(
    ("history", "kept", "kind", "about"),
    [
        ([*HISTORY, replace(FIRST, message="a3", sent=5, outcome="lost")], KEPT, "lost", "a3"),
        (HISTORY, replace(KEPT, messages=KEPT.messages[1:]), "lost", "a1"),
        (HISTORY, replace(KEPT, pages={"page-a": ["a2"]}), "lost", "a1"),
        (HISTORY, replace(KEPT, tickets=[(TICKET[0], "b@customers.example")]), "lost", TICKET[0]),
        (HISTORY, replace(KEPT, arrived={}), "lost", TICKET[0]),
        (HISTORY, replace(KEPT, messages=[*KEPT.messages, ("page-a", "a1")]), "doubled", "a1"),
        ([FIRST, TOLD, replace(OTHER, texts=["Hi", "Hi"])], KEPT, "doubled", "b1"),
        (HISTORY, replace(KEPT, tickets=[TICKET, ("T-2", TICKET[1])], arrived={TICKET[0]: 1, "T-2": 1}), "doubled", ""),
        (HISTORY, replace(KEPT, arrived={TICKET[0]: 2}), "doubled", TICKET[0]),
        ([FIRST, TOLD, replace(OTHER, another=True)], KEPT, "mixed", "b1"),
        (HISTORY, replace(KEPT, messages=[*KEPT.messages[:1], ("page-a", "b1"), ("page-a", "a2")]), "mixed", "b1"),
        (HISTORY, replace(KEPT, messages=KEPT.messages[::-1]), "out of order", "a2"),
    ],
)
def test_the_checker_finds_what_is_planted(history: list[Message], kept: Kept, kind: str, about: str) -> None:
    assert (kind, about) in {(found.kind, found.message if about else "") for found in check(history, kept)}


def test_a_seed_gives_the_same_schedule_which_has_every_fault_once_before_any_comes_again() -> None:
    faults = possible("stack")
    first, again, another = (steps_of(seed, "stack", faults, 60) for seed in (1, 1, 2))
    steps = [next(first) for _ in faults]
    assert steps == [next(again) for _ in faults] != [next(another) for _ in faults]
    assert {step.fault for step in steps} == set(faults)


def test_what_fails_is_shortened_to_the_faults_that_it_takes() -> None:
    steps = [Step(fault, 1, 1, 0.5) for fault in ("disk full", "process killed", "connections cut", "process stopped")]
    fails = {"process killed", "process stopped"}

    def again(some: Sequence[Step]) -> Result:
        return Result([], [Finding("lost", "a1", "")] * (fails <= {step.fault for step in some}), [], some)

    assert {step.fault for step in shorten(steps, again)} == fails


def test_customers_of_one_bot_lose_nothing_in_a_short_schedule(trained_model: Path, tmp_path: Path) -> None:
    # The links of customers and of the help desk are there with any parts; nothing is restarted, which takes too long.
    steps = [
        Step("answers dropped", 0, 2, 0),
        Step("process stopped", 0, 2, 0),
        Step("connections cut", 0, 2, 0.9),
    ]
    with started("embedded", trained_model) as bench:
        result = run(bench, iter(steps), 60, tmp_path, customers=2)
    assert result.findings == []
    assert result.steps == steps
    assert sum(one.attempts - 1 for one in result.history) > 0, "nothing was broken"
    assert sum(int(str(row["answered"])) for row in table([result])) == len(result.history)
