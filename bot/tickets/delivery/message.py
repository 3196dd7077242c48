"""Writes a ticket's subject line and plain-text body, for `tickets show` and all help desks but the webhook.

The layout of the body is `templates/ticket.txt`.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bot.articles.replies import FALLBACK_LANGUAGE, Replies
from bot.settings import get_settings
from bot.text.mail import header_text
from bot.text.yaml_files import read_yaml
from bot.tickets.model import Ticket

if TYPE_CHECKING:
    from jinja2 import Template

SUBJECT_LENGTH = 120


def subject(ticket: Ticket) -> str:
    """Returns one line: the number in brackets, by which a help desk finds the ticket again, and what is wrong.

    It is a mail's header wherever it goes: Request Tracker sends mails with it, too.
    """
    line = header_text(f"[{ticket.number}] {ticket.summary}")
    return line if len(line) <= SUBJECT_LENGTH else line[: SUBJECT_LENGTH - 1] + "…"


def body(ticket: Ticket) -> str:
    """Returns the whole ticket as plain text.

    The headings are in the language of BOT_TICKETS_LANGUAGE, or else in the ticket's own; in English where there are
    none in that language.
    """
    language = get_settings().tickets_language or ticket.language
    words, replies = _words(language), Replies()

    def topic(intent: str) -> str:
        try:
            return f"{replies.topic(intent, language)} ({intent})"
        except ValueError:  # a name without a topic, such as that of a dialogue intent
            return intent

    reasons = [words["reasons"].get(cause) or topic(cause) for cause, _ in ticket.priority_reasons]
    product = ticket.product and replies.label(ticket.product, language)
    mentioned = [f"{words['entity_names'].get(name, name)} {value}" for name, value in ticket.mentioned]
    shown = {"reasons": reasons, "product": product, "mentioned": mentioned}
    return _template().render(ticket=ticket, words=words, topic=topic, **shown) + "\n"


@cache
def _template() -> Template:
    from bot.text.templates import open_templates  # jinja2 takes a while to import, and few commands write a ticket

    return open_templates(Path(__file__).parent / "templates").get_template("ticket.txt")


def _words(language: str) -> dict[str, Any]:
    """Returns the headings of a language."""
    folder = get_settings().data_dir / "tickets"
    # The name of a language may be any text, such as one that is too long for a file's name.
    known = {path.stem: path for path in folder.glob("*.yml")}
    path = known.get(language, folder / f"{FALLBACK_LANGUAGE}.yml")
    content = read_yaml(path, ValueError)
    if not isinstance(content, dict):
        raise ValueError(f"{path}: expected a mapping of headings.")
    return content
