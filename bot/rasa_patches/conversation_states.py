"""Caches the states of a conversation, so that not all its events are gone through again for each message.

Rasa replays a conversation for each prediction and each action: a sixth of what an answer takes, more in long ones.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any

from rasa.shared.core.domain import Domain, State
from rasa.shared.core.events import (
    ActionExecuted,
    ActionReverted,
    ActiveLoop,
    Event,
    LegacyForm,
    Restarted,
    SessionStarted,
    UserUtteranceReverted,
)
from rasa.shared.core.slots import Slot
from rasa.shared.core.trackers import DialogueStateTracker

_STATE = ("_paused", "followup_action", "latest_action", "latest_message", "latest_bot_utterance")
"""Attributes of a tracker that its events change, beside its slots and its loop."""
_BEGINNINGS = frozenset({Restarted, SessionStarted})
"""Events behind which a conversation begins anew."""
_UNDOING = frozenset({ActionReverted, UserUtteranceReverted})
"""Events that undo others."""
_LOOPS = frozenset({ActiveLoop, LegacyForm})
"""Events that begin or end a form, which undoes what it did before."""
_STATES = "_states_so_far"
_rasas_applied_events = DialogueStateTracker.applied_events
_rasas_past_states = DialogueStateTracker.past_states


class _StatesSoFar:
    """The states of a conversation before each of its actions, as far as it has been gone through.

    Args:
        tracker: the conversation.
        domain: what its states are made by.
    """

    def __init__(self, tracker: DialogueStateTracker, domain: Domain) -> None:
        self._events = tracker.events
        self._domain = domain
        self._seen = 0
        self._last: Event | None = None
        self._replayed = tracker.init_copy()
        self._states: list[State] = []

    def is_valid(self, tracker: DialogueStateTracker, domain: Domain) -> bool:
        """Tells whether the conversation has but grown since."""
        events = tracker.events
        known = events is self._events and domain is self._domain and len(events) >= self._seen
        return known and (not self._seen or events[self._seen - 1] is self._last)

    def update(self) -> bool:
        """Takes in what is new; False if it must be gone through from its beginning."""
        new = list(islice(self._events, self._seen, None))
        first = _first_applied(new)
        if first is None or (first and self._seen):
            return False
        for event in new[first:]:
            if isinstance(event, ActionExecuted):
                self._states.append(self._shared(self._present()))
            self._replayed.update(event)
        self._seen += len(new)
        self._last = new[-1] if new else self._last
        return True

    def states(self) -> list[State]:
        """Returns the states, the present one last; they may be changed."""
        return [*({kind: dict(part) for kind, part in state.items()} for state in self._states), self._present()]

    def _present(self) -> State:
        state: State = self._domain._clean_state(self._domain.get_active_state(self._replayed))
        return state

    def _shared(self, state: State) -> State:
        """Returns the state with those parts of the one before it that are equal, to save memory."""
        before = self._states[-1] if self._states else {}
        return {kind: before[kind] if before.get(kind) == part else part for kind, part in state.items()}


def install() -> None:
    """Makes Rasa's conversations use it."""
    DialogueStateTracker.copy = copied
    DialogueStateTracker.applied_events = applied_events
    DialogueStateTracker.past_states = past_states


def copied(tracker: DialogueStateTracker) -> DialogueStateTracker:
    """Returns a copy of a conversation as Rasa's own, which goes through all its events again for each action.

    Only where a follow-up action is about to be run the copy differs: no event says that Rasa has taken note of it, so
    that Rasa's own copy has it still to come.
    """
    twin = DialogueStateTracker(tracker.sender_id, None, tracker._max_event_history, None, tracker.is_rule_tracker)
    vars(twin).update((name, getattr(tracker, name)) for name in _STATE)
    twin.slots = {name: _copied_slot(slot) for name, slot in tracker.slots.items()}
    twin.events = copy.copy(tracker.events)
    twin.active_loop = copy.copy(tracker.active_loop)
    return twin


def applied_events(tracker: DialogueStateTracker) -> list[Event]:
    """Returns the events that count, as Rasa's own method does, which asks many things of each."""
    first = _first_applied(tracker.events)
    if first is None:
        return list(_rasas_applied_events(tracker))
    return list(islice(tracker.events, first, None))


def past_states(
    tracker: DialogueStateTracker,
    domain: Domain,
    omit_unset_slots: bool = False,
    ignore_rule_only_turns: bool = False,
    rule_only_data: dict[str, Any] | None = None,
) -> list[State]:
    """Returns the states before each action and the present one, as Rasa's own method does; see there."""
    if not omit_unset_slots and not ignore_rule_only_turns:
        for known in _known_and_new(tracker, domain):
            if known.update():
                vars(tracker)[_STATES] = known
                return known.states()
    vars(tracker).pop(_STATES, None)
    return list(_rasas_past_states(tracker, domain, omit_unset_slots, ignore_rule_only_turns, rule_only_data))


def _known_and_new(tracker: DialogueStateTracker, domain: Domain) -> Iterator[_StatesSoFar]:
    known: _StatesSoFar | None = vars(tracker).get(_STATES)
    if known is not None and known.is_valid(tracker, domain):
        yield known
    yield _StatesSoFar(tracker, domain)


def _first_applied(events: Iterable[Event]) -> int | None:
    """Returns from which event on all count; None where events undo others, or a form may."""
    first = 0
    for place, event in enumerate(events):
        kind = type(event)
        if kind in _BEGINNINGS:
            first = place + 1
        elif kind in _UNDOING or (kind in _LOOPS and event.name):
            return None
    return first


def _copied_slot(slot: Slot) -> Slot:
    """Returns what `copy.copy` does, in a quarter of the time."""
    twin = object.__new__(type(slot))
    vars(twin).update(vars(slot))
    return twin
