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
from contextlib import contextmanager, suppress
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

from bot.articles.replies import Replies
from bot.desk.accounts import ROLES, AccountError, Role
from bot.desk.desk import Desk, back, render
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
    """The provider cannot be used; the message says what is wrong, where, and how to correct it."""


class SignInRefused(Exception):  # noqa: N818 - an answer rather than an error
    """Somebody is not signed in.

    Args:
        reason: what the audit log says.
        name: who it was, as far as that is known.
        word: what the page says, a key of the desk's words.
    """

    def __init__(self, reason: str, name: str = "", word: str = "openid_not_finished") -> None:
        super().__init__(reason)
        self.name, self.word = name, word


class OpenId:
    """The two addresses of the sign-in: one that sends to the provider, one that the provider sends back to.

    Args:
        desk: its settings name the provider, the desk's client there, and the roles.
    """

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._issuer = desk.settings.desk_openid_issuer
        self._places = BoundedSemaphore(_AT_ONCE)
        try:
            _checked_roles(desk.settings)
        except ProviderError as error:
            logger.error("signing in with OpenID Connect does not work: %s", error)  # the desk starts all the same

    def begin(self, request: Request) -> Response:
        """Sends the browser to the provider."""
        if request.state.agent:
            return back("/")
        transaction = secrets.token_urlsafe(32)
        with self._provider(request) as (session, metadata):
            sent = {name: _derived(transaction, name) for name in ("state", "nonce", "code_verifier")}
            url, _ = session.create_authorization_url(metadata["authorization_endpoint"], **sent)
        set_cookie(request, TRANSACTION_COOKIE, transaction, "Lax", _TRANSACTION_LIFETIME)
        return back(url)

    def finish(self, request: Request) -> Response:
        """Begins a session for whom the provider sends back, if it says that they have a role."""
        set_cookie(request, TRANSACTION_COOKIE, "", "Lax")  # each is good for one attempt
        accounts, claims = self._desk.accounts, self._claims(request)
        secret = self._sign_in(claims)
        if agent := accounts.agent_of(secret):
            accounts.note(agent.name, request.state.address, "sign in", f"OpenID Connect: subject {claims['sub']}")
        begin_session(request, secret)
        return render(request, "signed_in.html")

    def refuse(self, request: Request, refused: SignInRefused) -> Response:
        """Shows the sign-in page to somebody who is not let in, with the reason."""
        self._desk.accounts.note(refused.name, request.state.address, "failed to sign in", f"OpenID Connect: {refused}")
        return self._desk.show_sign_in(request, refused.word, 403)

    def say_down(self, request: Request, error: ProviderError) -> Response:
        """Shows the sign-in page where the provider cannot be used."""
        logger.error("signing in with OpenID Connect does not work: %s", error)
        return self._desk.show_sign_in(request, "openid_down", 503)

    def _claims(self, request: Request) -> dict[str, Any]:
        """Returns the claims about who has signed in, after all checks of the provider's answer."""
        query, transaction = request.query_params, request.cookies.get(TRANSACTION_COOKIE, "")
        expected = _derived(transaction, "state")
        if not transaction or not hmac.compare_digest(query.get("state", "").encode(), expected.encode()):
            raise SignInRefused("not begun in this browser, or too long ago")
        if query.get("iss", self._issuer) != self._issuer:
            raise SignInRefused("from another issuer")
        if "code" not in query:
            raise SignInRefused(f"the provider says {query.get('error', '')[:80]!r}")
        with self._provider(request) as (session, metadata):
            verifier = _derived(transaction, "code_verifier")
            token = session.fetch_token(metadata["token_endpoint"], code=query["code"], code_verifier=verifier)
            keys = _json(requests, metadata["jwks_uri"])
            claims = self._verified(token, keys, _derived(transaction, "nonce"))
            if not {"name", self._desk.settings.desk_openid_claim} <= set(claims) and "userinfo_endpoint" in metadata:
                more = _json(session, metadata["userinfo_endpoint"])  # many have only the subject in the id token
                if more.get("sub") != claims["sub"]:
                    raise SignInRefused("claims of another subject")
                claims = {**more, **claims}
        return claims

    def _verified(self, token: Mapping[str, Any], keys: Any, nonce: str) -> dict[str, Any]:
        """Returns the claims of the id token after a check of signature, issuer, audience, times and nonce."""
        registry = JWSRegistry(algorithms=_SIGNATURES, strict_check_header=False)
        read = jwt.decode(token["id_token"], KeySet.import_key_set(keys), registry=registry)
        client = self._desk.settings.desk_openid_client_id
        # Authlib checks issuer and audience only where it is told what they are to be.
        options = {"iss": {"essential": True, "value": self._issuer}, "aud": {"essential": True, "value": client}}
        expected = {"nonce": nonce, "client_id": client, "access_token": token.get("access_token")}
        claims = CodeIDToken(read.claims, read.header, options, expected)
        claims.validate(leeway=_CLOCK_SECONDS)
        return dict(claims)

    def _sign_in(self, claims: Mapping[str, Any]) -> str:
        """Begins a session of whom verified claims are about; who has no role is signed out where they still were."""
        subject, name, locale = (str(claims.get(each) or "") for each in ("sub", "name", "locale"))
        if not subject or not subject.isascii() or not subject.isprintable() or len(subject) > _LONGEST:
            raise SignInRefused("no subject, or one that OpenID Connect does not allow")
        claimed = claims.get(self._desk.settings.desk_openid_claim)
        values = [each for each in (claimed if isinstance(claimed, list) else [claimed]) if isinstance(each, str)]
        known = _checked_roles(self._desk.settings)
        roles = [known[each] for each in values if each in known]
        name = " ".join(name.split()) if name.isprintable() else ""
        if not roles:
            self._desk.accounts.sign_out_subject(self._issuer, subject)
            raise SignInRefused(f"no role, subject {subject}", name, "openid_no_role")
        role, language = max(roles, key=ROLES.index), Replies().answer_language(locale)
        try:
            return self._desk.accounts.sign_in_subject(self._issuer, subject, name, role, language)
        except AccountError as error:
            raise SignInRefused(f"no name, subject {subject}", word="openid_no_name") from error

    @contextmanager
    def _provider(self, request: Request) -> Iterator[tuple[OAuth2Session, dict[str, Any]]]:
        """Asks the provider what it offers; turns what goes wrong there into a `ProviderError` or `SignInRefused`."""
        _checked_roles(self._desk.settings)
        if not self._places.acquire(blocking=False):
            raise ProviderError(f"{self._issuer} is slow: {_AT_ONCE} sign-ins wait for its answer; look at its load.")
        address = f"{self._issuer.rstrip('/')}/.well-known/openid-configuration"
        try:
            metadata = _json(requests, address)
            issuer = metadata["issuer"]
            if issuer != self._issuer:
                raise ProviderError(f"{address} is of the issuer {issuer!r}; write that into BOT_DESK_OPENID_ISSUER.")
            with self._session(request, metadata) as session:
                yield session, metadata
        except JoseError as error:
            logger.warning("an id token of %s is refused: %s", self._issuer, error)
            raise SignInRefused(f"id token: {error}") from error
        except OAuthError as error:
            if error.error == "invalid_grant":
                raise SignInRefused("the code is used up, too old or of somebody else") from error
            raise ProviderError(
                f"{self._issuer} refuses the desk ({error}); correct BOT_DESK_OPENID_CLIENT_ID, "
                f"BOT_DESK_OPENID_CLIENT_SECRET or the client there, which needs {_callback(request)}."
            ) from error
        except requests.RequestException as error:
            problem = (
                f"{self._issuer} does not answer as it should ({error}); is it up, and BOT_DESK_OPENID_ISSUER right?"
            )
            raise ProviderError(problem) from error
        except (KeyError, TypeError, ValueError) as error:
            problem = f"what {self._issuer} answers is not OpenID Connect ({error!r}); is BOT_DESK_OPENID_ISSUER right?"
            raise ProviderError(problem) from error
        finally:
            self._places.release()

    def _session(self, request: Request, metadata: Mapping[str, Any]) -> OAuth2Session:
        settings, secret = self._desk.settings, self._desk.settings.desk_openid_client_secret
        claim, offered = settings.desk_openid_claim, metadata.get("scopes_supported", [])
        # Some give groups only where that is asked for.
        scope = f"openid profile {claim}" if claim in offered else "openid profile"
        ways = metadata.get("token_endpoint_auth_methods_supported", ["client_secret_basic"])
        return OAuth2Session(
            settings.desk_openid_client_id,
            secret.get_secret_value() if secret else None,
            token_endpoint_auth_method="client_secret_basic" if "client_secret_basic" in ways else "client_secret_post",
            scope=scope,
            redirect_uri=_callback(request),
            code_challenge_method="S256",
            default_timeout=_ANSWER_SECONDS,
        )


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
    with suppress(TypeError, ValueError):  # no JSON, or values that are lists or objects
        roles = json.loads(settings.desk_openid_roles)
        if isinstance(roles, dict) and roles and set(roles.values()) <= set(ROLES):
            return roles
    problem = f'must be a JSON object such as {{"Support": "agent"}} with the roles {", ".join(ROLES)}.'
    raise ProviderError(f"BOT_DESK_OPENID_ROLES is {settings.desk_openid_roles!r}; it {problem}")


def _derived(transaction: str, purpose: str) -> str:
    """Returns `state`, `nonce` or `code_verifier` of a sign-in, from the secret in its cookie; the desk keeps none."""
    return hmac.new(transaction.encode(), purpose.encode(), hashlib.sha256).hexdigest()


def _callback(request: Request) -> str:
    """Returns where the provider sends back to: the host that was asked for, which the gate has checked."""
    return f"{'https' if request.state.secure else 'http'}://{request.headers['host']}{OPENID_CALLBACK}"


def _json(client: Any, address: str) -> dict[str, Any]:
    """Returns the JSON object at an address, which `requests` or a session of it asks for."""
    answer = client.get(address, timeout=_ANSWER_SECONDS)
    answer.raise_for_status()
    found = answer.json()
    if not isinstance(found, dict):
        raise ValueError(f"{answer.url} gives no JSON object")
    return found
