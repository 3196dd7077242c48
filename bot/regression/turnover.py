"""Measures the turnover: how many right answers a harmless retraining, with another seed, turns wrong."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml

from bot.regression.items import Item, RegressionError
from bot.regression.sets import Asked, intents
from bot.settings import PROJECT_ROOT
from bot.text.yaml_files import read_yaml
from bot.training import LaunchError, train_elsewhere

FIRST_SEED = 1001


def measure_turnover(retrainings: int, sets: Path, phrases: Sequence[Item]) -> dict[str, Any]:
    """Trains the same content with other seeds and asks each model the held-out phrases.

    Args:
        retrainings: how many models are trained; each takes as long as a training.
        sets: folder of the held-out sets.
        phrases: the answers of the model that is measured, of the set `intents`.

    Returns:
        `retrainings`, `right` (right answers that were asked again), `turned` (those that were wrong then) and `share`.

    Raises:
        RegressionError: a training failed.
    """
    right = {item.key for item in phrases if item.right}
    turned = 0
    for number in range(retrainings):
        with tempfile.TemporaryDirectory() as folder:
            model = _train_with_seed(Path(folder), FIRST_SEED + number)
            answers = [item for item in intents(Asked(model, sets)) if item.set == "intents"]
        turned += len({item.key for item in answers if item.key in right and not item.right})
    asked = len(right) * retrainings
    return {"retrainings": retrainings, "right": asked, "turned": turned, "share": round(turned / max(asked, 1), 5)}


def _train_with_seed(folder: Path, seed: int) -> Path:
    """Trains the project's content with a configuration that differs in the seed of every component that has one."""
    config = read_yaml(PROJECT_ROOT / "config.yml", ValueError)
    for component in config["pipeline"]:
        if _has_seed(component["name"]):
            component["random_seed"] = seed
    for importer in config.get("importers") or []:
        if "data_dir" in importer:
            importer["data_dir"] = str(PROJECT_ROOT / importer["data_dir"])
    (folder / "config.yml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf8")
    try:
        return train_elsewhere(folder / "config.yml", folder / "model.tar.gz")
    except LaunchError as error:
        raise RegressionError(f"the turnover could not be measured: {error}") from error


def _has_seed(name: str) -> bool:
    from rasa.shared.utils.common import class_from_module_path

    return "." in name and "random_seed" in class_from_module_path(name).get_default_config()
