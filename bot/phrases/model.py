"""Defines candidates for training phrases, reviewers' decisions on them, and the state that these bring about.

It stores nothing: the ticket store, from which it reads candidates, keeps them.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Protocol

NEW, ACCEPTED, REJECTED, DISPUTED = "new", "accepted", "rejected", "disputed"
"""States of a candidate; the second and third are verdicts of a decision, too."""
COMMAND_LINE = "command line"
"""Name of who decides by `python -m bot review`."""
_WORD = re.compile(r"\w+")


class ReviewError(ValueError):
    """A decision cannot be taken or a file cannot be read; the message says why and what to do."""


@dataclass(frozen=True)
class Decision:
    """One reviewer's decision on a candidate.

    Args:
        id: in the database; 0 for one that is not there yet.
        candidate_id: one of the candidate's ids.
        batch: the same for decisions that were taken, and are undone, together.
        agent: who decided.
        verdict: `accepted` or `rejected`.
        intent: the intent of an accepted one.
        settles: whether it ends a disagreement, so that earlier decisions no longer count.
        at: when.
    """

    id: int
    candidate_id: int
    batch: str
    agent: str
    verdict: str
    intent: str | None
    settles: bool
    at: datetime


@dataclass(frozen=True)
class Candidate:
    """One message to decide on; what was recorded several times is one candidate.

    Args:
        ids: of everything recorded that says the same; the first names the candidate.
        kinds: `correction`, `not_helped`, `choice`, `fallback` and `imported`, as recorded.
        text: what the customer wrote, without what only concerns the customer.
        language: of the text.
        intent: what it should be understood as; None if nobody has said, or not everybody the same.
        proposed: intents that it may be, the likeliest first, with the model's confidence (0-1) where that is known.
        shown: what the bot took it for.
        margin: difference of the model's two highest confidences, 0-1; None where they were not recorded.
        state: `new`, `accepted`, `rejected` or `disputed`.
        decisions: those that were not undone, oldest first.
    """

    ids: tuple[int, ...]
    kinds: tuple[str, ...]
    text: str
    language: str
    intent: str | None
    proposed: tuple[tuple[str, float | None], ...]
    shown: tuple[str, ...]
    margin: float | None
    state: str
    decisions: tuple[Decision, ...]

    @property
    def key(self) -> str:
        """The normalised text."""
        return key(self.text)

    def standing(self, added: Sequence[Decision] = (), undone: Iterable[int] = ()) -> tuple[str, str | None]:
        """Returns the state and the intent that decisions bring about.

        What the same reviewer decided last counts; reviewers who differ dispute it, until a decision settles it.

        Args:
            added: further decisions.
            undone: ids of decisions that no longer count.
        """
        kept = [each for each in (*self.decisions, *added) if each.id not in undone]
        start = max((place for place, each in enumerate(kept) if each.settles), default=0)
        verdicts = {each.agent: (each.verdict, each.intent) for each in kept[start:]}
        if len(outcomes := set(verdicts.values())) == 1:
            return outcomes.pop()
        return (DISPUTED if outcomes else NEW), None


class CandidateStore(Protocol):
    """The database of candidates, as the ticket store implements it."""

    def all_candidates(self) -> list[dict[str, Any]]:
        """Returns all rows, oldest first."""

    def decisions(self) -> list[Decision]:
        """Returns all decisions that were not undone, oldest first."""

    def deciding(
        self, added: Sequence[Decision], undone: Sequence[int], states: Mapping[int, str]
    ) -> AbstractContextManager[None]:
        """Adds and undoes decisions and sets the states of rows by id; kept if the block ends without an error."""

    def import_candidates(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Adds rows of `text`, `language`, `shown` and `ranking`."""


def read_candidates(store: CandidateStore) -> list[Candidate]:
    """Returns all candidates of the store in any state, oldest first; texts without a letter or digit are left out."""
    groups: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for row in store.all_candidates():
        if normalised := key(row["text"]):
            groups.setdefault((row["language"], normalised), []).append(row)
    found = [_candidate(rows) for rows in groups.values()]
    candidate_of = {identity: place for place, each in enumerate(found) for identity in each.ids}
    for decision in store.decisions():
        if (place := candidate_of.get(decision.candidate_id)) is not None:
            found[place] = replace(found[place], decisions=(*found[place].decisions, decision))
    return found


def key(text: str) -> str:
    """Returns a text in the form in which two that say the same are equal: no capitals, no punctuation."""
    return " ".join(_WORD.findall(text.casefold()))


def is_in_test_share(text: str, share: float) -> bool:
    """Tells whether a text is for measuring and never for training; the same for a text, whenever it comes.

    Args:
        text: of a candidate.
        share: the fraction of all texts that is for measuring, 0-1.
    """
    digest = hashlib.sha256(key(text).encode()).digest()
    return int.from_bytes(digest[:8], "big") < share * 2**64


def _candidate(rows: list[dict[str, Any]]) -> Candidate:
    corrected = [row["intent"] for row in rows if row["kind"] == "correction"]
    intents = dict.fromkeys(filter(None, corrected or (row["intent"] for row in rows)))
    rankings = [row["ranking"] for row in rows if row["ranking"]]
    ranking = {str(name): float(confidence) for name, confidence in rankings[-1]} if rankings else {}
    best = sorted(ranking.values(), reverse=True)
    shown = dict.fromkeys(intent for row in rows for intent in row["shown"])
    return Candidate(
        ids=tuple(row["id"] for row in rows),
        kinds=tuple(dict.fromkeys(row["kind"] for row in rows)),
        text=rows[0]["text"],
        language=rows[0]["language"],
        intent=next(iter(intents)) if len(intents) == 1 else None,
        proposed=tuple((name, ranking.get(name)) for name in {**intents, **ranking, **shown}),
        shown=tuple(shown),
        margin=best[0] - best[1] if len(best) > 1 else None,
        state=next((row["state"] for row in rows if row["state"] != NEW), NEW),
        decisions=(),
    )
