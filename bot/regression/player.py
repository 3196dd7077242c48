"""Plays written conversations on the trained bot, and judges what it made of each turn.

Where the bot has come to another state than the one a turn was written for, buttons bring it there, as a customer would
press them.
"""

from __future__ import annotations

import asyncio
import logging
import os
import tempfile
import uuid
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import structlog
from rasa.core.agent import Agent
from rasa.core.channels.channel import CollectingOutputChannel, UserMessage
from rasa.shared.core.events import BotUttered, Event, SlotSet, UserUttered
from rasa.shared.core.trackers import DialogueStateTracker
from rasa.utils.endpoints import EndpointConfig

from bot import rasa_patches
from bot.articles.issues import load_issues
from bot.articles.parts import ArticleStore
from bot.articles.replies import Replies
from bot.nlu.situation import Situation, situation_of
from bot.regression.conversations import Heard, Script, Turn
from bot.settings import get_settings

# What a turn must bring about -> the intents that do so; otherwise the one of the same name. See `_brings_about`, too.
_INTENTS: dict[str, tuple[str, ...]] = {
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
    "urgent": ("talk_to_human",),
}
_FIELDS = ("form_email", "form_summary", "form_consent")
"""States in which the form for a ticket asks for one field."""
_OFTEN_ALIKE = frozenset({"repeat", "yes", "no", "skip", "email", "summary", "correct", "cancel"})
"""Turns that may get what was said before: it was asked for, or a form asks again."""
_APOLOGIES = ("utter_not_solved",)
_APOLOGETIC = ("which_step", "hand_over_next", "objection", "objection_again", "not_understood_in_form")


def play(model: Path, scripts: Sequence[Script]) -> list[Heard]:
    """Plays conversations as `play_all` does, with a ticket database that is thrown away afterwards.

    Args:
        model: the trained model's file.
        scripts: the conversations.
    """
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    before = dict(os.environ)
    with tempfile.TemporaryDirectory() as folder:
        os.environ["BOT_TICKETS_DATABASE"] = f"sqlite:///{folder}/tickets.db"
        get_settings.cache_clear()
        try:
            return asyncio.run(play_all(model, scripts))
        finally:
            del os.environ["BOT_TICKETS_DATABASE"]
            os.environ.update(before)
            get_settings.cache_clear()


