"""Delivers tickets to help desks and asks what became of them: a class for each help desk, and the worker."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from pydantic import SecretStr

from bot.settings import Settings
from bot.tickets.delivery.target import Target

SMTP_SCHEMES = ("smtp", "smtps", "smtp+starttls")
_NEEDED = {
    "email": ("smtp_url", "email_from", "email_to"),
    "webhook": ("webhook_url", "webhook_secret"),
    "request_tracker": ("rt_url", "rt_token"),
    "zammad": ("zammad_url", "zammad_token"),
    "chatwoot": ("chatwoot_url", "chatwoot_token", "chatwoot_inbox"),
}
"""Help desk -> the setting with its address, and those that go with it, without `tickets_`."""


class DeliverySettingsError(ValueError):
    """The settings of a help desk do not go together; the message says what is missing."""


def target_names(settings: Settings) -> list[str]:
    """Returns the names of the help desks that each new ticket is delivered to, by this process or another one."""
    return settings.tickets_targets.split() or list(addresses(settings))


def addresses(settings: Settings) -> dict[str, str]:
    """Returns the addresses of help desks that are set, passwords included, by the desks' names; loads no help desk."""
    found = {desk: _value(settings, address) for desk, (address, *_) in _NEEDED.items()}
    return {desk: str(address) for desk, address in found.items() if address}


def make_targets(settings: Settings) -> list[Target]:
    """Returns the help desks that the settings name.

    Raises:
        DeliverySettingsError: a setting that goes with another one is missing.
    """
    from bot.tickets.delivery.chatwoot import ChatwootTarget
    from bot.tickets.delivery.email import EmailTarget
    from bot.tickets.delivery.request_tracker import RequestTrackerTarget
    from bot.tickets.delivery.webhook import WebhookTarget
    from bot.tickets.delivery.zammad import ZammadTarget

    account, team = settings.tickets_chatwoot_account, settings.tickets_chatwoot_team
    classes: dict[str, Callable[..., Target]] = {
        "email": EmailTarget,
        "webhook": WebhookTarget,
        "request_tracker": partial(RequestTrackerTarget, queue=settings.tickets_rt_queue),
        "zammad": partial(ZammadTarget, group=settings.tickets_zammad_group),
        "chatwoot": partial(ChatwootTarget, account=account, team=team),
    }
    answer_seconds = settings.tickets_answer_seconds
    if settings.tickets_lease_seconds < 3 * answer_seconds:
        raise DeliverySettingsError("BOT_TICKETS_LEASE_SECONDS must be three times BOT_TICKETS_ANSWER_SECONDS or more.")
    targets: list[Target] = []
    for desk, url in addresses(settings).items():
        address, *others = _NEEDED[desk]
        values = [_value(settings, name) for name in others]
        if not all(values):
            missing = " and ".join(f"BOT_TICKETS_{name.upper()}" for name in others)
            raise DeliverySettingsError(f"BOT_TICKETS_{address.upper()} needs {missing}.")
        if desk == "email" and url.split("://")[0] not in SMTP_SCHEMES:  # no password is sent unprotected by mistake
            raise DeliverySettingsError(f"BOT_TICKETS_SMTP_URL must begin with {', '.join(SMTP_SCHEMES)}, then ://.")
        targets.append(classes[desk](url, *values, answer_seconds=answer_seconds))
    return targets


def _value(settings: Settings, name: str) -> Any:
    """Returns a setting of tickets, a password in the clear."""
    value = getattr(settings, f"tickets_{name}")
    return value.get_secret_value() if isinstance(value, SecretStr) else value
