"""The bot's own words: which language it answers in, and what it says where that is not the customer's."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bot.articles.replies import Replies, language_name
from bot.settings import get_settings

REPLIES = Replies()


@pytest.mark.parametrize(
    ("wished", "answered"),
    [
        (("fi",), "fi"),
        (("qaa", "sv"), "sv"),
        (("qaa-XX", "qab_XX", "de-AT", "fr"), "de"),
        (("nn-NO",), "nb"),
        (("qaa", None, ""), "en"),
        ((), "en"),
        (("../../etc", "*"), "en"),
    ],
)
def test_the_first_wished_language_with_replies_is_answered_in(wished: tuple[str | None, ...], answered: str) -> None:
    assert REPLIES.answer_language(*wished) == answered


def test_the_default_language_is_taken_where_none_of_the_wished_has_replies(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BOT_DEFAULT_LANGUAGE", "nl")
    get_settings.cache_clear()
    try:
        assert REPLIES.answer_language("qaa") == "nl"
    finally:
        monkeypatch.undo()
        get_settings.cache_clear()


@pytest.mark.parametrize(
    ("language", "notice"),
    [
        ("en", "I understand Italian, but for now I can only answer in English."),
        ("nb", "Jeg forstår italiensk, men kan foreløpig bare svare på norsk."),
        ("sv", "Jag förstår italienska, men kan än så länge bara svara på svenska."),
        ("da", "Jeg forstår italiensk, men kan indtil videre kun svare på dansk."),
        ("nl", "Ik begrijp Italiaans, maar kan voorlopig alleen in het Nederlands antwoorden."),
        ("de", "Ich verstehe Italienisch, kann aber vorerst nur auf Deutsch antworten."),
        ("fr", "Je comprends vos messages en italien, mais pour l’instant je ne peux répondre qu’en français."),
        ("es", "Te entiendo en italiano, pero de momento solo puedo responderte en español."),
        ("fi", "Ymmärrän, mitä kirjoitat (kieli: italia), mutta osaan toistaiseksi vastata vain suomeksi."),
    ],
)
def test_the_notice_names_the_customers_language_in_the_language_of_the_answer(language: str, notice: str) -> None:
    assert REPLIES.language_notice("it", language) == notice


def test_a_language_that_nobody_has_named_goes_by_its_code() -> None:
    assert language_name("zz", "de") == "zz"


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("  utter_gret: Olá!", "replies: en.yml has no `utter_gret`; write `utter_greet`."),
        ("  utter_contact_person: Uma pessoa {link}", "replies: `utter_contact_person` has other placeholders"),
        ("repplies: {}", "repplies: en.yml has no such group; correct the name or remove it."),
    ],
)
def test_a_misspelt_key_or_placeholder_is_told_with_its_file(tmp_path: Path, line: str, problem: str) -> None:
    folder = tmp_path / "replies"
    shutil.copytree(get_settings().data_dir / "replies", folder)
    (folder / "pt.yml").write_text(f"language: pt\nname: P\npartial: true\nreplies:\n  utter_thank: De nada!\n{line}\n")
    told = Replies(folder).problems()
    assert len(told) == 1 and told[0].startswith(f"{folder / 'pt.yml'}: {problem}")


def test_the_shipped_replies_have_the_keys_and_placeholders_of_the_english_ones() -> None:
    assert REPLIES.problems() == []
