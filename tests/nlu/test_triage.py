"""The triage of messages: second issues, long messages, close candidates; trained and run for real."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from rasa.engine.graph import ExecutionContext, GraphSchema
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.resource import Resource
from rasa.shared.exceptions import InvalidConfigException

from bot.articles.issues import load_issues
from bot.nlu.models.triage_evidence import Parts, Scores, candidates_of, issue_pairs, with_pair
from bot.nlu.triage import Triage
from bot.regression.measure import NluModel, read_labelled
from bot.text.yaml_files import read_yaml
from tests.nlu.test_language import Train

ISSUES = ("card_declined", "refund_request", "pay_invoice")

TWO = {
    "en": (
        "my card was declined and I also want to download last month's invoice",
        {"card_declined", "download_invoice"},
    ),
    "nb": ("Kortet mitt ble avvist, og nå er abonnementet deaktivert", {"card_declined", "subscription_disabled"}),
    "sv": ("Mitt kort nekades. Hur laddar jag ner en faktura?", {"card_declined", "download_invoice"}),
    "nl": ("Mijn kaart is geweigerd, en ik wil ook extra licenties kopen", {"card_declined", "manage_licenses"}),
}


@pytest.mark.parametrize("language", TWO)
def test_both_issues_of_a_message_are_found(language: str, train_config: Train) -> None:
    text, expected = TWO[language]
    parsed = train_config("triage").parse([text], [language])[0]
    assert {parsed["intent"]["name"], (parsed["triage"]["second_issue"] or {}).get("name")} == expected
    assert parsed["triage"]["candidates"] == []
    assert 0.5 < parsed["triage"]["second_issue"]["confidence"] <= 1


def test_two_issues_are_offered_where_neither_they_nor_their_pair_are_sure(shipped: NluModel, root: Path) -> None:
    messages = read_labelled(root / "tests" / "regression" / "two_issues")
    parsed = shipped.parse([message.text for message in messages], [message.language for message in messages])
    pipeline = {each["name"]: each for each in read_yaml(root / "config.yml", ValueError)["pipeline"]}
    triage = pipeline["bot.nlu.triage.Triage"]
    asked: Counter[bool] = Counter()
    for one in parsed:
        second = one["triage"]["second_issue"]
        if second and one["intent"]["name"] in load_issues():
            doubtful = second["confidence"] < triage["answer_pair_from"] and (
                one["intent"]["confidence"] < triage["answer_from"]
            )
            assert bool(one["triage"]["candidates"]) == doubtful
            asked[doubtful] += 1
    assert asked[False] > 10 * asked[True] > 0


@pytest.mark.parametrize("text", ["my card was declined", "Kortet ble avvist, og jeg skjønner ikke hvorfor", "ok"])
def test_a_message_with_one_issue_has_no_second(text: str, shipped: NluModel) -> None:
    assert shipped.parse([text])[0]["triage"]["second_issue"] is None


def test_the_issue_of_a_long_email_is_found_among_remarks(train_config: Train) -> None:
    text = (
        "Hello,\nWe run a small bakery in Leeds and I do the paperwork on Sundays. It took me a while to find the "
        "right place to write to. My card was declined when the subscription should have been charged. Our "
        "accountant asked me about it yesterday. A quick answer would save my week.\nKind regards\nAnna"
    )
    parsed = train_config("triage").parse([text])[0]
    assert parsed["intent"]["name"] == "card_declined"
    assert parsed["intent_ranking"][0]["confidence"] == parsed["intent"]["confidence"]
    assert len(parsed["intent_ranking"]) == 10


def test_messages_in_a_batch_get_the_same_triage_as_each_alone(train_config: Train) -> None:
    model = train_config("triage")
    texts = [text for text, _ in TWO.values()] + ["my card was declined", "hmm"]
    together = [result["triage"] for result in model.parse(texts)]
    alone = [model.parse([text])[0]["triage"] for text in texts]
    for one, other in zip(together, alone, strict=True):
        assert (one["second_issue"] or {}).get("name") == (other["second_issue"] or {}).get("name")
        assert {key: one[key] for key in ("candidates", "sentiment", "signals")} == {
            key: other[key] for key in ("candidates", "sentiment", "signals")
        }


def test_mood_and_signals_are_part_of_a_triage_that_json_can_hold(train_config: Train) -> None:
    parsed = train_config("triage").parse(["THIRD time my card is declined!! Production is down. Ridiculous"], ["en"])[
        0
    ]
    triage = json.loads(json.dumps(parsed["triage"]))
    assert set(triage) == {"second_issue", "candidates", "sentiment", "signals"}
    assert triage["sentiment"]["label"] == "very_negative"
    assert {"service_down", "failed_attempts", "frustration"} <= set(triage["signals"])


def test_a_button_has_no_triage(train_config: Train) -> None:
    assert "triage" not in train_config("triage").parse(["/card_declined"])[0]


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("second_issue_confidence", 0),
        ("answer_from", 1.5),
        ("offer_from", -1),
        ("second_issue", {"sides": 1}),
    ],
)
def test_a_setting_that_cannot_work_is_refused_by_name(key: str, value: object) -> None:
    with pytest.raises(InvalidConfigException, match=f"`{key}`"):
        Triage.validate_config({**Triage.get_default_config(), key: value})


def test_a_pipeline_without_the_classifier_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidConfigException, match="LinearIntentClassifier"):
        Triage.create(
            Triage.get_default_config(),
            LocalModelStorage.create(tmp_path),
            Resource("triage"),
            ExecutionContext(GraphSchema({})),
        )


@pytest.mark.parametrize(
    ("confidences", "expected"),
    [
        (
            {"card_declined": 0.5, "pay_invoice": 0.3, "refund_request": 0.1, "change_plan": 0.1},
            ["card_declined", "pay_invoice", "refund_request"],
        ),
        ({"card_declined": 0.95, "pay_invoice": 0.05}, []),  # sure enough to be answered
        ({"out_of_scope": 0.6, "card_declined": 0.25, "pay_invoice": 0.15}, ["card_declined", "pay_invoice"]),
        ({"out_of_scope": 0.85, "card_declined": 0.1, "pay_invoice": 0.05}, []),  # not the bot's business
        ({"greet": 0.4, "card_declined": 0.35, "pay_invoice": 0.25}, []),  # small talk
        ({"card_declined": 0.15, "pay_invoice": 0.1, "refund_request": 0.1}, []),  # anything
        ({"card_declined": 1.0}, []),
    ],
)
def test_two_or_three_issues_are_offered_where_none_is_sure_enough(
    confidences: dict[str, float], expected: list[str]
) -> None:
    assert candidates_of(confidences, ISSUES, answer_from=0.7, offer_from=0.2) == expected


def scores_of(answers: dict[str, dict[str, float]]) -> Scores:
    """What the classifier says to some texts."""
    return {("", text): answer for text, answer in answers.items()}


def test_a_pair_is_surer_the_surer_both_sides_are() -> None:
    parts = Parts("a b", ("a b",), (("a", "b"),))

    def confidence(left: float, right: float) -> float:
        scores = {
            "a": {"card_declined": left, "refund_request": 1 - left},
            "b": {"card_declined": 1 - right, "refund_request": right},
            "a b": {"card_declined": 0.5, "refund_request": 0.5},
        }
        (pair,) = issue_pairs(parts, scores_of(scores), ISSUES[:2])
        return pair.confidence((2.0, -0.2, 0.4), 0.0)

    assert confidence(0.9, 0.9) > confidence(0.9, 0.6) > confidence(0.6, 0.6)


def test_a_pair_that_neither_part_of_the_ranking_named_comes_first_in_it() -> None:
    parts = Parts("a b", ("a b",), (("a", "b"),))
    scores = {text: {"card_declined": 0.6, "refund_request": 0.4} for text in ("a", "a b")}
    scores["b"] = {"card_declined": 0.1, "refund_request": 0.9}
    (pair,) = issue_pairs(parts, scores_of(scores), ISSUES[:2])
    mixed = with_pair({"pay_invoice": 0.7, "card_declined": 0.2, "refund_request": 0.1}, pair, 0.9)
    assert list(mixed)[:2] == ["card_declined", "refund_request"]
    assert sum(mixed.values()) == pytest.approx(1.0)


def test_a_held_out_line_with_an_unknown_issue_is_refused_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "en.tsv").write_text("card_declined\tno\ncard_lost\twhere is it\n", encoding="utf8")
    with pytest.raises(ValueError, match=r"en\.tsv:2"):
        read_labelled(tmp_path)
