"""The support page's channel in Rasa's server: its routes (docs/page.md), and the page itself at `/`."""

from __future__ import annotations

import asyncio
import json
import logging
import re
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from functools import partial
from typing import Any, get_args

from rasa.core.channels.channel import InputChannel
from rasa.shared.exceptions import RasaException
from sanic import Blueprint, Sanic
from sanic.exceptions import SanicException
from sanic.request import Request
from sanic.response import HTTPResponse, empty

from bot.articles.issues import Product, common_issues
from bot.articles.replies import Replies, ReplyError
from bot.channel import headers, live_routes
from bot.channel.documents import Documents
from bot.channel.languages import page_languages, visitor_language
from bot.channel.limits import Limits
from bot.channel.live import LIVE, LiveChats, resume
from bot.channel.output import CHANNEL, Turn
from bot.channel.requests import address_of, as_refusal, bearer_token, check_origin, json_answer, text_fields
from bot.channel.tokens import Tokens, new_conversation, signing_key
from bot.channel.turns import Conversations, OnNewMessage
from bot.channel.typed_text import safe_text
from bot.serving.blueprint import AppBlueprint, run_beside
from bot.settings import Settings, SettingsError, get_settings
from bot.stores.conversations import ConversationsError
from bot.stores.session_stores import MemorySessions, open_sessions
from bot.stores.sessions import Session, SessionError
from bot.text.lexicon import LexiconError, default_folder
from bot.text.links import AllowedLinks
from bot.text.masking_patterns import load_patterns
from bot.tickets import record
from bot.tickets.model import SearchEvent

logger = logging.getLogger(__name__)

Handler = Callable[[Request, Session], Awaitable[HTTPResponse | None]]
_PREFIX = f"/webhooks/{CHANNEL}"
_MESSAGE_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_LONGEST_EMAIL = 254  # characters, RFC 5321


