"""Trains the pipeline's components for real, each by its own small configuration, on a part of the phrases."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.regression.measure import NluModel

CONFIGS = Path(__file__).resolve().parent.parent / "configs"


@pytest.fixture(scope="session")
def some_phrases(root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the free phrases of four languages."""
    folder = tmp_path_factory.mktemp("phrases")
    for language in ("en", "nb", "sv", "nl"):
        shutil.copy(root / "data" / "nlu" / language / "issues.yml", folder / f"{language}.yml")
    return folder


@pytest.fixture(scope="session")
def shipped(trained_model: Path) -> NluModel:
    """What ships, trained on all phrases."""
    return NluModel(trained_model)


@pytest.fixture(scope="session")
def train_config(root: Path, some_phrases: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], NluModel]:
    """Trains a configuration by its name with Rasa's own training, once per session, and loads the model.

    Components for which it has no settings get those of the bot's own config.yml.
    """
    from rasa.model_training import train_nlu

    trained: dict[str, NluModel] = {}
    own = {item["name"]: item for item in yaml.safe_load((root / "config.yml").read_text("utf8"))["pipeline"]}

    def train(name: str) -> NluModel:
        if name not in trained:
            output = tmp_path_factory.mktemp(name)
            config = yaml.safe_load((CONFIGS / f"{name}.yml").read_text("utf8"))
            config["pipeline"] = [
                own.get(item["name"], item) if item.keys() == {"name"} else item for item in config["pipeline"]
            ]
            (output / "config.yml").write_text(yaml.safe_dump(config), encoding="utf8")
            path = train_nlu(str(output / "config.yml"), str(some_phrases), str(output))
            trained[name] = NluModel(Path(str(path)))
        return trained[name]

    return train


def entities(parsed: dict[str, Any], name: str) -> list[str]:
    """Returns the values of the entities with this name."""
    return [str(entity["value"]) for entity in parsed["entities"] if entity["entity"] == name]
