"""What an import takes, keeps, leaves out and reports."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bot.search import LibraryError
from bot.search.database import Library, StoredArticle
from bot.search.importing import import_articles
from bot.search.reading import LARGEST_FILE, Task, read
from tests.search.conftest import write


def rows(library: Library, columns: str = "locale, path") -> list[Any]:
    with library.reading() as connection:
        return connection.execute(f"SELECT {columns} FROM articles ORDER BY locale, path").fetchall()


def test_all_of_an_article_is_kept(imported: Library) -> None:
    columns = "language, title, slug, sentences, steps, url, source, licence"
    found = dict(zip(rows(imported), rows(imported, columns), strict=True))
    assert found["nb-NO", "Insights/shared-mailbox.md"] == (
        *("nb", "Opprette en delt postboks", "shared-mailbox"),
        "Flere personer kan lese og sende e-post fra en felles adresse.\nOpprette en delt postboks\n"
        "Velg Legg til en delt postboks.",
        *(1, "https://learn.microsoft.com/shared-mailbox", "nb-NO", "CC-BY-4.0"),
    )


def test_only_what_has_changed_is_read_again(imported: Library, trees: Path) -> None:
    write(trees, "nb-NO", "blue-screen", "Blå skjerm", "Ny tekst om krasj.")
    write(trees, "nb-NO", "added", "Ny artikkel", "Den er helt ny.")
    (trees / "nl-NL/Insights/teams-recording.md").unlink()
    report = import_articles(imported, [trees])
    assert report.changed == ["nb-NO/Insights/blue-screen.md"]
    assert report.new == ["nb-NO/Insights/added.md"]
    assert report.removed == ["nl-NL/Insights/teams-recording.md"]
    assert report.unchanged == 5
    assert ("nb-NO", "Insights/added.md") in rows(imported)
    assert ("nl-NL", "Insights/teams-recording.md") not in rows(imported)


def test_importing_one_locale_leaves_the_others_alone(imported: Library, trees: Path) -> None:
    (trees / "nl-NL/Insights/teams-recording.md").unlink()
    report = import_articles(imported, [trees / "nb-NO"])
    assert (report.removed, report.unchanged) == ([], 4)


def test_a_folder_that_is_not_named_for_a_locale_needs_one(library: Library, trees: Path) -> None:
    (trees / "nb-NO").rename(trees / "norsk")
    with pytest.raises(LibraryError):
        import_articles(library, [trees / "norsk"])
    assert len(import_articles(library, [trees / "norsk"], locale="nb-NO").new) == 4


BROKEN = {
    "not UTF-8": "# Fram\xe5t\n\nTekst\n".encode("latin1"),
    "the file is empty": b" \n",
    "broken front matter": b"---\ntitle: [\n---\n# T\n\nText\n",
    "larger than": b"# T\n\n" + b"text " * (LARGEST_FILE // 5),
}


@pytest.mark.parametrize("reason", BROKEN)
def test_of_a_broken_file_the_last_good_version_is_kept(imported: Library, trees: Path, reason: str) -> None:
    (trees / "nb-NO/Insights/blue-screen.md").write_bytes(BROKEN[reason])
    before = rows(imported, "title, sentences")
    for _ in range(2):
        report = import_articles(imported, [trees])
        (told,) = report.broken.values()
        assert reason in told and "the last good version is kept" in told
        assert rows(imported, "title, sentences") == before


def test_a_new_file_with_broken_front_matter_is_taken_and_reported(library: Library, trees: Path) -> None:
    (trees / "nb-NO/Insights/odd.md").write_bytes(b"---\ntitle: Odd [\nx: [\n---\n# Odd\n\nSome text about it.\n")
    report = import_articles(library, [trees])
    assert list(report.corrected) == ["nb-NO/Insights/odd.md"]
    assert not report.broken


def test_a_file_of_twenty_megabytes_is_not_read(library: Library, trees: Path) -> None:
    (trees / "nb-NO/Insights/huge.md").write_bytes(b"# T\n\n" + b"- a\n" * 5_000_000)
    report = import_articles(library, [trees])
    assert list(report.broken) == ["nb-NO/Insights/huge.md"]
    assert len(report.new) == 7


def test_symbolic_links_are_not_followed(library: Library, trees: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.md").write_text("# Secret\n\nNot for anybody.\n")
    (trees / "nb-NO/Insights/leak.md").symlink_to(tmp_path / "secret.md")
    (trees / "nb-NO/loop").symlink_to(trees / "nb-NO", target_is_directory=True)
    report = import_articles(library, [trees])
    assert len(report.new) == 7
    assert sorted(Path(name).name for name in report.skipped) == ["leak.md", "loop"]


def test_special_files_and_odd_names_are_passed_over(library: Library, trees: Path) -> None:
    os.mkfifo(trees / "nb-NO/Insights/pipe.md")
    Path(os.fsdecode(bytes(trees / "nb-NO/Insights") + b"/\xff.md")).write_text("# T\n\nText\n")
    write(trees, "nb-NO", "zero\u200bwidth", "Usynlig", "Et tegn som ikke vises.")
    report = import_articles(library, [trees])
    assert (len(report.new), len(report.skipped)) == (8, 2)


def test_a_path_that_does_not_exist_changes_nothing(imported: Library, trees: Path) -> None:
    before = rows(imported)
    with pytest.raises(LibraryError, match="does not exist"):
        import_articles(imported, [trees / "nb-NO", trees / "xx-XX"])
    assert rows(imported) == before


def test_a_folder_without_articles_does_not_empty_the_database(imported: Library, trees: Path, tmp_path: Path) -> None:
    (tmp_path / "nb-NO").mkdir()
    with pytest.raises(LibraryError, match="no article"):
        import_articles(imported, [tmp_path / "nb-NO"])
    assert len(rows(imported)) == 7


KILLED = """
import os, signal, sys
from pathlib import Path
from bot.search.database import Library
from bot.search.importing import import_articles

