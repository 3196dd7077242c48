"""Rasa's channel for Chatwoot's agent bot: answers a customer's message at most once, until a person takes over."""

from __future__ import annotations

import asyncio
import json
import logging
import time
from functools import partial
from typing import Any

from rasa.core.agent import Agent
from rasa.core.channels.channel import InputChannel, OutputChannel, UserMessage
from rasa.shared.core.events import UserUttered
from rasa.shared.exceptions import RasaException
from sanic import Blueprint
from sanic.request import Request
from sanic.response import HTTPResponse
from sanic.response import json as json_response

from bot import metrics
from bot.channel.output import APOLOGIES, WAITING
from bot.channel.turns import OnNewMessage
from bot.channel.typed_text import safe_text
from bot.settings import Settings, get_settings
from bot.tickets.delivery.chatwoot import as_markdown
from bot.tickets.delivery.http_api import HttpApi
from bot.tickets.delivery.target import DeliveryError
from bot.tickets.signature import SignatureError, check_chatwoot

logger = logging.getLogger(__name__)
CHANNEL = "chatwoot"
# Chatwoot waits five seconds for us, and then gives the conversation to a person.
_ANSWER_SECONDS = 4.0


class ChatwootOutput(OutputChannel):
    """Collects what the bot says in a turn; Chatwoot gets it as one message.

    Attributes:
        parts: the texts; buttons are lines with their titles, which customers type.
        hands_over: whether the customer waits for a person now, or the bot could not answer.
    """

    @classmethod
    def name(cls) -> str:
        """Returns the name under which domain and actions know the channel."""
        return CHANNEL

    def __init__(self) -> None:
        self.parts: list[str] = []
        self.hands_over = False

    async def send_response(self, recipient_id: str, message: dict[str, Any]) -> None:
        """Takes one utterance."""
        titles = [f"- {button['title']}" for button in message.get("buttons") or []]
        text = "\n".join(filter(None, (message.get("text"), *titles)))
        if text:
            self.parts.append(text)
        self.hands_over |= (message.get("custom") or {}).get("type") == WAITING
        self.hands_over |= message.get("utter_action") in APOLOGIES


class ChatwootChannel(InputChannel):
    """Rasa's input channel for Chatwoot's agent bots, at `POST /webhooks/chatwoot/events` (docs/tickets.md).

    A conversation is the bot's while it is pending; an open one has been handed to people. It is handed over where the
    customer asks for a person, and by Chatwoot itself where we answer with an error.

    Args:
        settings: Chatwoot's address, the bot's token and secret; without an address there is no such route.

    Raises:
        RasaException: token or secret is missing.
    """

    @classmethod
    def name(cls) -> str:
        """Returns the name under which domain and actions know the channel."""
        return CHANNEL

    @classmethod
    def from_credentials(cls, credentials: dict[str, Any] | None) -> ChatwootChannel:
        """Creates the channel; everything that can be set is in the environment, see docs/tickets.md."""
        return cls(get_settings())

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._url = str(settings.chatwoot_bot_url or "")
        token, secret = settings.chatwoot_bot_token, settings.chatwoot_bot_secret
        if self._url and not (token and secret):
            raise RasaException("BOT_CHATWOOT_BOT_URL needs BOT_CHATWOOT_BOT_TOKEN and BOT_CHATWOOT_BOT_SECRET.")
        self._token = token.get_secret_value() if token else ""
        self._key = secret.get_secret_value().encode() if secret else b""

    def blueprint(self, on_new_message: OnNewMessage) -> Blueprint:
        """Returns the route, none where Chatwoot is not set."""
        blueprint = Blueprint("chatwoot")
        if self._url:
            # Sanic marks its handlers, which it cannot do to a method.
            blueprint.add_route(partial(self._take, on_new_message), "/events", methods=("POST",), name="events")
        return blueprint

    async def _take(self, on_new_message: OnNewMessage, request: Request) -> HTTPResponse:
        """Answers one event; errors make Chatwoot give the conversation to a person."""
        try:
            check_chatwoot(self._key, request.headers, request.body, time.time())
            event = json.loads(request.body)
            if not _is_ours(event):
                return json_response({"answered": False})
            answered = await self._answer_once(on_new_message, request.app.ctx.agent, event)
        except SignatureError as error:
            return json_response({"error": str(error)}, 401)
        except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
            return json_response({"error": f"This is no event of Chatwoot's ({error!r})."}, 422)
        except Exception as error:
            logger.exception("A message from Chatwoot could not be answered.")
            metrics.FAILURES.inc()
            problem = str(error) if isinstance(error, DeliveryError) else "The bot cannot answer now."
            return json_response({"error": problem}, 502)
        return json_response({"answered": answered})

    async def _answer_once(self, on_new_message: OnNewMessage, agent: Agent, event: dict[str, Any]) -> bool:
        """Gives a message to Rasa and its answer to Chatwoot; returns False where it was answered before."""
        account, conversation = int(event["account"]["id"]), int(event["conversation"]["id"])
        sender, message_id = f"{CHANNEL}-{account}-{conversation}", f"{CHANNEL}-{int(event['id'])}"
        safe = safe_text(str(event["content"])[: self._settings.message_length])
        output = ChatwootOutput()
        # Rasa's own lock is for each message; this one is for whether it came before, too.
        async with agent.lock_store.lock(f"{sender}-once"):
            tracker = await agent.tracker_store.retrieve(sender)
            events = tracker.events if tracker is not None else ()
            if not safe.text or any(isinstance(each, UserUttered) and each.message_id == message_id for each in events):
                return False
            metadata = {"email": (event.get("sender") or {}).get("email")}
            await on_new_message(
                UserMessage(safe.text, output, sender, input_channel=CHANNEL, message_id=message_id, metadata=metadata)
            )
            await asyncio.to_thread(self._send, account, conversation, output)
        return bool(output.parts)

    def _send(self, account: int, conversation: int, output: ChatwootOutput) -> None:
        base = f"{self._url.rstrip('/')}/api/v1/accounts/{account}"
        api = HttpApi("Chatwoot", base, {"api_access_token": self._token}, _ANSWER_SECONDS, "BOT_CHATWOOT_BOT_TOKEN")
        if output.parts:
            text = as_markdown("\n\n".join(output.parts), keeps_links=True)
            answer = {"content": text, "message_type": "outgoing", "private": False}
            api.call("POST", f"conversations/{conversation}/messages", creates=True, json=answer)
        if output.hands_over:
            api.call("POST", f"conversations/{conversation}/toggle_status", json={"status": "open"})


def _is_ours(event: dict[str, Any]) -> bool:
    """Tells whether an event is a message that the bot answers: a customer's, in a conversation that no person has."""
    return bool(
        event["event"] == "message_created"
        and event["message_type"] == "incoming"
        and not event.get("private")
        and event["content"]
        and event["conversation"]["status"] == "pending"
    )
