"""The run that the shipped baseline was made from, made anew from the held-out sets: no model is asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from random import Random

from bot.articles.examples import read_examples
from bot.regression.items import Baseline, Item, Result


def stored_run(baseline: Baseline, sets: Path) -> Result:
    """Returns the answers to the held-out phrases as the baseline keeps them, with what the bot was made of then.

    Args:
        baseline: the shipped baseline.
        sets: the folder of the held-out sets.
    """
    asked = [Item("intents", "", e.language, e.text, e.intent, "", False) for e in read_examples(sets)]
    answers = [answer for item in asked if (answer := baseline.then(item)) is not None]
    return Result(baseline.about, list({item.key: item for item in answers}.values()), {}, {}, baseline.inventory)


def with_answers(run: Result, change: Callable[[Item], str]) -> Result:
    """Returns the run with other answers: `change` gives the intent that each phrase gets now."""
    return replace(run, items=[_answered(item, change(item)) for item in run.items])


def with_turnover(run: Result, share: float, seed: int) -> Result:
    """Returns the run as a harmless retraining leaves it: some right answers turn wrong, as many wrong ones right.

    Args:
        run: the run.
        share: the share of right answers that turn wrong, 0-1.
        seed: which ones.
    """
    random = Random(seed)
    intents = sorted({item.expected for item in run.items})
    right = [item for item in run.items if item.right]
    turned = {item.key for item in random.sample(right, round(share * len(right)))}
    return with_answers(run, lambda item: random.choice(intents) if item.key in turned else item.got)


def _answered(item: Item, got: str) -> Item:
    right = got == item.expected or (item.expected == "out_of_scope" and got in {"out_of_scope", "nlu_fallback"})
    return replace(item, got=got, right=right) if got != item.got else item
