"""The measure on real people's messages: its figures, its paired comparison, and that none of them is trained on."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.people.__main__ import main
from benchmarks.people.figures import FIGURES, Answer, Asked, interval, paired
from benchmarks.people.messages import DEV, LabelledMessage, read_people, read_real_style
from bot.articles.examples import read_examples
from bot.settings import PROJECT_ROOT

PAY = LabelledMessage("how do I pay this", "en", "pay_invoice", frozenset({"past_due_balance"}))
CARD = LabelledMessage("card says no", "en", "card_declined")
WEATHER = LabelledMessage("rain again", "en", "out_of_scope")
NEAR = LabelledMessage("the price of power", "en", "out_of_scope", frozenset({"price_question"}))

ASKED: Asked = [
    (PAY, Answer("past_due_balance", 0.9, "past_due_balance", ())),
    (CARD, Answer("change_payment_method", 0.6, "change_payment_method", ("change_payment_method", "card_declined"))),
    (WEATHER, Answer("card_declined", -0.8, "out_of_scope", ())),
    (NEAR, Answer("price_question", 0.7, "price_question", ())),
]


@pytest.mark.parametrize(
    ("figure", "expected"),
    [
        ("forced, strict", 0.0),
        ("forced, lenient", 0.5),
        ("as it acts, lenient", 0.5),
        ("out of scope found", 0.5),
        ("AUROC", 0.75),  # of four pairs, the card's message is less sure than the price of power
        ("AUROC, clear ones", 1.0),
        ("found at 5 % refused", 0.5),
        ("direct answers right", 1.0),  # also the out-of-scope one, whose issue a careful reader accepts
        ("direct answers given", 0.5),
        ("right one offered", 1.0),
    ],
)
def test_each_figure_counts_what_its_name_says(figure: str, expected: float) -> None:
    assert FIGURES[figure](ASKED) == pytest.approx(expected)


def test_an_interval_holds_the_figure_and_is_wider_for_fewer_messages() -> None:
    few = interval(ASKED, FIGURES["forced, lenient"])
    many = interval([*ASKED] * 50, FIGURES["forced, lenient"])
    assert few[0] <= 0.5 <= few[1]
    assert many[0] <= 0.5 <= many[1]
    assert many[1] - many[0] < few[1] - few[0]


def test_two_runs_are_compared_message_by_message() -> None:
    better: Asked = [(PAY, ASKED[0][1]), (CARD, Answer("card_declined", 0.9, "card_declined", ())), *ASKED[2:]]
    assert paired(better, ASKED)[0].startswith("forced, lenient: +50.0 points")
    assert "1 newly right, 0 newly wrong" in paired(better, ASKED)[0]
    assert "0 newly right, 0 newly wrong, p = 1.000" in paired(ASKED, ASKED)[0]


def test_missing_messages_are_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--messages", str(tmp_path / "none.tsv")]) == 2
    assert "none.tsv" in capsys.readouterr().err


def test_the_real_style_sets_are_read_with_their_language() -> None:
    messages = read_real_style()
    assert {message.language for message in messages} == {"da", "de", "en", "es", "fi", "fr", "nb", "nl", "sv"}
    assert all(message.text and message.intent for message in messages)


@pytest.mark.skipif(not DEV.exists(), reason="shared/people is not on this machine")
def test_no_message_that_people_wrote_is_trained_on() -> None:
    trained = {_words(example.text) for example in read_examples(PROJECT_ROOT / "data" / "nlu")}
    assert not [message.key for message in read_people() if _words(message.text) in trained]


def _words(text: str) -> str:
    return " ".join("".join(char if char.isalnum() else " " for char in text.lower()).split())
