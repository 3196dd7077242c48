"""The steps of a run: each asks the model, or another part of the project, and returns items."""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from bot.articles.check import check
from bot.articles.examples import Example, read_examples, read_lines
from bot.articles.issues import load_issues
from bot.articles.replies import Replies
from bot.regression.entities import Mark, found_marks, read_phrases, without_stop
from bot.regression.items import Item, RegressionError
from bot.regression.measure import REFUSALS, NluModel
from bot.regression.retrieval import retrieval
from bot.regression.robustness import CHANGES
from bot.regression.triage import Labelled, read_labelled
from bot.settings import get_settings

BATCH = 100
CHANGES_PER_PHRASE = 2
"""Each phrase is changed in so many of the ways: enough phrases for every way, a quarter of the time."""
ENTITIES = ("amount", "date", "invoice_number", "subscription_id", "error_code", "product")

Tell = Callable[[int, int], None]
"""Is told how much of a step is done: so many of so many."""


@dataclass
class Asked:
    """A model and the held-out sets that it is asked; the model is loaded when the first step needs it."""

    model_path: Path
    sets: Path
    tell: Tell = lambda done, of: None
    _model: NluModel | None = None
    _examples: list[Example] = field(default_factory=list)

    def examples(self) -> list[Example]:
        """Returns the held-out phrases of every language.

        Raises:
            RegressionError: there are none.
        """
        if not self._examples:
            self._examples = read_examples(self.sets)
        if not self._examples:
            raise RegressionError(f"{self.sets}: no held-out phrases there; restore the set from git.")
        return self._examples

    def parse(self, texts: Sequence[str], pages: Sequence[str] | None = None) -> list[dict[str, Any]]:
        """Asks the model, in batches, for the progress bar's sake; arguments as for `NluModel.parse`."""
        if self._model is None:
            self._model = NluModel(self.model_path)
        parsed: list[dict[str, Any]] = []
        for begin in range(0, len(texts), BATCH):
            self.tell(begin, len(texts))
            end = begin + BATCH
            parsed += self._model.parse(texts[begin:end], pages[begin:end] if pages else None)
        self.tell(len(texts), len(texts))
        return parsed


def intents(asked: Asked) -> Iterator[Item]:
    """Yields intent and language of every held-out phrase, without any page's locale."""
    examples = asked.examples()
    for example, parsed in zip(examples, asked.parse([example.text for example in examples]), strict=True):
        yield _intent("intents", example, parsed)
        yield _language("language", example, parsed)


def real_style(asked: Asked) -> Iterator[Item]:
    """Yields the intent of every held-out message that is written as real customers write."""
    examples = [example for path in _files(asked.sets / "real_style", "*.tsv") for example in read_lines(path)]
    for example, parsed in zip(examples, asked.parse([example.text for example in examples]), strict=True):
        yield _intent("real_style", example, parsed)


def with_page(asked: Asked) -> Iterator[Item]:
    """Yields the language with the page's locale known, and whether a second issue is seen where there is none."""
    examples, issues = asked.examples(), load_issues()
    pages = [example.language for example in examples]
    for example, parsed in zip(examples, asked.parse([e.text for e in examples], pages), strict=True):
        yield _language("language_with_page", example, parsed)
        if example.intent in issues:
            yield _second(Labelled(example.text, (example.intent,), example.language), parsed)


def robustness(asked: Asked) -> Iterator[Item]:
    """Yields whether the prediction stays when a phrase is changed in a way that keeps its meaning."""
    issues = load_issues()
    examples = [example for example in asked.examples() if example.intent in issues]
    changed = [(example, name, text) for example in examples for name, text in _changed(example)]
    texts = list(dict.fromkeys([example.text for example, _, _ in changed] + [text for _, _, text in changed]))
    got = {text: parsed["intent"]["name"] for text, parsed in zip(texts, asked.parse(texts), strict=True)}
    for example, name, text in changed:
        right = got[text] == got[example.text]
        yield Item("robustness", name, example.language, text, example.intent, got[text], right)


def entities(asked: Asked) -> Iterator[Item]:
    """Yields for each entity whether all of it in a phrase was found, and nothing else taken for it."""
    for path in _files(asked.sets / "entities", "*.tsv"):
        phrases = read_phrases(path)
        parsed = asked.parse([phrase.text for phrase in phrases], [path.stem] * len(phrases))
        for phrase, answer in zip(phrases, parsed, strict=True):
            expected = {without_stop(phrase.text, mark) for mark in phrase.marks}
            found = found_marks(answer)
            for entity in ENTITIES:
                marked, seen = ([m for m in sorted(marks) if m[0] == entity] for marks in (expected, found))
                text, right = phrase.text, marked == seen
                yield Item("entities", entity, path.stem, text, _spoken(text, marked), _spoken(text, seen), right)


