"""From questions that nothing answered to the drafts of an issue, through the real command line and real stores."""

from __future__ import annotations

import asyncio
import re
import shutil
from pathlib import Path

import pytest

from bot.articles.examples import read_examples
from bot.articles.replies import Replies
from bot.cli import main
from bot.proposals import ProposalError
from bot.proposals.questions import from_conversations, from_file, from_store
from bot.search.database import Library
from bot.tickets.model import SearchEvent
from bot.tickets.store import TicketStore
from tests.conftest import ROOT
from tests.search.conftest import TEXTS, imported, library, trees  # noqa: F401 - fixtures are used by their names
from tests.tickets.conftest import a_draft

QUESTIONS = """language,text
nb,hvordan lager jeg en delt postkasse for resepsjonen?
nb,hvordan oppretter jeg en delt postboks i outlook
nl,hoe maak ik een gedeeld postvak aan?
nl,"gedeeld postvak instellen, bel me op +31 6 12345678 of mail jan.jansen@example.org"
sv,hur skapar jag en delad brevlåda
nb,"kortnummer 4111 1111 1111 1111, hvordan lager jeg en delt postboks?"
nb,blir det sol i helga
"""


def propose(*words: object) -> int:
    return main(["articles", "propose", *map(str, words)])


@pytest.fixture
def drafted(imported: Library, tmp_path: Path) -> Path:  # noqa: F811
    """The folder of the one issue that the questions make."""
    file = tmp_path / "questions.csv"
    file.write_text(QUESTIONS, encoding="utf8")
    assert propose("--from", file, "-o", tmp_path / "out", "--database", imported.path) == 0
    (folder,) = (path for path in (tmp_path / "out").iterdir() if path.is_dir())
    return folder


def everything(folder: Path) -> str:
    return "\n".join(path.read_text(encoding="utf8") for path in folder.rglob("*") if path.is_file())


def test_what_means_the_same_in_several_languages_is_one_issue_with_the_article_found(drafted: Path) -> None:
    assert drafted.name == "shared_mailbox"
    assert "- shared-mailbox\n" in (drafted / "issues-row.yml").read_text(encoding="utf8")
    phrases = read_examples(drafted / "nlu")
    assert {phrase.language for phrase in phrases} == {"nb", "nl", "sv"}
    assert {phrase.intent for phrase in phrases} == {drafted.name}
    assert len(phrases) == 6
    assert "blir det sol" not in everything(drafted)


def test_what_only_concerns_the_customer_is_masked_everywhere(drafted: Path) -> None:
    written = everything(drafted.parent)
    for personal in ("12345678", "jan.jansen", "4111 1111 1111"):
        assert personal not in written
    assert "name@example.com" in written


def test_links_are_taken_over_and_sentences_are_not(drafted: Path) -> None:
    written = everything(drafted / "articles")
    assert "https://learn.microsoft.com/shared-mailbox" in written
    for articles in TEXTS.values():
        for _, sentence, step in articles.values():
            assert sentence not in written
            assert step not in written
    assert sorted(path.stem for path in (drafted / "articles").rglob("*.md")) == list(Replies().languages())


def test_the_readme_names_phrases_that_are_trained_to_be_refused(drafted: Path) -> None:
    readme = (drafted / "README.md").read_text(encoding="utf8")
    named = re.findall(r"^   - (\w\w)/(\w+\.yml): (.+)$", readme, re.MULTILINE)
    phrases = read_examples(ROOT / "data" / "nlu")
    refused = {(one.language, one.path.name, one.text) for one in phrases if one.about_products}
    assert {*named} <= refused
    assert any(re.search("delt post|gedeelde? (mailbox|postvak)|delad brevlåda", text, re.I) for *_, text in named)


def test_the_readme_names_the_nearest_phrases_of_other_issues_with_file_and_issue(drafted: Path) -> None:
    readme = (drafted / "README.md").read_text(encoding="utf8")
    phrases = {(one.language, one.intent, one.text) for one in read_examples(ROOT / "data" / "nlu")}
    rivals = re.findall(r"^   - (\w\w)/\w+\.yml, (\w+): (.+)$", readme, re.MULTILINE)
    assert 5 <= len(rivals) <= 20
    assert {*rivals} <= phrases
    assert {language for language, *_ in rivals} <= {"nb", "nl", "sv"}
    assert any(re.search("delt post|gedeelde? (mailbox|postvak)|delad brevlåda", text, re.I) for *_, text in rivals)


