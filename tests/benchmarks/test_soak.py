"""What the soak sends, and how it judges what it has seen."""

from __future__ import annotations

import pytest

from benchmarks.serving.soak import Phrases, Sample, Soak
from bot.articles.replies import Replies
from bot.settings import get_settings


def soaked(mb_per_thousand: float) -> Soak:
    """Returns a soak of 40 minutes in which the bot has grown evenly, but for a saw tooth of 10 MB."""
    result = Soak(40.0)
    for number in range(481):
        sent = number * 130
        memory = {"bot": 1000 + mb_per_thousand * sent / 1000 + number % 5 * 2}
        result.samples.append(Sample(number / 12, sent, sent, memory, {"bot": 50}, {"TRACKER": 5.0}))
        result.tally.seconds += [0.1 if number < 420 else 0.2] * 130
    return result


def test_messages_are_varied_in_every_language_and_come_again_with_the_seed() -> None:
    one, again, other = Phrases(1), Phrases(1), Phrases(2)
    assert {*Replies().complete()} <= {*one.languages()} <= {*Replies().languages()}
    for language in one.languages():
        said = [one.next(language) for _ in range(200)]
        assert said == [again.next(language) for _ in range(200)] != [other.next(language) for _ in range(200)]
        assert len(set(said)) > 150
        assert 1500 < max(map(len, said)) <= get_settings().message_length
        assert one.call(language) == again.call(language)


@pytest.mark.parametrize("growth", [0.0, 0.05, 0.5])
def test_growth_is_told_from_a_saw_tooth(growth: float) -> None:
    slope, upper = soaked(growth).slope("bot")
    assert slope == pytest.approx(growth, abs=0.02)
    assert slope < upper < growth + 0.05


def test_times_are_compared_by_windows_of_five_minutes() -> None:
    windows = soaked(0.0).windows()
    assert [begin for begin, _ in windows] == [0, 5, 10, 15, 20, 25, 30, 35]
    assert [p95 for _, p95 in windows] == [pytest.approx(100)] * 7 + [pytest.approx(200)]
    assert "2.00" in soaked(0.0).report()
