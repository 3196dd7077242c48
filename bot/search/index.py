"""The indexes: for each language a tantivy index of the words, for all of them one array of the articles' vectors.

An index is a folder of its own and never changed. An import makes new folders for the languages that it has changed,
and the database names the valid ones: they change together with the articles, or not at all.
"""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
import uuid
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tantivy

from bot.search.analysis import pieces, stems
from bot.search.database import encoder_version
from bot.search.known import known_questions
from bot.search.reading import search_encoder, words_of_slug

FULL_SCALE = 127
"""Vectors are kept as whole numbers, so many times as long."""
_HEAP_BYTES = 20_000_000
_FACT = "index:"
_FORMAT = 3
"""To be raised where the same articles give other indexes: they are made anew by the next import."""
_MEANINGS = "meanings"
FIELDS = ("words", "pieces")
"""What an article is found by; fields of its title, headings and text with weights found less (docs/search.md)."""
VECTORS, ARTICLES, ASKED, OWNERS = "vectors.npy", "articles.npy", "asked.npy", "owners.npy"
_TITLE_AND_SLUG, _TEXT, _ASKED = 1.0, 2.0, 0.5
"""What the title, the slug and the text count in the vector of an article, and what known questions count beside it."""


def _schema() -> tantivy.Schema:
    builder = tantivy.SchemaBuilder()
    for name in FIELDS:  # the terms are made by `analysis`, the same for every engine
        builder.add_text_field(name, stored=False, tokenizer_name="whitespace", index_option="freq")
    builder.add_integer_field("number", stored=True)
    return builder.build()


SCHEMA = _schema()


def folder_of(database: Path) -> Path:
    """Returns the folder of a database's indexes, beside it."""
    return database.with_name(database.name + "-index")


def folders(connection: sqlite3.Connection) -> dict[str, str]:
    """Returns the name of the valid index folder of each language."""
    rows = connection.execute("SELECT name, value FROM facts WHERE name LIKE ?", (_FACT + "%",))
    return {name.removeprefix(_FACT): value for name, value in rows}


def meanings(connection: sqlite3.Connection) -> str:
    """Returns the name of the valid folder of the articles' vectors; empty before the first import."""
    row = connection.execute("SELECT value FROM facts WHERE name = ?", (_MEANINGS,)).fetchone()
    return str(row[0]) if row else ""


def valid_names(connection: sqlite3.Connection) -> set[str]:
    """Returns the names of all valid folders."""
    return {*folders(connection).values(), meanings(connection)}


def update(connection: sqlite3.Connection, folder: Path) -> None:
    """Makes the indexes anew whose articles have changed; they become valid when the transaction ends.

    A language's index has every article once: in that language, or where it has not been translated, in another one.
    All have them in the order of their paths, as the vectors are.

    Args:
        connection: the transaction.
        folder: where the indexes lie.
    """
    versions: dict[str, list[tuple[str, str, int, str]]] = {}
    for identifier, locale, path, language, content in connection.execute(
        "SELECT id, locale, path, language, hex(hash) FROM articles ORDER BY path, locale"
    ):
        versions.setdefault(path, []).append((language, locale, identifier, content))
    languages = {version[0] for found in versions.values() for version in found}
    valid = folders(connection)
    for language in sorted({*languages, *valid}):
        chosen = {path: _choice(found, language) for path, found in versions.items()}
        digest = _digest(list(chosen.items()))
        if language not in languages:
            connection.execute("DELETE FROM facts WHERE name = ?", (_FACT + language,))
        elif not valid.get(language, "").endswith(digest) or not (folder / valid[language]).is_dir():
            name = f"{language}-{uuid.uuid4().hex}-{digest}"
            _build(connection, folder / name, [identifier for _, _, identifier, _ in chosen.values()])
            connection.execute("REPLACE INTO facts VALUES (?, ?)", (_FACT + language, name))
    known = known_questions()
    digest = _digest([encoder_version(connection), known.version, *versions.items()])
    if not meanings(connection).endswith(digest) or not (folder / meanings(connection)).is_dir():
        name = f"{_MEANINGS}-{uuid.uuid4().hex}-{digest}"
        (folder / name).mkdir(parents=True)
        parts = ([version[2] for version in found] for found in versions.values())
        asked = [known.of(Path(path).name) for path in versions]
        codes = [_meaning(connection, *found) for found in zip(parts, asked, strict=True)]
        np.save(folder / name / VECTORS, _stacked(codes))
        np.save(folder / name / ASKED, _stacked([row for rows in asked for row in rows]))
        np.save(folder / name / OWNERS, np.repeat(np.arange(len(asked), dtype=np.int32), list(map(len, asked))))
        connection.execute("REPLACE INTO facts VALUES (?, ?)", (_MEANINGS, name))


