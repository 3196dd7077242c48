"""Decides a ticket's queue and priority by its issue, signals and sentiment; returns them with the reasons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from bot.articles.issues import Priority, Queue, load_issues

PRIORITIES: tuple[Priority, ...] = ("low", "normal", "high", "urgent")
URGENT = ("service_down", "death", "harm")
ONE_STEP_UP = ("deadline", "legal", "failed_attempts", "frustration")
# Word lists misjudge single sentences; only a clear verdict may move a ticket ahead of others.
CLEARLY = 0.6


@dataclass(frozen=True)
class Assessment:
    """Queue and priority of a ticket.

    Args:
        queue: who handles it.
        priority: how urgent it is.
        priority_reasons: each cause with the priority it led to, in order.
    """

    queue: Queue
    priority: Priority
    priority_reasons: tuple[tuple[str, str], ...]


def assess(intent: str | None, signals: Sequence[str], sentiment: tuple[str, float] | None) -> Assessment:
    """Takes queue and priority from `data/issues.yml`, and raises the priority by signals.

    A service that is down, a death and harm make a ticket urgent; a deadline, a legal threat, failed attempts and
    strong frustration (or clearly very negative sentiment) raise it by one step each.

    Args:
        intent: the issue, None or a name without a row where none was recognised.
        signals: what was noticed in the conversation; unknown ones are kept on the ticket and raise nothing.
        sentiment: label and confidence, None if it is not known.
    """
    issue = load_issues().get(intent or "")
    queue: Queue = issue.queue if issue else "billing"
    priority: Priority = issue.priority if issue else "normal"
    reasons: list[tuple[str, str]] = [(intent if issue and intent else "no_issue", priority)]
    noticed = set(signals)
    if sentiment and sentiment[0] == "very_negative" and sentiment[1] >= CLEARLY:
        noticed.add("frustration")
    for signal in (*URGENT, *ONE_STEP_UP):
        if signal in noticed:
            step_up = PRIORITIES[min(PRIORITIES.index(priority) + 1, len(PRIORITIES) - 1)]
            priority = "urgent" if signal in URGENT else step_up
            reasons.append((signal, priority))
    return Assessment(queue, priority, tuple(reasons))
