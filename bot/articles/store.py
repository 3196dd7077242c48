"""The store of our own articles: each file is read when it is first asked for."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from bot.articles.model import Article
from bot.articles.readers import read_article

_NAME = re.compile(r"[A-Za-z0-9_-]+")


@dataclass(eq=False)
class ArticleNotFound(LookupError):  # noqa: N818 - the name that the house uses
    """There is no article on an issue, neither in the language asked for nor in the one to fall back on."""

    intent: str
    languages: tuple[str, ...]
    """The languages tried, in order."""
    folder: Path
    """The folder of the articles."""

    def __str__(self) -> str:
        tried = " or ".join(f"{self.intent}/{language}.md" for language in self.languages)
        return f"there is no article {tried} in {self.folder}; write one"


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
        raise ArticleNotFound(intent, languages, self.folder)

    def intents(self) -> tuple[str, ...]:
        """Returns the issues that have an article, in alphabetical order."""
        return tuple(sorted({path.parent.name for path in self.folder.glob("*/??.md")}))

    def languages(self, intent: str | None = None) -> tuple[str, ...]:
        """Returns the languages in which there is an article, in alphabetical order.

        Args:
            intent: the issue whose articles count; None for all of them.
        """
        return tuple(sorted({path.stem for path in self.folder.glob(f"{intent or '*'}/??.md")}))
