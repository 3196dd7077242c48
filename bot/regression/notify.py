"""Sends the summary of a run to a chat channel and by e-mail, where they are set."""

from __future__ import annotations

import smtplib

import requests

from bot.settings import Settings
from bot.text.mail import make_mail
from bot.tickets.delivery.email import connect

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
            return [*problems, "no e-mail can be sent; set BOT_TICKETS_SMTP_URL and BOT_TICKETS_EMAIL_FROM."]
        headers = {"Subject": subject, "From": settings.tickets_email_from, "To": settings.regression_email_to}
        try:
            with connect(settings.tickets_smtp_url.get_secret_value(), ANSWER_SECONDS) as server:
                server.send_message(make_mail(headers, summary))
        except (smtplib.SMTPException, OSError) as error:
            problems.append(f"the summary could not be sent by e-mail ({error}).")
    return problems
