"""Results of a run, answer by answer, and the files that keep them."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from bot.files import written_whole

FORMAT = 2


class RegressionError(RuntimeError):
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
        told = "\t".join([self.set, self.part, self.language, self.expected, self.text])
        return hashlib.sha256(told.encode()).hexdigest()[:12]

    @property
    def is_best_right(self) -> bool:
        """Tells whether the best intent that is not the fallback is the expected one."""
        return (self.best or self.got) == self.expected


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
    inventory: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Inventory of the bot: kind -> name -> count."""

    def of(self, name: str) -> list[Item]:
        """Returns the items of a set."""
        return [item for item in self.items if item.set == name]

    def write(self, path: Path) -> None:
        """Writes all of it as JSON."""
        write_whole(path, json.dumps({"format": FORMAT, **asdict(self)}, ensure_ascii=False))


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


def write_whole(path: Path, content: str) -> None:
    """Writes a file wholly or not at all.

    Raises:
        OSError: it could not be written; what was there before is unharmed.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as stream:
        stream.write(content.encode())


def counted(count: int, noun: str) -> str:
    """Returns a count with its noun: `1 phrase`, `3 phrases`."""
    return f"{count} {noun if count == 1 else f'{noun}s'}"
