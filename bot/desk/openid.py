"""Signs agents in with OpenID Connect: authorization code flow with PKCE, at one provider, with Authlib.

Imported only where BOT_DESK_OPENID_ISSUER is set. Nothing of the provider is kept between two sign-ins: they are rare,
and its keys and addresses may change.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from threading import BoundedSemaphore
from typing import Any

import requests
from authlib.integrations.requests_client import OAuth2Session, OAuthError
from authlib.oidc.core import CodeIDToken
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet
from joserfc.jws import JWSRegistry
from starlette.requests import Request
from starlette.responses import Response

from bot.desk.accounts import ROLES, AccountError, Role
from bot.desk.desk import Desk, back
from bot.desk.gate import OPENID_CALLBACK, begin_session, set_cookie
from bot.settings import Settings

TRANSACTION_COOKIE = "desk_openid"
"""Cookie of a sign-in under way. `Lax`: the provider's redirect back must bring it."""
_TRANSACTION_LIFETIME = timedelta(minutes=10)
_ANSWER_SECONDS = 10
_AT_ONCE = 8  # a provider that does not answer must not take all threads of the desk
_LONGEST = 255  # of issuer and subject
# Neither none nor those of a shared secret, whatever the provider offers.
_SIGNATURES = [f"{kind}{bits}" for kind in ("RS", "PS", "ES") for bits in (256, 384, 512)]
_CLOCK_SECONDS = 60  # what clocks may differ by
# OpenID Connect wants TLS; a provider on this machine is one for trials.
_ISSUER = re.compile(r"https://[^\s?#]+|http://(127\.0\.0\.1|localhost)(:\d+)?(/[^\s?#]*)?")
logger = logging.getLogger(__name__)


class ProviderError(Exception):
    """The provider cannot be used; the message says what is wrong, where, and how to mend it."""


class SignInRefused(Exception):  # noqa: N818 - an answer rather than an error
    """Somebody is not signed in.

    Args:
        word: what the page says, a key of the desk's words.
        reason: what the audit log says.
        name: who it was, as far as that is known.
    """

    def __init__(self, word: str, reason: str, name: str = "") -> None:
        super().__init__(reason)
        self.word, self.reason, self.name = word, reason, name


@dataclass(frozen=True)
class Person:
    """Somebody whom the provider has signed in.

    Args:
        subject: their identity at the provider.
        name: what customers are to see.
        role: the highest that their values of the claim name.
        locale: such as `nb-NO`; empty where the provider does not say.
    """

    subject: str
    name: str
    role: Role
    locale: str


