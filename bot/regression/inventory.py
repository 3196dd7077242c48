"""Counts what the bot is made of (phrases, rules, steps and links of articles), and finds what a run has lost of it.

A loss fails a run whatever the accuracy says: fewer of a kind (of phrases, more than a share is tolerated), and a
threshold that moved, up or down. Held-out phrases do not notice that an answer lost its steps, or that a language
learns from what is left of its phrases.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.articles.examples import read_examples
from bot.articles.issues import load_issues
from bot.articles.model import ArticleError, walk
from bot.articles.readers import read_article
from bot.regression.items import Inventory, RegressionError
from bot.text.yaml_files import read_yaml

PHRASES, STEPS, LINKS, RULES, THRESHOLDS = "phrases", "steps", "links", "rules", "thresholds"
_THRESHOLD = re.compile(r"\..*(threshold|confidence|candidates)")


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
        """The file where it was lost, from the project's root; of an article where it is not one of these."""
        return {RULES: "data/rules.yml", THRESHOLDS: "config.yml"}.get(self.kind, f"data/articles/{self.name}.md")

    def __str__(self) -> str:
        now = "none" if self.now is None else f"{self.now:g}"
        language, _, intent = self.name.partition("/")
        return {
            PHRASES: f"phrases{f' of {intent}' if intent else ''} in {language}: {self.then:g} → {now}",
            RULES: f"the rule for {self.name} is gone",
            THRESHOLDS: f"config.yml: {self.name} moved from {self.then:g} to {now}",
        }.get(self.kind, f"{self.kind} of the article {self.name}: {self.then:g} → {now}")


def take_inventory(root: Path) -> Inventory:
    """Counts what lies in a project's folder.

    Args:
        root: the folder that holds `config.yml` and `data`.

    Raises:
        RegressionError: a file cannot be read; the message says which.
    """
    data = root / "data"
    try:
        examples = read_examples(data / "nlu")
        paths = sorted((data / "articles").glob("*/*.md"))
        articles = {f"{path.parent.name}/{path.stem}": read_article(path, salvage=True) for path in paths}
        # The importer makes a rule for each issue.
        rules = [*_rules(data / "rules.yml"), *(f"intent {intent}" for intent in load_issues(data / "issues.yml"))]
        config = settings(read_yaml(root / "config.yml", ValueError))
        numbers = [(name, value) for name, value in config.items() if type(value) in (int, float)]
        return {
            PHRASES: _counts(name for e in examples for name in (f"{e.language}/{e.intent}", e.language)),
            STEPS: {name: len(list(walk(article.steps))) for name, article in articles.items()},
            LINKS: {name: len(article.links) for name, article in articles.items()},
            RULES: _counts(rules),
            THRESHOLDS: {name: value for name, value in numbers if _THRESHOLD.search(name)},
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
    lost = []
    for kind, counts in then.items():
        for name, before in counts.items():
            after = now.get(kind, {}).get(name)
            least = (1 - most_phrases_lost) * before if kind == PHRASES else before
            if after != before if kind == THRESHOLDS else (after or 0.0) < least:
                lost.append(Loss(kind, name, before, after))
    whole = {loss.name for loss in lost if loss.kind == PHRASES and "/" not in loss.name}
    return [loss for loss in lost if loss.kind != PHRASES or loss.name in whole or loss.name.split("/")[0] not in whole]


def settings(config: Mapping[str, Any]) -> dict[str, Any]:
    """Returns the settings of `config.yml` by `Component.key`.

    Args:
        config: the file's content.
    """
    components = [one for group in ("importers", "pipeline", "policies") for one in config.get(group) or []]
    return {name: value for one in components for name, value in _flat(one, str(one["name"]).rsplit(".", 1)[-1])}


def _flat(value: Any, name: str) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _flat(inner, f"{name}.{key}")
    else:
        yield name, value


def _counts(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items()))


def _rules(path: Path) -> Iterator[str]:
    """Yields what triggers each rule: its condition and its first step. A rule's name may change, its actions, too."""
    for rule in (read_yaml(path, ValueError) or {}).get("rules") or []:
        first = (rule.get("steps") or [{}])[0]
        for alternative in first.get("or", [first]):
            yield " and ".join(map(_as_words, [*(rule.get("condition") or []), alternative]))


def _as_words(value: Any) -> str:
    """Returns a condition or step as words: `intent greet`, `active_loop ticket_form`."""
    if isinstance(value, dict):
        return " ".join(f"{key} {_as_words(inner)}" for key, inner in value.items())
    return ", ".join(map(_as_words, value)) if isinstance(value, list) else str(value)
