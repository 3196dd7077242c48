"""The commands `python -m bot privacy ...`: what a person asks for, and what has been kept for long enough."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError

from bot.privacy.person import Kept, PersonalData
from bot.privacy.retention import expire
from bot.serving.conversations import ConversationsError, open_conversations
from bot.settings import get_settings
from bot.tickets import TicketStoreError, ticket_store


def add_commands(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `privacy export`, `erase`, `expire`."""
    privacy = subparsers.add_parser("privacy", help="hand out, delete or expire personal data")
    verbs = privacy.add_subparsers(dest="privacy_verb", required=True, metavar="COMMAND")
    parser = _verb(verbs, "export", "all that is kept of a person, as JSON", _export)
    parser.add_argument("--contact", required=True, help="the person's e-mail address")
    parser.add_argument("-o", "--output", type=Path, help="write to this file, readable by its owner only")
    parser = _verb(verbs, "erase", "delete all that is kept of a person", _erase)
    parser.add_argument("--contact", required=True, help="the person's e-mail address")
    parser.add_argument("--dry-run", action="store_true", help="only say what would be deleted")
    _verb(verbs, "expire", "delete conversations and make tickets anonymous that were kept long enough", _expire)


def _verb(verbs: Any, name: str, summary: str, handler: Callable[[argparse.Namespace], int]) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = verbs.add_parser(name, help=summary, description=summary.capitalize() + ".")
    parser.set_defaults(handler=lambda options: _reported(lambda: handler(options)))
    return parser


def _reported(command: Callable[[], int]) -> int:
    """Turns what a person must mend into one sentence and exit code 1."""
    try:
        return command()
    except (TicketStoreError, ConversationsError, ValueError) as error:
        print(f"error: {error}", file=sys.stderr)
    except SQLAlchemyError as error:
        print(f"error: the database of conversations failed ({type(error).__name__}).", file=sys.stderr)
    except RedisError as error:
        print(
            f"error: Redis failed ({type(error).__name__}); what the page remembers was not reached.", file=sys.stderr
        )
    return 1


def _data() -> PersonalData:
    settings = get_settings()
    redis_url = settings.redis_url.get_secret_value() if settings.redis_url else None
    return PersonalData(open_conversations(settings.tracker_database.get_secret_value()), ticket_store(), redis_url)


def _contact(options: argparse.Namespace) -> str:
    contact = str(options.contact).strip()
    name, _, host = contact.rpartition("@")
    if not name or not host:
        raise ValueError(f"`{contact}` is not an e-mail address; expected such as anna@example.com.")
    return contact


def _export(options: argparse.Namespace) -> int:
    found = _data().export(_contact(options))
    text = json.dumps(found, ensure_ascii=False, indent=2, default=str) + "\n"
    if options.output is None:
        sys.stdout.write(text)
        return 0
    options.output.touch(mode=0o600)
    options.output.write_text(text, encoding="utf8")
    print(f"{_counted(len(found['conversations']), len(found['tickets']))} written to {options.output}")
    return 0


def _erase(options: argparse.Namespace) -> int:
    data, contact = _data(), _contact(options)
    deliveries = {ticket.number: ticket_store().deliveries(ticket.number) for ticket in data.find(contact).tickets}
    kept: Kept = data.find(contact) if options.dry_run else data.erase(contact)
    done = "would be deleted" if options.dry_run else "deleted"
    print(f"{_counted(len(kept.conversations), len(kept.tickets))} {done}")
    for number, ways in deliveries.items():
        for way in ways:
            if way.delivered_at is not None:
                named = f", there {way.external_id}" if way.external_id else ""
                print(f"{number} is at the help desk, too ({way.target}{named}); delete it there.")
    return 0


def _expire(options: argparse.Namespace) -> int:
    settings = get_settings()
    done = expire(
        open_conversations(settings.tracker_database.get_secret_value()),
        ticket_store(),
        datetime.now(timezone.utc),
        settings.keep_conversations_days,
        settings.keep_tickets_days,
    )
    print(
        f"{done.conversations} conversations deleted, {done.tickets} tickets and {done.outcomes} outcomes made "
        f"anonymous, {done.candidates} phrases for review deleted"
    )
    if done.held_back:
        print(f"{done.held_back} tickets are as old, but still open or not delivered; `tickets list` shows them.")
    return 0


def _counted(conversations: int, tickets: int) -> str:
    return f"{conversations} conversations and {tickets} tickets"