def progress(outcomes, total):
    for number, outcome in enumerate(outcomes):
        if number == 3:
            os.kill(os.getpid(), signal.SIGKILL)
        yield outcome

import_articles(Library(Path(sys.argv[1])), [Path(sys.argv[2])], progress=progress)
"""


def test_a_crash_in_the_middle_leaves_the_previous_state_whole(imported: Library, trees: Path, root: Path) -> None:
    before = rows(imported, "title, hash")
    for name in ("one", "two", "three", "four", "five"):
        write(trees, "nb-NO", name, "Ny", "Tekst som er ny.")
    (trees / "nb-NO/Insights/blue-screen.md").unlink()
    command = [sys.executable, "-c", KILLED, str(imported.path), str(trees)]
    assert subprocess.run(command, cwd=root, check=False).returncode == -signal.SIGKILL
    assert rows(Library(imported.path), "title, hash") == before
    assert len(import_articles(Library(imported.path), [trees]).new) == 5


def test_two_imports_do_not_mix(imported: Library, trees: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.search.database.BUSY_SECONDS", 0.1)
    with imported.writing(), pytest.raises(LibraryError, match="another import is at work"):
        import_articles(imported, [trees])


def test_a_file_that_is_no_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "articles.db"
    path.write_text("x" * 5000)
    with pytest.raises(LibraryError, match="cannot be used as article database"):
        Library(path)


PIECES = st.sampled_from(
    [
        *(
            "# ",
            "## ",
            "\n",
            "\n\n",
            "1. ",
            "- ",
            "> [!NOTE]\n> ",
            "**",
            "[a](https://a.org/b)",
            "<script>x()</script>",
        ),
        *("<a name='s'></a>", "text ", "more text. ", "---\n", "title: t\n", "```\n", "| a | b |\n|---|---|\n", "\x00"),
        *('<span data-ttu-id="1">', '<span class="sxs-lookup">', '<span data-stu-id="1">', "</span>", "&lt;", "\ud7ff"),
    ]
)
HEADERS = {
    "plain": "---\ntitle: t\n---\n",
    "azure-docs": "---\ntitle: t\ndescription: d\nms.topic: how-to\n---\n",
    "side-by-side": '---\ntitle: t\n---\n<span class="sxs-lookup"></span>',
}


@pytest.mark.parametrize("dialect", HEADERS)
@settings(
    max_examples=100, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(text=st.lists(PIECES, max_size=30).map("".join))
def test_no_file_of_any_dialect_stops_an_import(tmp_path: Path, dialect: str, text: str) -> None:
    path = tmp_path / "a.md"
    path.write_text(HEADERS[dialect] + text, encoding="utf8")
    article = read(Task(str(path), "en-US", "a.md", "s", "l", None))
    if not isinstance(article, StoredArticle):
        assert article and "cannot be read" not in article
    else:
        assert len(article.vectors) == 192 * (2 + len(article.sentences))
        # What stands in a code block is text, script tags too; whoever shows a sentence escapes it.
        if "```" not in text:
            assert not any("<script" in sentence for sentence in article.sentences)


WORD = st.text("abcdefghij", min_size=3, max_size=8)
SENTENCE = st.lists(WORD, min_size=3, max_size=6).map(" ".join)


@pytest.mark.parametrize("dialect", HEADERS)
@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=st.lists(SENTENCE, min_size=1, max_size=6), pages=st.lists(WORD, max_size=5, unique=True))
def test_no_step_and_no_link_is_lost(tmp_path: Path, dialect: str, steps: list[str], pages: list[str]) -> None:
    listed = "".join(f"1. {step}\n" for step in steps)
    linked = "".join(f"- [{page}](https://example.org/{page})\n" for page in pages)
    path = tmp_path / "a.md"
    path.write_text(f"{HEADERS[dialect]}\n\n# T\n\nSome text.\n\n{listed}\n## L\n\n{linked}", encoding="utf8")
    article = read(Task(str(path), "en-US", "a.md", "s", "l", None))
    assert isinstance(article, StoredArticle)
    assert article.steps == len(steps)
    assert set(steps) <= set(article.sentences)
    assert [link.url for link in article.links] == [f"https://example.org/{page}" for page in pages]


def test_those_who_make_a_new_database_at_once_all_succeed(tmp_path: Path) -> None:
    with ThreadPoolExecutor(16) as pool:
        for number in range(10):
            made = pool.map(Library, [tmp_path / f"{number}" / "articles.db"] * 16)
            assert [rows(library) for library in made] == [[]] * 16


def test_a_new_database_waits_for_somebody_who_is_making_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(sqlite3.connect(tmp_path / "articles.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        monkeypatch.setattr("time.sleep", lambda seconds: other.execute("ROLLBACK"))  # they end while it waits
        assert rows(Library(tmp_path / "articles.db")) == []
