"""Explains why answers have turned: what pulled each phrase over, which phrases are near, what has changed since."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bot.articles.examples import Example, read_examples
from bot.nlu.explain import Near, NoClassifierError, load_intent_model, nearest, strongest
from bot.nlu.models.intent_model import IntentModel
from bot.regression.changes import ABOUT_INTENTS, Change
from bot.regression.figures import refusal_as_intent
from bot.regression.inventory import Loss
from bot.regression.items import Item, Pair
from bot.regression.measure import REFUSALS
from bot.regression.verdict import Verdict
from bot.settings import get_settings

EXPLAINED = frozenset({"intents", "real_style", "robustness", "long"})
"""The sets whose phrases are explained by n-grams and near phrases."""
MOST_EXPLAINED = 200
"""Phrases that are explained so; the table lists all of them."""
PARTS = 6
NEAREST = 3
MOST_CHANGES = 3


@dataclass(frozen=True)
class Cause:
    """A change that can have turned answers that are now wrong."""

    change: Change
    explains: int
    """Answers that are newly wrong and that it concerns."""
    of: int
    """Answers that are newly wrong."""
    losses: Sequence[Loss] = ()
    """Phrases, steps, links, rules and thresholds that it took away or moved."""

    def __str__(self) -> str:
        where = self.change.commit + (f" “{self.change.subject}”" if self.change.subject else "")
        more = f" and {len(self.losses) - 1} more" if len(self.losses) > 1 else ""
        lost = f"{self.losses[0]}{more}; " if self.losses else ""
        return f"{self.change.description} ({where}): {lost}explains {self.explains} of {self.of} newly wrong answers"


@dataclass(frozen=True)
class Reason:
    """The reason why one answer is now wrong."""

    turned: Pair
    told: str
    words: Sequence[tuple[str, float]] = ()
    """Words that pulled it over, in log odds."""
    ngrams: Sequence[tuple[str, float]] = ()
    near: Sequence[Near] = ()
    changes: Sequence[Change] = ()


def find_causes(verdict: Verdict, changes: Sequence[Change]) -> list[Cause]:
    """Returns the changes that concern losses or newly wrong answers.

    Args:
        verdict: the comparison with the baseline.
        changes: the changes since the baseline.

    Returns:
        What lost most comes first, then what explains most answers; of equals the narrowest.
    """
    wrong = verdict.newly_wrong
    causes = [
        Cause(
            change,
            sum(map(change.concerns, wrong)),
            len(wrong),
            [loss for loss in verdict.losses if change.concerns_loss(loss)],
        )
        for change in changes
    ]
    causes = [cause for cause in causes if cause.explains or cause.losses]
    return sorted(causes, key=lambda cause: (-len(cause.losses), -cause.explains, -cause.change.narrowness))


def find_reasons(wrong: Sequence[Pair], changes: Sequence[Change], path: Path) -> list[Reason]:
    """Returns the reason of each newly wrong answer, the surest answers first.

    Args:
        wrong: the newly wrong answers.
        changes: the changes since the baseline.
        path: the model that was measured.
    """
    wrong = sorted(wrong, key=lambda pair: -(pair.now.confidence or 0.0))
    model = _load_model(path) if any(pair.now.set in ABOUT_INTENTS for pair in wrong) else None
    near = _nearest([pair.now for pair in wrong if pair.now.set in EXPLAINED][:MOST_EXPLAINED])
    reasons = []
    for pair in wrong:
        concerned = [change for change in changes if change.concerns(pair)][:MOST_CHANGES]
        if pair.now in near:
            words, ngrams = _pulled(pair.now, model)
            reasons.append(Reason(pair, _told(pair, model), words, ngrams, near[pair.now], concerned))
        else:
            reasons.append(Reason(pair, _told(pair, None), changes=concerned))
    return reasons


def _load_model(path: Path) -> IntentModel | None:
    try:
        return load_intent_model(path)
    except NoClassifierError:
        return None


def _best(item: Item) -> str:
    return item.best or refusal_as_intent(item.got)


def _pulled(item: Item, model: IntentModel | None) -> tuple[Sequence[tuple[str, float]], Sequence[tuple[str, float]]]:
    """Returns the words and the n-grams that pulled a phrase from the expected intent to the one that it got."""
    got = _best(item)
    if model is None or got == item.expected or not {got, item.expected} <= set(model.labels):
        return (), ()
    explained = model.explain(item.text, got, item.expected)
    return strongest(explained.words, PARTS), strongest(explained.ngrams, PARTS)


def _nearest(items: Sequence[Item]) -> dict[Item, list[Near]]:
    """Returns the nearest training phrases in the same language, of the intent expected and of the one got."""
    if not items:
        return {}
    examples: dict[tuple[str, str], list[Example]] = defaultdict(list)
    for example in read_examples(get_settings().data_dir / "nlu"):
        examples[example.language, example.intent].append(example)
    groups: dict[tuple[str, str, str], list[Item]] = defaultdict(list)
    for item in items:
        groups[item.language, item.expected, _best(item)].append(item)
    found: dict[Item, list[Near]] = {}
    for (language, *intents), group in groups.items():
        among = [example for intent in dict.fromkeys(intents) for example in examples[language, intent]]
        found |= dict(zip(group, nearest([item.text for item in group], among, NEAREST), strict=True))
    return found


def _told(pair: Pair, model: IntentModel | None) -> str:
    now, then = pair
    if model is not None and now.expected not in model.labels:
        return f"the model does not know the intent {now.expected} any more"
    if now.set in {"intents", "real_style", "robustness"} and now.got in REFUSALS and now.best == now.expected:
        return "understood, but refused: the confidence is below the threshold"
    if then.confidence is not None and now.confidence is not None:
        got = now.best or now.got
        return f"confidence {then.confidence:.2f} for {then.got} before, {now.confidence:.2f} for {got} now"
    return f"{then.got} before, {now.got} now"
