"""Whether a message is about the products: learned for real from the phrases of two languages."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
from rasa.shared.exceptions import InvalidConfigException

from bot.nlu.products import ProductScope
from bot.regression.measure import NluModel

CONFIG = Path(__file__).resolve().parent.parent / "configs" / "products.yml"


def trained(root: Path, folder: Path, name: str) -> NluModel:
    """Trains on one file of phrases of each of two languages, read as the project's own importer reads them."""
    from rasa.model_training import train_nlu

    data = folder / "data"
    shutil.copytree(root / "data" / "replies", data / "replies")
    shutil.copytree(root / "data" / "articles", data / "articles")
    shutil.copy(root / "data" / "issues.yml", data)
    for language in ("en", "nb"):
        (data / "nlu" / language).mkdir(parents=True)
        shutil.copy(root / "data" / "nlu" / language / name, data / "nlu" / language)
    importer = "importers:\n- name: bot.articles.importer.ArticleImporter\n  data_dir: data\n"
    (folder / "config.yml").write_text(CONFIG.read_text(encoding="utf8") + importer, encoding="utf8")
    return NluModel(Path(str(train_nlu(str(folder / "config.yml"), str(data / "nlu"), str(folder / "models")))))


def test_a_mail_program_is_about_the_products_and_the_weather_is_not(root: Path, tmp_path: Path) -> None:
    model = trained(root, tmp_path, "dialogue.yml")
    near = ["outlook keeps crashing", "teams-møtet mitt har ikke lyd", "hvordan gjenoppretter jeg en fil i sharepoint"]
    far = ["will it rain tomorrow", "fortell en vits", "hvem vant kampen i går", "4711 0815"]
    likely = [parsed["about_products"]["likely"] for parsed in model.parse([*near, *far])]
    assert likely == [True] * len(near) + [False] * len(far)
    assert "about_products" not in model.parse(["/affirm"])[0]


def test_without_phrases_to_learn_from_nothing_is_ever_likely(root: Path, tmp_path: Path) -> None:
    (parsed,) = trained(root, tmp_path, "issues.yml").parse(["outlook keeps crashing"])
    assert parsed["about_products"] == {"likely": False, "confidence": 0.0}


@pytest.mark.parametrize("value", [0, 1.1])
def test_a_setting_that_cannot_work_is_refused_by_name(value: float) -> None:
    with pytest.raises(InvalidConfigException, match="`threshold`"):
        ProductScope.validate_config({"threshold": value})
