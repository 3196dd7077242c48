"""The changes since the baseline, as git and the structure of the data tell them: phrases, settings, articles, code."""

from __future__ import annotations

import subprocess
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import yaml

from bot.regression.inventory import PHRASES, Loss, settings
from bot.regression.items import Pair, counted
from bot.text.yaml_files import parse_yaml

WATCHED = ("config.yml", "domain.yml", "data", "bot", "actions", "uv.lock")
MEANING = frozenset({"intents", "real_style", "robustness", "two_issues", "one_issue", "long"})
LANGUAGE = frozenset({"language", "language_with_page"})
TRIAGE = frozenset({"two_issues", "one_issue", "long"})
ENTITIES = frozenset({"entities"})
TALK = frozenset({"dialogues", "conversations"})
ALL = MEANING | LANGUAGE | ENTITIES | TALK
SETS_OF_FILES: tuple[tuple[tuple[str, ...], frozenset[str]], ...] = (
    (("data/articles/", "bot/articles/"), TALK | {"articles"}),
    (("data/issues.yml",), MEANING | TALK | {"articles"}),
    (("data/entities.yml", "data/lexicon/", "bot/nlu/entit", "bot/nlu/models/entit"), ENTITIES),
    (("data/triage", "bot/nlu/triage", "bot/nlu/models/triage"), TRIAGE),
    (("bot/nlu/language", "bot/nlu/models/language"), LANGUAGE),
    (("bot/encoder/",), MEANING | {"retrieval"}),
    (("bot/nlu/", "bot/text/"), MEANING),
    (("data/replies/", "data/rules.yml", "domain.yml", "actions/", "bot/tickets/"), TALK),
    (("uv.lock",), ALL),
)
"""Beginnings of paths, and the sets whose answers such files can turn; the first that fits counts, others turn none."""
STATUS = {"A": "added", "D": "deleted"}
MOST_CELLS_NAMED = 4
NOT_COMMITTED = "not committed"


@dataclass(frozen=True)
class Change:
    """One change of the content, the configuration or the code."""

    commit: str
    """Short hash, or `not committed`."""
    subject: str
    description: str
    sets: frozenset[str]
    """The sets whose items it can turn."""
    path: str = ""
    """The file that was changed; empty for phrases."""
    cells: frozenset[str] = frozenset()
    """Of phrases, `language/intent`: only items in that language that are, or are taken for, that intent."""

    def concerns(self, pair: Pair) -> bool:
        """Tells whether the change can have turned an answer."""
        now, then = pair
        if now.set not in self.sets:
            return False
        if now.set == "articles" and self.path.startswith("data/articles/"):
            return self.path.endswith(now.text)
        if not self.cells or now.set in LANGUAGE:
            return not self.cells or self._has_cell(now.language)
        named = {then.got, now.best, *now.expected.split(" + "), *now.got.split(" + ")}
        return any(self._has_cell(f"{now.language}/{intent}") for intent in named)

    def concerns_loss(self, loss: Loss) -> bool:
        """Tells whether the change can have lost what the bot was made of."""
        return self._has_cell(loss.name) if loss.kind == PHRASES else self.path == loss.path

    def _has_cell(self, name: str) -> bool:
        """Tells whether phrases of a cell, or of a whole language, were changed."""
        return any(cell == name or cell.startswith(f"{name}/") for cell in self.cells)


def git(root: Path, *words: str) -> str:
    """Returns what git prints, stripped; empty if it fails, for one because there is no repository."""
    try:
        done = subprocess.run(["git", *words], cwd=root, capture_output=True, check=False)
    except FileNotFoundError:
        return ""
    return done.stdout.decode("utf8", errors="replace").strip() if done.returncode == 0 else ""


def find_commit(root: Path, name: str) -> str:
    """Returns the hash of a commit, branch or tag; empty where there is none of that name."""
    return git(root, "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}")


def is_dirty(root: Path) -> bool:
    """Tells whether anything that a model is made from has been changed and not committed."""
    return bool(git(root, "status", "--porcelain", "--", *WATCHED))


def base(root: Path, measured: str | None, baseline: Path) -> tuple[str, str]:
    """Returns the commit from which on changes are read, and a remark where it is not the one that was measured.

    Args:
        root: the project's folder.
        measured: the commit that the baseline was measured at.
        baseline: the baseline's file; where the history has been rewritten, the commit that wrote it is taken.
    """
    if measured and find_commit(root, measured):
        return measured, ""
    wrote = git(root, "log", "-1", "--format=%H", "--", str(baseline.resolve()))
    remark = f"The baseline's commit {str(measured)[:10]} is not in this clone"
    if not wrote:
        return "", f"{remark}, so that causes cannot be read; fetch the whole history."
    return wrote, f"{remark}; changes are read from {wrote[:10]} on, which wrote the baseline."


