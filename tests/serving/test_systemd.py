"""The units of deploy/systemd, examined by systemd's own tools, and the rotation of logs by logrotate."""

from __future__ import annotations

import getpass
import grp
import os
import shutil
import subprocess
import sys
from configparser import ConfigParser
from pathlib import Path

import pytest

from tests.conftest import ROOT, or_skip
from tests.support.servers import REMEDY, ServerMissing

UNITS = ROOT / "deploy" / "systemd"
SERVICES = sorted(path.name for path in UNITS.glob("*.service"))
TIMERS = sorted(path.name for path in UNITS.glob("*.timer"))
MOST_EXPOSURE = 20
"""systemd's figure times ten, of 100; a service without any bounds has 96."""


def program(name: str) -> str:
    """Returns a program of this machine; without it the test is skipped."""

    def found() -> str:
        path = shutil.which(name, path=f"{os.environ['PATH']}:/usr/sbin:/usr/lib/systemd")
        if path is None:
            raise ServerMissing(f"{name} {REMEDY}")
        return path

    return str(or_skip(found))


def systemd_analyze(machine: Path, *words: object) -> subprocess.CompletedProcess[str]:
    """Runs systemd-analyze on a machine that is only a folder."""
    command = [program("systemd-analyze"), words[0], f"--root={machine}", *words[1:]]
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """A folder with the units where an operator copies them, systemd's own, and the programs that ours start."""
    shutil.copytree(UNITS, tmp_path / "etc" / "systemd" / "system")
    own = Path("/usr/lib/systemd/system")
    if own.is_dir():
        shutil.copytree(own, tmp_path / "usr" / "lib" / "systemd" / "system", symlinks=True)
    for path in ("opt/billing-triage/.venv/bin/python", "usr/bin/make"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).touch(mode=0o755)
    return tmp_path


def test_systemd_finds_nothing_wrong_with_any_unit(machine: Path) -> None:
    units = [machine / "etc" / "systemd" / "system" / name for name in [*SERVICES, *TIMERS]]
    done = systemd_analyze(machine, "verify", "--man=no", *units)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("name", SERVICES)
def test_a_unit_has_few_rights_on_its_machine(name: str, machine: Path) -> None:
    done = systemd_analyze(machine, "security", "--offline=true", f"--threshold={MOST_EXPOSURE}", "--no-pager", name)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_unit_without_bounds_would_be_found(machine: Path) -> None:
    shutil.rmtree(machine / "etc" / "systemd" / "system" / "billing-triage-.service.d")
    done = systemd_analyze(
        machine, "security", "--offline=true", f"--threshold={MOST_EXPOSURE}", "--no-pager", SERVICES[0]
    )
    assert done.returncode != 0


@pytest.mark.parametrize("name", SERVICES)
def test_what_runs_for_months_is_started_again_and_has_bounds(name: str) -> None:
    unit = ConfigParser(strict=False, interpolation=None)
    unit.optionxform = str  # type: ignore[assignment,method-assign]
    unit.read(UNITS / name)
    service = unit["Service"]
    assert service["MemoryMax"]
    assert service["ReadWritePaths"].startswith("/opt/billing-triage")
    assert service["EnvironmentFile"].startswith("-/etc/billing-triage/")
    if service["Type"] == "oneshot":
        after_another = any(f"OnSuccess={name}\n" in (UNITS / other).read_text(encoding="utf8") for other in SERVICES)
        assert name.replace(".service", ".timer") in TIMERS or after_another
    else:
        assert (service["Restart"], unit["Unit"]["StartLimitIntervalSec"]) == ("always", "0")
        assert unit["Install"]["WantedBy"] == "multi-user.target"


@pytest.mark.parametrize("name", SERVICES)
def test_a_unit_starts_a_command_that_there_is(name: str) -> None:
    lines = (UNITS / name).read_text(encoding="utf8").splitlines()
    (command,) = (line.partition("=")[2].split() for line in lines if line.startswith("ExecStart="))
    here = [sys.executable, *command[1:], "--help"] if command[0].endswith("/python") else [*command, "--dry-run"]
    done = subprocess.run(here, capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stderr


def test_logrotate_rotates_a_log_and_leaves_the_file_open_to_its_writer(tmp_path: Path) -> None:
    folder, rules = tmp_path / "logs", tmp_path / "logrotate.conf"
    folder.mkdir()
    user, group = getpass.getuser(), grp.getgrgid(os.getgid()).gr_name
    text = (ROOT / "deploy" / "logrotate.conf").read_text(encoding="utf8")
    text = text.replace("/var/log/billing-triage", str(folder)).replace(
        "su billing-triage billing-triage", f"su {user} {group}"
    )
    rules.write_text(text)
    rules.chmod(0o644)
    command = [program("logrotate"), "--state", str(tmp_path / "state")]
    done = subprocess.run([*command, "-d", str(rules)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "error" not in done.stderr
    with (folder / "bot.log").open("a") as log:
        log.write("before\n")
        log.flush()
        subprocess.run([*command, "--force", str(rules)], check=True)
        log.write("after\n")
    assert (folder / "bot.log").read_text() == "after\n"
    assert (folder / "bot.log.1").read_text() == "before\n"
