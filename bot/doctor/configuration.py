"""Checks the settings: unknown names, values that do not fit, settings that lack or contradict another one.

A value that `Settings` refuses is removed from this process's environment, so that the others can still be examined.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

from limits import parse_many
from pydantic import ValidationError

from bot.doctor.installation import PREFIX, Finding, Installation
from bot.settings import Settings, did_you_mean, explain, get_settings
from bot.tickets.delivery import DeliverySettingsError, addresses, make_targets, target_names

_LIMITS = ("limit_messages_per_conversation", "limit_requests_per_address", "limit_sessions_per_address")
_PATHS = ("data_dir", "encoder", "encoder_weights", "search_encoder_weights")


def take_settings() -> tuple[Settings, list[Finding]]:
    """Reads the settings of this process; one that does not fit is removed, so that the others are examined.

    Returns:
        The settings, and a finding for each variable that does not fit.
    """
    refused: list[Finding] = []
    try:
        Settings()  # type: ignore[call-arg]
    except ValidationError as error:
        for name, reason in explain(error).items():
            refused.append(Finding(name, "error", f"does not fit: {reason}", "correct or remove it"))
            for written in [each for each in os.environ if each.upper() == name]:
                del os.environ[written]
    get_settings.cache_clear()
    return get_settings(), refused


def unknown_settings(installation: Installation) -> Iterator[Finding]:
    """Finds variables that no part of the bot reads: mostly spelling mistakes."""
    known = [PREFIX + name.upper() for name in Settings.__fields__]
    unknown = sorted(name for name in installation.variables if name.upper() not in known)
    for name in unknown:
        near = did_you_mean(name, known)
        yield Finding(name, "error" if near else "warning", f"there is no such setting{near}", "correct or remove it")
    if not unknown:
        yield Finding("settings", "ok", f"{len(installation.variables)} are set, each known; the others have defaults")


def contradictions(installation: Installation) -> Iterator[Finding]:
    """Finds settings that need another one, or contradict it."""
    found = [*_of_delivery(installation.settings), *_of_servers(installation.settings), *_of_values(installation)]
    yield from found or [Finding("settings together", "ok", "nothing is missing or contradicts another one")]


def _of_delivery(settings: Settings) -> Iterator[Finding]:
    try:
        make_targets(settings)
    except DeliverySettingsError as error:
        yield Finding("help desks", "error", str(error).rstrip("."), "set it (docs/tickets.md)")
    unnamed = set(addresses(settings)) - set(target_names(settings))
    if unnamed:
        names = " ".join(sorted(unnamed))
        found = f"{names}: has an address, but BOT_TICKETS_TARGETS does not name it, so it gets no tickets"
        yield Finding("help desks", "warning", found, "add it to BOT_TICKETS_TARGETS, or remove its address")
    if settings.regression_email_to and not (settings.tickets_smtp_url and settings.tickets_email_from):
        found = "BOT_REGRESSION_EMAIL_TO needs BOT_TICKETS_SMTP_URL and BOT_TICKETS_EMAIL_FROM"
        yield Finding("nightly e-mail", "warning", found, "set them where the nightly run starts")


def _of_servers(settings: Settings) -> Iterator[Finding]:
    sqlite = settings.tracker_database.get_secret_value().startswith("sqlite")
    if settings.redis_url and sqlite:
        found = "BOT_REDIS_URL shares state between servers, but BOT_TRACKER_DATABASE is a file of one machine"
        yield Finding("several servers", "warning", found, "set a PostgreSQL database, or leave out Redis")
    elif settings.redis_url and not settings.secret_key:
        found = "BOT_REDIS_URL is set and BOT_SECRET_KEY is not: tokens of one server are not valid at another one"
        yield Finding("several servers", "warning", found, "set one BOT_SECRET_KEY for all")
    if settings.desk_openid_issuer and not (settings.desk_openid_client_id and settings.desk_openid_client_secret):
        found = "BOT_DESK_OPENID_ISSUER needs BOT_DESK_OPENID_CLIENT_ID and BOT_DESK_OPENID_CLIENT_SECRET"
        yield Finding("desk's OpenID Connect", "error", found, "set them (docs/desk.md)")


def _of_values(installation: Installation) -> Iterator[Finding]:
    settings = installation.settings
    for name in _LIMITS:
        try:
            parse_many(getattr(settings, name))
        except ValueError:
            found = f"{getattr(settings, name)!r} is not a limit"
            yield Finding(PREFIX + name.upper(), "error", found, "write it as in `20 per minute`")
    for name in _PATHS:
        if not getattr(settings, name).exists():
            yield Finding(PREFIX + name.upper(), "error", f"there is no {getattr(settings, name)}", "correct the path")
