"""Random schedules of faults, from a seed, while customers write; every message's history is checked afterwards."""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import psutil  # type: ignore[import-untyped]
from redis import Redis

from benchmarks.serving.faults import wait_for_all
from benchmarks.serving.history import Finding, Kept, Message, Recorder, check, kept_messages
from bot.stores.shared_redis import LOCK_SECONDS
from bot.tickets.store import TicketStore
from tests.support.desks import WebhookDesk
from tests.support.links import Certificates, Link, Mode
from tests.support.models import copy_model
from tests.support.programs import START_SECONDS, Program, status_of
from tests.support.servers import wait_until
from tests.support.stack import UNLIMITED, Embedded, Stack

_SECONDS, _GAP_SECONDS = (3, 10), (1, 4)
_DISK_MEGABYTES = {"embedded": 192, "stack": 400}
_MEND_SECONDS = 180
_DELIVERED_SECONDS = 600
"""Delivery waits for 300 s at the most before it tries a help desk again that was away."""
_SHORTEN_SECONDS = 30 * 60
_CLOCK = next(Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1"), None)


@dataclass(frozen=True)
class Step:
    """One fault of a schedule.

    Args:
        fault: which of `FAULTS`.
        gap: seconds before it.
        seconds: how long it lasts, beside what it takes to bring it about and to repair it.
        part: chooses what is hit, from 0 to 1.
    """

    fault: str
    gap: float
    seconds: float
    part: float


@dataclass(frozen=True)
class Result:
    """What a schedule did.

    Args:
        history: every message.
        findings: what must not happen; `silent` and `failed` too.
        times: (fault, begun, repaired) of what was run.
        steps: the same as it was planned.
    """

    history: Sequence[Message]
    findings: Sequence[Finding]
    times: Sequence[tuple[str, float, float]]
    steps: Sequence[Step]


class Bench:
    """Servers, with proxies between them, a small disk of their own and a clock for each program.

    Args:
        kind: `embedded` or `stack`.
        folder: where data and logs go; short, and open to the user `postgres`.
        model: the model that is served.
    """

    def __init__(self, kind: str, folder: Path, model: Path) -> None:
        folder.chmod(0o755)
        self.folder, self.model = folder, folder / "model.tar.gz"
        self.disk = folder / "pg" if kind == "stack" else folder / "disk"
        self.disk.mkdir()
        size = f"size={_DISK_MEGABYTES[kind]}m"
        self.mounted = (
            subprocess.run(["mount", "-t", "tmpfs", "-o", size, "bench", self.disk], check=False).returncode == 0
        )
        shutil.copy(model, self.model)
        certificates = Certificates(_made(folder / "tls"))
        self.help_desk = WebhookDesk()
        self.links = {"help desk": Link(self.help_desk.receiver.port, certificates)}
        webhook = f"https://localhost:{self.links['help desk'].port}/tickets"
        delivers = {**self.help_desk.environment, "BOT_TICKETS_TARGETS": "webhook", "BOT_TICKETS_WEBHOOK_URL": webhook}
        delivers["REQUESTS_CA_BUNDLE"] = str(certificates.trusted)
        self.servers: Stack | Embedded
        if kind == "stack":
            # The desk is given so that there is a worker that delivers; ours takes its place.
            servers = Stack(folder, self.model, broker=False, settings=UNLIMITED, desk=True, agents=True)
            self._put_links_in(servers, Certificates(_made(folder / "tls-of-postgres")), delivers)
            self.servers, front = servers, servers.port
        else:
            kept = {f"BOT_{name}_DATABASE": f"sqlite:///{self.disk / name}.db" for name in ("TICKETS", "TRACKER")}
            self.servers = Embedded(folder, self.model, {**UNLIMITED, **delivers, **kept})
            front = int(self.servers.origin.rpartition(":")[2])
        for program in self.servers.programs:
            self._give_clock(program)
        self.links["customers"] = Link(front)
        self.origin = f"http://127.0.0.1:{self.links['customers'].port}"

    def _put_links_in(self, stack: Stack, certificates: Certificates, delivers: dict[str, str]) -> None:
        redis, postgres = Link(stack.redis.port), Link(self.disk / ".s.PGSQL.5432", certificates, postgres=True)
        actions = Link(int(stack.actions.origin.rpartition(":")[2]))
        self.links |= {"PostgreSQL": postgres, "Redis": redis, "action server": actions}
        for program in stack.programs:
            values = {**program.environment, **delivers}
            for name in ("BOT_TICKETS_DATABASE", "BOT_TRACKER_DATABASE"):
                if name in values:
                    database = values[name].split("@/")[1].split("?")[0]
                    tls = f"sslmode=verify-full&sslrootcert={certificates.trusted}"
                    values[name] = f"postgresql://bot@localhost:{postgres.port}/{database}?{tls}"
            values["BOT_REDIS_URL"] = stack.redis.url.replace(f":{stack.redis.port}/", f":{redis.port}/")
            if "BOT_ACTION_SERVER_URL" in values:
                values["BOT_ACTION_SERVER_URL"] = f"http://127.0.0.1:{actions.port}/webhook"
            program.environment = values

    def _give_clock(self, program: Program) -> None:
        if _CLOCK is not None:
            self.set_clock(program, 0)
            clock = {"LD_PRELOAD": str(_CLOCK), "FAKETIME_TIMESTAMP_FILE": str(self._clock(program))}
            clock |= {"FAKETIME_CACHE_DURATION": "1", "FAKETIME_DONT_FAKE_MONOTONIC": "1"}
            program.environment = {**program.environment, **clock}

    def _clock(self, program: Program) -> Path:
        return program.log.with_suffix(".clock")

    def set_clock(self, program: Program, seconds: int) -> None:
        """Steps a program's clock, away from the machine's."""
        new = self._clock(program).with_suffix(".new")
        new.write_text(f"{seconds:+d}\n")
        new.rename(self._clock(program))

    @property
    def bots(self) -> list[Program]:
        """The Rasa servers."""
        return self.servers.workers if isinstance(self.servers, Stack) else [self.servers.bot]

    def repair(self) -> None:
        """Starts servers that have ended, as their host does, and waits until a bot answers."""
        if isinstance(self.servers, Stack):
            if not processes("postgres", self.folder):
                self.servers.postgres.start()
            if not self.servers.redis.running:
                self.servers.redis.start()
        wait_until(lambda: any(status_of(str(bot.health)) == 200 for bot in self.bots), "a bot", START_SECONDS)

    def stop(self) -> None:
        """Stops everything and gives the disk back."""
        with suppress(subprocess.SubprocessError, OSError):
            self.servers.stop()
        self.help_desk.down()
        if self.mounted:
            subprocess.run(["umount", "-l", self.disk], check=False)


def processes(name: str, folder: Path) -> list[psutil.Process]:
    """Returns a server's processes: those of a name that were started for a folder, and what they have started."""
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error):
            if process.name() == name and str(folder) in " ".join(process.cmdline()):
                found += [process, *process.children(recursive=True)]
    return found


