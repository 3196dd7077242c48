"""Files with personal data are their owner's alone, whatever the umask."""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from sqlalchemy.engine import Engine

from bot.files import write_private
from bot.regression.history import History
from bot.stores.conversations import open_conversations
from bot.stores.regression_runs import PastRun
from bot.tickets.store import TicketStore


def run_history(url: str) -> Engine:
    """Opens the history of regression runs and adds one."""
    history = History(url)
    history.add(PastRun("2026-11-20", "abc", "good", {}))
    return history._engine


DATABASES = [open_conversations, lambda url: TicketStore(url).engine, run_history]


@pytest.fixture(params=[0o022, 0o000])
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    """Lets others read new files, or write them, too."""
    before = os.umask(request.param)
    yield
    os.umask(before)


def modes(folder: Path) -> dict[str, int]:
    """Returns the mode of each file."""
    return {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}


@pytest.mark.usefixtures("umask")
@pytest.mark.parametrize("opened", DATABASES, ids=["conversations", "tickets", "regression"])
def test_a_new_database_and_its_journals_are_private(opened: Callable[[str], Engine], tmp_path: Path) -> None:
    engine = opened(f"sqlite:///{tmp_path / 'new' / 'bot.db'}")
    with engine.begin() as connection:
        connection.exec_driver_sql("CREATE TABLE written (id INTEGER)")
    with engine.begin() as connection:
        connection.exec_driver_sql("INSERT INTO written VALUES (1)")
        found = modes(tmp_path / "new")
    assert len(found) > 1, "no journal was seen"
    assert set(found.values()) == {0o600}
    engine.dispose()


@pytest.mark.usefixtures("umask")
def test_the_target_of_a_link_that_leads_nowhere_yet_is_private(tmp_path: Path) -> None:
    (tmp_path / "link.db").symlink_to(tmp_path / "data.db")
    open_conversations(f"sqlite:///{tmp_path / 'link.db'}").dispose()
    assert modes(tmp_path)["data.db"] == 0o600


def test_a_database_that_others_can_read_is_opened_with_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "my bot.db"
    file.touch(mode=0o600)
    file.chmod(0o640)
    for _ in range(2):
        open_conversations(f"sqlite:///{file}").dispose()
    assert modes(tmp_path) == {"my bot.db": 0o640}
    (warning,) = [record for record in caplog.records if record.name == "bot.stores.databases"]
    assert warning.levelno == logging.WARNING
    assert warning.getMessage().endswith(f"chmod 600 '{file}'")


def test_a_private_database_is_opened_without_a_word(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    for _ in range(2):
        TicketStore(f"sqlite:///{tmp_path / 'tickets.db'}").engine.dispose()
    assert not caplog.records


@pytest.mark.usefixtures("umask")
def test_an_export_is_private(tmp_path: Path) -> None:
    write_private(tmp_path / "export.json", "ærlig\r\n")
    assert modes(tmp_path) == {"export.json": 0o600}
    assert (tmp_path / "export.json").read_bytes() == "ærlig\r\n".encode()


def test_an_export_that_cannot_be_written_says_so(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"cannot be written \(No such file or directory\); name another file"):
        write_private(tmp_path / "missing" / "export.json", "")
