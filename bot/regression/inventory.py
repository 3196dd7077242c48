"""Counts what the bot is made of: phrases, steps and links of articles, rules, thresholds.

Less of them fails a run whatever the accuracy says: held-out phrases do not notice that an answer lost its steps, or
that a language learns from what is left of its phrases.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.articles.examples import read_examples
from bot.articles.issues import load_issues
from bot.articles.model import ArticleError, Step
from bot.articles.readers import read_article
from bot.regression.items import RegressionError
from bot.text.yaml_files import read_yaml

Inventory = Mapping[str, Mapping[str, float]]
"""Kind -> name -> count, or the value of a threshold."""

PHRASES, STEPS, LINKS, RULES, THRESHOLDS = "phrases", "steps", "links", "rules", "thresholds"
_THRESHOLD = re.compile(r"threshold|confidence|candidates")


class _InventoryError(ValueError):
    """A file cannot be counted."""


@dataclass(frozen=True)
class Loss:
    """One count that fell, or one threshold that moved."""

    kind: str
    name: str
    """`sv/refund_request`, `sv` for a whole language, `card_declined/nb`, a rule's trigger, `Component.key`."""
    then: float
    now: float | None
    """None: it is not there any more."""

    @property
    def path(self) -> str:
        """The file or folder where it was lost, from the project's root."""
        if self.kind == PHRASES:
            return f"data/nlu/{self.name.split('/')[0]}/"
        if self.kind in {STEPS, LINKS}:
            return f"data/articles/{self.name}.md"
        return "data/rules.yml" if self.kind == RULES else "config.yml"

    @property
    def intent(self) -> str:
        """The intent whose phrases were lost; empty for a whole language and for other kinds."""
        return self.name.partition("/")[2] if self.kind == PHRASES else ""

    def __str__(self) -> str:
        now = "none" if self.now is None else f"{self.now:g}"
        if self.kind == PHRASES:
            language, _, intent = self.name.partition("/")
            return f"phrases{' of ' * bool(intent)}{intent} in {language}: {self.then:g} → {now}"
        if self.kind == RULES:
            return f"the rule for {self.name} is gone"
        if self.kind == THRESHOLDS:
            return f"config.yml: {self.name} moved from {self.then:g} to {now}"
        return f"{self.kind} of the article {self.name}: {self.then:g} → {now}"


def take_inventory(root: Path) -> dict[str, dict[str, float]]:
    """Counts what lies in a project's folder.

    Args:
        root: the folder that holds `config.yml` and `data`.

    Raises:
        RegressionError: a file cannot be read; the message says which.
    """
    try:
        steps, links = _articles(root / "data" / "articles")
        return {
            PHRASES: _phrases(root / "data" / "nlu"),
            STEPS: steps,
            LINKS: links,
            RULES: _counted([*_rules(root / "data"), *_issue_rules(root / "data" / "issues.yml")]),
            THRESHOLDS: dict(_thresholds(root / "config.yml")),
        }
    except (ArticleError, ValueError, OSError) as error:
        raise RegressionError(f"what the bot is made of cannot be counted: {error}") from error


def losses(now: Inventory, then: Inventory, most_phrases_lost: float) -> list[Loss]:
    """Returns what fell by more than is allowed; the phrases of a language as one loss where all of it fell.

    Args:
        now: what was counted in this run.
        then: what was counted when the baseline was accepted; a kind that it lacks is not compared.
        most_phrases_lost: the share, 0-1, by which the phrases of an issue in a language, or of a language, may fall.
            Nothing else may fall at all, and no threshold may move.
    """
    found = [
        Loss(kind, name, before, now.get(kind, {}).get(name))
        for kind, counts in then.items()
        for name, before in counts.items()
    ]
    lost = [loss for loss in found if _is_lost(loss, most_phrases_lost)]
    whole = {loss.name for loss in lost if loss.kind == PHRASES and not loss.intent}
    return [loss for loss in lost if not (loss.intent and loss.name.split("/")[0] in whole)]


def _is_lost(loss: Loss, most_phrases_lost: float) -> bool:
    if loss.kind == THRESHOLDS:
        return loss.now != loss.then
    if loss.kind == PHRASES:
        return (loss.now or 0.0) < (1 - most_phrases_lost) * loss.then
    return (loss.now or 0.0) < loss.then


def _phrases(folder: Path) -> dict[str, float]:
    examples = read_examples(folder)
    return _counted([name for e in examples for name in (f"{e.language}/{e.intent}", e.language)])


def _counted(names: list[str]) -> dict[str, float]:
    return {name: float(count) for name, count in sorted(Counter(names).items())}


def _articles(folder: Path) -> tuple[dict[str, float], dict[str, float]]:
    """Returns the steps, sub-steps included, and the links of each article, by `intent/language`."""
    steps: dict[str, float] = {}
    links: dict[str, float] = {}
    for path in sorted(folder.glob("*/*.md")):
        article = read_article(path, salvage=True)
        name = f"{path.parent.name}/{path.stem}"
        steps[name] = float(sum(map(_with_substeps, article.steps)))
        links[name] = float(len(article.links))
    return steps, links


def _with_substeps(step: Step) -> int:
    return 1 + sum(map(_with_substeps, step.steps))


def _rules(folder: Path) -> Iterator[str]:
    """Yields what triggers each rule: its condition and its first step. A rule's name may change, its actions, too."""
    for path in sorted(folder.glob("*.yml")):
        content = read_yaml(path, _InventoryError)
        for rule in (content.get("rules") or []) if isinstance(content, dict) else []:
            first = (rule.get("steps") or [{}])[0]
            for alternative in first.get("or", [first]):
                yield " and ".join(map(_told, [*(rule.get("condition") or []), alternative]))


def _issue_rules(table: Path) -> Iterator[str]:
    """Yields the triggers of the rules that the importer makes, one an issue."""
    yield from (f"intent {intent}" for intent in load_issues(table))


def _told(value: Any) -> str:
    """Returns a condition or step as words: `intent greet`, `active_loop ticket_form`."""
    if isinstance(value, dict):
        return " ".join(f"{key} {_told(inner)}" for key, inner in value.items())
    return ", ".join(map(_told, value)) if isinstance(value, list) else str(value)


def _thresholds(config: Path) -> Iterator[tuple[str, float]]:
    """Yields the numbers in the configuration that decide what is answered, asked or refused."""
    content = read_yaml(config, _InventoryError) or {}
    for component in [*(content.get("pipeline") or []), *(content.get("policies") or [])]:
        name = str(component["name"]).rsplit(".", 1)[-1]
        for key, value in _numbers(component):
            if _THRESHOLD.search(key):
                yield f"{name}.{key}", value


def _numbers(settings: Mapping[str, Any], start: str = "") -> Iterator[tuple[str, float]]:
    for key, value in settings.items():
        if isinstance(value, dict):
            yield from _numbers(value, f"{start}{key}.")
        elif isinstance(value, int | float) and not isinstance(value, bool):
            yield f"{start}{key}", float(value)
