"""What stands in for slower parts of Rasa between a message and its answer."""

from __future__ import annotations

import asyncio
import gc
import json
import weakref
from pathlib import Path
from typing import Any

import pytest
from rasa.core.agent import Agent
from rasa.core.channels.channel import UserMessage
from rasa.core.policies.rule_policy import RULES, RULES_FOR_LOOP_UNHAPPY_PATH, RulePolicy
from rasa.core.processor import MessageProcessor
from rasa.engine.constants import PLACEHOLDER_MESSAGE, PLACEHOLDER_TRACKER
from rasa.engine.exceptions import GraphRunError
from rasa.engine.runner.dask import DaskGraphRunner
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import ActiveLoop, LoopInterrupted, SlotSet
from rasa.utils.endpoints import ClientResponseError, EndpointConfig, read_endpoint_config

from bot.rasa_patches import action_endpoint, graph_runner, rule_lookup, understanding
from bot.rasa_patches.action_endpoint import EmbeddedActions
from bot.rasa_patches.graph_runner import OrderedGraphRunner
from tests.conftest import ROOT
from tests.serving.conftest import SetUp


@pytest.fixture(scope="module")
def agent(trained_model: Path) -> Agent:
    """The trained model, loaded as a server does."""
    graph_runner.install()
    action_endpoint.install()
    actions = read_endpoint_config(str(ROOT / "endpoints.yml"), "action_endpoint")
    return Agent.load(str(trained_model), action_endpoint=actions)


def test_the_server_serves_others_while_a_long_message_is_understood(
    agent: Agent, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(MessageProcessor, "parse_message", MessageProcessor.parse_message)  # put back after the test
    understanding.install()
    message = " ".join(f"{first}{second}x." for first in "abcdefghijklmnopqrst" for second in "abcdefghijklmnopqrst")

    async def others_served() -> int:
        served = 0
        understood = asyncio.create_task(agent.parse_message(message))
        while not understood.done():
            await asyncio.sleep(0)
            served += 1
        assert understood.result()["text"] == message
        return served

    assert asyncio.run(others_served()) > 10  # 2 where the message is understood in the server's own thread


@pytest.mark.parametrize("text", ["kortet mitt ble avvist", "/greet", "invoice for March? and how do I cancel"])
def test_the_graph_says_the_same_in_order_as_with_dask(agent: Agent, text: str) -> None:
    assert agent.processor is not None
    runner: Any = agent.processor.graph_runner
    inputs = {PLACEHOLDER_MESSAGE: [UserMessage(text)], PLACEHOLDER_TRACKER: None}
    targets = [agent.processor.model_metadata.nlu_target]
    ours = OrderedGraphRunner.run(runner, inputs, targets)
    assert list(ours) == targets
    theirs = DaskGraphRunner.run(runner, inputs, targets)
    assert ours[targets[0]][0].as_dict(True) == theirs[targets[0]][0].as_dict(True)


def test_every_node_runs_after_those_that_it_needs(agent: Agent) -> None:
    assert agent.processor is not None
    runner: Any = agent.processor.graph_runner
    steps = runner._steps((agent.processor.model_metadata.core_target,))
    names = [name for name, _ in steps]
    for place, (_, needs) in enumerate(steps):
        assert not set(needs) & set(names[place:])
    runner._known_steps.clear()
    assert runner._steps((agent.processor.model_metadata.core_target,)) == steps, "always in the same order"


def test_an_input_that_is_named_like_a_node_is_refused(agent: Agent) -> None:
    assert agent.processor is not None
    runner: Any = agent.processor.graph_runner
    node = agent.processor.model_metadata.nlu_target
    with pytest.raises(GraphRunError, match="clashes"):
        OrderedGraphRunner.run(runner, {node: 1}, [node])


def test_agents_run_their_models_in_order() -> None:
    from rasa.core import processor

    graph_runner.install()
    assert processor.DaskGraphRunner is OrderedGraphRunner


def test_a_model_that_is_no_longer_used_is_freed(trained_model: Path) -> None:
    """The garbage collector passes over what was there before the first model only."""
    graph_runner.install()
    graph_runner.spare_what_is_imported.cache_clear()
    model = Agent.load(str(trained_model))
    spared, known = gc.get_freeze_count(), weakref.ref(model)
    del model
    gc.collect()
    assert known() is None
    Agent.load(str(trained_model))
    assert 0 < gc.get_freeze_count() <= spared
    gc.unfreeze()


DIALOGUES = [
    ["kortet mitt ble avvist", "/affirm", "/step_failed", "hvordan betaler jeg fakturaen?", "takk"],
    ["I want to talk to a person", "my subscription is disabled", "/affirm", "anna@example.org", "/deny", "never mind"],
    ["what is the weather like?", "/out_of_scope", "/nlu_fallback", "hei", "/restart", "/session_start"],
]


def test_the_rules_that_fit_are_those_that_rasa_finds(agent: Agent) -> None:
    """At every point of some dialogues, forms and interruptions among them."""
    assert agent.processor is not None
    runner: Any = agent.processor.graph_runner
    policy = next(
        node._component for node in runner._instantiated_nodes.values() if isinstance(node._component, RulePolicy)
    )
    lookups = [policy.lookup[RULES], policy.lookup[RULES_FOR_LOOP_UNHAPPY_PATH]]
    assert all(lookups)
    fitting, in_form, shorter = 0, 0, 0
    for number, messages in enumerate(DIALOGUES):
        for text in messages:
            asyncio.run(agent.handle_message(UserMessage(text, sender_id=f"dialogue {number}")))
        whole = asyncio.run(agent.tracker_store.get_or_create_tracker(f"dialogue {number}"))
        for tracker in whole.generate_all_prior_trackers():
            for with_text in (False, True):
                before = tracker[0]
                states = rule_lookup._rasas_prediction_states(policy, before, agent.domain, with_text)
                ours = rule_lookup.prediction_states(policy, before, agent.domain, with_text)
                assert ours == states[-len(ours) :]
                shorter += len(ours) < len(states)
                for lookup in lookups if before.active_loop_name else lookups[:1]:
                    expected = rule_lookup._rasas_possible_keys(policy, lookup, states)
                    assert rule_lookup.possible_keys(policy, lookup, ours) == expected
                    fitting += bool(expected)
            in_form += bool(before.active_loop_name)
    assert fitting > 20
    assert in_form
    assert shorter > 10


def test_a_conversation_is_copied_as_rasa_copies_it(agent: Agent) -> None:
    """At every point of some dialogues; what happens in the copy does not reach the conversation."""
    assert agent.processor is not None
    for number, messages in enumerate(DIALOGUES):
        for text in messages:
            asyncio.run(agent.handle_message(UserMessage(text, sender_id=f"copied {number}")))
        whole = asyncio.run(agent.tracker_store.get_or_create_tracker(f"copied {number}"))
        for before, _ in whole.generate_all_prior_trackers():
            ours, theirs = graph_runner.copied(before), before.travel_back_in_time(float("inf"))
            assert {**vars(ours), "slots": None} == {**vars(theirs), "slots": None}
            assert {name: vars(slot) for name, slot in ours.slots.items()} == {
                name: vars(slot) for name, slot in theirs.slots.items()
            }
        kept, events = whole.current_slot_values(), len(whole.events)
        ours = graph_runner.copied(whole)
        ours.update_with_events(
            [SlotSet("language", "xx"), ActiveLoop("ticket_form"), LoopInterrupted(True)], agent.domain
        )
        assert (whole.current_slot_values(), len(whole.events)) == (kept, events)
        assert ours.get_slot("language") == "xx"


def test_a_domain_is_asked_once_whether_it_is_empty() -> None:
    assert Domain.empty().is_empty()
    domain = Domain.from_dict({"intents": ["greet"]})
    assert [domain.is_empty(), domain.is_empty()] == [False, False]


ACTIONS = """
from rasa_sdk import Action
from rasa_sdk.interfaces import ActionExecutionRejection


class Answers(Action):
    def name(self):
        return "action_answers"

    async def run(self, dispatcher, tracker, domain):
        dispatcher.utter_message(text=tracker.sender_id)
        return [{"event": "slot", "name": "language", "value": "nb"}]


class Fails(Action):
    def name(self):
        return "action_fails"

    def run(self, dispatcher, tracker, domain):
        raise RuntimeError("the printer is on fire")


class Refuses(Action):
    def name(self):
        return "action_refuses"

    def run(self, dispatcher, tracker, domain):
        raise ActionExecutionRejection("action_refuses", "not now")
"""


@pytest.fixture(scope="module")
def embedded(tmp_path_factory: pytest.TempPathFactory) -> EmbeddedActions:
    """A package of actions in this process."""
    folder = tmp_path_factory.mktemp("package")
    (folder / "some_actions.py").write_text(ACTIONS, encoding="utf8")
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(folder))
        return EmbeddedActions("some_actions")


