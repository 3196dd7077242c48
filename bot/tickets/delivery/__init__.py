"""Delivers tickets to help desks and asks what became of them: a class for each help desk, and the worker."""

from __future__ import annotations

from typing import Any

from pydantic import SecretStr

from bot.settings import Settings
from bot.tickets.delivery.target import Target

SMTP_SCHEMES = ("smtp", "smtps", "smtp+starttls")


class DeliverySettingsError(ValueError):
    """The settings of a help desk do not go together; the message says what is missing."""


def target_names(settings: Settings) -> list[str]:
    """Returns the names of the help desks that each new ticket is delivered to, by this process or another one."""
    return settings.tickets_targets.split() or list(addresses(settings))


def addresses(settings: Settings) -> dict[str, str]:
    """Returns the addresses of help desks that are set, passwords included, by the desks' names; loads no help desk."""
    smtp = settings.tickets_smtp_url
    chosen = {
        "email": smtp.get_secret_value() if smtp else None,
        "webhook": settings.tickets_webhook_url,
        "request_tracker": settings.tickets_rt_url,
        "zammad": settings.tickets_zammad_url,
        "chatwoot": settings.tickets_chatwoot_url,
    }
    return {name: str(address) for name, address in chosen.items() if address}


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

    patience = settings.tickets_answer_seconds
    if settings.tickets_lease_seconds < 3 * patience:
        raise DeliverySettingsError("BOT_TICKETS_LEASE_SECONDS must be three times BOT_TICKETS_ANSWER_SECONDS or more.")
    urls = addresses(settings)
    targets: list[Target] = []
    if url := urls.get("email"):
        sender, recipient = _needed(settings, "smtp_url", "email_from", "email_to")
        if url.split("://")[0] not in SMTP_SCHEMES:  # a typing error must not send a password unprotected
            raise DeliverySettingsError(f"BOT_TICKETS_SMTP_URL must begin with {', '.join(SMTP_SCHEMES)}, then ://.")
        targets.append(EmailTarget(url, sender, recipient, patience))
    if url := urls.get("webhook"):
        (secret,) = _needed(settings, "webhook_url", "webhook_secret")
        targets.append(WebhookTarget(url, secret, patience))
    if url := urls.get("request_tracker"):
        (token,) = _needed(settings, "rt_url", "rt_token")
        targets.append(RequestTrackerTarget(url, token, settings.tickets_rt_queue, patience))
    if url := urls.get("zammad"):
        (token,) = _needed(settings, "zammad_url", "zammad_token")
        targets.append(ZammadTarget(url, token, settings.tickets_zammad_group, patience))
    if url := urls.get("chatwoot"):
        token, inbox = _needed(settings, "chatwoot_url", "chatwoot_token", "chatwoot_inbox")
        account, team = settings.tickets_chatwoot_account, settings.tickets_chatwoot_team
        targets.append(ChatwootTarget(url, token, account, inbox, team, patience))
    return targets


def _needed(settings: Settings, address: str, *names: str) -> list[Any]:
    """Returns the settings that go with an address, passwords in the clear.

    Raises:
        DeliverySettingsError: one is missing.
    """
    values = [getattr(settings, f"tickets_{name}") for name in names]
    if not all(values):
        needed = " and ".join(f"BOT_TICKETS_{name.upper()}" for name in names)
        raise DeliverySettingsError(f"BOT_TICKETS_{address.upper()} needs {needed}.")
    return [value.get_secret_value() if isinstance(value, SecretStr) else value for value in values]
