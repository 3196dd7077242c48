"""Metrics of one server for Prometheus: messages, latency by stage, intents, fallbacks, languages, hand-overs."""

from __future__ import annotations

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
READY = Gauge("bot_part_ready", "Whether a part answers, 1 or 0.", ["part"], registry=REGISTRY)
