"""Builds e-mails and values of mail headers that nothing customers have typed can inject a header into; sends none."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from email.message import EmailMessage

from bot.text.characters import readable
from bot.text.contacts import valid_address


def header_text(text: str) -> str:
    """Returns a text as one line for a mail header, in which no mail program finds an encoded word.

    An encoded word (RFC 2047), such as `=?utf-8?q?=0D=0ABcc:_x?=`, is decoded by every program on its way, and older
    Pythons such as 3.10.13 write the line ends in it as they are: a header that a customer made up (CVE-2024-6923).
    A blank after its first character makes it ordinary text, which a reader sees nearly as it was typed.
    """
    return " ".join(readable(text).split()).replace("=?", "= ?")


def make_mail(headers: Mapping[str, str | datetime], text: str) -> EmailMessage:
    """Returns an e-mail; every header goes through `header_text`.

    Args:
        headers: the headers in their order.
        text: what the e-mail says, plain.
    """
    message = EmailMessage()
    for name, value in headers.items():
        message[name] = header_text(value) if isinstance(value, str) else value
    message.set_content(readable(text), cte="quoted-printable")
    # No header is folded (0), ours are short: a subject that is folded right after its name reaches some readers with a
    # blank before it, and Python takes the quotes from a name that is folded.
    message.policy = message.policy.clone(max_line_length=0)
    return message


def header_address(address: str) -> str | None:
    """Returns an address as a mail header can hold it, in ASCII; None where it cannot, or is none."""
    valid = valid_address(address)
    found: str = (valid and valid.ascii_email) or ""
    return found if found and found == header_text(found) else None
