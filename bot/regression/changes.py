"""The changes since the baseline, as git and the structure of the data tell them: phrases, settings, articles, code."""

from __future__ import annotations

import re
import subprocess
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import yaml

from bot.regression.inventory import PHRASES, Loss, settings
from bot.regression.items import Pair
from bot.regression.measure import REFUSALS
from bot.text.yaml_files import parse_yaml

WATCHED = ("config.yml", "domain.yml", "data", "bot", "actions", "uv.lock")
ABOUT_INTENTS = frozenset({"intents", "real_style", "robustness", "two_issues", "one_issue", "long"})
ABOUT_LANGUAGE = frozenset({"language", "language_with_page"})
ABOUT_TRIAGE = frozenset({"two_issues", "one_issue", "long"})
ENTITIES, DIALOGUES = frozenset({"entities"}), frozenset({"dialogues"})
SETS_OF_FILES = {
    "data/articles/": DIALOGUES | {"articles"},
    "data/entities.yml": ENTITIES,
    "data/triage": ABOUT_TRIAGE,
    "data/issues.yml": ABOUT_INTENTS | DIALOGUES | {"articles"},
    "data/replies/": DIALOGUES,
    "data/rules.yml": DIALOGUES,
    "bot/nlu/entit": ENTITIES,
    "bot/nlu/models/entit": ENTITIES,
    "bot/nlu/language": ABOUT_LANGUAGE,
    "bot/nlu/models/language": ABOUT_LANGUAGE,
    "bot/nlu/triage": ABOUT_TRIAGE,
    "bot/nlu/models/triage": ABOUT_TRIAGE,
    "bot/nlu/": ABOUT_INTENTS,
    "bot/encoder/": ABOUT_INTENTS | {"retrieval"},
    "bot/articles/": DIALOGUES | {"articles"},
    "bot/tickets/": DIALOGUES,
    "actions/": DIALOGUES,
    "domain.yml": DIALOGUES,
    "uv.lock": ABOUT_INTENTS | ABOUT_LANGUAGE | ENTITIES | DIALOGUES,
}
"""Beginning of a path -> the sets whose answers it can turn; the first that fits counts. Other paths turn none."""
SETS_OF_COMPONENTS = {
    "Triage": ABOUT_TRIAGE,
    "SpacyEntityRuler": ENTITIES,
    "LanguageIdentifier": ABOUT_LANGUAGE,
}
MANY_INTENTS = 4
"""Phrases added or removed of so many intents of one language are told as one change of the language."""
NOT_COMMITTED = "not committed"

Phrase = tuple[str, str, str]
"""Intent, language and text of a training phrase."""


@dataclass(frozen=True)
class Change:
    """One change of the content, the configuration or the code."""

    commit: str
    """Short hash, or `not committed`."""
    subject: str
    description: str
    sets: frozenset[str] = ABOUT_INTENTS
    """The sets whose items it can turn."""
    intents: frozenset[str] = frozenset()
    """Only items that are, or are taken for, one of these; empty for all."""
    languages: frozenset[str] = frozenset()
    """Only items in these languages; empty for all."""
    text: str | None = None
    """Only the item with this text."""
    refusals_only: bool = False
    """Only items that are refused now, or were before."""
    path: str = ""
    """The file that was changed; empty for phrases, which are told by intent."""

    def concerns(self, pair: Pair) -> bool:
        """Tells whether the change can have turned an answer."""
        now, then = pair
        named = {now.expected, now.got, then.got, now.best, *now.expected.split(" + "), *now.got.split(" + ")}
        return (
            now.set in self.sets
            and (not self.intents or bool(named & self.intents) or now.set in ABOUT_LANGUAGE)
            and (not self.languages or now.language in self.languages)
            and self.text in (None, now.text)
            and (not self.refusals_only or not REFUSALS.isdisjoint({now.got, then.got}))
        )

    def concerns_loss(self, loss: Loss) -> bool:
        """Tells whether the change can have lost what the bot was made of."""
        if self.path or loss.kind != PHRASES:
            return self.path == loss.path
        return not loss.intent or (loss.intent in self.intents if self.intents else loss.language in self.languages)

    @property
    def narrowness(self) -> int:
        """The number of limits: of two changes that explain as much, the narrower is the likelier cause."""
        return sum(map(bool, (self.intents, self.languages, self.text, self.refusals_only)))


