"""The rules that decide which dialogue act a message is, by its readings and by what was said before it."""

from __future__ import annotations

from collections.abc import Mapping

from bot.articles.issues import Issue
from bot.nlu.acts import (
    CLEAR_ISSUE,
    CLEAR_QUESTION,
    CRISIS,
    FEW_WORDS,
    FORM_ANSWER,
    FORM_COMMANDS,
    LIKELY,
    LITTLE,
    NEW_MATTER,
    NONE_OF_THESE,
    NOT_ASKING,
    PERSON,
    QUESTIONS,
    REACTIONS,
    REQUESTS,
    SMALL_TALK,
    SOME_WORDS,
    SURE,
    TICKET_FORM,
    Act,
    CustomerMessage,
)
from bot.nlu.answers import NEITHER, UNKNOWN
from bot.nlu.situation import Situation
from bot.text.contacts import find_contact, find_phone

_PERSONAL = "microsoft_account"
_PERSON_FROM = 0.45
"""Probability from which a person is wanted, whatever else was asked."""
_NEW_MATTER = 2.0
"""Weight of a new matter beside the likeliest follow-up."""
_OUTSIDE = 0.5
"""Weight of the ranking's out_of_scope beside a question about the answer."""
_PLAIN_ANSWERS = ("affirm", "deny", "thank", "solved", "not_helped")