def _digest(content: Sequence[object]) -> str:
    return hashlib.blake2b(repr((_FORMAT, content)).encode(), digest_size=16).hexdigest()


def _stacked(rows: Sequence[npt.NDArray[np.int8]]) -> npt.NDArray[np.int8]:
    return np.array(rows, np.int8).reshape(-1, search_encoder().dimension)


def _meaning(
    connection: sqlite3.Connection, identifiers: Sequence[int], asked: npt.NDArray[np.int8]
) -> npt.NDArray[np.int8]:
    """Returns the vector of an article: its titles, slug and texts in all languages, which bear each other out.

    Questions that it is known to answer are added.
    """
    titles, slug, texts = np.zeros((3, search_encoder().dimension))
    for identifier in identifiers:
        blob = connection.execute("SELECT vectors FROM articles WHERE id = ?", (identifier,)).fetchone()[0]
        vectors = vectors_of(blob).astype(np.float64)
        titles, slug, texts = titles + _unit(vectors[0]), slug + vectors[1], texts + _unit(vectors[2:].sum(axis=0))
    meaning = _TITLE_AND_SLUG * (_unit(titles) + _unit(slug)) + _TEXT * _unit(texts)
    if len(asked):
        meaning = _unit(meaning) + _ASKED * _unit(asked.astype(np.float64).sum(axis=0))
    return np.rint(FULL_SCALE * _unit(meaning)).astype(np.int8)


def vectors_of(blob: bytes) -> npt.NDArray[np.int8]:
    """Returns the vectors of one version of an article: title, slug, then each sentence."""
    return np.frombuffer(blob, np.int8).reshape(-1, search_encoder().dimension)


def _unit(vector: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(vector / (np.linalg.norm(vector) + 1e-9))


def _choice(versions: Sequence[tuple[str, str, int, str]], language: str) -> tuple[str, str, int, str]:
    """Chooses the version of an article that is shown to who speaks a language: theirs, English, then any other."""
    return min(versions, key=lambda version: (version[0] != language, version[0] != "en", version[1]))


def remove_others(folder: Path, valid: Iterable[str]) -> None:
    """Removes the index folders that are not valid any more; a search that has one open keeps it until it ends."""
    kept = set(valid)
    for path in folder.iterdir() if folder.is_dir() else ():
        if path.name not in kept:
            shutil.rmtree(path, ignore_errors=True)


def _build(connection: sqlite3.Connection, folder: Path, identifiers: Sequence[int]) -> None:
    folder.mkdir(parents=True)
    writer = tantivy.Index(SCHEMA, path=str(folder)).writer(_HEAP_BYTES, 1)
    for number, identifier in enumerate(identifiers):
        row = connection.execute(
            "SELECT language, path, title, slug, headings, sentences FROM articles WHERE id = ?", (identifier,)
        ).fetchone()
        document = tantivy.Document(number=number)
        for name, terms in article_terms(*row).items():
            document.add_text(name, " ".join(terms))
        writer.add_document(document)
    writer.commit()
    writer.wait_merging_threads()
    np.save(folder / ARTICLES, np.array(identifiers, np.int64))


def article_terms(
    language: str, path: str, title: str, slug: str, headings: str, sentences: str
) -> dict[str, list[str]]:
    """Returns what an article can be found by in each field."""
    text, english = f"{title}\n{headings}\n{sentences}", words_of_slug(path, slug)
    return {"words": [*stems(text, language), *stems(english, "en")], "pieces": pieces(f"{text}\n{english}")}


def looked_for(text: str, language: str) -> dict[str, tuple[str, ...]]:
    """Returns what each field is searched for."""
    return {"words": tuple(dict.fromkeys(stems(text, language))), "pieces": tuple(dict.fromkeys(pieces(text)))}


def find(
    index: tantivy.Index, text: str, language: str, at_most: int, fields: Sequence[str] = FIELDS
) -> list[tuple[int, float]]:
    """Returns the numbers of the articles whose words match a question best, with BM25 scores, best first.

    Args:
        index: the words of a language's articles.
        text: the question.
        language: the articles' language.
        at_most: how many to return.
        fields: where to look.
    """
    terms = looked_for(text, language)
    clauses = [
        (tantivy.Occur.Should, tantivy.Query.term_query(SCHEMA, field, term))
        for field in fields
        for term in terms[field]
    ]
    if not clauses:
        return []
    searcher = index.searcher()
    hits = searcher.search(tantivy.Query.boolean_query(clauses), at_most, count=False).hits
    return [(int(searcher.doc(address)["number"][0]), float(score)) for score, address in hits]
