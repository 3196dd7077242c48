"""Finds the rules that fit a conversation by an index, where Rasa's rule policy tries each rule with every prediction.

The policy itself decides as before: it is asked about the few rules whose last action and intent fit. And where these
look at the present state of the conversation only, it is not replayed to learn the states before. Predicting was a
third of what an answer takes, and grew with each rule and each message.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import rasa.core.policies.rule_policy
from rasa.core.policies.rule_policy import RULES, RulePolicy
from rasa.shared.core.constants import PREVIOUS_ACTION, SHOULD_NOT_BE_SET, USER
from rasa.shared.core.domain import Domain, State
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.nlu.constants import ACTION_NAME, INTENT

_Last = tuple[Any, Any]
"""The previous action and the intent of a state; None where it has none."""


class _Index:
    """The rules of a lookup by what their last state asks for."""

    def __init__(self, lookup: Mapping[str, str]) -> None:
        self.lookup = lookup
        self.turns = 0
        """States of the longest rule."""
        self._keys: dict[_Last, list[str]] = {}
        self._longer: set[str] = set()
        for key in lookup:
            states = RulePolicy._rule_key_to_state(key)
            self.turns = max(self.turns, len(states))
            if len(states) > 1:
                self._longer.add(key)
            action, intent = (None if value == SHOULD_NOT_BE_SET else value for value in _last(states[-1]))
            # Of a conversation that begins, Rasa asks for nothing else.
            self._keys.setdefault((action, intent if action else None), []).append(key)

    def candidates(self, state: State) -> set[str]:
        """Returns every rule that may apply where this is the present state."""
        action, intent = _last(state)
        wanted = {(action, intent), (action, None), (None, intent), (None, None)}
        return {key for last in wanted for key in self._keys.get(last, ())}

    def needs_only(self, state: State) -> bool:
        """Tells whether no rule that may apply asks for more than this state, the present one."""
        return self._longer.isdisjoint(self.candidates(state))


_INDEXES: dict[int, _Index] = {}
_MOST_INDEXES = 8
_rasas_possible_keys = RulePolicy._get_possible_keys
_rasas_prediction_states = RulePolicy._prediction_states


def install() -> None:
    """Makes Rasa's rule policy use it."""
    RulePolicy._get_possible_keys = possible_keys
    RulePolicy._prediction_states = prediction_states
    # The module copies states as arguments of debug lines only, which are written, or not, at once.
    rasa.core.policies.rule_policy.copy = SimpleNamespace(deepcopy=lambda value: value)


def possible_keys(policy: RulePolicy, lookup: dict[str, str], states: list[State]) -> set[str]:
    """Returns the rules that apply, as Rasa's own method does.

    Args:
        policy: the policy.
        lookup: its rules by their keys.
        states: of the conversation, the present one last.
    """
    if not states:
        return set(lookup)
    index = _index_of(lookup)
    left = index.candidates(states[-1])
    for turn, state in enumerate(reversed(states[-index.turns :] if index.turns else [])):
        left = {key for key in left if policy._is_rule_applicable(key, turn, state)}
    return left


def prediction_states(
    policy: RulePolicy,
    tracker: DialogueStateTracker,
    domain: Domain,
    use_text_for_last_user_input: bool = False,
    rule_only_data: dict[str, Any] | None = None,
) -> list[State]:
    """Returns the states of a conversation as Rasa's own method does, but only the last one where rules need no other.

    Args:
        policy: the policy.
        tracker: the conversation.
        domain: the assistant's domain.
        use_text_for_last_user_input: whether rules are looked for by the last message's text instead of its intent.
        rule_only_data: passed on.
    """
    present = [domain.get_active_state(tracker)]
    policy.featurizer._choose_last_user_input([present], use_text_for_last_user_input)
    if not tracker.active_loop_name and _index_of(policy.lookup[RULES]).needs_only(present[-1]):
        return present
    states: list[State] = _rasas_prediction_states(
        policy, tracker, domain, use_text_for_last_user_input, rule_only_data
    )
    return states


def _index_of(lookup: dict[str, str]) -> _Index:
    index = _INDEXES.get(id(lookup))
    if index is None or index.lookup is not lookup:
        if len(_INDEXES) >= _MOST_INDEXES:
            _INDEXES.clear()
        index = _INDEXES[id(lookup)] = _Index(lookup)
    return index


def _last(state: Mapping[str, Mapping[str, Any]]) -> _Last:
    return state.get(PREVIOUS_ACTION, {}).get(ACTION_NAME), state.get(USER, {}).get(INTENT)
