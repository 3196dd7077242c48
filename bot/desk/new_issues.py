"""The page of questions that no issue covers: what is asked alike, and a button that drafts an issue of it."""

from __future__ import annotations

import csv
import hashlib
import subprocess
import sys
import threading
import time
from functools import lru_cache
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response

from bot.desk.desk import Desk, Refused, back, field
from bot.proposals.questions import Question, from_engine, from_store, merge
from bot.search.database import LibraryError
from bot.settings import PROJECT_ROOT

if TYPE_CHECKING:
    from bot.proposals.clusters import Cluster

FEWEST, MOST = 3, 25
EXAMPLES = 8
_LONGEST_SECONDS = 900
"""A draft takes half a minute; what says nothing for so long has been killed."""


def new_issues_page(desk: Desk, request: Request) -> Response:
    """Shows clusters of questions, most asked first; who sees them stands in the audit log."""
    desk.note_seen(request, "new issues", "")
    try:
        found, problem = [(each, _draft(desk, each)) for each in _clusters(desk)], ""
    except LibraryError as error:
        found, problem = [], str(error)
    return desk.show(request, "new_issues.html", problem=problem, found=found, examples=EXAMPLES)


def draft_issue(desk: Desk, request: Request) -> Response:
    """Begins to draft an issue of a cluster, as `python -m bot articles propose` does."""
    wanted = field(request, "cluster", 20)
    cluster = next((each for each in _clusters(desk) if _name(each) == wanted), None)
    if cluster is None:
        raise Refused(409)
    if _draft(desk, cluster)["state"] in ("none", "failed"):
        _begin(desk, cluster)
        desk.note(request, "draft issue", wanted)
    return back(f"/review/new-issues#{wanted}")


def _clusters(desk: Desk) -> tuple[Cluster, ...]:
    database = desk.articles_database
    changed = database.stat().st_mtime_ns if database.is_file() else 0
    questions = merge(from_store(desk.tickets), from_engine(desk.conversations))
    return _clusters_of(tuple(questions), database, changed)


@lru_cache(maxsize=1)  # a page that is loaded again shows the same questions
def _clusters_of(questions: tuple[Question, ...], database: Path, changed: int) -> tuple[Cluster, ...]:
    from bot.proposals.clusters import clusters  # loads numpy and the search index, which no other page needs

    return tuple(clusters(questions, database, FEWEST, MOST))


def _name(cluster: Cluster) -> str:
    texts = sorted(f"{each.language} {each.text}" for each in cluster.questions)
    return hashlib.sha256("\n".join(texts).encode()).hexdigest()[:12]


def _draft(desk: Desk, cluster: Cluster) -> dict[str, Any]:
    """Returns the state of a cluster's draft (`none`, `running`, `failed`, `done`), its folder and what went wrong."""
    name = _name(cluster)
    folder = desk.review.folder / "proposals" / name
    log = folder.with_suffix(".log")
    state, told = "none", ""
    if (folder / "README.md").exists():
        state = "done"
    elif log.exists():
        told = log.read_text(encoding="utf8", errors="replace").strip()
        silent = time.time() - log.stat().st_mtime > _LONGEST_SECONDS
        state = "failed" if told or silent else "running"
    return {"name": name, "folder": folder, "state": state, "told": told}


def _begin(desk: Desk, cluster: Cluster) -> None:
    """Starts the command on the cluster's questions in a process of its own, which goes on if the desk ends."""
    folder = desk.review.folder / "proposals" / _name(cluster)
    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    table = StringIO()
    rows = [(each.language, each.text) for each in cluster.questions for _ in range(each.times)]
    csv.writer(table).writerows([("language", "text"), *rows])
    questions = folder.with_suffix(".csv")
    questions.write_text(table.getvalue(), encoding="utf8")
    options = ["--from", questions, "-o", folder, "--fewest", "1", "--most", "1", "--database", desk.articles_database]
    with folder.with_suffix(".log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "bot", "articles", "propose", *map(str, options)],
            cwd=PROJECT_ROOT,
            stdout=subprocess.DEVNULL,
            stderr=log,
            start_new_session=True,
        )

    def end() -> None:
        process.wait()  # an ended one must not stay as a zombie
        questions.unlink(missing_ok=True)

    threading.Thread(target=end, daemon=True).start()