class ActRules:
    """Decides the act of a message; the first rule that fits counts (docs/how-it-works.md has them as a table).

    Args:
        issues: the issue table.
    """

    def __init__(self, issues: Mapping[str, Issue]) -> None:
        self._issues = issues

    def act(self, message: CustomerMessage, situation: Situation) -> Act | None:
        """Returns what a message does in a situation, None if its intent says so already.

        Args:
            message: the message.
            situation: where it is said.
        """
        if message.intent == CRISIS:
            return None
        rules = (
            _pressed,
            self._in_form,
            self._wants_person,
            self._names_product,
            self._chooses,
            self._takes_up_steps,
            _awaits_answer,
            self._after_answer,
        )
        return next((act for rule in rules if (act := rule(message, situation)) is not None), None)

    def _wants_person(self, message: CustomerMessage, situation: Situation) -> Act | None:
        """Returns the wish for a person, which wins over everything but an answer to a form."""
        if _takes_up_person(message, situation):
            return Act(PERSON, 1.0)
        if _wants_ticket(message, situation):
            return Act(PERSON, 1.0, {"field": TICKET_FORM})
        called, wanted = message.acts["ask_phone"], message.acts[PERSON]
        if called + wanted >= LITTLE and (find_phone(message.text) or called > wanted):
            return Act("ask_phone", called + wanted) if called + wanted >= LIKELY or find_phone(message.text) else None
        if not situation.field or message.acts["cancel_form"] < LIKELY:
            wanted = max(wanted, message.ranking.get(PERSON, 0.0))
        elif wanted >= LITTLE:  # "no more forms, a person" is not to end the form
            wanted += message.acts["cancel_form"]
        return Act(PERSON, wanted) if wanted >= _PERSON_FROM else None

    def _in_form(self, message: CustomerMessage, situation: Situation) -> Act | None:  # noqa: PLR0911
        """Returns the answer, the command or the question in between that a message in a form is."""
        if not situation.field:
            return None
        contact = find_contact(message.text)
        if "@" in message.text and situation.field.endswith("_email"):
            return Act(FORM_ANSWER, 1.0)
        if contact and (situation.field.endswith("_email") or message.words - len(contact.split()) <= FEW_WORDS):
            return Act(FORM_ANSWER, 1.0)
        if situation.field == "status_number" and _has_digits(message):
            return Act(FORM_ANSWER, 1.0)
        if (person := self._wants_person(message, situation)) is not None:
            return person
        if situation.field in ("ticket_summary", "ticket_consent"):
            return self._in_description(message, situation.field)
        if message.likeliest in ("deny", "not_helped") and message.words <= FEW_WORDS:
            return Act("skip_field", message.acts[message.likeliest])
        return self._in_between(message) or Act(FORM_ANSWER, 1.0)

    def _in_description(self, message: CustomerMessage, field: str) -> Act | None:
        """Returns what a message does that was to describe the problem, or to say whether the ticket is right."""
        plainly = message.words <= SOME_WORDS or message.likeliest in _PLAIN_ANSWERS
        plainly = plainly and (message.answer.agrees is not None or not _has_digits(message))
        if field == "ticket_consent" and plainly and (answer := _yes_or_no(message)) is not None:
            return answer
        commands = message.likeliest in (*FORM_COMMANDS, "goodbye") and message.named[1] < SURE
        few = field == "ticket_consent" and message.words <= FEW_WORDS and not _has_digits(message)
        aside = commands or few or message.text.rstrip().endswith("?")
        answers = None if few else Act(FORM_ANSWER, 1.0)
        return (self._in_between(message) if aside else None) or answers

    def _in_between(self, message: CustomerMessage) -> Act | None:
        """Returns what a message does that does not answer a form's question, None if it may well do."""
        act = message.likeliest
        confidence = message.acts[act]
        named, clearly = message.named
        if act == NEW_MATTER or (clearly >= SURE and confidence < LIKELY):
            return Act(named, clearly) if clearly >= LIKELY else None
        if act in FORM_COMMANDS:  # nothing is cancelled by a guess
            second = max(message.acts[name] for name in FORM_COMMANDS if name != act)
            return Act(act, confidence) if confidence >= max(0.7 * LIKELY, 2 * second) else None
        small_talk = ("thank", "goodbye", "greet", "bot_challenge", "ask_help", "ticket_status", "remark")
        return Act(act, confidence) if act in (*QUESTIONS, *REQUESTS, *small_talk) and confidence >= LITTLE else None

    def _names_product(self, message: CustomerMessage, situation: Situation) -> Act | None:
        """Returns the product that was asked for, or another one than was taken for granted."""
        product = None
        if situation.question == "product":
            product = message.product or _offered(message, situation) or self._no_product(message, situation)
        elif situation.issue and situation.question != "which":
            product = self._other_product(message, situation)
        if product is None:
            return None
        values = {"product": product}
        question = max(QUESTIONS, key=lambda name: message.acts[name])
        beside = situation.question and message.words > 1
        if beside and message.acts[question] >= LIKELY:  # "365. am I allowed to do that?"
            values["question"] = question
        return Act("choose_product", 1.0, values)

    def _no_product(self, message: CustomerMessage, situation: Situation) -> str | None:
        """Returns that the product is unknown to a customer who answers something else, None for another matter."""
        named, clearly = message.named
        if named != situation.issue and clearly >= LIKELY:
            return None
        aside = {NEW_MATTER, "out_of_scope", *SMALL_TALK, *FORM_COMMANDS} - {"affirm", "deny", "remark"}
        return UNKNOWN if message.likeliest not in aside else None

    def _other_product(self, message: CustomerMessage, situation: Situation) -> str | None:
        """Returns the product that a message is about where another one was taken for granted, or the same again."""
        answer, (named, clearly) = message.answer, message.named
        others = answer.named - {situation.product}
        if situation.product in answer.denied and len(others) == 1:
            return next(iter(others))  # "not a family plan, we are a company on business standard"
        if named != situation.issue and clearly >= max(LIKELY, message.ranking.get("choose_product", 0.0)):
            return None  # another matter, in which the product is named
        if message.likeliest == "choose_product" and answer.product == situation.product:
            return situation.product
        if message.likeliest in QUESTIONS and message.acts[message.likeliest] >= LIKELY:
            return None  # "and if we have no azure account yet?"
        # "I did not ask about azure", "that is for administrators, mine is a family plan"
        objects = message.likeliest == "objection" and (situation.product in answer.named or others == {_PERSONAL})
        again = situation.product in answer.named  # "those are mine, two VMs" says nothing against Azure
        chooses = "choose_product" in (message.likeliest, message.intent) and not again
        same_issue = named == situation.issue and clearly >= LIKELY and not again  # "and how do I pay for azure?"
        same_issue = same_issue and message.likeliest not in QUESTIONS and others <= {*self._issues[named].products}
        return next(iter(others)) if (objects or chooses or same_issue) and len(others) == 1 else None

    def _chooses(self, message: CustomerMessage, situation: Situation) -> Act | None:
        """Returns which of the issues that the bot offered it is."""
        offered = [name for name in situation.issues if name in self._issues]
        if situation.question != "which" or not offered:
            return None
        place = message.answer.place
        if message.answer.product == NEITHER:  # before the place: "neither of the two"
            another = message.named[0] not in offered and message.named[1] >= LIKELY and message.words > FEW_WORDS
            return None if another else Act(NONE_OF_THESE, 1.0)
        if place is not None and place < len(offered):
            return Act(offered[place], 1.0)
        if message.likeliest in ("deny", "not_helped", "objection") and message.words <= FEW_WORDS:
            return Act(NONE_OF_THESE, 1.0)
        likely = max(offered, key=lambda name: message.issues.get(name, 0.0))
        others = max((value for name, value in message.issues.items() if name not in offered), default=0.0)
        confidence = message.issues.get(likely, 0.0)
        return Act(likely, confidence) if confidence > max(0.1, others) else None

    def _takes_up_steps(self, message: CustomerMessage, situation: Situation) -> Act | None:
        """Returns the issue whose steps the bot has offered, for a message that goes along: "yes please"."""
        offered = situation.offers[0].intent if situation.offers and not situation.question else ""
        goes_along = message.words <= FEW_WORDS and message.answer.agrees is True
        return Act(offered, 1.0) if goes_along and offered in self._issues and offered == situation.issue else None

    def _after_answer(self, message: CustomerMessage, situation: Situation) -> Act | None:
        """Returns what a message does after an answer, by the follow-up model, None if it begins a new matter."""
        if message.begins_another(situation.topics):
            return None
        at_hand = situation.issue in self._issues or bool(situation.question)
        named, clearly = message.named
        if named in {offer.intent for offer in situation.offers} and clearly >= LITTLE:
            return Act(named, clearly)
        told: tuple[str, ...] = (*SMALL_TALK, *QUESTIONS, *REACTIONS, *REQUESTS) if at_hand else SMALL_TALK
        if not situation.ticket and message.acts["ticket_status"] < LIKELY:
            told = tuple(name for name in told if name != "ticket_status")
        act = max(told, key=lambda name: message.acts.get(name, 0.0))
        confidence = message.acts[act]
        asks = "?" in message.text or (act not in (*NOT_ASKING, "objection") and confidence >= LIKELY)
        thanks = message.answer.thanks and (message.words <= SOME_WORDS or message.acts["thank"] >= LITTLE / 2)
        another = clearly >= LIKELY and named not in situation.topics
        if thanks and not asks and not another and message.acts[NEW_MATTER] < LIKELY:
            return Act("thank", max(message.acts["thank"], LIKELY))  # thanks win over "no" and "later"
        leaves = message.likeliest == "cancel_form" and "?" not in message.text  # "forget it, I will call them"
        if leaves and message.acts["cancel_form"] >= LITTLE:
            act, confidence = "goodbye", message.acts["cancel_form"]
        elif self._is_new_matter(message, situation, act, at_hand):
            return None
        if at_hand and act == "ask_help":  # "which questions should I ask the bank?"
            return Act("more_detail", confidence)
        asked = {"affirm": "solved", "deny": "not_helped"} if situation.question == "solved" else {}
        return Act(asked.get(act, act), confidence)

    def _is_new_matter(self, message: CustomerMessage, situation: Situation, act: str, at_hand: bool) -> bool:
        """Tells whether a message is about something else than the likeliest act says: an issue, or none of ours."""
        confidence, (named, clearly) = message.acts[act], message.named
        if not at_hand and confidence < LITTLE:
            return True
        surely = CLEAR_QUESTION if act in QUESTIONS else LIKELY
        if named != situation.issue and clearly >= CLEAR_ISSUE and confidence < surely:
            return True
        if named == situation.issue and clearly >= SURE and message.acts[NEW_MATTER] > confidence:
            return True  # the problem once more
        elsewhere = 1.0 - message.issues.get(situation.issue, 0.0) / (sum(message.issues.values()) or 1.0)
        begins = message.acts[NEW_MATTER] * elsewhere * _NEW_MATTER
        unrelated = max(begins, message.acts["out_of_scope"])
        if act not in NOT_ASKING:  # of what no issue covers, the ranking knows more
            unrelated = max(unrelated, _OUTSIDE * message.ranking.get("out_of_scope", 0.0))
        return bool(unrelated > confidence)