def age(root: Path, commit: str, finished_at: str) -> str:
    """Returns how old a baseline is, such as `12 commits and 3 days old`.

    Args:
        root: the project's folder.
        commit: as `base` returns it.
        finished_at: when the baseline was measured (ISO 8601).
    """
    days = counted((datetime.now(timezone.utc) - datetime.fromisoformat(finished_at)).days, "day")
    commits = git(root, "rev-list", "--count", f"{commit}..HEAD") if commit else ""
    return f"{counted(int(commits), 'commit')} and {days} old" if commits else f"{days} old"


def since(root: Path, commit: str) -> list[Change]:
    """Returns the changes since a commit, latest first; what is not committed comes before all.

    Args:
        root: the project's folder.
        commit: as `base` returns it.
    """
    if not commit:
        return []
    found = _changes(root, "HEAD", None, NOT_COMMITTED, "")
    for line in git(root, "log", "--no-merges", "--format=%H%x09%s", f"{commit}..HEAD", "--", *WATCHED).splitlines():
        full, _, subject = line.partition("\t")
        found += _changes(root, f"{full}^", full, full[:10], subject)
    return found


def between(root: Path, before: str | None, after: str | None) -> list[Change]:
    """Returns what differs between two commits, as one; nothing where one of them is not known."""
    return _changes(root, before, after, f"{before[:10]}..{after[:10]}", "") if before and after else []


def _changes(root: Path, before: str, after: str | None, commit: str, subject: str) -> list[Change]:
    """Returns the changes from one commit to another one; None for the files as they lie there."""
    commits = [before, after] if after else [before]
    listed = git(root, "diff", "--no-renames", "--name-status", *commits, "--", *WATCHED)
    had: dict[tuple[str, str], str] = {}
    has: dict[tuple[str, str], str] = {}
    others = []
    for status, path in (row.split("\t") for row in listed.splitlines()):
        if path.startswith("data/nlu/"):
            had |= _phrases(_read(root, before, path))
            has |= _phrases(_read(root, after, path))
        elif path == "config.yml":
            old, new = (settings(_read(root, side, path)) for side in (before, after))
            for key in sorted(key for key in {*old, *new} if old.get(key) != new.get(key)):
                told = f"config.yml: {key} changed from {old.get(key)} to {new.get(key)}"
                others.append(Change(commit, subject, told, ALL, path))
        elif sets := next((sets for starts, sets in SETS_OF_FILES if path.startswith(starts)), None):
            others.append(Change(commit, subject, f"{path} {STATUS.get(status, 'changed')}", sets, path))
    sets = MEANING | LANGUAGE | {"conversations"}
    phrases = [Change(commit, subject, told, sets, cells=cells) for told, cells in _phrase_changes(had, has)]
    return [*phrases, *others]


def _phrase_changes(
    had: dict[tuple[str, str], str], has: dict[tuple[str, str], str]
) -> Iterator[tuple[str, frozenset[str]]]:
    """Yields what happened to phrases, and to which cells.

    Args:
        had: (language, text) of the phrases before, with their intents.
        has: the same of the phrases now.
    """
    for what in ("removed", "relabelled", "added"):
        named: Counter[str] = Counter()
        cells = set()
        for language, text in {**had, **has}:
            old, new = had.get((language, text)), has.get((language, text))
            if old != new and what == ("added" if old is None else "removed" if new is None else "relabelled"):
                named[f"{f'from {old} to {new}' if old and new else old or new} in {language}"] += 1
                cells |= {f"{language}/{intent}" for intent in (old, new) if intent}
        if named:
            told = ", ".join(f"{name} ({count})" for name, count in named.most_common(MOST_CELLS_NAMED))
            more = f" and {len(named) - MOST_CELLS_NAMED} more" * (len(named) > MOST_CELLS_NAMED)
            yield f"{counted(named.total(), 'phrase')} {what}: {told}{more}", frozenset(cells)


def _phrases(content: dict[str, Any]) -> dict[tuple[str, str], str]:
    """Returns the phrases of an example file: (language, text) -> intent."""
    return {
        ((entry.get("metadata") or {}).get("language", ""), line.removeprefix("- ").strip()): entry["intent"]
        for entry in content.get("nlu") or []
        if "intent" in entry
        for line in entry.get("examples", "").splitlines()
    }


def _read(root: Path, commit: str | None, path: str) -> dict[str, Any]:
    """Returns a YAML file of a commit, or as it lies there; nothing for none, or for a broken one of an old commit."""
    if commit is not None:
        content = git(root, "show", f"{commit}:{path}")
    else:
        content = (root / path).read_text(encoding="utf8", errors="replace") if (root / path).is_file() else ""
    try:
        loaded = parse_yaml(content)
    except yaml.YAMLError:
        return {}
    return loaded if isinstance(loaded, dict) else {}
