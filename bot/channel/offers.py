"""Buttons: what each would tell the bot stays here; the page gets an id that acts once, in one conversation."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from bot.articles.issues import load_issues
from bot.channel.errors import RefusedError

Kind = Literal["topic", "product", "feedback", "person", "other"]

_KINDS: dict[str, Kind] = {
    "choose_product": "product",
    "affirm": "feedback",
    "deny": "feedback",
    "solved": "feedback",
    "not_helped": "feedback",
    "none_of_these": "feedback",
    "talk_to_human": "person",
}
_PAYLOAD = re.compile(r"/(?P<intent>[a-z0-9_]+)(?P<entities>\{.*\})?", re.DOTALL)


@dataclass(frozen=True)
class Offer:
    """A button that the bot has offered.

    Args:
        id: what the page sends when it is pressed.
        title: what stands on it.
        intent: what it says to the bot.
        entities: what it names, entity -> value.
    """

    id: str
    title: str
    intent: str
    entities: Mapping[str, str] = field(default_factory=dict)

    @property
    def kind(self) -> Kind:
        """What the button is about."""
        return "topic" if self.intent in load_issues() else _KINDS.get(self.intent, "other")

    def shown(self) -> dict[str, Any]:
        """Returns what the page may know of the button."""
        shown = {"id": self.id, "title": self.title, "kind": self.kind}
        return {**shown, "intent": self.intent} if self.kind == "topic" else shown


@dataclass
class Offers:
    """The buttons of one conversation: those of the bot's last turn that had any, less those that were pressed."""

    open: dict[str, Offer] = field(default_factory=dict)
    turn: str = ""

    def add(self, turn: str, buttons: Iterable[Mapping[str, Any]]) -> list[Offer]:
        """Offers Rasa's buttons, in place of those of earlier turns.

        Args:
            turn: the id of the bot's turn that offers them.
            buttons: each with `title` and `payload`; one whose payload is not a command is left out.

        Returns:
            The offers, in the order of the buttons.
        """
        if turn != self.turn:
            self.turn = turn
            self.open.clear()
        offers = [offer for button in buttons if (offer := _offer(button)) is not None]
        self.open.update((offer.id, offer) for offer in offers)
        return offers

    def open_one(self, button: str) -> Offer:
        """Returns a button that still acts.

        Raises:
            RefusedError: 409, it was used, was offered before newer ones, or never was.
        """
        offer = self.open.get(button)
        if offer is None:
            raise RefusedError(409, "button")
        return offer

    def take(self, button: str) -> Offer:
        """Uses a button up.

        Raises:
            RefusedError: 409, it was used, was offered before newer ones, or never was.
        """
        offer = self.open_one(button)
        del self.open[button]
        return offer


def _offer(button: Mapping[str, Any]) -> Offer | None:
    match = _PAYLOAD.fullmatch(str(button.get("payload") or "").strip())
    if match is None:
        return None
    entities = json.loads(match["entities"] or "{}")
    return Offer(secrets.token_urlsafe(12), str(button.get("title") or ""), match["intent"], entities)
