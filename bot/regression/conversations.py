"""Plays written conversations on the trained bot, and judges what it made of each turn.

A conversation (`tests/conversations/written/<half>/<lang>.yml`) says of each turn what the customer types, in which
state of the conversation, and what it must bring about. Where the bot has come to another state by itself, buttons
bring it there, as a customer would press them: each turn is judged in the state that it was written for.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from rasa.core.agent import Agent
from rasa.core.channels.channel import CollectingOutputChannel, UserMessage
from rasa.shared.core.events import BotUttered, Event, SlotSet, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.utils.endpoints import EndpointConfig

from bot import rasa_patches
from bot.articles.issues import load_issues
from bot.articles.replies import Replies
from bot.articles.store import ArticleStore
from bot.nlu.situation import Situation, situation_of
from bot.regression.items import RegressionError
from bot.settings import get_settings
from bot.text.yaml_files import read_yaml

# What a turn must bring about -> the intents that do so. Those of a product, an issue and a choice are in `_brings`.
_INTENTS: dict[str, tuple[str, ...]] = {
    **{name: (name,) for name in ("ask_who", "ask_how_long", "ask_cost", "ask_what_if", "ask_what_happens")},
    "ask_where": ("ask_where", "not_there"),
    "not_there": ("not_there", "ask_where"),
    "step_failed": ("step_failed", "not_there"),
    "already_done": ("already_tried", "not_helped"),
    "not_helped": ("not_helped", "deny"),
    "solved": ("solved", "thank"),
    "thank": ("thank", "solved"),
    "goodbye": ("goodbye", "thank"),
    "remark": ("remark", "affirm", "thank"),
    "repeat": ("send_again",),
    "more": ("more_detail",),
    "person": ("talk_to_human",),
    "phone": ("ask_phone",),
    "out_of_scope": ("out_of_scope", "nlu_fallback"),
    "bot": ("bot_challenge",),
    "email": ("form_answer",),
    "summary": ("form_answer",),
    "skip": ("skip_field",),
    "cancel": ("cancel_form",),
    "correct": ("correct_field",),
    "case_number": ("ticket_status",),
    "yes": ("affirm", "solved"),
    "no": ("deny", "not_helped"),
    "objection": ("objection", "not_helped"),
}
_OFTEN_ALIKE = frozenset({"repeat", "yes", "no", "skip", "email", "summary", "correct", "cancel"})
"""Turns that may get what was said before: it was asked for, or a form asks again."""
_APOLOGIES = ("utter_not_solved",)
_APOLOGETIC = ("which_step", "hand_over_next", "objection", "objection_again", "not_understood_in_form")


@dataclass(frozen=True)
class Turn:
    """A customer's message with what it must bring about."""

    state: str
    says: str
    act: str
    value: str
    choices: tuple[str, ...] = ()


@dataclass(frozen=True)
class Script:
    """A written conversation."""

    language: str
    number: int
    issue: str
    product: str
    turns: tuple[Turn, ...]


@dataclass(frozen=True)
class Heard:
    """The bot's understanding of a turn, its answer, and the verdict on both."""

    script: Script
    turn: Turn
    intent: str
    values: dict[str, str]
    replies: tuple[str, ...]
    right: bool
    repeated: bool
    apologised: bool
    forced: bool


def read_conversations(folder: Path) -> list[Script]:
    """Reads all conversations of a folder, by language.

    Raises:
        RegressionError: there are none, or a file has another shape; the message says which.
    """
    scripts = [script for path in sorted(folder.glob("*.yml")) for script in _scripts(path)]
    if not scripts:
        raise RegressionError(f"{folder}: no conversations there; restore them from git.")
    return scripts


def _scripts(path: Path) -> Iterator[Script]:
    try:
        content = read_yaml(path, ValueError)
        for number, script in enumerate(content["conversations"]):
            turns = tuple(_turn(turn) for turn in script["turns"])
            yield Script(content["language"], number, script["issue"], script["product"], turns)
    except (KeyError, TypeError, ValueError) as error:
        raise RegressionError(f"{path}: {error!r}; see {__name__} for the shape of a conversation.") from error


