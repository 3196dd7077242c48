"""Shows groups of similar questions that the bot left unanswered; a button starts drafting an issue of a group.

The command `python -m bot articles propose` drafts it, in a folder for reviewers; the bot's own issues do not change.
"""

from __future__ import annotations

import csv
import hashlib
import time
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import Response

from bot.desk.background import start
from bot.desk.desk import Desk, Refused, back, field
from bot.proposals.questions import Question, from_engine, from_store, merge
from bot.search import LibraryError

if TYPE_CHECKING:
    from bot.proposals.clusters import Cluster

FEWEST, MOST = 3, 25
_LONGEST_SECONDS = 900
"""A draft takes half a minute; what says nothing for so long has been killed."""


def new_issues_page(desk: Desk, request: Request) -> Response:
    """Shows clusters of questions, most asked first; who sees them stands in the audit log."""
    desk.note(request, "see new issues")
    drafts, problem = _drafts(desk)
    return desk.show(request, "new_issues.html", problem=problem, drafts=drafts)


def draft_issue(desk: Desk, request: Request) -> Response:
    """Begins to draft an issue of a cluster, as `python -m bot articles propose` does."""
    wanted = field(request, "cluster", 20)
    drafts, _ = _drafts(desk)
    draft = next((each for each in drafts if each["name"] == wanted), None)
    if draft is None:
        raise Refused(409)
    if draft["state"] in ("none", "failed"):
        try:
            _begin(desk, draft["cluster"], draft["folder"])
        except OSError as error:
            problem = (
                f"{draft['folder'].parent} cannot be written ({error.strerror}); make it writable, then try again."
            )
            return desk.show(request, "new_issues.html", status=409, problem=problem, drafts=drafts)
        desk.note(request, "draft issue", wanted)
    return back(f"/review/new-issues#{wanted}")


def _drafts(desk: Desk) -> tuple[list[dict[str, Any]], str]:
    """Returns the clusters with their drafts, as `_draft` does, and why there are none, if articles are missing."""
    database = desk.settings.articles_database
    changed = database.stat().st_mtime_ns if database.is_file() else 0
    questions = merge(from_store(desk.tickets), from_engine(desk.conversations))
    try:
        return [_draft(desk, each) for each in _clusters(tuple(questions), database, changed)], ""
    except LibraryError as error:
        return [], str(error)


@lru_cache(maxsize=1)  # a page that is loaded again shows the same questions
def _clusters(questions: tuple[Question, ...], database: Path, changed: int) -> tuple[Cluster, ...]:
    from bot.proposals.clusters import clusters  # loads numpy and the search index, which no other page needs

    return tuple(clusters(questions, database, FEWEST, MOST))


def _draft(desk: Desk, cluster: Cluster) -> dict[str, Any]:
    """Returns a cluster with its draft: name, folder, state (`none`, `running`, `failed`, `done`), what went wrong."""
    texts = sorted(f"{each.language} {each.text}" for each in cluster.questions)
    name = hashlib.sha256("\n".join(texts).encode()).hexdigest()[:12]
    folder = desk.review.folder / "proposals" / name
    log = folder.with_suffix(".log")
    state, log_text = "none", ""
    if (folder / "README.md").exists():
        state = "done"
    elif log.exists():
        log_text = log.read_text(encoding="utf8", errors="replace").strip()
        silent = time.time() - log.stat().st_mtime > _LONGEST_SECONDS
        state = "failed" if log_text or silent else "running"
    return {"cluster": cluster, "name": name, "folder": folder, "state": state, "told": log_text}


def _begin(desk: Desk, cluster: Cluster, folder: Path) -> None:
    """Starts the command on the cluster's questions."""
    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    questions = folder.with_suffix(".csv")
    with questions.open("w", encoding="utf8", newline="") as stream:
        rows = [(each.language, each.text) for each in cluster.questions for _ in range(each.times)]
        csv.writer(stream).writerows([("language", "text"), *rows])
    options = ("--from", questions, "-o", folder, "--database", desk.settings.articles_database)
    words = ["articles", "propose", "--fewest", "1", "--most", "1", *map(str, options)]
    start(words, folder.with_suffix(".log"), only_errors=True, ended=lambda: questions.unlink(missing_ok=True))
