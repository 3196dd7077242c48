"""Why answers have turned: what pulled each phrase over, which phrases are near, and what has changed since."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bot.articles.examples import Example, read_examples
from bot.nlu.explain import Near, NoClassifierError, load_intent_model, nearest, strongest
from bot.nlu.intent_model import IntentModel
from bot.regression.baseline import Baseline
from bot.regression.changes import ABOUT_INTENTS, Change
from bot.regression.figures import refusal_as_intent
from bot.regression.inventory import Loss
from bot.regression.items import Result
from bot.regression.measure import REFUSALS
from bot.regression.verdict import Turned, Verdict
from bot.settings import get_settings

MOST_EXPLAINED = 200
"""Phrases that are explained by n-grams and near phrases; the table lists all of them."""
PARTS = 6
NEAREST = 3


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
        lost = (
            f"{self.losses[0]}{f' and {len(self.losses) - 1} more' * (len(self.losses) > 1)}; " if self.losses else ""
        )
        return f"{self.change.description} ({where}): {lost}explains {self.explains} of {self.of} newly wrong answers"


@dataclass(frozen=True)
class Reason:
    """Why one phrase is now wrong."""

    turned: Turned
    told: str
    words: Sequence[tuple[str, float]] = ()
    """Words that pulled it over, in log odds."""
    ngrams: Sequence[tuple[str, float]] = ()
    near: Sequence[Near] = ()
    changes: Sequence[Change] = ()


@dataclass(frozen=True)
class Explanation:
    """All that the report says beside the figures."""

    causes: Sequence[Cause] = ()
    reasons: Sequence[Reason] = ()
    changes: Sequence[Change] = ()
    confusions: Sequence[tuple[str, str, int, int]] = ()
    """Expected, got, how often then, how often now; pairs that grew."""
    cells: Mapping[tuple[str, str], tuple[float, float | None, int]] = field(default_factory=dict)
    """Intent and language -> accuracy now, accuracy then, phrases."""
    remark: str = ""
    """What keeps causes from being read, or made it harder."""


def explain(
    result: Result, baseline: Baseline, verdict: Verdict, changes: Sequence[Change], model: Path, remark: str = ""
) -> Explanation:
    """Explains what has turned.

    Args:
        result: what was measured.
        baseline: what it is compared with.
        verdict: what came of that.
        changes: what has changed since the baseline.
        model: the model that was measured.
        remark: what is to be said of the changes.
    """
    return Explanation(
        _causes(verdict, changes),
        _reasons(verdict.newly_wrong, changes, model),
        changes,
        _grown_confusions(result, baseline),
        _cells(result, baseline),
        remark,
    )


def _causes(verdict: Verdict, changes: Sequence[Change]) -> list[Cause]:
    """Returns the changes that concern losses or newly wrong answers.

    What lost most comes first, then what explains most answers; of equals the narrowest.
    """
    wrong = verdict.newly_wrong
    causes = []
    for change in changes:
        explains = sum(change.concerns(pair.now, pair.then) for pair in wrong)
        lost = [loss for loss in verdict.losses if change.concerns_loss(loss)]
        if explains or lost:
            causes.append(Cause(change, explains, len(wrong), lost))
    return sorted(causes, key=lambda cause: (-len(cause.losses), -cause.explains, cause.change.breadth))


def _reasons(wrong: Sequence[Turned], changes: Sequence[Change], model: Path) -> list[Reason]:
    first = sorted(wrong, key=lambda pair: -(pair.now.confidence or 0.0))
    if not any(pair.now.set in ABOUT_INTENTS for pair in first):
        return [Reason(pair, _told(pair), changes=_of(pair, changes)) for pair in first]
    try:
        intents: IntentModel | None = load_intent_model(model)
    except NoClassifierError:
        intents = None
    explained = [pair for pair in first if pair.now.set in {"intents", "real_style", "robustness", "long"}][
        :MOST_EXPLAINED
    ]
    near = _nearest(explained)
    reasons = []
    for pair in first:
        if pair.now.key not in near:
            reasons.append(Reason(pair, _told(pair), changes=_of(pair, changes)))
            continue
        words, ngrams = _pulled(pair, intents)
        reasons.append(Reason(pair, _told(pair, intents), words, ngrams, near[pair.now.key], _of(pair, changes)))
    return reasons


def _pulled(pair: Turned, model: IntentModel | None) -> tuple[Sequence[tuple[str, float]], Sequence[tuple[str, float]]]:
    """Returns the words and the n-grams that pulled a phrase from the expected intent to the one that it got."""
    got = pair.now.best or refusal_as_intent(pair.now.got)
    if model is None or got == pair.now.expected or not {got, pair.now.expected} <= set(model.labels):
        return (), ()
    explained = model.explain(pair.now.text, got, pair.now.expected)
    return strongest(explained.words, PARTS), strongest(explained.ngrams, PARTS)


def _nearest(pairs: Sequence[Turned]) -> dict[str, list[Near]]:
    """Returns by key the nearest phrases in the same language, of the intent expected and of the one got."""
    groups: dict[tuple[str, str, str], list[Turned]] = {}
    for pair in pairs:
        got = pair.now.best or refusal_as_intent(pair.now.got)
        groups.setdefault((pair.now.language, pair.now.expected, got), []).append(pair)
    examples: dict[tuple[str, str], list[Example]] = {}
    for example in read_examples(get_settings().data_dir / "nlu"):
        examples.setdefault((example.language, example.intent), []).append(example)
    found: dict[str, list[Near]] = {}
    for (language, *intents), group in groups.items():
        among = [example for intent in dict.fromkeys(intents) for example in examples.get((language, intent), [])]
        near = nearest([pair.now.text for pair in group], among, NEAREST)
        found |= {pair.now.key: phrases for pair, phrases in zip(group, near, strict=True)}
    return found


def _told(pair: Turned, model: IntentModel | None = None) -> str:
    now, then = pair.now, pair.then
    if model is not None and now.expected not in model.labels:
        return f"the model does not know the intent {now.expected} any more"
    if now.set in {"intents", "real_style", "robustness"} and now.got in REFUSALS and now.best == now.expected:
        return "understood, but refused: the confidence is below the threshold"
    if then.confidence is not None and now.confidence is not None:
        got = now.best or now.got
        return f"confidence {then.confidence:.2f} for {then.got} before, {now.confidence:.2f} for {got} now"
    return f"{then.got} before, {now.got} now"


def _of(pair: Turned, changes: Sequence[Change]) -> list[Change]:
    return [change for change in changes if change.concerns(pair.now, pair.then)][:3]


def _grown_confusions(result: Result, baseline: Baseline) -> list[tuple[str, str, int, int]]:
    now, then = Counter[tuple[str, str]](), Counter[tuple[str, str]]()
    for item in result.of("intents"):
        before = baseline.then(item)
        if before is None:
            continue
        now[item.expected, item.got] += not item.right
        then[before.expected, before.got] += not before.right
    grown = [(*pair, then[pair], count) for pair, count in now.items() if count > then[pair]]
    return sorted(grown, key=lambda row: row[2] - row[3])


def _cells(result: Result, baseline: Baseline) -> dict[tuple[str, str], tuple[float, float | None, int]]:
    cells: dict[tuple[str, str], tuple[float, float | None, int]] = {}
    items = result.of("intents")
    for cell in sorted({(item.expected, item.language) for item in items}):
        own = [item for item in items if (item.expected, item.language) == cell]
        before = [past for item in own if (past := baseline.then(item)) is not None]
        share = sum(item.right for item in before) / len(before) if before else None
        cells[cell] = sum(item.right for item in own) / len(own), share, len(own)
    return cells
