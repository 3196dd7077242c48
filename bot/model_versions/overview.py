"""Lists the models of a folder with what is known of each, for the command and the desk.

Imports nothing that trains or compares.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from bot.model_versions.folder import list_models, read_comparison, read_served
from bot.model_versions.servers import running_servers
from bot.model_versions.switching import served_model


@dataclass(frozen=True)
class Version:
    """A model.

    Args:
        name: of its file.
        present: whether it was trained on the present content; None where nobody has looked.
        trained: when.
        served: whether servers answer with it, or the next one that starts will.
        previous: whether `undo` brings it back.
        servers: how many running servers answer with it.
        comparison: the last comparison with an earlier one, None without one.
    """

    name: str
    present: bool | None
    trained: datetime
    served: bool
    previous: bool
    servers: int
    comparison: dict[str, Any] | None


def overview(folder: Path, present: str | None = None) -> list[Version]:
    """Returns the models, the newest first.

    Args:
        folder: the models folder.
        present: name of the present content's model, if known.

    Raises:
        ModelVersionError: a file in the folder is broken.
    """
    served, chosen = served_model(folder), read_served(folder)
    running = [server.model for server in running_servers(folder)]
    return [
        Version(
            path.name,
            path.name == present if present else None,
            datetime.fromtimestamp(path.stat().st_mtime, timezone.utc),
            path.name == served,
            chosen is not None and path.name == chosen.previous,
            running.count(path.name),
            read_comparison(folder, path.name),
        )
        for path in list_models(folder)
    ]
