"""The index of each language: a tantivy index of the words and, beside it, the encoder's vectors.

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

from bot.encoder import load_encoder
from bot.search.analysis import pieces, stems
from bot.search.reading import words_of_slug

_HEAP_BYTES = 20_000_000
_FACT = "index:"
FIELDS = {"title": 3.0, "headings": 1.5, "body": 1.0, "slug": 1.5, "title_pieces": 1.0, "body_pieces": 0.5}
"""The fields of an article and how much a match in each of them counts."""
GROUPS = {
    "words": ("title", "headings", "body"),
    "pieces": ("title_pieces", "body_pieces"),
    "slug": ("slug",),
}
"""Fields that are looked up together."""
VECTORS, OWNERS, ARTICLES = "vectors.npy", "owners.npy", "articles.npy"


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


def update(connection: sqlite3.Connection, folder: Path) -> None:
    """Makes the indexes anew whose articles have changed; they become valid when the transaction ends.

    A language's index has every article once: in that language, or where it has not been translated, in another one.

    Args:
        connection: the transaction.
        folder: where the indexes lie.
    """
    versions: dict[str, list[tuple[str, str, int, str]]] = {}
    for identifier, locale, path, language, content in connection.execute(
        "SELECT id, locale, path, language, hex(hash) FROM articles"
    ):
        versions.setdefault(path, []).append((language, locale, identifier, content))
    languages = {version[0] for found in versions.values() for version in found}
    valid = folders(connection)
    for language in sorted({*languages, *valid}):
        chosen = {path: _choice(found, language) for path, found in versions.items()}
        digest = hashlib.blake2b(repr(sorted(chosen.items())).encode(), digest_size=16).hexdigest()
        if language not in languages:
            connection.execute("DELETE FROM facts WHERE name = ?", (_FACT + language,))
        elif not valid.get(language, "").endswith(digest) or not (folder / valid[language]).is_dir():
            name = f"{language}-{uuid.uuid4().hex}-{digest}"
            _build(connection, folder / name, [identifier for _, _, identifier, _ in chosen.values()])
            connection.execute("REPLACE INTO facts VALUES (?, ?)", (_FACT + language, name))


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
    vectors: list[npt.NDArray[np.int8]] = []
    dimension = load_encoder().dimension
    for number, identifier in enumerate(identifiers):
        row = connection.execute(
            "SELECT language, path, title, slug, headings, sentences, vectors FROM articles WHERE id = ?", (identifier,)
        ).fetchone()
        document = tantivy.Document(number=number)
        for name, terms in article_terms(*row[:-1]).items():
            document.add_text(name, " ".join(terms))
        writer.add_document(document)
        vectors.append(np.frombuffer(row[-1], np.int8).reshape(-1, dimension))
    writer.commit()
    writer.wait_merging_threads()
    _save(folder, vectors, identifiers)


def article_terms(
    language: str, path: str, title: str, slug: str, headings: str, sentences: str
) -> dict[str, list[str]]:
    """Returns what an article can be found by in each field."""
    return {
        "title": stems(title, language),
        "headings": stems(headings, language),
        "body": stems(sentences, language),
        "slug": stems(words_of_slug(path, slug), "en"),
        "title_pieces": pieces(title),
        "body_pieces": pieces(f"{headings} {sentences}"),
    }


def _save(folder: Path, vectors: Sequence[npt.NDArray[np.int8]], numbers: Sequence[int]) -> None:
    np.save(folder / ARTICLES, np.array(numbers, np.int64))
    np.save(folder / OWNERS, np.cumsum([0, *(len(part) for part in vectors)], dtype=np.int64))
    np.save(folder / VECTORS, np.concatenate(vectors))


def find(
    index: tantivy.Index, text: str, language: str, at_most: int, fields: Sequence[str] = tuple(FIELDS)
) -> list[tuple[int, float]]:
    """Returns the numbers of the articles whose words match a question best, with BM25 scores, best first.

    Args:
        index: the words of a language's articles.
        text: the question.
        language: the articles' language.
        at_most: how many to return.
        fields: where to look.
    """
    words, parts, english = (
        tuple(dict.fromkeys(terms)) for terms in (stems(text, language), pieces(text), stems(text, "en"))
    )
    looked_for = {"slug": english, "title_pieces": parts, "body_pieces": parts}
    clauses = [
        (tantivy.Occur.Should, tantivy.Query.boost_query(tantivy.Query.term_query(SCHEMA, field, term), FIELDS[field]))
        for field in fields
        for term in looked_for.get(field, words)
    ]
    if not clauses:
        return []
    searcher = index.searcher()
    hits = searcher.search(tantivy.Query.boolean_query(clauses), at_most, count=False).hits
    return [(int(searcher.doc(address)["number"][0]), float(score)) for score, address in hits]
