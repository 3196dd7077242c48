"""Makes a transcript of the events of a conversation, as Rasa's tracker store keeps them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timezone
from typing import Any

from bot.tickets.model import Utterance

# Only whole answers are longer; whoever takes the ticket on knows the articles.
_LONGEST_UTTERANCE = 800
_PARAGRAPH = "\n\n"
_SPEAKERS = {"user": "customer", "bot": "bot", "agent": "agent"}
"""Type of an event -> who speaks."""


def transcript(events: Iterable[Mapping[str, Any]]) -> Iterator[Utterance]:
    """Yields what was said, oldest first; a pressed button by what stood on it, a whole article by its title.

    Args:
        events: as JSON; those of customer, bot and agents (people of support) are read.
    """
    titles: dict[str, str] = {}
    for event in events:
        text = str(event.get("text") or "")
        if event["event"] == "bot":
            for button in (event.get("data") or {}).get("buttons") or []:
                titles[_button_key(button["payload"])] = button["title"]
        if event["event"] in _SPEAKERS and text and not _is_pages_own(event):
            moment = datetime.fromtimestamp(event["timestamp"], timezone.utc).isoformat(timespec="seconds")
            if event["event"] == "user":
                text = titles.get(_button_key(text), text)
            elif event["event"] == "bot" and len(text) > _LONGEST_UTTERANCE:
                text = f"{text.partition(_PARAGRAPH)[0]} […]"
            yield Utterance(_SPEAKERS[event["event"]], text, moment)


def _is_pages_own(event: Mapping[str, Any]) -> bool:
    """Tells whether the chat page sent a message by itself: it begins the ticket's form where no agent came."""
    return event["event"] == "user" and "desk" in (event.get("metadata") or {})


def _button_key(payload: str) -> str:
    """Returns a payload in the form in which two that say the same are equal."""
    name, brace, values = payload.partition("{")
    return name + (json.dumps(json.loads(brace + values), sort_keys=True) if brace and payload.endswith("}") else "")