def triage(asked: Asked) -> Iterator[Item]:
    """Yields whether both issues of a message are found, and the one of a long one."""
    two = read_labelled(asked.sets / "two_issues")
    long = read_labelled(asked.sets / "long", long=True)
    messages = [*two, *long]
    parsed = asked.parse([message.text for message in messages], [message.language for message in messages])
    for message, answer in zip(messages, parsed, strict=True):
        best, confidence = _best(answer)
        if message.long:
            yield Item(
                "long", "", message.language, message.text, message.issues[0], best, best in message.issues, confidence
            )
            yield _second(message, answer)
        else:
            found = {best, (answer["triage"]["second_issue"] or {}).get("name")}
            named, seen = (" + ".join(sorted(filter(None, names))) for names in (message.issues, found))
            right = found == set(message.issues)
            yield Item("two_issues", "", message.language, message.text, named, seen, right, confidence)


def articles(asked: Asked) -> Iterator[Item]:
    """Yields for each issue and language whether there is an article without problems."""
    tree = get_settings().data_dir / "articles"
    problems = check([tree]).problems
    cells = [(intent, language) for intent in load_issues() for language in Replies().languages()]
    for number, (intent, language) in enumerate(cells):
        asked.tell(number, len(cells))
        own = [p for p in problems if Path(p.path).parts[-2:] == (intent, f"{language}.md")]
        own += [p for p in problems if Path(p.path).name == intent and language == "en"]  # of the folder as a whole
        found = "; ".join(problem.message for problem in own)
        yield Item("articles", "", language, f"{intent}/{language}.md", "no problem", found or "no problem", not own)


STEPS: dict[str, Callable[[Asked], Iterator[Item]]] = {
    "intents": intents,
    "real style": real_style,
    "with page": with_page,
    "robustness": robustness,
    "entities": entities,
    "triage": triage,
    "articles": articles,
    "retrieval": lambda asked: retrieval(get_settings().data_dir),
}
"""Name -> what the step does, in the order in which they run."""


def check_sets(asked: Asked, steps: Sequence[str]) -> None:
    """Looks whether the sets that the steps need are there, before anything is trained for them.

    Raises:
        RegressionError: one is missing.
        ExampleError: a file of phrases is broken.
    """
    if {"intents", "with page", "robustness"} & set(steps):
        asked.examples()
    folders = {"real style": ["real_style"], "entities": ["entities"], "triage": ["two_issues", "long"]}
    for name in [name for step in steps for name in folders.get(step, [])]:
        _files(asked.sets / name, "*.tsv")


def _best(parsed: dict[str, Any]) -> tuple[str, float]:
    entry = next(entry for entry in parsed["intent_ranking"] if entry["name"] != "nlu_fallback")
    return entry["name"], round(float(entry["confidence"]), 4)


def _intent(name: str, example: Example, parsed: dict[str, Any]) -> Item:
    got = parsed["intent"]["name"]
    best, confidence = _best(parsed)
    right = got == example.intent or (example.intent == "out_of_scope" and got in REFUSALS)
    other = best if best != got else None
    return Item(name, "", example.language, example.text, example.intent, got, right, confidence, other)


def _language(name: str, example: Example, parsed: dict[str, Any]) -> Item:
    got = parsed["language"]["name"]
    return Item(name, "", example.language, example.text, example.language, got, got == example.language)


def _second(message: Labelled, parsed: dict[str, Any]) -> Item:
    got = (parsed["triage"]["second_issue"] or {}).get("name") or "none"
    part = "long" if message.long else "short"
    return Item("one_issue", part, message.language, message.text, "none", got, got == "none")


def _changed(example: Example) -> Iterator[tuple[str, str]]:
    """Yields some of the changes by name, and the text that each makes; always the same of a phrase."""
    names = list(CHANGES)
    first, step = zlib.crc32(example.text.encode()) % len(names), len(names) // CHANGES_PER_PHRASE
    for number in range(CHANGES_PER_PHRASE):
        name = names[(first + number * step) % len(names)]
        text = CHANGES[name](example, random.Random(example.text))
        if text != example.text:
            yield name, text


def _spoken(text: str, marks: Sequence[Mark]) -> str:
    return ", ".join(text[start:end] for _, start, end in marks)


def _files(folder: Path, pattern: str) -> list[Path]:
    paths = sorted(folder.glob(pattern))
    if not paths:
        raise RegressionError(f"{folder}: the set is missing; restore it from git.")
    return paths
