"""A thread that runs coroutines one after the other, while the server's own thread goes on serving others."""

from __future__ import annotations

import asyncio
import contextvars
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

T = TypeVar("T")


class WorkerThread:
    """Runs one coroutine at a time, in the order in which they are given to it.

    Args:
        name: what the thread is called.
    """

    def __init__(self, name: str) -> None:
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._loop = asyncio.new_event_loop()

    async def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Runs a coroutine in the thread.

        Args:
            coroutine: what is run; it sees the caller's context variables.

        Returns:
            The coroutine's result; what it raises is raised here.
        """
        context = contextvars.copy_context()  # the conversation's name in log lines
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._pool, context.run, self._loop.run_until_complete, coroutine)
