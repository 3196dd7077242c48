"""The page of the model's versions: train, compare, switch and undo, as `python -m bot models` does."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from datetime import datetime, timezone
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from bot.desk.desk import Desk, Refused, back, field
from bot.model_versions.folder import ModelVersionError, is_busy, models_folder, read_job, write_job
from bot.model_versions.overview import overview
from bot.model_versions.switching import switch, undo
from bot.settings import PROJECT_ROOT

_SHOWN = 100
"""Changed messages that are listed."""
_WAIT_SECONDS = 60.0
_ORDER = ("worse", "other", "better")


def models_page(desk: Desk, request: Request) -> Response:
    """Shows the models, the job that runs, and the comparison of the one that `compared` names or of the newest."""
    return _page(desk, request)


def change_models(desk: Desk, request: Request) -> Response:
    """Begins a training or comparison, or switches; who did it stands in the audit log."""
    folder, action = models_folder(), field(request, "action")
    try:
        if action in ("train", "compare"):
            if is_busy(folder):
                raise Refused(409)
            write_job(folder, action, "running")
            _start(action)
            desk.note(request, f"models {action}")
        elif action == "switch":
            name = field(request, "name", 200)
            switch(folder, name, _WAIT_SECONDS)
            desk.note(request, "models switch", name)
        elif action == "undo":
            name, _ = undo(folder, _WAIT_SECONDS)
            desk.note(request, "models undo", name)
        else:
            raise Refused(422)
    except ModelVersionError as error:
        return _page(desk, request, str(error), 409)
    return back("/models")


def _page(desk: Desk, request: Request, problem: str = "", status: int = 200) -> Response:
    folder = models_folder()
    try:
        versions, job = overview(folder), read_job(folder)
    except ModelVersionError as error:
        versions, job, problem = [], None, problem or str(error)
    wanted = request.query_params.get("compared")
    compared = [each for each in versions if each.comparison and wanted in (None, each.name)]
    response = desk.show(
        request,
        "models.html",
        versions=versions,
        job=job,
        job_at=datetime.fromtimestamp(job["at"], timezone.utc) if job else None,
        busy=job is not None and job["state"] == "running",
        writable=os.access(folder, os.W_OK),
        can_undo=any(each.previous for each in versions),
        comparison=compared[0].comparison if compared else None,
        changed=_changed(desk, compared[0].comparison) if compared and compared[0].comparison else [],
        shown=_SHOWN,
        problem=problem,
    )
    response.status_code = status
    return response


def _changed(desk: Desk, comparison: dict[str, Any]) -> list[dict[str, Any]]:
    """Returns the changed messages, what got worse first; candidates with their text as long as they are kept."""
    texts = {row["id"]: row["text"] for row in desk.tickets.candidates()}
    changed = [{**each, "text": each["text"] or texts.get(each["candidate"], "")} for each in comparison["changed"]]
    return sorted((each for each in changed if each["text"]), key=lambda each: _ORDER.index(each["verdict"]))


def _start(job: str) -> None:
    """Starts a command in a process of its own, which goes on if the desk ends."""
    with (models_folder() / "job.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "bot", "models", job],
            cwd=PROJECT_ROOT,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    threading.Thread(target=process.wait, daemon=True).start()  # an ended one must not stay as a zombie
