"""Checks what an action server answers by one validator, looks up events by name, and shortens the call of an action.

Rasa 3.6 does each of these anew for every answer:

- the check of an action's result: Rasa's `jsonschema.validate` checks the schema itself and builds a validator
  for each result (15 ms); here it is built once, and what actions in this process answer, which Rasa SDK has just
  put together, is not checked (a tenth of an answer's processor time).
- the class of an event: Rasa walks all subclasses of `Event` for each event of the conversation, at each message.
- the call of an action: it carries the whole conversation, with the structured answers (10 kB each) that the page
  has rendered long ago. Actions read which answers these were; their lists and objects stay in the tracker and are
  left out of the call.

What each replacement accepts, refuses and returns equals Rasa's own, but for embedded actions and for the structured
answers in the call (tests/rasa_patches/test_action_results.py).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

from jsonschema import validators
from jsonschema.exceptions import best_match
from rasa.core.actions.action import RemoteAction
from rasa.shared.constants import DOCS_BASE_URL
from rasa.shared.core.events import BotUttered, Event

from bot.rasa_patches.action_endpoint import server_url

# Rasa's own, kept from before they are replaced.
_rasas_event_class: Callable[..., type[Event] | None] = Event.resolve_by_type
_rasas_call: Callable[..., dict[str, Any]] = RemoteAction._action_call_format


def validate_action_result(self: RemoteAction, result: dict[str, Any]) -> bool:
    """Checks an action server's result as `RemoteAction._validate_action_result` does, but not an embedded one's.

    Raises:
        jsonschema.ValidationError: the result does not fit; the message says where.
    """
    if self.action_endpoint is not None and server_url(self.action_endpoint) is None:
        return True
    error = best_match(_validator().iter_errors(result))
    if error is not None:
        error.message += (
            ". Failed to validate Action server response from API, make sure your response from the Action endpoint "
            f"is valid. For more information about the format visit {DOCS_BASE_URL}/custom-actions"
        )
        raise error
    return True


event_class = lru_cache(maxsize=128)(_rasas_event_class)
"""`Event.resolve_by_type`, which walks all subclasses of Event, once for each name."""


def action_call(self: RemoteAction, *arguments: Any) -> dict[str, Any]:
    """Returns what `RemoteAction._action_call_format` does, without what is long in earlier structured answers."""
    call = _rasas_call(self, *arguments)
    events = call["tracker"]["events"]
    call["tracker"]["events"] = [_shortened(event) for event in events]
    return call


def install() -> None:
    """Makes this process take these ways; harmless if called again."""
    RemoteAction._validate_action_result = validate_action_result
    RemoteAction._action_call_format = action_call
    Event.resolve_by_type = staticmethod(event_class)


@lru_cache(maxsize=1)
def _validator() -> Any:
    schema = RemoteAction.action_response_format_spec()
    return validators.validator_for(schema)(schema)


def _shortened(event: dict[str, Any]) -> dict[str, Any]:
    structure = event["data"].get("custom") if event["event"] == BotUttered.type_name else None
    if not structure:
        return event
    short = {key: value for key, value in structure.items() if not isinstance(value, (list, dict))}
    return {**event, "data": {**event["data"], "custom": short}}
