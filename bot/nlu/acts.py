"""The dialogue acts (what a message does, by what was said before it), and all that their rules know of a message.

Their phrases stand beside those of the other intents (`data/nlu/<lang>/follow_ups.yml`), but the intent classifier does
not learn them: without a conversation, "where is that?" says nothing. `bot/nlu/context.py` tells them apart.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from bot.nlu.answers import Answer
from bot.text.contacts import customers_address

QUESTIONS = ("ask_who", "ask_how_long", "ask_cost", "ask_where", "ask_what_if", "ask_what_happens", "not_there")
"""Questions about the article at hand; each is answered by the passages of one kind (`bot.articles.issues.Kind`)."""

REACTIONS = ("solved", "not_helped", "already_tried", "step_failed", "objection", "remark")
"""The customer's view of the answer that was given."""

REQUESTS = ("send_again", "more_detail", "ask_phone")

FORM_COMMANDS = ("cancel_form", "skip_field", "correct_field")

FORM_ANSWER = "form_answer"
"""Answers the question of a form; a rule finds it, it has no phrases."""

FOLLOW_UPS = frozenset({*QUESTIONS, *REACTIONS, *REQUESTS, *FORM_COMMANDS})
"""The acts that the intent classifier does not learn."""

NONE_OF_THESE = "none_of_these"
"""None of the things offered is meant; a rule finds it, it has no phrases."""

PERSON = "talk_to_human"
"""Wants a person: an intent, and an act."""

CRISIS = "crisis"
"""Despair or a threat of violence; words tell it (`signals` in `data/triage/<lang>.yml`), it has no phrases."""

NOT_UNDERSTOOD = ("out_of_scope", "nlu_fallback")
"""Intents of what is none of ours, and of what names nothing surely."""

NEW_MATTER = "new_matter"
"""The model's label for messages that name an issue of their own."""

SMALL_TALK = ("thank", "goodbye", "greet", "affirm", "deny", "bot_challenge", "ask_help", "ticket_status", "remark")

FAILED = ("not_helped", "already_tried")

NOT_ASKING = frozenset({*SMALL_TALK, *FAILED, "solved"}) - {"ticket_status", "bot_challenge"}
"""Acts that want nothing: beside a word of thanks, the thanks count."""

FEW_WORDS, SOME_WORDS = 5, 10
"""A longer message says more than yes or no; more than thanks."""

BRIEF = 3
"""A message of so many words names nothing: "ok but when?"."""

CASE_WORDS = 8
"""A longer first message describes a case: "the card is new, and yet ..."."""

LITTLE, LIKELY, SURE, CLEAR_ISSUE = 0.25, 0.5, 0.8, 0.97
"""Confidences."""

FAINT_OBJECTION = 0.1
"""Probability from which a question that begins with a no objects: "no, I meant when", not "no button is there"."""

PERSON_FROM = 0.45
"""Probability from which a person, or a call, is wanted, whatever else is asked or named."""

FAINT_WISH = 0.1
"""Probability of a wish for a person that counts where the customer's address stands in the message."""

ISSUE_FROM = 0.45
"""Confidence from which an issue is answered in a conversation without asking which one is meant."""


@dataclass(frozen=True)
class Act:
    """The dialogue act of a message: an intent, how certain that is, and its arguments as entities."""

    name: str
    confidence: float
    values: Mapping[str, str] = field(default_factory=dict)

    def with_values(self, values: Mapping[str, str]) -> Act:
        """Returns the act with further arguments."""
        return replace(self, values={**self.values, **values})


@dataclass(frozen=True)
class CustomerMessage:
    """A message with all that is known of it.

    Args:
        text: as it was typed.
        intent: before the conversation is considered.
        ranking: of the intents, most probable first.
        issues: those of the ranking that are issues.
        acts: confidence of each act, if it is said after an answer.
        answer: its reading as an answer to a question of the bot.
        product: named by it, where the bot has asked for the product.
        mentioned: the products that it calls by their names.
    """

    text: str
    intent: str
    ranking: Mapping[str, float]
    issues: Mapping[str, float]
    acts: Mapping[str, float]
    answer: Answer
    product: str | None = None
    mentioned: frozenset[str] = frozenset()

    @property
    def words(self) -> int:
        """The number of its words."""
        return len(self.text.split())

    @property
    def likeliest(self) -> str:
        """The act with the highest confidence."""
        return max(self.acts, key=lambda name: self.acts[name])

    @property
    def likeliest_question(self) -> str:
        """The question about an article with the highest confidence."""
        return max(QUESTIONS, key=lambda name: self.acts[name])

    @property
    def surely_asks(self) -> bool:
        """Tells whether it surely is a question about an article: "it is greyed out"."""
        return self.likeliest in QUESTIONS and self.acts[self.likeliest] >= SURE

    @property
    def question_beside(self) -> dict[str, str]:
        """The likeliest question, as an argument of what else it says; none where it hardly asks anything."""
        question = self.likeliest_question
        return {"question": question} if self.acts[question] >= LITTLE else {}

    @property
    def marked_question(self) -> dict[str, str]:
        """The same, of a message of several words with a question mark: "shall I delete or keep them?"."""
        asks = "?" in self.text and self.words > FEW_WORDS
        return {"question": self.likeliest_question} if asks else {}

    @property
    def asks_or_objects(self) -> bool:
        """Tells whether it has a question mark or may well object: "your list is only about Azure"."""
        return "?" in self.text or self.acts["objection"] >= LITTLE

    @property
    def goes_along(self) -> bool:
        """Tells whether it says yes, and hardly anything else."""
        return self.words <= FEW_WORDS and self.answer.agrees is True

    @property
    def leaves_address(self) -> bool:
        """Tells whether it has an address for an answer.

        It may want a person, is not understood otherwise ("office@example.com, write to me"), or begins or ends with it
        and asks nothing sure; not "please send the invoices to office@example.com", which names an issue.
        """
        address = customers_address(self.text) if "@" in self.text else None
        if address is None or self.text.rstrip().endswith("?"):
            return False
        wish = max(self.ranking.get(PERSON, 0.0), self.acts[PERSON] + self.acts["ask_phone"])
        asks_else = max(self.named[1], self.acts[self.likeliest_question]) >= LIKELY
        text, address = self.text.strip(" .!()").casefold(), address.casefold()
        outside = text.startswith(address) or text.endswith(address)
        return wish >= FAINT_WISH or self.intent in NOT_UNDERSTOOD or (outside and not asks_else)

    @property
    def plans(self) -> bool:
        """Tells whether it goes along, asks nothing, and ends with thanks: "ok, then I'll remove the card. thanks"."""
        return self.answer.agrees is True and self.answer.ends_with_thanks and "?" not in self.text

    @property
    def named(self) -> tuple[str, float]:
        """The most probable issue with its confidence; an empty name if the ranking has none."""
        return next(iter(self.issues.items()), ("", 0.0))

    def choice(self, things: Sequence[str]) -> str | None:
        """Returns which of several things it names by its place: "the second one"; None if it names none."""
        place = self.answer.place
        return things[place] if place is not None and place < len(things) else None

    def begins_another(self, topics: Collection[str]) -> bool:
        """Tells whether it announces another matter and names an issue that is none of the topics so far."""
        name, confidence = self.named
        return self.answer.another and confidence >= LITTLE and name not in topics
