"""Offers imported articles where a message is about the products but on no issue, and records whether they helped."""

from __future__ import annotations

import logging
import sqlite3
import unicodedata
import uuid
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from rasa_sdk.events import EventType, FollowupAction, SlotSet

from actions.conversation import Turn, button, emptied, shortened
from actions.records import record_search
from bot.articles.language import normalise
from bot.articles.replies import language_name
from bot.settings import get_settings
from bot.text.links import AllowedLinks

if TYPE_CHECKING:
    from bot.search.ranking import Hit, Searcher

MOST_DOCUMENTS = 3
# Some of what is found has no link, or one to where links may not lead.
_LOOKED_AT = 10
_LONGEST_SENTENCE = 240
logger = logging.getLogger(__name__)


def offer_documents(turn: Turn) -> list[EventType]:
    """Offers what the search finds for the last message; no events if it is not about the products or nothing is found.

    Without an imported article database nothing is loaded.
    """
    language = normalise(turn.slot("language")) or turn.language
    found = find_documents(turn.text, language) if is_about_products(turn) else []
    if not found:
        return []
    search, lead = str(uuid.uuid4()), turn.reply("documents_found")
    links = [_shown(hit, turn.language) for hit in found]
    about = {"type": "documents", "search": search, "language": turn.language}
    payload = {**about, "title": turn.label("search_results"), "lead": lead, "links": links}
    turn.say(_as_text(lead, links), payload=payload if turn.shows_payloads else None)
    helped, none = button(turn.label("documents_helped"), "solved"), button(turn.label("no_document"), "none_of_these")
    turn.say(turn.reply("documents_question"), [helped, none])
    record_search(turn, search, "shown", turn.text, tuple(hit.file for hit in found))
    offered = {"search": search, "text": turn.text, "turn": len(turn.messages)}
    # The conversation has gone on to a matter of its own; a ticket would be about this one.
    return [SlotSet("documents", offered), *emptied("issue", "tried", "failed_steps")]


def is_about_products(turn: Turn) -> bool:
    """Tells whether the last message is about Microsoft's products, as far as the pipeline can tell."""
    return bool((turn.parsed.get("about_products") or {}).get("likely"))


def documents_verdict(turn: Turn, offered: dict[str, Any], helped: bool) -> list[EventType]:
    """Closes well where a document helped; otherwise it is for a person."""
    record_search(turn, offered["search"], "helped" if helped else "none")
    if not helped:
        return [FollowupAction("action_start_ticket")]
    turn.say(turn.reply("utter_solved"))
    return emptied("documents")


def find_documents(question: str, language: str) -> list[Hit]:
    """Returns the documents that may be offered for a question, best first; none where nothing has been imported."""
    database = get_settings().articles_database
    if not database.is_file():
        return []
    links = AllowedLinks(get_settings())
    try:
        found = _searcher(database).search(question, language, _LOOKED_AT)
    except (RuntimeError, OSError, sqlite3.Error) as error:  # an answer without documents is better than none
        logger.warning("the imported articles cannot be searched: %s", error)
        return []
    best_of_each: dict[str, Hit] = {}
    for hit in found:
        if links.allows(hit.url):
            best_of_each.setdefault(hit.url, hit)
    return list(best_of_each.values())[:MOST_DOCUMENTS]


@lru_cache(maxsize=1)
def _searcher(database: Path) -> Searcher:
    from bot.search.ranking import Searcher  # numpy and an index, which bots without imported articles do not need

    return Searcher(database)


def _shown(hit: Hit, language: str) -> dict[str, Any]:
    """Returns a document as the customer sees it; what is foreign is text and nothing else."""
    foreign = f" ({language_name(hit.language, language)})" if hit.language != language else ""
    label, sentence = _clean(hit.title) + foreign, shortened(_clean(hit.sentence), _LONGEST_SENTENCE)
    return {"label": label, "sentence": sentence, "url": hit.url, "host": urlsplit(hit.url).hostname, "file": hit.file}


def _clean(text: str) -> str:
    """Returns a foreign text on one line, without characters that steer a terminal or turn the writing about."""
    return " ".join("".join(" " if unicodedata.category(char)[0] == "C" else char for char in text).split())


def _as_text(lead: str, documents: list[dict[str, Any]]) -> str:
    lines = [lead]
    for number, document in enumerate(documents, start=1):
        sentence = f"\n   “{document['sentence']}”" if document["sentence"] else ""
        lines.append(f"{number}. {document['label']}{sentence}\n   {document['url']}")
    return "\n\n".join(lines)
