"""Sends the summary of a run to a chat channel and by e-mail, where they are set."""

from __future__ import annotations

import smtplib
from contextlib import closing
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

import requests

from bot.settings import Settings

ANSWER_SECONDS = 20


def notify(settings: Settings, subject: str, summary: str) -> list[str]:
    """Sends the summary wherever the settings say.

    Args:
        settings: the project's settings.
        subject: of the e-mail.
        summary: Markdown of ten lines.

    Returns:
        What went wrong, a sentence each: a verdict does not depend on whether it could be sent.
    """
    problems = []
    if settings.regression_webhook_url is not None:
        try:
            address = settings.regression_webhook_url.get_secret_value()
            requests.post(address, json={"text": summary}, timeout=ANSWER_SECONDS).raise_for_status()
        except requests.RequestException as error:
            # Its message has the address, and an address of a chat channel is a secret.
            problems.append(f"the summary could not be sent to the webhook ({type(error).__name__}).")
    if settings.regression_email_to:
        if settings.tickets_smtp_url is None or not settings.tickets_email_from:
            problems.append(
                "the summary cannot be sent by e-mail; set BOT_TICKETS_SMTP_URL and BOT_TICKETS_EMAIL_FROM."
            )
        else:
            try:
                _send_email(settings, subject, summary)
            except (smtplib.SMTPException, OSError) as error:
                problems.append(f"the summary could not be sent by e-mail ({error}).")
    return problems


def _send_email(settings: Settings, subject: str, summary: str) -> None:
    assert settings.tickets_smtp_url is not None
    message = EmailMessage()
    message["Subject"], message["From"] = subject, settings.tickets_email_from
    message["To"] = settings.regression_email_to
    message.set_content(summary)
    address = urlsplit(settings.tickets_smtp_url.get_secret_value())
    host, port = address.hostname or "localhost", address.port
    kind = smtplib.SMTP_SSL if address.scheme == "smtps" else smtplib.SMTP
    with closing(kind(host, port or (465 if address.scheme == "smtps" else 25), timeout=ANSWER_SECONDS)) as server:
        if address.scheme == "smtp+starttls":
            server.starttls()
        if address.username:
            server.login(unquote(address.username), unquote(address.password or ""))
        server.send_message(message)
