"""`python -m bot review`: the same as the desk's page, in a terminal."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import pytest

from bot.phrases import commands
from bot.phrases.cases import add_case
from bot.settings import get_settings
from bot.tickets import _store
from bot.tickets.store import TicketStore
from tests.phrases.conftest import review_of

Run = Callable[..., tuple[int, str]]
ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def store(tmp_path: Path) -> TicketStore:
    return TicketStore(f"sqlite:///{tmp_path / 'tickets.db'}")


@pytest.fixture
def run(
    store: TicketStore,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Iterator[Run]:
    """Runs a command on a store and a folder of its own: exit code, what it printed."""
    monkeypatch.setenv("BOT_TICKETS_DATABASE", str(store.engine.url))
    monkeypatch.setenv("BOT_REVIEW_DIR", str(folder.parent / "review"))
    monkeypatch.setenv("BOT_REVIEW_TEST_SHARE", "0")
    monkeypatch.setenv("BOT_DATA_DIR", str(folder.parent))
    for each in (ROOT / "data").iterdir():
        if each.name != "nlu":
            (folder.parent / each.name).symlink_to(each)

    def call(*words: str, share: str = "0") -> tuple[int, str]:
        monkeypatch.setenv("BOT_REVIEW_TEST_SHARE", share)
        get_settings.cache_clear()
        _store.cache_clear()
        parser = argparse.ArgumentParser()
        commands.add_commands(parser.add_subparsers())
        options = parser.parse_args(["review", *words])
        code = options.handler(options)
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    yield call
    get_settings.cache_clear()
    _store.cache_clear()


def test_an_empty_queue_says_so(run: Run) -> None:
    assert run() == (0, "nothing to review\n")
    assert run("--json") == (0, "[]\n")


def test_the_most_informative_is_listed_first_and_similar_ones_in_one_group(run: Run, store: TicketStore) -> None:
    sure, unsure = [("pay_invoice", 0.9), ("refund_request", 0.1)], [("pay_invoice", 0.4), ("refund_request", 0.38)]
    store.record_fallback("where do I see what this costs", "en", ["pay_invoice"], sure)
    store.record_fallback("kan jeg få pengene tilbake", "nb", ["pay_invoice"], unsure)
    store.record_choice("kan jeg få pengene mine tilbake", "nb", ["pay_invoice"], None, unsure)
    found = json.loads(run("--json")[1])
    order = [(each["group"], each["ids"], each["score"]) for each in found]
    assert order == [(1, [3], 1.48), (1, [2], 1.28), (2, [1], 0.5)]
    _, table = run("--language", "nb")
    assert table.splitlines()[0].split()[:3] == ["group", "score", "id"]
    assert [line.split()[:3] for line in table.splitlines()[2:]] == [["1", "1.48", "3"], ["1", "1.28", "2"]]


def test_accept_reject_and_undo_say_what_came_of_each(run: Run, store: TicketStore, folder: Path) -> None:
    store.record_fallback("pengene er borte", "nb")
    store.record_fallback("tull", "nb")
    path = folder / "nb" / "reviewed.yml"
    code, told = run("accept", "1")
    assert code == 1
    assert told == "error: candidate 1 has no intent; name one with --intent.\n"
    code, told = run("accept", "1", "--intent", "refund_request")
    assert told.splitlines()[0] == f"1: {path}: refund_request: pengene er borte"
    assert "make train" in told
    assert run("reject", "2") == (0, "2: rejected: tull\n")
    assert run("undo") == (0, "2: new: tull\n")
    taken = json.loads(run("undo", "--json")[1])
    assert taken == [{"id": 1, "state": "new", "intent": None, "file": None}]
    assert not path.exists()
    assert run("undo")[0] == 1


def test_a_disagreement_is_listed_with_who_decided_what(run: Run, store: TicketStore, folder: Path) -> None:
    store.record_fallback("pengene er borte", "nb")
    review = review_of(store, folder)
    review.accept([1], "refund_request", by="Kari", decides_all=False)
    review.reject([1], by="Ola", decides_all=False)
    _, told = run()
    assert "Kari: refund_request; Ola: rejected" in told
    run("accept", "1", "--intent", "refund_request")
    assert run() == (0, "nothing to review\n")


def test_messages_are_imported_by_file(run: Run, store: TicketStore, tmp_path: Path) -> None:
    file = tmp_path / "messages.tsv"
    file.write_text("nb\tpengene er borte\trefund_request\n", encoding="utf8")
    code, told = run("import", str(file))
    assert (code, told.split(";")[0]) == (0, "1 messages taken as candidates")
    assert json.loads(run("import", str(file), "--json")[1]) == {"taken": 0, "known": 1}
    code, told = run("import", str(tmp_path / "none.tsv"))
    assert code == 1
    assert "none.tsv cannot be read" in told


def test_imported_messages_are_ranked_by_a_model(
    run: Run, store: TicketStore, tmp_path: Path, trained_model: Path
) -> None:
    file = tmp_path / "messages.tsv"
    file.write_text("nb\tkortet mitt ble avvist\nen\twhere is my refund\n", encoding="utf8")
    code, told = run("import", str(file), "--model", str(tmp_path / "none.tar.gz"))
    assert code == 1
    assert "there is no model" in told
    assert run("import", str(file), "--model", str(trained_model))[0] == 0
    first, _ = store.candidates()
    assert first["ranking"][0][0] == "card_declined"
    assert 0.5 < first["ranking"][0][1] <= 1


def test_a_kept_conversation_is_played_and_what_goes_otherwise_is_named(
    run: Run, folder: Path, trained_model: Path
) -> None:
    code, told = run("conversations", "--model", str(trained_model))
    assert code == 1
    assert "has no conversations yet" in told
    turns = [
        {"state": "next", "says": "kortet mitt ble avvist", "act": "issue", "value": "card_declined"},
        {"state": "next", "says": '/choose_product{"product": "azure"}', "act": "product", "value": "azure"},
        {"state": "next", "says": "tusen takk for hjelpen!", "act": "tax_exemption"},
    ]
    case = {"issue": "card_declined", "product": "azure", "turns": turns}
    add_case(folder.parent / "review", "nb", case, date(2026, 11, 20))
    code, told = run("conversations", "--model", str(trained_model), "--json")
    found = json.loads(told[told.index("{") :])
    assert (code, found["right"], found["of"]) == (1, 2, 3)
    (wrong,) = found["wrong"]
    assert (wrong["says"], wrong["expected"]) == ("tusen takk for hjelpen!", "tax_exemption")


def test_every_command_and_option_is_documented() -> None:
    documentation = (ROOT / "docs" / "tickets.md").read_text(encoding="utf8")
    parser = argparse.ArgumentParser()
    commands.add_commands(parser.add_subparsers())
    review = parser._subparsers._group_actions[0].choices["review"]  # type: ignore[union-attr,index]
    verbs = review._subparsers._group_actions[0].choices
    for words, verb in [("review", review), *((f"review {name}", verb) for name, verb in verbs.items())]:
        assert f"python -m bot {words}" in documentation
        options = {option for action in verb._actions for option in action.option_strings}
        assert [option for option in options - {"-h", "--help"} if option not in documentation] == []
    assert "BOT_REVIEW_DIR" in documentation
    assert "BOT_REVIEW_TEST_SHARE" in documentation
