"""The security headers of everything that the page's server sends."""

from __future__ import annotations

from collections.abc import Sequence

_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; font-src 'self'; "
    "connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; "
)
COMMON = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
PAGE = {
    **COMMON,
    "Content-Security-Policy": f"{_POLICY}frame-src 'none'; frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
}
"""The page by itself, which nobody may frame."""
DEMO = {**PAGE, "Content-Security-Policy": f"{_POLICY}frame-src 'self'; frame-ancestors 'none'"}
"""The demo of a host page, which frames the page of its own origin."""
DATA = {
    **COMMON,
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Cache-Control": "no-store",
}
"""Answers that are no documents."""
EVENT_STREAM = {**DATA, "X-Accel-Buffering": "no"}
"""Answers that are sent while they are made."""
LAUNCHER = {**COMMON, "Cross-Origin-Resource-Policy": "cross-origin"}
"""The script that other sites load."""


def framed(origins: Sequence[str]) -> dict[str, str]:
    """Returns the headers of the page in a frame of another site.

    Args:
        origins: the sites that may frame it, beside its own.
    """
    ancestors = " ".join(["'self'", *origins])
    return {**COMMON, "Content-Security-Policy": f"{_POLICY}frame-src 'none'; frame-ancestors {ancestors}"}
