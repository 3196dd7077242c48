"""Encoding, intent classifier: each trained and run for real."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rasa.engine.graph import ExecutionContext, GraphComponent, GraphSchema
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.resource import Resource
from rasa.engine.training.fingerprinting import calculate_fingerprint_key
from rasa.shared.exceptions import InvalidConfigException, RasaException
from scipy import sparse

from bot.articles.examples import read_examples
from bot.nlu.component import TrainedComponent
from bot.nlu.intent import LinearIntentClassifier
from bot.nlu.language import LanguageIdentifier
from bot.nlu.models.intent_model import IntentModel
from bot.nlu.models.labelled_texts import LabelledText
from bot.nlu.models.linear import FORMAT, LinearModel, ModelError, TextModel, train_linear_model
from bot.nlu.models.ngrams import NgramFeatures
from bot.nlu.products import ProductScope
from bot.regression.measure import NluModel
from tests.nlu.test_language import Train


def node(model: NluModel, kind: type) -> LinearIntentClassifier:
    nodes = model._processor.graph_runner._instantiated_nodes
    found: LinearIntentClassifier = next(n._component for n in nodes.values() if isinstance(n._component, kind))
    return found


def test_a_model_of_another_version_is_refused_with_the_remedy(tmp_path: Path) -> None:
    features = NgramFeatures(64)
    features.fit_transform(["a card", "a card", "an invoice", "an invoice"])
    zeros = np.zeros(2, dtype=np.float32)
    TextModel(features, LinearModel(("a", "b"), np.ones((128, 2), dtype=np.float32), zeros, 1.0)).save(tmp_path)
    assert TextModel.load(tmp_path, NgramFeatures(64)).labels == ("a", "b")
    about = tmp_path / "about.json"
    about.write_text(about.read_text(encoding="utf8").replace(f'"{FORMAT}"', '"1"'), encoding="utf8")
    with pytest.raises(ModelError, match="train again"):
        TextModel.load(tmp_path, NgramFeatures(64))
    about.unlink()  # as the first version had none
    with pytest.raises(ModelError, match="train again"):
        TextModel.load(tmp_path, NgramFeatures(64))


@pytest.mark.parametrize("component", [LanguageIdentifier, LinearIntentClassifier, ProductScope])
def test_rasa_shows_the_remedy_where_a_stored_model_is_of_another_version(
    component: type[TrainedComponent], tmp_path: Path
) -> None:
    storage, resource = LocalModelStorage.create(tmp_path), Resource("component")
    with storage.write_to(resource) as folder:
        (folder / "about.json").write_text('{"format": "1"}', encoding="utf8")
    with pytest.raises(RasaException, match="train again"):
        component.load(component.get_default_config(), storage, resource, ExecutionContext(GraphSchema({})))


@pytest.mark.parametrize("component", [LanguageIdentifier, LinearIntentClassifier, ProductScope])
def test_a_component_of_another_format_is_not_taken_out_of_the_cache(
    component: type[GraphComponent], monkeypatch: pytest.MonkeyPatch
) -> None:
    def key() -> str:
        return str(calculate_fingerprint_key(component, component.get_default_config(), {}))

    before = key()
    monkeypatch.setattr("bot.nlu.component.FORMAT", "another")
    assert key() != before


def test_an_issue_is_recognised_in_four_languages_by_one_model(train_config: Train) -> None:
    texts = [
        "how do I get a copy of my invoice",
        "hvordan får jeg tak i en kopi av fakturaen",
        "hur får jag tag på en kopia av fakturan",
        "hoe kom ik aan een kopie van mijn factuur",
    ]
    parsed = train_config("intent").parse(texts)
    assert [result["intent"]["name"] for result in parsed] == ["download_invoice"] * 4


def test_the_ranking_lists_ten_intents_in_order_with_confidences_between_0_and_1(train_config: Train) -> None:
    ranking = train_config("intent").parse(["my card was refused"])[0]["intent_ranking"]
    confidences = [entry["confidence"] for entry in ranking]
    assert len(ranking) == 10
    assert confidences == sorted(confidences, reverse=True)
    assert all(0 <= confidence <= 1 for confidence in confidences)


def test_a_list_of_texts_gets_the_same_answers_as_each_text_alone(train_config: Train) -> None:
    model = train_config("intent")
    classifier = node(model, LinearIntentClassifier).model
    texts = ["card refused", "jeg vil si opp abonnementet", "kan ik mijn geld terug krijgen?", ""]
    together = classifier.predict(texts)
    alone = [classifier.predict([text])[0] for text in texts]
    for one, other in zip(together, alone, strict=True):
        assert next(iter(one)) == next(iter(other))
        assert one == pytest.approx(other, abs=1e-4)
    parsed = model.parse(texts[:3])
    assert [result["intent"]["name"] for result in parsed] == [next(iter(ranking)) for ranking in together[:3]]


def test_the_confidences_of_a_text_add_up_to_one(train_config: Train) -> None:
    ranking = node(train_config("intent"), LinearIntentClassifier).model.predict(["pay my bill"])[0]
    assert sum(ranking.values()) == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize(
    ("key", "value"),
    [("C", 0), ("buckets", 1000), ("meaning_share", 2), ("foreign", 2), ("encoded", 0)],
)
def test_a_setting_that_cannot_work_is_refused_by_name(key: str, value: float) -> None:
    config = {**LinearIntentClassifier.get_default_config(), key: value}
    with pytest.raises(InvalidConfigException, match=f"`{key}`"):
        LinearIntentClassifier.validate_config(config)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_an_intent_is_learned_from_one_two_or_three_phrases(count: int) -> None:
    few = ["my parrot ate the card reader", "the parrot has eaten it", "parrot, again"][:count]
    known = {"card_declined": "my card was declined at shop", "download_invoice": "send me the invoice of month"}
    examples = [LabelledText(f"{text} {n}", intent, "en") for intent, text in known.items() for n in range(30)]
    model = IntentModel(LinearIntentClassifier.get_default_config())
    model.learn([*examples, *(LabelledText(text, "parrot", "en") for text in few)])
    assert [next(iter(ranking)) for ranking in model.predict([few[0], examples[0].text])] == ["parrot", "card_declined"]


def test_the_same_examples_give_the_same_linear_model() -> None:
    features = sparse.random(12_000, 300, density=0.05, format="csr", dtype=np.float32, random_state=7)
    labels = [f"label {number % 6}" for number in range(12_000)]
    first, second = (train_linear_model(features, labels, 1.0, 7, inverse_temperature=1.0) for _ in range(2))
    assert np.array_equal(first.weights, second.weights)
    assert np.array_equal(first.intercept, second.intercept)


def test_an_intent_with_three_phrases_beside_others_with_many_is_understood_in_other_words(root: Path) -> None:
    phrases = read_examples(root / "data" / "nlu" / "en" / "people_style.yml")
    many = [LabelledText(phrase.text, phrase.intent, "en", True) for phrase in phrases[::4]]
    few = ["I need a parking permit for my car", "may I park in front of the building?", "the car park is full again"]
    model = IntentModel({**LinearIntentClassifier.get_default_config(), "encoded": 100})
    model.learn([*many, *(LabelledText(text, "parking", "en") for text in few)])
    said = ["is there a garage for my car", "who may park behind the house"]
    assert [next(iter(ranking)) for ranking in model.predict(said)] == ["parking"] * 2
    assert "parking" not in {next(iter(ranking)) for ranking in model.predict([example.text for example in many[:200]])}


@pytest.mark.parametrize("languages", [("en",), ("en", "de", "fi")])
def test_a_bot_with_one_phrase_an_intent_is_sure_of_little(languages: tuple[str, ...]) -> None:
    phrases = {
        "card_declined": "card was declined",
        "download_invoice": "need the invoice",
        "refund_request": "refund me",
    }
    model = IntentModel(LinearIntentClassifier.get_default_config())
    model.learn([LabelledText(text, intent, language) for intent, text in phrases.items() for language in languages])
    (ranking,) = model.predict(["card was declined"])
    intent, confidence = next(iter(ranking.items()))
    assert intent == "card_declined"
    assert 0.34 < confidence < 0.999