class PageChannel(InputChannel):
    """Rasa's input channel for the support page.

    Args:
        settings: limits, keys, origins.

    Raises:
        SettingsError: the signing key cannot be used, or a limit cannot be read.
        LexiconError: a word list cannot be used.
    """

    @classmethod
    def name(cls) -> str:
        """Returns the name under which domain and actions know the channel."""
        return CHANNEL

    @classmethod
    def from_credentials(cls, credentials: dict[str, Any] | None) -> PageChannel:
        """Creates the channel; everything that can be set is in the environment, see docs/operations.md.

        Raises:
            RasaException: a setting is wrong; Rasa prints the sentence.
        """
        try:
            return cls(get_settings())
        except (ConversationsError, LexiconError, ReplyError, SettingsError) as error:
            raise RasaException(str(error)) from error

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._tokens = Tokens(signing_key(settings), settings.token_lifetime_seconds)
        self._limits = Limits(settings)
        self._links = AllowedLinks(settings)
        self._replies = Replies()
        self._embed_origins = settings.embed_origins.split()
        self._documents = Documents(self._replies, self._links.hosts, self._embed_origins)
        load_patterns(default_folder())  # takes a moment, and fails where a list is broken: not in a customer's message
        self._store = open_sessions(settings)
        self._live = LiveChats(self._store) if settings.desk == "on" else None

    def blueprint(self, on_new_message: OnNewMessage) -> Blueprint:
        """Returns the routes, and what makes the app answer at `/`."""
        self._conversations = Conversations(
            self._store, self._replies, self._links, on_new_message, self._settings.turns_per_address, self._live
        )
        blueprint = AppBlueprint("support_page", self._prepare_app)
        documents, read, write = self._documents, ("GET", "HEAD"), ("POST",)
        routes: list[tuple[str, str, tuple[str, ...], Callable[..., Any]]] = [
            ("asset", "/assets/<name:str>", read, documents.file),
            ("texts", "/texts/<name:str>", read, documents.texts),
            ("embed", "/embed.js", read, partial(documents.file, name="embed.js", security=headers.LAUNCHER)),
            ("frame", "/frame", read, documents.frame),
            ("demo", "/demo", read, partial(documents.file, name="demo.html", security=headers.DEMO)),
            ("begin", "/session", write, self._begin_session),
            ("end", "/session", ("DELETE",), partial(self._with_session, self._end_session)),
            ("message", "/messages", write, self._message),
            ("history", "/history", ("GET",), partial(self._with_session, self._history)),
            ("opened", "/opened", write, partial(self._with_session, self._opened)),
        ]
        if self._live:
            follow, change = partial(live_routes.follow, self._live), partial(live_routes.change, self._fields)
            routes.append(("live", "/live", ("GET",), partial(self._with_session, follow)))
            routes.append(("live_change", "/live", write, partial(self._with_session, change)))
        for name, path, methods, handler in routes:
            # Sanic marks its handlers, which it cannot do to a method. Bodies are read as streams, up to our own limit.
            blueprint.add_route(partial(handler), path, methods=methods, stream=methods == write, name=name)
        blueprint.exception(Exception)(self._failed)
        return blueprint

    def _prepare_app(self, app: Sanic) -> None:
        """Answers at `/`, whose route is Rasa's own, and refuses in the agreed form what has no route."""
        app.config.PROXIES_COUNT = self._settings.proxies_count or None
        app.register_middleware(self._documents.front_page, "request")
        app.error_handler.add(SanicException, self._unrouted)
        if isinstance(self._store, MemorySessions):
            app.register_listener(partial(run_beside, self._store.tend), "after_server_start")
        if self._live:
            self._live.prepare_app(app, self._conversations.catch_up, self._conversations.offer_ticket)

    async def _begin_session(self, request: Request) -> HTTPResponse:
        address = await self._admitted(request)
        parent, shown, locale, product, email = await self._fields(
            request, "parent_origin", "language", "locale", "product", "email"
        )
        # Browsers keep a page that may not embed the chat from showing the frame at all.
        check_origin(request, parent or None, self._settings.page_origin, self._embed_origins)
        language, written = page_languages(request, self._replies, locale, shown)
        await self._limits.session(address)
        now = time.time()
        session = Session(
            conversation=new_conversation(),
            language=language,
            page_language=language,
            page_product=product if product in get_args(Product) else None,
            expires=now + self._tokens.lifetime,
            seen=now,
            page_email=email if email and len(email) <= _LONGEST_EMAIL else None,
            page_locale=written,
        )
        topics = [
            {"title": self._replies.topic(intent, language), "payload": f"/{intent}"} for intent in common_issues()
        ]
        begun = {
            "token": self._tokens.issue(session.conversation),
            "expires_in": self._tokens.lifetime,
            "language": language,
            "buttons": [offer.shown() for offer in session.offers.add("", topics)],
        }
        await self._store.add(session)
        return json_answer(begun, status=201)

    async def _end_session(self, request: Request, session: Session) -> HTTPResponse:
        if self._live:
            await self._live.leave(session.conversation)
        await self._store.remove(session.conversation)
        return empty(204, headers=headers.DATA)

    async def _history(self, request: Request, session: Session) -> HTTPResponse:
        history = await self._live.history(session) if self._live else {"messages": session.messages}
        shown = [session.shown(entry) for entry in history["messages"] if self._live or entry["from"] != LIVE]
        return json_answer({**history, "messages": shown, "language": session.language})

    async def _opened(self, request: Request, session: Session) -> HTTPResponse:
        """Records that a document which was found for the customer has been opened."""
        search, file = await self._fields(request, "search", "file")
        found = (entry for entry in session.messages if entry.get("type") == "documents" and entry["search"] == search)
        languages = [entry["language"] for entry in found if any(link["file"] == file for link in entry["links"])]
        if search is None or file is None or not languages:
            raise SessionError(400, "malformed")
        event = SearchEvent(
            search_id=search,
            conversation_id=session.conversation,
            kind="opened",
            language=languages[0],
            documents=(file,),
        )
        await asyncio.to_thread(record, lambda store: store.record_search(event))
        return empty(204, headers=headers.DATA)

    async def _message(self, request: Request) -> None:
        address = await self._admitted(request)
        session = await self._session(request, self._tokens.conversation(bearer_token(request)))
        request.ctx.session = session  # its language is that of a refusal
        turn = await self._turn(request, session, address)
        response = await request.respond(content_type="text/event-stream", headers=headers.EVENT_STREAM)
        await response.send(":\n\n")  # the head goes out now: Sanic gives up on handlers that are silent for a minute
        async for part in turn.follow():
            await response.send(f"event: message\ndata: {json.dumps(part)}\n\n")
        if not turn.broken:  # without `done` the page sends the message again
            await response.send("event: done\ndata: {}\n\n")
        await response.eof()

    async def _turn(self, request: Request, session: Session, address: str) -> Turn:
        """Returns the turn that answers the request's message, begun here unless it came before."""
        message, text, button, language = await self._fields(request, "id", "text", "button", "language")
        if message is None or not _MESSAGE_ID.fullmatch(message) or (text is None) == (button is None):
            raise SessionError(400, "malformed")
        message = message.lower()
        if text is not None and len(text) > self._settings.message_length:
            raise SessionError(413, "too_long", limit=str(self._settings.message_length))
        typed = safe_text(text or "")
        if text is not None and not typed.text:
            raise SessionError(400, "empty")
        if (known := self._conversations.turn(session, message, button or typed.text)) is not None:
            return known
        await self._limits.message(session.conversation, address, len(text or ""))
        lock, agent = await self._store.lock(session.conversation), request.app.ctx.agent
        async with AsyncExitStack() as unlocking:
            unlocking.push_async_callback(lock.release)
            session = await self._session(request, session.conversation)  # as the server that was last has left it
            # The same message may have come while this one waited.
            known = self._conversations.turn(session, message, button or typed.text)
            if known is None and session.content(message) is not None:
                known = await self._conversations.recover(session, message, agent)
            if known is not None:
                return known
            if not self._live:
                await resume(agent, session)
            if language in self._replies.languages():
                session.choose_language(language)
            content = typed if button is None else session.offers.find(button)
            await self._conversations.note(session, message, content, agent)
            if button is not None:
                session.offers.take(button)
            turn = self._conversations.begin(session, message, content, lock, address)
            unlocking.pop_all()  # it is unlocked when the turn is over
        return turn

    # Admission and refusal

    async def _admitted(self, request: Request) -> str:
        """Counts a request; returns the address it came from."""
        address = address_of(request, self._settings.proxies_count > 0)
        await self._limits.request(address)
        check_origin(request, request.headers.get("origin"), self._settings.page_origin)
        return address

    async def _with_session(self, handler: Handler, request: Request) -> HTTPResponse | None:
        """Counts a request, and has it answered with the conversation of its token."""
        await self._admitted(request)
        return await handler(request, await self._session(request, self._tokens.conversation(bearer_token(request))))

    async def _fields(self, request: Request, *names: str) -> list[str | None]:
        return await text_fields(request, self._settings.body_bytes, *names)

    async def _session(self, request: Request, conversation: str | None) -> Session:
        agent = request.app.ctx.agent
        session = await self._conversations.session(conversation, agent) if conversation else None
        if session is None:
            raise SessionError(401, "token")  # missing, forged, expired or revoked: it does not say which
        return session

    def _failed(self, request: Request, error: Exception) -> HTTPResponse:
        """Turns whatever a route raises into its status."""
        if not isinstance(error, (SanicException, SessionError)):
            logger.exception("The support page's server has failed.", exc_info=error)
        error = as_refusal(error)
        session = getattr(request.ctx, "session", None)
        language = session.language if session else visitor_language(request, self._replies)
        text = self._replies.page(f"error_{error.code}", language, **error.values)
        response = json_answer({"error": error.code, "message": text, "language": language}, error.status)
        if error.retry_after is not None:
            response.headers["Retry-After"] = str(error.retry_after)
        if error.status == 401:
            response.headers["WWW-Authenticate"] = "Bearer"
        return response

    def _unrouted(self, request: Request, error: SanicException) -> HTTPResponse | None:
        """Refuses what no route took, below the channel's address; elsewhere Rasa's server does."""
        return self._failed(request, error) if request.path.startswith(_PREFIX) else None
