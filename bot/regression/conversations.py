"""Plays the written conversations on the trained bot, and judges what it made of each turn.

A conversation (`tests/conversations/written/<half>/<lang>.yml`) says of each turn what the customer types, in which
state of the conversation, and what it must bring about. Where the bot has come to another state, it is brought there
before the turn: by buttons, as a customer would press them, or by events put into the conversation. The state `next`
takes the conversation as it stands.
"""

from __future__ import annotations

import asyncio
import logging
import os
import tempfile
import uuid
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest.mock import patch

import structlog
from pydantic import BaseModel, root_validator
from rasa.core.agent import Agent
from rasa.core.channels.channel import CollectingOutputChannel, UserMessage
from rasa.shared.core.events import BotUttered, Event, SlotSet, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.utils.endpoints import EndpointConfig

from bot import rasa_patches
from bot.articles.issues import load_issues
from bot.articles.parts import ArticleStore
from bot.articles.replies import Replies
from bot.nlu.acts import NONE_OF_THESE
from bot.nlu.dialogue_state import DialogueState, dialogue_state_of
from bot.regression.items import RegressionError
from bot.settings import PROJECT_ROOT, get_settings
from bot.text.yaml_files import read_yaml

WRITTEN = PROJECT_ROOT / "tests" / "conversations" / "written"
_INTENTS = read_yaml(Path(__file__).parent / "assets" / "acts.yml", ValueError)
_FIELDS = ("form_email", "form_summary", "form_consent")
"""States in which the form for a ticket asks for one field."""
_OFTEN_ALIKE = frozenset({"repeat", "yes", "no", "skip", "email", "summary", "correct", "cancel"})
"""Turns that may get what was said before: it was asked for, or a form asks again."""
_APOLOGETIC = ("which_step", "hand_over_next", "objection", "objection_again", "not_understood_in_form")


class Turn(BaseModel):
    """A customer's message with what it must bring about."""

    state: str
    says: str
    act: str
    value: str = ""
    choices: tuple[str, ...] = ()

    @root_validator(pre=True)
    def _read_choices(cls, values: dict[str, Any]) -> dict[str, Any]:  # noqa: N805 - pydantic hands over the class
        """Takes `{asked_which: [issues]}` apart."""
        if isinstance(values.get("state"), dict):
            ((state, choices),) = values["state"].items()
            values = {**values, "state": state, "choices": choices}
        return values


class Script(BaseModel):
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
    replies: tuple[str, ...]
    right: bool
    repeated: bool
    """True if the bot said the same as before in the conversation."""
    apologised: bool
    """True if it apologised to a customer who thanked it."""
    forced: bool
    """True if it answered an out-of-scope message with an issue's article."""


def read_conversations(folder: Path) -> list[Script]:
    """Reads all conversations of a folder, by language.

    Raises:
        RegressionError: there are none, or a file has another shape; the message says which.
    """
    scripts = []
    for path in sorted(folder.glob("*.yml")):
        try:
            content = read_yaml(path, ValueError)
            for number, script in enumerate(content["conversations"]):
                scripts.append(Script(language=content["language"], number=number, **script))
        except (KeyError, TypeError, ValueError) as error:
            raise RegressionError(f"{path}: {error!r}; see {__name__} for the shape of a conversation.") from error
    if not scripts:
        raise RegressionError(f"{folder}: no conversations there; restore them from git.")
    return scripts


def play(model: Path, scripts: Sequence[Script]) -> list[Heard]:
    """Plays conversations as `play_all` does, with a ticket database that is thrown away afterwards.

    Args:
        model: the trained model's file.
        scripts: the conversations.
    """
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    with tempfile.TemporaryDirectory() as folder, ExitStack() as at_the_end:
        at_the_end.callback(get_settings.cache_clear)
        at_the_end.enter_context(patch.dict(os.environ, BOT_TICKETS_DATABASE=f"sqlite:///{folder}/tickets.db"))
        get_settings.cache_clear()
        return asyncio.run(play_all(model, scripts))


async def play_all(model: Path, scripts: Sequence[Script]) -> list[Heard]:
    """Plays conversations on a trained model, with the actions in this process.

    Tickets go where the settings say; name another database where they are not to be kept.
    """
    rasa_patches.install()
    agent = Agent.load(str(model), action_endpoint=EndpointConfig("embedded:actions"))
    return [heard for script in scripts async for heard in Player(agent, script).play()]


