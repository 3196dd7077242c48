"""The azure-docs dialect, read from a file of our own wording."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.articles.model import Article, Note
from bot.articles.readers import read_article, read_text
from bot.settings import Settings

FIXTURES = Path(__file__).parent / "fixtures"
BASE = "https://learn.microsoft.com/azure/cost-management-billing/manage/"


@pytest.fixture(scope="module")
def article() -> Article:
    return read_article(FIXTURES / "azure_docs.md")


def test_the_description_is_kept(article: Article) -> None:
    assert article.dialect == "azure-docs"
    assert article.description == "Hva et varsel om en ubetalt regning betyr"


def test_relative_links_are_completed_and_a_link_to_the_article_itself_is_none(article: Article) -> None:
    assert [(link.label, link.url) for link in article.links] == [
        ("eieren", BASE + "owner#who"),
        ("oversikten", "https://learn.microsoft.com/azure/cost-management-billing/understand/overview"),
        ("forsiden", "https://learn.microsoft.com/azure/start"),
        ("innboksen", "https://outlook.office.com/mail/"),
    ]
    assert article.sections[0].paragraphs[0].endswith("og toppen.")
    assert article.problems == ()


def test_the_base_of_relative_links_can_be_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    chosen = Settings(azure_docs_base_url="https://docs.example.org/a/b/")
    monkeypatch.setattr("bot.articles.readers.get_settings", lambda: chosen)
    article = read_article(FIXTURES / "azure_docs.md")
    assert [link.url for link in article.links][:2] == [
        "https://docs.example.org/a/b/owner#who",
        "https://docs.example.org/a/understand/overview",
    ]


def test_the_base_of_relative_links_is_a_setting() -> None:
    assert str(Settings().azure_docs_base_url) == BASE


def test_boxes_are_notes_with_their_bullets(article: Article) -> None:
    assert article.sections[0].notes == (
        Note("note", "Varselet kommer én gang.", ("Se i søppelposten.", "Se i innboksen."), "Varselet kommer én gang."),
        Note("tip", "Lagre adressen.", (), "Lagre adressen."),
    )


def test_a_box_inside_of_a_step_stays_with_the_step(article: Article) -> None:
    assert article.steps[1].notes == (Note("important", "Velg bare én.", (), "Velg bare én."),)


def test_images_and_includes_leave_no_trace(article: Article) -> None:
    assert [step.text for step in article.steps] == ["Åpne listen.", "Velg raden.", "Trykk Betal."]
    assert len(article.sections[0].paragraphs) == 1
    assert not {"Bilde", "INCLUDE", "shared"} & set(repr(article.sections).replace("[", " ").split())


@pytest.mark.parametrize(
    "sign",
    ["ms.topic: how-to\n---\n# T\n\nx\n", "x: y\n---\n# T\n\n[a](b.md)\n", "x: y\n---\n# T\n\n> [!WARNING]\n> x\n"],
)
def test_a_description_and_one_sign_tell_the_dialect(sign: str) -> None:
    assert read_text(f"---\ntitle: t\nlanguage: en\ndescription: d\n{sign}").dialect == "azure-docs"
    assert read_text(f"---\ntitle: t\nlanguage: en\n{sign}").dialect == "plain"


def test_a_video_is_a_link() -> None:
    article = read_text("# T\n\n> [!VIDEO https://www.microsoft.com/v/1?autoplay=false]\n", path="en.md")
    assert [(link.label, link.url) for link in article.links] == [
        ("Video", "https://www.microsoft.com/v/1?autoplay=false")
    ]


@pytest.mark.parametrize(
    ("box", "kind", "message"),
    [
        ("> [!TIPS]\n> x", "tip", "unknown box [!TIPS]"),
        ("> [!FOO]\n> x", "note", "unknown box [!FOO]"),
        ("[!NOTE] x", "note", ""),
        ("> **Beware:** x", "note", ""),
    ],
)
def test_odd_boxes_are_notes_and_unknown_kinds_are_reported(box: str, kind: str, message: str) -> None:
    article = read_text(f"# T\n\n{box}\n", path="en.md")
    assert [note.kind for note in article.sections[0].notes] == [kind]
    assert [problem.message[: len(message)] for problem in article.problems] == ([message] if message else [])


def test_a_box_without_text_is_reported() -> None:
    article = read_text("# T\n\n> [!TIP]\n\ntext\n", path="en.md")
    assert article.sections[0].notes == ()
    assert [str(problem) for problem in article.problems] == [
        "en.md:3: the box [!TIP] is empty; put its text inside of it"
    ]
