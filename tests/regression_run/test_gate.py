"""The gate on real damage: the small project is damaged, committed, trained and judged as in a night."""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest

from tests.regression_run.damages import DAMAGES, HARMLESS, Damage
from tests.regression_run.sandbox import STEPS, Sandbox

OFTEN_DAMAGES = {"a pair is swapped in one language"}
OFTEN_HARMLESS = {"ten phrases are added"}

DIALOGUES_TOO = {"a rule is removed", "an article's steps are emptied", "another seed", "a rule is renamed"}
"""On the shipped data, whole dialogues are played after these as well: they take two minutes."""

pytestmark = pytest.mark.timeout(1800)


def judged(sandbox: Sandbox, case: str) -> subprocess.CompletedProcess[str]:
    """Trains and judges the sandbox as in a night."""
    left_out = sandbox.steps_left_out if case in DIALOGUES_TOO else STEPS
    return sandbox.run("--without", *left_out)


def change_name(change: Callable[[Sandbox], None]) -> str:
    return next(name for name, known in HARMLESS.items() if known is change)


def _param(name: str, value: object, often: set[str]) -> object:
    return pytest.param(value, id=name, marks=[] if name in often else pytest.mark.full)


@pytest.mark.parametrize("damage", [_param(damage.done, damage, OFTEN_DAMAGES) for damage in DAMAGES])
def test_a_damage_fails_the_run_and_is_named_as_the_first_cause(sandbox: Sandbox, damage: Damage) -> None:
    damage.do(sandbox)
    sandbox.commit("A change in good faith")
    done = judged(sandbox, damage.done)
    assert done.returncode == 1, done.stdout + done.stderr
    report = sandbox.report()
    assert report["worse"] or report["critical_wrong"] or report["losses"]
    assert damage.named in report["causes"][0]["description"]
    assert report["causes"][0]["subject"] == "A change in good faith"
    assert damage.named in done.stdout
    assert report["causes"][0]["explains"] or report["causes"][0]["losses"]
    told = ", ".join([*report["losses"], *report["worse"]][:4])
    print(f"| {damage.done} | {done.returncode} | {told} | {report['causes'][0]['told']} |")


@pytest.mark.parametrize("change", [_param(name, change, OFTEN_HARMLESS) for name, change in HARMLESS.items()])
def test_a_harmless_change_raises_no_alarm(sandbox: Sandbox, change: Callable[[Sandbox], None]) -> None:
    change(sandbox)
    sandbox.commit("A harmless change")
    done = judged(sandbox, change_name(change))
    assert done.returncode == 0, done.stdout + done.stderr
    report = sandbox.report()
    assert (report["worse"], report["losses"]) == ([], [])
    print(f"| {change_name(change)} | {done.returncode} | {len(report['newly_wrong'])} newly wrong |")