def _turn(turn: dict[str, Any]) -> Turn:
    state, choices = turn["state"], ()
    if isinstance(state, dict):
        ((state, choices),) = state.items()
    return Turn(state, turn["says"], str(turn["act"]), str(turn.get("value") or ""), tuple(choices))


async def play_all(model: Path, scripts: Sequence[Script]) -> list[Heard]:
    """Plays conversations on a trained model, with the actions in this process.

    Tickets go where the settings say; name another database where they are not to be kept.
    """
    rasa_patches.install()
    player = Player(Agent.load(str(model), action_endpoint=EndpointConfig("embedded:actions")))
    return [heard for script in scripts for heard in await player.play(script)]


class Player:
    """Plays conversations, each in a conversation of its own.

    Args:
        agent: the trained bot with its actions.
    """

    def __init__(self, agent: Agent) -> None:
        self._agent = agent
        self._issues = load_issues()
        self._replies = Replies()
        self._articles = ArticleStore(get_settings().data_dir / "articles")

    async def play(self, script: Script) -> list[Heard]:
        """Plays a conversation and judges each turn."""
        stage = _Stage(self._agent, script)
        heard = []
        for turn in script.turns:
            if turn.state != "first":
                await self._bring(stage, turn)
            replies, answers = await stage.say(turn.says)
            said = next(event for event in reversed(stage.tracker.events) if isinstance(event, UserUttered))
            values = {str(entity["entity"]): str(entity["value"]) for entity in said.entities}
            intent = str(said.intent.get("name") or "")
            whole = "\n".join(replies)
            heard.append(
                Heard(
                    script=script,
                    turn=turn,
                    intent=intent,
                    values=values,
                    replies=tuple(replies),
                    right=self._brings(turn, intent, values),
                    repeated=bool(whole) and whole in stage.said and turn.act not in _OFTEN_ALIKE,
                    apologised=turn.act == "thank" and self._is_apology(replies, script.language),
                    forced=turn.act == "out_of_scope" and answers,
                )
            )
            stage.said.append(whole)
            if turn.act in ("issue", "urgent") and turn.value in self._issues:
                stage.matter = turn.value
        return heard

    def _brings(self, turn: Turn, intent: str, values: dict[str, str]) -> bool:  # noqa: PLR0911
        """Tells whether an intent is what a turn must bring about."""
        if turn.act == "product":
            return intent == "choose_product" and values.get("product") == turn.value
        if turn.act == "which":
            return intent == (turn.value if turn.value in self._issues else "none_of_these")
        if turn.act == "issue":
            return intent == turn.value
        if turn.act == "urgent":
            return intent in (turn.value, "talk_to_human")
        if turn.act == "objection" and turn.value and intent == turn.value:
            return True
        if turn.act == "phone" and turn.state.startswith("form"):
            return intent in ("ask_phone", "form_answer")
        return intent in _INTENTS[turn.act]

    def _is_apology(self, replies: Sequence[str], language: str) -> bool:
        texts = [self._replies.text(key, language) for key in _APOLOGIES]
        texts += [self._replies.dialogue(key, language, topic="\0") for key in _APOLOGETIC]
        return any(text.partition("\0")[0] in reply for text in texts for reply in replies)

    async def _bring(self, stage: _Stage, turn: Turn) -> None:
        """Presses buttons until the conversation is in the state that a turn was written for."""
        now = stage.situation()
        if turn.state.startswith("form_"):
            await self._open_form(stage, {"form_email": 0, "form_summary": 1, "form_consent": 2}[turn.state])
            return
        if now.field:
            await stage.press("cancel_form")
        if turn.state == "idle":
            if stage.situation().issue or stage.situation().question:
                await stage.press("solved")
        elif turn.state == "asked_which":
            if stage.situation().question != "which" or not {*turn.choices} <= {*stage.situation().issues}:
                await stage.put(*self._question_which(stage, turn))
        elif turn.state == "asked_product":
            if stage.situation().question != "product":
                await stage.put(*self._question_product(stage))
        else:
            wanted = stage.product
            if turn.act == "product" and turn.value == wanted:  # which corrects what the bot took for granted
                wanted = "azure" if wanted != "azure" else "microsoft365"
            other = stage.situation().product != wanted and turn.act == "product"
            if other or stage.situation().issue != stage.matter or stage.situation().question not in ("solved", ""):
                await stage.put(SlotSet("product", wanted))
                await stage.press(stage.matter)
            if turn.state == "asked_step" and stage.situation().question != "step":
                await stage.press("step_failed")

    async def _open_form(self, stage: _Stage, field: int) -> None:
        fields = ("contact_email", "ticket_summary", "ticket_consent")
        if stage.situation().field not in fields[: field + 1]:
            if stage.situation().field:
                await stage.press("cancel_form")
            if not stage.situation().issue:
                await stage.put(SlotSet("product", stage.product))
                await stage.press(stage.matter)
            await stage.press("talk_to_human")
        if field and stage.situation().field == "contact_email":
            await stage.press("skip_field")
        if field > 1 and stage.situation().field == "ticket_summary":
            await stage.press("affirm")

    def _question_which(self, stage: _Stage, turn: Turn) -> list[Event]:
        """Returns what the bot does when it asks which of two issues it is."""
        language = stage.script.language
        titles = [self._articles.article(issue, language).title for issue in turn.choices]
        offers = [*zip(titles, turn.choices, strict=True), (self._replies.label("neither", language), "none_of_these")]
        turns = sum(isinstance(event, UserUttered) for event in stage.tracker.events)
        choice = {"text": turn.says, "shown": list(turn.choices), "turn": turns}
        return [_question(self._replies.dialogue("which_issue", language), offers), SlotSet("choice", choice)]

    def _question_product(self, stage: _Stage) -> list[Event]:
        """Returns what the bot does when it asks for the product."""
        language = stage.script.language
        offers = [
            (self._replies.label(product, language), f'choose_product{{"product": "{product}"}}')
            for product in self._issues[stage.matter].products
        ]
        asked = _question(self._replies.text("utter_ask_product", language), offers)
        return [SlotSet("issue", stage.matter), SlotSet("product", None), SlotSet("product_asked", True), asked]


