"""What replaces Rasa's own ways between it and its actions does as they do."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import ValidationError, validate
from rasa.core.actions.action import RemoteAction
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import BotUttered, Event, SlotSet, UserUttered
from rasa.shared.core.slots import TextSlot
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.utils.common import all_subclasses
from rasa.utils.endpoints import EndpointConfig

from bot.rasa_patches import action_results
from bot.rasa_patches.action_results import action_call, event_class, validate_action_result

ACTION = RemoteAction("action_test", None)

RESULTS: list[Any] = [
    {"events": [], "responses": []},
    {"events": [{"event": "slot", "name": "product", "value": "azure", "timestamp": None}], "responses": []},
    {"events": [{"event": "followup", "name": "action_listen", "timestamp": None}], "responses": [{"text": "hei"}]},
    {"events": [{"event": "slot", "value": "azure"}]},
    {"events": [{"name": "product"}]},
    {"events": [{"event": "no such event"}]},
    {"events": "none"},
    {"responses": ["text"]},
    {"responses": [{"custom": {"steps": []}}]},
    {},
    [],
    None,
    "text",
]


def accepted(check: Any, result: Any) -> bool:
    try:
        check(result)
    except ValidationError:
        return False
    return True


def rasas_own_check(result: Any) -> None:
    validate(result, RemoteAction.action_response_format_spec())


@pytest.mark.parametrize("result", RESULTS, ids=str)
def test_both_accept_and_refuse_the_same(result: Any) -> None:
    assert accepted(lambda r: validate_action_result(ACTION, r), result) == accepted(rasas_own_check, result)


@pytest.mark.parametrize("result", [result for result in RESULTS if not accepted(rasas_own_check, result)], ids=str)
def test_only_what_a_server_apart_answers_is_checked(result: Any) -> None:
    apart, embedded = EndpointConfig("http://localhost:5055/webhook"), EndpointConfig("embedded:actions")
    assert not accepted(lambda r: validate_action_result(RemoteAction("action_test", apart), r), result)
    assert accepted(lambda r: validate_action_result(RemoteAction("action_test", embedded), r), result)


values = st.none() | st.booleans() | st.integers() | st.text(max_size=8)
events = st.fixed_dictionaries(
    {},
    optional={
        "event": st.sampled_from(["slot", "followup", "user", "bot", "reminder", "form"]) | values,
        "name": values,
        "value": values,
        "timestamp": values,
        "text": values,
        "metadata": values,
    },
)


@settings(deadline=None)  # Rasa's own check is slow on a busy machine
@given(st.fixed_dictionaries({}, optional={"events": st.lists(events, max_size=3), "responses": st.lists(values)}))
def test_both_agree_on_any_result(result: dict[str, Any]) -> None:
    assert accepted(lambda r: validate_action_result(ACTION, r), result) == accepted(rasas_own_check, result)


@pytest.mark.parametrize("kind", sorted({kind.type_name for kind in all_subclasses(Event)}))
def test_an_event_has_the_class_that_rasa_gives_it(kind: str) -> None:
    assert event_class(kind) is event_class(kind) is action_results._rasas_event_class(kind)


def test_an_unknown_event_is_refused_or_takes_the_default_as_with_rasa() -> None:
    assert event_class("topic") is None
    assert event_class("no such event", SlotSet) is SlotSet
    with pytest.raises(ValueError, match="Unknown event name 'no such event'"):
        event_class("no such event")


def test_the_call_of_an_action_carries_the_conversation_without_what_is_long_in_structured_answers() -> None:
    structure = {"intent": "card_declined", "product": None, "steps": ["..."], "contact": {"azure": "..."}}
    answer = BotUttered("Your card was declined", {"buttons": [{"title": "Yes"}], "custom": structure})
    said = UserUttered("my card was declined", {"name": "card_declined"}, input_channel="rest")
    tracker = DialogueStateTracker.from_events("customer", [said, answer], [TextSlot("product", [{"type": "custom"}])])
    rasas = action_results._rasas_call(ACTION, tracker, Domain.empty())
    ours = action_call(ACTION, tracker, Domain.empty())
    short = {"intent": "card_declined", "product": None}
    assert ours["tracker"]["events"][-1]["data"]["custom"] == short
    rasas["tracker"]["events"][-1]["data"]["custom"] = short
    assert ours == rasas


def test_the_conversation_itself_keeps_its_structured_answers() -> None:
    answer = BotUttered(None, {"custom": {"steps": ["..."]}})
    tracker = DialogueStateTracker.from_events("customer", [answer])
    action_call(ACTION, tracker, Domain.empty())
    assert tracker.events[-1].data["custom"] == {"steps": ["..."]}


def test_a_refused_result_says_what_is_wrong() -> None:
    with pytest.raises(ValidationError, match="Failed to validate Action server response"):
        validate_action_result(ACTION, {"events": "none"})