def call(action: str) -> dict[str, Any]:
    tracker = {"sender_id": "anne", "slots": {}, "latest_message": {}, "events": [], "paused": False}
    return {"next_action": action, "sender_id": "anne", "tracker": tracker, "domain": {}}


def test_an_embedded_action_answers_as_its_server_would(embedded: EmbeddedActions) -> None:
    result = asyncio.run(embedded.answer(call("action_answers")))
    assert result["events"] == [{"event": "slot", "name": "language", "value": "nb"}]
    assert [response["text"] for response in result["responses"]] == ["anne"]


@pytest.mark.parametrize(
    ("action", "status", "told"),
    [
        ("action_fails", 500, "the printer is on fire"),
        ("action_refuses", 400, "not now"),
        ("action_unknown", 404, "action_unknown"),
    ],
)
def test_an_embedded_action_that_fails_does_so_as_its_server_would(
    embedded: EmbeddedActions, action: str, status: int, told: str
) -> None:
    with pytest.raises(ClientResponseError) as refused:
        asyncio.run(embedded.answer(call(action)))
    assert refused.value.status == status
    assert told in json.loads(refused.value.text)["error"]
    assert json.loads(refused.value.text)["action_name"] == action


def test_the_settings_say_whether_actions_run_apart(settings_of: SetUp) -> None:
    endpoint = read_endpoint_config(str(ROOT / "endpoints.yml"), "action_endpoint")
    assert endpoint is not None
    assert action_endpoint.server_url(endpoint) is None
    settings_of(action_server_url="http://127.0.0.1:5055/webhook")
    assert action_endpoint.server_url(endpoint) == "http://127.0.0.1:5055/webhook"
    assert action_endpoint.server_url(EndpointConfig("http://actions/webhook")) == "http://actions/webhook"
