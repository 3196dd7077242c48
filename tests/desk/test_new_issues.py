"""The page of questions that no issue covers, and the draft of an issue from there."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.articles.examples import read_examples
from bot.search.database import Library
from tests.desk.conftest import RunningDesk, serving
from tests.search.conftest import imported, library, trees  # noqa: F401 - fixtures are used by their names
from tests.support.servers import wait_until

ASKED = (
    ("nb", "hvordan lager jeg en delt postkasse for resepsjonen?"),
    ("nb", "hvordan oppretter jeg en delt postboks i outlook"),
    ("nl", "hoe maak ik een gedeeld postvak aan?"),
    ("sv", "hur skapar jag en delad brevlåda"),
    ("nb", "blir det sol i helga"),
)


@pytest.fixture
def running(
    tmp_path: Path,
    root: Path,
    imported: Library,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[RunningDesk]:
    """A desk with imported articles and questions that were not understood; few training phrases, for speed."""
    data = tmp_path / "data"
    shutil.copytree(root / "data", data, ignore=shutil.ignore_patterns("nlu", "conversations"))
    (data / "nlu" / "en").mkdir(parents=True)
    shutil.copy(root / "data" / "nlu" / "en" / "small_talk.yml", data / "nlu" / "en")
    monkeypatch.setenv("BOT_DATA_DIR", str(data))  # of the command that drafts
    more = {"data_dir": data, "articles_database": imported.path, "review_dir": tmp_path / "review"}
    with serving(f"sqlite:///{tmp_path / 'tickets.db'}", tmp_path, **more) as running:
        for language, text in ASKED:
            running.desk.tickets.record_fallback(text, language)
        yield running


def test_questions_that_mean_the_same_are_shown_with_their_number_and_become_a_draft(
    running: RunningDesk, tmp_path: Path
) -> None:
    kari = running.agent("Kari", "reviewer")
    assert 'href="/review/new-issues"' in kari.get("/review").text
    page = kari.get("/review/new-issues").text
    assert "4 questions, asked 4 times" in page
    assert ASKED[2][1] in page
    assert ASKED[4][1] not in page
    assert "(shared-mailbox.md)" in page
    cluster = page.split('name="cluster" value="')[1].split('"')[0]
    assert kari.post("/review/new-issues", cluster=cluster).status_code == 303
    folder = tmp_path / "review" / "proposals" / cluster
    wait_until((folder / "README.md").exists, "the draft")
    phrases = read_examples(folder / "shared_mailbox" / "nlu")
    assert {(each.language, each.text) for each in phrases} == set(ASKED[:4])
    page = kari.get("/review/new-issues").text
    assert f"Drafted in {folder}" in page
    assert 'name="cluster"' not in page
    assert ("Kari", "draft issue", cluster) in running.audit()


def test_a_folder_that_cannot_be_written_is_said_and_nothing_is_begun(running: RunningDesk, tmp_path: Path) -> None:
    kari = running.agent("Kari", "reviewer")
    cluster = kari.get("/review/new-issues").text.split('name="cluster" value="')[1].split('"')[0]
    (tmp_path / "review").mkdir(exist_ok=True)
    (tmp_path / "review" / "proposals").write_text("a file", encoding="utf8")
    answer = kari.post("/review/new-issues", cluster=cluster)
    assert answer.status_code == 409
    assert f"{tmp_path / 'review' / 'proposals'} cannot be written" in answer.text
    assert ("Kari", "draft issue", cluster) not in running.audit()


def test_why_a_draft_was_not_written_is_shown_and_it_can_be_tried_again(running: RunningDesk, tmp_path: Path) -> None:
    kari = running.agent("Kari", "reviewer")
    cluster = kari.get("/review/new-issues").text.split('name="cluster" value="')[1].split('"')[0]
    left = tmp_path / "review" / "proposals" / cluster
    left.mkdir(parents=True)
    (left / "notes.txt").write_text("begun by hand", encoding="utf8")
    kari.post("/review/new-issues", cluster=cluster)
    wait_until(lambda: "is not empty" in kari.get("/review/new-issues").text, "the reason")
    assert f'value="{cluster}"' in kari.get("/review/new-issues").text


def test_a_cluster_that_has_changed_meanwhile_is_not_drafted(running: RunningDesk) -> None:
    assert running.agent("Kari", "reviewer").post("/review/new-issues", cluster="0123456789ab").status_code == 409


def test_it_is_for_reviewers(running: RunningDesk) -> None:
    assert running.agent("Ola").get("/review/new-issues").status_code == 403


def test_without_imported_articles_the_remedy_is_named(tmp_path: Path) -> None:
    more = {"articles_database": tmp_path / "none.db", "review_dir": tmp_path / "review"}
    with serving(f"sqlite:///{tmp_path / 'tickets.db'}", tmp_path, **more) as running:
        assert "articles import" in running.agent("Kari", "reviewer").get("/review/new-issues").text
        assert running.agent("Per", "reviewer").post("/review/new-issues", cluster="0123456789ab").status_code == 409
