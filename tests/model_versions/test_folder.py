"""The models folder: what is kept, what is chosen, and the lock of whoever trains."""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from bot.model_versions import commands
from bot.model_versions.folder import (
    ModelVersionError,
    comparison_folder,
    find_model,
    is_busy,
    keep_newest,
    list_models,
    only_job,
    read_job,
    read_served,
    write_comparison,
    write_job,
    write_served,
)
from bot.model_versions.overview import overview
from bot.model_versions.switching import switch, undo
from tests.conftest import ROOT
from tests.model_versions.conftest import models_command
from tests.support.servers import wait_until

_HOLD = """
import sys
from pathlib import Path
from bot.model_versions.folder import only_job
with only_job(Path(sys.argv[1])):
    print(flush=True)
    input()
"""


def made(folder: Path, *names: str) -> list[Path]:
    """Makes files that look like models, each a second younger than the one before."""
    for number, name in enumerate(names):
        (folder / name).write_bytes(b"")
        os.utime(folder / name, (1_000_000 + number, 1_000_000 + number))
    return [folder / name for name in names]


def test_the_newest_three_stay_and_the_served_one_and_the_one_before_it(tmp_path: Path) -> None:
    names = [f"triage-{number}.tar.gz" for number in range(8)]
    made(tmp_path, *names, "mine.tar.gz")
    write_served(tmp_path, names[1], names[3])
    for name in names[:4]:
        write_comparison(tmp_path, name, {})
    keep_newest(tmp_path)
    assert {path.name for path in list_models(tmp_path)} == {*names[5:], names[1], names[3], "mine.tar.gz"}
    kept = [name for name in names[:4] if comparison_folder(tmp_path, name).exists()]
    assert kept == [names[1], names[3]]


def test_a_switch_without_a_server_is_what_the_next_one_serves_and_undo_takes_it_back(models: Path) -> None:
    assert switch(models, "triage-first") == ("triage-first.tar.gz", 0)
    assert switch(models, "triage-second.tar.gz") == ("triage-second.tar.gz", 0)
    assert switch(models, "triage-second.tar.gz") == ("triage-second.tar.gz", 0)  # once more changes nothing
    assert undo(models) == ("triage-first.tar.gz", 0)
    assert undo(models) == ("triage-second.tar.gz", 0)
    versions = {version.name: (version.served, version.previous, version.servers) for version in overview(models)}
    assert versions == {"triage-second.tar.gz": (True, False, 0), "triage-first.tar.gz": (False, True, 0)}


def test_nothing_to_undo_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ModelVersionError, match="nothing to undo"):
        undo(tmp_path)


@pytest.mark.parametrize("name", ["none", "../models/triage-first.tar.gz", "half", "empty"])
def test_what_is_no_whole_model_of_the_folder_is_refused_before_any_server_sees_it(models: Path, name: str) -> None:
    whole = (models / "triage-first.tar.gz").read_bytes()
    (models / "half.tar.gz").write_bytes(whole[: len(whole) // 2])
    (models / "empty.tar.gz").write_bytes(b"")
    with pytest.raises(ModelVersionError, match=name.replace(".", r"\.")):
        find_model(models, name)
    assert models_command(models, "switch", name, code=1).stderr.startswith("error: ")
    assert read_served(models) is None


def test_a_broken_choice_is_told_with_the_remedy(tmp_path: Path) -> None:
    (tmp_path / "served").write_text('{"model": 1', encoding="utf8")
    told = models_command(tmp_path, "undo", code=1).stderr
    assert told.startswith(f"error: {tmp_path / 'served'}: cannot be read")
    assert "delete it" in told


def test_one_trains_at_a_time_and_a_killed_one_leaves_no_lock(tmp_path: Path) -> None:
    words = [sys.executable, "-c", _HOLD, str(tmp_path)]
    with subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout is not None
        other.stdout.readline()
        write_job(tmp_path, "train", "running")
        for command in ("train", "compare"):
            told = models_command(tmp_path, command, code=1 if command == "train" else 2).stderr
            assert told.startswith("error: a training or comparison runs already")
        job = read_job(tmp_path)
        assert job is not None
        assert (is_busy(tmp_path), job["state"]) == (True, "running")
        other.send_signal(signal.SIGKILL)
    wait_until(lambda: not is_busy(tmp_path), "the lock to be free", 30)
    with only_job(tmp_path):
        pass


def test_a_job_whose_process_was_killed_is_shown_as_failed(tmp_path: Path) -> None:
    (tmp_path / "job.json").write_text('{"job": "train", "state": "running", "at": 1, "message": ""}', encoding="utf8")
    job = read_job(tmp_path)
    assert job is not None
    assert job["state"] == "failed"


def test_training_what_is_trained_already_says_so(models: Path) -> None:
    from bot.training import model_path

    name = model_path().name
    (models / "triage-first.tar.gz").rename(models / name)
    assert f"{name} is there already" in models_command(models, "train").stdout
    listed = json.loads(models_command(models, "list", "--json").stdout)
    assert [(model["name"], model["present"]) for model in listed["models"]] == [
        ("triage-second.tar.gz", False),
        (name, True),
    ]
    assert (listed["job"]["job"], listed["job"]["state"]) == ("train", "done")


def test_every_command_and_option_is_documented() -> None:
    documentation = (ROOT / "docs" / "operations.md").read_text(encoding="utf8")
    parser = argparse.ArgumentParser()
    commands.add_commands(parser.add_subparsers())
    verbs = parser._subparsers._group_actions[0].choices["models"]._subparsers._group_actions[0].choices  # type: ignore[union-attr,index]
    for name, verb in verbs.items():
        assert f"models {name}" in documentation
        options = {option for action in verb._actions for option in action.option_strings} - {"-h", "--help"}
        assert [option for option in options if option not in documentation] == []
