"""Queue and priority of a ticket, and the reasons."""

from __future__ import annotations

import pytest

from bot.articles.issues import load_issues
from bot.tickets.priority import assess


@pytest.mark.parametrize("intent", list(load_issues()))
def test_without_signals_queue_and_priority_are_those_of_the_issue_table(intent: str) -> None:
    issue = load_issues()[intent]
    found = assess(intent, [], None)
    assert (found.queue, found.priority, found.priority_reasons) == (
        issue.queue,
        issue.priority,
        ((intent, issue.priority),),
    )


@pytest.mark.parametrize(
    ("signals", "sentiment", "priority", "causes"),
    [
        ([], None, "low", []),
        (["deadline"], None, "normal", ["deadline"]),
        (["failed_attempts", "deadline"], None, "high", ["deadline", "failed_attempts"]),
        (["legal", "deadline", "failed_attempts", "frustration"], None, "urgent", None),
        (["service_down"], None, "urgent", ["service_down"]),
        (["deadline", "death"], None, "urgent", ["death", "deadline"]),
        (["harm"], None, "urgent", ["harm"]),
        ([], ("very_negative", 0.8), "normal", ["frustration"]),
        (["frustration"], ("very_negative", 0.8), "normal", ["frustration"]),
        ([], ("very_negative", 0.5), "low", []),
        ([], ("negative", 0.9), "low", []),
        (["something_new"], None, "low", []),
    ],
)
def test_signals_raise_the_priority_and_are_recorded(
    signals: list[str], sentiment: tuple[str, float] | None, priority: str, causes: list[str] | None
) -> None:
    found = assess("download_invoice", signals, sentiment)
    assert found.priority == priority
    assert found.priority_reasons[-1][1] == priority
    if causes is not None:
        assert [cause for cause, _ in found.priority_reasons] == ["download_invoice", *causes]


@pytest.mark.parametrize("intent", [None, "talk_to_human"])
def test_what_was_not_recognised_goes_to_billing(intent: str | None) -> None:
    found = assess(intent, ["deadline"], None)
    assert (found.queue, found.priority) == ("billing", "high")
    assert found.priority_reasons == (("no_issue", "normal"), ("deadline", "high"))
