"""The pipelines that are compared: ours as config.yml has it, and stock ones."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.compat import StringIO

from bot.settings import PROJECT_ROOT

HERE = Path(__file__).parent
# One learns which language a phrase is in, which data sets of one language cannot teach; one tells our issues apart.
NOT_APPLICABLE = frozenset({"bot.nlu.language.LanguageIdentifier", "bot.nlu.triage.Triage"})
OUR_CODE = ("bot/encoder", "bot/nlu")


@dataclass(frozen=True)
class System:
    """A pipeline under comparison."""

    name: str
    title: str
    config: str
    """The text of the config file that Rasa trains with."""
    code: str
    """Names the code that the pipeline runs."""


SYSTEMS = ("ours", "diet", "logistic")
STOCK_EPOCHS = 100


def systems(epochs: int = STOCK_EPOCHS) -> dict[str, System]:
    """Returns the systems that `SYSTEMS` names, in its order.

    Args:
        epochs: how long DIET learns; fewer than its stock number show in the name of its result and in its title.
    """
    stock = f"rasa {version('rasa')}"
    diet = _read("rasa_default.yml").replace(f"epochs: {STOCK_EPOCHS}", f"epochs: {epochs}")
    name, length = "diet", f"{epochs} epochs"
    if epochs != STOCK_EPOCHS:
        name, length = f"diet-{epochs}", f"only {epochs} of its {STOCK_EPOCHS} epochs"
    found = (
        System("ours", "this project (config.yml)", our_config(), f"{stock} {_hash_of_our_code()}"),
        System(name, f"Rasa's default pipeline (DIET, {length})", diet, stock),
        System("logistic", "Rasa's LogisticRegressionClassifier", _read("rasa_logistic_regression.yml"), stock),
    )
    return dict(zip(SYSTEMS, found, strict=True))


def our_config(path: Path = PROJECT_ROOT / "config.yml") -> str:
    """Returns the pipeline of config.yml with its settings, and nothing that belongs to the bot's own data."""
    yaml = YAML()
    config = yaml.load(path)
    pipeline = [dict(component) for component in config["pipeline"] if component["name"] not in NOT_APPLICABLE]
    stream = StringIO()
    yaml.dump({"recipe": config["recipe"], "assistant_id": "benchmark", "language": "en", "pipeline": pipeline}, stream)
    return str(stream.getvalue())


def _read(name: str) -> str:
    return (HERE / name).read_text(encoding="utf8")


def _hash_of_our_code() -> str:
    digest = hashlib.sha256()
    for folder in OUR_CODE:
        for file in sorted((PROJECT_ROOT / folder).rglob("*")):
            if file.suffix in {".json", ".npz", ".onnx", ".py"}:
                digest.update(str(file.relative_to(PROJECT_ROOT)).encode())
                digest.update(file.read_bytes())
    return digest.hexdigest()[:12]
