"""What a search finds, in which language, and that it goes on while articles are imported."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from dataclasses import asdict
from pathlib import Path

import pytest

from bot.search import LibraryError
from bot.search.database import Library
from bot.search.importing import import_articles
from bot.search.ranking import Searcher, open_vectors
from tests.search.conftest import write


def first(library: Library, text: str, language: str) -> tuple[str, str]:
    hit = Searcher(library.path).search(text, language)[0]
    return hit.file, hit.language


@pytest.mark.parametrize(
    ("text", "language", "expected"),
    [
        ("flere skal kunne svare fra samme e-postadresse", "nb", ("shared-mailbox.md", "nb")),
        ("PC-en krasjer og starter på nytt", "nb", ("blue-screen.md", "nb")),
        ("hoe neem ik een vergadering op", "nl", ("teams-recording.md", "nl")),
        ("vergaderopname", "nl", ("teams-recording.md", "nl")),  # part of a compound
        ("delt posboks oprette", "nb", ("shared-mailbox.md", "nb")),  # slips
        ("blaskjerm", "nb", ("blue-screen.md", "nb")),  # without diacritics
    ],
)
def test_the_right_article_comes_first(imported: Library, text: str, language: str, expected: tuple[str, str]) -> None:
    assert first(imported, text, language) == expected


def test_an_article_that_is_not_translated_is_found_in_another_language(imported: Library) -> None:
    assert first(imported, "printer reageert niet", "nl") == ("only-norwegian.md", "nb")


def test_each_article_is_found_once_and_in_the_customers_language(imported: Library) -> None:
    hits = Searcher(imported.path).search("Teams OneDrive opname Windows postvak", "nl")
    assert [hit.language for hit in hits if hit.file != "only-norwegian.md"] == ["nl"] * 3
    assert len({hit.file for hit in hits}) == len(hits) == 4


def test_a_language_without_articles_is_answered_by_the_english_slug(imported: Library) -> None:
    assert first(imported, "record a teams meeting, recording", "en")[0] == "teams-recording.md"


def test_a_hit_has_the_matching_sentence_and_a_link(imported: Library) -> None:
    hit = Searcher(imported.path).search("hvor blir opptaket av møtet lagret", "nb")[0]
    assert hit.title == "Ta opp et møte i Teams"
    assert hit.sentence == "Opptaket lagres i OneDrive for den som startet det."
    assert hit.url == "https://learn.microsoft.com/teams-recording"


@pytest.mark.parametrize("text", ["", "   ", "?!", "\x00", '"', "title:x AND (", "a" * 100_000, "😀", "*:*"])
def test_no_question_is_too_odd(imported: Library, text: str) -> None:
    assert isinstance(Searcher(imported.path).search(text, "nb"), list)


def test_script_and_html_never_reach_a_result(library: Library, trees: Path) -> None:
    text = (
        "Skriveren <script>alert(1)</script> svarer <img src=x onerror=alert(1)> ikke på noe.\n\n<script>b()</script>"
    )
    write(trees, "nb-NO", "evil", "Skriver <b>svarer</b> ikke", text + "\n\n[x](javascript:alert(1))")
    import_articles(library, [trees])
    hits = {hit.file: hit for hit in Searcher(library.path).search("skriver svarer ikke", "nb")}
    shown = json.dumps(asdict(hits["evil.md"]))
    assert not any(part in shown for part in ("<script", "<img", "<b>", "onerror", "javascript:"))


def test_searching_goes_on_while_articles_are_imported(imported: Library, trees: Path) -> None:
    searcher = Searcher(imported.path)
    done = threading.Event()
    failures: list[BaseException] = []

    def import_again_and_again() -> None:
        try:
            for number in range(6):
                write(trees, "nb-NO", "blue-screen", f"Blåskjerm {number}", "Maskinen krasjer og starter på nytt.")
                import_articles(Library(imported.path), [trees])
        except BaseException as error:
            failures.append(error)
        finally:
            done.set()

    thread = threading.Thread(target=import_again_and_again)
    thread.start()
    while not done.is_set():
        assert searcher.search("maskinen krasjer", "nb")[0].file == "blue-screen.md"
    thread.join()
    assert not failures
    assert searcher.search("maskinen krasjer", "nb")[0].title == "Blåskjerm 5"


def test_all_languages_share_the_vectors_until_an_import_replaces_them(imported: Library, trees: Path) -> None:
    open_vectors.cache_clear()
    searcher = Searcher(imported.path)
    for language in ("nb", "nl", "nb"):
        searcher.search("OneDrive", language)
    assert open_vectors.cache_info().misses == 1
    write(trees, "nl-NL", "calendar", "Agenda delen", "Anderen zien uw afspraken.")
    import_articles(imported, [trees])
    assert [searcher.search("agenda delen met anderen", language)[0].file for language in ("nl", "nb")] == [
        "calendar.md"
    ] * 2
    assert open_vectors.cache_info().misses == 2


def test_the_command_prints_json(imported: Library, root: Path) -> None:
    words = ["search", "delt postboks", "--language", "nb", "--json", "--database", str(imported.path)]
    done = subprocess.run([sys.executable, "-m", "bot", *words], cwd=root, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout)
    assert list(found[0]) == ["title", "file", "language", "url", "score", "sentence"]
    assert found[0]["file"] == "shared-mailbox.md"
    assert [hit["score"] for hit in found] == sorted((hit["score"] for hit in found), reverse=True)


def test_without_an_import_the_search_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match="articles import"):
        Searcher(tmp_path / "none.db")
