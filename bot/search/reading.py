"""Parses one article file into a `StoredArticle`: title, headings, sentences, links, vectors; writes nothing.

Imports call it for each file; one whose content the database has already is not parsed again.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np

from bot.articles.language import UNDETERMINED
from bot.articles.model import Article, ArticleError, Note, Step
from bot.articles.readers import decode, read_text
from bot.encoder import Encoder, load_encoder
from bot.search.database import StoredArticle
from bot.settings import get_settings

LARGEST_FILE = 2_000_000
"""Bytes; the largest of the known articles has 40,000."""
MOST_SENTENCES = 60
_LONGEST_SENTENCE = 400
FULL_SCALE = 127
"""Vectors are kept as whole numbers, so many times as long."""
_LINK = re.compile(r"\[([^\]]*)\]\([^)]*\)")  # also those that are broken
_SENTENCE_END = re.compile(r"(?<=[.!?:])\s+(?=[\w\"'«»(¿¡])|\n+")
_LETTERS = re.compile(r"[^\W\d_]{2,}")
_TAG = re.compile(r"</?[a-zA-Z!][^>]*>")
_PORTALS = re.compile(r"(^|\.)(portal|admin|outlook|login|myaccount|compliance|security|endpoint|aka)\.")
# Said in nearly every article, before what it is about.
_SLUG_END = re.compile(r"-+\d*$|-?recommended-steps.*$")


@dataclass(frozen=True)
class Task:
    """A file to be read."""

    file: str
    locale: str
    path: str
    source: str
    licence: str
    known: bytes | None
    """The content hash of what the database has of it."""


Outcome = StoredArticle | str | None
"""Result of reading a file: the article, the reason why there is none, or None where nothing has changed."""


def read(task: Task) -> Outcome:
    """Reads a file, unless the database has its content already."""
    try:
        with Path(task.file).open("rb") as file:
            content = file.read(LARGEST_FILE + 1)
        if len(content) > LARGEST_FILE:
            return f"larger than {LARGEST_FILE:,} bytes; split it"
        digest = hashlib.blake2b(content, digest_size=16).digest()
        return None if digest == task.known else _read(task, content, digest)
    except ArticleError as error:
        return f"line {error.line}: {error.message}"
    except OSError as error:
        return f"cannot be opened ({error.strerror}); check its permissions"
    except Exception as error:
        return f"cannot be read ({type(error).__name__}: {error})"


def _read(task: Task, content: bytes, digest: bytes) -> StoredArticle:
    """Returns what is kept of an article."""
    text = decode(content, task.path)
    place = f"{task.locale}/{task.path}"
    problem = ""
    try:
        article = read_text(text, path=place)
    except ArticleError as error:
        if task.known is not None:  # what the database has is better than an article without its front matter
            raise
        article = read_text(text, path=place, salvage=True)
        problem = f"line {error.line}: {error.message}"
    sentences = tuple(dict.fromkeys(_sentences(article)))[:MOST_SENTENCES]
    slug = article.slug or Path(task.path).stem
    title = _without_tags(article.title)
    return StoredArticle(
        locale=task.locale,
        path=task.path,
        language=article.language if article.language != UNDETERMINED else task.locale[:2].lower(),
        title=title,
        slug=slug,
        description=_without_tags(article.description),
        headings=tuple(section.title for section in article.sections[1:] if section.title),
        sentences=sentences,
        steps=len(article.steps),
        url=_document_url(article),
        source=task.source,
        licence=task.licence,
        hash=digest,
        vectors=encode([title, words_of_slug(task.path, slug), *sentences]),
        problem=problem,
        links=article.links,
    )


def _without_tags(text: str) -> str:
    """Returns a text of the front matter, which the readers take as it is, without HTML."""
    return " ".join(_TAG.sub(" ", text).split())


def words_of_slug(path: str, slug: str) -> str:
    """Returns the English words of an article's file name and of its main heading's slug."""
    words = (_SLUG_END.sub("", part).replace("-", " ").replace("_", " ") for part in (Path(path).stem, slug))
    return " ".join(dict.fromkeys(" ".join(words).split()))


def search_encoder() -> Encoder:
    """Returns the encoder of the search, which has learned from questions; it is loaded once."""
    return load_encoder(get_settings().search_encoder_weights)


def encode(texts: Sequence[str]) -> bytes:
    """Returns the encoder's vectors of texts as int8 rows."""
    return np.rint(search_encoder().encode(texts) * FULL_SCALE).astype(np.int8).tobytes()


def _document_url(article: Article) -> str:
    """Returns the address that a reader is sent to: the first linked document, else the first link, else none.

    Help articles of this kind have no page of their own; the documents that they recommend do.
    """
    urls = [link.url for link in article.links if link.url.startswith("https://")]
    return next((url for url in urls if not _PORTALS.search(urlsplit(url).netloc)), urls[0] if urls else "")


def _sentences(article: Article) -> Iterator[str]:
    """Yields the sentences of an article as plain text, without its headings."""
    if article.description:
        yield _without_tags(article.description)
    for section in article.sections:
        paragraphs = (_LINK.sub(r"\1", paragraph).replace("**", "") for paragraph in section.paragraphs)
        for text in (*paragraphs, *_texts((*section.steps, *section.bullets), section.notes)):
            for sentence in _SENTENCE_END.split(text):
                plain = " ".join(sentence.split())[:_LONGEST_SENTENCE]
                if len(_LETTERS.findall(plain)) > 2:
                    yield plain


def _texts(steps: Iterable[Step], notes: Iterable[Note]) -> Iterator[str]:
    for step in steps:
        yield step.text
        yield from _texts(step.steps, step.notes)
    for note in notes:
        yield note.text
        yield from note.items
