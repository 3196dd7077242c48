"""Keeps agents' accounts, sessions, attempts to sign in and the audit log in the tickets' database; checks passwords.

Of passwords only hashes are kept; agents of an OpenID Connect provider have none. Too many failed attempts lock a name
or a network address for a while, for the right password, too.
"""

from __future__ import annotations

import hashlib
import itertools
import secrets
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from threading import Lock
from typing import Literal, get_args

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from sqlalchemy import delete, func, insert, select, update
from sqlalchemy.engine import Connection, Row

from bot.tickets.database import TicketDatabase
from bot.tickets.model import now
from bot.tickets.tables import DESK_AGENTS, DESK_ATTEMPTS, DESK_AUDIT, DESK_SESSIONS

Role = Literal["agent", "reviewer", "admin"]
ROLES: tuple[Role, ...] = get_args(Role)
"""Each may do what those before it may."""
SESSION_LIFETIME = timedelta(hours=8)
ATTEMPTS_WINDOW = timedelta(minutes=15)
ATTEMPTS_OF_NAME = 5
ATTEMPTS_OF_ADDRESS = 20
_NAME_LENGTH = 80
_AGENT = (DESK_AGENTS.c.name, DESK_AGENTS.c.role, DESK_AGENTS.c.language)
# OWASP's first choice for argon2id; the library's own takes 64 MiB, half of what the desk may have.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


class AccountError(ValueError):
    """An account cannot be made or removed; the message says why."""


@dataclass(frozen=True)
class Agent:
    """Somebody who may sign in.

    Args:
        name: unique.
        role: `agent`, `reviewer` or `admin`.
        language: the language they read articles in, ISO 639-1.
    """

    name: str
    role: Role
    language: str

    def may(self, role: Role) -> bool:
        """Tells whether the agent has a role, or one above it."""
        return ROLES.index(self.role) >= ROLES.index(role)


