"""The support page's channel in Rasa's server: its routes, and the page itself at `/`.

The routes and what they answer are in docs/channel.md.
"""

from __future__ import annotations

import asyncio
import json
import logging
import re
import time
from collections.abc import Callable, Coroutine, Sequence
from functools import lru_cache, partial
from typing import Any, get_args

from pydantic import ValidationError
from rasa.core.agent import Agent
from rasa.core.channels.channel import InputChannel
from rasa.shared.exceptions import RasaException
from sanic import Blueprint, Sanic
from sanic.exceptions import SanicException
from sanic.request import Request
from sanic.response import HTTPResponse, empty, raw
from sanic.response import json as json_response

from bot.articles.issues import Product, common_issues
from bot.articles.language import normalise
from bot.articles.replies import ReplyError
from bot.channel import headers
from bot.channel.assets import Asset, asset, packed
from bot.channel.errors import RefusedError, malformed, token_refused
from bot.channel.limits import LimitError, Limits
from bot.channel.links import AllowedLinks
from bot.channel.redis_sessions import RedisSessions
from bot.channel.requests import address_of, bearer_token, check_origin, is_own, json_body, text_field
from bot.channel.sessions import MemorySessions, Session, SessionStore
from bot.channel.texts import Texts, wishes
from bot.channel.tokens import KeyFileError, Tokens, new_conversation, signing_key
from bot.channel.turns import CHANNEL, Conversations, OnNewMessage, Turn
from bot.channel.typed_text import safe_text
from bot.settings import Settings, get_settings
from bot.text.lexicon import LexiconError
from bot.text.masking_patterns import load_patterns
from bot.tickets import record

logger = logging.getLogger(__name__)

_PREFIX = f"/webhooks/{CHANNEL}"
_MESSAGE_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
_LANGUAGE_OF_PAGE = re.compile(rb'<html lang="[^"]*"')
_EVENT_STREAM = {**headers.data(), "X-Accel-Buffering": "no"}
_LONGEST_EMAIL = 254  # characters, RFC 5321
_REVALIDATE = "no-cache"
_FOREVER = "public, max-age=31536000, immutable"


