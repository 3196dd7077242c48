"""The baseline: what the bot could do when somebody last said that it was good enough, answer by answer."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bot.regression.figures import metrics
from bot.regression.inventory import Inventory
from bot.regression.items import FORMAT, Item, Pair, RegressionError, Result, read_json, write_whole

REMEDY = "restore it from git, or make a new one with `python -m bot regression accept`"
Answer = int | list[Any]
"""Right, got (None: as expected), confidence, best, but no None at the end; a number where only right is left."""


@dataclass(frozen=True)
class Baseline:
    """The accepted result that a run is compared with."""

    about: Mapping[str, Any]
    figures: Mapping[str, float]
    """Not compared with: they show in git what accepting has changed."""
    numbers: Mapping[str, float]
    counts: Mapping[str, int]
    """Number of items, by `set/language`."""
    answers: Mapping[str, Answer]
    """Key of an item -> its answer."""
    inventory: Inventory
    """Inventory of the bot at that time."""

    @property
    def turnover(self) -> float:
        """The share of right answers that a harmless retraining turned wrong, 0-1; 0 where it was not measured."""
        return float(self.about.get("turnover", {}).get("share", 0.0))

    def then(self, item: Item) -> Item | None:
        """Returns what came of the same question then; None if it was not asked."""
        if (answer := self.answers.get(item.key)) is None:
            return None
        right, got, confidence, best = [*(answer if isinstance(answer, list) else [answer]), None, None, None][:4]
        return replace(
            item, right=bool(right), got=item.expected if got is None else got, confidence=confidence, best=best
        )

    def pairs(self, items: Iterable[Item]) -> list[Pair]:
        """Returns the items with what came of the same questions then; those that were not asked are left out."""
        return [Pair(item, then) for item in items if (then := self.then(item)) is not None]

    def missing(self, items: Iterable[Item]) -> list[str]:
        """Returns the sets, by language, that the baseline has and the items lack altogether."""
        present = {f"{item.set}/{item.language}" for item in items}
        return [name for name in self.counts if name not in present]


def make_baseline(result: Result) -> Baseline:
    """Returns a result as a baseline."""
    answers = {item.key: _answer(item) for item in result.items}
    values = {metric.name: round(metric.value(metric.items), 5) for metric in metrics(result.items)}
    counts = Counter(f"{item.set}/{item.language}" for item in result.items)
    return Baseline(result.about, values, result.numbers, dict(sorted(counts.items())), answers, result.inventory)


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
            raise RegressionError(f"{path}: is of format {found}, not {FORMAT}; {REMEDY}.")
        return Baseline(answers=dict(content.pop("items")), **content)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise RegressionError(f"{path}: is no baseline ({error!r}); {REMEDY}.") from error


def write_baseline(path: Path, baseline: Baseline) -> None:
    """Writes a baseline, a line an item, so that git shows what has changed."""
    names = ("about", "figures", "numbers", "counts", "inventory")
    head = {"format": FORMAT, **{name: getattr(baseline, name) for name in names}}
    lines = [f" {json.dumps(name)}: {json.dumps(value, indent=1, ensure_ascii=False)}," for name, value in head.items()]
    rows = sorted(
        f"  {json.dumps(key)}: {json.dumps(one, ensure_ascii=False)}" for key, one in baseline.answers.items()
    )
    write_whole(path, "\n".join(["{", *lines, ' "items": {', ",\n".join(rows), " }", "}"]) + "\n")


def _answer(item: Item) -> Answer:
    values = [int(item.right), None if item.got == item.expected else item.got, item.confidence, item.best]
    while values[-1] is None:
        values.pop()
    return values if len(values) > 1 else int(item.right)
