"""Agents, their passwords and sessions, attempts to sign in, and the audit log."""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from threading import Lock
from typing import Literal, get_args

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from sqlalchemy import delete, func, insert, select
from sqlalchemy.engine import Row

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
        if not name.strip() or not name.isprintable() or len(name) > _NAME_LENGTH:
            raise AccountError(f"{name!r} is no name; give one of 1 to {_NAME_LENGTH} printable characters.")
        password = secrets.token_urlsafe(15)
        with self._database.writing() as connection:
            if connection.execute(select(DESK_AGENTS.c.id).where(DESK_AGENTS.c.name == name)).first():
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
        return [_agent(row) for row in self._database.rows(select(DESK_AGENTS).order_by(DESK_AGENTS.c.name))]

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
            row = next(iter(self._database.rows(select(DESK_AGENTS).where(DESK_AGENTS.c.name == name))), None)
            right = _is_right(row.password_hash if row else _nobodys_hash(), password)
        if row is None or not right:
            return None
        secret = secrets.token_urlsafe(32)
        with self._database.writing() as connection:
            connection.execute(delete(DESK_ATTEMPTS).where(DESK_ATTEMPTS.c.id == attempt))
            connection.execute(delete(DESK_SESSIONS).where(DESK_SESSIONS.c.begun_at < now() - SESSION_LIFETIME))
            connection.execute(insert(DESK_SESSIONS).values(key=_key(secret), agent_id=row.id))
        return secret

    def sign_out(self, secret: str) -> None:
        """Ends a session."""
        with self._database.writing() as connection:
            connection.execute(delete(DESK_SESSIONS).where(DESK_SESSIONS.c.key == _key(secret)))

    def agent_of(self, secret: str) -> Agent | None:
        """Returns whose session it is, None if it is over or was none."""
        query = select(DESK_AGENTS).join(DESK_SESSIONS, DESK_SESSIONS.c.agent_id == DESK_AGENTS.c.id)
        in_time = DESK_SESSIONS.c.begun_at > now() - SESSION_LIFETIME
        rows = self._database.rows(query.where(DESK_SESSIONS.c.key == _key(secret), in_time))
        return _agent(rows[0]) if rows else None

    def note(self, agent: str, address: str, action: str, object_: str = "") -> None:
        """Writes a line of the audit log.

        Args:
            agent: who; the name that was given where nobody has signed in.
            address: the network address.
            action: what was seen or done, such as `see ticket`.
            object_: of what, such as a ticket's number.
        """
        values = {"agent": agent[:_NAME_LENGTH], "address": address, "action": action, "object": object_[:255]}
        with self._database.writing() as connection:
            connection.execute(insert(DESK_AUDIT).values(values))

    def has_noted(self, agent: str, action: str, object_: str) -> bool:
        """Tells whether the audit log has the same line of the last five minutes; arguments as for `note`."""
        line = DESK_AUDIT.c
        same = (line.agent == agent) & (line.action == action) & (line.object == object_[:255])
        query = select(line.id).where(same, line.at > now() - timedelta(minutes=5)).limit(1)
        return bool(self._database.rows(query))

    def audit(self, newest: int = 500) -> list[Row]:
        """Returns the newest lines of the audit log, the latest first."""
        return self._database.rows(select(DESK_AUDIT).order_by(DESK_AUDIT.c.id.desc()).limit(newest))

    def _begin_attempt(self, name: str, address: str) -> int | None:
        """Counts an attempt as failed before the password is looked at; None where there were too many."""
        since = now() - ATTEMPTS_WINDOW
        count = select(func.count()).select_from(DESK_ATTEMPTS)
        with self._database.writing() as connection:
            connection.execute(delete(DESK_ATTEMPTS).where(DESK_ATTEMPTS.c.at < since))
            of_name = connection.execute(count.where(DESK_ATTEMPTS.c.name == name)).scalar_one()
            of_address = connection.execute(count.where(DESK_ATTEMPTS.c.address == address)).scalar_one()
            if of_name >= ATTEMPTS_OF_NAME or of_address >= ATTEMPTS_OF_ADDRESS:
                return None
            added = connection.execute(insert(DESK_ATTEMPTS).values(name=name, address=address))
            return int(added.inserted_primary_key[0])


def _agent(row: Row) -> Agent:
    return Agent(row.name, row.role, row.language)


def _key(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _is_right(password_hash: str, password: str) -> bool:
    try:
        return _HASHER.verify(password_hash, password)
    except VerifyMismatchError:
        return False


@cache
def _nobodys_hash() -> str:
    """Returns what a password is compared with where there is no such agent, so that it takes as long."""
    return _HASHER.hash(secrets.token_urlsafe(15))
