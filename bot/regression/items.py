"""Results of a run, the baseline that they are compared with, answer by answer, and the files that keep them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, NamedTuple

from bot.files import write_whole

FORMAT = 2
REVIEWED = "reviewed"
"""The set of real messages that reviewers keep for measuring. It is on one machine only and loses what gets too old, so
that no baseline has it."""
REMEDY = "restore it from git, or make a new one with `python -m bot regression accept`"
Answer = int | list[Any]
"""Right, got (None: as expected), confidence, best, but no None at the end; a number where only right is left."""
Inventory = Mapping[str, Mapping[str, float]]
"""Parts that the bot is made of: kind -> name -> count, or the value of a threshold."""


class RegressionError(ValueError):
    """The run cannot give a verdict; the message says why and what to do."""


@dataclass(frozen=True)
class Item:
    """One thing that was asked of the bot, and its answer."""

    set: str
    """The set that it belongs to: intents, language, entities, robustness, two_issues, ..."""
    part: str
    """The part of the set: the change to a phrase, a test's file; empty where a set has no parts."""
    language: str
    text: str
    expected: str
    got: str
    right: bool
    confidence: float | None = None
    """Confidence of the best intent, 0-1."""
    best: str | None = None
    """The best intent that is not the fallback, where it differs from `got`."""

    @property
    def key(self) -> str:
        """The hash that a baseline knows it by; a phrase that is expected to mean something else now is another one."""
        question = "\t".join([self.set, self.part, self.language, self.expected, self.text])
        return hashlib.sha256(question.encode()).hexdigest()[:12]

    @property
    def answer(self) -> Answer:
        """The answer as a baseline keeps it."""
        values = [int(self.right), None if self.got == self.expected else self.got, self.confidence, self.best]
        while values[-1] is None:
            values.pop()
        return values if len(values) > 1 else int(self.right)


class Pair(NamedTuple):
    """The answers to the same question now and when the baseline was measured."""

    now: Item
    then: Item

    def as_dict(self) -> dict[str, Any]:
        """Returns the answer now, with what it was then."""
        return {**asdict(self.now), "got_then": self.then.got, "confidence_then": self.then.confidence}


@dataclass(frozen=True)
class Result:
    """All that a run has measured."""

    about: dict[str, Any]
    """When, of which commit and model, with which versions."""
    items: Sequence[Item]
    numbers: Mapping[str, float] = field(default_factory=dict)
    """Measured figures that do not consist of items: ratios to Rasa's starter bot."""
    seconds: Mapping[str, float] = field(default_factory=dict)
    """Seconds that each step took."""
    inventory: Inventory = field(default_factory=dict)

    def of(self, name: str) -> list[Item]:
        """Returns the items of a set."""
        return [item for item in self.items if item.set == name]

    def write(self, path: Path) -> None:
        """Writes all of it as JSON."""
        write_whole(path, json.dumps({"format": FORMAT, **asdict(self)}, ensure_ascii=False))


@dataclass(frozen=True)
class Baseline:
    """The accepted result that a run is compared with, answer by answer."""

    about: Mapping[str, Any]
    figures: Mapping[str, float]
    """Not compared with: they show in git what accepting has changed."""
    numbers: Mapping[str, float]
    counts: Mapping[str, int]
    """Number of items, by `set/language`."""
    inventory: Inventory
    """Inventory of the bot at that time."""
    items: Mapping[str, Answer]
    """Key of an item -> its answer."""

    def then(self, item: Item) -> Item | None:
        """Returns what came of the same question then; None if it was not asked."""
        if (answer := self.items.get(item.key)) is None:
            return None
        right, got, confidence, best = [*(answer if isinstance(answer, list) else [answer]), None, None, None][:4]
        got = item.expected if got is None else got
        return replace(item, right=bool(right), got=got, confidence=confidence, best=best)

    def missing(self, items: Iterable[Item]) -> list[str]:
        """Returns the sets, by language, that the baseline has and the items lack altogether."""
        present = {f"{item.set}/{item.language}" for item in items}
        return [name for name in self.counts if name not in present]

    def write(self, path: Path) -> None:
        """Writes it, a line an item, so that git shows what has changed."""
        head = {"format": FORMAT, **vars(self)}
        answers = head.pop("items")
        lines = [f' "{key}": {json.dumps(value, indent=1, ensure_ascii=False)},' for key, value in head.items()]
        rows = sorted(f"  {json.dumps(key)}: {json.dumps(one, ensure_ascii=False)}" for key, one in answers.items())
        write_whole(path, "\n".join(["{", *lines, ' "items": {', ",\n".join(rows), " }", "}"]) + "\n")


def read_baseline(path: Path) -> Baseline | None:
    """Reads a baseline; None if there is no such file.

    Raises:
        RegressionError: the file is broken.
    """
    if not path.exists():
        return None
    content = read_json(path, REMEDY)
    try:
        if (found := content.pop("format")) != FORMAT:
            raise TypeError(f"of format {found}, not {FORMAT}")
        return Baseline(items=dict(content.pop("items")), **content)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RegressionError(f"{path}: is no baseline ({error!r}); {REMEDY}.") from error


def read_result(path: Path) -> Result:
    """Reads a result that a run has written.

    Raises:
        RegressionError: the file cannot be used.
    """
    content = read_json(path, "run the regression again")
    try:
        del content["format"]
        return Result(**{**content, "items": [Item(**item) for item in content["items"]]})
    except (KeyError, TypeError) as error:
        raise RegressionError(f"{path}: is no result of a run ({error!r}); run the regression again.") from error


def read_json(path: Path, remedy: str) -> Any:
    """Reads a JSON file.

    Raises:
        RegressionError: it is not there, or broken; the message ends with the remedy.
    """
    try:
        return json.loads(path.read_text(encoding="utf8"))
    except (OSError, ValueError) as error:
        raise RegressionError(f"{path}: cannot be read ({error}); {remedy}.") from error


def counted(count: int, noun: str) -> str:
    """Returns a count with its noun: `1 phrase`, `3 phrases`."""
    return f"{count} {noun if count == 1 else f'{noun}s'}"
