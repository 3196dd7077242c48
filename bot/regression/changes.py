"""Reads from git what has changed since the baseline, and tells which answers each change can have turned.

A change is a setting of `config.yml` with another value, a file that the bot is made of, or all training phrases that
a commit has added, removed or relabelled. Phrases concern cells: the pairs of language and intent that they belong to.
"""

from __future__ import annotations

import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from bot.regression.inventory import PHRASES, Loss, settings
from bot.regression.items import Pair, counted
from bot.settings import PROJECT_ROOT
from bot.text.yaml_files import parse_yaml
from bot.training import HASHED_SUFFIXES, MODEL_SOURCES

REPLY_PATHS = ("actions/", "bot/tickets/", "data/articles/", "data/replies/", "data/rules.yml")
"""Beginnings of the paths of what the bot says and does, which decides how conversations go, but predicts no intent."""
WATCHED = (*MODEL_SOURCES, "bot/encoder/weights.npz", "bot/encoder/shipped", "actions", "bot/tickets")
SETTINGS = "config.yml"
STATUS = {"A": "added", "D": "deleted"}
MOST_CELLS_NAMED = 4
Phrases = dict[tuple[str, str], str]
"""(language, text) -> intent."""


@dataclass(frozen=True)
class Change:
    """One change of the content, the configuration or the code."""

    commit: str
    """Short hash, or `not committed`."""
    subject: str
    description: str
    path: str = ""
    """The file that was changed; empty for phrases."""
    cells: frozenset[str] = frozenset()
    """The `language/intent` of changed phrases: items in that language of, or taken for, that intent are concerned."""

    def concerns(self, pair: Pair) -> bool:
        """Tells whether the change can have turned an answer, as far as its path or its cells tell."""
        now, then = pair
        if not self.cells and self.path.startswith(REPLY_PATHS):
            is_its_article = now.set == "articles" and self.path.endswith(now.text)
            return is_its_article or now.set in {"dialogues", "conversations"}
        if not self.cells:
            return True
        if "language" in now.set:
            return self._has_cell(now.language)
        if now.set == "retrieval":  # its items are named after intents, but phrases do not change them
            return False
        intents = {then.got, now.best, *now.expected.split(" + "), *now.got.split(" + ")}
        return any(self._has_cell(f"{now.language}/{intent}") for intent in intents)

    def concerns_loss(self, loss: Loss) -> bool:
        """Tells whether the change can have lost what the bot was made of."""
        return self._has_cell(loss.name) if loss.kind == PHRASES else self.path == loss.path

    def _has_cell(self, name: str) -> bool:
        """Tells whether phrases of a cell, or of a whole language, were changed."""
        return any(cell == name or cell.startswith(f"{name}/") for cell in self.cells)


def git(*words: str) -> str:
    """Returns what git prints of the project, stripped; empty if it fails, for one because there is no repository."""
    try:
        done = subprocess.run(["git", *words], cwd=PROJECT_ROOT, capture_output=True, check=True)
    except (FileNotFoundError, subprocess.CalledProcessError):
        return ""
    return done.stdout.decode("utf8", errors="replace").strip()


def baseline_commit(baseline: Path) -> str:
    """Returns the commit that wrote a baseline, from which on changes are read; empty where git does not know it."""
    if git("rev-parse", "--is-shallow-repository") == "true":  # the oldest commit there seems to write everything
        return ""
    return git("log", "-1", "--format=%H", "--", str(baseline.resolve()))


def since(commit: str) -> Iterator[Change]:
    """Yields the changes since a commit, latest first; what is not committed comes before all.

    Args:
        commit: as `baseline_commit` returns it.
    """
    if not commit:
        return
    yield from _changes("HEAD", "", "not committed")
    for line in git("log", "--no-merges", "--format=%H %s", f"{commit}..HEAD", "--", *WATCHED).splitlines():
        full, _, subject = line.partition(" ")
        yield from _changes(f"{full}^", full, full[:10], subject)


def _changes(before: str, after: str, commit: str, subject: str = "") -> Iterator[Change]:
    """Yields the changes from one commit to another one, or (empty) to the files as they lie there; phrases last."""
    listed = git("diff", "--no-renames", "--name-status", *filter(None, (before, after)), "--", *WATCHED)
    had: Phrases = {}
    has: Phrases = {}
    for status, path in (row.split("\t") for row in listed.splitlines()):
        if path.startswith("data/nlu/"):
            had |= _phrases(_read(before, path))
            has |= _phrases(_read(after, path))
        elif path == SETTINGS:
            old, new = (settings(_read(side, path)) for side in (before, after))
            for key in sorted({*old, *new}):
                if old.get(key) != new.get(key):
                    description = f"{path}: {key} changed from {old.get(key)} to {new.get(key)}"
                    yield Change(commit, subject, description, path)
        elif Path(path).suffix in HASHED_SUFFIXES:
            yield Change(commit, subject, f"{path} {STATUS.get(status, 'changed')}", path)
    yield from _phrase_changes(had, has, commit, subject)


def _phrase_changes(had: Phrases, has: Phrases, commit: str, subject: str) -> Iterator[Change]:
    """Yields a change for all phrases that were added, one for those removed, and one for those relabelled."""
    names: dict[str, Counter[str]] = defaultdict(Counter)
    cells: dict[str, set[str]] = defaultdict(set)
    for language, text in {**had, **has}:
        old, new = had.get((language, text)), has.get((language, text))
        if old == new:
            continue
        if old is None:
            what, name = "added", new
        elif new is None:
            what, name = "removed", old
        else:
            what, name = "relabelled", f"from {old} to {new}"
        names[what][f"{name} in {language}"] += 1
        cells[what] |= {f"{language}/{intent}" for intent in (old, new) if intent}
    for what, count in names.items():
        cells_named = ", ".join(f"{name} ({number})" for name, number in count.most_common(MOST_CELLS_NAMED))
        more = f" and {len(count) - MOST_CELLS_NAMED} more" * (len(count) > MOST_CELLS_NAMED)
        description = f"{counted(count.total(), 'phrase')} {what}: {cells_named}{more}"
        yield Change(commit, subject, description, cells=frozenset(cells[what]))


def _phrases(content: dict[str, Any]) -> Phrases:
    """Returns the phrases of an example file."""
    return {
        ((entry.get("metadata") or {}).get("language", ""), line.removeprefix("- ").strip()): entry["intent"]
        for entry in content.get("nlu") or []
        if "intent" in entry
        for line in entry.get("examples", "").splitlines()
    }


def _read(commit: str, path: str) -> dict[str, Any]:
    """Returns a YAML file of a commit, or as it lies there; nothing for none, or for a broken one of an old commit."""
    with suppress(OSError, ValueError, TypeError, yaml.YAMLError):
        return dict(parse_yaml(git("show", f"{commit}:{path}") if commit else (PROJECT_ROOT / path).read_text("utf8")))
    return {}
