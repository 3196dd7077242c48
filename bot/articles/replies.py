"""The bot's own words, `data/replies/<lang>.yml`: replies, button labels and topic names of one language a file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any

from bot.articles.issues import load_issues
from bot.articles.language import normalise
from bot.settings import get_settings
from bot.text.yaml_files import read_yaml

FALLBACK_LANGUAGE = "en"

SUPPORT = {
    "azure": "https://go.microsoft.com/fwlink/?linkid=2083458",
    "microsoft365": "https://go.microsoft.com/fwlink/p/?linkid=518322",
    "microsoft_account": "https://support.microsoft.com/contactus",
}
"""Microsoft's own support, for each product."""


class ReplyError(ValueError):
    """A reply file cannot be used; the message says where, what is wrong and how to correct it."""


def support_request_url(product: str | None = None) -> str:
    """Returns where a customer opens a support request.

    Args:
        product: the customer's product; None, where it is not known, gives the page that leads to all of them.
    """
    return str(get_settings().support_request_url or SUPPORT.get(product or "", SUPPORT["microsoft_account"]))


class Replies:
    """The replies of every shipped language; a language's file is read when it is first needed.

    Args:
        folder: where the files lie; by default `replies` in the data folder.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder or get_settings().data_dir / "replies"

    def languages(self) -> tuple[str, ...]:
        """Returns the codes of the languages that have a reply file, sorted."""
        return _languages(self._folder)

    def complete(self) -> tuple[str, ...]:
        """Returns the codes of those languages whose file does not say `partial: true`: they have every issue."""
        return tuple(code for code in self.languages() if not self._file(code).get("partial"))

    def name(self, language: str) -> str:
        """Returns what a language calls itself; its code where its file does not say so."""
        return str(self._file(language).get("name", language))

    def answer_language(self, *wished: str | None) -> str:
        """Returns the language that the bot answers in: the first of the wished ones that it has replies in.

        Args:
            *wished: languages or locales such as `nb-NO`, most wanted first.

        Returns:
            ISO 639-1 code; that of the settings' default language, or else English, where there are no replies in any.
        """
        shipped = self.languages()
        codes = (normalise(locale) for locale in (*wished, get_settings().default_language))
        return next((code for code in codes if code in shipped), FALLBACK_LANGUAGE)

    def language_notice(self, written: str, language: str) -> str:
        """Returns the sentence that says that the bot understands a language but answers in another one.

        Args:
            written: what the customer writes in.
            language: what the bot answers in.
        """
        return self.text("utter_language_fallback", language, language_name=language_name(written, language))

    def text(self, key: str, language: str, **values: object) -> str:
        """Returns the reply `key` in a language, in English where that language lacks it.

        Args:
            key: the reply's name, such as `utter_greet`.
            language: ISO 639-1 code.
            **values: what the reply's placeholders stand for, beside `{url}`.

        Raises:
            ReplyError: not even the English file has this reply.
        """
        return self._spoken("replies", key, language, values)

    def dialogue(self, key: str, language: str, **values: object) -> str:
        """Returns what only actions say (follow-ups, forms, tickets), with what stands for its placeholders.

        Args:
            key: the text's name, such as `ask_email`.
            language: ISO 639-1 code.
            **values: what stands for the placeholders in braces, such as `number`.

        Raises:
            ReplyError: not even the English file has this text.
        """
        return self._spoken("dialogue", key, language, values)

    def page(self, key: str, language: str, **values: object) -> str:
        """Returns what the support page, and not the bot, says; arguments and errors as for `text`."""
        return self._spoken("page", key, language, values)

    def words(self, key: str, language: str) -> tuple[str, ...]:
        """Returns the words by which actions recognise something in a message, such as the units of time."""
        return tuple(self._lookup("words", key, language).split())

    def label(self, key: str, language: str, **values: object) -> str:
        """Returns a button label or heading in a language, in English where that language lacks it."""
        return self._lookup("labels", key, language).format(**values)

    def topic(self, intent: str, language: str) -> str:
        """Returns the short name of an issue in a language, in English where that language lacks it."""
        return self._lookup("topics", intent, language)

    def group(self, name: str, language: str) -> dict[str, str]:
        """Returns a whole group, with the English texts that the language lacks."""
        return {**self._group(name, FALLBACK_LANGUAGE), **self._group(name, language)}

    def keys(self, group: str, language: str) -> tuple[str, ...]:
        """Returns the keys of a group (`replies`, `dialogue`, `labels`, `words` or `topics`) that a language has."""
        return tuple(self._group(group, language))

    def problems(self) -> list[str]:
        """Returns a sentence for each issue without a name, and each text that does not fit the English file.

        That are texts whose key or placeholders are others. A complete language needs the names of its issues, English
        those of all.
        """
        english = self._file(FALLBACK_LANGUAGE)
        found = []
        for language in self.complete():
            names = self.keys("topics", language)
            needed = (
                name
                for name, issue in load_issues().items()
                if language in (FALLBACK_LANGUAGE, *(issue.languages or self.complete()))
            )
            place = f"{self._folder / language}.yml: topics"
            found += [f"{place}: no name for the issue `{name}`; add one." for name in needed if name not in names]
        for language in self.languages():
            for group, texts in self._file(language).items():
                place, known = f"{self._folder / language}.yml: {group}", english.get(group)
                if known is None and group != "partial":
                    found.append(f"{place}: {FALLBACK_LANGUAGE}.yml has no such group; correct the name or remove it.")
                if not isinstance(texts, dict) or not isinstance(known, dict):
                    continue
                for key, text in texts.items():
                    if group == "topics" and key in load_issues():
                        continue
                    if key not in known:
                        near = get_close_matches(str(key), known, 1)
                        meant = f"write `{near[0]}`" if near else "remove it"
                        found.append(f"{place}: {FALLBACK_LANGUAGE}.yml has no `{key}`; {meant}.")
                    elif _placeholders(text) != _placeholders(known[key]):
                        wanted = " ".join(sorted(_placeholders(known[key]))) or "none"
                        found.append(f"{place}: `{key}` has other placeholders than in English ({wanted}); fix them.")
        return found

    def _spoken(self, group: str, key: str, language: str, values: Mapping[str, object]) -> str:
        return self._lookup(group, key, language).format_map({"url": support_request_url(), **values})

    def _lookup(self, group: str, key: str, language: str) -> str:
        for code in (language, FALLBACK_LANGUAGE):
            if (text := self._group(group, code).get(key)) is not None:
                return str(text)
        raise ReplyError(f"{self._folder / FALLBACK_LANGUAGE}.yml: no `{key}` under `{group}`; add it.")

    def _group(self, name: str, language: str) -> dict[str, str]:
        return self._file(language).get(name) or {}

    def _file(self, language: str) -> dict[str, Any]:
        """Returns what a language's file holds; nothing for a text that is no language with a file."""
        return _read(self._folder, language) if language in self.languages() else {}


def _placeholders(text: object) -> set[str]:
    return set(re.findall(r"{\w+}", str(text)))


@lru_cache(maxsize=16)
def _languages(folder: Path) -> tuple[str, ...]:
    return tuple(sorted(path.stem for path in folder.glob("*.yml")))


@lru_cache(maxsize=64)
def language_name(language: str, spoken: str) -> str:
    """Returns what a language is called in another one (`fi` in `sv`: finska); its code where no name is known."""
    from babel import Locale

    return str(Locale.parse(spoken).languages.get(language, language))


@lru_cache(maxsize=64)
def _read(folder: Path, language: str) -> dict[str, Any]:
    path = folder / f"{language}.yml"
    content = read_yaml(path, ReplyError)
    if not isinstance(content, dict):
        raise ReplyError(f"{path}: expected a mapping with `replies`, `labels`, `topics` and `page`.")
    return content
