"""What has changed since the baseline, read from git: phrases, labels, settings, articles, entity rules, code."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import yaml

from bot.regression.inventory import PHRASES, Loss
from bot.regression.items import Item
from bot.regression.measure import REFUSALS

WATCHED = ("config.yml", "domain.yml", "data", "bot", "actions", "uv.lock")
ABOUT_INTENTS = frozenset({"intents", "real_style", "robustness", "two_issues", "one_issue", "long"})
ABOUT_LANGUAGE = frozenset({"language", "language_with_page"})
MANY_INTENTS = 4
"""A removal from so many intents of one language is told as one of the language."""
NOT_COMMITTED = "not committed"

_INTENT = re.compile(r"^- intent: (\S+)")
_LANGUAGE = re.compile(r"^\s+language: (\S+)")
_PHRASE = re.compile(r"^\s+- (.+)$")
_OF_SET = {
    "Triage": frozenset({"two_issues", "one_issue", "long"}),
    "SpacyEntityRuler": frozenset({"entities"}),
    "LanguageIdentifier": ABOUT_LANGUAGE,
}

_Phrase = tuple[str, str, str]
"""Intent, language and text."""


@dataclass(frozen=True)
class Change:
    """One thing that somebody has changed."""

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
    """The file that was changed; of phrases, which are told by intent, empty."""

    def concerns(self, now: Item, then: Item) -> bool:
        """Tells whether the change can have turned an item's answer."""
        named = {now.expected, now.got, then.got, now.best, *now.expected.split(" + "), *now.got.split(" + ")}
        return (
            now.set in self.sets
            and (not self.intents or bool(named & self.intents) or now.set in ABOUT_LANGUAGE)
            and (not self.languages or now.language in self.languages)
            and (self.text is None or now.text == self.text)
            and (not self.refusals_only or now.got in REFUSALS or then.got in REFUSALS)
        )

    def concerns_loss(self, loss: Loss) -> bool:
        """Tells whether the change can have lost what the bot was made of."""
        if loss.kind != PHRASES:
            return self.path == loss.path
        named = loss.intent in self.intents if self.intents else loss.name.split("/")[0] in self.languages
        return not self.path and (named or not loss.intent)

    @property
    def breadth(self) -> int:
        """How much it could be blamed for: the narrower of two changes that explain as much is the likelier cause."""
        narrowing = [self.intents, self.languages, self.text, self.refusals_only]
        return -sum(bool(limit) for limit in narrowing)


def head(root: Path) -> str | None:
    """Returns the hash of the present commit; None outside a repository."""
    return (_git(root, "rev-parse", "--verify", "--quiet", "HEAD") or "").strip() or None


def subject(root: Path, commit: str) -> str:
    """Returns the first line of a commit's message; empty outside a repository."""
    return (_git(root, "log", "-1", "--format=%s", commit) or "").strip()


def is_dirty(root: Path) -> bool:
    """Tells whether anything that a model is made from has been changed and not committed."""
    return bool((_git(root, "status", "--porcelain", "--", *WATCHED) or "").strip())


def since(root: Path, commit: str | None) -> list[Change]:
    """Returns what has changed since a commit, latest first; what is not committed comes before all.

    Args:
        root: the project's folder.
        commit: as `base` returns it.
    """
    if commit is None:
        return []
    told = _git(root, "log", "--no-merges", "--format=%H%x09%s", f"{commit}..HEAD", "--", *WATCHED) or ""
    found = list(_changes(root, "HEAD", None, NOT_COMMITTED, "")) if is_dirty(root) else []
    for line in told.splitlines():
        full, _, first_line = line.partition("\t")
        found += _changes(root, f"{full}^", full, full[:10], first_line)
    return found


def base(root: Path, measured: str | None, baseline: Path) -> tuple[str | None, str]:
    """Returns the commit from which on changes are read, and a remark where it is not the one that was measured.

    Args:
        root: the project's folder.
        measured: the commit that the baseline was measured at.
        baseline: the baseline's file; where the history has been rewritten, the commit that wrote it is taken.
    """
    if measured and _git(root, "cat-file", "-e", f"{measured}^{{commit}}") is not None:
        return measured, ""
    wrote = (_git(root, "log", "-1", "--format=%H", "--", str(baseline.resolve())) or "").strip()
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
    counted = (_git(root, "rev-list", "--count", f"{commit}..HEAD") or "").strip() if commit else ""
    told = [f"{counted} commit{'s' * (counted != '1')}"] * bool(counted) + [f"{days} day{'s' * (days != 1)}"]
    return f"{' and '.join(told)} old"


