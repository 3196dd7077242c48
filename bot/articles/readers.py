"""Readers of help articles in three dialects: plain, side-by-side (each sentence also in English) and azure-docs."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from bot.articles import language
from bot.articles.model import Article, ArticleError, Document
from bot.articles.sections import read_sections
from bot.settings import get_settings

_BOX_OR_RELATIVE_LINK = re.compile(
    r"^\s*>\s*\[![A-Za-z]+\]|\]\((?![a-z][a-z0-9+.-]*:|[/#<])[^)\s]+\.md\b", re.MULTILINE
)
_FENCE = re.compile(r"^-{3,}\s*$", re.MULTILINE)
_NAMED = re.compile(r"([\w.-]+):(?:\s+(.*))?$")
_ITEM = re.compile(r"\s*-\s+(.*\S)")
# The base loader leaves every value as it is written: `language: no` is Norwegian and not false.
_LOADER = getattr(yaml, "CBaseLoader", yaml.BaseLoader)


def read_article(path: Path, *, salvage: bool = False) -> Article:
    """Reads a help article of any dialect.

    Args:
        path: the file.
        salvage: reads an article with broken front matter all the same and makes that one of its problems.

    Returns:
        The article; defects that did not stop the reading are in its `problems`.

    Raises:
        ArticleError: the file is not UTF-8, it is empty, or its front matter is broken and not to be salvaged.
        OSError: the file cannot be opened.
    """
    return read_text(decode(path.read_bytes(), str(path)), path=path, salvage=salvage)


def read_title(path: Path) -> str:
    """Reads the title of a help article; its text is read only where the front matter has none.

    Raises:
        ArticleError: as for `read_article`.
        OSError: the file cannot be opened.
    """
    title = split(decode(path.read_bytes(), str(path)), str(path)).metadata.get("title")
    return " ".join(str(title).split()) if title else read_article(path).title


def read_text(text: str, *, path: Path | str = "", salvage: bool = False) -> Article:
    """Reads a help article from a string.

    Args:
        text: the article with its front matter.
        path: where it comes from; tells the language where the front matter does not.
        salvage: as for `read_article`.

    Raises:
        ArticleError: the text is empty, or its front matter is broken and not to be salvaged.
    """
    document = split(text, str(path), salvage=salvage)
    metadata, dialect = document.metadata, "side-by-side" if "sxs-lookup" in document.body else "plain"
    if dialect == "plain" and _is_azure_docs(document):
        dialect, document.base_url = "azure-docs", str(get_settings().azure_docs_base_url)
    first, *others = read_sections(document)
    title, about = _text(metadata.get("title")) or first.title, _text(metadata.get("description"))
    if not title:
        document.report(1, "the article has no title; add 'title:' to the front matter or a main heading")
    if not any(section.order or section.links for section in (first, *others)):
        document.report(document.first_line, "the article has no text below its title; write some")
    code = language.declared(metadata, document.path) or language.detect(document.body)
    if code == language.UNDETERMINED:
        document.report(1, "the language cannot be told; add 'language:' to the front matter")
    sections = (first if first.title else replace(first, title=title), *others)
    problems = tuple(sorted(dict.fromkeys(document.problems), key=lambda problem: problem.line))
    return Article(title, code, dialect, document.path, first.slug, about, metadata, sections, problems)


def _is_azure_docs(document: Document) -> bool:
    """Tells whether a document is an azure-docs article: described, and with a topic kind, a box or a relative link.

    Our own articles are described, too; they name their intent. A topic kind is any but those of other dialects, which
    end in `article`.
    """
    described = bool(document.metadata.get("description")) and "intent" not in document.metadata
    has_kind = not str(document.metadata.get("ms.topic") or "article").endswith("article")
    return described and (has_kind or bool(_BOX_OR_RELATIVE_LINK.search(document.body)))


def decode(content: bytes, path: str) -> str:
    """Returns a file's content as text.

    Raises:
        ArticleError: it is not UTF-8.
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ArticleError(path, line, f"not UTF-8 (byte {error.start}); save the file as UTF-8") from error


def split(text: str, path: str, *, salvage: bool = False) -> Document:
    """Parts a text into its front matter and its body.

    Args:
        text: the whole file.
        path: the file.
        salvage: makes broken YAML a problem; the front matter is then read line by line.

    Raises:
        ArticleError: the front matter is broken or the text is empty.
    """
    text = text.replace("\r\n", "\n").replace("\r", "\n").lstrip("\ufeff")
    if not text.strip():
        raise ArticleError(path, 1, "the file is empty; write an article or remove it")
    if not _FENCE.match(text):
        return Document(path, {}, text)
    _, *parts = _FENCE.split(text, maxsplit=2)
    if len(parts) < 2:
        raise ArticleError(path, 1, "the front matter is not closed; end it with a line of three hyphens")
    front_matter, body = parts
    document = Document(path, {}, body, text.count("\n", 0, len(text) - len(body)) + 1)
    try:
        document.metadata = _load(front_matter, path, text.count("\n", 0, text.find(front_matter, 3)) + 1)
    except ArticleError as error:
        if not salvage:
            raise
        document.report(error.line, error.message)
        document.metadata = _salvaged(front_matter)
    return document


def _salvaged(front_matter: str) -> dict[str, Any]:
    """Reads `name: value` lines, and `- value` lines below a name, from what is no valid YAML."""
    metadata: dict[str, Any] = {}
    name = ""
    for line in front_matter.split("\n"):
        if named := _NAMED.match(line):
            name = named.group(1)
            metadata[name] = (named.group(2) or "").strip().strip("\"'")
        elif name and (item := _ITEM.match(line)):
            known = metadata[name]
            metadata[name] = [*(known if isinstance(known, list) else []), item.group(1).strip("\"'")]
    return metadata


def _load(front_matter: str, path: str, first_line: int) -> dict[str, Any]:
    try:
        metadata = yaml.load(front_matter, Loader=_LOADER) or {}
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        reason = getattr(error, "problem", None) or getattr(error, "reason", None) or "not valid YAML"
        # Characters that YAML does not allow have an offset in bytes instead of a line.
        line = mark.line if mark else front_matter.encode()[: getattr(error, "position", 0)].count(b"\n")
        raise ArticleError(path, line + first_line, f"broken front matter: {reason}; correct the YAML") from error
    except RecursionError as error:
        raise ArticleError(path, 1, "broken front matter: nested too deeply; correct the YAML") from error
    if not isinstance(metadata, dict):
        raise ArticleError(path, 1, "broken front matter: 'name: value' lines expected; correct the YAML")
    return {str(name): value for name, value in metadata.items()}


def _text(value: object) -> str:
    return " ".join(value.split()) if isinstance(value, str) else ""
