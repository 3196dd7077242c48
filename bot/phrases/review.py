"""Carries out reviewers' decisions on candidate phrases: accepts, rejects or undoes; imports messages from a file.

An accepted phrase is written into the training phrases or, for a share of the texts, into the test files; the store
keeps candidates and decisions.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from bot.articles.examples import Example
from bot.articles.issues import load_issues
from bot.phrases.anonymous import anonymous
from bot.phrases.files import REVIEWED, PhraseIndex, changed_files, locked, readable_content, test_files, writing
from bot.phrases.model import (
    ACCEPTED,
    COMMAND_LINE,
    DISPUTED,
    NEW,
    REJECTED,
    Candidate,
    CandidateStore,
    Decision,
    ReviewError,
    is_in_test_share,
    key,
    read_candidates,
)
from bot.settings import Settings

Ranking = Callable[[Sequence[str]], Sequence[list[tuple[str, float]]]]
"""Texts -> for each the likeliest intents with their confidences."""


@dataclass(frozen=True)
class Taken:
    """A decision that was taken, and what came of it.

    Args:
        candidate: as it was before.
        state: that it has since.
        intent: of an accepted one.
        path: the file that the phrase went to, None where it went to none.
    """

    candidate: Candidate
    state: str
    intent: str | None
    path: Path | None


class Review:
    """The review of candidates.

    Args:
        store: keeps candidates and decisions.
        settings: the folders of the training phrases and of the test share, and how large the share is.
    """

    def __init__(self, store: CandidateStore, settings: Settings) -> None:
        self._store = store
        self._phrases = settings.data_dir / "nlu"
        self.folder = settings.review_dir
        self._share = settings.review_test_share

    def candidates(self) -> list[Candidate]:
        """Returns all candidates in any state; of those to decide on, without what a file of phrases has already."""
        found = read_candidates(self._store)
        index = self._index(each.language for each in found if each.state == NEW)
        return [each for each in found if each.state != NEW or not index.has(each.language, each.text)]

    def waiting(self) -> list[Candidate]:
        """Returns the candidates that nobody has decided on."""
        return [each for each in self.candidates() if each.state == NEW]

    def intents(self, languages: Iterable[str] = ()) -> list[str]:
        """Returns the intents that a candidate may be: the issues in their order, then the others."""
        issues = load_issues()
        return [*issues, *sorted(self._index(languages).intents - set(issues))]

    def accept(
        self, ids: Sequence[int], intent: str | None = None, by: str = COMMAND_LINE, decides_all: bool = True
    ) -> list[Taken]:
        """Takes candidates into `data/nlu/<language>/reviewed.yml`, or those of the test share into its file.

        Args:
            ids: one of each candidate's ids.
            intent: what they are to be understood as; None keeps what each one says.
            by: who decides.
            decides_all: whether the decision settles a disagreement of others; one's own it always settles.

        Raises:
            ReviewError: there is no such candidate, it has no intent, the intent is unknown, or Rasa could not read
                the phrase in a file; nothing is taken.
        """
        return self.accept_each(dict.fromkeys(ids, intent), by, decides_all)

    def accept_each(
        self, intents: Mapping[int, str | None], by: str = COMMAND_LINE, decides_all: bool = True
    ) -> list[Taken]:
        """Takes candidates by id, each with an intent of its own, as one decision; the rest is as for `accept`."""
        with locked(self.folder):
            chosen = self._chosen(list(intents))
            known = self.intents(each.language for each in chosen)
            decided = []
            for each in chosen:
                name = next(intents[identity] for identity in each.ids if identity in intents) or each.intent
                if name is None:
                    raise ReviewError(f"candidate {each.ids[0]} has no intent; name one with --intent.")
                if name not in known:
                    raise ReviewError(f"{name!r} is no intent; see data/issues.yml and data/nlu/en/dialogue.yml.")
                decided.append((each, name))
            return self._decide(decided, ACCEPTED, by, decides_all)

    def reject(self, ids: Sequence[int], by: str = COMMAND_LINE, decides_all: bool = True) -> list[Taken]:
        """Drops candidates; they are not shown again. Arguments and errors are those of `accept`."""
        with locked(self.folder):
            return self._decide([(each, None) for each in self._chosen(ids)], REJECTED, by, decides_all)

    def last_decision(self, by: str) -> list[Decision]:
        """Returns what somebody decided last and has not undone, one decision or several taken together."""
        own = [each for each in self._store.decisions() if each.agent == by]
        return [each for each in own if each.batch == own[-1].batch]

    def undo(self, by: str = COMMAND_LINE) -> list[Taken]:
        """Undoes what somebody decided last; files and states are as if it had not been decided.

        Raises:
            ReviewError: there is nothing to undo, or a file cannot be written.
        """
        with locked(self.folder):
            undone = {each.id: each.candidate_id for each in self.last_decision(by)}
            if not undone:
                raise ReviewError(f"{by} has decided nothing that could be undone.")
            concerned = set(undone.values())
            chosen = [each for each in read_candidates(self._store) if concerned & set(each.ids)]
            return self._apply([(each, *each.standing(undone=undone)) for each in chosen], [], list(undone))

    def import_file(self, path: Path, rank: Ranking | None = None) -> tuple[int, int]:
        """Takes messages from elsewhere as candidates, without what only concerns their writers.

        Args:
            path: a TSV file of language, text and, if there is one, the intent that the message was taken for.
            rank: gives the likeliest intents, so that the order knows of doubt; None leaves them unknown.

        Returns:
            How many were taken, and how many were there already.

        Raises:
            ReviewError: the file cannot be read, or a line does not fit; nothing is taken.
        """
        lines = list(self._lines(path))
        known = {(each.language, each.key) for each in read_candidates(self._store)}
        fresh = {(line["language"], key(line["text"])): line for line in lines}
        rows = [row for name, row in fresh.items() if name not in known and name[1]]
        if rank:
            rankings = rank([row["text"] for row in rows])
            rows = [{**row, "ranking": ranking} for row, ranking in zip(rows, rankings, strict=True)]
        self._store.import_candidates(rows)
        return len(rows), len(lines) - len(rows)

    def _lines(self, path: Path) -> Iterable[dict[str, Any]]:
        try:
            content = path.read_text(encoding="utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise ReviewError(f"{path} cannot be read ({error}); name a TSV file in UTF-8.") from error
        languages = sorted(each.name for each in self._phrases.iterdir() if each.is_dir())
        intents = self.intents()
        for number, line in enumerate(content.split("\n"), start=1):
            cells = [cell.strip() for cell in line.split("\t")]
            if not any(cells) or (number == 1 and cells[0] == "language"):
                continue
            place = f"{path}:{number}: "
            if len(cells) not in (2, 3) or not cells[1]:
                raise ReviewError(f"{place}expected language, text and perhaps an intent between tabs; fix the line.")
            if cells[0] not in languages:
                raise ReviewError(f"{place}{cells[0]!r} is no language of {self._phrases}; use {', '.join(languages)}.")
            shown = list(filter(None, cells[2:]))
            if not {*shown} <= {*intents}:
                raise ReviewError(f"{place}{shown[0]!r} is no intent; leave it out or see data/issues.yml.")
            yield {"language": cells[0], "text": anonymous(cells[1]), "shown": shown, "ranking": []}

    def _chosen(self, ids: Sequence[int]) -> list[Candidate]:
        of = {identity: each for each in self.candidates() for identity in each.ids}
        missing = [str(identity) for identity in ids if identity not in of]
        if missing or not ids:
            raise ReviewError(f"no candidate {', '.join(missing)}; `python -m bot review` lists them.")
        return list({of[identity].ids: of[identity] for identity in ids}.values())

    def _decide(
        self, decided: Sequence[tuple[Candidate, str | None]], verdict: str, by: str, decides_all: bool
    ) -> list[Taken]:
        batch, at = str(uuid.uuid4()), datetime.now(timezone.utc)
        changes, added = [], []
        for candidate, intent in decided:
            own = [(each.verdict, each.intent) for each in candidate.decisions if each.agent == by]
            if candidate.state != DISPUTED and own[-1:] == [(verdict, intent)]:  # a form that was sent twice
                changes.append((candidate, *candidate.standing()))
                continue
            settles = candidate.state == DISPUTED and (bool(own) or decides_all)
            decision = Decision(0, candidate.ids[0], batch, by, verdict, intent, settles, at)
            added.append(decision)
            changes.append((candidate, *candidate.standing([decision])))
        return self._apply(changes, added, [])

    def _apply(
        self, changes: Sequence[tuple[Candidate, str, str | None]], added: list[Decision], undone: list[int]
    ) -> list[Taken]:
        """Writes the files, then the decisions: after a crash between the two no phrase is lost."""
        taken, examples, removed = [], [], []
        for candidate, state, intent in changes:
            path = self._homes(candidate)[is_in_test_share(candidate.text, self._share)]
            taken.append(Taken(candidate, state, intent, path if state == ACCEPTED else None))
            if (state, intent) == candidate.standing():
                continue
            if candidate.state == ACCEPTED:
                removed += [(each, candidate.key) for each in self._homes(candidate) if each.exists()]
            if state == ACCEPTED and intent:
                example = Example(candidate.text, intent, candidate.language, path)
                remedy = f"drop candidate {candidate.ids[0]} with `python -m bot review reject {candidate.ids[0]}`"
                readable_content([example], remedy)
                examples.append(example)
        contents = changed_files(examples, removed)
        states = {identity: each.state for each in taken for identity in each.candidate.ids}
        with self._store.deciding(added, undone, states), writing(contents):
            pass
        return taken

    def _homes(self, candidate: Candidate) -> tuple[Path, Path]:
        """Returns the files that a candidate may be in: for training, for measuring."""
        return self._phrases / candidate.language / REVIEWED, self.folder / "test" / f"{candidate.language}.tsv"

    def _index(self, languages: Iterable[str]) -> PhraseIndex:
        folders = [self._phrases / language for language in sorted({*languages, "en"})]
        trained = [path for folder in folders for path in sorted(folder.rglob("*.yml"))]
        return PhraseIndex([*trained, *test_files(self.folder)])