class OpenId:
    """The two addresses of the sign-in: one that sends to the provider, one that the provider sends back to.

    Args:
        desk: its stores and pages.
        settings: name the provider, the desk's client there, and the roles.
    """

    def __init__(self, desk: Desk, settings: Settings) -> None:
        self._desk = desk
        self._settings = settings
        self._issuer = settings.desk_openid_issuer
        self._places = BoundedSemaphore(_AT_ONCE)
        self._roles: dict[str, Role] = {}
        self._problem = ""
        try:
            self._roles = _checked_roles(settings)
        except ProviderError as error:
            self._problem = str(error)
            logger.error("signing in with OpenID Connect does not work: %s", error)  # the desk starts all the same

    def begin(self, request: Request) -> Response:
        """Sends the browser to the provider."""
        if request.state.agent:
            return back("/")
        transaction = secrets.token_urlsafe(32)
        try:
            with self._provider(request) as (session, metadata):
                sent = {name: _derived(transaction, name) for name in ("state", "nonce", "code_verifier")}
                url, _ = session.create_authorization_url(metadata["authorization_endpoint"], **sent)
        except ProviderError as error:
            return self._say_down(request, error)
        set_cookie(request, TRANSACTION_COOKIE, transaction, "Lax", _TRANSACTION_LIFETIME)
        return back(url)

    def finish(self, request: Request) -> Response:
        """Begins a session for whom the provider sends back, if it says that they have a role."""
        set_cookie(request, TRANSACTION_COOKIE, "", "Lax")  # each is good for one attempt
        accounts, address = self._desk.accounts, request.state.address
        try:
            person = self._person(request)
            language = self._desk.pages.replies.answer_language(person.locale)
            secret = accounts.sign_in_subject(self._issuer, person.subject, person.name, person.role, language)
        except SignInRefused as refused:
            accounts.note(refused.name, address, "failed to sign in", f"OpenID Connect: {refused.reason}")
            return self._desk.show_sign_in(request, refused.word, 403)
        except AccountError:
            accounts.note("", address, "failed to sign in", f"OpenID Connect: no name, subject {person.subject}")
            return self._desk.show_sign_in(request, "openid_no_name", 403)
        except ProviderError as error:
            return self._say_down(request, error)
        if agent := accounts.agent_of(secret):
            accounts.note(agent.name, address, "sign in", f"OpenID Connect: subject {person.subject}")
        begin_session(request, secret)
        return self._desk.pages.show(request, "signed_in.html")

    def _person(self, request: Request) -> Person:
        """Returns who has signed in, once everything about the answer is as it must be."""
        query, transaction = request.query_params, request.cookies.get(TRANSACTION_COOKIE, "")
        expected = _derived(transaction, "state")
        if not transaction or not hmac.compare_digest(query.get("state", "").encode(), expected.encode()):
            raise SignInRefused("openid_not_finished", "not begun in this browser, or too long ago")
        if query.get("iss", self._issuer) != self._issuer:
            raise SignInRefused("openid_not_finished", "from another issuer")
        if "code" not in query:
            raise SignInRefused("openid_not_finished", f"the provider says {query.get('error', '')[:80]!r}")
        with self._provider(request) as (session, metadata):
            token = session.fetch_token(
                metadata["token_endpoint"], code=query["code"], code_verifier=_derived(transaction, "code_verifier")
            )
            claims = self._verified(token, _get(metadata["jwks_uri"]), _derived(transaction, "nonce"))
            claims = self._completed(claims, session, metadata)
            return self._with_role(claims)

    def _verified(self, token: Mapping[str, Any], keys: Any, nonce: str) -> dict[str, Any]:
        """Returns the claims of the id token after a check of signature, issuer, audience, times and nonce."""
        read = jwt.decode(
            token["id_token"],
            KeySet.import_key_set(keys),
            registry=JWSRegistry(algorithms=_SIGNATURES, strict_check_header=False),
        )
        client = self._settings.desk_openid_client_id
        # Authlib checks issuer and audience only where it is told what they are to be.
        options = {"iss": {"essential": True, "value": self._issuer}, "aud": {"essential": True, "value": client}}
        expected = {"nonce": nonce, "client_id": client, "access_token": token.get("access_token")}
        claims = CodeIDToken(read.claims, read.header, options, expected)
        claims.validate(leeway=_CLOCK_SECONDS)
        return dict(claims)

    def _completed(self, claims: dict[str, Any], session: OAuth2Session, metadata: Mapping[str, Any]) -> dict[str, Any]:
        """Adds what the provider says at its address for claims: with many, the id token has the subject only."""
        if {"name", self._settings.desk_openid_claim} <= set(claims) or "userinfo_endpoint" not in metadata:
            return claims
        more = _json(session.get(metadata["userinfo_endpoint"]))
        if more.get("sub") != claims["sub"]:
            raise SignInRefused("openid_not_finished", "claims of another subject")
        return {**more, **claims}

    def _with_role(self, claims: Mapping[str, Any]) -> Person:
        """Returns whom verified claims are about; who has no role is signed out where they still were."""
        subject, name, locale = (str(claims.get(each) or "") for each in ("sub", "name", "locale"))
        if not subject or not subject.isascii() or not subject.isprintable() or len(subject) > _LONGEST:
            raise SignInRefused("openid_not_finished", "no subject, or one that OpenID Connect does not allow")
        said = claims.get(self._settings.desk_openid_claim)
        values = [each for each in (said if isinstance(said, list) else [said]) if isinstance(each, str)]
        roles = [self._roles[each] for each in values if each in self._roles]
        name = " ".join(name.split()) if name.isprintable() else ""
        if not roles:
            self._desk.accounts.sign_out_subject(self._issuer, subject)
            raise SignInRefused("openid_no_role", f"no role, subject {subject}", name)
        return Person(subject, name, max(roles, key=ROLES.index), locale)

    @contextmanager
    def _provider(self, request: Request) -> Iterator[tuple[OAuth2Session, dict[str, Any]]]:
        """Asks the provider what it offers; turns what goes wrong there into a `ProviderError` or `SignInRefused`."""
        if self._problem:
            raise ProviderError(self._problem)
        if not self._places.acquire(blocking=False):
            raise ProviderError(f"{self._issuer} is slow: {_AT_ONCE} sign-ins wait for its answer; look at its load.")
        address = f"{self._issuer.rstrip('/')}/.well-known/openid-configuration"
        try:
            metadata = _get(address)
            if metadata["issuer"] != self._issuer:
                raise ProviderError(
                    f"{address} is of the issuer {metadata['issuer']!r}; write that into BOT_DESK_OPENID_ISSUER."
                )
            with self._session(request, metadata) as session:
                yield session, metadata
        except JoseError as error:
            logger.warning("an id token of %s is refused: %s", self._issuer, error)
            raise SignInRefused("openid_not_finished", f"id token: {error}") from error
        except OAuthError as error:
            if error.error == "invalid_grant":
                raise SignInRefused(
                    "openid_not_finished", "the code is used up, too old or of somebody else"
                ) from error
            raise ProviderError(
                f"{self._issuer} refuses the desk ({error}); mend BOT_DESK_OPENID_CLIENT_ID, "
                f"BOT_DESK_OPENID_CLIENT_SECRET or the client there, which needs {_callback(request)}."
            ) from error
        except requests.RequestException as error:
            raise ProviderError(
                f"{self._issuer} does not answer as it should ({error}); is it up, and BOT_DESK_OPENID_ISSUER right?"
            ) from error
        except (KeyError, TypeError, ValueError) as error:
            raise ProviderError(
                f"what {self._issuer} answers is not OpenID Connect ({error!r}); is BOT_DESK_OPENID_ISSUER right?"
            ) from error
        finally:
            self._places.release()

    def _session(self, request: Request, metadata: Mapping[str, Any]) -> OAuth2Session:
        settings, secret = self._settings, self._settings.desk_openid_client_secret
        scopes = ["openid", "profile"]
        if settings.desk_openid_claim in metadata.get("scopes_supported", []):
            scopes.append(settings.desk_openid_claim)  # some give groups only where that is asked for
        ways = metadata.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        return OAuth2Session(
            settings.desk_openid_client_id,
            secret.get_secret_value() if secret else None,
            token_endpoint_auth_method="client_secret_basic" if "client_secret_basic" in ways else "client_secret_post",
            scope=" ".join(scopes),
            redirect_uri=_callback(request),
            code_challenge_method="S256",
            default_timeout=_ANSWER_SECONDS,
        )

    def _say_down(self, request: Request, error: ProviderError) -> Response:
        logger.error("signing in with OpenID Connect does not work: %s", error)
        return self._desk.show_sign_in(request, "openid_down", 503)


