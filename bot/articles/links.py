"""Completes addresses of links, rids them of tracking and Microsoft's locales, and names their faults; opens none."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit, urlunsplit

from bot.settings import get_settings
from bot.text.links import AllowedLinks

LEARN = "https://learn.microsoft.com"
"""Base of addresses that begin with `/`."""

MOVED_HOSTS = {
    "docs.microsoft.com": "learn.microsoft.com",
    "technet.microsoft.com": "learn.microsoft.com",
    "msdn.microsoft.com": "learn.microsoft.com",
    "support.office.com": "support.microsoft.com",
    "protection.office.com": "security.microsoft.com",
    "manage.windowsazure.com": "portal.azure.com",
}
"""Hosts that lead on to another one, as known in 2024; only the first has every page under the same path there."""
_MICROSOFT = re.compile(r"(.*\.)?(microsoft\.com|office\.com|office365\.com|azure\.com|live\.com|outlook\.com|aka\.ms)")
_TRACKING = frozenset({"wt.mc_id", "wt_mc_id", "ocid", "mkt_tok", "msclkid", "gclid", "fbclid"})
# Tracking that was appended to an address as if that had neither a query nor a fragment.
_GLUED_TRACKING = re.compile(r"[?&](wt[._]mc_id|ocid|utm_[a-z]+)=[^?&]*", re.IGNORECASE)
_LOCALES = re.compile(r"^([^/]*)(?:/[a-z]{2}-[a-z]{2}(?=/|\Z))+", re.IGNORECASE)
# Opens a program on the reader's own computer: no defect, but nothing that an answer could link to.
_APP_SCHEME = re.compile(r"(ms|microsoft|feedback)-[a-z-]+")
_HOST = re.compile(r"[^\W_]([\w-]*[^\W_])?(\.[^\W_]([\w-]*[^\W_])?)+|localhost")
_SOURCE_FILE = re.compile(r"\.(md|yml)$", re.IGNORECASE)
# Word writes `address" \l "fragment" \t "_blank`; percent-encoded quotes and backslashes are its leftovers.
_LEFTOVER = re.compile(r"%22|%5c|[\"<>\\\s]", re.IGNORECASE)


class Address(NamedTuple):
    """Outcome of resolving a link's address.

    Args:
        url: absolute and cleaned; None where the link leads nowhere outside of the article.
        problem: fault of the address as it is written; empty when there is none.
    """

    url: str | None
    problem: str = ""


def resolve(href: str, base: str | None = None) -> Address:
    """Completes and cleans the address of a link and says what is wrong with it.

    Args:
        href: the address as it is written.
        base: what relative addresses are relative to; None where the dialect has no such base.

    Returns:
        The address; without a URL for a fragment of the same article and for what is no address.
    """
    href = href.strip()
    if not href:
        return Address(None, "a link has an empty address; give it one or remove it")
    if href.startswith("#"):
        return Address(None)
    try:
        return _resolve(href, base)
    except ValueError:  # urllib refuses brackets, ports and hosts that no address can have
        return Address(None, f"malformed address {_shown(href)}; correct it")


def _resolve(href: str, base: str | None) -> Address:
    if href.startswith("//"):
        href = "https:" + href
    address, parts = href, urlsplit(href)
    if parts.scheme in {"mailto", "tel"}:
        incomplete = len(href) == len(f"{parts.scheme}:")
        return Address(None, f"incomplete address {_shown(href)}") if incomplete else Address(href)
    if _APP_SCHEME.fullmatch(parts.scheme):
        return Address(None)
    if parts.scheme not in {"", "http", "https"}:
        return Address(None, f"address {_shown(href)} is neither a web nor a mail address; replace it")
    if not parts.scheme:
        root = LEARN if href.startswith("/") else base
        if root is None:
            return Address(None, f"relative address {_shown(href)} has no base in this dialect; write the full address")
        address = urljoin(root, urlunsplit(parts._replace(path=_SOURCE_FILE.sub("", parts.path))))
    elif not _HOST.fullmatch(parts.hostname or ""):
        return Address(None, f"address {_shown(href)} has no valid host; correct it")
    return Address(clean_url(address), _leftovers(href))


def clean_url(url: str) -> str:
    """Returns an absolute web address as an answer may show it; cleaning twice changes nothing more.

    `docs.microsoft.com` becomes `learn.microsoft.com`, Microsoft's hosts are reached by HTTPS and without a locale in
    the path; tracking parameters and what Word left behind go, other parameters and the fragment stay.

    Args:
        url: an absolute `http:` or `https:` address.

    Raises:
        ValueError: the text is no address.
    """
    url = re.split(r"[\"<>\s]", url.strip(), maxsplit=1)[0]
    parts = urlsplit(url)
    if not _MICROSOFT.fullmatch(parts.hostname or ""):
        return urlunsplit(parts._replace(query=_without_tracking(parts.query)))
    host = "learn.microsoft.com" if (netloc := parts.netloc.lower()) == "docs.microsoft.com" else netloc
    path = _LOCALES.sub(r"\1", re.sub(r"(%20)+$", "", parts.path))
    fragment = _GLUED_TRACKING.sub("", parts.fragment)
    return urlunsplit(("https", host, path, _without_tracking(parts.query), fragment))


def faults(url: str) -> Iterator[str]:
    """Yields what our own articles must not have in an address, each as a sentence with the remedy.

    Args:
        url: the address as it is written in the article.
    """
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return  # the reader has reported it
    if parts.scheme.lower() != "https":
        yield f"address {_shown(url)} is not HTTPS; write https://"
    if host not in AllowedLinks(get_settings()).hosts:
        yield f"host {host or '(none)'} of {_shown(url)} is not on the list of allowed hosts"
    if _without_tracking(parts.query) != parts.query or _GLUED_TRACKING.search(parts.fragment):
        yield f"tracking parameter in {_shown(url)}; remove it"
    if _LOCALES.match(parts.path):
        yield f"locale in the path of {_shown(url)}; remove it, the site redirects by itself"


def _without_tracking(query: str) -> str:
    named = [(parameter, parameter.partition("=")[0].lower()) for parameter in query.split("&")]
    kept = [text for text, name in named if name and name not in _TRACKING and not name.startswith("utm_")]
    return "&".join(_GLUED_TRACKING.sub("", text.partition("%22")[0]) for text in kept)


def _leftovers(href: str) -> str:
    """Says what does not belong into an address; blanks in a fragment do (`#:~:text=`)."""
    parts = urlsplit(href)
    host = parts.hostname or ""
    blank = "%20" in parts.path and _MICROSOFT.fullmatch(host) and not host.startswith("portal")
    if blank or _LEFTOVER.search(href.partition("#")[0]) or re.search(r"[\"<>\\\s]", parts.fragment):
        return f"address {_shown(href)} contains quotes, blanks or backslashes that do not belong there; remove them"
    return ""


def _shown(href: str) -> str:
    return f"'{href[:200]}…'" if len(href) > 200 else f"'{href}'"
