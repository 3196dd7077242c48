"""Session tokens: signed by the server, bound to one conversation, expiring."""

from __future__ import annotations

import logging
import os
import secrets
import time
from contextlib import suppress
from pathlib import Path

from itsdangerous import BadData, URLSafeTimedSerializer

from bot.files import write_private
from bot.settings import Settings, SettingsError

logger = logging.getLogger(__name__)

_KEY_FILE = "page-key"
_KEY_LENGTH = 32
# Longer ones cannot be ours; they are refused before any arithmetic.
_LONGEST_TOKEN = 512


class Tokens:
    """Makes and checks session tokens.

    Args:
        key: what they are signed with, secret.
        lifetime: for how many seconds they are valid.
    """

    def __init__(self, key: str, lifetime: int) -> None:
        self.lifetime = lifetime
        self._serializer = URLSafeTimedSerializer(key, salt="bot.channel.session")

    def issue(self, conversation: str) -> str:
        """Returns a token for a conversation."""
        return str(self._serializer.dumps(conversation))

    def conversation(self, token: str) -> str | None:
        """Returns the conversation that a token is for; None if it is forged, broken or has expired."""
        if len(token) > _LONGEST_TOKEN or not token.isascii():
            return None
        try:
            # Its own `max_age` refuses what was signed a second ahead of this server's clock, at another server.
            conversation, signed = self._serializer.loads(token, return_timestamp=True)
        except BadData:
            return None
        expired = time.time() - signed.timestamp() > self.lifetime
        return conversation if isinstance(conversation, str) and not expired else None


def new_conversation() -> str:
    """Returns the id of a new conversation, which cannot be guessed (192 bits)."""
    return f"page-{secrets.token_urlsafe(24)}"


def signing_key(settings: Settings) -> str:
    """Returns the key of the settings, or the one that was made once and kept in a file only its owner can read.

    Raises:
        SettingsError: the file cannot be written or read, or is not a key; the message says why and what to do.
    """
    if settings.secret_key is not None:
        return settings.secret_key.get_secret_value()
    path = settings.secrets_dir / _KEY_FILE
    try:
        settings.secrets_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        (settings.secrets_dir / ".gitignore").write_text("*\n", encoding="ascii")
        _make_once(path)
        key = _read(path)
    except (OSError, ValueError) as error:
        problem = f"{path}: cannot be used ({error}); make the folder writable or set BOT_SECRET_KEY."
        raise SettingsError(problem) from error
    if len(key) < _KEY_LENGTH:
        raise SettingsError(f"{path}: is not a key; delete it, and a new one is made at the next start.")
    return key


def _make_once(path: Path) -> None:
    if path.exists():
        return
    # Written in full under another name first: another server that starts now must never read half a key.
    draft = path.with_name(f"{path.name}.{secrets.token_hex(4)}")
    write_private(draft, secrets.token_urlsafe(_KEY_LENGTH))
    try:
        with suppress(FileExistsError):  # the other server was first
            os.link(draft, path)
    finally:
        draft.unlink()


def _read(path: Path) -> str:
    if path.stat().st_mode & 0o077:
        logger.warning("%s could be read by others; it no longer can. Delete it if they may have seen it.", path)
        path.chmod(0o600)
    return path.read_text(encoding="ascii").strip()