class Player:
    """Plays one conversation.

    Args:
        agent: the trained bot with its actions.
        script: what the customer says.
    """

    def __init__(self, agent: Agent, script: Script) -> None:
        self._agent = agent
        self._script = script
        self._conversation = uuid.uuid4().hex
        self._issue = script.issue
        self._said: list[str] = []
        self._tracker: DialogueStateTracker

    async def play(self) -> AsyncIterator[Heard]:
        """Plays the conversation and judges each turn."""
        for turn in self._script.turns:
            if turn.state not in ("first", "next"):
                await self._reach_state(turn)
            replies, answers = await self._say(turn.says)
            message = next(event for event in reversed(self._tracker.events) if isinstance(event, UserUttered))
            intent = str(message.intent.get("name") or "")
            values = {entity["entity"]: str(entity["value"]) for entity in message.entities}
            yield Heard(
                script=self._script,
                turn=turn,
                intent=intent,
                replies=tuple(replies),
                right=self._brings_about(turn, intent, values),
                repeated=bool(replies) and self._said[-1] in self._said[:-1] and turn.act not in _OFTEN_ALIKE,
                apologised=turn.act == "thank" and _is_apology(replies, self._script.language),
                forced=turn.act == "out_of_scope" and answers,
            )
            if turn.act in ("issue", "urgent") and turn.value in load_issues():
                self._issue = turn.value

    def _brings_about(self, turn: Turn, intent: str, values: Mapping[str, str]) -> bool:
        """Tells whether an intent with its entities is what a turn must bring about.

        An issue is reached by a passage of its article, too: the steps are on a button beside it.
        """
        if turn.act == "product":
            return intent == "choose_product" and values.get("product") == turn.value
        if turn.act == "issue" and values.get("section"):
            return values["about"] == turn.value
        names = (f"{turn.act} {turn.value}", f"{turn.act} in form" if turn.state in _FIELDS else "", turn.act)
        also = next((_INTENTS[name] for name in names if name in _INTENTS), [turn.act])
        return bool(intent) and intent in (*also, turn.value)

    async def _reach_state(self, turn: Turn) -> None:
        """Presses buttons until the conversation is in the state that a turn was written for."""
        if turn.state in _FIELDS:
            await self._open_form(turn.state)
            return
        if self._now.field:
            await self._say("/cancel_form")
        now = self._now
        if turn.state not in ("idle", "asked_which", "asked_product"):
            product = self._script.product
            if turn.act == "product" and turn.value == product:  # which corrects what the bot took for granted
                product = "azure" if product != "azure" else "microsoft365"
            other = now.product != product and turn.act == "product"
            if other or now.issue != self._issue or now.question not in ("solved", ""):
                await self._answer_issue(product)
            if turn.state == "asked_step" and self._now.question != "step":
                await self._say("/step_failed")
        elif turn.state == "idle" and (now.issue or now.question):
            await self._say("/solved")
        elif turn.state == "asked_which" and (now.question != "which" or not {*turn.choices} <= {*now.issues}):
            await self._ask_which(turn)
        elif turn.state == "asked_product" and now.question != "product":
            await self._ask_product()

    async def _answer_issue(self, product: str) -> None:
        await self._put(SlotSet("product", product))
        await self._say(f"/{self._issue}")

    async def _open_form(self, state: str) -> None:
        """Opens the form for a ticket, and skips its first field in the states of the others."""
        asked = self._now.field
        if asked != "contact_email" and (state == "form_email" or asked != "ticket_consent"):
            if asked:
                await self._say("/cancel_form")
            if not self._now.issue:
                await self._answer_issue(self._script.product)
            await self._say("/talk_to_human")
        if state != "form_email" and self._now.field == "contact_email":
            await self._say("/skip_field")

    async def _ask_which(self, turn: Turn) -> None:
        """Does what the bot does when it asks which of two issues it is."""
        language, store = self._script.language, ArticleStore(get_settings().data_dir / "articles")
        offers = [(store.article(issue, language).title, issue) for issue in turn.choices]
        offers.append((Replies().label("neither", language), NONE_OF_THESE))
        turns = sum(isinstance(event, UserUttered) for event in self._tracker.events)
        choice = {"text": turn.says, "shown": list(turn.choices), "turn": turns}
        await self._put(_question(Replies().dialogue("which_issue", language), offers), SlotSet("choice", choice))

    async def _ask_product(self) -> None:
        """Does what the bot does when it asks for the product."""
        language, products = self._script.language, load_issues()[self._issue].products
        offers = [(Replies().label(name, language), f'choose_product{{"product": "{name}"}}') for name in products]
        question = _question(Replies().text("utter_ask_product", language), offers)
        slots = SlotSet("issue", self._issue), SlotSet("product", None), SlotSet("product_asked", True)
        await self._put(*slots, question)

    @property
    def _now(self) -> DialogueState:
        """Situation in which the next message is said."""
        return dialogue_state_of(self._tracker) or DialogueState(self._script.language)

    async def _say(self, text: str) -> tuple[list[str], bool]:
        """Types something, or presses a button (`/intent`); returns the replies, and whether an issue is answered."""
        output = CollectingOutputChannel()
        metadata = {"language": self._script.language}
        typed = UserMessage(text, output, self._conversation, input_channel="rest", metadata=metadata)
        await self._agent.handle_message(typed)
        self._tracker = await self._agent.tracker_store.get_or_create_tracker(self._conversation)
        answers = any((message.get("custom") or {}).get("type") == "answer" for message in output.messages)
        replies = [message["text"] for message in output.messages if message.get("text")]
        self._said.append("\n".join(replies))
        return replies, answers

    async def _put(self, *events: Event) -> None:
        """Adds events to the conversation without a message."""
        self._tracker.update_with_events(list(events), self._agent.domain)
        await self._agent.tracker_store.save(self._tracker)


def _is_apology(replies: Sequence[str], language: str) -> bool:
    texts = [Replies().dialogue(key, language, topic="\0").partition("\0")[0] for key in _APOLOGETIC]
    texts.append(Replies().text("utter_not_solved", language))
    return any(text in reply for text in texts for reply in replies)


def _question(text: str, offers: Sequence[tuple[str, str]]) -> Event:
    return BotUttered(text, {"buttons": [{"title": title, "payload": f"/{payload}"} for title, payload in offers]})
