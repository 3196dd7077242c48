"""Delivers tickets as e-mail over SMTP."""

from __future__ import annotations

import smtplib
import ssl
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from urllib.parse import unquote, urlsplit

from bot.text.mail import header_address, make_mail
from bot.tickets.delivery.message import body, subject
from bot.tickets.delivery.target import DeliveryAttempt, DeliveryError

X_PRIORITY = {"urgent": "1", "high": "2", "normal": "3", "low": "5"}


@dataclass(frozen=True, repr=False)
class EmailTarget:
    """Sends each ticket as one e-mail.

    SMTP has no way to ask whether a message has arrived, so one that went out right before a crash is sent again; its
    Message-ID is the same, by which mail servers and help desks drop the second one.

    Args:
        url: `smtp://user:password@host:25`, `smtps://` (TLS from the start) or `smtp+starttls://`.
        sender: the address it comes from.
        recipient: the help desk's address.
        answer_seconds: how long an answer is waited for.
    """

    name = "email"
    url: str
    sender: str
    recipient: str
    answer_seconds: float

    def deliver(self, attempt: DeliveryAttempt) -> str | None:
        """Sends one ticket; see `Target.deliver`."""
        message = self._message(attempt)
        handing_over = False
        try:
            with connect(self.url, self.answer_seconds) as server:
                attempt.ensure_time(self.answer_seconds)
                handing_over = True
                server.send_message(message)
                with suppress(smtplib.SMTPException, OSError):  # it has been taken, whatever follows
                    server.quit()
        except smtplib.SMTPRecipientsRefused as error:
            raise _answered(*next(iter(error.recipients.values()))) from error
        except smtplib.SMTPResponseException as error:
            raise _answered(error.smtp_code, error.smtp_error) from error
        except (smtplib.SMTPException, OSError) as error:
            raise DeliveryError(f"the mail server did not answer ({error})", uncertain=handing_over) from error
        return str(message["Message-ID"])

    def _message(self, attempt: DeliveryAttempt) -> EmailMessage:
        ticket = attempt.ticket
        headers: dict[str, str | datetime] = {
            "Subject": subject(ticket),
            "From": self.sender,
            "To": self.recipient,
            "Date": ticket.opened_at,
            "Message-ID": f"<{ticket.number}.{attempt.key}@{Address(addr_spec=self.sender).domain}>",
            "X-Priority": X_PRIORITY[ticket.priority],
            "X-Ticket-Tags": " ".join(ticket.tags),
            "Auto-Submitted": "auto-generated",
        }
        address = header_address(ticket.contact_email or "")
        if address:  # another one stands in the text
            headers["Reply-To"] = address
        return make_mail(headers, body(ticket))


@contextmanager
def connect(url: str, answer_seconds: float) -> Iterator[smtplib.SMTP]:
    """Connects to a mail server until the block ends, and logs in where the address says so.

    Args:
        url: as of `EmailTarget`.
        answer_seconds: how long an answer is waited for.

    Raises:
        OSError: it cannot be reached, or nobody vouches for its certificate.
        SMTPException: it does not let us in.
    """
    address = urlsplit(url)
    host, port = address.hostname or "localhost", address.port
    if address.scheme == "smtps":
        context = ssl.create_default_context()
        server: smtplib.SMTP = smtplib.SMTP_SSL(host, port or 465, timeout=answer_seconds, context=context)
    else:
        server = smtplib.SMTP(host, port or 25, timeout=answer_seconds)
    with closing(server):
        if address.scheme == "smtp+starttls":
            server.starttls(context=ssl.create_default_context())
        if address.username:
            server.login(unquote(address.username), unquote(address.password or ""))
        yield server


def _answered(code: int, reply: bytes | str) -> DeliveryError:
    text = reply.decode(errors="replace") if isinstance(reply, bytes) else reply
    return DeliveryError(f"the mail server answered {code} {text[:200]}", refused=code >= 500)