def head(root: Path) -> str | None:
    """Returns the hash of the present commit; None outside a repository."""
    return (git(root, "rev-parse", "--verify", "--quiet", "HEAD") or "").strip() or None


def subject(root: Path, commit: str) -> str:
    """Returns the first line of a commit's message; empty outside a repository."""
    return (git(root, "log", "-1", "--format=%s", commit) or "").strip()


def is_dirty(root: Path) -> bool:
    """Tells whether anything that a model is made from has been changed and not committed."""
    return bool((git(root, "status", "--porcelain", "--", *WATCHED) or "").strip())


def base(root: Path, measured: str | None, baseline: Path) -> tuple[str | None, str]:
    """Returns the commit from which on changes are read, and a remark where it is not the one that was measured.

    Args:
        root: the project's folder.
        measured: the commit that the baseline was measured at.
        baseline: the baseline's file; where the history has been rewritten, the commit that wrote it is taken.
    """
    if measured and git(root, "cat-file", "-e", f"{measured}^{{commit}}") is not None:
        return measured, ""
    wrote = (git(root, "log", "-1", "--format=%H", "--", str(baseline.resolve())) or "").strip()
    remark = f"The baseline's commit {str(measured)[:10]} is not in this clone"
    if not wrote:
        return None, f"{remark}, so that causes cannot be read; fetch the whole history."
    return wrote, f"{remark}; changes are read from {wrote[:10]} on, which wrote the baseline."


def age(root: Path, commit: str | None, finished_at: str) -> str:
    """Returns how old a baseline is, such as `12 commits and 3 days old`.

    Args:
        root: the project's folder.
        commit: the commit from which on changes are read; None outside a repository.
        finished_at: when the baseline was measured (ISO 8601).
    """
    days = (datetime.now(timezone.utc) - datetime.fromisoformat(finished_at)).days
    commits = (git(root, "rev-list", "--count", f"{commit}..HEAD") or "").strip() if commit else ""
    counted = {"commit": commits, "day": str(days)}
    told = [f"{count} {unit}{'s' * (count != '1')}" for unit, count in counted.items() if count]
    return f"{' and '.join(told)} old"


def since(root: Path, commit: str | None) -> list[Change]:
    """Returns the changes since a commit, latest first; what is not committed comes before all.

    Args:
        root: the project's folder.
        commit: as `base` returns it.
    """
    if commit is None:
        return []
    found = list(_changes(root, ("HEAD", None), NOT_COMMITTED)) if is_dirty(root) else []
    log = git(root, "log", "--no-merges", "--format=%H%x09%s", f"{commit}..HEAD", "--", *WATCHED) or ""
    for line in log.splitlines():
        full, _, first_line = line.partition("\t")
        found += _changes(root, (f"{full}^", full), full[:10], first_line)
    return found


def between(root: Path, before: str | None, after: str | None) -> list[Change]:
    """Returns what differs between two commits, as one; nothing where one of them is not known."""
    if before is None or after is None or before == after:
        return []
    return list(_changes(root, (before, after), f"{before[:10]}..{after[:10]}"))


def _changes(root: Path, commits: tuple[str, str | None], name: str, first_line: str = "") -> Iterator[Change]:
    """Yields the changes from one commit to another one, None for the files as they lie there."""
    listed = git(root, "diff", "--no-renames", "--numstat", "-z", *filter(None, commits), "--", *WATCHED) or ""
    had, has = Counter[Phrase](), Counter[Phrase]()
    others = []
    for added, removed, path in (row.split("\t") for row in listed.split("\0") if row):
        if path.startswith("data/nlu/") and path.endswith(".yml"):
            before, after = (_read(root, commit, path) for commit in commits)
            had.update(_phrases(before))
            has.update(_phrases(after))
        elif path == "config.yml":
            both = (settings(_yaml(_read(root, commit, path))) for commit in commits)
            others += [Change(name, first_line, path=path, **fields) for fields in _setting_changes(*both)]
        elif sets := next((sets for start, sets in SETS_OF_FILES.items() if path.startswith(start)), None):
            text = path.removeprefix("data/articles/") if path.startswith("data/articles/") else None
            diff = git(root, "diff", "--unified=0", *filter(None, commits), "--", path) or ""
            lines = [f": {line[:100]}" for line in diff.splitlines() if re.match(r"[+-](?!\+\+|--)", line)]
            told = f"changed (+{added} -{removed}){''.join(lines[:1])}" if _read(root, commits[1], path) else "deleted"
            others.append(Change(name, first_line, f"{path} {told}", sets, text=text, path=path))
    for fields in _phrase_changes(had - has, has - had):
        yield Change(name, first_line, **fields)
    yield from others


