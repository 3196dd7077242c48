"""Formats logs as JSON lines with the conversation's id; masks e-mail addresses, long numbers and links in messages.

Debug messages are left out, and of a logged exception its text: both may repeat what customers have written.
"""

from __future__ import annotations

import json
import logging
import traceback
from datetime import datetime, timezone

from bot.phrases.anonymous import anonymous
from bot.rasa_patches.stages import conversation


class JsonFormatter(logging.Formatter):
    """Writes a record as JSON; addresses, numbers and links are taken out of its message."""

    def format(self, record: logging.LogRecord) -> str:
        """Returns one line."""
        moment = datetime.fromtimestamp(record.created, timezone.utc)
        content = {
            "time": moment.isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": anonymous(record.getMessage()),
        }
        if name := conversation.get():
            content["conversation"] = name
        if record.exc_info and record.exc_info[0]:
            # Where it went wrong, and not its message: that may repeat what a customer has written.
            frames = traceback.extract_tb(record.exc_info[2])
            content["error"] = record.exc_info[0].__name__
            content["stack"] = " < ".join(f"{frame.name} ({frame.filename}:{frame.lineno})" for frame in frames[::-1])
        return json.dumps(content, ensure_ascii=False)


def write_json() -> None:
    """Makes this process write its logs as JSON; debugging, which prints messages in full, is turned off."""
    for handler in logging.getLogger().handlers:
        handler.setFormatter(JsonFormatter())
        # A logger may have a level of its own, so that of the root would not do.
        handler.setLevel(max(handler.level, logging.INFO))
