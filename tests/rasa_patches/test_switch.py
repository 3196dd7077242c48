"""Opening the tracker store replaces what the list says; what only saves time can be left out."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

import bot.rasa_patches
from tests.conftest import ROOT

_CHANGED = """
from rasa.core.agent import Agent
from rasa.core.policies.rule_policy import RulePolicy
from rasa.core.processor import MessageProcessor
from rasa.core.actions.action import RemoteAction
from rasa.shared.core.domain import Domain
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.utils.endpoints import EndpointConfig

ours = [(EndpointConfig, "request"), (MessageProcessor, "parse_message"), (Agent, "_create_tracker_store"),
        (Agent, "handle_message"), (Domain, "is_empty"), (RulePolicy, "_get_possible_keys"),
        (RulePolicy, "_prediction_states"), (DialogueStateTracker, "copy"), (RemoteAction, "_validate_action_result"),
        (EndpointConfig, "session")]
before = [getattr(owner, name) for owner, name in ours]
import bot.stores.tracker_store
print([name for (owner, name), known in zip(ours, before) if getattr(owner, name) is not known])
"""
BEHAVIOUR = ["request", "parse_message", "_create_tracker_store", "handle_message"]
SPEED = ["is_empty", "_get_possible_keys", "_prediction_states", "copy", "_validate_action_result", "session"]


@pytest.mark.parametrize(("setting", "expected"), [("on", BEHAVIOUR + SPEED), ("off", BEHAVIOUR)])
def test_what_only_saves_time_can_be_switched_off(setting: str, expected: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _CHANGED],
        cwd=ROOT,
        env={**os.environ, "BOT_RASA_PATCHES": setting},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == str(expected)


@pytest.mark.parametrize("patch", bot.rasa_patches.BEHAVIOUR + bot.rasa_patches.SPEED)
def test_the_list_names_every_patch(patch: str) -> None:
    assert f"- `{patch}` (" in str(bot.rasa_patches.__doc__)
