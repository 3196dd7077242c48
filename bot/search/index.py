"""The indexes: for each language a tantivy index of the words, for all of them one array of the articles' vectors.

An index is a folder of its own and never changed. An import makes new folders for the languages that it has changed,
and the database names the valid ones: they change together with the articles, or not at all.
"""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
import uuid
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tantivy

from bot.search.analysis import pieces, stems
from bot.search.database import ENCODER, fact, set_fact
from bot.search.known import known_questions
from bot.search.reading import search_encoder, words_of_slug

FULL_SCALE = 127
"""Vectors are kept as whole numbers, so many times as long."""
_HEAP_BYTES = 20_000_000
_FACT = "index:"
_FORMAT = 3
"""To be raised where the same articles give other indexes: they are made anew by the next import."""
MEANINGS = "meanings"
"""The fact that names the folder of the articles' vectors."""
FIELDS = ("words", "pieces")
"""What an article is found by; fields of its title, headings and text with weights found less (docs/search.md)."""
VECTORS, ARTICLES, ASKED, OWNERS = "vectors.npy", "articles.npy", "asked.npy", "owners.npy"
_TITLE_AND_SLUG, _TEXT, _ASKED = 1.0, 2.0, 0.5
"""What the title, the slug and the text count in the vector of an article, and what known questions count beside it."""


_builder = tantivy.SchemaBuilder()
for _field in FIELDS:  # the terms are made by `analysis`, the same for every engine
    _builder.add_text_field(_field, stored=False, tokenizer_name="whitespace", index_option="freq")
SCHEMA = _builder.add_integer_field("number", stored=True).build()


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
        elif not _is_current(folder, valid.get(language, ""), digest):
            name = f"{language}-{uuid.uuid4().hex}-{digest}"
            _build(connection, folder / name, [identifier for _, _, identifier, _ in chosen.values()])
            set_fact(connection, _FACT + language, name)
    known, none = known_questions(), np.zeros((0, 0), np.int8)
    digest = _digest([fact(connection, ENCODER), known.version, *versions.items()])
    if not _is_current(folder, fact(connection, MEANINGS), digest):
        name = f"{MEANINGS}-{uuid.uuid4().hex}-{digest}"
        (folder / name).mkdir(parents=True)
        asked = [known.of.get(Path(path).name, none) for path in versions]
        codes = [
            _meaning(connection, [version[2] for version in found], questions)
            for found, questions in zip(versions.values(), asked, strict=True)
        ]
        np.save(folder / name / VECTORS, _stacked(codes))
        np.save(folder / name / ASKED, _stacked([row for rows in asked for row in rows]))
        np.save(folder / name / OWNERS, np.repeat(np.arange(len(asked), dtype=np.int32), list(map(len, asked))))
        set_fact(connection, MEANINGS, name)


def _is_current(folder: Path, name: str, digest: str) -> bool:
    return name.endswith(digest) and (folder / name).is_dir()


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


def remove_others(connection: sqlite3.Connection, folder: Path) -> None:
    """Removes the index folders that are not valid any more; a search that has one open keeps it until it ends."""
    valid = {*folders(connection).values(), fact(connection, MEANINGS)}
    for path in folder.glob("*"):
        if path.name not in valid:
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
