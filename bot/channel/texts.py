"""The page's texts: what the page shows by itself, and what the server says where it refuses something."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from bot.articles.issues import load_issues
from bot.articles.replies import FALLBACK_LANGUAGE, Replies, ReplyError
from bot.articles.yaml_files import read_yaml
from bot.settings import get_settings

_GROUPS = ("labels", "topics", "page")
_MOST_WISHES = 20


class Texts:
    """What stands in `data/replies/`, by language; English where a language lacks something.

    Args:
        link_hosts: the hosts that the page may make links to.
    """

    def __init__(self, link_hosts: Iterable[str] = ()) -> None:
        self._link_hosts = tuple(sorted(link_hosts))
        self._folder = get_settings().data_dir / "replies"
        self.languages = Replies(self._folder).languages()

    def language(self, wished: Iterable[str]) -> str:
        """Returns the first shipped language of the wishes, the default language if there is none.

        Args:
            wished: locales such as `nb-NO`, most wanted first.
        """
        return Replies(self._folder).answer_language(*wished)

    def page(self, key: str, language: str, **values: str) -> str:
        """Returns a text of the group `page`, with what stands for its placeholders.

        Raises:
            ReplyError: not even the English file has it.
        """
        text = self._groups(language)["page"].get(key)
        if text is None:
            raise ReplyError(f"{self._folder / FALLBACK_LANGUAGE}.yml: no `{key}` under `page`; add it.")
        return str(text).format(**values)

    def topic(self, intent: str, language: str) -> str:
        """Returns the short name of an issue."""
        return str(self._groups(language)["topics"].get(intent, intent))

    def reply(self, key: str, language: str) -> str:
        """Returns what the bot says."""
        return Replies(self._folder).text(key, language)

    def document(self, language: str) -> tuple[bytes, str]:
        """Returns everything that a page needs in one language, as JSON, and a tag that changes with it."""
        return _document(self._folder, language, self.languages, self._link_hosts)

    def _groups(self, language: str) -> Mapping[str, Mapping[str, str]]:
        return _groups(self._folder, language)


def common_topics() -> list[str]:
    """Returns the intents of the issues that come up most, in the table's order."""
    return [intent for intent, issue in load_issues().items() if issue.common]


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


@lru_cache(maxsize=64)
def _document(
    folder: Path, language: str, languages: tuple[str, ...], link_hosts: tuple[str, ...]
) -> tuple[bytes, str]:
    groups = _groups(folder, language)
    replies = Replies(folder)
    content = {
        "language": language,
        "name": _name(folder, language),
        **groups,
        "replies": {"utter_greet": replies.text("utter_greet", language)},
        "common": common_topics(),
        "languages": {code: _name(folder, code) for code in languages},
        "link_hosts": link_hosts,
    }
    body = json.dumps(content, ensure_ascii=False).encode()
    return body, hashlib.sha256(body).hexdigest()[:16]


@lru_cache(maxsize=64)
def _groups(folder: Path, language: str) -> dict[str, dict[str, str]]:
    own, english = _file(folder, language), _file(folder, FALLBACK_LANGUAGE)
    return {group: {**(english.get(group) or {}), **(own.get(group) or {})} for group in _GROUPS}


def _name(folder: Path, language: str) -> str:
    return str(_file(folder, language).get("name", language))


@lru_cache(maxsize=64)
def _file(folder: Path, language: str) -> dict[str, Any]:
    path = folder / f"{language}.yml"
    content = read_yaml(path, ReplyError)
    if not isinstance(content, dict):
        raise ReplyError(f"{path}: expected a mapping with `replies`, `labels`, `topics` and `page`.")
    return content
