"""Reads the side-by-side dialect: picks the text of one language, and pairs its sentences with the English ones.

Each sentence stands in the article's language in one span, in English in the span beside it; one without a partner is
reported.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import replace

from bot.articles.inline import Document
from bot.articles.markdown import parse, render_text

_TAG = re.compile(r"<span\b(?P<attributes>[^>]*)>|</span\s*>", re.IGNORECASE)
_ID = re.compile(r"data-(?:ttu|stu)-id\s*=\s*[\"']?([^\"'\s>]*)")


def _spans(content: str) -> Iterator[tuple[str, str, str]]:
    """Yields the pieces of a text: their language (`target`, `source`; empty for both), their id and themselves."""
    open_spans = [("", "")]
    end = 0
    for tag in _TAG.finditer(content):
        yield *open_spans[-1], content[end : tag.start()]
        end = tag.end()
        attributes = tag["attributes"]
        if attributes is None:
            open_spans = open_spans[:-1] or open_spans
        elif identifier := _ID.search(attributes):
            open_spans.append(("target" if "data-ttu-id" in attributes else "source", identifier.group(1)))
        else:
            open_spans.append(open_spans[-1])
    yield *open_spans[-1], content[end:]


def text_of(content: str, wanted: str) -> str:
    """Returns a text in one of its two languages; what stands in neither span belongs to both."""
    if "<span" not in content.lower():
        return content
    return "".join(text for language, _, text in _spans(content) if language in {"", wanted})


def segments(document: Document) -> Iterator[tuple[str, str]]:
    """Pairs the sentences of both languages by their ids and reports those that have no partner."""
    unreported = replace(document, problems=[])  # what is wrong with the texts is known from the sections
    for node in parse(document).walk():
        if node.type != "inline":
            continue
        texts: dict[str, dict[str, str]] = defaultdict(lambda: defaultdict(str))
        for language, identifier, text in _spans(node.content):
            if language:
                texts[identifier][language] += text
        line = document.first_line + (node.map[0] if node.map else 0)
        for identifier, sides in texts.items():
            if len(sides) < 2:
                missing = "English source" if "target" in sides else "translation"
                document.report(line, f"segment {identifier} has no {missing}; add the span beside it")
                continue
            target, source = (render_text(unreported, sides[side]).text for side in ("target", "source"))
            if target or source:
                yield target, source
