"""From the SQLite default to PostgreSQL: everything is kept, numbers go on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import delete, select

from bot.stores.conversations import open_conversations
from bot.stores.migrate import CONVERSATIONS, TICKETS, MigrationError, copy
from bot.tickets.model import ConversationOutcome
from bot.tickets.store import TicketStore
from bot.tickets.tables import TICKETS as TICKET_ROWS
from tests.conftest import ROOT
from tests.support.servers import PostgresServer
from tests.tickets.conftest import a_draft


def test_everything_is_kept_and_no_number_comes_back(postgres: PostgresServer, tmp_path: Path) -> None:
    files = {name: tmp_path / f"{name}.db" for name in ("conversations", "tickets")}
    before, conversations = (
        TicketStore(f"sqlite:///{files['tickets']}", ["webhook"]),
        open_conversations(f"sqlite:///{files['conversations']}"),
    )
    tickets = [before.open(a_draft(form_id=f"form-{number}", summary="Kortet ble avvist ✗")) for number in range(3)]
    before.record_outcomes([ConversationOutcome("conversation-1", "handed_over", "card_declined", "nb", None, 0.9)])
    before.record_fallback("hva nå", "nb")
    with before.engine.begin() as connection:  # the newest one was erased
        connection.execute(delete(TICKET_ROWS).where(TICKET_ROWS.c.id == tickets[-1].id))
    with conversations.begin() as connection:
        rows = [{"sender_id": f"c{number % 7}", "type_name": "user", "data": '{"text": "æ"}'} for number in range(2500)]
        connection.execute(CONVERSATIONS[0].insert(), rows)
    urls = {"BOT_TRACKER_DATABASE": postgres.database(), "BOT_TICKETS_DATABASE": postgres.database()}
    command = [sys.executable, "-m", "bot", "db", "migrate"]
    command += [word for name, file in files.items() for word in (f"--{name}", str(file))]
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, **urls}, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "events: 2500 rows" in done.stdout
    assert "tickets: 2 rows" in done.stdout
    after, moved = TicketStore(urls["BOT_TICKETS_DATABASE"]), open_conversations(urls["BOT_TRACKER_DATABASE"])
    assert after.tickets() == before.tickets()
    assert after.deliveries() == before.deliveries()
    assert (after.outcomes(), after.candidates()) == (before.outcomes(), before.candidates())
    with conversations.connect() as old, moved.connect() as new:
        query = select(CONVERSATIONS[0]).order_by(CONVERSATIONS[0].c.id)
        assert new.execute(query).all() == old.execute(query).all()
    assert after.open(a_draft(form_id="new")).id == tickets[-1].id + 1
    again = subprocess.run(command, cwd=ROOT, env={**os.environ, **urls}, capture_output=True, text=True, check=False)
    assert (again.returncode, again.stderr.count("\n")) == (1, 1)
    assert "has rows already" in again.stderr


def test_a_move_that_is_refused_leaves_nothing_behind(tmp_path: Path) -> None:
    source, target = (TicketStore(f"sqlite:///{tmp_path / name}.db") for name in ("one", "two"))
    source.open(a_draft())
    target.record_fallback("hva nå", "nb")
    with pytest.raises(MigrationError, match="has rows already"):
        copy(source.engine, target.engine, TICKETS)
    assert target.tickets() == []
