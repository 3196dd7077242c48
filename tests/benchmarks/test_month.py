"""The simulated month of clicks: seeded, noisy, and what is searched afterwards was never asked."""

from __future__ import annotations

from benchmarks.search.month import found_among_first, month
from bot.search.clicks import choices, learn
from bot.search.database import Library
from bot.search.ranking import Searcher
from tests.search.conftest import imported, library, trees  # noqa: F401 - fixtures are used by their names

QUESTIONS = {
    "shared-mailbox.md": [{"en": "never asked", "nb": "en felles adresse for flere"}],
    "only-norwegian.md": [{"en": "never asked", "nb": "arkene kommer ikke ut"}],
}


def test_a_month_is_the_same_for_a_seed_and_a_fifth_of_the_clicks_are_by_chance(imported: Library) -> None:  # noqa: F811
    search = Searcher(imported.path)
    events, wanted = month(search, QUESTIONS, 1000, 0.2, 26)
    assert (events, wanted) == month(search, QUESTIONS, 1000, 0.2, 26)
    assert sum(wanted.values()) == 1000 == len({event.conversation_id for event in events})
    right = {texts["nb"]: file for file, found in QUESTIONS.items() for texts in found}
    made = choices(events)
    shown = {event.text for event in events if event.kind == "shown"}
    assert shown == {*right}
    wrong = sum(each.file != right[each.text] for each in made) / len(made)
    assert 0.1 < wrong < 0.2  # a third of those who open any document open the right one


def test_questions_in_like_words_are_found_after_a_month(imported: Library) -> None:  # noqa: F811
    events, _ = month(Searcher(imported.path), QUESTIONS, 300, 0.2, 26)
    learned = learn(imported, events, 3)
    assert {each.file for each in learned} <= QUESTIONS.keys()
    like = [(frozenset({"only-norwegian.md"}), "nb", "hvorfor kommer arkene ikke ut")]
    assert found_among_first(Searcher(imported.path), like).all()
