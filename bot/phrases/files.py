"""The files of phrases: reads which are there already, and writes accepted ones for training or for measuring."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from pathlib import Path

from bot.articles.examples import Example, ExampleError, read_as_rasa, read_examples, read_lines
from bot.files import PRIVATE, flocked, written_whole
from bot.phrases.model import ReviewError, key

REVIEWED = "reviewed.yml"
"""The file of a language's reviewed phrases in its folder of training phrases."""


class PhraseIndex:
    """The phrases that are there already, in the files of some languages.

    Args:
        paths: files of phrases, `.yml` or `.tsv`.

    Raises:
        ExampleError: one cannot be read.
    """

    def __init__(self, paths: Iterable[Path]) -> None:
        self._files = [_index(path, (found := path.stat()).st_mtime_ns, found.st_size) for path in paths]

    def has(self, language: str, text: str) -> bool:
        """Tells whether a file has a phrase, whatever its capitals and punctuation."""
        wanted = hash((language, key(text)))
        return any(wanted in phrases for phrases, _ in self._files)

    @property
    def intents(self) -> set[str]:
        """Intents of all phrases."""
        return {intent for _, intents in self._files for intent in intents}


@lru_cache(maxsize=1024)
def _index(path: Path, changed: int, size: int) -> tuple[frozenset[int], frozenset[str]]:
    """Returns hashes of a file's phrases, and their intents; the phrases themselves would take 100 MB."""
    examples = _examples(path)
    return frozenset(hash((each.language, key(each.text))) for each in examples), frozenset(e.intent for e in examples)


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Waits until no other process or thread changes files of phrases.

    Raises:
        ReviewError: the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        descriptor = os.open(folder / ".lock", os.O_RDWR | os.O_CREAT, PRIVATE)
    except OSError as error:
        raise _not_written(error, folder) from error
    with flocked(descriptor):
        yield


def changed_files(added: Collection[Example], removed: Collection[tuple[Path, str]]) -> dict[Path, str]:
    """Returns the new content of each file that is concerned; empty for one without phrases.

    Args:
        added: phrases with the files they go to; they take the place of those of the same normalised text.
        removed: files and the normalised texts that go from them.

    Raises:
        ReviewError: Rasa would read something else; the message ends with the remedy.
        ExampleError: a file that is there cannot be read.
    """
    contents = {}
    for path in sorted({each.path for each in added} | {path for path, _ in removed}):
        own = [each for each in added if each.path == path]
        gone = {text for where, text in removed if where == path} | {key(each.text) for each in own}
        before = _examples(path) if path.exists() else []
        phrases = [*(each for each in before if key(each.text) not in gone), *own]
        if path.suffix == ".yml":
            contents[path] = readable_content(phrases, f"look at {path}") if phrases else ""
        else:
            contents[path] = "".join(f"{each.intent}\t{each.text}\n" for each in phrases)
    return contents


@contextmanager
def writing(contents: Mapping[Path, str]) -> Iterator[None]:
    """Writes files that take their places together when the block ends without an error; empty ones are deleted.

    Files other than `reviewed.yml` are for their owner alone.

    Args:
        contents: of each file.

    Raises:
        ReviewError: one cannot be written; all are as they were.
    """
    with ExitStack() as files:
        try:
            for path, content in contents.items():
                path.parent.mkdir(parents=True, exist_ok=True)
                stream = files.enter_context(written_whole(path))
                if path.name != REVIEWED:  # customers' words, for no other eyes
                    os.fchmod(stream.fileno(), PRIVATE)
                stream.write(content.encode())
        except OSError as error:
            raise _not_written(error, path) from error
        yield
    for path, content in contents.items():
        if not content:
            path.unlink(missing_ok=True)


def remove_from_test_share(folder: Path, texts: Iterable[tuple[str, str]]) -> None:
    """Deletes messages from the files of the test share.

    Args:
        folder: of the review (`BOT_REVIEW_DIR`).
        texts: languages and texts.

    Raises:
        ReviewError: a file cannot be written.
    """
    files = {path.stem: path for path in test_files(folder)}
    removed = [(files[language], key(text)) for language, text in texts if language in files]
    if removed:
        with locked(folder), writing(changed_files([], removed)):
            pass


def test_files(folder: Path) -> list[Path]:
    """Returns the files of the test share, one a language."""
    return sorted((folder / "test").glob("*.tsv"))


def readable_content(examples: Sequence[Example], remedy: str) -> str:
    """Returns the content of a file of training phrases in the format of the other ones.

    Raises:
        ReviewError: Rasa would read something else, or nothing; the message ends with the remedy.
    """
    lines = ['version: "3.1"', "", "nlu:"]
    for intent in dict.fromkeys(example.intent for example in examples):
        texts = dict.fromkeys(example.text for example in examples if example.intent == intent)
        lines += [f"- intent: {intent}", "  metadata:", f"    language: {examples[0].language}", "  examples: |"]
        lines += [f"    - {text}" for text in texts]
        lines.append("")
    content = "\n".join(lines)
    try:
        read = read_as_rasa(content, examples[0].path)
    except ExampleError as error:
        raise ReviewError(f"{error} Nothing was written; {remedy}.") from error
    changed = {(each.intent, each.text) for each in examples} ^ {(each.intent, each.text) for each in read}
    if changed:
        shown = ", ".join(ascii(text) for _, text in sorted(changed))
        raise ReviewError(f"{examples[0].path}: Rasa reads other phrases ({shown}). Nothing was written; {remedy}.")
    return content


def _examples(path: Path) -> list[Example]:
    return read_lines(path) if path.suffix == ".tsv" else read_examples(path)


def _not_written(error: OSError, path: Path) -> ReviewError:
    where = error.filename or path
    return ReviewError(f"{where} cannot be written ({error.strerror}); nothing was decided. Make it writable.")