def family(program: Program) -> list[psutil.Process]:
    """Returns a program's processes."""
    assert program.process is not None
    with suppress(psutil.NoSuchProcess):
        first = psutil.Process(program.process.pid)
        return [first, *first.children(recursive=True)]
    return []


@contextmanager
def stopped(members: Sequence[psutil.Process]) -> Iterator[None]:
    """Stops processes, which go on as if nothing had been."""
    for member in members:
        with suppress(psutil.NoSuchProcess):
            member.send_signal(signal.SIGSTOP)
    try:
        yield
    finally:
        for member in members:
            with suppress(psutil.NoSuchProcess):
                member.send_signal(signal.SIGCONT)


@contextmanager
def _process_stopped(bench: Bench, part: float) -> Iterator[str]:
    program = _one(bench.servers.programs, part)
    with stopped(family(program)):
        yield program.log.stem


@contextmanager
def _lock_holder_stopped(bench: Bench, part: float) -> Iterator[str]:
    """Stops the Rasa server that holds a conversation's lock: one that is stopped, and the lock is still there."""
    assert isinstance(bench.servers, Stack)
    redis, deadline = Redis.from_url(bench.servers.redis.url), time.monotonic() + 10
    while time.monotonic() < deadline:
        wait_until(lambda: list(redis.scan_iter("bot:turn:*")), "a lock")
        locked = set(redis.scan_iter("bot:turn:*"))
        program = _one(bench.bots, part)
        with stopped(family(program)):
            time.sleep(1)  # by then the other server has released what it held
            if locked & set(redis.scan_iter("bot:turn:*")):
                time.sleep(LOCK_SECONDS)  # the other server takes over before this one goes on
                yield program.log.stem
                return
    yield "none held one"