class Accounts:
    """Accounts of the desk, in the tickets' database.

    Args:
        database: the tickets' database.
    """

    def __init__(self, database: TicketDatabase) -> None:
        self._database = database
        self._checking = Lock()  # one attempt at a time: each is counted, and takes 19 MiB

    def add(self, name: str, role: Role, language: str = "en") -> str:
        """Makes an account.

        Returns:
            Its password, which is kept nowhere.

        Raises:
            AccountError: the name is taken, empty, too long or cannot be printed.
        """
        _check_name(name)
        password = secrets.token_urlsafe(15)
        with self._database.writing() as connection:
            if connection.execute(select(DESK_AGENTS.c.id).filter_by(name=name)).first():
                raise AccountError(f"there is an agent {name!r} already; remove that account first.")
            values = {"name": name, "role": role, "language": language, "password_hash": _HASHER.hash(password)}
            connection.execute(insert(DESK_AGENTS).values(values))
        return password

    def remove(self, name: str) -> None:
        """Deletes an account and signs it out; its tickets and its lines in the audit log stay.

        Raises:
            AccountError: there is none with that name.
        """
        with self._database.writing() as connection:
            if not connection.execute(delete(DESK_AGENTS).where(DESK_AGENTS.c.name == name)).rowcount:
                raise AccountError(f"there is no agent {name!r}; `python -m bot desk agents list` shows who there is.")

    def agents(self) -> list[Agent]:
        """Returns all agents, by name."""
        return [Agent(*row) for row in self._database.rows(select(*_AGENT).order_by(DESK_AGENTS.c.name))]

    def sign_in(self, name: str, password: str, address: str) -> str | None:
        """Begins a session.

        An account that five attempts have failed of within 15 minutes, and an address that twenty have failed from,
        are locked until these are over, for the right password, too.

        Args:
            name: the agent's.
            password: the agent's.
            address: the network address that asks.

        Returns:
            The new session's secret, for the cookie; None where the password is wrong or the account is locked, which
            cannot be told apart.
        """
        name = name[:_NAME_LENGTH]
        with self._checking:
            attempt = self._begin_attempt(name, address)
            if attempt is None:
                return None
            found = self._database.rows(select(DESK_AGENTS).filter_by(name=name, openid_subject=None))
            try:
                _HASHER.verify(found[0].password_hash if found else _nobodys_hash(), password)
            except VerifyMismatchError:
                return None
        with self._database.writing() as connection:
            connection.execute(delete(DESK_ATTEMPTS).where(DESK_ATTEMPTS.c.id == attempt))
            return _begin_session(connection, found[0].id)

    def sign_in_subject(self, issuer: str, subject: str, name: str, role: Role, language: str) -> str:
        """Begins a session of somebody whom an OpenID Connect provider has signed in.

        Their account is that of issuer and subject, never one of the same name. The first sign-in makes it; its name
        stays, for tickets know agents by it, and gets a number where it is taken. Each sign-in brings role and language
        up to date, also for other sessions.

        Args:
            issuer: of the provider.
            subject: whom it has signed in.
            name: what customers are to see.
            role: what they may do now.
            language: the language they read articles in, ISO 639-1.

        Returns:
            The new session's secret, for the cookie.

        Raises:
            AccountError: the name is empty, too long or cannot be printed.
        """
        _check_name(name)
        values, identity = {"role": role, "language": language}, {"openid_issuer": issuer, "openid_subject": subject}
        with self._database.writing() as connection:
            agent_id = connection.execute(select(DESK_AGENTS.c.id).filter_by(**identity)).scalar()
            if agent_id is None:
                taken = {taken.casefold() for taken in connection.execute(select(DESK_AGENTS.c.name)).scalars()}
                values |= {"name": _free_name(name, taken), "password_hash": "", **identity}
                agent_id = connection.execute(insert(DESK_AGENTS).values(values)).inserted_primary_key[0]
            else:
                connection.execute(update(DESK_AGENTS).where(DESK_AGENTS.c.id == agent_id).values(values))
            return _begin_session(connection, agent_id)

    def sign_out_subject(self, issuer: str, subject: str) -> None:
        """Ends all sessions of somebody of an OpenID Connect provider; arguments as for `sign_in_subject`."""
        agents = select(DESK_AGENTS.c.id).filter_by(openid_issuer=issuer, openid_subject=subject)
        with self._database.writing() as connection:
            connection.execute(delete(DESK_SESSIONS).where(DESK_SESSIONS.c.agent_id.in_(agents)))

    def sign_out(self, secret: str) -> None:
        """Ends a session."""
        with self._database.writing() as connection:
            connection.execute(delete(DESK_SESSIONS).where(DESK_SESSIONS.c.key == _key(secret)))

    def agent_of(self, secret: str) -> Agent | None:
        """Returns whose session it is, None if it is over or was none."""
        query = select(*_AGENT).join(DESK_SESSIONS, DESK_SESSIONS.c.agent_id == DESK_AGENTS.c.id)
        in_time = DESK_SESSIONS.c.begun_at > now() - SESSION_LIFETIME
        rows = self._database.rows(query.where(DESK_SESSIONS.c.key == _key(secret), in_time))
        return Agent(*rows[0]) if rows else None

    def note(self, agent: str, address: str, action: str, object_: str = "") -> None:
        """Writes a line of the audit log; of what is seen, one in five minutes: open pages look again and again.

        Args:
            agent: who; the name that was given where nobody has signed in.
            address: the network address.
            action: what was seen or done, such as `see ticket`.
            object_: of what, such as a ticket's number.
        """
        line = {"agent": agent[:_NAME_LENGTH], "action": action, "object": object_[:255]}
        same = select(DESK_AUDIT.c.id).filter_by(**line).where(DESK_AUDIT.c.at > now() - timedelta(minutes=5))
        if action.startswith("see ") and self._database.rows(same.limit(1)):
            return
        with self._database.writing() as connection:
            connection.execute(insert(DESK_AUDIT).values(**line, address=address))

    def audit(self) -> list[Row]:
        """Returns the newest 500 lines of the audit log, the latest first."""
        return self._database.rows(select(DESK_AUDIT).order_by(DESK_AUDIT.c.id.desc()).limit(500))

    def _begin_attempt(self, name: str, address: str) -> int | None:
        """Counts an attempt as failed before the password is looked at; None where there were too many."""
        count = select(func.count()).select_from(DESK_ATTEMPTS)
        with self._database.writing() as connection:
            connection.execute(delete(DESK_ATTEMPTS).where(DESK_ATTEMPTS.c.at < now() - ATTEMPTS_WINDOW))
            of_name = connection.execute(count.where(DESK_ATTEMPTS.c.name == name)).scalar_one()
            of_address = connection.execute(count.where(DESK_ATTEMPTS.c.address == address)).scalar_one()
            if of_name >= ATTEMPTS_OF_NAME or of_address >= ATTEMPTS_OF_ADDRESS:
                return None
            added = connection.execute(insert(DESK_ATTEMPTS).values(name=name, address=address))
            return int(added.inserted_primary_key[0])


def _check_name(name: str) -> None:
    if not name.strip() or not name.isprintable() or len(name) > _NAME_LENGTH:
        raise AccountError(f"{name!r} is no name; give one of 1 to {_NAME_LENGTH} printable characters.")


def _free_name(name: str, taken: set[str]) -> str:
    """Returns the name, with a number where it is taken; `taken` are names without upper case."""
    numbered = (f"{name[: _NAME_LENGTH - 6]} ({number})" for number in itertools.count(2))
    return next(each for each in itertools.chain([name], numbered) if each.casefold() not in taken)


def _begin_session(connection: Connection, agent_id: int) -> str:
    """Keeps a new session, deletes those that are over; returns the new one's secret."""
    secret = secrets.token_urlsafe(32)
    connection.execute(delete(DESK_SESSIONS).where(DESK_SESSIONS.c.begun_at < now() - SESSION_LIFETIME))
    connection.execute(insert(DESK_SESSIONS).values(key=_key(secret), agent_id=agent_id))
    return secret


def _key(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


@cache
def _nobodys_hash() -> str:
    """Returns what a password is compared with where there is no such agent, so that it takes as long."""
    return _HASHER.hash(secrets.token_urlsafe(15))
