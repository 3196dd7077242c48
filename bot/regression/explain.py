"""Explains what the bot understands of one text, and why answers have turned since the baseline."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any

from bot.articles.examples import Example, read_examples
from bot.articles.issues import load_issues
from bot.articles.parts import ArticleStore
from bot.nlu.explain import load_intent_model, nearest, strongest
from bot.nlu.intent import NoClassifierError
from bot.nlu.models.intent_model import IntentModel
from bot.regression.changes import SETTINGS, Change
from bot.regression.items import Pair
from bot.regression.measure import REFUSALS, NluModel, refusal_as_intent, second_issue
from bot.regression.verdict import Verdict
from bot.settings import get_settings

EXPLAINED = frozenset({"intents", "real_style", "robustness", "long"})
"""The sets whose phrases are explained by n-grams and near phrases."""
MOST_EXPLAINED = 200
"""Phrases that are explained so; the table lists all of them."""
MOST_CHANGES = 3
RANKED = 5
PARTS = 8
NEAREST = 5


def find_causes(verdict: Verdict, changes: Sequence[Change]) -> list[dict[str, Any]]:
    """Returns the changes that concern losses or newly wrong answers.

    Args:
        verdict: the comparison with the baseline.
        changes: the changes since the baseline.

    Returns:
        Plain values: those of the change, `told` (all in a sentence), `explains` (how many newly wrong answers it
        concerns), `losses` (what it took away or moved). What lost most comes first, then what explains most answers;
        of equals a setting, then phrases, then files.
    """
    wrong = verdict.newly_wrong
    causes = []
    for change in sorted(changes, key=lambda change: (change.path != SETTINGS, not change.cells)):
        explains = sum(map(change.concerns, wrong))
        losses = [str(loss) for loss in verdict.losses if change.concerns_loss(loss)]
        if explains or losses:
            where = change.commit + (f" “{change.subject}”" if change.subject else "")
            more = f" and {len(losses) - 1} more" if len(losses) > 1 else ""
            lost = f"{losses[0]}{more}; " if losses else ""
            sentence = f"{change.description} ({where}): {lost}explains {explains} of {len(wrong)} newly wrong answers"
            causes.append({**asdict(change), "told": sentence, "explains": explains, "losses": losses})
    return sorted(causes, key=lambda cause: (-len(cause["losses"]), -cause["explains"]))


def find_reasons(wrong: Sequence[Pair], changes: Sequence[Change], path: Path) -> Iterator[dict[str, Any]]:
    """Yields the reason of each newly wrong answer, the surest answers first.

    Args:
        wrong: the newly wrong answers.
        changes: the changes since the baseline.
        path: the model that was measured.

    Yields:
        Plain values: those of the item, `got_then`, `confidence_then`, `reason`, `words` and `ngrams` that pulled it
        over (log odds), `nearest` training phrases, `commits` that concern it.
    """
    model = None
    with suppress(NoClassifierError):
        model = load_intent_model(path) if wrong else None
    examples: dict[tuple[str, str], list[Example]] = defaultdict(list)
    for example in read_examples(get_settings().data_dir / "nlu") if model else ():
        examples[example.language, example.intent].append(example)
    for number, pair in enumerate(sorted(wrong, key=lambda pair: -(pair.now.confidence or 0.0))):
        now, taken_for = pair.now, pair.now.best or refusal_as_intent(pair.now.got)
        why: dict[str, Any] = {"words": [], "ngrams": [], "nearest": []}
        if model and now.set in EXPLAINED and number < MOST_EXPLAINED:
            intents = dict.fromkeys((now.expected, taken_for))
            near = [example for intent in intents for example in examples[now.language, intent]]
            why["nearest"] = _nearest_phrases(now.text, near)
            if taken_for != now.expected and {now.expected, taken_for} <= {*model.labels}:
                pulled = model.explain(now.text, taken_for, now.expected)
                why |= {"words": strongest(pulled.words, PARTS), "ngrams": strongest(pulled.ngrams, PARTS)}
        commits = [f"{change.commit}: {change.description}" for change in changes if change.concerns(pair)]
        yield {**pair.as_dict(), "reason": _reason(pair, model), **why, "commits": commits[:MOST_CHANGES]}


def _nearest_phrases(text: str, examples: Sequence[Example]) -> list[dict[str, Any]]:
    found = nearest(text, examples, NEAREST)
    return [{"intent": e.intent, "language": e.language, "likeness": round(n, 3), "text": e.text} for e, n in found]


def _reason(pair: Pair, model: IntentModel | None) -> str:
    now, then = pair
    if model and now.set in EXPLAINED and now.expected not in model.labels:
        return f"the model does not know the intent {now.expected} any more"
    if now.set in {"intents", "real_style", "robustness"} and now.got in REFUSALS and now.best == now.expected:
        return "understood, but refused: the confidence is below the threshold"
    return f"{then.got} before, {now.best or now.got} now"


def explain(text: str, path: Path, page: str | None) -> dict[str, Any]:
    """Explains what a trained model makes of a text.

    Args:
        text: what a customer typed.
        path: the model's file.
        page: language of the page that it was typed on, if known.

    Returns:
        Plain values: `language`, `intent`, `ranking`, `instead_of`, `words`, `ngrams`, `meaning`, `entities`,
        `second_issue`, `candidates`, `nearest`, `article`.
    """
    (parsed,) = NluModel(path).parse([text], [page])
    ranking = [entry for entry in parsed["intent_ranking"] if entry["name"] != "nlu_fallback"][:RANKED]
    best, other = ranking[0]["name"], ranking[1]["name"]
    why = load_intent_model(path).explain(text, best, other)
    language, intent, triage = parsed["language"], parsed["intent"]["name"], parsed["triage"]
    examples = [e for e in read_examples(get_settings().data_dir / "nlu") if e.intent in {best, other}]
    examples = [e for e in examples if e.language == language["name"]] or examples
    entities = [entity for entity in parsed["entities"] if entity["entity"] != "language"]
    article = None
    if intent in load_issues() and not triage["candidates"]:  # no article answers before the customer has chosen
        found = ArticleStore(get_settings().data_dir / "articles").article(intent, language["name"])
        article = {"file": f"data/articles/{intent}/{found.language}.md", "title": found.title}
    return {
        "text": text,
        "language": language,
        "intent": intent,
        "ranking": ranking,
        "instead_of": other,
        "words": strongest(why.words, PARTS),
        "ngrams": strongest(why.ngrams, PARTS),
        "against": strongest({name: -part for name, part in why.words.items()}, PARTS),
        "meaning": round(why.meaning, 3),
        "constant": round(why.constant, 3),
        "entities": [{key: entity[key] for key in ("entity", "value", "start", "end")} for entity in entities],
        "second_issue": second_issue(parsed),
        "candidates": triage["candidates"],
        "nearest": _nearest_phrases(text, examples),
        "article": article,
    }
