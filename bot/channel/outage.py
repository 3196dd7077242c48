"""Opens a ticket where the bot cannot answer: one for each outage in a conversation, once an e-mail address is known.

The customer is asked for the address unless the page or an earlier message has told it. An open ticket of the form with
the same address in this conversation is taken instead of a new one.
"""

from __future__ import annotations

import asyncio
import logging
from functools import lru_cache
from pathlib import Path

from bot import metrics
from bot.articles.replies import FALLBACK_LANGUAGE, Replies, ReplyError
from bot.channel.output import PageOutput
from bot.stores.sessions import Session
from bot.text.contacts import find_address, without_address
from bot.text.yaml_files import read_yaml
from bot.tickets import ticket_store
from bot.tickets.model import Ticket, TicketDraft

logger = logging.getLogger(__name__)

_TEXTS = Path(__file__).with_name("outage.yml")
_FORM = "outage-"
_LONGEST_SUMMARY = 700  # characters, as in the tickets of the form
# A message of more words is about something else, too.
_FEW_WORDS = 8


async def take_address(output: PageOutput, typed: str, replies: Replies) -> bool:
    """Answers a message that names the address which was asked for, whether or not the bot could answer again.

    Args:
        output: says it.
        typed: the message.
        replies: texts of the ticket's form, which hold here, too.

    Returns:
        Whether the message is answered; if not, it is one for the bot.
    """
    if output.session.outage != "asked" or "@" not in typed or not _is_short(typed):
        return False
    output.give_notice()
    if (address := find_address(typed)) is not None:
        await _open_ticket(output, address, replies)
    else:
        _say(output, replies.dialogue("email_wrong", output.session.language))
    return True


async def note_result(output: PageOutput, replies: Replies) -> None:
    """Begins an outage with the first message that the bot could not answer, and ends it with the next that it could.

    Args:
        output: has apologised where the bot could not answer.
        replies: texts of the ticket's form.
    """
    session = output.session
    if not output.apologised:
        if session.outage and output.acted:  # a greeting needs no action
            session.outages += 1
            session.outage = ""
    elif session.outage != "told":
        address = _known_address(session)
        if address is not None or not session.outage:
            _say(output, text("ask" if address is None else "known", session.language))
        session.outage = "asked"
        if address is not None:
            await _open_ticket(output, address, replies)


async def _open_ticket(output: PageOutput, address: str, replies: Replies) -> None:
    session = output.session
    try:
        ticket = await asyncio.to_thread(_opened, session, address)
    except Exception:  # whatever has failed: the customer hears of another way, and may try again
        logger.exception("A ticket could not be opened while the bot cannot answer.")
        metrics.FAILURES.inc()
        return _say(output, replies.dialogue("ticket_failed", session.language))
    session.outage = "told"
    _say(output, replies.dialogue("ticket_opened", session.language, number=ticket.number, email=ticket.contact_email))


def _opened(session: Session, address: str) -> Ticket:
    """Opens the ticket; whichever server is asked, and however often, an outage has one.

    A ticket of the form, open and with the same address, is taken instead: this one would tell the same matter again.
    """
    store = ticket_store()
    for ticket in store.tickets(conversation_id=session.conversation):
        if ticket.state != "closed" and ticket.contact_email == address and not ticket.form_id.startswith(_FORM):
            return ticket
    return store.open(
        TicketDraft(
            conversation_id=session.conversation,
            form_id=f"{_FORM}{session.outages}",
            summary=" ".join(next(iter(_written(session)), "").split())[:_LONGEST_SUMMARY],
            consent=False,
            intent=None,
            confidence=0.0,
            language=session.language,
            contact_email=address,
            product=session.page_product,
        )
    )


def _known_address(session: Session) -> str | None:
    """Returns the customer's address, as the page has told it or the customer has written it, with little beside it."""
    given = filter(_is_short, reversed(_written(session)))
    return next(filter(None, map(find_address, [session.page_email or "", *given])), None)


def _is_short(written: str) -> bool:
    """Tells whether a text says little beside addresses."""
    return len(without_address(written).split()) <= _FEW_WORDS


def _written(session: Session) -> list[str]:
    return [str(entry["text"]) for entry in session.messages if entry["from"] == "customer"]


def text(key: str, language: str) -> str:
    """Returns a text of `outage.yml` in a language, in English where that language lacks it."""
    texts = _texts()[key]
    return texts.get(language, texts[FALLBACK_LANGUAGE])


@lru_cache(maxsize=1)
def _texts() -> dict[str, dict[str, str]]:
    return dict(read_yaml(_TEXTS, ReplyError))


def _say(output: PageOutput, text: str) -> None:
    output.say({"type": "text", "text": text})
