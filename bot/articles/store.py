"""The store of our own articles: each file is read when it is first asked for."""

from __future__ import annotations

import re
from pathlib import Path

from bot.articles.model import Article
from bot.articles.readers import read_article

_NAME = re.compile(r"[A-Za-z0-9_-]+")


class ArticleNotFound(LookupError):  # noqa: N818 - the name that the house uses
    """There is no article on an issue, neither in the language asked for nor in the one to fall back on."""


class ArticleStore:
    """The articles of a folder `<intent>/<language>.md`.

    Args:
        folder: the folder, usually `data/articles`; nothing of it is read before it is asked for.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = Path(folder)
        self._articles: dict[tuple[str, str], Article] = {}

    def article(self, intent: str, language: str, fallback: str = "en") -> Article:
        """Returns the article on an issue.

        Args:
            intent: the issue.
            language: the language wanted (ISO 639-1).
            fallback: the language taken where there is none in that.

        Raises:
            ArticleNotFound: there is neither.
            ArticleError: the file cannot be read as an article.
        """
        languages = tuple(dict.fromkeys((language, fallback)))
        for code in languages:
            if (intent, code) in self._articles:
                return self._articles[intent, code]
            path = self.folder / intent / f"{code}.md"
            # Names come from outside; none of them leads out of the folder.
            if _NAME.fullmatch(intent) and _NAME.fullmatch(code) and path.is_file():
                return self._articles.setdefault((intent, code), read_article(path))
        tried = " or ".join(f"{intent}/{code}.md" for code in languages)
        raise ArticleNotFound(f"there is no article {tried} in {self.folder}; write one")

    def languages(self, intent: str = "*") -> tuple[str, ...]:
        """Returns the languages in which there is an article on an issue, or on any, in alphabetical order."""
        return tuple(sorted({path.stem for path in self.folder.glob(f"{intent}/??.md")}))
