"""Tells which hosts links may lead to (articles are checked by it, too), and removes links to others from answers."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from bot.settings import Settings
from bot.text.limited_markdown import LINK


class AllowedLinks:
    """Knows which addresses an answer may name.

    Args:
        settings: the allowed hosts and the contact's address.
    """

    def __init__(self, settings: Settings) -> None:
        contact = urlsplit(str(settings.support_request_url or "")).hostname
        self.hosts = frozenset([*settings.link_hosts.lower().split(), *([contact] if contact else [])])

    def allows(self, address: str) -> bool:
        """Tells whether an address is a plain https one of an allowed host."""
        try:
            parts = urlsplit(address)
            return parts.scheme == "https" and parts.hostname in self.hosts and parts.username is None
        except ValueError:
            return False

    def cleaned(self, value: Any) -> Any:
        """Returns a structured answer without links elsewhere: of those in running text the label stays."""
        if isinstance(value, dict):
            return {key: (self._links if key == "links" else self.cleaned)(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.cleaned(item) for item in value]
        if isinstance(value, str):
            return LINK.sub(lambda match: match.group() if self.allows(match["address"]) else match["label"], value)
        return value

    def _links(self, links: list[Any]) -> list[Any]:
        return [link for link in links if not isinstance(link, dict) or self.allows(str(link.get("url") or ""))]