def _question(text: str, offers: Sequence[tuple[str, str]]) -> Event:
    buttons = [{"title": title, "payload": f"/{payload}"} for title, payload in offers]
    return BotUttered(text, {"buttons": buttons})


@dataclass
class _Stage:
    """A conversation that is being played."""

    agent: Agent
    script: Script
    conversation: str = field(default_factory=lambda: uuid.uuid4().hex)
    said: list[str] = field(default_factory=list)
    tracker: DialogueStateTracker = field(init=False)

    def __post_init__(self) -> None:
        self.matter = self.script.issue
        self.product = self.script.product

    def situation(self) -> Situation:
        """Returns where the next message is said."""
        return situation_of(self.tracker) or Situation(self.script.language)

    async def say(self, text: str) -> tuple[list[str], bool]:
        """Types something; returns what the bot says and whether it answers an issue."""
        output = CollectingOutputChannel()
        metadata = {"language": self.script.language}
        await self.agent.handle_message(
            UserMessage(text, output, self.conversation, input_channel="rest", metadata=metadata)
        )
        self.tracker = await self.agent.tracker_store.get_or_create_tracker(self.conversation)
        answers = any((message.get("custom") or {}).get("type") == "answer" for message in output.messages)
        return [message["text"] for message in output.messages if message.get("text")], answers

    async def press(self, payload: str) -> None:
        """Presses a button."""
        replies, _ = await self.say(f"/{payload}")
        self.said.append("\n".join(replies))

    async def put(self, *events: Event) -> None:
        """Has something happened without a message."""
        for event in events:
            self.tracker.update(event, self.agent.domain)
        await self.agent.tracker_store.save(self.tracker)
