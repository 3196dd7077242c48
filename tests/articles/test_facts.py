"""Every fact of the seeds stands in the article of its topic, in every language."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

FACTS = Path(__file__).parent / "facts"
LANGUAGES = sorted(path.stem for path in FACTS.glob("??.yml"))


def facts(language: str) -> dict[str, dict[str, str]]:
    return dict(yaml.safe_load((FACTS / f"{language}.yml").read_text(encoding="utf8")))


def listed_facts() -> dict[str, tuple[str, ...]]:
    """Fact id -> the articles that must carry it, from the list made sentence by sentence from the seeds."""
    lines = (FACTS / "facts.tsv").read_text(encoding="utf8").splitlines()
    rows = [line.split("\t") for line in lines if line]
    return {number: tuple(articles.split(",")) for number, articles, _ in rows}


def test_the_list_of_facts_covers_the_first_four_languages() -> None:
    assert {"en", "nb", "nl", "sv"} <= set(LANGUAGES)
    assert len(listed_facts()) == 50


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_fact_of_the_seeds_is_carried_by_its_article(root: Path, language: str) -> None:
    missing = []
    carried = facts(language)
    for number, articles in listed_facts().items():
        for article in articles:
            phrase = carried.get(number, {}).get(article)
            path = root / "data" / "articles" / article / f"{language}.md"
            text = path.read_text(encoding="utf8").replace("**", "")
            if phrase is None or phrase not in text:
                missing.append(f"{number} in {article}: {phrase}")
    assert missing == []
