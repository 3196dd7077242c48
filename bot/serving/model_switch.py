"""Replaces a running server's model by the one that the models folder names: loads it beside the old one, tries it.

A message that is being answered goes on with the model that it began with; the conversation's next one gets the other.
Where the new model cannot be loaded or tried, the old one stays.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

from rasa.core.agent import Agent
from rasa.core.nlg import TemplatedNaturalLanguageGenerator
from rasa.shared.core.events import ActionExecuted, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker
from sanic import Sanic

from bot.model_versions.folder import ModelVersionError, Served, read_served
from bot.model_versions.servers import ServerNote, ServerState, turn_to_load
from bot.serving.blueprint import run_beside
from bot.stores.databases import cause
from bot.stores.tracker_store import ConversationStore

logger = logging.getLogger(__name__)
_LOOK_SECONDS = 0.3
_UNUSED_SECONDS = 5.0
"""After which no message is answered with a model that was replaced."""
_SHORT_TURN_SECONDS = 0.0005
"""Length of a thread's turn while a model is loaded; Python's own 5 ms were lost at each look into the database."""
_TRIED = ("my card was declined", "kortet mitt ble avvist", "Wie bezahle ich meine Rechnung?", "je veux une facture")
"""Texts that a new model must understand somehow before customers get it; they also warm it up."""


class ModelSwitch:
    """Follows a models folder for one server.

    Args:
        folder: the models folder.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._at = 0
        """The choice that was dealt with last."""
        self._note: ServerNote | None = None
        try:
            self._note = ServerNote(folder)
        except OSError as error:
            logger.warning("%s is not writable (%s): `models switch` cannot wait for this server.", folder, error)

    def prepare_app(self, app: Sanic) -> None:
        """Makes a server follow the folder from its start to its end."""
        self._app = app
        app.register_listener(partial(run_beside, self._follow), "after_server_start")
        app.register_listener(self._stop, "before_server_stop")

    async def _follow(self) -> None:
        self._tell()
        while True:
            try:
                served = read_served(self._folder)
                if served is not None and served.at != self._at:
                    await self._take(served)
            except ModelVersionError as error:
                logger.error("%s", error)
            await asyncio.sleep(_LOOK_SECONDS)

    async def _take(self, served: Served) -> None:
        """Takes the chosen model, once no other server is loading one; looks again later until then."""
        refused = None
        if served.model != self._app.ctx.agent.model_name:
            try:
                with turn_to_load(self._folder):
                    refused = await self._replace(served.model)
            except BlockingIOError:  # of `turn_to_load`
                return
        self._at = served.at
        self._tell(refused)

    async def _replace(self, name: str) -> str | None:
        """Loads a model, tries it and takes it; returns why it is not taken, None if it is."""
        old: Agent = self._app.ctx.agent
        try:
            with _short_turns():
                new = await asyncio.to_thread(_load, self._folder / name, old)
            for text in _TRIED:  # by turns with what customers write
                await new.parse_message(text)
        except Exception as error:  # whatever is wrong with a file: the old model stays
            logger.exception("The model %s cannot be served; %s stays.", name, old.model_name)
            return f"the server with process {os.getpid()} cannot load it ({cause(error)[:500]})."
        self._app.ctx.agent = new
        logger.info("The model %s is served instead of %s.", name, old.model_name)
        # Its parts refer to each other: without this, its memory would stay until the collector's next great round.
        asyncio.get_running_loop().call_later(_UNUSED_SECONDS, gc.collect)
        return None

    def _tell(self, refused: str | None = None) -> None:
        if self._note is not None:
            self._note.write(ServerState(os.getpid(), self._app.ctx.agent.model_name, self._at, refused))

    async def _stop(self, app: Sanic, loop: object) -> None:
        if self._note is not None:
            self._note.remove()
            self._note = None


@contextmanager
def _short_turns() -> Iterator[None]:
    """Has threads take short turns, so that an answer gets on while a model is loaded beside it."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(_SHORT_TURN_SECONDS)
    try:
        yield
    finally:
        sys.setswitchinterval(before)


def _load(path: Path, old: Agent) -> Agent:
    """Loads a model with the stores, locks and actions of the agent that answers; called beside the server's thread.

    Raises:
        Exception: of any kind: the file is no model, or one of another version.
    """
    store = old.tracker_store
    new = Agent(
        # A store knows the slots of one model: turns that have begun go on with theirs.
        tracker_store=store.beside() if isinstance(store, ConversationStore) else store,
        lock_store=old.lock_store,
        action_endpoint=old.action_endpoint,
        generator=None if isinstance(old.nlg, TemplatedNaturalLanguageGenerator) else old.nlg,
        http_interpreter=old.http_interpreter,
    )
    new.load_model(path)
    tracker = DialogueStateTracker("", new.domain.slots if new.domain else ())
    tracker.update_with_events([ActionExecuted("action_listen"), UserUttered("hi", {"name": "greet"})], new.domain)
    if new.predict_next_with_tracker(tracker) is None:
        raise ValueError("it has no rules: it was trained for understanding alone")
    return new
