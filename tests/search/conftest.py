"""A small tree of two locales, as translators deliver it, and a database made from it."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.search.database import Library
from bot.search.importing import import_articles

ARTICLE = """---
title: {title}
ms.contentlocale: {locale}
---
# <a name="{slug}"></a>{title}

{text}

1. {step}

[{label}](https://docs.microsoft.com/{slug})
"""

TEXTS = {
    "nb-NO": {
        "shared-mailbox": (
            "Opprette en delt postboks",
            "Flere personer kan lese og sende e-post fra en felles adresse.",
            "Velg Legg til en delt postboks.",
        ),
        "blue-screen": (
            "Feilsøke blåskjermfeil",
            "Maskinen starter på nytt av seg selv når Windows krasjer.",
            "Oppdater driverne.",
        ),
        "teams-recording": (
            "Ta opp et møte i Teams",
            "Opptaket lagres i OneDrive for den som startet det.",
            "Velg Start opptak.",
        ),
        "only-norwegian": (
            "Skriveren svarer ikke",
            "Utskrifter blir liggende i køen.",
            "Slå skriveren av og på.",
        ),
    },
    "nl-NL": {
        "shared-mailbox": (
            "Een gedeeld postvak maken",
            "Meerdere personen lezen en verzenden e-mail vanaf een gezamenlijk adres.",
            "Kies Een gedeeld postvak toevoegen.",
        ),
        "blue-screen": (
            "Fouten met een blauw scherm oplossen",
            "De computer start vanzelf opnieuw op wanneer Windows vastloopt.",
            "Werk de stuurprogramma's bij.",
        ),
        "teams-recording": (
            "Een vergadering opnemen in Teams",
            "De opname staat in OneDrive van wie hem heeft gestart.",
            "Kies Opname starten.",
        ),
    },
}


def write(folder: Path, locale: str, name: str, title: str, text: str, step: str = "Vent.") -> Path:
    """Writes an article into a tree and returns its file."""
    path = folder / locale / "Insights" / f"{name}.md"
    path.parent.mkdir(parents=True, exist_ok=True)
    content = ARTICLE.format(title=title, locale=locale, slug=name, text=text, step=step, label=title)
    path.write_text(content, encoding="utf8")
    return path


@pytest.fixture
def trees(tmp_path: Path) -> Path:
    """A folder of two locales; Dutch lacks one of the articles."""
    folder = tmp_path / "trees"
    for locale, articles in TEXTS.items():
        for name, texts in articles.items():
            write(folder, locale, name, *texts)
        (folder / locale / "LICENSE").write_text("Attribution 4.0 International\n\n...", encoding="utf8")
    return folder


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """An empty article database."""
    return Library(tmp_path / "articles.db")


@pytest.fixture
def imported(library: Library, trees: Path) -> Library:
    """An article database with both locales."""
    import_articles(library, [trees])
    return library