class PageChannel(InputChannel):
    """Rasa's input channel for the support page.

    Args:
        settings: limits, keys, origins.

    Raises:
        KeyFileError: the signing key cannot be used.
        LimitError: a limit cannot be read.
        LexiconError: a word list cannot be used.
    """

    @classmethod
    def name(cls) -> str:
        """Returns the name under which domain and actions know the channel."""
        return CHANNEL

    @classmethod
    def from_credentials(cls, credentials: dict[str, Any] | None) -> PageChannel:
        """Creates the channel; everything that can be set is in the environment, see docs/channel.md.

        Raises:
            RasaException: a setting is wrong; Rasa prints the sentence.
        """
        try:
            return cls(get_settings())
        except (KeyFileError, LexiconError, LimitError, ReplyError, ValidationError) as error:
            raise RasaException(str(error)) from error

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._tokens = Tokens(signing_key(settings), settings.token_lifetime_seconds)
        self._limits = Limits(settings)
        self._links = AllowedLinks(settings)
        self._texts = Texts(self._links.hosts)
        load_patterns()  # takes a moment, and fails where a word list is broken: not in a customer's message
        redis = settings.redis_url
        self._store: SessionStore = (
            RedisSessions(redis.get_secret_value()) if redis else MemorySessions(settings.sessions_at_once)
        )
        self._embed_origins = settings.embed_origins.split()

    def blueprint(self, on_new_message: OnNewMessage) -> Blueprint:
        """Returns the routes, and what makes the app answer at `/`."""
        self._conversations = Conversations(
            self._store, self._texts, self._links, on_new_message, self._settings.turns_per_address
        )
        blueprint = _Blueprint("support_page", self._prepare_app)
        read, write = ("GET", "HEAD"), ("POST",)
        routes: list[tuple[str, str, tuple[str, ...], Callable[..., Any]]] = [
            ("asset", "/assets/<name:str>", read, self._asset),
            ("texts", "/texts/<name:str>", read, self._text_document),
            ("embed", "/embed.js", read, self._embed),
            ("frame", "/frame", read, self._frame),
            ("demo", "/demo", read, self._demo),
            ("begin", "/session", write, self._begin_session),
            ("end", "/session", ("DELETE",), self._end_session),
            ("message", "/messages", write, self._message),
            ("history", "/history", ("GET",), self._history),
            ("opened", "/opened", write, self._opened),
        ]
        for name, path, methods, handler in routes:
            # Sanic marks its handlers, which it cannot do to a method. Bodies are read as streams, up to our own limit.
            blueprint.add_route(partial(handler), path, methods=methods, stream=methods == write, name=name)
        blueprint.exception(Exception)(self._failed)
        return blueprint

    def _prepare_app(self, app: Sanic) -> None:
        """Answers at `/`, whose route is Rasa's own, and refuses in the agreed form what has no route."""
        app.config.PROXIES_COUNT = self._settings.proxies_count or None
        app.register_middleware(self._front_page, "request")
        app.error_handler.add(SanicException, self._unrouted)
        if isinstance(self._store, MemorySessions):
            app.register_listener(partial(_run_beside, self._store.forget_expired), "after_server_start")

    # Documents

    async def _front_page(self, request: Request) -> HTTPResponse | None:
        if request.path != "/" or request.method not in {"GET", "HEAD"}:
            return None
        return self._index(request, headers.page())

    async def _frame(self, request: Request) -> HTTPResponse:
        return self._index(request, headers.framed(self._embed_origins)) or self._unknown(request)

    async def _demo(self, request: Request) -> HTTPResponse:
        return self._file(request, "demo.html", headers.demo())

    async def _embed(self, request: Request) -> HTTPResponse:
        return self._file(request, "embed.js", headers.launcher())

    async def _asset(self, request: Request, name: str) -> HTTPResponse:
        return self._file(request, name, headers.COMMON)

    async def _text_document(self, request: Request, name: str) -> HTTPResponse:
        language = name.removesuffix(".json")
        if language not in self._texts.languages or name == language:
            return self._unknown(request)
        body, tag = self._texts.document(language)
        return _cached(request, Asset(body, _packed(body), "application/json", tag), headers.COMMON)

    def _index(self, request: Request, security: dict[str, str]) -> HTTPResponse | None:
        """Returns the page, marked with the visitor's language, None if it has not been built."""
        found = asset("index.html")
        if found is None:
            return None
        language = self._language(request)
        body = _in_language(found.body, language)
        page = Asset(body, _packed(body), found.type, f"{found.tag}-{language}")
        return _cached(request, page, {**security, "Vary": "Accept-Language, Accept-Encoding"})

    def _file(self, request: Request, name: str, security: dict[str, str]) -> HTTPResponse:
        found = asset(name)
        return _cached(request, found, security) if found else self._unknown(request)

    # Conversations

    async def _begin_session(self, request: Request) -> HTTPResponse:
        address = await self._admitted(request)
        content = await json_body(request, self._settings.body_bytes)
        self._check_parent(request, text_field(content, "parent_origin"))
        shown, accepted = text_field(content, "language"), wishes(_header(request, "accept-language"))
        language = self._texts.replies.answer_language(shown, *accepted)
        product, email = text_field(content, "product"), text_field(content, "email")
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
            page_locale=self._page_locale(language, shown, text_field(content, "locale"), accepted),
        )
        topics = [
            {"title": self._texts.replies.topic(intent, language), "payload": f"/{intent}"}
            for intent in common_issues()
        ]
        buttons = [offer.shown() for offer in session.offers.add("", topics)]
        await self._store.add(session)
        return _json(
            {
                "token": self._tokens.issue(session.conversation),
                "expires_in": self._tokens.lifetime,
                "language": language,
                "buttons": buttons,
            },
            status=201,
        )

    async def _end_session(self, request: Request) -> HTTPResponse:
        await self._admitted(request)
        await self._store.remove((await self._session(request)).conversation)
        return empty(204, headers=headers.data())

    async def _history(self, request: Request) -> HTTPResponse:
        await self._admitted(request)
        session = await self._session(request)
        offered = session.offers.open
        messages = [
            {**said, "buttons": [{**button, "open": button["id"] in offered} for button in said["buttons"]]}
            if "buttons" in said
            else said
            for said in session.messages
        ]
        return _json({"messages": messages, "language": session.language})

    async def _opened(self, request: Request) -> HTTPResponse:
        """Records that a document which was found for the customer has been opened."""
        await self._admitted(request)
        session = await self._session(request)
        content = await json_body(request, self._settings.body_bytes)
        search, file = text_field(content, "search"), text_field(content, "file")
        event = session.search_event(search or "", file or "")
        if event is None:
            raise malformed()
        await asyncio.get_running_loop().run_in_executor(None, record, lambda store: store.record_search(event))
        return empty(204, headers=headers.data())

    async def _message(self, request: Request) -> None:
        address = await self._admitted(request)
        session = await self._session(request)
        try:
            turn = await self._turn(request, session, address)
        except RefusedError as refusal:
            refusal.language = session.language
            raise
        response = await request.respond(content_type="text/event-stream", headers=_EVENT_STREAM)
        await response.send(":\n\n")  # the head goes out now: Sanic gives up on handlers that are silent for a minute
        async for part in turn.follow():
            await response.send(f"event: message\ndata: {json.dumps(part)}\n\n")
        await response.send("event: done\ndata: {}\n\n")
        await response.eof()

    async def _turn(self, request: Request, session: Session, address: str) -> Turn:
        """Returns the turn that answers the request's message, begun here unless it came before."""
        content = await json_body(request, self._settings.body_bytes)
        message, text, button, language = (text_field(content, name) for name in ("id", "text", "button", "language"))
        if message is None or not _MESSAGE_ID.fullmatch(message) or (text is None) == (button is None):
            raise malformed()
        message = message.lower()
        known = self._conversations.turn(session, message)
        if known is not None:
            return known
        if text is not None and len(text) > self._settings.message_length:
            raise RefusedError(413, "too_long", limit=str(self._settings.message_length))
        await self._limits.message(session.conversation, address, len(text or ""))
        said = safe_text(text or "")
        if text is not None and not said.text:
            raise RefusedError(400, "empty")
        agent: Agent = request.app.ctx.agent
        held = await self._store.hold(session.conversation)
        try:
            session = await self._known(session.conversation)  # as the server that was last has left it
            known = self._conversations.turn(session, message)  # the same message may have come while this one waited
            begun = session.has_begun(message)
            if known is None and begun:
                known = await self._conversations.spoken(session, message, agent)
            if known is None:
                if language in self._texts.languages:
                    session.choose_language(language)
                offer = session.offers.open_one(button) if button is not None else None
                if not begun:
                    session.remember({"from": "customer", "id": message, "text": offer.title if offer else said.text})
                await self._store.save(session)  # whoever takes over from a server that dies knows of the message
                if offer is not None:
                    return self._conversations.pressed(session, message, session.offers.take(offer.id), held, address)
                return self._conversations.typed(session, message, said, held, address)
        except BaseException:
            await held.release()
            raise
        await held.release()
        return known

    # Admission and refusal

    async def _admitted(self, request: Request) -> str:
        """Counts a request; returns the address it came from."""
        address = address_of(request, self._settings.proxies_count > 0)
        await self._limits.request(address)
        check_origin(request, self._settings.page_origin)
        return address

    async def _session(self, request: Request) -> Session:
        return await self._known(self._tokens.conversation(bearer_token(request)))

    async def _known(self, conversation: str | None) -> Session:
        session = await self._store.get(conversation) if conversation else None
        if session is None:
            raise token_refused()
        return session

    def _check_parent(self, request: Request, parent: str | None) -> None:
        """Refuses a page that may not embed the chat. Browsers keep it from showing the frame at all."""
        if parent and parent not in self._embed_origins and not is_own(request, parent, self._settings.page_origin):
            raise RefusedError(403, "origin")

    def _language(self, request: Request) -> str:
        asked = request.args.get("lang")
        return self._texts.replies.answer_language(asked, *wishes(_header(request, "accept-language")))

    def _page_locale(self, language: str, shown: str | None, locale: str | None, accepted: Sequence[str]) -> str:
        """Returns what the visitor most likely writes in; the bot may have no words in it.

        Args:
            language: the language of the page's words.
            shown: the language that the page asks for, None if it does not say.
            locale: the one that its address names (`?lang=`), None if it names none.
            accepted: what the browser asks for, most wanted first.
        """
        named = [code for wish in (locale, shown) if (code := normalise(wish)) and code not in self._texts.languages]
        # A page in another language than the browser's was chosen by the visitor.
        if not named and accepted and self._texts.replies.answer_language(*accepted) == language:
            named = [normalise(accepted[0])]
        return next(filter(None, named), language)

    def _failed(self, request: Request, error: Exception) -> HTTPResponse:
        """Turns whatever a route raises into its status."""
        if isinstance(error, RefusedError):
            return self._refused(request, error)
        if isinstance(error, SanicException):
            return self._refused(request, _refusal(error))
        logger.exception("The support page's server has failed.", exc_info=error)
        return self._refused(request, RefusedError(500, "failed"))

    def _unrouted(self, request: Request, error: SanicException) -> HTTPResponse | None:
        """Refuses what no route took, below the channel's address; elsewhere Rasa's server does."""
        if not request.path.startswith(_PREFIX):
            return None
        return self._refused(request, _refusal(error))

    def _unknown(self, request: Request) -> HTTPResponse:
        return self._refused(request, RefusedError(404, "not_found"))

    def _refused(self, request: Request, refusal: RefusedError) -> HTTPResponse:
        language = refusal.language or self._language(request)
        text = self._texts.replies.page(f"error_{refusal.code}", language, **refusal.values)
        response = _json({"error": refusal.code, "message": text, "language": language}, refusal.status)
        if refusal.retry_after is not None:
            response.headers["Retry-After"] = str(refusal.retry_after)
        if refusal.status == 401:
            response.headers["WWW-Authenticate"] = "Bearer"
        return response


