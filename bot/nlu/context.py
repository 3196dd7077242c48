"""Decides what a message means where it is said: in the conversation so far."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from rasa.engine.graph import ExecutionContext, GraphComponent
from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.engine.storage.resource import Resource
from rasa.engine.storage.storage import ModelStorage
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.nlu.constants import ENTITIES, ENTITY_ATTRIBUTE_TYPE, INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.articles.issues import load_issues
from bot.articles.parts import passage_kind
from bot.encoder.sentences import sentence_encoder_version
from bot.nlu.acts import CRISIS, FORM_ANSWER, FORM_COMMANDS, NONE_OF_THESE, QUESTIONS, REACTIONS, REQUESTS
from bot.nlu.answers import NEITHER, UNKNOWN, Answer, read_answer
from bot.nlu.intent import LinearIntentClassifier, labelled_texts
from bot.nlu.metadata import is_command, set_entities
from bot.nlu.models.intent_model import IntentModel
from bot.nlu.models.labelled_texts import LabelledText, first_of_each, real_style_first
from bot.nlu.models.linear import FORMAT
from bot.nlu.passage_finder import FoundPassage, PassageFinder
from bot.nlu.situation import Situation, situation_of
from bot.settings import get_settings
from bot.text.contacts import find_contact, find_phone

NEW_MATTER = "new_matter"
"""The model's label for messages that name an issue of their own."""
PERSON = "talk_to_human"
PERSONAL = "microsoft_account"
_NO_PRODUCT = "none"
_RANKING = "intent_ranking"
_FEW_WORDS, _SOME_WORDS = 5, 10
"""A longer message says more than yes or no; more than thanks."""
_LAST_WORDS = 3
"""Thanks among so many words at the end close a longer message."""
_LITTLE, _LIKELY, _SURE = 0.25, 0.5, 0.8
SMALL_TALK = ("thank", "goodbye", "greet", "affirm", "deny", "bot_challenge", "ask_help", "ticket_status", "remark")
_NOT_ASKING = frozenset({*SMALL_TALK, "solved", "not_helped", "already_tried"}) - {"ticket_status", "bot_challenge"}
"""Acts that want nothing: beside a word of thanks, the thanks count."""
_ASKING = frozenset(QUESTIONS) - {"ask_where"}
"""Acts that ask what a passage answers; where something is mostly stands in a step."""
_FAILED = ("not_helped", "already_tried")
_MAY_ASK = frozenset({*SMALL_TALK, *_FAILED, "solved", "objection", "step_failed", NONE_OF_THESE})
"""Acts of messages that may ask something beside: "thanks. and are my photos lost?"."""


@dataclass(frozen=True)
class _Models:
    """The models of the acts, of the products that answers name, and of the passages that questions ask for.

    The last two are None where no phrases name any.
    """

    acts: IntentModel
    products: IntentModel | None
    passages: PassageFinder | None


