"""A small bot of four issues with phrases in English and Swedish, and of Italian nothing but a tiny article tree."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.channel.conftest import PageBot, serving
from tests.conftest import ROOT

TREES = Path(__file__).parent / "trees"
ISSUES = ("card_declined", "download_invoice", "cancel_subscription", "refund_request")
SHIPPED = ("en", "sv")
_LINKED = ("actions", "bot", "credentials.yml", "credentials-rest.yml", "domain.yml")
_TRAIN = "import sys; from pathlib import Path; from bot.training import train; print(train(Path(sys.argv[1])))"


@pytest.fixture(scope="session")
def small_project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project's folder, cut down to four issues and two languages, with the Italian tree named in config.yml."""
    project = tmp_path_factory.mktemp("new-language") / "project"
    data = project / "data"
    for name in ("replies", "nlu"):
        (data / name).mkdir(parents=True)
    for name in _LINKED:
        (project / name).symlink_to(ROOT / name)
    for name in ("rules.yml", "entities.yml"):
        shutil.copy(ROOT / "data" / name, data / name)
    table = read(ROOT / "data" / "issues.yml")["issues"]
    rows = {intent: {**table[intent], "related": [], "causes": []} for intent in ISSUES}
    write(data / "issues.yml", {"issues": rows})
    shutil.copytree(ROOT / "data" / "lexicon", data / "lexicon")
    for language in SHIPPED:
        shutil.copy(ROOT / "data" / "replies" / f"{language}.yml", data / "replies")
        for intent in ISSUES:
            (data / "articles" / intent).mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / "data" / "articles" / intent / f"{language}.md", data / "articles" / intent)
        for path in (ROOT / "data" / "nlu" / language).glob("*.yml"):
            if path.name in ("products.yml", "real_style.yml", "people_style.yml"):
                continue  # what lies beside four issues would outnumber them
            others = {*table} - {*rows}
            entries = [entry for entry in read(path)["nlu"] if not {entry["intent"], _passage_of(entry)} & others]
            (data / "nlu" / language).mkdir(exist_ok=True)
            write(data / "nlu" / language / path.name, {"version": "3.1", "nlu": entries})
    config = read(ROOT / "config.yml")
    config["importers"][0]["trees"] = [str(TREES / "it-IT")]
    write(project / "config.yml", config)
    (project / "models").mkdir()
    return project


@pytest.fixture(scope="session")
def environment(small_project: Path) -> dict[str, str]:
    """The settings of the small bot: its data, and an encoder learned from the trees and its phrases."""
    weights = small_project / "encoder.npz"
    words = ["encoder", "train", *TREES.glob("*-*"), "--phrases", small_project / "data" / "nlu", "-o", weights]
    command = [sys.executable, "-m", "bot", *map(str, words), "--no-teacher", "--dimension", "64", "--epochs", "300"]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return {"BOT_DATA_DIR": str(small_project / "data"), "BOT_ENCODER_WEIGHTS": str(weights)}


@pytest.fixture(scope="session")
def small_model(small_project: Path, environment: dict[str, str]) -> Path:
    """The small bot's model, trained as `make train` trains."""
    done = subprocess.run(
        [sys.executable, "-c", _TRAIN, str(small_project)],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return Path(done.stdout.splitlines()[-1])


@pytest.fixture(scope="session")
def small_bot(small_project: Path, small_model: Path, environment: dict[str, str]) -> Iterator[PageBot]:
    """The small bot, serving."""
    with serving(small_project, small_model, small_project.parent, **environment) as bot:
        yield bot


def _passage_of(entry: dict[str, Any]) -> str:
    """Returns the issue whose passage an entry's questions ask for, empty if they ask for none."""
    return str(entry["metadata"].get("passage", "")).partition("/")[0]


def read(path: Path) -> Any:
    """Reads a YAML file."""
    return yaml.load(path.read_text(encoding="utf8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))


def write(path: Path, content: Any) -> None:
    """Writes a YAML file."""
    path.write_text(yaml.safe_dump(content, allow_unicode=True, sort_keys=False), encoding="utf8")
