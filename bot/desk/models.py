"""The page of the model's versions: train, compare, switch and undo, as `python -m bot models` does."""

from __future__ import annotations

import os
from typing import Any

from starlette.requests import Request
from starlette.responses import Response

from bot.desk.background import start
from bot.desk.desk import Desk, Refused, back, field
from bot.model_versions.folder import ModelVersionError, is_busy, models_folder, read_job, write_job
from bot.model_versions.overview import overview
from bot.model_versions.switching import switch, undo

_WAIT_SECONDS = 60.0
_ORDER = ("worse", "other", "better")


def models_page(desk: Desk, request: Request, refused: str = "") -> Response:
    """Shows the models, the job that runs, and the comparison of the one that `compared` names or of the newest.

    Args:
        desk: its stores.
        request: its query may have `compared`.
        refused: why a form's wish could not be granted; empty if there was none.
    """
    folder, problem = models_folder(), refused
    try:
        versions, job = overview(folder), read_job(folder)
    except ModelVersionError as error:
        versions, job, problem = [], None, refused or str(error)
    wanted = request.query_params.get("compared")
    comparison = next((each.comparison for each in versions if each.comparison and wanted in (None, each.name)), None)
    return desk.show(
        request,
        "models.html",
        status=409 if refused else 200,
        versions=versions,
        job=job,
        writable=os.access(folder, os.W_OK),
        comparison=comparison,
        changed=_changed(desk, comparison) if comparison else [],
        problem=problem,
    )


def change_models(desk: Desk, request: Request) -> Response:
    """Begins a training or comparison, or switches; who did it stands in the audit log."""
    folder, action, name = models_folder(), field(request, "action"), ""
    try:
        if action in ("train", "compare"):
            if is_busy(folder):
                raise Refused(409)
            write_job(folder, action, "running")
            start(["models", action], folder / "job.log")
        elif action == "switch":
            name = field(request, "name", 200)
            switch(folder, name, _WAIT_SECONDS)
        elif action == "undo":
            name, _ = undo(folder, _WAIT_SECONDS)
        else:
            raise Refused(422)
    except ModelVersionError as error:
        return models_page(desk, request, str(error))
    desk.note(request, f"models {action}", name)
    return back("/models")


def _changed(desk: Desk, comparison: dict[str, Any]) -> list[dict[str, Any]]:
    """Returns the changed messages, what got worse first; candidates with their text as long as they are kept."""
    texts = {row["id"]: row["text"] for row in desk.tickets.candidates()}
    changed = [{**each, "text": each["text"] or texts.get(each["candidate"], "")} for each in comparison["changed"]]
    return sorted((each for each in changed if each["text"]), key=lambda each: _ORDER.index(each["verdict"]))
