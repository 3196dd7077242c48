"""Agents use plain Rasa: its commands work as they are from the activated environment."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest

THREE_PHRASES = "kortet mitt ble avvist\njag vill säga upp min prenumeration\nhoe betaal ik mijn factuur\n"


def rasa(root: Path, *words: str, typed: str = "", timeout: int = 500) -> subprocess.CompletedProcess[str]:
    """Runs a Rasa command as an agent would."""
    environment = {**os.environ, "RASA_TELEMETRY_ENABLED": "false", "TF_CPP_MIN_LOG_LEVEL": "3"}
    return subprocess.run(
        [str(Path(sys.executable).parent / "rasa"), *words],
        cwd=root,
        env=environment,
        input=typed,
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
    )


def test_rasa_shell_nlu_shows_intent_and_language_of_three_phrases(root: Path, trained_model: Path) -> None:
    result = rasa(root, "shell", "nlu", "--model", str(trained_model), typed=THREE_PHRASES + "/stop\n")
    for intent in ("card_declined", "cancel_subscription", "pay_invoice"):
        assert f'"name": "{intent}"' in result.stdout
    for language in ("nb", "sv", "nl"):
        assert f'"value": "{language}"' in result.stdout


@pytest.mark.parametrize("command", ["bot shell", "rasa shell --model {model}"])
def test_the_shell_answers_three_phrases_in_three_languages(root: Path, trained_model: Path, command: str) -> None:
    talk = pexpect.spawn(
        sys.executable,
        ["-m", *command.format(model=trained_model).split()],
        cwd=str(root),
        env={**os.environ, "TERM": "xterm", "PROMPT_TOOLKIT_NO_CPR": "1"},
        encoding="utf8",
        dimensions=(60, 200),
        timeout=120,
    )
    talk.ptyproc.delayafterterminate = 2  # on a busy machine the end of a process takes longer than pexpect waits
    try:
        for said, answered in (
            ("jeg vil si opp azure-abonnementet", "Anbefalte trinn"),
            ("hur hämtar jag min faktura", "Rekommenderade steg"),
            ("hoe betaal ik mijn factuur", "Aanbevolen stappen"),
        ):
            talk.expect("Your input ->")
            talk.send(said + "\r")
            talk.expect(answered)
            # The shell offers the buttons (yes, no, a person) as a menu; its last line takes typed text again.
            talk.expect("Type out your own message")
            talk.send("\x1b[B\x1b[B\x1b[B\r")
        assert '"type": "answer"' not in (talk.before or "")
    finally:
        talk.close(force=True)


def test_rasa_data_validate_has_nothing_to_say_about_our_own_files(root: Path) -> None:
    result = rasa(root, "data", "validate")
    assert result.returncode == 0, result.stderr[-2000:]
    ours = [line for line in result.stderr.splitlines() if "UserWarning" in line and "site-packages" not in line]
    assert ours == []
    for complaint in ("is not used in any", "is not listed", "duplicate", "No story structure conflicts found."):
        assert (complaint in result.stderr + result.stdout) == (complaint.startswith("No story"))


@pytest.mark.full
def test_rasa_test_nlu_runs_on_the_held_out_sets(root: Path, trained_model: Path, tmp_path: Path) -> None:
    result = rasa(
        root,
        *("test", "nlu", "--model", str(trained_model), "--nlu", "tests/regression"),
        *("--out", str(tmp_path), "--no-plot"),
    )
    assert result.returncode == 0, result.stderr[-2000:]
    assert (tmp_path / "intent_report.json").exists()


@pytest.mark.full
def test_rasa_test_core_runs_on_our_stories(root: Path, trained_model: Path, tmp_path: Path) -> None:
    result = rasa(
        root,
        *("test", "core", "--model", str(trained_model), "--stories", "tests/conversations/stories"),
        *("--out", str(tmp_path), "--no-plot"),
    )
    assert result.returncode == 0, result.stderr[-2000:]
    assert "failed_test_stories.yml" in {path.name for path in tmp_path.iterdir()}
    assert "None of the test stories failed" in (tmp_path / "failed_test_stories.yml").read_text(encoding="utf8")
