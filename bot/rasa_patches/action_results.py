"""Checks what actions answer by compiled schemas, looks up events by name, and shortens the call of an action.

Measured on a conversation of ten answers (`python -m benchmarks.peer`), each of these is a part of what a customer
waits for; Rasa 3.6 does them anew for every answer:

- the check of the action server's result: Rasa's `jsonschema.validate` checks the schema itself and builds a validator
  for each result (15 ms), then tries each of 23 kinds of event (2 ms). Here the checks are made once, one a kind, and
  compiled (fastjsonschema); Rasa's own library says what is wrong where anything is.
- the class of an event: Rasa walks all subclasses of `Event` for each event of the conversation, at each message.
- the call of an action: it carries the whole conversation, with the structured answers (10 kB each) that the page
  has rendered long ago. No action reads those; they stay in the tracker and are left out of the call.

What each replacement accepts, refuses and returns equals Rasa's own, but for the structured answers in the call
(tests/rasa_patches/test_action_results.py).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import fastjsonschema
from fastjsonschema import JsonSchemaValueException
from jsonschema import validators
from jsonschema.exceptions import best_match
from rasa.core.actions.action import RemoteAction
from rasa.shared.constants import DOCS_BASE_URL
from rasa.shared.core.events import BotUttered, Event
from rasa.shared.utils.schemas.events import EVENT_SCHEMA

# Rasa's own, kept from before they are replaced.
_rasas_event_class: Callable[..., type[Event] | None] = Event.resolve_by_type
_rasas_call: Callable[..., dict[str, Any]] = RemoteAction._action_call_format

_Check = Callable[[Any], Any]


def validate_action_result(self: RemoteAction, result: dict[str, Any]) -> bool:
    """Checks an action server's result as `RemoteAction._validate_action_result` does; tuples pass for lists, too.

    Raises:
        jsonschema.ValidationError: the result does not fit; the message says where.
    """
    if _fits(result):
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
    """Returns what `RemoteAction._action_call_format` does, without the structured part of earlier answers."""
    call = _rasas_call(self, *arguments)
    events = call["tracker"]["events"]
    call["tracker"]["events"] = [_without_payload(event) for event in events]
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


@lru_cache(maxsize=1)
def _check_frame() -> _Check:
    """Returns the check of everything but what stands in the events."""
    schema = RemoteAction.action_response_format_spec()
    return _compiled({**schema, "properties": {**schema["properties"], "events": {"type": "array"}}})


@lru_cache(maxsize=64)
def _check_of(event: str) -> _Check | None:
    """Returns the check of a kind of event, None where there is none: of the alternatives, no other one can fit."""
    common = {key: value for key, value in EVENT_SCHEMA.items() if key != "oneOf"}
    kind = next((kind for kind in EVENT_SCHEMA["oneOf"] if kind["properties"]["event"]["const"] == event), None)
    return _compiled({**common, "allOf": [kind]}) if kind else None


def _compiled(schema: dict[str, Any]) -> _Check:
    check: _Check = fastjsonschema.compile(schema, use_default=False)
    return check


def _fits(result: Any) -> bool:
    try:
        _check_frame()(result)
        return all(map(_event_fits, result.get("events", ())))
    except JsonSchemaValueException:
        return False


def _event_fits(event: Any) -> bool:
    name = event.get("event") if isinstance(event, dict) else None
    check = _check_of(name) if isinstance(name, str) else None
    if check is not None:
        check(event)
    return check is not None


def _without_payload(event: dict[str, Any]) -> dict[str, Any]:
    if event["event"] != BotUttered.type_name or not event["data"].get("custom"):
        return event
    return {**event, "data": {**event["data"], "custom": None}}
