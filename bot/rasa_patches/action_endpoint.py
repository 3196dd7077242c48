"""Runs actions in Rasa's own process, or calls a server that was started apart.

They run in Rasa's process where `action_endpoint` in endpoints.yml says `embedded:PACKAGE` and `BOT_ACTION_SERVER_URL`
is not set. A server apart costs each message two conversions to JSON and back, a fifth of an answer's processor time,
and the machine the memory of another Python; but actions then fail, restart and scale apart from Rasa.
"""

from __future__ import annotations

import asyncio
import json
import logging
from functools import lru_cache
from typing import Any

from rasa.utils.endpoints import ClientResponseError, EndpointConfig

from bot.rasa_patches.worker_thread import WorkerThread
from bot.settings import get_settings

logger = logging.getLogger(__name__)

EMBEDDED = "embedded:"

_rasas_request = EndpointConfig.request


class EmbeddedActions:
    """Runs the actions of a package by Rasa SDK's executor, in one thread, one after the other as on its server.

    Args:
        package: name of the package.
    """

    def __init__(self, package: str) -> None:
        from rasa_sdk.executor import ActionExecutor

        self._executor = ActionExecutor()
        self._executor.register_package(package)
        self._thread = WorkerThread("actions")

    async def answer(self, call: dict[str, Any]) -> Any:
        """Runs an action.

        Args:
            call: what Rasa would send to an action server.

        Returns:
            What the server would answer.

        Raises:
            ClientResponseError: 400 the action does not want to run, 404 there is no such action, 500 it has failed.
        """
        return await self._thread.run(self._run(call))

    async def _run(self, call: dict[str, Any]) -> Any:
        from rasa_sdk.executor import ActionNotFoundException
        from rasa_sdk.interfaces import ActionExecutionRejection

        try:
            return await self._executor.run(call)
        except ActionExecutionRejection as error:
            raise _refusal(400, error.message, error.action_name) from error
        except ActionNotFoundException as error:
            raise _refusal(404, error.message, error.action_name) from error
        except Exception as error:
            logger.exception("The action %s has failed.", call.get("next_action"))
            raise _refusal(500, str(error), str(call.get("next_action"))) from error


def _refusal(status: int, message: str, action: str) -> ClientResponseError:
    return ClientResponseError(status, message, json.dumps({"error": message, "action_name": action}))


embedded_actions = lru_cache(maxsize=1)(EmbeddedActions)
"""Returns the actions of a package, loaded once."""


def server_url(endpoint: EndpointConfig) -> str | None:
    """Returns the address of the action server, None where actions run in this process."""
    apart = get_settings().action_server_url
    if str(endpoint.url).startswith(EMBEDDED):
        return str(apart) if apart is not None else None
    return str(endpoint.url)


async def load(endpoint: EndpointConfig) -> None:
    """Loads embedded actions, so that the first customer does not wait for it."""
    if server_url(endpoint) is None:
        await asyncio.to_thread(embedded_actions, str(endpoint.url).removeprefix(EMBEDDED))


def install() -> None:
    """Makes Rasa's endpoints know embedded actions."""
    EndpointConfig.request = _request


async def _request(endpoint: EndpointConfig, *arguments: Any, **named: Any) -> Any:
    if str(endpoint.url).startswith(EMBEDDED):
        apart = server_url(endpoint)
        if apart is None:
            return await embedded_actions(str(endpoint.url).removeprefix(EMBEDDED)).answer(named["json"])
        endpoint.url = apart
    return await _rasas_request(endpoint, *arguments, **named)
