"""Delivers tickets to help desks and asks what became of them: a class for each help desk, and the worker."""

from __future__ import annotations

from pydantic import SecretStr

from bot.settings import Settings
from bot.tickets.delivery.target import Target

SMTP_SCHEMES = ("smtp", "smtps", "smtp+starttls")


class DeliverySettingsError(ValueError):
    """The settings of a help desk do not go together; the message says what is missing."""


def target_names(settings: Settings) -> list[str]:
    """Returns the names of the help desks that each new ticket is delivered to, by this process or another one."""
    return settings.tickets_targets.split() or reachable_targets(settings)


def reachable_targets(settings: Settings) -> list[str]:
    """Returns the names of the help desks whose addresses are set, without loading what speaks to them."""
    return list(addresses(settings))


def addresses(settings: Settings) -> dict[str, str]:
    """Returns the addresses of help desks that are set, passwords included, by the desks' names."""
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
        if not (settings.tickets_email_from and settings.tickets_email_to):
            raise DeliverySettingsError("BOT_TICKETS_SMTP_URL needs BOT_TICKETS_EMAIL_FROM and BOT_TICKETS_EMAIL_TO.")
        if url.split("://")[0] not in SMTP_SCHEMES:  # a typing error must not send a password unprotected
            raise DeliverySettingsError(f"BOT_TICKETS_SMTP_URL must begin with {', '.join(SMTP_SCHEMES)}, then ://.")
        targets.append(EmailTarget(url, settings.tickets_email_from, settings.tickets_email_to, patience))
    if url := urls.get("webhook"):
        secret = _needed(settings.tickets_webhook_secret, "BOT_TICKETS_WEBHOOK_URL needs BOT_TICKETS_WEBHOOK_SECRET.")
        targets.append(WebhookTarget(url, secret, patience))
    if url := urls.get("request_tracker"):
        token = _needed(settings.tickets_rt_token, "BOT_TICKETS_RT_URL needs BOT_TICKETS_RT_TOKEN.")
        targets.append(RequestTrackerTarget(url, token, settings.tickets_rt_queue, patience))
    if url := urls.get("zammad"):
        token = _needed(settings.tickets_zammad_token, "BOT_TICKETS_ZAMMAD_URL needs BOT_TICKETS_ZAMMAD_TOKEN.")
        targets.append(ZammadTarget(url, token, settings.tickets_zammad_group, patience))
    if url := urls.get("chatwoot"):
        account, inbox, team = (getattr(settings, f"tickets_chatwoot_{name}") for name in ("account", "inbox", "team"))
        chatwoot_token = settings.tickets_chatwoot_token if inbox else None
        token = _needed(chatwoot_token, "BOT_TICKETS_CHATWOOT_URL needs BOT_TICKETS_CHATWOOT_TOKEN and _INBOX.")
        targets.append(ChatwootTarget(url, token, account, inbox, team, patience))
    return targets


def _needed(secret: SecretStr | None, told: str) -> str:
    """Returns a secret that goes with another setting.

    Raises:
        DeliverySettingsError: it is missing; its message is `told`.
    """
    if not secret:
        raise DeliverySettingsError(told)
    return secret.get_secret_value()
