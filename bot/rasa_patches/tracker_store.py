"""The tracker store as it is configured, without Rasa's safety net around it."""

from __future__ import annotations

from collections.abc import Callable

from rasa.core.agent import Agent
from rasa.core.tracker_store import TrackerStore
from rasa.shared.core.domain import Domain

_rasas_choice: Callable[..., TrackerStore] = Agent._create_tracker_store


def install() -> None:
    """Makes Rasa's agents take a store that says `needs_no_safety_net` as it is."""
    Agent._create_tracker_store = staticmethod(_as_it_is)


def _as_it_is(store: TrackerStore | None, domain: Domain) -> TrackerStore:
    """Returns our store without Rasa's safety net, which makes a conversation that cannot be read a new one.

    The customer would be answered as a stranger, and the turn would be missing from the conversation for good. This way
    the message fails, the customer is told so, and can send it again.
    """
    if store is not None and getattr(store, "needs_no_safety_net", False):
        store.domain = domain
        return store
    return _rasas_choice(store, domain)
