"""Checks the phrases in `data/nlu`: duplicates across intents, near-duplicates, runs of templates, too few phrases."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from pathlib import Path

from bot.articles.examples import Example
from bot.articles.issues import load_issues
from bot.articles.played_turns import PlayedTurn
from bot.nlu.acts import FOLLOW_UPS

OPENING_WORDS = 4
PHRASES_PER_OPENING = 3
FEWEST_OF_ACT = 50
"""Phrases of each follow-up act in a complete language."""
FEWEST_QUESTIONS = 3
"""Questions for each passage in a complete language."""
UNDERSTOOD = {1: 20, 3: 49, 5: 66, 10: 78, 20: 85, 50: 87}
"""Phrases of a new intent -> percent of its messages that are understood (`python -m benchmarks.few_examples`)."""
_WORD = re.compile(r"\w+")


def check_examples(examples: Sequence[Example]) -> list[str]:
    """Returns a sentence for each problem: file, what is wrong, how to correct it.

    Args:
        examples: all training phrases of all languages.
    """
    return [*_duplicates(examples), *_template_runs(examples)]


def few_phrases(examples: Iterable[Example]) -> list[str]:
    """Returns a sentence for each intent that has few phrases: how many of its messages will be understood.

    Args:
        examples: all training phrases of all languages.
    """
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for example in examples:
        counts[example.intent][example.language] += 1
    enough = max(UNDERSTOOD)
    notes = []
    for intent, by_language in sorted(counts.items()):
        if (total := by_language.total()) < enough:
            share = max(share for count, share in UNDERSTOOD.items() if count <= total)
            has = ", ".join(f"{language} {count}" for language, count in sorted(by_language.items()))
            remark = f"about {share} % of its messages will be understood, with {enough} phrases {UNDERSTOOD[enough]} %"
            notes.append(f"{intent} has few phrases ({has}): {remark}; add some.")
    return notes


def few_follow_ups(examples: Iterable[Example], languages: Collection[str]) -> list[str]:
    """Returns a sentence for each follow-up act that has too few phrases in a file `follow_ups.yml`.

    Args:
        examples: training phrases; where they hold no such file of a language, nothing is said of it.
        languages: those in which phrases are counted (ISO 639-1).
    """
    counts: dict[Path, Counter[str]] = defaultdict(Counter)
    for example in examples:
        if example.path.name == "follow_ups.yml" and example.language in languages:
            counts[example.path][example.intent] += 1
    return [
        f"{path}: {found[act]} phrases of the follow-up {act}; write {FEWEST_OF_ACT} or more."
        for path, found in sorted(counts.items())
        for act in sorted(FOLLOW_UPS)
        if found[act] < FEWEST_OF_ACT
    ]


def few_questions(examples: Iterable[Example], passages: Iterable[tuple[str, str]]) -> list[str]:
    """Returns a sentence for each passage that has too few questions, by which the bot learns what it answers.

    Args:
        examples: training phrases; of a language without any such question nothing is said.
        passages: language (ISO 639-1) and `issue/slug` of each passage.
    """
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for example in examples:
        if example.passage:
            counts[example.language][example.passage] += 1
    remedy = f"write {FEWEST_QUESTIONS} or more in passages.yml."
    return [
        f"{passage} ({language}): {counts[language][passage]} questions; {remedy}"
        for language, passage in passages
        if language in counts and counts[language][passage] < FEWEST_QUESTIONS
    ]


def unknown_answers(turns: Iterable[PlayedTurn], passages: Iterable[tuple[str, str]]) -> list[str]:
    """Returns a sentence for each passage that played turns name and no article has, and for each unknown issue.

    Args:
        turns: what was asked in played conversations.
        passages: language (ISO 639-1) and `issue/slug` of each passage.
    """
    named = {name for turn in turns for name in turn.answers}
    if not named:
        return []
    known = {passage for _, passage in passages} | {f"{issue}/" for issue in load_issues()}
    return [f"turns.tsv: no article has {name}; give its new name or take it out." for name in sorted(named - known)]


def fingerprint(text: str) -> str:
    """Returns what near-copies of a phrase have in common: its words without case, diacritics, punctuation, numbers."""
    folded = unicodedata.normalize("NFKD", text).casefold()
    folded = "".join(char for char in folded if not unicodedata.combining(char))
    return " ".join("0" if word.isdigit() else word for word in _WORD.findall(folded)) or text.strip()


def _duplicates(examples: Sequence[Example]) -> Iterator[str]:
    seen: dict[tuple[str, str, str | None], Example] = {}
    for example in examples:
        # The same word may mean different things in two languages ("fin", "nej"), never in one; the same question may
        # be asked about two articles.
        key = (example.language, fingerprint(example.text), example.passage)
        first = seen.setdefault(key, example)
        place, as_first = f"{example.path}: `{example.text}`", f"`{first.text}`"
        if first.intent != example.intent:
            both = f"{place} stands under {example.intent} and, as {as_first}, under {first.intent}"
            yield f"{both}; keep it where the taxonomy puts it."
        elif first is not example:
            yield f"{place} nearly repeats {as_first} ({example.intent}); remove one."


def _template_runs(examples: Sequence[Example]) -> Iterator[str]:
    openings: dict[tuple[str, str, str], list[Example]] = defaultdict(list)
    for example in examples:
        words = fingerprint(example.text).split()[:OPENING_WORDS]
        if len(words) == OPENING_WORDS:
            openings[example.language, example.passage or example.intent, " ".join(words)].append(example)
    for (language, intent, opening), phrases in openings.items():
        if len(phrases) > PHRASES_PER_OPENING:
            remark = f"{len(phrases)} phrases of {intent} ({language}) begin with `{opening}`"
            yield f"{phrases[0].path}: {remark}; keep {PHRASES_PER_OPENING} and rewrite the others."
