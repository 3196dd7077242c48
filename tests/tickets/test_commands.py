"""`python -m bot tickets`: what an agent does in a terminal."""

from __future__ import annotations

import argparse
import csv
import io
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from bot.phrases import commands as review_commands
from bot.settings import get_settings
from bot.tickets import _store, commands
from bot.tickets.model import Utterance
from bot.tickets.store import TicketStore
from tests.support.help_desks import MailServer, WebhookReceiver
from tests.support.servers import free_port
from tests.tickets.conftest import ROOT, a_draft, mail_settings, webhook_settings

Run = Callable[..., tuple[int, str]]


@pytest.fixture
def database(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path / 'tickets.db'}"


@pytest.fixture
def run(database: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Run]:
    """Runs a command: exit code, what it printed."""
    monkeypatch.setenv("BOT_TICKETS_DATABASE", database)
    get_settings.cache_clear()
    _store.cache_clear()

    def call(*words: str) -> tuple[int, str]:
        parser = argparse.ArgumentParser()
        subparsers = parser.add_subparsers()
        commands.add_commands(subparsers)
        review_commands.add_commands(subparsers)
        options = parser.parse_args(words)
        code = options.handler(options)
        printed = capsys.readouterr()
        return code, printed.out + printed.err

    yield call
    get_settings.cache_clear()
    _store.cache_clear()


def test_an_empty_store_says_so(run: Run) -> None:
    assert run("tickets", "list") == (0, "no tickets\n")
    assert run("tickets", "list", "--undelivered") == (0, "everything has been delivered\n")
    assert run("tickets", "list", "--json") == (0, "[]\n")


def test_tickets_are_listed_as_a_table_json_and_csv(run: Run, store: TicketStore) -> None:
    ticket = store.open(a_draft())
    other = store.open(a_draft(form_id="2", intent="download_invoice", language="sv", signals=[]))
    _, table = run("tickets", "list")
    assert table.splitlines()[0].split() == list(commands.COLUMNS)
    assert [line.split()[0] for line in table.splitlines()[2:]] == [ticket.number, other.number]
    _, listed = run("tickets", "list", "--language", "sv", "--queue", "billing", "--status", "new", "--json")
    assert [found["number"] for found in json.loads(listed)] == [other.number]
    _, listed = run("tickets", "list", "--intent", "card_declined", "--csv")
    assert [row["number"] for row in csv.DictReader(io.StringIO(listed))] == [ticket.number]


def test_a_ticket_is_shown_as_the_help_desk_gets_it(run: Run, store: TicketStore) -> None:
    number = store.open(a_draft()).number
    code, shown = run("tickets", "show", number.lower())
    assert code == 0
    assert shown.startswith(f"{number}  new  ")
    assert "Hva saken gjelder: Kortet mitt ble avvist" in shown
    assert json.loads(run("tickets", "show", number, "--json")[1])["number"] == number


def test_a_ticket_is_assigned_closed_and_reopened(run: Run, store: TicketStore) -> None:
    number = store.open(a_draft()).number
    assert run("tickets", "assign", number, "Ida") == (0, f"{number}: assigned (Ida)\n")
    assert run("tickets", "close", number) == (0, f"{number}: closed (Ida)\n")
    assert run("tickets", "reopen", number) == (0, f"{number}: assigned (Ida)\n")
    code, told = run("tickets", "close", "T-10001-000000")
    assert code == 1
    assert told.startswith("error: there is no ticket T-10001-000000;")


def test_a_correction_moves_a_ticket_to_the_right_queue(run: Run, store: TicketStore) -> None:
    number = store.open(a_draft(signals=[])).number
    corrected = run("tickets", "correct", number, "--intent", "billing_access", "--language", "da")
    assert corrected == (0, f"{number}: billing_access, da; queue access, priority normal\n")
    assert run("tickets", "correct", number)[0] == 1


@pytest.mark.parametrize("as_csv", [False, True])
def test_an_export_holds_everything(run: Run, store: TicketStore, tmp_path: Path, as_csv: bool) -> None:
    ticket = store.open(a_draft(summary='=HYPERLINK("http://example.com")\nlinje to'))
    file = tmp_path / "tickets.out"
    words = ["tickets", "export", "-o", str(file), *(["--csv"] if as_csv else [])]
    assert run(*words) == (0, f"1 tickets written to {file}\n")
    written = file.read_text(encoding="utf8")
    found: dict[str, Any]
    if as_csv:
        (found,) = csv.DictReader(io.StringIO(written))
        assert found["summary"] == '\'=HYPERLINK("http://example.com")\nlinje to'  # a spreadsheet must not run it
        assert json.loads(found["transcript"])[0]["text"] == "kortet mitt ble avvist"
    else:
        (found,) = json.loads(written)
        assert found["summary"] == ticket.summary
    assert found["number"] == ticket.number