def _pressed(message: CustomerMessage, situation: Situation) -> Act | None:
    """Returns the button whose title was typed."""
    typed = message.text.strip(" .!").casefold()
    offers = (Act(each.intent, 1.0, each.values) for each in situation.offers if each.title.casefold() == typed)
    return next(offers, None)


def _takes_up_person(message: CustomerMessage, situation: Situation) -> bool:
    """Tells whether a message goes along where the bot has offered a person before all else, and topics beside."""
    offered = len(situation.offers) > 1 and situation.offers[0].intent == PERSON
    return offered and message.words <= FEW_WORDS and message.answer.agrees is True


def _wants_ticket(message: CustomerMessage, situation: Situation) -> bool:
    """Tells whether a message asks for a ticket in so many words: "please open a ticket", "no, create a case"."""
    another = message.named[1] >= SURE or message.acts["ticket_status"] >= LIKELY
    return message.answer.ticket and not situation.field and not another


def _awaits_answer(message: CustomerMessage, situation: Situation) -> Act | None:
    """Returns the question how soon a ticket is answered that has just been opened."""
    how_long, status = message.acts["ask_how_long"], message.acts["ticket_status"]
    asks = situation.just_opened and how_long > status and how_long >= LITTLE / 2
    return Act("ticket_status", how_long + status, {"question": "ask_how_long"}) if asks else None


def _offered(message: CustomerMessage, situation: Situation) -> str | None:
    """Returns the product that is named by its place among the buttons: "the second one"."""
    products = [offer.values["product"] for offer in situation.offers if "product" in offer.values]
    place = message.answer.place
    return products[place] if place is not None and place < len(products) else None


def _has_digits(message: CustomerMessage) -> bool:
    return any(char.isdigit() for char in message.text)


def _yes_or_no(message: CustomerMessage) -> Act | None:
    """Returns the answer to a question of the form, None if a message is neither yes nor no."""
    agrees = message.answer.agrees
    if message.likeliest in FORM_COMMANDS and message.acts[message.likeliest] >= SURE and agrees is not True:
        return None  # "no, forget it": no ticket against the customer's will
    if agrees is None and message.words <= FEW_WORDS and message.acts[message.likeliest] >= LIKELY:
        meant = {"affirm": True, "solved": True, "thank": True, "deny": False, "not_helped": False, "skip_field": False}
        agrees = meant.get(message.likeliest)
    return None if agrees is None else Act("affirm" if agrees else "deny", 1.0)