@dataclass(frozen=True)
class Act:
    """The dialogue act of a message: an intent, how certain that is, and its arguments as entities."""

    name: str
    confidence: float
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class _Said:
    """A message with all that is known of it.

    Args:
        text: as it was typed.
        intent: before the conversation is considered.
        ranking: of the intents, most probable first.
        issues: those of the ranking that are issues.
        acts: confidence of each act, if it is said after an answer.
        answer: its reading as an answer to a question of the bot.
        product: named by it, where the bot has asked for the product.
        ends_with_thanks: whether thanks are its last words.
    """

    text: str
    intent: str
    ranking: Mapping[str, float]
    issues: Mapping[str, float]
    acts: Mapping[str, float]
    answer: Answer
    product: str | None = None
    ends_with_thanks: bool = False

    @property
    def words(self) -> int:
        """The number of its words."""
        return len(self.text.split())

    @property
    def likeliest(self) -> str:
        """The act with the highest confidence."""
        return max(self.acts, key=lambda name: self.acts[name])

    @property
    def named(self) -> tuple[str, float]:
        """The most probable issue with its confidence; an empty name if the ranking has none."""
        return next(iter(self.issues.items()), ("", 0.0))


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class Context(GraphComponent):
    """Turns what the pipeline makes of a message into its dialogue act, by what was said before it.

    The last component of the pipeline. Before the bot has said anything it changes nothing. After that, the first of
    these rules that fits decides (docs/triage.md has them as a table): a typed button, the question of an open form,
    the wish for a person, the product that was asked for, the issues to choose from, and for what follows an answer a
    model of its own, which never takes part in the ranking of the issues.
    """

    @staticmethod
    def get_default_config() -> dict[str, Any]:
        """Returns every setting with its default; the others are those of LinearIntentClassifier."""
        return {
            "buckets": 2**16,
            "encoded": 35,
            "encoded_out_of_scope": 35,
            "meaning_share": 0.5,
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
            # Inverse strength of regularisation of the model of passages, and from which probability on one is shown.
            "passages_C": 10.0,
            "passage_from": 0.28,
            # Below this one, a question is answered by the likeliest three to choose from.
            "passage_or_ask": 0.5,
            # The same where the message may begin a new matter, and where it may ask nothing at all.
            "passage_of_matter": 0.4,
            "passage_sure": 0.6,
            # So likely an issue must be for its article to answer a question while another one is at hand.
            "also_about": 0.1,
            # From which probability on a person is wanted, whatever else was asked.
            "person_from": 0.45,
            # How many times as likely a new matter must be as the likeliest follow-up.
            "new_matter": 2.0,
            # How much the ranking's out_of_scope counts beside a question about the answer.
            "outside": 0.5,
            # An issue that is as likely as this is what a message is about that is not surely a question.
            "clear_issue": 0.97,
            # The same beside thanks, a yes, or a remark.
            "beside": 0.65,
        }

    def __init__(
        self, config: dict[str, Any], model_storage: ModelStorage, resource: Resource, models: _Models | None = None
    ) -> None:
        self._config = config
        self._model_storage = model_storage
        self._resource = resource
        self._models = models
        self._issues = load_issues(get_settings().data_dir / "issues.yml")

    @classmethod
    def create(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
    ) -> Context:
        """Creates an untrained component."""
        return cls(config, model_storage, resource)

    @classmethod
    def fingerprint_addon(cls, config: dict[str, Any]) -> str:
        """Makes Rasa's cache notice another sentence encoder, and another format of what is stored."""
        return f"{FORMAT} {sentence_encoder_version()}"

    def train(self, training_data: TrainingData) -> Resource:
        """Learns to tell follow-ups apart, and from messages that begin a matter of their own."""
        told = labelled_texts(training_data)
        chosen = list(self._chosen(told))
        acts = [
            LabelledText(each.text, NEW_MATTER if each.intent in self._issues else each.intent, each.language)
            for each in chosen
        ]
        answers = list(self._answers(told, acts))
        named = any(example.intent != _NO_PRODUCT for example in answers)
        self._models = _Models(
            self._learned(acts), self._learned(answers) if named else None, self._passages(told, chosen)
        )
        with self._model_storage.write_to(self._resource) as folder:
            for name, model in vars(self._models).items():
                if model is not None:
                    (folder / name).mkdir()
                    model.save(folder / name)
        return self._resource

    @classmethod
    def load(
        cls,
        config: dict[str, Any],
        model_storage: ModelStorage,
        resource: Resource,
        execution_context: ExecutionContext,
        **kwargs: Any,
    ) -> Context:
        """Loads what was learned."""
        context = cls(config, model_storage, resource)
        with model_storage.read_from(resource) as folder:
            acts, products = (
                IntentModel.load(folder / name, context._settings()) if (folder / name).exists() else None
                for name in ("acts", "products")
            )
            passages = PassageFinder.load(folder / "passages") if (folder / "passages").exists() else None
        assert acts is not None
        context._models = _Models(acts, products, passages)
        return context

    def process(self, messages: list[Message], tracker: DialogueStateTracker | None = None) -> list[Message]:
        """Sets the intent of each typed message to its dialogue act, and adds the act's values as entities."""
        situation = situation_of(tracker)
        if situation is None:
            return messages
        for message in messages:
            if message.get(TEXT) and message.get(_RANKING) and not is_command(message):
                said = self._said(message, situation)
                act, product = self._act(said, situation), situation.product
                if self._is_personal(said, situation):
                    product = PERSONAL
                    set_entities(message, {"product": PERSONAL}, 1.0, type(self).__name__)
                elif product == PERSONAL:
                    _keep_personal(message)
                here = replace(situation, product=product)
                act = self._with_likely(self._with_passage(act, said, here), said, here)
                if act is not None:
                    _annotate(message, act)
        return messages

    def _learned(self, examples: list[LabelledText]) -> IntentModel:
        model = IntentModel(self._settings())
        model.learn(examples)
        return model

    def _settings(self) -> dict[str, Any]:
        return {**LinearIntentClassifier.get_default_config(), **self._config}

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
            yield LabelledText(example.text, _NO_PRODUCT, example.language)

    def _passages(self, examples: list[LabelledText], chosen: list[LabelledText]) -> PassageFinder | None:
        """Learns which passage a question asks for; first messages ask for none."""
        limits = dict.fromkeys(self._issues, self._config["of_an_issue"] // 4)
        first = first_of_each((example for example in chosen if example.intent in self._issues), limits)
        questions = [example for example in examples if example.passage is not None]
        return PassageFinder.learn(questions, list(first), self._config["passages_C"]) if questions else None

    def _with_passage(self, act: Act | None, said: _Said, situation: Situation) -> Act | None:
        """Adds to a question the passage that it asks for; makes a question of what one surely answers."""
        asks = act is not None and (act.name in _ASKING or "question" in act.values)
        if not situation.topics or not (asks or (not situation.field and _may_ask(act, said, self._issues))):
            return act
        if act is not None and "product" in act.values:
            situation = replace(situation, product=act.values["product"])
        if act is not None and act.name in _ASKING and not situation.field:
            found = self._passage(said, situation, situation.topics[0])
            surely = found is not None and found.confidence >= self._config["passage_or_ask"]
            values = {} if found is None else found.values if surely else found.choice
            return Act(act.name, act.confidence, {**act.values, **values})
        begins = act is None or act.name == NONE_OF_THESE
        named, confidence = said.named
        # "my credit card was declined", once more, asks nothing.
        again = named in situation.topics and confidence >= _LITTLE and ("?" in said.text or said.words > _FEW_WORDS)
        if begins and again:
            found = self._passage(said, situation, named)
        elif asks or (act is not None and act.name == "objection"):
            found = self._passage(said, situation, situation.topics[0])
        else:
            found = self._passage(said, situation, None)
            sure = self._config["passage_of_matter" if begins else "passage_sure"]
            found = found if found is not None and found.confidence >= sure else None
        if found is None or found.confidence < self._config["passage_from"]:
            return act
        if act is not None and asks:
            return Act(act.name, act.confidence, {**act.values, **found.values})
        kept = act.name if act is not None and act.name in ("objection", "step_failed") else _question_of(found.slug)
        return Act(kept, found.confidence, found.values)

    def _with_likely(self, act: Act | None, said: _Said, situation: Situation) -> Act | None:
        """Adds the likeliest passages of the topic at hand to "did all that, still declined"."""
        if act is None or act.name not in _FAILED or not situation.topics or said.words < _FEW_WORDS:
            return act
        found = self._passage(said, situation, situation.topics[0])
        return act if found is None else Act(act.name, act.confidence, {**act.values, **found.choice})

    def _passage(self, said: _Said, situation: Situation, shown: str | None) -> FoundPassage | None:
        """Returns the passage that answers a message best, None where no passages have been learned.

        Args:
            said: the message.
            situation: where it is said.
            shown: the issue whose steps the customer has seen and asks about; None if the message may ask nothing.
        """
        if self._models is None or self._models.passages is None:
            return None
        scores = self._models.passages.scores(said.text)
        find = partial(self._models.passages.find, scores, product=situation.product or None, given=situation.given)
        named, confidence = said.named
        about = [name for name, likely in said.issues.items() if likely >= self._config["also_about"]]
        # Of an issue that it names clearly, else of those that came up, and of those that it may be about.
        clearly = named not in situation.topics and confidence >= _SURE
        issues = [named] if clearly else dict.fromkeys([*situation.topics, *about])
        found = max(map(find, issues), key=lambda one: one.confidence)
        if shown is None:
            return found
        kinds = {name.removeprefix("ask_"): said.acts[name] for name in QUESTIONS}
        here = find(shown, kinds=kinds)
        surely = found.confidence >= self._config["passage_sure"] and here.confidence < _SURE
        return found if surely else here

    def _said(self, message: Message, situation: Situation) -> _Said:
        assert self._models is not None, "train or load the component first"
        text = str(message.get(TEXT))
        language = (message.get("language") or {}).get("name") or situation.language
        confidences = self._models.acts.confidences([text], [language])[0].tolist()
        ranking = {entry["name"]: float(entry["confidence"]) for entry in message.get(_RANKING)}
        return _Said(
            text=text,
            intent=str((message.get(INTENT) or {}).get("name") or ""),
            ranking=ranking,
            issues={name: confidence for name, confidence in ranking.items() if name in self._issues},
            acts=dict(zip(self._models.acts.labels, confidences, strict=True)),
            answer=(answer := read_answer(text, language)),
            product=self._product(text, language, answer) if situation.question == "product" else None,
            ends_with_thanks=answer.thanks and read_answer(" ".join(text.split()[-_LAST_WORDS:]), language).thanks,
        )

    def _product(self, text: str, language: str, answer: Answer) -> str | None:
        """Returns the product that an answer names, both, neither or unknown: as it is said, else by its words."""
        likely, confidence = self._likely_product(text, language)
        return likely if confidence >= self._config["product_from"] else answer.product or likely

    def _likely_product(self, text: str, language: str) -> tuple[str | None, float]:
        """Returns the product that a text names by how it is said, None for none, and how likely that is."""
        assert self._models is not None
        if self._models.products is None:
            return None, 0.0
        confidences = self._models.products.confidences([text], [language])[0]
        best = self._models.products.labels[int(confidences.argmax())]
        return best if best != _NO_PRODUCT else None, float(confidences.max())

    def _is_personal(self, said: _Said, situation: Situation) -> bool:
        """Tells whether a message says in passing that it is a personal plan, where another product was assumed."""
        if situation.product in ("", PERSONAL) or said.answer.named != {PERSONAL}:
            return False
        likely, confidence = self._likely_product(said.text, situation.language)
        return likely == PERSONAL and confidence >= self._config["product_from"]

    def _act(self, said: _Said, situation: Situation) -> Act | None:
        """Returns what a message does in a situation, None if its intent says so already."""
        if said.intent == CRISIS:
            return None
        rules = (
            _pressed,
            self._in_form,
            self._wants_person,
            self._names_product,
            self._chooses,
            _tells_more,
            self._after_answer,
        )
        return next((act for rule in rules if (act := rule(said, situation)) is not None), None)

    def _wants_person(self, said: _Said, situation: Situation) -> Act | None:
        """Returns the wish for a person, which wins over everything but an answer to a form."""
        if _takes_up_person(said, situation):
            return Act(PERSON, 1.0)
        called, wanted = said.acts["ask_phone"], said.acts[PERSON]
        if called + wanted >= _LITTLE and (find_phone(said.text) or called > wanted):
            return Act("ask_phone", called + wanted) if called + wanted >= _LIKELY or find_phone(said.text) else None
        if not situation.field or said.acts["cancel_form"] < _LIKELY:
            wanted = max(wanted, said.ranking.get(PERSON, 0.0))
        elif wanted >= _LITTLE:  # "no more forms, a person" is not to end the form
            wanted += said.acts["cancel_form"]
        return Act(PERSON, wanted) if wanted >= self._config["person_from"] else None

    def _in_form(self, said: _Said, situation: Situation) -> Act | None:  # noqa: PLR0911
        """Returns the answer, the command or the question in between that a message in a form is."""
        if not situation.field:
            return None
        contact = find_contact(said.text)
        if "@" in said.text and situation.field.endswith("_email"):
            return Act(FORM_ANSWER, 1.0)
        if contact and (situation.field.endswith("_email") or said.words - len(contact.split()) <= _FEW_WORDS):
            return Act(FORM_ANSWER, 1.0)
        if situation.field == "status_number" and any(char.isdigit() for char in said.text):
            return Act(FORM_ANSWER, 1.0)
        if (person := self._wants_person(said, situation)) is not None:
            return person
        if situation.field in ("ticket_summary", "ticket_consent"):
            return self._in_description(said, situation.field)
        if said.likeliest in ("deny", "not_helped") and said.words <= _FEW_WORDS:
            return Act("skip_field", said.acts[said.likeliest])
        return self._in_between(said) or Act(FORM_ANSWER, 1.0)

    def _in_description(self, said: _Said, field: str) -> Act | None:
        """Returns what a message does that was to describe the problem, or to say whether the ticket is right."""
        plainly = said.words <= _SOME_WORDS or said.likeliest in ("affirm", "deny", "thank", "solved", "not_helped")
        if field == "ticket_consent" and plainly and (answer := _yes_or_no(said)) is not None:
            return answer
        commands = said.likeliest in (*FORM_COMMANDS, "goodbye") and said.named[1] < _SURE
        few = field == "ticket_consent" and said.words <= _FEW_WORDS
        aside = commands or few or said.text.rstrip().endswith("?")
        answers = None if few else Act(FORM_ANSWER, 1.0)
        return (self._in_between(said) if aside else None) or answers

    def _in_between(self, said: _Said) -> Act | None:
        """Returns what a message does that does not answer a form's question, None if it may well do."""
        act = said.likeliest
        confidence = said.acts[act]
        named, clearly = said.named
        if act == NEW_MATTER or (clearly >= _SURE and confidence < _LIKELY):
            return Act(named, clearly) if clearly >= _LIKELY else None
        if act in FORM_COMMANDS:  # nothing is cancelled by a guess
            second = max(said.acts[name] for name in FORM_COMMANDS if name != act)
            return Act(act, confidence) if confidence >= max(0.7 * _LIKELY, 2 * second) else None
        small_talk = ("thank", "goodbye", "greet", "bot_challenge", "ask_help", "ticket_status", "remark")
        return Act(act, confidence) if act in (*QUESTIONS, *REQUESTS, *small_talk) and confidence >= _LITTLE else None

    def _names_product(self, said: _Said, situation: Situation) -> Act | None:
        """Returns the product that was asked for, or another one than was taken for granted."""
        product = None
        if situation.question == "product":
            product = said.product or _offered(said, situation) or self._no_product(said, situation)
        elif situation.issue and situation.question != "which":
            product = self._other_product(said, situation)
        if product is None:
            return None
        values = {"product": product}
        question = max(QUESTIONS, key=lambda name: said.acts[name])
        if situation.question and said.words > 1 and said.acts[question] >= _LIKELY:  # "365. am I allowed to do that?"
            values["question"] = question
        return Act("choose_product", 1.0, values)

    def _no_product(self, said: _Said, situation: Situation) -> str | None:
        """Returns that the product is unknown to a customer who answers something else, None for another matter."""
        named, clearly = said.named
        if named != situation.issue and clearly >= _LIKELY:
            return None
        aside = {NEW_MATTER, "out_of_scope", *SMALL_TALK, *FORM_COMMANDS} - {"affirm", "deny", "remark"}
        return UNKNOWN if said.likeliest not in aside else None

    def _other_product(self, said: _Said, situation: Situation) -> str | None:
        """Returns the product that a message is about where another one was taken for granted, or the same again."""
        answer, (named, clearly) = said.answer, said.named
        if named != situation.issue and clearly >= max(_LIKELY, said.ranking.get("choose_product", 0.0)):
            return None  # another matter, in which the product is named
        if said.likeliest == "choose_product" and answer.product == situation.product:
            return situation.product
        if said.likeliest in QUESTIONS and said.acts[said.likeliest] >= _LIKELY:
            return None  # "and if we have no azure account yet?"
        others = answer.named - {situation.product}
        # "I did not ask about azure", "that is for administrators, mine is a family plan"
        objects = said.likeliest == "objection" and (situation.product in answer.named or others == {PERSONAL})
        chooses = "choose_product" in (said.likeliest, said.intent)
        same_issue = named == situation.issue and clearly >= _LIKELY  # "and how do I pay for azure?"
        same_issue = same_issue and said.likeliest not in QUESTIONS and others <= {*self._issues[named].products}
        told = situation.product in answer.denied or objects or chooses or same_issue
        return next(iter(others)) if told and len(others) == 1 else None

    def _chooses(self, said: _Said, situation: Situation) -> Act | None:
        """Returns which of the issues that the bot offered it is."""
        offered = [name for name in situation.issues if name in self._issues]
        if situation.question != "which" or not offered:
            return None
        place = said.answer.place
        if said.answer.product == NEITHER:  # before the place: "neither of the two"
            another = said.named[0] not in offered and said.named[1] >= _LIKELY and said.words > _FEW_WORDS
            return None if another else Act(NONE_OF_THESE, 1.0)
        if place is not None and place < len(offered):
            return Act(offered[place], 1.0)
        if said.likeliest in ("deny", "not_helped", "objection") and said.words <= _FEW_WORDS:
            return Act(NONE_OF_THESE, 1.0)
        likely = max(offered, key=lambda name: said.issues.get(name, 0.0))
        others = max((value for name, value in said.issues.items() if name not in offered), default=0.0)
        confidence = said.issues.get(likely, 0.0)
        return Act(likely, confidence) if confidence > max(0.1, others) else None

    def _after_answer(self, said: _Said, situation: Situation) -> Act | None:
        """Returns what a message does after an answer, by the follow-up model, None if it begins a new matter."""
        at_hand = situation.issue in self._issues or bool(situation.question)
        named, clearly = said.named
        if named in {offer.intent for offer in situation.offers} and clearly >= _LITTLE:
            return Act(named, clearly)
        told = (*SMALL_TALK, *QUESTIONS, *REACTIONS, *REQUESTS) if at_hand else SMALL_TALK
        act = max(told, key=lambda name: said.acts.get(name, 0.0))
        confidence = said.acts[act]
        asks = "?" in said.text or (act not in _NOT_ASKING and confidence >= _LIKELY)
        thanks = said.answer.thanks and (said.words <= _SOME_WORDS or said.ends_with_thanks)
        another = clearly >= _LIKELY and named not in situation.topics
        if thanks and not asks and not another and said.acts[NEW_MATTER] < _LIKELY:
            return Act("thank", max(said.acts["thank"], _LIKELY))  # thanks win over "no" and "later"
        if self._is_new_matter(said, situation, act, at_hand):
            return None
        question = max(QUESTIONS, key=lambda name: said.acts[name])
        if act == "objection" and "?" in said.text and 2 * said.acts[question] >= confidence:
            return Act(question, said.acts[question])  # "that was not my question. WHO can do it?"
        if at_hand and act == "ask_help":  # "which questions should I ask the bank?"
            return Act("more_detail", confidence)
        asked = {"affirm": "solved", "deny": "not_helped"} if situation.question == "solved" else {}
        return Act(asked.get(act, act), confidence)

    def _is_new_matter(self, said: _Said, situation: Situation, act: str, at_hand: bool) -> bool:
        """Tells whether a message is about something else than the likeliest act says: an issue, or none of ours."""
        confidence, (named, clearly) = said.acts[act], said.named
        if not at_hand and confidence < _LITTLE:
            return True
        surely = _SURE if act in QUESTIONS or not at_hand else _LIKELY
        if named != situation.issue and clearly >= self._config["clear_issue"] and confidence < surely:
            return True
        vague = act in _NOT_ASKING and said.words > _FEW_WORDS and ("?" in said.text or confidence < _LIKELY)
        if named != situation.issue and vague and clearly >= self._config["beside"]:
            return True  # "good. and my card expires this month"
        if named == situation.issue and clearly >= _SURE and said.acts[NEW_MATTER] > confidence:
            return True  # the problem once more
        elsewhere = 1.0 - said.issues.get(situation.issue, 0.0) / (sum(said.issues.values()) or 1.0)
        unrelated = max(said.acts[NEW_MATTER] * elsewhere * self._config["new_matter"], said.acts["out_of_scope"])
        if act not in _NOT_ASKING:  # of what no issue covers, the ranking knows more
            unrelated = max(unrelated, self._config["outside"] * said.ranking.get("out_of_scope", 0.0))
        return bool(unrelated > confidence)


def _pressed(said: _Said, situation: Situation) -> Act | None:
    """Returns the button whose title was typed."""
    typed = said.text.strip(" .!").casefold()
    offers = (Act(each.intent, 1.0, each.values) for each in situation.offers if each.title.casefold() == typed)
    return next(offers, None)


def _question_of(slug: str) -> str:
    """Returns the act that asks for a passage."""
    kind = passage_kind(slug)
    return "not_there" if kind == "not_there" else f"ask_{kind}" if kind else "more_detail"


def _may_ask(act: Act | None, said: _Said, issues: Iterable[str]) -> bool:
    """Tells whether a message that no act makes a question may be one all the same."""
    if act is None:
        return said.intent in (*issues, "out_of_scope", "nlu_fallback")
    if act.name in _NOT_ASKING and "?" not in said.text and act.confidence >= _LIKELY:
        return False
    return act.name in _MAY_ASK and said.words > _FEW_WORDS


def _takes_up_person(said: _Said, situation: Situation) -> bool:
    """Tells whether a message goes along where the bot has offered a person before all else, and topics beside."""
    return _offers_person_first(situation) and said.words <= _FEW_WORDS and said.answer.agrees is True


def _tells_more(said: _Said, situation: Situation) -> Act | None:
    """Returns the question in a message that tells more where a person was offered: "thank you. but what if ..."."""
    tells = said.words > _SOME_WORDS and said.likeliest in _NOT_ASKING and _offers_person_first(situation)
    return Act("ask_what_if", said.acts[said.likeliest]) if tells else None


def _offers_person_first(situation: Situation) -> bool:
    return len(situation.offers) > 1 and situation.offers[0].intent == PERSON


def _offered(said: _Said, situation: Situation) -> str | None:
    """Returns the product that is named by its place among the buttons: "the second one"."""
    products = [offer.values["product"] for offer in situation.offers if "product" in offer.values]
    place = said.answer.place
    return products[place] if place is not None and place < len(products) else None


def _yes_or_no(said: _Said) -> Act | None:
    """Returns the answer to a question of the form, None if a message is neither yes nor no."""
    if said.likeliest in FORM_COMMANDS and said.acts[said.likeliest] >= _SURE and said.answer.agrees is not True:
        return None  # "no, forget it": no ticket against the customer's will
    agrees = said.answer.agrees
    if agrees is None and said.words <= _FEW_WORDS:
        meant = {"affirm": True, "solved": True, "thank": True, "deny": False, "not_helped": False, "skip_field": False}
        agrees = meant.get(said.likeliest)
    return None if agrees is None else Act("affirm" if agrees else "deny", 1.0)


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
