"""The encoder of the search: it learns from questions, and what was imported with another one is encoded anew."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from benchmarks.search.__main__ import QUERIES, read_questions
from benchmarks.search.learn import Version, add_questions, fold_of, learn, read_articles, read_training_questions
from bot.encoder.features import words_of
from bot.search import LibraryError
from bot.search.database import ENCODER, Library, fact
from bot.search.importing import import_articles
from bot.search.ranking import Searcher
from bot.search.reading import search_encoder
from bot.settings import get_settings
from tests.search.conftest import write

LANGUAGES = {"da", "de", "en", "es", "fi", "fr", "nb", "nl", "sv"}
QUESTION = {"nb": "kopimaskinen tygger arket", "nl": "het apparaat eet mijn vel op"}
OTHER = {"nb": "hva skjer i den første saken", "nl": "wat gebeurt er in het eerste geval"}


@pytest.fixture
def library(tmp_path: Path) -> Library:
    """An article database with a few articles in two languages."""
    for number in range(4):
        write(tmp_path / "trees", "nb-NO", f"matter-{number}", f"Sak nummer {number}", "Noe annet skjer her og der.")
    write(tmp_path / "trees", "nb-NO", "jam", "Papirstopp i skriveren", "Åpne luken og trekk papiret ut.")
    write(tmp_path / "trees", "nl-NL", "jam", "Papierstoring", "Open de klep en trek het papier eruit.")
    found = Library(tmp_path / "articles.db")
    import_articles(found, [tmp_path / "trees"], processes=1)
    return found


def test_a_question_comes_near_the_article_that_it_was_learned_with(library: Library) -> None:
    articles = read_articles(library.path)
    before = search_encoder()
    after = learn(
        articles, {"jam.md": [QUESTION], "matter-1.md": [OTHER]}, get_settings().search_encoder_weights, steps=10
    )
    sides = [QUESTION["nb"], "Papierstoring"]
    first, second = (encoder.encode(sides) for encoder in (before, after))
    assert second[0] @ second[1] > first[0] @ first[1]


def test_articles_imported_with_another_encoder_are_encoded_anew_by_the_next_import(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    Searcher(library.path).search("papirstopp", "nb")
    monkeypatch.setenv("BOT_SEARCH_ENCODER_WEIGHTS", str(get_settings().encoder_weights))
    get_settings.cache_clear()
    with pytest.raises(LibraryError, match="import the articles again"):
        Searcher(library.path).search("papirstopp", "nb")
    report = import_articles(library, [tmp_path / "trees"], processes=1)
    assert report.unchanged == 6
    assert Searcher(library.path).search("papirstopp", "nb")[0].file == "jam.md"
    with library.reading() as connection:
        assert fact(connection, ENCODER) == search_encoder().version


@pytest.fixture(autouse=True)
def _settings_read_again() -> Iterator[None]:
    yield
    get_settings.cache_clear()


def test_every_training_question_is_there_in_nine_languages_and_none_is_one_of_the_benchmark() -> None:
    questions = read_training_questions()
    assert len(questions) > 800
    assert all(texts.keys() == LANGUAGES and all(texts.values()) for found in questions.values() for texts in found)
    learned = {" ".join(words_of(text)) for found in questions.values() for texts in found for text in texts.values()}
    assert not learned & {" ".join(words_of(question.text)) for question in read_questions()}


def test_each_question_of_the_benchmark_has_been_judged() -> None:
    assert {question.language for question in read_questions()} == {path.stem for path in QUERIES.glob("*.tsv")}
    assert all(question.judged or question.files for question in read_questions())


def test_the_folds_part_the_questions_evenly() -> None:
    counts = np.bincount([fold_of(texts) for found in read_training_questions().values() for texts in found])
    assert len(counts) == 5 and counts.min() > 0.18 * counts.sum()


def test_a_question_that_an_article_is_known_to_answer_finds_it(
    library: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = tmp_path / "weights.npz"
    encoder = search_encoder()
    encoder.save(weights)
    add_questions(weights, encoder, {"matter-2.md": [list(QUESTION.values())], "elsewhere.md": [["noe"]]})
    assert Searcher(library.path).search(QUESTION["nb"], "nb")[0].file == "jam.md"
    monkeypatch.setenv("BOT_SEARCH_ENCODER_WEIGHTS", str(weights))
    get_settings.cache_clear()
    report = import_articles(library, [tmp_path / "trees"], processes=1)
    assert report.unchanged == 6
    assert Searcher(library.path).search(QUESTION["nl"], "nb")[0].file == "matter-2.md"


def test_an_article_without_text_is_seen_by_its_title_or_slug() -> None:
    import random

    version = Version("Tittel", "slug", [], [])
    views = {tuple(version.view(random.Random(number))) for number in range(40)}
    assert views == {("Tittel",), ("slug",)}