class _Blueprint(Blueprint):
    """Routes that also prepare the app they are added to.

    Args:
        name: the blueprint's name.
        prepare: what is done to the app.
    """

    def __init__(self, name: str, prepare: Callable[[Sanic], None]) -> None:
        super().__init__(name)
        self.ctx.prepare = prepare

    def register(self, app: Sanic, options: dict[str, Any]) -> None:
        """Adds the routes to an app and prepares it."""
        super().register(app, options)  # type: ignore[no-untyped-call]  # Sanic's own has no types
        self.ctx.prepare(app)


async def _run_beside(work: Callable[[], Coroutine[Any, Any, None]], app: Sanic, loop: object) -> None:
    """Runs something beside the server, until that ends."""
    app.add_task(work(), name=work.__name__)  # a task without a name is not ended


def _refusal(error: SanicException) -> RefusedError:
    codes = {404: "not_found", 405: "not_found", 408: "failed", 413: "too_large"}
    status = int(getattr(error, "status_code", 500))
    return RefusedError(status, codes.get(status, "malformed" if status < 500 else "failed"))


def _json(content: dict[str, Any], status: int = 200) -> HTTPResponse:
    return json_response(content, status=status, headers=headers.data(), dumps=_dumps)


# Only ASCII: no proxy or old client can take the encoding for another.
_dumps: Callable[[Any], str] = json.dumps


