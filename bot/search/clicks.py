"""Learns from customers' clicks in searches: a document that enough of them chose after a question is found better.

To open it is to choose it; where it alone was shown, to say that it helped. Nothing is learned at the click itself:
`articles learn`, and a deletion of personal data, put what the kept searches show in the place of all learned before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from operator import attrgetter
from pathlib import Path

import numpy as np

from bot.phrases.model import key
from bot.search import LibraryError, index
from bot.search.database import ENCODER, Library, fact, open_library
from bot.search.reading import encode, search_encoder
from bot.tickets.model import SearchEvent

LIKENESS = 0.6
"""Cosine from which on two questions count as the same."""
_ROWS = 1024  # compared with all others at a time, which keeps memory small
SHARE = 0.5
"""Share of those who asked the same and chose a document at all: so many must have chosen this one."""
MOST_OF_FILE = 40
"""Questions of one document that are kept, those that most customers bear out."""
_MOST_CHOICES = 20_000


@dataclass(frozen=True)
class Choice:
    """A document that a customer chose of those that were found.

    Args:
        conversation: whose.
        text: the question, masked.
        language: of the question.
        file: of the document.
    """

    conversation: str
    text: str
    language: str
    file: str


@dataclass(frozen=True)
class LearnedQuestion:
    """A question that a document is taken to answer, from customers' choices.

    Args:
        text: the question, masked.
        language: of the question.
        file: of the document.
        conversations: number of them in which this document was chosen for such a question.
    """

    text: str
    language: str
    file: str
    conversations: int


def choices(events: Iterable[SearchEvent]) -> list[Choice]:
    """Returns what customers chose: the document they opened last, or the only one shown if they said it helped.

    What was followed by "none of these" is no choice.

    Args:
        events: steps of searches, oldest first.
    """
    steps: dict[str, list[SearchEvent]] = defaultdict(list)
    for event in events:
        steps[event.search_id].append(event)
    found = []
    for own in steps.values():
        shown = next((each for each in own if each.kind == "shown"), None)
        kinds = [each.kind for each in own]
        if shown is None or not key(shown.text) or "none" in kinds:
            continue
        opened = [file for each in own if each.kind == "opened" for file in each.documents if file in shown.documents]
        if not opened and "helped" in kinds and len(shown.documents) == 1:
            opened = list(shown.documents)
        if opened:
            found.append(Choice(shown.conversation_id, shown.text, shown.language, opened[-1]))
    return found


def learned_questions(chosen: Sequence[Choice], fewest: int) -> list[LearnedQuestion]:
    """Returns the questions that enough customers bear out, by document, those with most conversations first.

    Args:
        chosen: what customers chose, oldest first.
        fewest: conversations in which such a question led to the same document.
    """
    chosen = list(dict.fromkeys(chosen))[-_MOST_CHOICES:]
    if not chosen:
        return []
    owners = np.unique([each.file for each in chosen], return_inverse=True)[1]
    conversations = np.unique([each.conversation for each in chosen], return_inverse=True)[1]
    vectors = search_encoder().encode([each.text for each in chosen])
    first = {(each.file, each.language, key(each.text)): row for row, each in reversed(list(enumerate(chosen)))}
    rows = sorted(first.values())
    found = []
    for start in range(0, len(rows), _ROWS):
        block = rows[start : start + _ROWS]
        alike = vectors[block] @ vectors.T >= LIKENESS
        for row, same in zip(block, alike, strict=True):
            people = len(set(conversations[same & (owners == owners[row])]))
            if people >= max(fewest, SHARE * len(set(conversations[same]))):
                each = chosen[row]
                found.append(LearnedQuestion(each.text, each.language, each.file, people))
    of_files: dict[str, list[LearnedQuestion]] = defaultdict(list)
    for question in sorted(found, key=lambda one: (-one.conversations, one.file, one.language, one.text)):
        of_files[question.file].append(question)
    return [question for own in of_files.values() for question in own[:MOST_OF_FILE]]


def learn(library: Library, events: Iterable[SearchEvent], fewest: int) -> list[LearnedQuestion]:
    """Puts what customers chose into the index, in the place of all that was learned so before; returns it.

    The database gets vectors and no texts. What is no longer in the events is forgotten.

    Args:
        library: the article database.
        events: steps of searches, oldest first.
        fewest: conversations in which such a question led to the same document.

    Raises:
        LibraryError: the articles were imported with another encoder, or an import is at work.
    """
    learned = learned_questions(choices(events), fewest)
    with library.writing() as connection:
        if fact(connection, ENCODER) != search_encoder().version:
            raise LibraryError(f"{library.path}: imported with another encoder; import the articles again.")
        connection.execute("DELETE FROM learned_questions")
        for file, own in groupby(learned, key=attrgetter("file")):
            vectors = encode([each.text for each in own])
            connection.execute("INSERT INTO learned_questions VALUES (?, ?)", (file, vectors))
        index.update(connection, index.folder_of(library.path))
    return learned


def forget(database: Path, events: Iterable[SearchEvent], fewest: int) -> None:
    """Learns anew from what is left of the events, where something was learned before.

    Args:
        database: the article database.
        events: steps of searches that are kept, oldest first.
        fewest: conversations in which such a question led to the same document.

    Raises:
        LibraryError: as for `learn`.
    """
    library = open_library(database)
    with library.reading() as connection:
        has_learned = connection.execute("SELECT EXISTS (SELECT 1 FROM learned_questions)").fetchone()[0]
    if has_learned:
        learn(library, events, fewest)
