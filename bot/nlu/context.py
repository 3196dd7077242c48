"""Decides what a message means where it is said: in the conversation so far."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.nlu.constants import ENTITIES, ENTITY_ATTRIBUTE_TYPE, INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.articles.issues import load_issues
from bot.encoder.sentences import sentence_encoder_version
from bot.nlu.act_rules import ActRules
from bot.nlu.acts import ISSUE_FROM, NEW_MATTER, Act, CustomerMessage
from bot.nlu.answers import read_answer
from bot.nlu.component import TrainedComponent
from bot.nlu.intent import LinearIntentClassifier, labelled_texts
from bot.nlu.metadata import is_command, language_of, set_entities
from bot.nlu.models.intent_model import IntentModel
from bot.nlu.models.labelled_texts import LabelledText, first_of_each, real_style_first
from bot.nlu.models.linear import FORMAT
from bot.nlu.models.passage_finder import PassageFinder
from bot.nlu.passage_rules import PassageRules
from bot.nlu.product_reader import NO_PRODUCT, ProductReader
from bot.nlu.situation import Situation, situation_of
from bot.settings import get_settings

PERSONAL = "microsoft_account"
_RANKING = "intent_ranking"


@dataclass(frozen=True)
class _Models:
    """The models of the acts, of the products that answers name, and of the passages that questions ask for.

    The last two are None where no phrases name any.
    """

    acts: IntentModel
    products: IntentModel | None
    passages: PassageFinder | None


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class Context(TrainedComponent):
    """Turns what the pipeline makes of a message into its dialogue act, by what was said before it.

    The last component of the pipeline. Outside a conversation it changes nothing, and to a first message it only adds
    the passage that it surely asks for. After that, the first of these rules that fits decides (docs/how-it-works.md
    has a table): a typed button, the question of an open form, the wish for a person, the product that was asked for,
    the issues to choose from, and for what follows an answer a model of its own, which never takes part in the ranking
    of the issues.
    """

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        """Returns every setting with its default; the others are those of LinearIntentClassifier."""
        return {
            "encoded": 60,
            "encoded_out_of_scope": 60,
            # Which act it is, words tell; which product an answer names, what it means.
            "meaning_share": 0.2,
            "product_encoded": 35,
            "product_meaning_share": 0.6,
            "meaning_C": 10.0,
            "words_sharpness": 3.0,
            "words_floor": 0.01,
            # Above 1: every follow-up is encoded.
            "sure": 1.1,
            # So sure an answer names a product by how it is said, whatever words it has.
            "product_from": 0.8,
            # Of each act and language so many phrases stand for what names no product.
            "of_an_act": 8,
            # Of each issue and language so many phrases stand for a new matter, and so many for what no issue covers.
            "of_an_issue": 12,
            "of_out_of_scope": 200,
            # Inverse strength of regularisation of the model of passages.
            "passages_C": 10.0,
        }

    def __init__(self, config: dict[str, Any], model_storage: ModelStorage, resource: Resource) -> None:
        super().__init__(config, model_storage, resource)
        self._models: _Models | None = None
        self._issues = load_issues(get_settings().data_dir / "issues.yml")
        self._act_rules = ActRules(self._issues)

    @classmethod
    def fingerprint_addon(cls, config: dict[str, Any]) -> str:
        """Makes Rasa's cache notice another sentence encoder, and another format of what is stored."""
        return f"{FORMAT} {sentence_encoder_version()}"

    def train(self, training_data: TrainingData) -> Resource:
        """Learns to tell follow-ups apart, and from messages that begin a matter of their own."""
        told = labelled_texts(training_data.intent_examples)
        chosen = list(self._chosen(told))
        acts = [
            LabelledText(each.text, NEW_MATTER if each.intent in self._issues else each.intent, each.language)
            for each in chosen
        ]
        answers = list(self._answers(told, acts))
        named = any(example.intent != NO_PRODUCT for example in answers)
        self._models = _Models(
            self._learned(acts, self._settings()),
            self._learned(answers, self._product_settings()) if named else None,
            self._passages(told, chosen),
        )
        return self.persist()

    def save(self, folder: Path) -> None:
        """Writes what was learned into a folder."""
        for name, model in vars(self._models).items():
            if model is not None:
                (folder / name).mkdir()
                model.save(folder / name)

    def restore(self, folder: Path) -> None:
        """Reads what `save` wrote."""
        products, passages = folder / "products", folder / "passages"
        self._models = _Models(
            IntentModel.load(folder / "acts", self._settings()),
            IntentModel.load(products, self._product_settings()) if products.exists() else None,
            PassageFinder.load(passages) if passages.exists() else None,
        )

    def process(self, messages: list[Message], tracker: DialogueStateTracker | None = None) -> list[Message]:
        """Sets the intent of each typed message to its dialogue act, and adds the act's values as entities."""
        situation = situation_of(tracker)
        if situation is None:
            return messages
        for message in messages:
            if message.get(TEXT) and message.get(_RANKING) and not is_command(message):
                (self._add_act if situation.begun else self._add_first_passage)(message, situation)
        return messages

    def _add_act(self, message: Message, situation: Situation) -> None:
        """Sets the intent of a message to its dialogue act."""
        said = self._said(message, situation)
        act, product = self._act_rules.act(said, situation), situation.product
        if self._is_personal(said, situation):
            product = PERSONAL
            set_entities(message, {"product": PERSONAL}, 1.0, type(self).__name__)
        elif product == PERSONAL:
            _keep_personal(message)
        elif not product and not situation.question and not situation.field:
            product = self._implied_product(message, situation)
        if self._models is not None and self._models.passages is not None:
            passages = PassageRules(self._issues, self._models.passages)
            act = passages.add(act, said, replace(situation, product=product))
        if act is None and not situation.topics:  # so far only a greeting, say
            self._add_first_passage(message, situation)
        elif act is not None:
            _annotate(message, act)
            if act.name in self._issues and act.confidence >= ISSUE_FROM:
                message.set("triage", {**(message.get("triage") or {}), "candidates": []}, add_to_output=True)

    def _add_first_passage(self, message: Message, situation: Situation) -> None:
        """Adds to a first message the product that it implies and, where one issue is clear, the passage asked for."""
        product = situation.product or self._implied_product(message, situation)
        issue = str((message.get(INTENT) or {}).get("name") or "")
        doubtful = (message.get("triage") or {}).get("candidates")
        if issue in self._issues and not doubtful and self._models is not None and self._models.passages is not None:
            passages = PassageRules(self._issues, self._models.passages)
            if (found := passages.asked_first(str(message.get(TEXT)), issue, product or None)) is not None:
                set_entities(message, found.values, found.confidence, type(self).__name__)

    @staticmethod
    def _learned(examples: list[LabelledText], settings: dict[str, Any]) -> IntentModel:
        model = IntentModel(settings)
        model.learn(examples)
        return model

    def _settings(self) -> dict[str, Any]:
        return {**LinearIntentClassifier.get_default_config(), **self._config}

    def _product_settings(self) -> dict[str, Any]:
        settings = self._settings()
        own = {name: settings[f"product_{name}"] for name in ("encoded", "meaning_share")}
        return {**settings, **own}

    def _chosen(self, examples: list[LabelledText]) -> Iterator[LabelledText]:
        """Returns what the models learn from: all that may follow an answer, and a part of what begins a new matter."""
        limits = {
            **dict.fromkeys(self._issues, self._config["of_an_issue"]),
            "out_of_scope": self._config["of_out_of_scope"],
        }
        ordered = real_style_first(example for example in examples if not example.only_in_context)
        return first_of_each(ordered, limits)

    def _answers(self, examples: list[LabelledText], acts: list[LabelledText]) -> Iterator[LabelledText]:
        """Yields answers to the question for the product by what they name, and some of what does not answer it."""
        for example in examples:
            if example.product is not None:
                yield LabelledText(example.text, example.product, example.language)
        limits = dict.fromkeys({example.intent for example in acts}, self._config["of_an_act"])
        for example in first_of_each(acts, {**limits, "choose_product": 0}):
            yield LabelledText(example.text, NO_PRODUCT, example.language)

    def _passages(self, examples: list[LabelledText], chosen: list[LabelledText]) -> PassageFinder | None:
        """Learns which passage a question asks for; first messages ask for none."""
        limits = dict.fromkeys(self._issues, self._config["of_an_issue"] // 4)
        first = first_of_each((example for example in chosen if example.intent in self._issues), limits)
        questions = [example for example in examples if example.passage is not None]
        return PassageFinder.learn(questions, list(first), self._config["passages_C"]) if questions else None

    def _said(self, message: Message, situation: Situation) -> CustomerMessage:
        assert self._models is not None, "train or load the component first"
        text = str(message.get(TEXT))
        language = language_of(message) or situation.language
        confidences = self._models.acts.confidences([text], [language])[0].tolist()
        ranking = {entry["name"]: float(entry["confidence"]) for entry in message.get(_RANKING)}
        return CustomerMessage(
            text=text,
            intent=str((message.get(INTENT) or {}).get("name") or ""),
            ranking=ranking,
            issues={name: confidence for name, confidence in ranking.items() if name in self._issues},
            acts=dict(zip(self._models.acts.labels, confidences, strict=True)),
            answer=(answer := read_answer(text, language)),
            product=self._products.answered(text, language, answer) if situation.question == "product" else None,
        )

    def _implied_product(self, message: Message, situation: Situation) -> str:
        """Returns the product that a message names; else adds the one that its words and the model agree on, if any."""
        named = (str(each["value"]) for each in message.get(ENTITIES, []) if each[ENTITY_ATTRIBUTE_TYPE] == "product")
        if product := next(named, ""):
            return product
        product = self._products.implied(str(message.get(TEXT)), language_of(message) or situation.language)
        if product:
            set_entities(message, {"product": product}, 1.0, type(self).__name__)
        return product

    def _is_personal(self, said: CustomerMessage, situation: Situation) -> bool:
        """Tells whether a message says in passing that it is a personal plan, where another product was assumed."""
        if situation.product in ("", PERSONAL) or PERSONAL not in said.answer.named:
            return False
        return PERSONAL in self._products.in_clauses(said.text, situation.language)

    @property
    def _products(self) -> ProductReader:
        assert self._models is not None, "train or load the component first"
        return ProductReader(self._models.products, self._config["product_from"])


def _keep_personal(message: Message) -> None:
    """Leaves a personal plan a personal one where apps are named, or the cloud: "it is his yearly Office"."""
    others = [entity for entity in message.get(ENTITIES, []) if entity[ENTITY_ATTRIBUTE_TYPE] != "product"]
    message.set(ENTITIES, others, add_to_output=True)


def _annotate(message: Message, act: Act) -> None:
    """Puts the act in the first place of the ranking, and what it is about among the entities."""
    entry = {"name": act.name, "confidence": act.confidence}
    others = [other for other in message.get(_RANKING) if other["name"] != act.name]
    message.set("said", message.get(INTENT), add_to_output=True)
    message.set(INTENT, entry, add_to_output=True)
    message.set(_RANKING, [entry, *others], add_to_output=True)
    set_entities(message, act.values, act.confidence, Context.__name__)