def between(root: Path, before: str | None, after: str | None) -> list[Change]:
    """Returns what differs between two commits, as one; nothing where one of them is not known."""
    if before is None or after is None or before == after:
        return []
    return list(_changes(root, before, after, f"{before[:10]}..{after[:10]}", ""))


def _changes(root: Path, before: str, after: str | None, name: str, first_line: str) -> Iterator[Change]:
    """Yields the changes between a commit and another one, None for the files as they lie there."""
    between = [before, after] if after else [before]
    listed = _git(root, "diff", "--no-renames", "--numstat", "-z", *between, "--", *WATCHED) or ""
    rows = [row.split("\t") for row in listed.split("\0") if row]
    phrases = [path for _, _, path in rows if path.startswith("data/nlu/") and path.endswith(".yml")]
    yield from _phrase_changes(root, before, after, phrases, name, first_line)
    for added, removed, path in rows:
        if path in phrases:
            continue
        if path == "config.yml":
            yield from _setting_changes(_read(root, before, path), _read(root, after, path), name, first_line)
            continue
        sets = _sets_of(path)
        if not sets:
            continue
        if path.startswith("data/articles/"):
            what = "changed" if _read(root, after, path) else "deleted"
            told = f"the article {path} {what}"
            yield Change(name, first_line, told, sets, text=path.removeprefix("data/articles/"), path=path)
            continue
        diff = _git(root, "diff", "--unified=0", *between, "--", path) or ""
        lines = [line for line in diff.splitlines() if line[:1] in "+-" and line[:3] not in ("+++", "---")]
        shown = f": {lines[0][:100]}" if lines else ""
        yield Change(name, first_line, f"{path} changed (+{added} -{removed}){shown}", sets, path=path)


def _phrase_changes(
    root: Path, before: str, after: str | None, paths: list[str], name: str, first_line: str
) -> Iterator[Change]:
    had = Counter(phrase for path in paths for phrase in _phrases(_read(root, before, path)))
    has = Counter(phrase for path in paths for phrase in _phrases(_read(root, after, path)))
    lost, gained = list((had - has).elements()), list((has - had).elements())
    new_label = {(language, text): intent for intent, language, text in gained}
    moved = [(phrase, new_label[phrase[1:]]) for phrase in lost if phrase[1:] in new_label]
    for pair, count in Counter((phrase[0], label) for phrase, label in moved).most_common():
        spoken = frozenset(phrase[1] for phrase, label in moved if (phrase[0], label) == pair)
        told = f"{_phrases_told(count)} relabelled from {pair[0]} to {pair[1]} ({', '.join(sorted(spoken))})"
        yield Change(name, first_line, told, intents=frozenset(pair), languages=spoken)
    gone = {phrase for phrase, _ in moved}
    moved_texts = {phrase[1:] for phrase in gone}
    removed = [phrase for phrase in lost if phrase not in gone]
    left = _left(root, after) if removed else set()
    yield from _added_or_removed(removed, "removed", left, name, first_line)
    yield from _added_or_removed([p for p in gained if p[1:] not in moved_texts], "added", set(), name, first_line)


def _added_or_removed(
    phrases: list[_Phrase], what: str, left: set[str], name: str, first_line: str
) -> Iterator[Change]:
    whole: set[str] = set()
    for language in sorted({phrase[1] for phrase in phrases}):
        intents = frozenset(phrase[0] for phrase in phrases if phrase[1] == language)
        if len(intents) >= MANY_INTENTS:
            whole.add(language)
            count = sum(phrase[1] == language for phrase in phrases)
            every = "all " if what == "removed" and language not in left else ""
            told = f"{every}{_phrases_told(count)} in {language} {what}, of {len(intents)} intents"
            sets = ABOUT_INTENTS | ABOUT_LANGUAGE
            yield Change(name, first_line, told, sets, languages=frozenset({language}))
    rest = [phrase for phrase in phrases if phrase[1] not in whole]
    for intent, count in Counter(phrase[0] for phrase in rest).most_common():
        spoken = Counter(phrase[1] for phrase in rest if phrase[0] == intent)
        by_language = ", ".join(f"{language} {number}" for language, number in sorted(spoken.items()))
        every = "all " if what == "removed" and intent not in left else ""
        told = f"{every}{_phrases_told(count)} of {intent} {what} ({by_language})"
        yield Change(name, first_line, told, intents=frozenset({intent}))


