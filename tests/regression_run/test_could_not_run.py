"""What keeps a run from its verdict: exit code 2, one sentence, and a history that is as it was."""

from __future__ import annotations

import resource
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bot.regression.history import History
from tests.regression_run.sandbox import STEPS, Sandbox, environment

WITHOUT_MODEL = ("intents", "with page", "robustness", "entities", "triage")
"""Steps that need the model; the articles do not."""
LIMIT_SECONDS = 300
SMALLER_THAN_A_MODEL = 262144

pytestmark = [pytest.mark.full, pytest.mark.timeout(1800)]


@pytest.fixture
def model(accepted: Sandbox) -> Path:
    return accepted.accepted_model


@pytest.fixture(autouse=True)
def unharmed_history(sandbox: Sandbox) -> Iterator[None]:
    history = History(f"sqlite:///{sandbox.root / 'var' / 'regression.db'}")
    before = history.last(100)
    yield
    assert history.last(100) == before


def refused(done: subprocess.CompletedProcess[str]) -> str:
    assert done.returncode == 2, done.stdout + done.stderr
    (sentence,) = [line for line in done.stderr.splitlines() if line.startswith("could not run: ")]
    return sentence


@pytest.mark.parametrize("content", ["{", "[]", '{"format": 99, "items": {}}', '{"format": 1}', "\x00"])
def test_a_corrupt_baseline_is_named_before_anything_is_trained(sandbox: Sandbox, content: str) -> None:
    (sandbox.sets / "baseline.json").write_text(content, encoding="utf8")
    sentence = refused(sandbox.run())
    assert "baseline.json" in sentence
    assert "restore it from git" in sentence


def test_a_missing_set_is_named(sandbox: Sandbox, model: Path) -> None:
    for path in (sandbox.sets / "entities").glob("*.tsv"):
        path.unlink()
    assert "the set is missing" in refused(sandbox.run("--model", model))


def test_a_language_that_the_baseline_has_and_the_sets_lack_is_named(sandbox: Sandbox, model: Path) -> None:
    (sandbox.sets / "long" / "nb.tsv").unlink()
    sentence = refused(sandbox.run("--model", model))
    assert "long/nb" in sentence


def test_a_critical_phrase_that_nobody_asks_is_named(sandbox: Sandbox, model: Path) -> None:
    path = sandbox.sets / "tolerances.yml"
    text = path.read_text(encoding="utf8")
    path.write_text(text.replace("critical:\n", "critical:\n  fr:\n  - ma carte\n"), encoding="utf8")
    assert "fr: ma carte" in refused(sandbox.run("--model", model))


def test_tolerances_that_cannot_be_read_are_named(sandbox: Sandbox) -> None:
    (sandbox.sets / "tolerances.yml").write_text("chance: much\n", encoding="utf8")
    assert "tolerances.yml" in refused(sandbox.run())


def test_a_model_that_is_not_there_is_named(sandbox: Sandbox) -> None:
    assert "no-such-model" in refused(sandbox.run("--model", "no-such-model.tar.gz"))


def test_packages_that_are_not_there_are_no_reason_to_call_the_bot_worse(sandbox: Sandbox) -> None:
    without_packages = [sys.executable, "-S", "-m", "bot", "regression", "run"]
    done = subprocess.run(
        without_packages, cwd=sandbox.root, env=environment(), capture_output=True, text=True, check=False
    )
    assert "No module named" in refused(done)


@pytest.mark.parametrize(
    ("largest", "without"),
    [
        pytest.param(4096, WITHOUT_MODEL, id="a step cannot be kept"),
        pytest.param(400000, (), id="no model can be unpacked"),
    ],
)
def test_a_full_disk_is_told(sandbox: Sandbox, model: Path, largest: int, without: tuple[str, ...]) -> None:
    command = ["--model", str(model), "--fresh", "--without", *STEPS, *without]
    done = sandbox.bot("regression", "run", *command, preexec_fn=lambda: limit_files(largest))
    assert "make room" in refused(done)
    assert not list(sandbox.output.rglob("*.part"))


def test_a_disk_that_is_full_while_training_leaves_no_half_of_a_model(sandbox: Sandbox) -> None:
    models = set((sandbox.root / "models").iterdir())
    (sandbox.root / "config.yml").write_text(
        "# another model\n" + (sandbox.root / "config.yml").read_text(encoding="utf8"), encoding="utf8"
    )
    sentence = refused(sandbox.run("--fresh", preexec_fn=lambda: limit_files(SMALLER_THAN_A_MODEL)))
    assert "the training failed" in sentence
    assert set((sandbox.root / "models").iterdir()) == models


def test_a_data_file_that_is_broken_is_named_instead_of_trained(sandbox: Sandbox) -> None:
    path = sandbox.root / "data" / "nlu" / "nb" / "phrases.yml"
    path.write_text(path.read_text(encoding="utf8").replace("  examples: |", "  examples: [", 1), encoding="utf8")
    assert "nb/phrases.yml" in refused(sandbox.run("--fresh"))


@pytest.mark.parametrize("kind", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_is_gone_on_with(sandbox: Sandbox, model: Path, kind: signal.Signals) -> None:
    first = sandbox.output / "unfinished" / "step intents.json"
    told = interrupted(sandbox, kind, first.exists, "--fresh", "--model", model)
    assert "run it again, and it goes on where it was" in told
    again = sandbox.bot("regression", "run", "--model", model, "--measure-only", "--without", *STEPS, "triage")
    assert again.returncode == 0, again.stderr
    assert "going on with the run" in again.stdout


def test_an_interrupted_training_leaves_no_half_of_a_model(sandbox: Sandbox) -> None:
    models = set((sandbox.root / "models").iterdir())
    log = sandbox.root / "models" / "train.log"
    log.unlink()
    interrupted(
        sandbox, signal.SIGINT, lambda: log.exists() and "Starting to train" in log.read_text("utf8"), "--fresh"
    )
    assert set((sandbox.root / "models").iterdir()) == models


def interrupted(sandbox: Sandbox, kind: signal.Signals, is_time: Callable[[], bool], *words: str | Path) -> str:
    """Runs until it is time, interrupts, and returns the sentence."""
    shutil.rmtree(sandbox.output / "unfinished", ignore_errors=True)
    as_in_a_terminal = ["env", "--default-signal=INT"]  # tests that run in the background ignore SIGINT
    words = ("-m", "bot", "regression", "run", *words, "--without", *STEPS)
    command = [*as_in_a_terminal, sys.executable, *map(str, words)]
    process = subprocess.Popen(
        command,
        cwd=sandbox.root,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + LIMIT_SECONDS
    while not is_time():
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.05)  # between two looks, not instead of looking
    process.send_signal(kind)
    told, errors = process.communicate(timeout=LIMIT_SECONDS)
    return refused(subprocess.CompletedProcess(command, process.returncode, told, errors))


def limit_files(largest: int) -> None:
    """Makes every file that would become larger fail, as on a full disk; bytes."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))
