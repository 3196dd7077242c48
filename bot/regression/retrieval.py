"""Measures whether the encoder still knows which texts say the same: each step of an article finds its English one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from bot.articles.issues import load_issues
from bot.articles.model import Article
from bot.articles.parts import lead
from bot.articles.replies import Replies
from bot.articles.store import ArticleStore
from bot.encoder.model import EncoderFileError, load_encoder
from bot.regression.items import Item, RegressionError

ENGLISH = "en"


def retrieval(data: Path) -> Iterator[Item]:
    """Yields for each text of our own articles whether its English counterpart is the nearest English text.

    No model is needed: it is the encoder's weights that are measured. A text is known by its place, so that an article
    may be reworded.

    Args:
        data: the folder that holds `articles`.

    Raises:
        RegressionError: the encoder cannot be loaded.
    """
    try:
        encoder = load_encoder()
    except EncoderFileError as error:
        raise RegressionError(str(error)) from error
    store = ArticleStore(data / "articles")
    texts = {
        language: {
            place: text
            for intent in load_issues()
            if language in store.languages(intent)
            for place, text in _texts(store.article(intent, language), intent)
        }
        for language in Replies().languages()
    }
    english = texts.pop(ENGLISH, {})
    places = list(english)
    vectors = encoder.encode(list(english.values()))
    for language, own in texts.items():
        asked = [place for place in own if place in english]
        if not asked:
            continue
        nearest = np.argmax(encoder.encode([own[place] for place in asked]) @ vectors.T, axis=1)
        for place, row in zip(asked, nearest, strict=True):
            got = places[row]
            right = english[got] == english[place]  # several articles begin with the same step
            yield Item("retrieval", "", language, place, place, place if right else got, right)


def _texts(article: Article, intent: str) -> Iterator[tuple[str, str]]:
    """Yields title with lead, and the steps, of an article by their place."""
    yield intent, f"{article.title}. {lead(article)}"
    for section in article.sections:
        for number, step in enumerate(section.steps, start=1):
            yield f"{intent}/{section.slug}/{number}", step.text
