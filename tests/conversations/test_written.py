"""The written conversations, played on the really trained bot: what customers type after the first message."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from bot.regression.conversations import Heard, play_all, read_conversations
from bot.regression.items import RegressionError

WRITTEN = Path(__file__).parent / "written"


@pytest.fixture(scope="module")
def heard(trained_model: Path, tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> list[Heard]:
    """The held-out conversations of every language, played."""
    patch = pytest.MonkeyPatch()
    request.addfinalizer(patch.undo)
    patch.setenv("BOT_TICKETS_DATABASE", f"sqlite:///{tmp_path_factory.mktemp('tickets')}/tickets.db")
    return asyncio.run(play_all(trained_model, read_conversations(WRITTEN / "held_out")))


def test_typed_follow_ups_bring_about_what_they_are_to_in_every_language(heard: list[Heard]) -> None:
    typed = [one for one in heard if one.turn.state != "first"]
    for language in {one.script.language for one in typed}:
        own = [one.right for one in typed if one.script.language == language]
        assert sum(own) / len(own) >= 0.8, language
    assert sum(one.right for one in typed) / len(typed) >= 0.87


def test_nobody_hears_the_same_turn_twice_an_apology_for_thanks_or_a_topic_that_is_none(heard: list[Heard]) -> None:
    assert sum(one.repeated for one in heard) <= len(heard) / 100
    assert [one.turn.says for one in heard if one.apologised] == []
    assert [one.turn.says for one in heard if one.forced] == []


def test_a_conversation_of_another_shape_is_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "en.yml").write_text("language: en\nconversations:\n- turns: [{says: hello}]\n", encoding="utf8")
    with pytest.raises(RegressionError, match=r"en\.yml"):
        read_conversations(tmp_path)
