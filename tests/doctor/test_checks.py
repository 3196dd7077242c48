"""Single checks of the doctor, each on the real thing."""

from __future__ import annotations

import socket
import sqlite3
import subprocess
import tarfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from bot.doctor import connections, machine, stores
from bot.doctor.commands import examine
from bot.doctor.installation import Check, Finding, Installation
from bot.model_versions.folder import write_served
from bot.settings import Settings
from bot.tickets.store import TicketStore
from bot.training import model_path
from tests.conftest import ROOT, free_port
from tests.support.servers import RedisServer


def finding(check: Check, root: Path = ROOT, desk_port: int | None = None, **settings: str) -> Finding:
    """Returns what one check finds."""
    examined = Installation(Settings(**settings), {}, (), free_port(), desk_port or free_port(), root=root)
    (found,) = examine(examined, [check])
    return found


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The project with no models."""
    for name in ("bot", "data", "config.yml", "domain.yml", "uv.lock"):
        (tmp_path / name).symlink_to(ROOT / name)
    (tmp_path / "models").mkdir()
    return tmp_path


def packed(path: Path) -> Path:
    """Makes a file that is packed as a model is."""
    with tarfile.open(path, "w:gz") as archive:
        archive.add(ROOT / "uv.lock", "uv.lock")
    return path


def test_a_model_of_other_content_is_stale(project: Path) -> None:
    assert finding(machine.model, project).found == "there is none"
    old = packed(project / "models" / "triage-0123456789ab.tar.gz")
    stale = finding(machine.model, project)
    assert (stale.status, stale.found) == ("warning", f"stale: {old} is of other content or code than there is now")
    packed(model_path(project))
    assert finding(machine.model, project).status == "ok"


def test_the_model_that_was_switched_to_is_the_one_that_is_looked_at(project: Path) -> None:
    packed(model_path(project))
    chosen = packed(project / "models" / "triage-0123456789ab.tar.gz")
    write_served(project / "models", chosen.name, None)
    found = finding(machine.model, project)
    assert (found.status, found.found.startswith(f"{chosen} (switched to) is whole")) == ("ok", True)


def test_half_a_model_is_broken(project: Path) -> None:
    model = packed(model_path(project))
    model.write_bytes(model.read_bytes()[:5000])
    broken = finding(machine.model, project)
    assert (broken.status, broken.remedy) == ("error", "delete it and run `python -m bot train`")


@pytest.fixture
def full_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of 8 MB."""
    command = ["mount", "-t", "tmpfs", "-o", "size=8m", "tmpfs", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        pytest.skip(f"a small disk cannot be mounted here: {done.stderr.strip()}")
    yield tmp_path
    subprocess.run(["umount", str(tmp_path)], check=True)


def test_a_disk_that_is_nearly_full_is_an_error(full_disk: Path) -> None:
    found = finding(machine.disk, tickets_database=f"sqlite:///{full_disk / 'var' / 'tickets.db'}")
    assert (found.status, found.found) == ("error", f"8 MB free in {full_disk}")


@pytest.mark.parametrize(
    ("host", "told"),
    [("0.0.0.0", ("error", "without TLS")), ("127.0.0.1", ("ok", "answers on this machine only"))],
)
def test_a_desk_that_everybody_reaches_without_tls_is_an_error(host: str, told: tuple[str, str]) -> None:
    with socket.create_server((host, 0)) as listener:
        found = finding(machine.desk, desk_port=listener.getsockname()[1], desk="on")
    assert found.status == told[0]
    assert told[1] in found.found


def test_tables_of_newer_code_are_an_error(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'tickets.db'}"
    TicketStore(url).engine.dispose()
    with closing(sqlite3.connect(tmp_path / "tickets.db")) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    settings = Settings(tickets_database=url, tracker_database="sqlite://", regression_database="sqlite://")
    found = examine(Installation(settings, {}, (), 0, 0), [stores.databases])
    assert [each.status for each in found] == ["ok", "error", "ok"]
    assert found[1].found.startswith("its tables are at version 9999")


def test_redis_is_asked_with_its_password(redis_server: RedisServer) -> None:
    assert finding(connections.redis, redis_url=redis_server.url).status == "ok"
    refused = finding(connections.redis, redis_url=f"redis://:wrong@127.0.0.1:{redis_server.port}/0")
    assert refused.status == "error"
    assert "wrong" not in refused.found