def _phrases(content: str) -> Iterator[Phrase]:
    """Yields the phrases of an example file."""
    for entry in _yaml(content).get("nlu") or []:
        language = (entry.get("metadata") or {}).get("language", "")
        for line in entry.get("examples", "").splitlines() if "intent" in entry else []:
            yield entry["intent"], language, line.removeprefix("- ").strip()


def _phrase_changes(lost: Counter[Phrase], gained: Counter[Phrase]) -> Iterator[dict[str, Any]]:
    """Yields what happened to phrases, most of them first, as fields of `Change`.

    Args:
        lost: phrases that are not there any more.
        gained: phrases that are new.
    """
    old = {phrase[1:] for phrase in lost}
    new = {(language, text): intent for intent, language, text in gained}
    changed = [("added", frozenset({phrase[0]}), phrase[1]) for phrase in gained.elements() if phrase[1:] not in old]
    for intent, language, text in lost.elements():
        other = new.get((language, text))
        what = f"relabelled from {intent} to {other}" if other else "removed"
        changed.append((what, frozenset(filter(None, (intent, other))), language))
    intents_of: dict[tuple[str, str], set[frozenset[str]]] = defaultdict(set)
    for what, intents, language in changed:
        intents_of[what, language].add(intents)
    many = {key for key, intents in intents_of.items() if len(intents) >= MANY_INTENTS}
    groups: dict[tuple[str, frozenset[str], str], Counter[str]] = defaultdict(Counter)
    for what, intents, language in changed:
        key = (what, frozenset(), language) if (what, language) in many else (what, intents, "")
        groups[key][language] += 1
    for (what, intents, language), counts in sorted(groups.items(), key=lambda group: -group[1].total()):
        count = f"{counts.total()} phrase{'s' * (counts.total() != 1)}"
        by_language = ", ".join(f"{spoken} {number}" for spoken, number in sorted(counts.items()))
        if language:
            told = f"{count} in {language} {what}, of {len(intents_of[what, language])} intents"
            yield {"description": told, "sets": ABOUT_INTENTS | ABOUT_LANGUAGE, "languages": frozenset({language})}
        elif len(intents) > 1:
            yield {"description": f"{count} {what} ({by_language})", "intents": intents, "languages": frozenset(counts)}
        else:
            yield {"description": f"{count} of {min(intents)} {what} ({by_language})", "intents": intents}


def _setting_changes(had: dict[str, Any], has: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for key in sorted({*had, *has}):
        if had.get(key) != has.get(key):
            component = key.split(".")[0]
            yield {
                "description": f"config.yml: {key} changed from {had.get(key)} to {has.get(key)}",
                "sets": SETS_OF_COMPONENTS.get(component, ABOUT_INTENTS),
                "refusals_only": "threshold" in key and component in {"FallbackClassifier", "RulePolicy"},
            }


def _yaml(content: str) -> dict[str, Any]:
    """Returns the content of a YAML file; nothing for a broken one, as old commits may hold."""
    try:
        loaded = parse_yaml(content)
    except yaml.YAMLError:
        return {}
    return loaded if isinstance(loaded, dict) else {}


def _read(root: Path, commit: str | None, path: str) -> str:
    """Returns a file as it was in a commit, or as it lies there; empty where there is none."""
    if commit is not None:
        return git(root, "show", f"{commit}:{path}") or ""
    file = root / path
    return file.read_text(encoding="utf8", errors="replace") if file.is_file() else ""


def git(root: Path, *words: str) -> str | None:
    """Returns what git prints; None if it fails, for one because there is no repository."""
    try:
        done = subprocess.run(["git", *words], cwd=root, capture_output=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout.decode("utf8", errors="replace") if done.returncode == 0 else None
