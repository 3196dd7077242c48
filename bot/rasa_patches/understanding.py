"""Messages are understood in a thread of their own, one after the other.

The longest message keeps a processor busy for a tenth of a second. In the server's own thread, nobody else would be
answered meanwhile: several such messages held up `/health/live` for seconds.

A channel whose output has a method `understood` is told what was understood before any action runs: the page's parts
say their language.
"""

from __future__ import annotations

from typing import Any

from rasa.core.processor import MessageProcessor

from bot.rasa_patches.worker_thread import WorkerThread


def install() -> None:
    """Makes Rasa's server understand messages in that thread, whichever channel they come from."""
    thread = WorkerThread("understanding")
    parse_message = MessageProcessor.parse_message

    async def understood(self: MessageProcessor, *arguments: Any, **named: Any) -> dict[str, Any]:
        parse_data: dict[str, Any] = await thread.run(parse_message(self, *arguments, **named))
        message = arguments[0] if arguments else named["message"]
        tell = getattr(message.output_channel, "understood", None)
        if tell is not None:
            tell(parse_data)
        return parse_data

    MessageProcessor.parse_message = understood
