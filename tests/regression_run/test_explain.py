"""`python -m bot explain`, and the sums behind it."""

from __future__ import annotations

import json

import pytest

from bot.articles.examples import read_examples
from bot.nlu.intent import LinearIntentClassifier
from bot.nlu.models.intent_model import IntentModel
from bot.nlu.models.labelled_texts import LabelledText
from bot.nlu.models.ngrams import NgramFeatures
from bot.regression.measure import NluModel
from tests.regression_run.sandbox import Sandbox

pytestmark = [pytest.mark.full, pytest.mark.timeout(1800)]

PHRASES = [
    *(LabelledText(f"my card was {word} again", "card_declined", "en") for word in ("declined", "refused", "rejected")),
    *(LabelledText(f"{word} the invoice for me", "download_invoice", "en") for word in ("download", "get", "fetch")),
    *(LabelledText(f"I want my money {word}", "refund_request", "en") for word in ("back", "again", "returned")),
] * 4


def test_an_explanation_adds_up_to_what_the_model_says() -> None:
    model = IntentModel(LinearIntentClassifier.get_default_config())
    model.learn(PHRASES)
    for text in ("my card was declined", "get the invoice — the invoice, pre-paid", "card card money"):
        ranking = model.predict([text])[0]
        (best, confidence), (other, less), *_ = ranking.items()
        explained = model.explain(text, best, other)
        total = sum(explained.words.values()) + explained.meaning + explained.constant
        assert sum(explained.words.values()) == pytest.approx(sum(explained.ngrams.values()), abs=1e-4)
        assert 2.718281828**total == pytest.approx(confidence / less, rel=1e-3)


@pytest.mark.parametrize(
    "text",
    ["Kortet mitt ble avvist, Azure-abonnement 12!", "a", "", "é pre-paid  x'y", "ß" * 3, "pay - now , please !"],
)
def test_every_ngram_of_a_text_is_found_again(text: str) -> None:
    features = NgramFeatures()
    columns = set(features.fit_transform([text, text]).indices.tolist())
    assert {ngram.column for ngram in features.occurrences(text)} == columns


def test_a_phrase_is_explained_in_the_terminal_and_as_json(accepted: Sandbox) -> None:
    model = accepted.accepted_model
    text = "kortet mitt ble avvist i går"
    shown = accepted.bot("explain", text, "--model", model)
    assert shown.returncode == 0, shown.stderr
    assert "data/articles/card_declined/nb.md" in shown.stdout
    told = accepted.bot("explain", text, "--model", model, "--json")
    explained = json.loads(told.stdout)
    assert explained["language"]["name"] == "nb"
    assert explained["ranking"][0]["name"] == "card_declined"
    assert "kortet" in dict(explained["words"])
    assert [near["intent"] for near in explained["nearest"]].count("card_declined") >= 3


def test_nothing_cannot_be_explained(accepted: Sandbox) -> None:
    done = accepted.bot("explain", " ")
    assert done.returncode == 2
    assert "no text to explain" in done.stderr


def test_issues_to_choose_from_are_answered_by_no_article(accepted: Sandbox) -> None:
    model = accepted.accepted_model
    texts = [example.text for example in read_examples(accepted.sets / "held_out") if example.language == "en"]
    close = (one["triage"]["candidates"] for one in NluModel(model).parse(texts))
    text, offered = next((text, issues) for text, issues in zip(texts, close, strict=True) if issues)
    shown = accepted.bot("explain", text, "--model", model)
    assert f"the bot asks which it is: {' or '.join(offered)}" in shown.stdout, shown.stdout + shown.stderr
    assert "answered by" not in shown.stdout
