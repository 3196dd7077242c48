"""The commands `python -m bot desk ...`: serves the agents' desk, makes and removes its accounts."""

from __future__ import annotations

import argparse

from bot.desk.accounts import ROLES, Accounts
from bot.settings import get_settings
from bot.tickets.commands import add_verb
from bot.tickets.store import TicketStore


def add_commands(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `desk` and `desk agents add`, `list`, `remove`."""
    parser = add_verb(subparsers, "desk", "serve the agents' desk until interrupted", _serve)
    parser.add_argument("--port", type=int, default=5010, help="where it listens (5010)")
    parser.add_argument("--host", default="127.0.0.1", help="the address it listens on (127.0.0.1)")
    agents = parser.add_subparsers(dest="desk_verb", metavar="COMMAND").add_parser("agents", help="who may sign in")
    verbs = agents.add_subparsers(dest="agents_verb", required=True, metavar="COMMAND")
    adding = add_verb(verbs, "add", "make an account and print its password, once", _add)
    adding.add_argument("--role", choices=ROLES, default="agent", help="what they may do (agent)")
    adding.add_argument("--language", default="en", metavar="LANGUAGE", help="what they read articles in (en)")
    add_verb(verbs, "list", "who may sign in", _list)
    removing = add_verb(verbs, "remove", "delete an account and sign it out", _remove)
    for each in (adding, removing):
        each.add_argument("name", metavar="NAME", help="what they sign in with; customers see it")


def _serve(options: argparse.Namespace) -> None:
    from bot.desk.app import make_app, make_server
    from bot.desk.desk import Desk

    settings = get_settings()
    local = [f"http://{host}:{options.port}" for host in ("127.0.0.1", "localhost")]
    origins = [settings.desk_origin] if settings.desk_origin else local
    desk = Desk(settings)
    app = make_app(desk, origins)
    if not settings.desk_openid_issuer and not desk.accounts.agents():
        print("nobody can sign in yet; `python -m bot desk agents add NAME` makes an account.")
    print(f"The agents' desk is at {origins[0]}/  (Ctrl-C stops it)", flush=True)
    make_server(app, options.host, options.port).run()


def _accounts() -> Accounts:
    return Accounts(TicketStore(get_settings().tickets_database.get_secret_value()))


def _add(options: argparse.Namespace) -> None:
    password = _accounts().add(options.name, options.role, options.language)
    print(f"{options.name} ({options.role}) signs in with this password, which is shown only now: {password}")


def _list(options: argparse.Namespace) -> None:
    for agent in _accounts().agents():
        print(f"{agent.name}\t{agent.role}\t{agent.language}")


def _remove(options: argparse.Namespace) -> None:
    _accounts().remove(options.name)
    print(f"{options.name} can sign in no longer")
