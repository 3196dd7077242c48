"""The phrases: enough of them, no duplicates, no templates, and nothing held out among them."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest

from bot.articles.examples import Example, ExampleError, read_examples, read_lines
from bot.articles.issues import load_issues
from bot.articles.played_turns import PlayedTurn
from bot.articles.replies import Replies
from bot.nlu.acts import FOLLOW_UPS
from bot.nlu.commands import all_passages
from bot.nlu.data_check import (
    FEWEST_OF_ACT,
    check_examples,
    few_follow_ups,
    few_phrases,
    few_questions,
    fingerprint,
    unknown_answers,
)
from bot.settings import get_settings
from tests.support.issues import issues_in

DIALOGUE = (
    "greet",
    "goodbye",
    "thank",
    "affirm",
    "deny",
    "ask_help",
    "bot_challenge",
    "talk_to_human",
    "ticket_status",
    "choose_product",
)


@pytest.fixture(scope="module")
def training(root: Path) -> list[Example]:
    return read_examples(root / "data" / "nlu")


@pytest.fixture(scope="module")
def held_out(root: Path) -> list[Example]:
    real_style = (root / "tests" / "regression" / "real_style").glob("*.tsv")
    return [
        *read_examples(root / "tests" / "regression"),
        *(example for path in sorted(real_style) for example in read_lines(path)),
    ]


def test_there_are_enough_phrases_of_every_intent_in_every_language(training: list[Example]) -> None:
    counts = Counter((example.language, example.intent) for example in training)
    languages = set(Replies().complete())
    assert {"en", "nb", "sv", "nl"} <= languages
    for language in languages:
        fewest = {
            **{name: 10 if issue.languages else 60 for name, issue in issues_in(language).items()},
            **dict.fromkeys({*DIALOGUE, *FOLLOW_UPS}, FEWEST_OF_ACT),
            "out_of_scope": 150,
        }
        assert {
            intent: counts[language, intent] for intent in fewest if counts[language, intent] < fewest[intent]
        } == {}
    assert few_follow_ups(training, languages) == []


def test_the_shipped_phrases_have_no_duplicates_and_no_templates(training: list[Example]) -> None:
    assert check_examples(training) == []


def test_every_passage_has_questions_in_every_language_and_every_question_a_passage(training: list[Example]) -> None:
    written = list(all_passages(Replies().complete()))
    assert few_questions(training, written) == []
    asked = {(example.language, example.passage) for example in training if example.passage}
    assert asked - {*all_passages(Replies().languages())} == set()


def test_every_intent_of_the_phrases_is_known(training: list[Example]) -> None:
    assert {example.intent for example in training} == {*load_issues(), *DIALOGUE, *FOLLOW_UPS, "out_of_scope"}


def test_the_held_out_sets_have_nine_plain_messages_and_nine_in_real_style_of_every_issue(
    held_out: list[Example],
) -> None:
    for suffix in (".yml", ".tsv"):
        own = [example for example in held_out if example.path.suffix == suffix]
        counts = Counter((example.language, example.intent) for example in own)
        issues = [intent for intent, issue in load_issues().items() if not issue.languages]
        for language in Replies().complete():
            assert {intent: counts[language, intent] for intent in issues if counts[language, intent] < 9} == {}
            assert counts[language, "out_of_scope"] >= 50


def test_no_held_out_phrase_or_near_copy_is_trained_on(training: list[Example], held_out: list[Example]) -> None:
    trained = {fingerprint(example.text) for example in training}
    assert [example.text for example in held_out if fingerprint(example.text) in trained] == []
    bags = {frozenset(words) for text in trained if len(words := text.split()) >= 4}
    copies = [example.text for example in held_out if _is_near_copy(fingerprint(example.text).split(), bags)]
    assert copies == []


def _is_near_copy(words: list[str], bags: set[frozenset[str]]) -> bool:
    """Tells whether a phrase of four words or more has the same words, in any order, as a trained one."""
    return len(words) >= 4 and frozenset(words) in bags


def example(text: str, intent: str = "card_declined", language: str = "en") -> Example:
    return Example(text, intent, language, Path("phrases.yml"))


def test_the_check_refuses_a_phrase_under_two_intents() -> None:
    problems = check_examples([example("Pay my bill!"), example("pay my bill", "pay_invoice")])
    assert len(problems) == 1
    assert "card_declined" in problems[0]
    assert "pay_invoice" in problems[0]


def test_the_check_refuses_near_duplicates_but_not_the_same_word_in_two_languages() -> None:
    assert len(check_examples([example("Kortet er avvist"), example("kortet er AVVIST...")])) == 1
    assert check_examples([example("fin", "affirm", "nb"), example("fin", "goodbye", "fr")]) == []


def test_the_check_refuses_more_than_three_phrases_with_the_same_opening() -> None:
    phrases = [example(f"I want to pay my {thing}") for thing in ("bill", "rent", "debt", "card")]
    assert len(check_examples(phrases)) == 1
    assert check_examples(phrases[:3]) == []


def test_the_check_counts_the_phrases_of_each_follow_up_in_complete_languages() -> None:
    def phrases(language: str, count: int, act: str) -> list[Example]:
        path = Path("nlu") / language / "follow_ups.yml"
        return [Example(f"{act} {number}", act, language, path) for number in range(count)]

    lacking = "skip_field"
    enough = [one for act in FOLLOW_UPS - {lacking} for one in phrases("nb", FEWEST_OF_ACT, act)]
    told = few_follow_ups([*enough, *phrases("nb", 12, lacking), *phrases("pt", 3, lacking)], ("nb", "sv"))
    assert told == [f"nlu/nb/follow_ups.yml: 12 phrases of the follow-up {lacking}; write {FEWEST_OF_ACT} or more."]


def test_the_check_counts_the_questions_of_each_passage_where_a_language_has_any() -> None:
    question = replace(example("who can do that?", "ask_who"), passage="card_declined/who")
    passages = [("en", "card_declined/who"), ("en", "card_declined/cost"), ("nb", "card_declined/who")]
    assert few_questions([question] * 3, passages) == [
        "card_declined/cost (en): 0 questions; write 3 or more in passages.yml."
    ]


def test_the_check_finds_issues_without_a_name(tmp_path: Path) -> None:
    for file in (get_settings().data_dir / "replies").glob("*.yml"):
        lines = file.read_text(encoding="utf8").splitlines(keepends=True)
        lacks = ("  card_declined:", "  pay_invoice:") if file.stem == "en" else ("  card_declined:",)
        kept = [line for line in lines if not (file.stem in ("en", "nb") and line.startswith(lacks))]
        (tmp_path / file.name).write_text("".join(kept), encoding="utf8")
    assert Replies(tmp_path).problems() == [
        f"{tmp_path / language}.yml: topics: no name for the issue `{issue}`; add one."
        for language, issue in (("en", "card_declined"), ("en", "pay_invoice"), ("nb", "card_declined"))
    ]


def test_the_check_says_what_few_phrases_of_an_intent_cost() -> None:
    new = [example(f"{number} cows want milk", "milk", language) for number, language in enumerate(["en", "en", "fi"])]
    many = [example(f"{number} cards were declined") for number in range(60)]
    notes = few_phrases([*new, *many])
    assert len(notes) == 1
    assert notes[0].startswith("milk has few phrases (en 2, fi 1): about 49 % of its messages will be understood")


def test_a_file_without_languages_is_refused_with_the_remedy(tmp_path: Path) -> None:
    path = tmp_path / "phrases.yml"
    path.write_text("nlu:\n- intent: greet\n  examples: |\n    - hi\n", encoding="utf8")
    with pytest.raises(ExampleError, match="metadata"):
        read_examples(path)


def check(root: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bot", "data", "check", str(folder)]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)


def test_the_check_prints_each_problem_and_fails(root: Path, tmp_path: Path) -> None:
    path = tmp_path / "phrases.yml"
    path.write_text(
        "nlu:\n- intent: greet\n  metadata: {language: en}\n  examples: |\n    - hello\n    - Hello!\n", encoding="utf8"
    )
    result = check(root, tmp_path)
    assert result.returncode == 1
    assert "`Hello!` nearly repeats `hello`" in result.stdout
    assert result.stdout.splitlines()[-1] == "2 phrases read, 1 problems"


def test_an_empty_folder_is_told_apart_from_a_good_one(root: Path, tmp_path: Path) -> None:
    result = check(root, tmp_path)
    assert result.returncode == 2
    assert "no examples found" in result.stderr


def test_a_passage_or_issue_of_played_turns_that_no_article_has_is_named() -> None:
    turns = [
        PlayedTurn("where?", "pay_invoice", ("pay_invoice/where", "pay_invoice/renamed")),
        PlayedTurn("how do I pay it then?", "pay_invoice", ("pay_invoice/", "pay_bill/")),
    ]
    issue, passage = unknown_answers(turns, [("en", "pay_invoice/where")])
    assert "no article has pay_bill/;" in issue
    assert "no article has pay_invoice/renamed;" in passage
