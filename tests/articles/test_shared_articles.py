"""The seeds and the corpus, where the shared material is at hand."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.articles.check import find_files
from bot.articles.model import Article
from bot.articles.readers import read_article

LOCALES = ("da-DK", "de-DE", "es-ES", "fi-FI", "fr-FR", "nb-NO", "nl-NL", "sv-SE")
EVERY = 40


def seed(shared: Path, number: str) -> Article:
    return read_article(next((shared / "seeds").glob(f"{number}_*.txt")))


def test_seed_000_and_004_are_parallel(shared: Path) -> None:
    first, last = seed(shared, "000"), seed(shared, "004")
    assert (first.language, last.language) == ("nb", "nl")
    assert first.slug == last.slug
    assert [link.url for link in first.links] == [link.url for link in last.links]
    assert [len(section.bullets) for section in first.sections] == [3, 4]
    assert first.problems == last.problems == ()


def test_seed_001_has_six_steps_a_status_note_and_five_links(shared: Path) -> None:
    article = seed(shared, "001")
    assert (article.language, article.dialect) == ("nb", "plain")
    assert len(article.steps) == 6
    assert [step.text.split()[0] for step in article.steps] == ["Logg", "Søk", "Klikk", "Hvis", "Klikk", "Når"]
    assert article.steps[5].text.endswith("Betal nå.")
    assert [(note.kind, note.text.split()[0]) for note in article.sections[0].notes] == [("status", "Statusen")]
    assert [len(section.links) for section in article.sections] == [1, 4]
    assert article.links[4].url == (
        "https://learn.microsoft.com/azure/cost-management-billing/manage/change-credit-card#check-the-type-of-your-account"
    )
    assert [problem.line for problem in article.problems] == [44]


def test_seed_002_gives_the_norwegian_without_the_english(shared: Path) -> None:
    article = seed(shared, "002")
    assert (article.dialect, article.language) == ("side-by-side", "nb")
    assert len(article.steps) == 4
    assert "**Betal nå**" in article.sections[0].paragraphs[0]
    assert article.steps[0].text.count(".") == 3
    assert "Settle balance" not in repr(article.sections)
    assert article.problems == ()


def test_seed_003_has_its_box_its_seven_steps_and_complete_links(shared: Path) -> None:
    article = seed(shared, "003")
    assert (article.language, article.dialect) == ("sv", "azure-docs")
    assert article.description
    assert [(note.kind, len(note.items)) for note in article.sections[0].notes] == [("important", 2)]
    assert len(article.steps) == 7
    assert not any("Skärmbild" in step.text for step in article.steps)
    base = "https://learn.microsoft.com/azure/cost-management-billing/manage/"
    urls = [link.url for link in article.links]
    assert base + "billing-subscription-transfer#whoisaa" in urls
    assert base + "change-azure-account-profile" in urls
    assert article.problems == ()


@pytest.mark.parametrize("locale", LOCALES)
def test_a_sample_of_each_locale_is_read(shared: Path, locale: str) -> None:
    folder = shared / "corpus" / locale
    if not folder.is_dir():
        pytest.skip(f"the corpus of {locale} is not on this machine")
    files = find_files(folder)
    assert 2610 <= len(files) <= 2924
    for path in files[::EVERY]:
        article = read_article(path, salvage=True)
        assert article.language == locale[:2]
        assert "sxs-lookup" not in repr(article.sections)
        assert all(link.url.startswith(("http", "mailto:", "tel:")) for link in article.links)
        assert not any("mc_id" in link.url.lower() or "//docs.microsoft" in link.url for link in article.links)
