"""The side-by-side dialect: each sentence in the article's language in one span, in English in the span beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace

from bot.articles.inline import Context
from bot.articles.links import Address
from bot.articles.markdown import ParsedBody, parse, render_text
from bot.articles.model import Article
from bot.articles.readers.document import Document, ProblemList, assemble, read_sections

DIALECT = "side-by-side"
SOURCE_LANGUAGE = "en"

_TAG = re.compile(r"<span\b(?P<attributes>[^>]*)>|</span\s*>", re.IGNORECASE)
_ID = re.compile(r"data-(?:ttu|stu)-id\s*=\s*[\"']?([^\"'\s>]*)")


def is_written_in(document: Document) -> bool:
    """Tells whether a document is of this dialect."""
    return "sxs-lookup" in document.body


def read(document: Document, azure_docs_base_url: str | None = None) -> Article:
    """Reads a side-by-side article; relative addresses are not used in this dialect.

    Returns:
        The article in its own language; `source` is the English one, `segments` has the sentences of both in pairs.
    """
    problems = ProblemList(document.path, dict.fromkeys(document.problems))
    body = parse(document.body, document.first_line)
    target = read_sections(document, body, problems, None, lambda content: _language(content, "target"))
    source = read_sections(document, body, problems, None, lambda content: _language(content, "source"))
    segments = _segments(body, problems)
    article = assemble(document, DIALECT, target, problems)
    original = replace(
        article,
        title=source[0].title or article.title,
        language=SOURCE_LANGUAGE,
        description="",
        sections=source,
        problems=(),
    )
    return replace(article, source=original, segments=segments)


def _spans(content: str) -> Iterator[tuple[str, str, str]]:
    """Yields the pieces of a text: their language (`target`, `source`; empty for both), their id and themselves."""
    open_spans: list[tuple[str, str]] = []
    end = 0
    for tag in _TAG.finditer(content):
        language, identifier = _innermost(open_spans)
        yield language, identifier, content[end : tag.start()]
        end = tag.end()
        attributes = tag.group("attributes")
        if attributes is not None:
            open_spans.append(_kind(attributes))
        elif open_spans:
            open_spans.pop()
    yield (*_innermost(open_spans), content[end:])


def _kind(attributes: str) -> tuple[str, str]:
    identifier = _ID.search(attributes)
    if identifier is None:
        return "", ""
    return ("target" if "data-ttu-id" in attributes else "source"), identifier.group(1)


def _innermost(open_spans: list[tuple[str, str]]) -> tuple[str, str]:
    return next((span for span in reversed(open_spans) if span[0]), ("", ""))


def _language(content: str, wanted: str) -> str:
    """Returns a text in one of its two languages; what stands in neither span belongs to both."""
    if "<span" not in content.lower():
        return content
    return "".join(text for language, _, text in _spans(content) if language in {"", wanted})


def _segments(body: ParsedBody, problems: ProblemList) -> tuple[tuple[str, str], ...]:
    """Pairs the sentences of both languages by their ids and reports those that have no partner."""
    context = Context(resolve=Address, report=lambda line, message: None)
    segments = []
    for token in body.tokens:
        if token.type != "inline" or "<span" not in token.content.lower():
            continue
        texts: dict[str, dict[str, str]] = {}
        for language, identifier, text in _spans(token.content):
            if language:
                sides = texts.setdefault(identifier, {})
                sides[language] = sides.get(language, "") + text
        line = body.first_line + (token.map[0] if token.map else 0)
        for identifier, sides in texts.items():
            if len(sides) < 2:
                missing = "English source" if "target" in sides else "translation"
                problems.report(line, f"segment {identifier} has no {missing}; add the span beside it")
                continue
            pair = [render_text(body, sides[side], context).text for side in ("target", "source")]
            if any(pair):
                segments.append((pair[0], pair[1]))
    return tuple(segments)
