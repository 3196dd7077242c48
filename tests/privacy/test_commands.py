"""`python -m bot privacy`: what it prints, what it writes, how it ends."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bot.cli import main
from bot.settings import get_settings
from bot.tickets import _store
from tests.privacy.conftest import Kept

pytestmark = pytest.mark.parametrize("kept", ["sqlite"], indirect=True)
Command = Callable[..., tuple[int, list[str], list[str]]]
ANNA = ("--contact", "anna@x.no")


@pytest.fixture
def command(kept: Kept, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Command]:
    """Runs a command: exit code, lines of its output, lines of its errors."""
    monkeypatch.setenv("BOT_TRACKER_DATABASE", kept.urls[0])
    monkeypatch.setenv("BOT_TICKETS_DATABASE", kept.urls[1])
    get_settings.cache_clear()
    _store.cache_clear()

    def run(*words: str) -> tuple[int, list[str], list[str]]:
        code = main(["privacy", *words])
        printed = capsys.readouterr()
        return code, printed.out.splitlines(), printed.err.splitlines()

    yield run
    get_settings.cache_clear()
    _store.cache_clear()


def test_the_commands_do_what_they_say(kept: Kept, command: Command, tmp_path: Path) -> None:
    kept.say("mine", "hei", email="anna@x.no")
    ticket = kept.ticket("mine", "anna@x.no", way="delivered")
    file = tmp_path / "anna.json"
    written = f"1 conversations and 1 tickets written to {file}"
    assert command("export", *ANNA, "-o", str(file)) == (0, [written], [])
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert json.loads(file.read_text(encoding="utf8"))["tickets"][0]["number"] == ticket.number
    left = f"{ticket.number} is at the help desk, too (webhook, there 4711); delete it there."
    would = ["1 conversations and 1 tickets would be deleted", f"  {ticket.number}", "  conversation:mine", left]
    assert command("erase", *ANNA, "--dry-run") == (0, would, [])
    assert command("erase", *ANNA) == (0, ["1 conversations and 1 tickets deleted", left], [])
    assert kept.talks() == []
    assert command("expire")[1][0].startswith("0 conversations deleted, 0 tickets")
    code, _, errors = command("erase", "--contact", "anna")
    assert (code, len(errors)) == (1, 1)
    assert "is not an e-mail address" in errors[0]


def test_mentions_are_listed_for_a_person_to_decide_and_told_by_the_exit_code(kept: Kept, command: Command) -> None:
    kept.say("mine", "hei", email="anna@x.no")
    theirs = kept.ticket("theirs", "bo@x.no", summary="Anna＠x.no har betalt")
    listed = f"  {theirs.number}: anna@x.no har betalt"
    code, written, errors = command("export", *ANNA)
    assert (code, errors[1:]) == (3, [listed])
    assert json.loads("\n".join(written))["tickets"] == []
    code, _, errors = command("erase", *ANNA)
    assert (code, errors[1:]) == (3, [listed])
    assert [ticket.number for ticket in kept.tickets.tickets()] == [theirs.number]
    assert command("erase", *ANNA, "--also", "T-1")[0] == 1
    assert command("erase", *ANNA, "--also", theirs.number) == (0, ["0 conversations and 1 tickets deleted"], [])
    assert kept.tickets.tickets() == []


def test_where_the_events_have_gone_is_said(kept: Kept, command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOT_BROKER_URL", "amqp://127.0.0.1/")
    get_settings.cache_clear()
    kept.say("mine", "hei", email="anna@x.no")
    assert "BOT_BROKER_URL" in command("erase", *ANNA)[1][1]


@pytest.mark.parametrize("link", [False, True])
def test_an_export_never_overwrites_a_file_or_follows_a_link(command: Command, tmp_path: Path, link: bool) -> None:
    file, target = tmp_path / "anna.json", tmp_path / "target"
    if link:
        file.symlink_to(target)
    else:
        file.write_text("theirs", encoding="utf8")
    code, written, errors = command("export", *ANNA, "-o", str(file))
    assert (code, written) == (1, [])
    assert errors == [f"error: {file} exists already and is not overwritten; remove it or name another file."]
    assert link != file.exists()
    assert not target.exists()
