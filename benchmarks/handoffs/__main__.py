"""Prints, for each store and help desk, whether every ticket arrives exactly once in spite of faults.

python -m benchmarks.handoffs [--count 200] [--desks webhook email request_tracker] [--stores sqlite postgresql]
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

from tabulate import tabulate

from benchmarks.handoffs.faults import Result, run_faults
from bot.settings import PROJECT_ROOT
from tests.support.desks import Desk, MailDesk, RequestTrackerDesk, WebhookDesk
from tests.support.help_desks import RequestTracker
from tests.support.servers import PostgresServer

HEADERS = {
    "store": "store",
    "desk": "help desk",
    "hand_offs": "hand-offs",
    "tickets": "tickets",
    "once": "arrived exactly once",
    "missing": "missing",
    "twice": "there twice",
    "repeated": "repeated, dropped by key",
    "outages": "outages",
    "kills": "kill -9",
    "seconds": "seconds",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures, prints and writes results/handoffs.json; exit code 1 unless every ticket arrived exactly once."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=200, help="conversations that hand over at once (200)")
    desks: dict[str, Callable[[Path], Desk]] = {
        "webhook": lambda folder: WebhookDesk(),
        "email": lambda folder: MailDesk(),
        "request_tracker": lambda folder: RequestTrackerDesk(_tracker(folder)),
    }
    parser.add_argument("--desks", nargs="+", choices=list(desks), default=list(desks), help="the help desks")
    stores = ("sqlite", "postgresql")
    parser.add_argument("--stores", nargs="+", choices=stores, default=list(stores), help="the stores")
    options = parser.parse_args(arguments)
    results: list[Result] = []
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="handoffs")))
        for store in options.stores:
            for name in options.desks:
                place = folder / f"{store}-{name}"
                place.mkdir()
                database = f"sqlite:///{place / 'tickets.db'}"
                if store == "postgresql":
                    server = PostgresServer(Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="pg"))))
                    stack.callback(server.stop)
                    database = server.database()
                desk = desks[name](place)
                try:
                    results.append(run_faults(database, desk, options.count, place / "workers.log"))
                finally:
                    desk.down()
                print(results[-1], flush=True)
    rows = [asdict(result) | {"seconds": round(result.seconds)} for result in results]
    (PROJECT_ROOT / "results").mkdir(exist_ok=True)
    (PROJECT_ROOT / "results" / "handoffs.json").write_text(json.dumps(rows, indent=2) + "\n", encoding="utf8")
    print(tabulate([list(row.values()) for row in rows], headers=[HEADERS[key] for key in rows[0]], tablefmt="github"))
    return 0 if all(result.once == result.tickets == result.hand_offs for result in results) else 1


def _tracker(folder: Path) -> RequestTracker:
    (folder / "rt").mkdir()
    return RequestTracker(folder / "rt")


if __name__ == "__main__":
    raise SystemExit(main())