async def play_all(model: Path, scripts: Sequence[Script]) -> list[Heard]:
    """Plays conversations on a trained model, with the actions in this process.

    Tickets go where the settings say; name another database where they are not to be kept.
    """
    rasa_patches.install()
    agent = Agent.load(str(model), action_endpoint=EndpointConfig("embedded:actions"))
    return [heard for script in scripts for heard in await Player(agent, script).play()]


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
        self._issues = load_issues()
        self._issue = script.issue
        self._said: list[str] = []
        self._tracker: DialogueStateTracker

    async def play(self) -> list[Heard]:
        """Plays the conversation and judges each turn."""
        heard = []
        for turn in self._script.turns:
            if turn.state != "first":
                await self._reach_state(turn)
            replies, answers = await self._say(turn.says)
            message = next(event for event in reversed(self._tracker.events) if isinstance(event, UserUttered))
            intent = str(message.intent.get("name") or "")
            whole = "\n".join(replies)
            heard.append(
                Heard(
                    script=self._script,
                    turn=turn,
                    intent=intent,
                    replies=tuple(replies),
                    right=self._brings_about(turn, intent, {str(e["entity"]): e["value"] for e in message.entities}),
                    repeated=bool(whole) and whole in self._said and turn.act not in _OFTEN_ALIKE,
                    apologised=turn.act == "thank" and _is_apology(replies, self._script.language),
                    forced=turn.act == "out_of_scope" and answers,
                )
            )
            self._said.append(whole)
            if turn.act in ("issue", "urgent") and turn.value in self._issues:
                self._issue = turn.value
        return heard

    def _brings_about(self, turn: Turn, intent: str, values: dict[str, Any]) -> bool:
        """Tells whether an intent is what a turn must bring about."""
        if turn.act == "product":
            return intent == "choose_product" and values.get("product") == turn.value
        also = _INTENTS.get(turn.act, (turn.act,))
        if turn.act in ("issue", "urgent", "objection"):
            also += (turn.value,)
        elif turn.act == "which":
            also += (turn.value if turn.value in self._issues else "none_of_these",)
        elif turn.act == "phone" and turn.state in _FIELDS:
            also += ("form_answer",)
        return bool(intent) and intent in also

    async def _reach_state(self, turn: Turn) -> None:
        """Presses buttons until the conversation is in the state that a turn was written for."""
        if turn.state in _FIELDS:
            await self._open_form(min(_FIELDS.index(turn.state), 1))
            return
        if self._now.field:
            await self._press("cancel_form")
        now = self._now
        if turn.state == "idle":
            if now.issue or now.question:
                await self._press("solved")
        elif turn.state == "asked_which":
            if now.question != "which" or not {*turn.choices} <= {*now.issues}:
                await self._ask_which(turn)
        elif turn.state == "asked_product":
            if now.question != "product":
                await self._ask_product()
        else:
            product = self._script.product
            if turn.act == "product" and turn.value == product:  # which corrects what the bot took for granted
                product = "azure" if product != "azure" else "microsoft365"
            other = now.product != product and turn.act == "product"
            if other or now.issue != self._issue or now.question not in ("solved", ""):
                await self._answer_issue(product)
            if turn.state == "asked_step" and self._now.question != "step":
                await self._press("step_failed")

    async def _answer_issue(self, product: str) -> None:
        await self._put(SlotSet("product", product))
        await self._press(self._issue)

    async def _open_form(self, field: int) -> None:
        fields = ("contact_email", "ticket_consent")
        if self._now.field not in fields[: field + 1]:
            if self._now.field:
                await self._press("cancel_form")
            if not self._now.issue:
                await self._answer_issue(self._script.product)
            await self._press("talk_to_human")
        if field and self._now.field == "contact_email":
            await self._press("skip_field")

    async def _ask_which(self, turn: Turn) -> None:
        """Does what the bot does when it asks which of two issues it is."""
        language, store = self._script.language, ArticleStore(get_settings().data_dir / "articles")
        offers = [(store.article(issue, language).title, issue) for issue in turn.choices]
        offers.append((Replies().label("neither", language), "none_of_these"))
        turns = sum(isinstance(event, UserUttered) for event in self._tracker.events)
        choice = {"text": turn.says, "shown": list(turn.choices), "turn": turns}
        await self._put(_question(Replies().dialogue("which_issue", language), offers), SlotSet("choice", choice))

    async def _ask_product(self) -> None:
        """Does what the bot does when it asks for the product."""
        language = self._script.language
        offers = [
            (Replies().label(product, language), f'choose_product{{"product": "{product}"}}')
            for product in self._issues[self._issue].products
        ]
        slots = {"issue": self._issue, "product": None, "product_asked": True}
        question = _question(Replies().text("utter_ask_product", language), offers)
        await self._put(*(SlotSet(name, value) for name, value in slots.items()), question)

    @property
    def _now(self) -> Situation:
        """Where the next message is said."""
        return situation_of(self._tracker) or Situation(self._script.language)

    async def _say(self, text: str) -> tuple[list[str], bool]:
        """Types something; returns what the bot says and whether it answers an issue."""
        output = CollectingOutputChannel()
        metadata = {"language": self._script.language}
        await self._agent.handle_message(
            UserMessage(text, output, self._conversation, input_channel="rest", metadata=metadata)
        )
        self._tracker = await self._agent.tracker_store.get_or_create_tracker(self._conversation)
        answers = any((message.get("custom") or {}).get("type") == "answer" for message in output.messages)
        return [message["text"] for message in output.messages if message.get("text")], answers

    async def _press(self, payload: str) -> None:
        """Presses a button."""
        replies, _ = await self._say(f"/{payload}")
        self._said.append("\n".join(replies))

    async def _put(self, *events: Event) -> None:
        """Adds events to the conversation without a message."""
        for event in events:
            self._tracker.update(event, self._agent.domain)
        await self._agent.tracker_store.save(self._tracker)


def _is_apology(replies: Sequence[str], language: str) -> bool:
    texts = [Replies().text(key, language) for key in _APOLOGIES]
    texts += [Replies().dialogue(key, language, topic="\0") for key in _APOLOGETIC]
    return any(text.partition("\0")[0] in reply for text in texts for reply in replies)


def _question(text: str, offers: Sequence[tuple[str, str]]) -> Event:
    return BotUttered(text, {"buttons": [{"title": title, "payload": f"/{payload}"} for title, payload in offers]})
