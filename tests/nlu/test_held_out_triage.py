"""The shipped data on messages with two issues and on e-mails, whose writers had not seen the data."""

from __future__ import annotations

import pytest

from benchmarks.triage.held_out import (
    Triaged,
    long_messages,
    single_issue_messages,
    summarise,
    triage,
    two_issue_messages,
)
from bot.regression.measure import NluModel


@pytest.fixture(scope="module")
def triaged(shipped: NluModel) -> list[Triaged]:
    messages = [*two_issue_messages(), *long_messages(), *single_issue_messages()]
    return triage(shipped, messages)


def test_both_issues_are_found_and_hardly_ever_a_false_second(triaged: list[Triaged]) -> None:
    figures = summarise(triaged)
    assert figures["both_found"] >= 0.80
    assert figures["false_second"] <= 0.05


def test_long_messages_are_understood_nearly_as_well_as_short_ones(triaged: list[Triaged]) -> None:
    figures = summarise(triaged)
    assert figures["long_accuracy"] >= figures["short_accuracy"] - 0.05


def test_which_issue_is_meant_is_asked_seldom_and_with_the_right_one_offered(triaged: list[Triaged]) -> None:
    figures = summarise(triaged)
    assert 0 < figures["asked"] <= 0.12
    assert figures["asked_right"] >= 0.90


def test_hardly_a_held_out_question_passes_for_praise(triaged: list[Triaged]) -> None:
    single = [one for one in triaged if len(one.message.issues) == 1 and not one.message.long]
    praised = [one.message.text for one in single if one.sentiment in {"positive", "very_positive"}]
    assert len(praised) <= 0.03 * len(single)