@pytest.mark.parametrize("words", [("tickets", "export", "--csv"), ("tickets", "list", "--csv")], ids=" ".join)
@pytest.mark.parametrize("delimiter", [",", ";", "\t"], ids=["comma", "semicolon", "tab"])
def test_no_spreadsheet_runs_what_a_customer_has_typed(
    run: Run, store: TicketStore, words: tuple[str, ...], delimiter: str
) -> None:
    for number, typed in enumerate(["=1+1", "a;=1+1", "a\t=1+1", "a\n=1+1", "＝1+1", "\u200b@SUM(1)", "\r-1"]):
        store.open(a_draft(form_id=str(number), summary=typed, transcript=[Utterance("customer", typed)]))
    _, printed = run(*words)
    found = [cell for row in csv.reader(io.StringIO(printed, newline=""), delimiter=delimiter) for cell in row]
    assert [cell for cell in found if cell.strip('" \u200b\t\r\n')[:1] in set("=+-@＝＋－＠")] == []


def test_without_a_help_desk_tickets_stay_in_the_store(run: Run, store: TicketStore) -> None:
    store.open(a_draft())
    code, told = run("tickets", "deliver", "--once")
    assert code == 0
    assert "no help desk is set" in told
    assert run("tickets", "list", "--undelivered") == (0, "everything has been delivered\n")


def test_what_is_parked_is_listed_with_its_reason_and_can_be_put_back(
    run: Run, database: str, receiver: WebhookReceiver, mail: MailServer
) -> None:
    store = TicketStore(database, ["webhook"])
    number = store.open(a_draft()).number
    receiver.status = 422
    settings = {**webhook_settings(receiver), "BOT_TICKETS_REFUSALS": "1"}
    assert command(database, settings, "deliver", "--once") == "1 parked\n"
    _, listed = run("tickets", "list", "--undelivered")
    assert f"{number}  webhook   parked " in listed
    assert "422" in listed
    receiver.status = 200
    settings |= mail_settings(mail)  # a help desk that was not there when the ticket was opened
    assert command(database, settings, "retry", number) == "2 deliveries put back\n"
    assert command(database, settings, "deliver", "--once") == "2 delivered\n"
    assert (len(receiver.tickets), len(mail.messages)) == (1, 1)


def test_the_launcher_says_what_a_help_desk_lacks(database: str) -> None:
    environment = {**os.environ, "BOT_TICKETS_DATABASE": database, "BOT_TICKETS_SMTP_URL": "smtp://127.0.0.1"}
    command_line = [sys.executable, "-m", "bot", "run", "--port", str(free_port()), "--model", "README.md"]
    done = subprocess.run(command_line, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert done.stderr == "error: BOT_TICKETS_SMTP_URL needs BOT_TICKETS_EMAIL_FROM and BOT_TICKETS_EMAIL_TO.\n"


def test_every_command_and_setting_is_documented() -> None:
    documentation = (ROOT / "docs" / "tickets.md").read_text(encoding="utf8")
    parser = argparse.ArgumentParser()
    commands.add_commands(parser.add_subparsers())
    verbs = parser._subparsers._group_actions[0].choices["tickets"]._subparsers._group_actions[0].choices  # type: ignore[union-attr,index]
    for name, verb in verbs.items():
        assert f"tickets {name}" in documentation
        options = {option for action in verb._actions for option in action.option_strings}
        assert [
            option for option in options - {"-h", "--help"} if option not in documentation and option != "--output"
        ] == []
    for name in get_settings().__fields__:
        if name.startswith(("tickets_", "chatwoot_")):
            assert f"BOT_{name.upper()}" in documentation


def command(database: str, settings: dict[str, str], *words: str) -> str:
    """Runs `python -m bot tickets ...` with settings of its own; returns what it printed."""
    environment = {**os.environ, "BOT_TICKETS_DATABASE": database, **settings}
    done = subprocess.run(
        [sys.executable, "-m", "bot", "tickets", *words],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout
