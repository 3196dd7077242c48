"""What actions say: every language has every text, with the same placeholders."""

from __future__ import annotations

import re
from typing import Any

import pytest
import yaml

from bot.articles.replies import Replies
from tests.conftest import ROOT

LANGUAGES = Replies().complete()


def texts(language: str, group: str) -> dict[str, Any]:
    content = yaml.safe_load((ROOT / "data" / "replies" / f"{language}.yml").read_text(encoding="utf8"))
    return dict(content[group])


@pytest.mark.parametrize("group", ["replies", "dialogue", "labels", "words"])
@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_has_the_same_texts_with_the_same_placeholders_as_english(language: str, group: str) -> None:
    def placeholders(of: str) -> dict[str, list[str]]:
        return {key: sorted(re.findall(r"{\w+}", str(text))) for key, text in texts(of, group).items()}

    assert placeholders(language) == placeholders("en")


@pytest.mark.parametrize("language", LANGUAGES)
def test_steps_can_be_counted_to_ten_in_words(language: str) -> None:
    assert len(Replies().words("cardinals", language)) == 10
    assert len(Replies().words("ordinals", language)) == 10
