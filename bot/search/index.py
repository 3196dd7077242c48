"""Builds the indexes of the articles (words by language, one array of vectors for all) and looks up words in them.

An index is a folder of its own and never changed. An import makes new folders for the languages that it has changed,
and the database names the valid ones: they change together with the articles, or not at all.
"""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
import uuid
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import Stemmer
import tantivy

from bot.encoder.features import fold, words_of
from bot.search.database import ENCODER, fact, set_fact
from bot.search.reading import FULL_SCALE, search_encoder, words_of_slug
from bot.settings import get_settings

Codes = npt.NDArray[np.int8]

_STEMMED = {"ar", "da", "de", "el", "en", "es", "fi", "fr", "hu", "it", "lt", "nb", "nl", "pt", "ro", "ru", "sv", "tr"}
"""Languages with a stemmer of Snowball's; the words of others are taken as they are."""
PIECE = 4
"""Letters of a piece: parts of compounds are found, and words with a slip in them."""
_HEAP_BYTES = 20_000_000
_FACT = "index:"
_FORMAT = 3
"""To be raised where the same articles give other indexes: they are made anew by the next import."""
MEANINGS = "meanings"
"""The fact that names the folder of the articles' vectors."""
FIELDS = ("words", "pieces")
"""Fields that an article is found by; weights for title, headings and text found less (docs/search.md)."""
VECTORS, ARTICLES, ASKED, OWNERS = "vectors.npy", "articles.npy", "asked.npy", "owners.npy"
KNOWN_QUESTIONS = ("asked_files", "asked_ends", "asked_vectors")
"""Arrays in the encoder's file: the names of files, where the questions of each end, and the questions' vectors."""
_TITLE_AND_SLUG, _TEXT, _ASKED = 1.0, 2.0, 0.5
"""Weights of title, slug and text in the vector of an article, and of known questions beside it."""


_builder = tantivy.SchemaBuilder()
for _field in FIELDS:  # the terms are made here, the same for every engine
    _builder.add_text_field(_field, stored=False, tokenizer_name="whitespace", index_option="freq")
SCHEMA = _builder.add_integer_field("number", stored=True).build()


def folder_of(database: Path) -> Path:
    """Returns the folder of a database's indexes, beside it."""
    return database.with_name(database.name + "-index")


def folders(connection: sqlite3.Connection) -> dict[str, str]:
    """Returns the name of the valid index folder of each language."""
    rows = connection.execute("SELECT name, value FROM facts WHERE name LIKE ?", (_FACT + "%",))
    return {name.removeprefix(_FACT): value for name, value in rows}


def _remove_others(connection: sqlite3.Connection, folder: Path) -> None:
    """Removes the index folders that are not valid any more; a search that has one open keeps it until it ends."""
    valid = {*folders(connection).values(), fact(connection, MEANINGS)}
    for path in folder.glob("*"):
        if path.name not in valid:
            shutil.rmtree(path, ignore_errors=True)


def update(connection: sqlite3.Connection, folder: Path) -> None:
    """Makes the indexes anew whose articles have changed; they become valid when the transaction ends.

    A language's index has every article once: in that language, or where it has not been translated, in English or any
    other. All have them in the order of their paths, as the vectors are.

    Args:
        connection: the transaction, in which alone it is certain that nobody else is making an index.
        folder: where the indexes lie.
    """
    _remove_others(connection, folder)
    versions: dict[str, list[tuple[str, str, int, str]]] = defaultdict(list)
    query = "SELECT path, language, locale, id, hex(hash) FROM articles ORDER BY path, locale"
    for path, *version in connection.execute(query):
        versions[path].append(tuple(version))
    languages = {version[0] for found in versions.values() for version in found}
    for language in folders(connection).keys() - languages:
        connection.execute("DELETE FROM facts WHERE name = ?", (_FACT + language,))
    for language in sorted(languages):
        chosen = {
            path: min(found, key=lambda version: (version[0] != language, version[0] != "en", version[1]))
            for path, found in versions.items()
        }
        build = partial(_build_words, connection, [version[2] for version in chosen.values()])
        _make(connection, folder, _FACT + language, list(chosen.items()), build)
    known, known_version = known_questions(get_settings().search_encoder_weights)
    learned = connection.execute("SELECT file, vectors FROM learned_questions ORDER BY file").fetchall()
    for file, blob in learned:
        known[file] = np.concatenate([known.get(file, vectors_of(b"")), vectors_of(blob)])
    content = [fact(connection, ENCODER), known_version, *learned, *versions.items()]
    identifiers = {path: [version[2] for version in found] for path, found in versions.items()}
    _make(connection, folder, MEANINGS, content, partial(_build_vectors, connection, identifiers, known))


def _make(
    connection: sqlite3.Connection, folder: Path, name: str, content: Sequence[object], build: Callable[[Path], None]
) -> None:
    """Makes the index that a fact names, unless it has this content already."""
    digest = hashlib.blake2b(repr((_FORMAT, content)).encode(), digest_size=16).hexdigest()
    valid = fact(connection, name)
    if not valid.endswith(digest) or not (folder / valid).is_dir():
        made = f"{name.removeprefix(_FACT)}-{uuid.uuid4().hex}-{digest}"
        (folder / made).mkdir(parents=True)
        build(folder / made)
        set_fact(connection, name, made)


