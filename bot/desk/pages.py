"""Renders the desk's pages: templates, the desk's own words, names of issues and languages."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse

from bot.articles.issues import load_issues
from bot.articles.replies import Replies
from bot.settings import get_settings
from bot.text.limited_markdown import visible
from bot.text.yaml_files import read_yaml
from bot.tickets.model import now

FALLBACK_LANGUAGE = "en"
_HERE = Path(__file__).parent


class DeskWordsError(ValueError):
    """A file of the desk's words cannot be used; the message says where, what is wrong and how to mend it."""


class Pages:
    """Templates and words of the desk."""

    def __init__(self) -> None:
        # Everything is escaped; no template marks anything as safe.
        self._templates = Environment(
            loader=FileSystemLoader(_HERE / "templates"), autoescape=True, undefined=StrictUndefined, trim_blocks=True
        )
        self.replies = Replies()
        self._templates.globals.update(issues=load_issues(), languages=self.replies.languages())
        self._templates.filters.update(age=age, moment=_moment, visible=visible)
        words(FALLBACK_LANGUAGE)  # what is wrong is said at the start

    def show(self, request: Request, template: str, status: int = 200, **values: Any) -> HTMLResponse:
        """Renders a page.

        Args:
            request: what asks for it; says in whose language and with which token.
            template: its file in `templates/`.
            status: HTTP status.
            **values: what the template names.
        """
        agent = request.state.agent
        language = _page_language(agent.language if agent else FALLBACK_LANGUAGE)
        common = {"agent": agent, "token": request.state.token, "path": request.url.path, "language": language}
        names = {"topics": self.topics(language), "labels": self.replies.group("labels", language)}
        template_words = {"w": words(language), "t": words(language, "tickets")}
        text = self._templates.get_template(template).render(**common, **names, **template_words, **values)
        return HTMLResponse(text, status)

    def topics(self, language: str) -> dict[str, str]:
        """Returns intent -> its name, in the words of an agent's pages."""
        return self.replies.group("topics", _page_language(language))


@lru_cache(maxsize=32)
def words(language: str, kind: str = "desk") -> dict[str, Any]:
    """Returns texts of `data/<kind>/<language>.yml`, with the English ones that a language lacks.

    Args:
        language: ISO 639-1.
        kind: `desk` for the desk's own words, `tickets` for those of tickets (queues, priorities, moods).

    Raises:
        DeskWordsError: a file cannot be read.
    """
    texts: dict[str, Any] = dict(read_yaml(_folder(kind) / f"{FALLBACK_LANGUAGE}.yml", DeskWordsError))
    path = _folder(kind) / f"{language}.yml"
    if language != FALLBACK_LANGUAGE and path.is_file():
        texts.update(read_yaml(path, DeskWordsError))
    return texts


def age(at: datetime) -> str:
    """Returns how long ago a moment is, such as `5 min`, `3 h` or `12 d`."""
    minutes = max(0, int((now() - at).total_seconds() // 60))
    if minutes < 60:
        return f"{minutes} min"
    return f"{minutes // 60} h" if minutes < 48 * 60 else f"{minutes // 1440} d"


def _moment(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M} UTC"


def _page_language(wished: str) -> str:
    """Returns what a page is in, all of it: the agent's language where there is a file of the desk's words in it."""
    return wished if (_folder("desk") / f"{wished}.yml").is_file() else FALLBACK_LANGUAGE


def _folder(kind: str) -> Path:
    return get_settings().data_dir / kind
