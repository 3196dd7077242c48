"""Metrics of one server for Prometheus: messages, latency by stage, intents, fallbacks, languages, hand-overs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

REGISTRY = CollectorRegistry()
# Labels come from the model and the settings, never from what a customer writes: the number of series is bounded.
MESSAGES = Counter("bot_messages", "Messages of customers.", ["channel"], registry=REGISTRY)
INTENTS = Counter("bot_intents", "Intents of customers' messages.", ["intent"], registry=REGISTRY)
LANGUAGES = Counter("bot_languages", "Languages of customers' messages.", ["language"], registry=REGISTRY)
FALLBACKS = Counter("bot_fallbacks", "Messages that were not understood.", registry=REGISTRY)
HAND_OVERS = Counter("bot_hand_overs", "Times that a conversation was handed over to people.", registry=REGISTRY)
FAILURES = Counter("bot_failures", "Messages on the page that ended in an apology.", registry=REGISTRY)
_BUCKETS = (0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1, 2.5, 5, 10)
LATENCY = Histogram("bot_stage_seconds", "Time by stage.", ["stage"], buckets=_BUCKETS, registry=REGISTRY)
OUTBOX = Gauge("bot_outbox_deliveries", "Tickets on their way to help desks.", ["target", "state"], registry=REGISTRY)
EVENTS_WAITING = Gauge("bot_events_waiting", "Events that wait for the broker.", registry=REGISTRY)
EVENTS_DROPPED = Gauge("bot_events_dropped", "Events given up while the broker was away.", registry=REGISTRY)
_COUNTED_ACTIONS = {"action_not_understood": FALLBACKS, "action_open_ticket": HAND_OVERS}
READY = Gauge("bot_part_ready", "Whether a part answers, 1 or 0.", ["part"], registry=REGISTRY)


def count(event: Mapping[str, Any]) -> None:
    """Counts an event of a conversation.

    Args:
        event: as the tracker store keeps it.
    """
    if event["event"] == "user":
        MESSAGES.labels(event.get("input_channel") or "unknown").inc()
        understood = event.get("parse_data") or {}
        INTENTS.labels((understood.get("intent") or {}).get("name") or "none").inc()
        languages = [each["value"] for each in understood.get("entities") or () if each["entity"] == "language"]
        if languages:
            LANGUAGES.labels(str(languages[0])).inc()
    elif event["event"] == "action" and event["name"] in _COUNTED_ACTIONS:
        _COUNTED_ACTIONS[event["name"]].inc()