def _build_words(connection: sqlite3.Connection, identifiers: Sequence[int], folder: Path) -> None:
    writer = tantivy.Index(SCHEMA, path=str(folder)).writer(_HEAP_BYTES, 1)
    query = "SELECT language, path, title, slug, headings, sentences FROM articles WHERE id = ?"
    for number, identifier in enumerate(identifiers):
        row = connection.execute(query, (identifier,)).fetchone()
        terms = {name: " ".join(found) for name, found in article_terms(*row).items()}
        writer.add_document(tantivy.Document(number=number, **terms))
    writer.commit()
    writer.wait_merging_threads()
    np.save(folder / ARTICLES, np.array(identifiers, np.int64))


def _build_vectors(
    connection: sqlite3.Connection, identifiers: Mapping[str, Sequence[int]], known: Mapping[str, Codes], folder: Path
) -> None:
    asked = [known.get(Path(path).name, vectors_of(b"")) for path in identifiers]
    meanings = [_meaning(connection, *both) for both in zip(identifiers.values(), asked, strict=True)]
    np.save(folder / VECTORS, np.vstack([vectors_of(b""), *meanings]))
    np.save(folder / ASKED, np.concatenate([vectors_of(b""), *asked]))
    np.save(folder / OWNERS, np.repeat(np.arange(len(asked), dtype=np.int32), list(map(len, asked))))


def _meaning(connection: sqlite3.Connection, identifiers: Sequence[int], asked: Codes) -> Codes:
    """Returns the vector of an article: its titles, slug and texts in all languages, which bear each other out.

    Questions that it is known to answer are added.
    """
    titles, slug, texts = np.zeros((3, search_encoder().dimension))
    for identifier in identifiers:
        blob = connection.execute("SELECT vectors FROM articles WHERE id = ?", (identifier,)).fetchone()[0]
        vectors = vectors_of(blob).astype(np.float64)
        titles, slug, texts = titles + _unit(vectors[0]), slug + vectors[1], texts + _unit(vectors[2:].sum(axis=0))
    meaning = _unit(_TITLE_AND_SLUG * (_unit(titles) + _unit(slug)) + _TEXT * _unit(texts))
    meaning += _ASKED * _unit(asked.astype(np.float64).sum(axis=0))
    return np.rint(FULL_SCALE * _unit(meaning)).astype(np.int8)


def vectors_of(blob: bytes) -> Codes:
    """Returns the vectors of one version of an article: title, slug, then each sentence."""
    return np.frombuffer(blob, np.int8).reshape(-1, search_encoder().dimension)


def _unit(vector: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    return np.asarray(vector / (np.linalg.norm(vector) + 1e-9))


def known_questions(path: Path) -> tuple[dict[str, Codes], str]:
    """Reads the questions that articles are known to answer, in customers' words, from the file of the encoder.

    Documents are expanded by the questions that they answer (Nogueira et al. 2019, "Document Expansion by Query
    Prediction", arXiv:1904.08375). Only the questions' vectors are kept.

    Returns:
        File name, whatever the folder and the language -> (questions, dimension), of length 127; and a text that
        changes with the content.
    """
    with np.load(path, allow_pickle=False) as stored:
        if KNOWN_QUESTIONS[-1] not in stored:
            return {}, ""
        files, ends, vectors = (stored[name] for name in KNOWN_QUESTIONS)
    names, ends = files.tobytes().decode("utf8").split("\n"), ends.tolist()
    places = {file: (first, end) for file, first, end in zip(names, [0, *ends], ends, strict=False)}
    version = hashlib.sha256(repr(places).encode() + vectors.tobytes()).hexdigest()[:16]
    return {file: vectors[first:end] for file, (first, end) in places.items()}, version


def stems(text: str, language: str) -> list[str]:
    """Returns the words of a text in their order, stemmed and without diacritics."""
    words = words_of(text)
    if language in _STEMMED:
        words = Stemmer.Stemmer("no" if language == "nb" else language).stemWords(words)
    return [fold(word) for word in words]


def pieces(text: str) -> list[str]:
    """Returns the runs of four letters of each word without diacritics and with its borders marked."""
    marked = [f"<{fold(word)}>" for word in words_of(text)]
    return [word[start : start + PIECE] for word in marked for start in range(max(1, len(word) - PIECE + 1))]


def article_terms(
    language: str, path: str, title: str, slug: str, headings: str, sentences: str
) -> dict[str, list[str]]:
    """Returns what an article can be found by in each field."""
    text, english = f"{title}\n{headings}\n{sentences}", words_of_slug(path, slug)
    return {"words": [*stems(text, language), *stems(english, "en")], "pieces": pieces(f"{text}\n{english}")}


def looked_for(text: str, language: str) -> dict[str, dict[str, None]]:
    """Returns the terms that each field is searched for, each once, in their order."""
    return {"words": dict.fromkeys(stems(text, language)), "pieces": dict.fromkeys(pieces(text))}


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
    queries = [tantivy.Query.term_query(SCHEMA, field, term) for field in fields for term in terms[field]]
    searcher = index.searcher()
    either = tantivy.Query.boolean_query([(tantivy.Occur.Should, query) for query in queries])
    hits = searcher.search(either, at_most, count=False).hits
    return [(int(searcher.doc(address)["number"][0]), float(score)) for score, address in hits]
