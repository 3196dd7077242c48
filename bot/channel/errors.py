"""What the page's server refuses, as typed exceptions that become an HTTP status in one place."""

from __future__ import annotations


class RefusedError(Exception):
    """A request that is refused.

    Args:
        status: the HTTP status.
        code: what the page can act on; `error_<code>` is the text for the customer in `data/replies/`.
        retry_after: after how many seconds the same request may succeed; None where it never will.
        language: the language of the customer, where it is known.
        **values: what stands for the placeholders of the text.
    """

    def __init__(
        self, status: int, code: str, *, retry_after: int | None = None, language: str | None = None, **values: str
    ) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.retry_after = retry_after
        self.language = language
        self.values = values


def malformed() -> RefusedError:
    """Returns the refusal of a request that is not what was agreed."""
    return RefusedError(400, "malformed")


def token_refused() -> RefusedError:
    """Returns the refusal of a token that is missing, forged, expired or revoked; it does not say which."""
    return RefusedError(401, "token")