def _left(root: Path, commit: str | None) -> set[str]:
    """Returns the intents and the languages that have phrases in a commit, or now."""
    tree = ["ls-tree", "-r", "--name-only", commit] if commit else ["ls-files", "--cached", "--others"]
    paths = (_git(root, *tree, "data/nlu") or "").splitlines()
    phrases = [phrase for path in paths for phrase in _phrases(_read(root, commit, path))]
    return {intent for intent, _, _ in phrases} | {language for _, language, _ in phrases}


def _setting_changes(before: str, after: str, name: str, first_line: str) -> Iterator[Change]:
    had, has = _settings(before), _settings(after)
    for key in sorted({*had, *has}):
        if had.get(key) != has.get(key):
            component = key.split(".")[0]
            refusals = "threshold" in key and component in {"FallbackClassifier", "RulePolicy"}
            told = f"config.yml: {key} changed from {had.get(key)} to {has.get(key)}"
            sets = _OF_SET.get(component, ABOUT_INTENTS)
            yield Change(name, first_line, told, sets, refusals_only=refusals, path="config.yml")


def _settings(content: str) -> dict[str, Any]:
    """Returns the settings of a configuration by `Component.key`."""
    loaded = yaml.safe_load(content or "{}") or {}
    found: dict[str, Any] = {}
    for group in ("importers", "pipeline", "policies"):
        for component in loaded.get(group) or []:
            name = str(component["name"]).rsplit(".", 1)[-1]
            found |= {f"{name}.{key}": value for key, value in component.items() if key != "name"}
            found[name] = "there"
    return found


def _sets_of(path: str) -> frozenset[str]:
    """Returns the sets whose items a file can turn; none for what the bot's understanding does not depend on."""
    told: Mapping[str, frozenset[str]] = {
        "data/articles/": frozenset({"articles", "dialogues"}),
        "data/entities.yml": frozenset({"entities"}),
        "bot/nlu/entit": frozenset({"entities"}),
        "bot/nlu/language": ABOUT_LANGUAGE,
        "bot/nlu/triage": frozenset({"two_issues", "one_issue", "long"}),
        "data/triage": frozenset({"two_issues", "one_issue", "long"}),
        "bot/nlu/": ABOUT_INTENTS,
        "bot/encoder/": ABOUT_INTENTS | {"retrieval"},
        "data/issues.yml": ABOUT_INTENTS | {"articles", "dialogues"},
        "bot/articles/": frozenset({"articles", "dialogues"}),
        "actions/": frozenset({"dialogues"}),
        "data/replies/": frozenset({"dialogues"}),
        "data/rules.yml": frozenset({"dialogues"}),
        "domain.yml": frozenset({"dialogues"}),
        "bot/tickets/": frozenset({"dialogues"}),
        "uv.lock": ABOUT_INTENTS | ABOUT_LANGUAGE | {"entities", "dialogues"},
    }
    return next((sets for start, sets in told.items() if path.startswith(start)), frozenset())


def _phrases(content: str) -> Iterator[_Phrase]:
    """Yields the phrases of an example file; read line by line, for old versions may be broken."""
    intent = language = ""
    for line in content.splitlines():
        if match := _INTENT.match(line):
            intent, language = match[1], ""
        elif match := _LANGUAGE.match(line):
            language = match[1]
        elif match := _PHRASE.match(line):
            yield intent, language, match[1].strip()


def _phrases_told(count: int) -> str:
    return f"{count} phrase{'' if count == 1 else 's'}"


def _read(root: Path, commit: str | None, path: str) -> str:
    """Returns a file as it was in a commit, or as it lies there; empty where there is none."""
    if commit is not None:
        return _git(root, "show", f"{commit}:{path}") or ""
    file = root / path
    return file.read_text(encoding="utf8", errors="replace") if file.is_file() else ""


def _git(root: Path, *words: str) -> str | None:
    """Returns what git prints; None if it fails, for one because there is no repository."""
    try:
        done = subprocess.run(["git", *words], cwd=root, capture_output=True, check=False)
    except FileNotFoundError:
        return None
    return done.stdout.decode("utf8", errors="replace") if done.returncode == 0 else None
