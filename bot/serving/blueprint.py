"""Defines a Sanic blueprint that also changes its app: Rasa gives channels no other access to its server."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

from sanic import Blueprint, Sanic


class AppBlueprint(Blueprint):
    """Adds routes below a channel's prefix, and changes the app that they are added to.

    Args:
        name: the blueprint's name.
        prepare: called with the app, once the routes are added.
    """

    def __init__(self, name: str, prepare: Callable[[Sanic], None]) -> None:
        super().__init__(name)
        self.ctx.prepare = prepare

    def register(self, app: Sanic, options: dict[str, Any]) -> None:
        """Adds the routes to an app and prepares it."""
        super().register(app, options)  # type: ignore[no-untyped-call]  # Sanic's own has no types
        self.ctx.prepare(app)


async def run_beside(work: Callable[[], Coroutine[Any, Any, None]], app: Sanic, loop: object) -> None:
    """Runs a coroutine function beside the server until it ends; a listener, once `work` is bound."""
    app.add_task(work(), name=work.__name__)  # a task without a name is not ended