def test_nothing_is_overwritten(drafted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (drafted / "README.md").write_text("finished by hand", encoding="utf8")
    assert propose("--from", tmp_path / "questions.csv", "-o", drafted.parent) == 2
    assert "is not empty" in capsys.readouterr().err
    assert (drafted / "README.md").read_text(encoding="utf8") == "finished by hand"


def test_a_finished_draft_is_an_issue_and_an_unfinished_one_is_reported(
    drafted: Path, root: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = tmp_path / "data"
    for name in ("articles", "replies"):
        shutil.copytree(root / "data" / name, data / name)
    table = (root / "data" / "issues.yml").read_text(encoding="utf8")
    (data / "issues.yml").write_text(table + (drafted / "issues-row.yml").read_text(encoding="utf8"), encoding="utf8")
    shutil.copytree(drafted / "articles" / drafted.name, data / "articles" / drafted.name)
    assert main(["articles", "check", str(data / "articles")]) == 1
    assert "'TODO:' is left from a draft" in capsys.readouterr().out
    for path in (data / "articles" / drafted.name).iterdir():
        text = path.read_text(encoding="utf8")
        text = text.replace("- TODO: a document that helps", "- [More](https://learn.microsoft.com/more)")
        path.write_text(re.sub("TODO:?", "Text", text), encoding="utf8")
    assert main(["articles", "check", str(data / "articles")]) == 0, capsys.readouterr().out


def test_questions_that_have_nothing_in_common_make_no_issue(
    imported: Library,  # noqa: F811
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = tmp_path / "questions.txt"
    file.write_text("delt postboks\nblåskjerm i natt\nkan jeg ta opp et møte\n", encoding="utf8")
    assert propose("--from", file, "-o", tmp_path / "out", "--database", imported.path) == 1
    assert "3 questions" in capsys.readouterr().err
    assert not list((tmp_path / "out").iterdir())


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("none.txt", None, "cannot be read"),
        ("latin.txt", "bl\xe5skjerm".encode("latin-1"), "not UTF-8"),
        ("empty.txt", b"\n \n123\n", "no question in it"),
        ("columns.csv", b"question,answer\nwhy,because\n", "no column `text` among question, answer"),
        ("folder", "folder", "cannot be read"),
    ],
)
def test_a_file_that_cannot_be_used_is_refused_in_a_sentence(
    tmp_path: Path, name: str, content: bytes | str | None, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    if content == "folder":
        (tmp_path / name).mkdir()
    elif isinstance(content, bytes):
        (tmp_path / name).write_bytes(content)
    assert propose("--from", tmp_path / name, "-o", tmp_path / "out") == 2
    assert told in capsys.readouterr().err


def test_without_imported_articles_the_remedy_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "questions.csv"
    file.write_text(QUESTIONS, encoding="utf8")
    assert propose("--from", file, "-o", tmp_path / "out", "--database", tmp_path / "none.db") == 2
    assert "articles import" in capsys.readouterr().err


def test_a_csv_file_may_name_languages_and_repeat_questions(tmp_path: Path) -> None:
    file = tmp_path / "questions.csv"
    file.write_text("Language;Text\nnb-NO;delt postboks\nsv;delt postboks\nnb;Delt postboks\n", encoding="utf-8-sig")
    found = {(question.language, question.text): question.times for question in from_file(file)}
    assert found == {("nb", "delt postboks"): 2, ("sv", "delt postboks"): 1}


def test_the_ticket_store_gives_what_was_not_understood_not_helped_and_handed_over(tmp_path: Path) -> None:
    store = TicketStore(f"sqlite:///{tmp_path / 'tickets.db'}")
    store.record_fallback("postboksen min er borte", "nb")
    store.record_choice("saldo eller faktura", "nb", ["pay_invoice", "past_due_balance"], None)
    store.record_choice("valgt sak", "nb", ["pay_invoice", "past_due_balance"], "pay_invoice")
    for search, text, verdict in (("a", "hjalp ikke", "none"), ("b", "hjalp", "helped")):
        for kind, said in (("shown", text), (verdict, "")):
            event = SearchEvent(search_id=search, conversation_id="c", kind=kind, text=said, language="nb")  # type: ignore[arg-type]
            store.record_search(event)
    store.open(a_draft(form_id="1", intent=None, summary="serveren starter ikke"))
    store.open(a_draft(form_id="2", summary="kortet ble avvist"))
    texts = [question.text for question in from_store(store)]
    assert texts == ["postboksen min er borte", "saldo eller faktura", "hjalp ikke", "serveren starter ikke"]


def test_conversations_that_rasa_keeps_give_what_was_said_in_vain(tmp_path: Path) -> None:
    from rasa.core.tracker_store import SQLTrackerStore
    from rasa.shared.core.domain import Domain
    from rasa.shared.core.events import UserUttered
    from rasa.shared.core.trackers import DialogueStateTracker

    database = tmp_path / "conversations.db"
    tracker = DialogueStateTracker("customer", [])
    for text, intent, likely in (
        ("postboksen min er borte", "out_of_scope", True),
        ("blir det regn", "out_of_scope", False),
        ("kortet ble avvist", "card_declined", True),
        ("/out_of_scope", "out_of_scope", True),
    ):
        parsed = {"about_products": {"likely": likely}, "language": {"name": "nb"}}
        tracker.update(UserUttered(text, {"name": intent}, parse_data={**parsed, "text": text}))  # type: ignore[typeddict-item]
    store = SQLTrackerStore(domain=Domain.empty(), db=str(database))
    asyncio.run(store.save(tracker))
    (question,) = from_conversations(f"sqlite:///{database}")
    assert (question.text, question.language) == ("postboksen min er borte", "nb")


def test_no_conversations_give_nothing_and_a_broken_store_is_named(tmp_path: Path) -> None:
    assert from_conversations(f"sqlite:///{tmp_path / 'none.db'}") == []
    with pytest.raises(ProposalError, match="tracker store cannot be read"):
        from_conversations("nosuchdatabase://localhost/conversations")