@contextmanager
def _database_stopped(bench: Bench, part: float) -> Iterator[str]:
    with stopped(processes("postgres", bench.folder)):
        yield "PostgreSQL"


@contextmanager
def _killed(bench: Bench, part: float) -> Iterator[str]:
    program = _one(bench.servers.programs, part)
    program.kill()
    yield program.log.stem


@contextmanager
def _away(bench: Bench, part: float) -> Iterator[str]:
    assert isinstance(bench.servers, Stack)
    name, server = _one([("PostgreSQL", bench.servers.postgres), ("Redis", bench.servers.redis)], part)
    server.stop()
    try:
        yield name
    finally:
        server.start()


def _link(mode: Mode) -> Callable[[Bench, float], Any]:
    @contextmanager
    def broken(bench: Bench, part: float) -> Iterator[str]:
        name = _one(sorted(bench.links), part)
        bench.links[name].set(mode)
        try:
            yield name
        finally:
            bench.links[name].set("good")

    return broken


@contextmanager
def _disk_full(bench: Bench, part: float) -> Iterator[str]:
    filler = bench.disk / "filler"
    try:
        with filler.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(4096))
        yield bench.disk.name
    finally:
        filler.unlink(missing_ok=True)


@contextmanager
def _disk_read_only(bench: Bench, part: float) -> Iterator[str]:
    """As after a restart of the machine on a disk with errors: what is open cannot be made read-only."""
    with bench.servers.supervisor.changing:
        for program in bench.servers.programs:
            program.kill()
        # What is killed lets go of its files a moment later.
        read_only = ["mount", "-o", "remount,ro", str(bench.disk)]
        wait_until(
            lambda: not subprocess.run(read_only, check=False, stderr=subprocess.DEVNULL).returncode, "the disk", 30
        )
    try:
        yield bench.disk.name
    finally:
        subprocess.run(["mount", "-o", "remount,rw", bench.disk], check=True)


def _clock(seconds: int) -> Callable[[Bench, float], Any]:
    @contextmanager
    def stepped(bench: Bench, part: float) -> Iterator[str]:
        program = _one(bench.servers.programs, part)
        bench.set_clock(program, seconds)
        try:
            yield program.log.stem
        finally:
            bench.set_clock(program, 0)

    return stepped


