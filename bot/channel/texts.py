"""The page's texts: what the page shows by itself, and what the server says where it refuses something."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable

from bot.articles.issues import common_issues
from bot.articles.replies import Replies

_GROUPS = ("labels", "topics", "page")
_MOST_WISHES = 20


class Texts:
    """What stands in `data/replies/`, by language; English where a language lacks something.

    Args:
        link_hosts: the hosts that the page may make links to.
    """

    def __init__(self, link_hosts: Iterable[str] = ()) -> None:
        self._link_hosts = tuple(sorted(link_hosts))
        self.replies = Replies()
        self.languages = self.replies.languages()
        self._documents: dict[str, tuple[bytes, str]] = {}

    def document(self, language: str) -> tuple[bytes, str]:
        """Returns everything that a page needs in one language, as JSON, and a tag that changes with it."""
        if language not in self._documents:
            replies = self.replies
            content = {
                "language": language,
                "name": replies.name(language),
                **{group: replies.group(group, language) for group in _GROUPS},
                "replies": {"utter_greet": replies.text("utter_greet", language)},
                "common": common_issues(),
                "languages": {code: replies.name(code) for code in self.languages},
                "link_hosts": self._link_hosts,
            }
            body = json.dumps(content, ensure_ascii=False).encode()
            self._documents[language] = body, hashlib.sha256(body).hexdigest()[:16]
        return self._documents[language]


def wishes(accept_language: str) -> list[str]:
    """Returns the locales of an Accept-Language header, most wanted first (RFC 9110, 12.5.4)."""
    ranked = []
    for position, item in enumerate(accept_language.split(",")[:_MOST_WISHES]):
        locale, _, weight = item.partition(";")
        try:
            quality = float(weight.strip().removeprefix("q=") or 1)
        except ValueError:
            continue
        if locale.strip() and quality > 0:
            ranked.append((-quality, position, locale.strip()))
    return [locale for _, _, locale in sorted(ranked)]
