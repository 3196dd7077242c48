"""The commands `python -m bot privacy`: `export` or `erase` one person's data, and `expire` what was kept long enough.

Records that only mention the person's address are listed for somebody to decide about, and neither exported nor erased.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from bot.command_line import to_json
from bot.privacy.person import PersonalData, PersonalRecords
from bot.privacy.retention import expire
from bot.settings import get_settings
from bot.stores.conversations import open_conversations
from bot.tickets import ticket_store
from bot.tickets.commands import add_verb, hand_out
from bot.tickets.model import now

UNDECIDED = 3
"""Exit code: done, but a person has to decide about mentions."""


def add_commands(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `privacy export`, `erase`, `expire`."""
    privacy = subparsers.add_parser("privacy", help="hand out, delete or expire personal data")
    verbs = privacy.add_subparsers(dest="privacy_verb", required=True, metavar="COMMAND")
    person = argparse.ArgumentParser(add_help=False)
    person.add_argument("--contact", required=True, help="the person's e-mail address")
    also = "count this mention among what is theirs, such as T-48210-K7QX3M; may be given several times"
    person.add_argument("--also", action="append", default=[], metavar="REFERENCE", help=also)
    export = add_verb(verbs, "export", "all that is kept of a person, as JSON", _export, person)
    export.add_argument("-o", "--output", type=Path, help="write to this new file, readable by its owner only")
    erase = add_verb(verbs, "erase", "delete all that is kept of a person", _erase, person)
    erase.add_argument("--dry-run", action="store_true", help="only say what would be deleted")
    add_verb(verbs, "expire", "delete conversations and make tickets anonymous that were kept long enough", _expire)


def _data() -> PersonalData:
    settings = get_settings()
    redis_url = settings.redis_url.get_secret_value() if settings.redis_url else None
    conversations = open_conversations(settings.tracker_database.get_secret_value())
    return PersonalData(conversations, ticket_store(), redis_url, settings.review_dir)


def _export(options: argparse.Namespace) -> int:
    data = _data()
    kept = data.find(options.contact, options.also)
    found = {"contact": options.contact, **data.export(kept)}
    hand_out(to_json(found) + "\n", options.output, _counts(kept))
    return _left_to_decide(kept)


def _erase(options: argparse.Namespace) -> int:
    data = _data()
    kept = data.find(options.contact, options.also)
    deliveries = [delivery for ticket in kept.tickets for delivery in ticket_store().deliveries(ticket.number)]
    if options.dry_run:
        print("\n  ".join([f"{_counts(kept)} would be deleted", *kept.references]))
    else:
        data.erase(kept)
        print(f"{_counts(kept)} deleted")
        _forget_searches()
    for way in deliveries:
        if way.delivered_at is not None:
            named = f", there {way.external_id}" if way.external_id else ""
            print(f"{way.number} is at the help desk, too ({way.target}{named}); delete it there.")
    if get_settings().broker_url and kept.conversations:
        print("events of conversations went to the queue of BOT_BROKER_URL, too; delete them at whatever reads it.")
    return _left_to_decide(kept)


def _left_to_decide(kept: PersonalRecords) -> int:
    """Lists mentions for a person to judge: they are neither in an export nor erased."""
    if not kept.mentions:
        return 0
    note = "more name the address and may be other people's; they were left out."
    remedy = "Read them, and run again with --also REFERENCE for each that concerns this person:"
    print(f"{len(kept.mentions)} {note} {remedy}", file=sys.stderr)
    for reference, words in kept.mentions.items():
        print(f"  {reference}: {words}", file=sys.stderr)
    return UNDECIDED


def _expire(options: argparse.Namespace) -> None:
    data, settings = _data(), get_settings()
    conversation_days, ticket_days = settings.keep_conversations_days, settings.keep_tickets_days
    done = expire(data.conversations, data.tickets, now(), conversation_days, ticket_days, data.review)
    print(
        f"{done.conversations} conversations deleted, {done.tickets} tickets and {done.outcomes} outcomes made "
        f"anonymous, {done.candidates} phrases for review deleted"
    )
    if done.held_back:
        print(f"{done.held_back} tickets are as old, but still open or not delivered; `tickets list` shows them.")
    _forget_searches()


def _forget_searches() -> None:
    """Takes out of the search what it had learned from searches that are no longer kept.

    Raises:
        ValueError: the article database cannot be changed.
    """
    settings = get_settings()
    if not settings.articles_database.is_file():
        return
    from bot.search import LibraryError
    from bot.search.clicks import forget  # an index and an encoder, which other commands do not need

    try:
        forget(settings.articles_database, ticket_store().searches(), settings.search_learns_from)
    except LibraryError as error:
        note = "The search still knows questions of theirs: `python -m bot articles learn`."
        raise ValueError(f"{error} {note}") from error


def _counts(kept: PersonalRecords) -> str:
    return f"{len(kept.conversations)} conversations and {len(kept.tickets)} tickets"
