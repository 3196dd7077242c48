"""The pipeline's last component: puts a message's dialogue act in place of its intent, by the conversation so far.

The intent stays where no rule gives an act, and outside a conversation; to a first message only the product and the
passage that it asks for are added. The models are trained here; the rules are in `act_rules.py` and `passage_rules.py`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

from rasa.engine.recipes.default_recipe import DefaultV1Recipe
from rasa.shared.constants import DEFAULT_NLU_FALLBACK_INTENT_NAME
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.shared.nlu.constants import ENTITIES, INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

from bot.articles.issues import BOTH_ANSWERED_FROM, load_issues
from bot.articles.parts import PERSONAL, PRODUCTS, WORK
from bot.articles.played_turns import PLAYED_TURNS, PlayedTurn, read_played_turns
from bot.nlu.act_rules import act_of
from bot.nlu.acts import (
    BRIEF,
    CASE_WORDS,
    FAINT_OBJECTION,
    ISSUE_FROM,
    LIKELY,
    LITTLE,
    NEW_MATTER,
    NOT_ASKING,
    PERSON,
    PERSON_FROM,
    QUESTIONS,
    SOME_WORDS,
    Act,
    CustomerMessage,
)
from bot.nlu.answers import Answer, read_answer
from bot.nlu.component import Config, Setting, TrainedComponent
from bot.nlu.dialogue_state import DialogueState, dialogue_state_of
from bot.nlu.first_message import first_answers, likely_answers
from bot.nlu.intent import RANKING, LinearIntentClassifier, labelled_texts
from bot.nlu.metadata import intent_of, language_of, set_entities, typed
from bot.nlu.models.intent_model import IntentModel
from bot.nlu.models.labelled_texts import LabelledText, first_of_each, real_style_first
from bot.nlu.models.passage_finder import PassageFinder
from bot.nlu.passage_rules import add_passage, question_of
from bot.nlu.product_reader import NO_PRODUCT, ProductReader, only_for_companies
from bot.nlu.product_rules import other_steps
from bot.text.sentences import sentences_of

_CORRECTION_WORDS = 12  # largest number of words of a message that only says that it is another plan
_PAUSE = re.compile(r"[.,;!\n]+\s*")
_PLAINLY_WORK = 0.97  # confidence from which a clause says in passing that it is a company's plan


@dataclass(frozen=True)
class _Models:
    """The models of the acts, of the products that answers name or first messages imply, and of the passages asked for.

    All but the first are None where no phrases name any.
    """

    acts: IntentModel
    products: IntentModel | None
    implied: IntentModel | None
    passages: PassageFinder | None


@DefaultV1Recipe.register(DefaultV1Recipe.ComponentType.INTENT_CLASSIFIER, is_trainable=True)
class Context(TrainedComponent):
    """Turns what the pipeline makes of a message into its dialogue act, by what was said before it.

    The last component of the pipeline. Outside a conversation it changes nothing, and to a first message it only adds
    the passage that answers it best. After that, the first of these rules that fits decides (docs/how-it-works.md
    has a table): a typed button, the question of an open form, the wish for a person, the product that was asked for,
    the issues to choose from, and for what follows an answer a model of its own, which never takes part in the ranking
    of the issues.
    """

    model: _Models

    SETTINGS: ClassVar = {
        "encoded": Setting(40),
        "encoded_out_of_scope": Setting(40),
        # Which act it is, words tell; which product an answer names, what it means (`_product_settings`).
        "meaning_share": Setting(0.35),
        "meaning_C": Setting(10.0),
        "words_inverse_temperature": Setting(3.0),
        "words_floor": Setting(0.01),
        # Above 1: every follow-up is encoded.
        "sure": Setting(1.1),
        # So sure a message is about a product by how it is said, whatever words it has.
        "product_from": Setting(0.8),
        # Of each act and language so many phrases stand for what names no product.
        "of_an_act": Setting(8),
        # Of what was asked after an answer in conversations (`data/turns.tsv`) so much of each kind and language.
        "of_a_question": Setting(60),
        # Of each issue and language so many phrases stand for a new matter, and so many for what no issue covers.
        "of_an_issue": Setting(12),
        "of_out_of_scope": Setting(200),
        # Inverse strength of regularisation of the model of passages.
        "passages_C": Setting(10.0),
    }
    """The other settings are those of LinearIntentClassifier."""
    FILES = (PLAYED_TURNS,)

    def learn(self, training_data: TrainingData) -> None:
        """Learns to tell follow-ups apart, and from messages that begin a matter of their own."""
        examples = labelled_texts(training_data.intent_examples)
        chosen = list(self._chosen(examples))
        acts = [
            LabelledText(each.text, NEW_MATTER if each.intent in load_issues() else each.intent, each.language)
            for each in chosen
        ]
        turns = read_played_turns()
        acts += self._asked(acts, turns)
        answers = list(self._answers(examples, acts))
        named = any(example.intent != NO_PRODUCT for example in answers)
        first = [LabelledText(each.text, each.implies, each.language) for each in examples if each.implies]
        of_turns = (turn for turn in turns if turn.is_first and turn.product and len(turn.text.split()) > CASE_WORDS)
        first += [LabelledText(turn.text, turn.product, turn.language) for turn in of_turns]
        settings = self._product_settings()
        self.model = _Models(
            IntentModel(self._settings()).learn(acts),
            IntentModel(settings).learn(answers) if named else None,
            IntentModel(settings).learn(first) if first else None,
            self._passages(examples, chosen, turns),
        )

    def save(self, folder: Path) -> None:
        """Writes what was learned into a folder."""
        for name, model in vars(self.model).items():
            if model is not None:
                (folder / name).mkdir()
                model.save(folder / name)

    def restore(self, folder: Path) -> None:
        """Reads what `save` wrote."""
        kinds, settings = [folder / "products", folder / "implied"], self._product_settings()
        acts, passages = IntentModel.load(folder / "acts", self._settings()), folder / "passages"
        products, implied = (IntentModel.load(kind, settings) if kind.exists() else None for kind in kinds)
        self.model = _Models(acts, products, implied, PassageFinder.load(passages) if passages.exists() else None)

    def process(self, messages: list[Message], tracker: DialogueStateTracker | None = None) -> list[Message]:
        """Sets the intent of each typed message to its dialogue act, and adds the act's values as entities."""
        state = dialogue_state_of(tracker)
        if state is not None:
            for message in typed(messages):
                if message.get(RANKING):
                    (self._add_act if state.begun else self._add_first_passage)(message, state)
        return messages

    def _add_act(self, message: Message, state: DialogueState) -> None:
        """Sets the intent of a message to its dialogue act."""
        reading = self._read(message, state)
        act, product = act_of(reading, state), state.product
        unwanted_person = reading.answer.no_person or reading.ranking.get(PERSON, 0.0) < PERSON_FROM
        # What is no wish for a person by the rules, and courtesies that ask: "where do I change that? and thanks".
        no_intent = (reading.intent == PERSON and unwanted_person) or (
            reading.intent in NOT_ASKING and "?" in reading.text
        )
        if act is None and no_intent and reading.named[1] >= LITTLE:
            reading = replace(reading, intent=reading.named[0])
        if other := self._corrected_product(reading, state):
            product = other
            set_entities(message, {"product": other}, 1.0, type(self).__name__)
            says_no_more = reading.words <= _CORRECTION_WORDS and not reading.text.rstrip().endswith("?")
            if says_no_more and (act is None or act.name in (*QUESTIONS, "objection", "remark", "step_failed")):
                act = Act("choose_product", 1.0, {"product": other})
        elif unwanted := PRODUCTS if product == PERSONAL else reading.answer.denied:
            # It stays a personal plan where apps are named, or the cloud: "his yearly Office". And what is denied is
            # not named: "what has this to do with Microsoft 365?"
            found = message.get(ENTITIES, [])
            kept = [each for each in found if each["entity"] != "product" or each["value"] not in unwanted]
            message.set(ENTITIES, kept, add_to_output=True)
        if not product and not state.question and not state.field:
            product = self._implied_product(message, state, reading.answer)
        if self.model.passages is not None:
            act = add_passage(act, reading, replace(state, product=product), self.model.passages)
        if agreement := reading.answer.agreement:
            set_entities(message, {"agreement": agreement}, 1.0, type(self).__name__)
            only_that = reading.words <= SOME_WORDS and "?" not in reading.text
            also = ("objection", *load_issues()) if only_that else ()
            does = reading.intent if act is None else act.name
            # "we have a Customer Agreement, where are they then?"
            if does in (*QUESTIONS, "remark", state.issue, *also) and other_steps(agreement, state):
                act = Act("choose_product", 1.0, {"product": "azure"})
        if act is None and reading.intent != intent_of(message):
            act = Act(reading.intent, reading.ranking.get(reading.intent, 0.0))
        # "no, I meant the refund, where does it go?"
        objects = reading.answer.agrees is False and reading.acts["objection"] >= FAINT_OBJECTION
        objects = state.after_answer and (objects or reading.answer.corrects)
        if act is not None and act.name in (*QUESTIONS, "more_detail", *load_issues()) and objects:
            act = act.with_values({"objects": "yes"})
        if act is None and not state.topics:  # so far only a greeting, say
            self._add_first_passage(message, state)
        elif act is not None:
            self._annotate(message, act)

    def _annotate(self, message: Message, act: Act) -> None:
        """Puts the act in the first place of the ranking, and what it is about among the entities."""
        entry = {"name": act.name, "confidence": act.confidence}
        others = [other for other in message.get(RANKING) if other["name"] != act.name]
        message.set("said", message.get(INTENT), add_to_output=True)
        message.set(INTENT, entry, add_to_output=True)
        message.set(RANKING, [entry, *others], add_to_output=True)
        set_entities(message, act.values, act.confidence, type(self).__name__)
        if act.name in load_issues() and act.confidence >= ISSUE_FROM:
            message.set("triage", {**(message.get("triage") or {}), "candidates": []}, add_to_output=True)

    def _add_first_passage(self, message: Message, state: DialogueState) -> None:
        """Adds to a first message the product that it implies, and the passage that it asks for or that fits it."""
        text = str(message.get(TEXT))
        answer = read_answer(text, language_of(message) or state.language)
        product = state.product or self._implied_product(message, state, answer) or None
        issue, finder = intent_of(message), self.model.passages
        if answer.agreement:
            set_entities(message, {"agreement": answer.agreement}, 1.0, type(self).__name__)
        triage = message.get("triage") or {}
        one = (triage.get("second_issue") or {}).get("confidence", 0.0) < BOTH_ANSWERED_FROM
        ranking, acts = {each["name"]: each["confidence"] for each in message.get(RANKING)}, self.model.acts
        if issue in load_issues() and finder is not None and one:
            several = bool(triage.get("candidates"))
            found, confidence = first_answers(text, issue, ranking, several, product, acts, finder)
            set_entities(message, found, confidence, type(self).__name__)
        elif issue == DEFAULT_NLU_FALLBACK_INTENT_NAME and finder is not None:
            found, confidence = likely_answers(text, ranking, product, acts, finder)
            set_entities(message, found, confidence, type(self).__name__)

    def _settings(self) -> Config:
        return {**LinearIntentClassifier.get_default_config(), **self._config}

    def _product_settings(self) -> Config:
        # What names a product is short, or says little of it by its words: more is encoded.
        return {**self._settings(), "encoded": 150, "meaning_share": 0.6}

    def _chosen(self, examples: list[LabelledText]) -> Iterator[LabelledText]:
        """Returns what the models learn from: all that may follow an answer, and a part of what begins a new matter."""
        limits = dict.fromkeys(load_issues(), int(self._config["of_an_issue"]))
        limits["out_of_scope"] = self._config["of_out_of_scope"]
        phrases = (each for each in examples if not (each.product or each.passage or each.implies))
        return first_of_each(real_style_first(phrases), limits)

    def _asked(self, acts: list[LabelledText], turns: list[PlayedTurn]) -> Iterator[LabelledText]:
        """Yields what was asked after an answer in conversations, labelled with the kind of its best answer.

        Much of it is no question by its words: "but we have the invoices, with the club's name on them".
        """
        known = {(example.intent, example.language) for example in acts}
        asked = (turn for turn in turns if not turn.is_first and not turn.wants_steps)
        questions = (LabelledText(turn.text, question_of(turn.best_slug), turn.language) for turn in asked)
        ordered = real_style_first(each for each in questions if (each.intent, each.language) in known)
        return first_of_each(ordered, {}, int(self._config["of_a_question"]))

    def _answers(self, examples: list[LabelledText], acts: list[LabelledText]) -> Iterator[LabelledText]:
        """Yields answers to the question for the product by what they name, and some of what does not answer it."""
        for example in examples:
            if example.product is not None:
                yield LabelledText(example.text, example.product, example.language)
        limits = dict.fromkeys({example.intent for example in acts}, int(self._config["of_an_act"]))
        for example in first_of_each(acts, {**limits, "choose_product": 0}):
            yield LabelledText(example.text, NO_PRODUCT, example.language)

    def _passages(
        self, examples: list[LabelledText], chosen: list[LabelledText], turns: list[PlayedTurn]
    ) -> PassageFinder | None:
        """Learns which passage a question asks for; first messages that writers wrote ask for none."""
        limits = dict.fromkeys(load_issues(), int(self._config["of_an_issue"]) // 2)
        first = first_of_each((example for example in chosen if example.intent in load_issues()), limits)
        questions = [example for example in examples if example.passage is not None]
        if not questions:
            return None
        return PassageFinder.learn(questions, list(first), turns, self._config["passages_C"])

    def _read(self, message: Message, state: DialogueState) -> CustomerMessage:
        acts, language = self.model.acts, language_of(message) or state.language
        text = self._without_thanks(str(message.get(TEXT)), language)
        answer, confidences = read_answer(text, language), acts.confidences([text], [language])[0].tolist()
        likely = dict(zip(acts.labels, confidences, strict=True))
        if len(sentences := sentences_of(text)) > 1:  # "we did that twice. get me a person"
            of_each = acts.word_confidences(sentences, [language] * len(sentences))[:, acts.labels.index(PERSON)]
            likely[PERSON] = max(likely[PERSON], float(of_each.max()))
        intent = intent_of(message)
        ranking = {entry["name"]: float(entry["confidence"]) for entry in message.get(RANKING)}
        if text != message.get(TEXT) and intent in NOT_ASKING:
            ranking = _without_courtesies(ranking)
            sure = (name for name, confidence in ranking.items() if confidence >= LIKELY)
            intent = next(sure, DEFAULT_NLU_FALLBACK_INTENT_NAME)
        issues, product = load_issues(), None
        if state.question == "product":
            product = self._products.answered(text, language, answer, ranking.get("out_of_scope", 0.0))
        return CustomerMessage(
            text=text,
            intent=intent,
            ranking=ranking,
            issues={name: confidence for name, confidence in ranking.items() if name in issues},
            acts=likely,
            answer=answer,
            product=product,
            mentioned=frozenset(each["value"] for each in message.get(ENTITIES, []) if each["entity"] == "product"),
        )

    def _without_thanks(self, text: str, language: str) -> str:
        """Returns what follows the thanks with which a message begins, if it asks something, else the message.

        "Thanks. how do i take her off" asks, "ok thanks, then I'll get the boss to do it" does not.
        """
        opening, _, rest = (part.strip() for part in _PAUSE.sub("\0", text, count=1).partition("\0"))
        answer = read_answer(opening, language)
        if len(rest.split()) <= BRIEF or not answer.thanks or (answer.agrees and "?" not in rest):
            return text
        likely = self.model.acts.predict([rest])[0]
        return rest if sum(likely[name] for name in (*QUESTIONS, NEW_MATTER)) >= LIKELY else text

    def _implied_product(self, message: Message, state: DialogueState, answer: Answer) -> str:
        """Returns the product that a message names; else adds the one that its words and the model agree on, if any.

        "Microsoft 365" is that of a company unless what else the message says is of a personal plan.
        """
        text, language = str(message.get(TEXT)), language_of(message) or state.language
        named = [str(each["value"]) for each in message.get(ENTITIES, []) if each["entity"] == "product"]
        if PERSONAL in named and answer.product == PERSONAL:  # "my 365 Personal, I have Office at work now"
            set_entities(message, {"product": PERSONAL}, 1.0, type(self).__name__)
            return PERSONAL
        product = self._products.meant(text, language, answer, first=not state.topics)
        if product == PERSONAL and PERSONAL not in answer.named and only_for_companies(intent_of(message)):
            product = ""
        if named and (named[0] != WORK or product != PERSONAL):
            return named[0]
        if product:
            set_entities(message, {"product": product}, 1.0, type(self).__name__)
        return product

    def _corrected_product(self, reading: CustomerMessage, state: DialogueState) -> str:
        """Returns the plan that a message says in passing to be another one than was assumed, empty if it does not.

        Who chose a company's plan must say more than "how do I get it to my own": that there is no company.
        """
        if state.product not in (PERSONAL, WORK):
            return ""  # a student or a pensioner may well have machines in Azure
        answer, clauses = reading.answer, self._products.in_clauses(reading.text, state.language)
        if answer.product == "azure" and "azure" in clauses and not state.chosen:
            return "azure"  # "it is Azure, the free account"
        if state.product == PERSONAL:
            objects = answer.agrees is False or reading.likeliest == "objection"  # "no, it is the company's"
            plainly = not state.chosen and [*clauses][-1:] == [WORK] and clauses[WORK] >= _PLAINLY_WORK
            return WORK if plainly or (objects and [*clauses] == [WORK]) else ""  # "it is Business Standard, we ..."
        denied = PERSONAL in answer.named and WORK in answer.denied  # "there is no admin center here"
        in_passing = PERSONAL in clauses and not state.chosen
        personal = denied or in_passing or self._products.as_a_whole(reading.text, state.language, answer) == PERSONAL
        return PERSONAL if personal and PERSONAL in answer.named else ""

    @property
    def _products(self) -> ProductReader:
        return ProductReader(self.model.products, self.model.implied, self._config["product_from"])


def _without_courtesies(ranking: dict[str, float]) -> dict[str, float]:
    """Returns the ranking of the intents that want something; it adds up to 1, as before."""
    wants = {name: confidence for name, confidence in ranking.items() if name not in NOT_ASKING}
    total = sum(wants.values()) or 1.0
    return {name: confidence / total for name, confidence in wants.items()}
