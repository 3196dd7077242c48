"""The desk's parts, which every page gets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sqlalchemy.engine import Engine
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.articles.parts import ArticleStore
from bot.desk.accounts import Accounts, Agent
from bot.desk.pages import Pages
from bot.phrases.review import Review
from bot.settings import Settings
from bot.stores.conversations import open_conversations
from bot.stores.live import LiveStore
from bot.stores.regression_runs import PastRuns
from bot.tickets.signature import read_secret
from bot.tickets.store import TicketStore


class Refused(Exception):  # noqa: N818 - an answer rather than an error
    """A request cannot be answered.

    Args:
        status: HTTP status: 404 for what is not there or not for this agent, 409 for what has changed meanwhile, 422
            for a form that does not fit.
    """

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@dataclass(frozen=True)
class Desk:
    """Stores and pages of the desk.

    Args:
        status_key: key by which other help desks sign what became of a ticket, None where none may tell it.
        vendor_keys: name of a help desk whose own webhooks are taken -> key that it signs them with.
        runs: the nightly runs of the regression.
        review: decisions on messages that may become training phrases.
        articles_database: the imported articles.
        has_openid: whether the sign-in page offers OpenID Connect.
    """

    tickets: TicketStore
    live: LiveStore
    conversations: Engine
    accounts: Accounts
    articles: ArticleStore
    pages: Pages
    status_key: bytes | None
    vendor_keys: Mapping[str, bytes]
    runs: PastRuns
    review: Review
    articles_database: Path
    has_openid: bool = False

    @staticmethod
    def open(settings: Settings) -> Desk:
        """Opens the databases that the settings name.

        Raises:
            DatabaseError: one of them cannot be used.
            DeskWordsError: the desk's words cannot be read.
            ValueError: the secret of other help desks cannot be read.
        """
        secret = settings.tickets_status_secret
        vendor_secrets = {
            "zammad": settings.tickets_zammad_status_secret,
            "chatwoot": settings.tickets_chatwoot_status_secret,
        }
        url = settings.tickets_database.get_secret_value()
        tickets = TicketStore(url)
        return Desk(
            tickets,
            LiveStore(url),
            open_conversations(settings.tracker_database.get_secret_value()),
            Accounts(tickets),
            ArticleStore(settings.data_dir / "articles"),
            Pages(),
            read_secret(secret.get_secret_value()) if secret else None,
            {name: key.get_secret_value().encode() for name, key in vendor_secrets.items() if key},
            PastRuns(settings.regression_database.get_secret_value()),
            Review.of(tickets, settings),
            settings.articles_database,
            bool(settings.desk_openid_issuer),
        )

    def note(self, request: Request, action: str, object_: str = "") -> None:
        """Writes a line of the audit log about the agent who asks."""
        self.accounts.note(request.state.agent.name, request.state.address, action, object_)

    def note_seen(self, request: Request, kind: str, object_: str) -> None:
        """Writes that the agent sees something, once in five minutes: open pages look again and again."""
        agent = request.state.agent.name
        if not self.accounts.has_noted(agent, f"see {kind}", object_):
            self.note(request, f"see {kind}", object_)

    def show(self, request: Request, template: str, **values: Any) -> Response:
        """Renders a page with what stands on every one: how many customers wait."""
        waiting = [state for state in self.live.waiting() if state.state == "waiting"]
        return self.pages.show(request, template, waiting_count=len(waiting), **values)

    def show_sign_in(self, request: Request, problem: str = "", status: int = 200, name: str = "") -> Response:
        """Renders the sign-in page.

        Args:
            request: what asks for it.
            problem: what went wrong, a key of the desk's words.
            status: HTTP status.
            name: what stands in its field for the name.
        """
        return self.pages.show(request, "sign_in.html", status, problem=problem, openid=self.has_openid, name=name)


def agent_of(request: Request) -> Agent:
    """Returns the agent who asks; the gate lets nobody else in."""
    agent: Agent = request.state.agent
    return agent


def field(request: Request, name: str, longest: int = 4000) -> str:
    """Returns a field of the form that was sent, without blanks around it.

    Raises:
        Refused: it is missing, empty or too long.
    """
    value = str(request.state.form.get(name, "")).strip()
    if not value or len(value) > longest:
        raise Refused(422)
    return value


def back(path: str) -> RedirectResponse:
    """Returns the answer to a form: a page to load, so that loading it again sends nothing twice."""
    return RedirectResponse(path, 303)
