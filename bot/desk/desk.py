"""Parts that all pages of the agents' desk share: databases, templates, texts, recommended steps, helpers for forms."""

from __future__ import annotations

from contextlib import suppress
from datetime import datetime, timezone
from functools import lru_cache, partial
from typing import Any, cast

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from bot.articles.issues import load_issues
from bot.articles.model import Article, Link
from bot.articles.parts import ArticleNotFound, ArticleStore, Variant, documents, variants
from bot.articles.replies import FALLBACK_LANGUAGE, Replies
from bot.desk.accounts import Accounts, Agent
from bot.phrases.review import Review
from bot.settings import Settings, get_settings
from bot.stores.conversations import open_conversations
from bot.stores.live import LiveStore
from bot.text.limited_markdown import visible
from bot.text.yaml_files import read_yaml
from bot.tickets.model import now
from bot.tickets.signature import read_secret
from bot.tickets.store import TicketStore


def _age(at: datetime) -> str:
    """Returns how long ago a moment is, such as `5 min`, `3 h` or `12 d`."""
    minutes = max(0, int((now() - at).total_seconds() // 60))
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} d"


# Everything is escaped; no template marks anything as safe.
_TEMPLATES = Environment(loader=PackageLoader("bot.desk"), autoescape=True, undefined=StrictUndefined, trim_blocks=True)
_TEMPLATES.filters.update(age=_age, moment="{:%Y-%m-%d %H:%M} UTC".format, visible=visible)
_TEMPLATES.filters["from_timestamp"] = partial(datetime.fromtimestamp, tz=timezone.utc)


Steps = tuple[Article, list[Variant], tuple[Link, ...]]
"""An article, its first answers for the product (all where that is not known), and the recommended documents."""


class Refused(HTTPException):
    """A request cannot be answered.

    Args:
        status_code: 403 for what needs another role, 404 for what is not there or not for this agent, 409 for what has
            changed meanwhile, 410 for what is kept no longer, 422 for a form that does not fit.
    """


class Desk:
    """Stores of the desk.

    Args:
        settings: name the databases.

    Raises:
        DatabaseError: one of the databases cannot be used.
        ValueError: the desk's words, or the secret of other help desks, cannot be read.
    """

    def __init__(self, settings: Settings) -> None:
        url, secret = settings.tickets_database.get_secret_value(), settings.tickets_status_secret
        self.settings = settings
        self.tickets = TicketStore(url)
        self.live = LiveStore(url)
        self.conversations = open_conversations(settings.tracker_database.get_secret_value())
        self.accounts = Accounts(self.tickets)
        self.articles = ArticleStore(settings.data_dir / "articles")
        self.status_key = read_secret(secret.get_secret_value()) if secret else None
        self.review = Review(self.tickets, settings)
        load_issues()  # what is wrong with these is said at the start
        words()

    def note(self, request: Request, action: str, object_: str = "") -> None:
        """Writes a line of the audit log about the agent who asks, as `Accounts.note` does."""
        self.accounts.note(request.state.agent.name, request.state.address, action, object_)

    def show(self, request: Request, template: str, **values: Any) -> Response:
        """Renders a page, which has the conversations that are live: how many customers wait stands on every one."""
        return render(request, template, live=self.live.waiting(), **values)

    def show_sign_in(self, request: Request, problem: str = "", status: int = 200, name: str = "") -> Response:
        """Renders the sign-in page.

        Args:
            request: what asks for it.
            problem: what went wrong, a key of the desk's words.
            status: HTTP status.
            name: what stands in its field for the name.
        """
        openid = self.settings.desk_openid_issuer
        return render(request, "sign_in.html", status, problem=problem, openid=openid, name=name)

    def steps(self, request: Request, issue: str | None, product: str | None, language: str) -> list[Steps]:
        """Returns the recommended steps of an issue in the languages of agent and customer; English is the fallback.

        Args:
            request: of the agent; its query's `steps` may name another language than the agent's.
            issue: the intent, None where none was recognised.
            product: the customer's, None where it is not known.
            language: the customer's, ISO 639-1.

        Returns:
            One for each language that was found; none where there is no article on the issue.
        """
        found: dict[str, Steps] = {}
        for wanted in (request.query_params.get("steps") or agent_of(request).language, language):
            with suppress(ArticleNotFound):
                article = self.articles.article(issue or "", wanted)
                fitting = [each for each in variants(article) if product is None or each.product in (product, None)]
                found[article.language] = article, fitting, documents(article, product)
        return list(found.values())


def agent_of(request: Request) -> Agent:
    """Returns the agent who asks; the gate lets nobody else in."""
    return cast(Agent, request.state.agent)


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


def render(request: Request, template: str, status: int = 200, **values: Any) -> Response:
    """Renders a page.

    Args:
        request: what asks for it; says in whose language and with which token.
        template: its file in `templates/`.
        status: HTTP status.
        **values: what the template names.
    """
    agent, replies = request.state.agent, Replies()
    language = _page_language(agent.language if agent else FALLBACK_LANGUAGE)
    common = {"agent": agent, "token": request.state.token, "path": request.url.path, "language": language}
    known = {"issues": load_issues(), "languages": replies.languages(), "labels": replies.group("labels", language)}
    texts = {"w": words(language), "t": words(language, "tickets"), "topics": topics(language)}
    return HTMLResponse(_TEMPLATES.get_template(template).render(**common, **known, **texts, **values), status)


def topics(language: str) -> dict[str, str]:
    """Returns intent -> its name, in the words of an agent's pages."""
    return Replies().group("topics", _page_language(language))


@lru_cache(maxsize=32)
def words(language: str = FALLBACK_LANGUAGE, kind: str = "desk") -> dict[str, Any]:
    """Returns texts of `data/<kind>/<language>.yml`, with the English ones that a language lacks.

    Args:
        language: ISO 639-1.
        kind: `desk` for the desk's own words, `tickets` for those of tickets (queues, priorities, moods).

    Raises:
        ValueError: a file cannot be read; the message says where, what is wrong and how to correct it.
    """
    folder = get_settings().data_dir / kind
    english, own = folder / f"{FALLBACK_LANGUAGE}.yml", folder / f"{language}.yml"
    return {**read_yaml(english, ValueError), **(read_yaml(own, ValueError) if own.is_file() else {})}


def _page_language(wished: str) -> str:
    """Returns what a page is in, all of it: the agent's language where there is a file of the desk's words in it."""
    return wished if (get_settings().data_dir / "desk" / f"{wished}.yml").is_file() else FALLBACK_LANGUAGE
