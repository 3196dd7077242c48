"""The bot runs without TensorFlow; a pipeline that needs it says so, and gets it with the switch."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.conftest import ROOT, RunningBot

_DIET = """
recipe: default.v1
language: en
pipeline:
- name: WhitespaceTokenizer
- name: CountVectorsFeaturizer
- name: DIETClassifier
  epochs: 1
"""
_PHRASES = """
version: "3.1"
nlu:
- intent: pay
  examples: |
    - i want to pay
    - where do i pay
- intent: cancel
  examples: |
    - i want to cancel
    - where do i cancel
"""


def _loaded(process: psutil.Process) -> str:
    return "\n".join(mapped.path for mapped in process.memory_maps())


def test_the_process_that_answers_customers_has_not_loaded_tensorflow(running_bot: RunningBot) -> None:
    assert running_bot.conversation().say("my card was declined on azure").payload["intent"] == "card_declined"
    processes = psutil.Process(running_bot.process.pid).children(recursive=True)
    answering = [loaded for loaded in map(_loaded, processes) if "onnxruntime" in loaded]
    assert answering
    assert not any("tensorflow" in loaded for loaded in answering)


@pytest.mark.parametrize(("patches", "code", "says"), [("on", 1, "BOT_RASA_PATCHES=off"), ("off", 0, "nlu-")])
def test_a_pipeline_that_needs_it_gets_it_with_the_switch(tmp_path: Path, patches: str, code: int, says: str) -> None:
    (tmp_path / "config.yml").write_text(_DIET, encoding="utf8")
    (tmp_path / "nlu.yml").write_text(_PHRASES, encoding="utf8")
    files = ["--config", tmp_path / "config.yml", "--nlu", tmp_path / "nlu.yml", "--out", tmp_path]
    done = subprocess.run(
        [sys.executable, "-m", "bot.rasa_patches.without_tensorflow", "train", "nlu", *map(str, files)],
        cwd=ROOT,
        env={**os.environ, "BOT_RASA_PATCHES": patches, "RASA_CACHE_DIRECTORY": str(tmp_path / "cache")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code, done.stderr[-2000:]
    assert says in done.stdout + done.stderr