@contextmanager
def _model_corrupted(bench: Bench, part: float) -> Iterator[str]:
    whole = bench.model.read_bytes()
    bench.model.write_bytes(whole[: len(whole) // 2] + os.urandom(4096))
    try:
        program = _one(bench.bots, part)
        program.kill()
        yield program.log.stem
    finally:
        bench.model.write_bytes(whole)


@contextmanager
def _two_models(bench: Bench, part: float) -> Iterator[str]:
    other = bench.folder / "other.tar.gz"
    if not other.exists():
        copy_model(bench.model, other)
    program = _one(bench.bots, part)

    def serve(model: Path) -> None:
        with bench.servers.supervisor.changing:
            program.stop()
            program.command[program.command.index("--model") + 1] = str(model)
            program.start()

    serve(other)
    try:
        program.wait()
        yield program.log.stem
    finally:
        serve(bench.model)


@contextmanager
def _certificate_expired(bench: Bench, part: float) -> Iterator[str]:
    name, link = _one([(name, link) for name, link in sorted(bench.links.items()) if link.tls], part)
    assert link.tls is not None
    link.tls.show("expired")
    link.break_connections()
    try:
        yield name
    finally:
        link.tls.show("valid")


def _one(choices: Sequence[Any], part: float) -> Any:
    return choices[int(part * len(choices))]


@contextmanager
def _nothing(bench: Bench, part: float) -> Iterator[str]:
    yield ""


LONG, NONE = "long outage", "none"
FAULTS: dict[str, Callable[[Bench, float], Any]] = {
    NONE: _nothing,
    "process stopped": _process_stopped,
    "lock holder stopped": _lock_holder_stopped,
    "database stopped": _database_stopped,
    "process killed": _killed,
    "database or Redis killed": _away,
    "connections slow": _link("slow"),
    "packets dropped": _link("silent"),
    "connections cut": _link("cut"),
    "answers dropped": _link("one-way"),
    "disk full": _disk_full,
    "disk read-only": _disk_read_only,
    "clock + 1 h": _clock(3600),
    "clock - 1 h": _clock(-3600),
    "model corrupted": _model_corrupted,
    "two models at once": _two_models,
    "certificate expired": _certificate_expired,
    LONG: _link("cut"),
}
_OF_STACK = {"lock holder stopped", "database stopped", "database or Redis killed", "two models at once"}


def possible(kind: str) -> list[str]:
    """Returns the faults that servers of a kind can have here; a disk of their own needs root, clocks `faketime`."""
    left_out = {"disk read-only"} if kind == "stack" else set(_OF_STACK)
    left_out |= {NONE}
    left_out |= {name for name in FAULTS if "disk" in name and os.getuid() != 0}
    left_out |= {name for name in FAULTS if "clock" in name and _CLOCK is None}
    return [name for name in FAULTS if name not in left_out]


def steps_of(seed: int, kind: str, faults: Sequence[str], outage: float) -> Iterator[Step]:
    """Yields faults without end, the same for the same seed: all of them in any order, then all of them again.

    Args:
        seed: of order, moments and parts.
        kind: `embedded` or `stack`.
        faults: which ones.
        outage: seconds of a long outage.
    """
    chance = random.Random(f"{seed} {kind}")
    while True:
        for fault in chance.sample(faults, len(faults)):
            gap, seconds, part = chance.uniform(*_GAP_SECONDS), chance.uniform(*_SECONDS), chance.random()
            yield Step(fault, gap, outage if fault == LONG else seconds, part)


@contextmanager
def started(kind: str, model: Path) -> Iterator[Bench]:
    """Starts servers of a kind in a folder of their own."""
    with tempfile.TemporaryDirectory(prefix="stack") as folder:
        bench = Bench(kind, Path(folder), model)
        try:
            bench.servers.start()
            yield bench
        finally:
            bench.stop()


def run(bench: Bench, steps: Iterator[Step], seconds: float, into: Path, customers: int = 6) -> Result:
    """Runs one schedule.

    Args:
        bench: the servers.
        steps: the faults, one after the other.
        seconds: after how long no further fault begins.
        into: the folder in which history, faults and logs are left.
        customers: how many write at once.
    """
    into.mkdir(parents=True, exist_ok=True)
    done, times, failed, over = list[Step](), list[tuple[str, float, float]](), list[str](), threading.Event()
    recorder = Recorder(bench.origin)

    def break_it(file: IO[str]) -> None:
        try:
            # What is loaded with the first messages is loaded before.
            wait_until(lambda: len(recorder.history) >= customers, "first answers", _MEND_SECONDS)
            end = time.monotonic() + seconds
            for step in steps:
                if time.monotonic() + step.gap > end:
                    break
                time.sleep(step.gap)
                done.append(step)
                began = time.time()
                with FAULTS[step.fault](bench, step.part) as part:
                    time.sleep(step.seconds)  # how long it lasts is what is tried
                bench.repair()
                times.append((step.fault, began, time.time()))
                what = {**asdict(step), "hit": part, "began": began, "repaired": times[-1][2]}
                print(json.dumps(what), file=file, flush=True)
            wait_for_all(bench.servers.programs)
        except Exception as error:
            failed.append(f"{done[-1].fault if done else NONE}: {error!r}")
        finally:
            over.set()

    with (into / "faults.jsonl").open("w") as file:
        breaking = threading.Thread(target=break_it, args=(file,), daemon=True)
        breaking.start()
        recorder.write(customers, over.is_set)
        breaking.join()
    (into / "history.jsonl").write_text("".join(json.dumps(asdict(one)) + "\n" for one in recorder.history))
    for log in bench.folder.glob("*.log"):
        shutil.copy(log, into)
    findings = check(recorder.history, _kept(bench, recorder))
    findings += [Finding("failed", "", row) for row in failed]
    findings += [Finding("silent", "", f"{recorder.silent} customers")] * (recorder.silent > 0)
    (into / "findings.json").write_text(json.dumps([asdict(finding) for finding in findings], indent=1))
    return Result(recorder.history, findings, times, done)


class Schedules:
    """Runs schedules; servers are started anew where another kind is wanted, or the last one has found something.

    Args:
        model: the model that is served.
        seconds: after how long no further fault begins.
        logs: where a folder for each run is made.
    """

    def __init__(self, model: Path, seconds: float, logs: Path) -> None:
        self._model, self._seconds, self._logs = model, seconds, logs
        self._running: tuple[str, Bench] | None = None
        self._ending = ExitStack()

    def __enter__(self) -> Schedules:
        return self

    def __exit__(self, *_: object) -> None:
        self._ending.close()

    def run(self, kind: str, seed: int, steps: Iterable[Step]) -> Result:
        """Runs one schedule, and prints what it found."""
        if self._running is None or self._running[0] != kind:
            self._ending.close()
            self._running = kind, self._ending.enter_context(started(kind, self._model))
        before = len(list(self._logs.glob(f"{kind}-{seed}-*")))
        result = run(self._running[1], iter(steps), self._seconds, self._logs / f"{kind}-{seed}-{before + 1}")
        row = {"schedule": f"{kind}-{seed}", "sent": len(result.history), "faults": [s.fault for s in result.steps]}
        print(json.dumps({**row, "findings": [asdict(finding) for finding in result.findings]}), flush=True)
        if result.findings:
            self._running = None
        return result


def _kept(bench: Bench, recorder: Recorder) -> Kept:
    environment = bench.servers.environment
    store = TicketStore(environment["BOT_TICKETS_DATABASE"])
    with suppress(TimeoutError):  # what has not been delivered then, never is
        wait_until(lambda: not store.deliveries(undelivered=True), "tickets to be delivered", _DELIVERED_SECONDS)
    tickets = [(ticket.number, str(ticket.contact_email)) for ticket in store.tickets()]
    store.engine.dispose()  # an open file would keep the disk from being made read-only
    return Kept(
        kept_messages(environment["BOT_TRACKER_DATABASE"], {one.conversation for one in recorder.history}),
        recorder.pages,
        tickets,
        bench.help_desk.arrived(),
    )


def table(results: Sequence[Result]) -> list[dict[str, object]]:
    """Returns a row of counts for each kind of fault; a message is of the last one that began before its answer."""
    columns = (
        "sent",
        "answered",
        "apology",
        "refused",
        "sent again",
        "tickets",
        "lost",
        "doubled",
        "mixed",
        "out of order",
    )
    rows: dict[str, Counter[str]] = {}
    longest: Counter[str] = Counter()
    for result in results:
        wrong = {finding.message: finding.kind for finding in result.findings}
        for one in result.history:
            kind = next((name for name, began, _ in reversed(result.times) if began < one.done), NONE)
            row = rows.setdefault(kind, Counter())
            row.update({"sent": 1, one.outcome: int(one.outcome != "lost"), "sent again": one.attempts - 1})
            row["tickets"] += int(bool(one.number))
            row.update({wrong[about]: 1 for about in (one.message, one.number) if about in wrong})
            longest[kind] = max(longest[kind], round(one.done - one.sent))
    times = Counter(name for result in results for name, _, _ in result.times)
    return [
        {
            "fault": kind,
            "times": times[kind],
            **{name: rows[kind][name] for name in columns},
            "longest s": longest[kind],
        }
        for kind in FAULTS
        if kind in rows
    ]


def shorten(steps: Sequence[Step], again: Callable[[Sequence[Step]], Result]) -> list[Step]:
    """Drops faults one by one for as long as what is left still fails, for half an hour at most.

    Args:
        steps: a schedule that fails.
        again: runs a schedule.
    """
    left, deadline = list(steps), time.monotonic() + _SHORTEN_SECONDS
    for step in steps:
        if time.monotonic() > deadline or len(left) == 1:
            break
        fewer = [other for other in left if other is not step]
        if again(fewer).findings:
            left = fewer
    return left


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder
