"""Adds the commands `python -m bot tickets ...`: agents' work, export, delivery to help desks, migration of tables.

Other groups of commands take `add_verb` and `hand_out` from here.
"""

from __future__ import annotations

import argparse
import io
import json
import logging
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from textwrap import shorten
from typing import Any

from redis.exceptions import RedisError
from sqlalchemy.exc import SQLAlchemyError
from tabulate import tabulate

from bot.articles.issues import load_issues
from bot.command_line import Command, print_json, reported, to_json
from bot.files import write_private
from bot.settings import get_settings
from bot.stores import DatabaseError
from bot.text.csv_cells import write_rows
from bot.tickets import ticket_store
from bot.tickets.delivery import make_targets
from bot.tickets.delivery.message import body
from bot.tickets.model import STATES, Ticket, TicketNotFound, as_json

COLUMNS = ("number", "opened", "state", "assignee", "queue", "priority", "intent", "language", "product", "summary")
UNDELIVERED_COLUMNS = ("number", "target", "state", "attempts", "next_attempt", "reason")
SUMMARY_WIDTH = 60


def add_commands(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `tickets list`, `show`, `assign`, `close`, `reopen`, `export`, `correct`, `retry`, `deliver`, `migrate`."""
    tickets = subparsers.add_parser("tickets", help="list, show, assign, correct and deliver tickets")
    verbs = tickets.add_subparsers(dest="tickets_verb", required=True, metavar="COMMAND")
    filters = argparse.ArgumentParser(add_help=False)
    filters.add_argument("--queue", help="only this queue")
    filters.add_argument("--language", help="only this language")
    filters.add_argument("--intent", help="only this issue")
    filters.add_argument("--status", choices=STATES, help="only this state")
    number = argparse.ArgumentParser(add_help=False)
    number.add_argument("number", metavar="NUMBER", help="the ticket, such as T-48210-K7QX3M")
    json_option = argparse.ArgumentParser(add_help=False)
    json_option.add_argument("--json", action="store_true", help="print JSON")

    parser = add_verb(verbs, "list", "tickets as a table, oldest first", _list, filters, json_option)
    parser.add_argument("--undelivered", action="store_true", help="only what has not arrived at a help desk, and why")
    parser.add_argument("--csv", action="store_true", help="print CSV")
    parser = add_verb(verbs, "export", "all of every ticket", _export, filters)
    parser.add_argument("--csv", action="store_true", help="CSV, one row a ticket, instead of JSON")
    parser.add_argument("-o", "--output", type=Path, help="write to this new file, readable by its owner only")

    add_verb(verbs, "show", "one ticket, as the help desk gets it", _show, number, json_option)
    parser = add_verb(verbs, "assign", "give a ticket to an agent", _assign, number)
    parser.add_argument("agent", metavar="AGENT", help="the agent's name")
    add_verb(verbs, "close", "close a ticket", _close_or_reopen, number)
    add_verb(verbs, "reopen", "open a closed ticket again", _close_or_reopen, number)
    parser = add_verb(verbs, "correct", "correct what was understood; a candidate for training", _correct, number)
    parser.add_argument("--intent", choices=sorted(load_issues()), metavar="INTENT", help="what the issue is")
    parser.add_argument("--language", metavar="LANGUAGE", help="what the language is, such as nb")
    parser.add_argument("--text", help="the words that were misunderstood; by default the customer's first ones")

    parser = add_verb(verbs, "retry", "deliver again what was parked, and to help desks set since", _retry)
    parser.add_argument("numbers", nargs="*", metavar="NUMBER", help="tickets; without any, all that were parked")
    summary = "deliver to the help desks and follow what becomes of tickets until interrupted"
    parser = add_verb(verbs, "deliver", summary, _deliver)
    parser.add_argument("--once", action="store_true", help="try what is due once, then end")
    add_verb(verbs, "migrate", "make the tables, or bring them up to date", _migrate)


def add_verb(
    verbs: Any, name: str, summary: str, command: Command, *parents: argparse.ArgumentParser
) -> argparse.ArgumentParser:
    """Adds a command whose exit code is what it returns, 0 for None, or 1 where a person must correct something.

    Args:
        verbs: the subparsers that it is added to.
        name: of the command.
        summary: what it does, for the help.
        command: does it; of what it may raise, one sentence is printed.
        parents: parsers whose options it has, too.
    """

    def run(options: argparse.Namespace) -> int | None:
        try:
            return command(options)
        except SQLAlchemyError as error:
            raise DatabaseError(f"the database of conversations failed ({type(error).__name__}).") from error
        except RedisError as error:
            contents = f"Redis failed ({type(error).__name__}); what the page remembers was not reached."
            raise DatabaseError(contents) from error

    described = summary[0].upper() + summary[1:] + "."
    parser: argparse.ArgumentParser = verbs.add_parser(name, help=summary, description=described, parents=parents)
    handler = reported(run, DatabaseError, TicketNotFound, ValueError, code=1, prefix="error: ")
    parser.set_defaults(handler=handler)
    return parser


def _found(options: argparse.Namespace) -> list[Ticket]:
    wanted = {name: getattr(options, name) for name in ("queue", "language", "intent")}
    return ticket_store().tickets(**wanted, state=options.status)


def _list(options: argparse.Namespace) -> None:
    found = _found(options)
    rows = _undelivered(found) if options.undelivered else [_row(ticket) for ticket in found]
    if options.json:
        print_json(rows if options.undelivered else [as_json(ticket) for ticket in found])
    elif options.csv:
        columns = UNDELIVERED_COLUMNS if options.undelivered else COLUMNS
        write_rows(sys.stdout, [columns, *(list(row.values()) for row in rows)])
    elif rows:
        print(tabulate(rows, headers="keys", disable_numparse=True))
    else:
        print("everything has been delivered" if options.undelivered else "no tickets")


def _row(ticket: Ticket) -> dict[str, Any]:
    summary = shorten(ticket.summary, SUMMARY_WIDTH, placeholder=" …")
    opened = f"{ticket.opened_at:%Y-%m-%d %H:%M}"
    values = vars(ticket) | {"number": ticket.number, "opened": opened, "summary": summary}
    return {name: values[name] or "" for name in COLUMNS}


def _undelivered(tickets: Sequence[Ticket]) -> list[dict[str, Any]]:
    numbers = {ticket.number for ticket in tickets}
    waiting = [vars(item) for item in ticket_store().deliveries(undelivered=True) if item.number in numbers]
    timed = [item | {"next_attempt": f"{item['next_attempt_at']:%Y-%m-%d %H:%M:%S}"} for item in waiting]
    return [{name: item[name] for name in UNDELIVERED_COLUMNS} for item in timed]


def _export(options: argparse.Namespace) -> None:
    found = [as_json(ticket) for ticket in _found(options)]
    text = _as_csv(found) if options.csv else to_json(found) + "\n"
    hand_out(text, options.output, f"{len(found)} tickets")


def hand_out(text: str, output: Path | None, contents: str) -> None:
    """Prints an export, or writes it to a new file that only its owner may read.

    Args:
        text: the export.
        output: the file, None to print.
        contents: what is in it, for the message about the file.
    """
    if output is None:
        sys.stdout.write(text)
    else:
        write_private(output, text)
        print(f"{contents} written to {output}")


def _as_csv(tickets: Sequence[dict[str, Any]]) -> str:
    """Returns one row a ticket; what is a list or a mapping is JSON within its cell."""
    stream = io.StringIO()
    rows = [
        [json.dumps(value, ensure_ascii=False) if isinstance(value, (list, dict)) else value for value in each.values()]
        for each in tickets
    ]
    write_rows(stream, [list(tickets[0]) if tickets else [], *rows])
    return stream.getvalue()


def _show(options: argparse.Namespace) -> None:
    ticket = ticket_store().ticket(options.number)
    deliveries = ticket_store().deliveries(options.number)
    if options.json:
        print_json(as_json(ticket) | {"deliveries": [vars(delivery) for delivery in deliveries]})
        return
    owner = f", {ticket.assignee}" if ticket.assignee else ""
    print(f"{ticket.number}  {ticket.state}{owner}  {ticket.opened_at:%Y-%m-%d %H:%M} UTC\n")
    print(body(ticket), end="")
    for delivery in deliveries:
        print(f"{delivery.target}: {delivery.state}{_detail(delivery.external_id or delivery.reason)}")


def _assign(options: argparse.Namespace) -> None:
    _print_state(ticket_store().assign(options.number, options.agent))


def _close_or_reopen(options: argparse.Namespace) -> None:
    store = ticket_store()
    _print_state((store.close if options.tickets_verb == "close" else store.reopen)(options.number))


def _print_state(ticket: Ticket) -> None:
    print(f"{ticket.number}: {ticket.state}{_detail(ticket.assignee)}")


def _correct(options: argparse.Namespace) -> None:
    if not (options.intent or options.language):
        raise ValueError("nothing to correct; give --intent, --language or both.")
    ticket = ticket_store().correct(options.number, options.intent, options.language, options.text)
    print(f"{ticket.number}: {ticket.intent}, {ticket.language}; queue {ticket.queue}, priority {ticket.priority}")


def _retry(options: argparse.Namespace) -> None:
    parked = [delivery.number for delivery in ticket_store().deliveries(undelivered=True) if delivery.state == "parked"]
    numbers = options.numbers or dict.fromkeys(parked)
    print(f"{sum(ticket_store().retry(number) for number in numbers)} deliveries put back")


def _deliver(options: argparse.Namespace) -> None:
    from bot.tickets.delivery.request_tracker import RequestTrackerTarget
    from bot.tickets.delivery.worker import Follower, Outbox, RetryPolicy, Worker

    settings = get_settings()
    targets = make_targets(settings)
    if not targets:
        print("no help desk is set (BOT_TICKETS_...); tickets stay in the store, `tickets list` shows them.")
        return
    store, lease, longest = ticket_store(), settings.tickets_lease_seconds, settings.tickets_retry_longest_seconds
    policy = RetryPolicy(settings.tickets_retry_seconds, longest, lease, settings.tickets_refusals)
    followers = [Follower(target, store) for target in targets if isinstance(target, RequestTrackerTarget)]
    worker = Worker(Outbox(store, lease, longest), targets, policy, followers)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s %(message)s")
    for ending in (signal.SIGTERM, signal.SIGINT):
        signal.signal(ending, lambda number, frame: worker.stop())
    if options.once:
        counts = worker.run_once()
        print(", ".join(f"{count} {result}" for result, count in counts.items()) or "nothing was due")
    else:
        worker.run()


def _migrate(options: argparse.Namespace) -> None:
    ticket_store()  # opening it migrates
    print("the tables are up to date.")


def _detail(text: str | None) -> str:
    return f" ({text})" if text else ""