def _cached(request: Request, found: Asset, security: dict[str, str]) -> HTTPResponse:
    """Sends a file, packed if the browser takes that, or tells that the browser has it already."""
    zipped = bool(found.packed) and "gzip" in _header(request, "accept-encoding").lower()
    tag = f'"{found.tag}{"-gzip" if zipped else ""}"'
    named = request.args.get("v") == found.tag
    sent = {"Vary": "Accept-Encoding", **security, "ETag": tag, "Cache-Control": _FOREVER if named else _REVALIDATE}
    if tag in _tags(_header(request, "if-none-match")):
        return empty(304, headers=sent)
    if zipped:
        sent["Content-Encoding"] = "gzip"
    return raw(found.packed if zipped else found.body, headers=sent, content_type=found.type)


def _tags(header: str) -> Sequence[str]:
    return [tag.strip().removeprefix("W/") for tag in header.split(",")]


def _header(request: Request, name: str) -> str:
    return str(request.headers.get(name, ""))


@lru_cache(maxsize=64)
def _packed(body: bytes) -> bytes:
    return packed(body)


@lru_cache(maxsize=64)
def _in_language(body: bytes, language: str) -> bytes:
    return _LANGUAGE_OF_PAGE.sub(f'<html lang="{language}"'.encode(), body, count=1)
