"""Language identification, trained for real."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.engine.storage.resource import Resource
from rasa.shared.core.domain import Domain
from rasa.shared.core.events import SlotSet
from rasa.shared.core.slots import TextSlot
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.nlu.language import LanguageIdentifier
from bot.regression.measure import NluModel
from tests.nlu.conftest import entities

Train = Callable[[str], NluModel]


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("I was billed for a month that I never used", "en"),
        ("jeg fikk en regning for noe jeg aldri har brukt", "nb"),
        ("jag fick en räkning för något jag aldrig har använt", "sv"),
        ("ik kreeg een rekening voor iets wat ik nooit gebruikt heb", "nl"),
    ],
)
def test_the_language_of_a_sentence_is_recognised_and_handed_on_as_an_entity(
    train_config: Train, text: str, language: str
) -> None:
    parsed = train_config("language").parse([text])[0]
    assert entities(parsed, "language") == [language]
    assert parsed["language"]["confidence"] > 0.9


def test_the_locale_of_the_page_decides_where_the_text_is_too_short_to_tell(train_config: Train) -> None:
    model = train_config("language")
    for page, language in [("nb-NO", "nb"), ("no", "nb"), ("sv", "sv"), ("nl-NL", "nl")]:
        assert entities(model.parse(["ok"], [page])[0], "language") == [language]


def test_a_page_in_another_language_does_not_overrule_a_clear_sentence(train_config: Train) -> None:
    parsed = train_config("language").parse(["mijn creditcard is gisteren geweigerd bij het betalen"], ["en"])[0]
    assert entities(parsed, "language") == ["nl"]


def test_a_page_in_a_language_that_the_bot_does_not_know_counts_for_its_second_one(train_config: Train) -> None:
    identifier = component(train_config("language"))
    for metadata, language in [({"language": "zh", "fallback_language": "sv"}, "sv"), ({"language": "zh"}, "en")]:
        assert identifier.process([Message({"text": "?", "metadata": metadata})])[0].get("language")["name"] == language


def test_a_language_with_replies_has_no_fallback_language(train_config: Train) -> None:
    parsed = train_config("language").parse(["hvor finner jeg fakturaen min"], ["zh"])[0]
    assert entities(parsed, "fallback_language") == []


def test_a_language_that_lingua_does_not_know_is_learned_from_its_texts(tmp_path: Path) -> None:
    texts = {
        "gl": ["a miña factura non chega", "quero dar de baixa a subscrición", "a tarxeta foi rexeitada"],
        "en": ["my invoice has not come", "i want to end the subscription", "the card was refused"],
        "nl": ["mijn factuur komt niet", "ik wil het abonnement opzeggen", "de kaart is geweigerd"],
    }
    examples = [
        Message({"text": text, "metadata": {"intent": {"language": language}}})
        for language, found in texts.items()
        for text in found
    ]
    storage = LocalModelStorage.create(tmp_path)
    identifier = LanguageIdentifier(LanguageIdentifier.get_default_config(), storage, Resource("language"))
    identifier.train(TrainingData(examples))
    asked = ["onde está a miña subscrición", "where is the invoice", "waar is de factuur"]
    found = identifier.predict(asked, [None] * 3, None)
    assert [next(iter(probabilities)) for probabilities in found] == ["gl", "en", "nl"]


def conversation_in(language: str) -> DialogueStateTracker:
    slot = TextSlot("language", mappings=[{"type": "from_entity", "entity": "language"}], influence_conversation=False)
    tracker = DialogueStateTracker("customer", [slot])
    tracker.update(SlotSet("language", language), Domain.empty())
    return tracker


@pytest.mark.parametrize("text", ["ok", "ja", "no", "?", "👍", "12"])
def test_a_tiny_reply_never_flips_an_ongoing_conversation(train_config: Train, text: str) -> None:
    identifier = component(train_config("language"))
    for language in ("en", "nb", "sv", "nl"):
        message = identifier.process([Message({"text": text})], conversation_in(language))[0]
        assert message.get("language")["name"] == language


def test_a_customer_switches_language_by_writing_in_it(train_config: Train) -> None:
    identifier = component(train_config("language"))
    message = Message({"text": "jeg vil gjerne snakke norsk i stedet"})
    assert identifier.process([message], conversation_in("nl"))[0].get("language")["name"] == "nb"


@pytest.mark.parametrize(
    "text",
    [
        "nå står det: Your payment was declined by the bank that issued the card",
        'det står "Your payment was declined by the bank" på siden',
        "skjermen sier «Your payment was declined by the bank» igjen",
    ],
)
def test_what_a_message_quotes_does_not_change_the_language(train_config: Train, text: str) -> None:
    identifier = component(train_config("language"))
    assert identifier.process([Message({"text": text})], conversation_in("nb"))[0].get("language")["name"] == "nb"


def test_a_button_does_not_say_anything_about_the_language(train_config: Train) -> None:
    message = component(train_config("language")).process([Message({"text": "/affirm"})], conversation_in("sv"))[0]
    assert message.get("entities", []) == []


def component(model: NluModel) -> LanguageIdentifier:
    """Returns the trained component of a loaded model."""
    nodes = model._processor.graph_runner._instantiated_nodes
    return next(node._component for node in nodes.values() if isinstance(node._component, LanguageIdentifier))