def _checked_roles(settings: Settings) -> dict[str, Role]:
    """Returns roles by the claim's values.

    Raises:
        ProviderError: a setting of the sign-in is missing or wrong.
    """
    issuer = settings.desk_openid_issuer
    if not _ISSUER.fullmatch(issuer) or len(issuer) > _LONGEST:
        raise ProviderError(f"BOT_DESK_OPENID_ISSUER is {issuer!r}; it must be an https address without ? and #.")
    if not settings.desk_openid_client_id or not settings.desk_openid_client_secret:
        raise ProviderError("BOT_DESK_OPENID_ISSUER needs BOT_DESK_OPENID_CLIENT_ID and BOT_DESK_OPENID_CLIENT_SECRET.")
    try:
        roles = json.loads(settings.desk_openid_roles)
    except ValueError:
        roles = None
    if not isinstance(roles, dict) or not roles or not all(role in ROLES for role in roles.values()):
        raise ProviderError(
            f"BOT_DESK_OPENID_ROLES is {settings.desk_openid_roles!r}; it must be a JSON object such as "
            f'{{"Support": "agent"}} with the roles {", ".join(ROLES)}.'
        )
    return roles


def _derived(transaction: str, purpose: str) -> str:
    """Returns `state`, `nonce` or `code_verifier` of a sign-in, from the secret in its cookie; the desk keeps none."""
    return hmac.new(transaction.encode(), purpose.encode(), hashlib.sha256).hexdigest()


def _callback(request: Request) -> str:
    """Returns where the provider sends back to: the host that was asked for, which the gate has checked."""
    return f"{'https' if request.state.secure else 'http'}://{request.headers['host']}{OPENID_CALLBACK}"


def _get(address: str) -> dict[str, Any]:
    return _json(requests.get(address, timeout=_ANSWER_SECONDS))


def _json(answer: requests.Response) -> dict[str, Any]:
    answer.raise_for_status()
    found = answer.json()
    if not isinstance(found, dict):
        raise ValueError(f"{answer.url} gives no JSON object")
    return found
