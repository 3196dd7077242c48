"""The steps of a run: each asks the model, or another part of the project, and returns items."""

from __future__ import annotations

import hashlib
import random
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bot.articles.check import check
from bot.articles.examples import Example, read_examples, read_lines
from bot.articles.issues import load_issues
from bot.articles.parts import ArticleStore, lead
from bot.articles.replies import Replies
from bot.encoder.model import load_encoder
from bot.phrases.files import test_files
from bot.regression import measure
from bot.regression.items import REVIEWED, Item, RegressionError
from bot.regression.measure import NluModel, best_intent, refusal_as_intent, second_issue, without_stop
from bot.regression.robustness import CHANGES
from bot.settings import get_settings

CHANGES_PER_PHRASE = 2
"""Each phrase is changed in so many of the ways: enough phrases for every way, a quarter of the time."""
ENTITIES = ("amount", "date", "invoice_number", "subscription_id", "error_code", "product")
ENGLISH = "en"
FILES = ("real_style", "entities", "two_issues", "long")
"""Sets of a file a language; the phrases with their intents lie beside them."""


@dataclass
class ModelUnderTest:
    """A trained model with the held-out sets that it is asked; it is loaded when the first step needs it."""

    path: Path
    sets: Path
    folder: Path
    """Folder for a step's own files."""

    @cached_property
    def _model(self) -> NluModel:
        return NluModel(self.path)

    @cached_property
    def examples(self) -> list[Example]:
        """The held-out phrases of every language."""
        return read_examples(self.sets)

    def files(self, name: str) -> list[Path]:
        """Returns the files of a set, one a language."""
        return sorted((self.sets / name).glob("*.tsv"))

    def check_sets(self) -> None:
        """Looks for the held-out sets, before anything is trained for them.

        Raises:
            RegressionError: one is missing.
            ExampleError: a file of phrases is broken.
        """
        missing = [self.sets / name for name in FILES if not self.files(name)]
        if missing or not self.examples:
            raise RegressionError(f"{[*missing, self.sets][0]}: the set is missing; restore it from git.")

    def parse(self, messages: Iterable[Any], with_page: bool = False) -> Iterator[tuple[Any, dict[str, Any]]]:
        """Yields each message with what the model makes of it.

        Args:
            messages: whatever has a `text` and a `language`.
            with_page: whether the model is told the language as the page's locale.
        """
        messages = list(messages)
        pages = [message.language for message in messages] if with_page else None
        return zip(messages, self._model.parse([message.text for message in messages], pages), strict=True)


class Step(NamedTuple):
    """One step, and the names of the sets that it measures."""

    measure: Callable[[ModelUnderTest], Iterable[Item] | Mapping[str, float]]
    """Returns items, or figures that do not consist of items, by name."""
    sets: tuple[str, ...]


def intents(model: ModelUnderTest) -> Iterator[Item]:
    """Yields intent and language of every held-out phrase, without any page's locale."""
    for example, parsed in model.parse(model.examples):
        yield _intent("intents", example, parsed)
        yield _item("language", example, example.language, parsed["language"]["name"])


def _real_style(model: ModelUnderTest) -> Iterator[Item]:
    """Yields the intent of every held-out message that is written as real customers write."""
    for example, parsed in model.parse(line for path in model.files("real_style") for line in read_lines(path)):
        yield _intent("real_style", example, parsed)


def reviewed(model: ModelUnderTest) -> Iterator[Item]:
    """Yields the intent of every message of the test share that reviewers keep; of its text only a hash is kept."""
    lines = [line for path in test_files(get_settings().review_dir) for line in read_lines(path)]
    for example, parsed in model.parse(lines):
        item = _intent(REVIEWED, example, parsed)
        yield replace(item, text=hashlib.sha256(item.text.encode()).hexdigest())


def _with_page(model: ModelUnderTest) -> Iterator[Item]:
    """Yields the language with the page's locale known, and whether a second issue is seen where there is none."""
    issues = load_issues()
    for example, parsed in model.parse(model.examples, with_page=True):
        yield _item("language_with_page", example, example.language, parsed["language"]["name"])
        if example.intent in issues:
            yield _one_issue(example, parsed, "short")


def robustness(model: ModelUnderTest, changes: int = CHANGES_PER_PHRASE) -> Iterator[Item]:
    """Yields whether the prediction stays when a phrase is changed in a way that keeps its meaning.

    Args:
        model: the model.
        changes: in how many of the ways each phrase is changed.
    """
    issues = load_issues()
    examples = [example for example in model.examples if example.intent in issues]
    changed = [(old, name, new) for old in examples for name, new in _changed(old, changes)]
    asked = {message.text: message for message in (*(new for *_, new in changed), *examples)}
    got = {message.text: parsed["intent"]["name"] for message, parsed in model.parse(asked.values())}
    for old, name, new in changed:
        right = got[new.text] == got[old.text]
        yield replace(_item("robustness", new, old.intent, got[new.text], part=name), right=right)


def _changed(example: Example, changes: int) -> Iterator[tuple[str, Example]]:
    """Yields some of the changes by name, and what each makes of a phrase; always the same of a phrase."""
    names = list(CHANGES)
    first, step = zlib.crc32(example.text.encode()), len(names) // changes
    for number in range(changes):
        name = names[(first + number * step) % len(names)]
        text = CHANGES[name](example, random.Random(example.text))
        if text != example.text:
            yield name, replace(example, text=text)


def _entities(model: ModelUnderTest) -> Iterator[Item]:
    """Yields for each entity whether all of it in a phrase was found, and nothing else taken for it."""
    phrases = [phrase for path in model.files("entities") for phrase in measure.read_phrases(path)]
    for phrase, parsed in model.parse(phrases, with_page=True):
        found = [(entity["entity"], entity["start"], entity["end"]) for entity in parsed["entities"]]
        expected, seen = (sorted({without_stop(phrase.text, m) for m in marks}) for marks in (phrase.marks, found))
        for entity in ENTITIES:
            spans = [[(start, end) for name, start, end in marks if name == entity] for marks in (expected, seen)]
            marked, got = (", ".join(phrase.text[start:end] for start, end in own) for own in spans)
            yield replace(_item("entities", phrase, marked, got, part=entity), right=spans[0] == spans[1])


def _triage(model: ModelUnderTest) -> Iterator[Item]:
    """Yields whether both issues of a message are found, and the one of a long one."""
    for message, parsed in model.parse(measure.read_labelled(model.sets / "two_issues"), with_page=True):
        best, confidence = best_intent(parsed)
        named, seen = (sorted(filter(None, {*issues})) for issues in (message.issues, (best, second_issue(parsed))))
        yield _item("two_issues", message, " + ".join(named), " + ".join(seen), confidence)
    for message, parsed in model.parse(measure.read_labelled(model.sets / "long"), with_page=True):
        best, confidence = best_intent(parsed)
        yield _item("long", message, message.issues[0], best, confidence)
        yield _one_issue(message, parsed, "long")


def _articles(model: ModelUnderTest) -> Iterator[Item]:
    """Yields for each issue and language whether there is an article without problems."""
    folder = get_settings().data_dir / "articles"
    problems, store = check([folder]).problems, ArticleStore(folder)
    for intent in load_issues():
        written = store.languages(intent)
        for language in Replies().languages():
            own = [p for p in problems if Path(p.path).parts[-2:] == (intent, f"{language}.md")]
            own += [p for p in problems if Path(p.path).name == intent and language == ENGLISH]  # of the whole folder
            if language not in written and not own:  # an issue on trial, or a language with some of the issues
                continue
            found = "; ".join(problem.message for problem in own) or "no problem"
            yield Item("articles", "", language, f"{intent}/{language}.md", "no problem", found, not own)


def retrieval(data: Path) -> Iterator[Item]:
    """Yields for each text of our own articles whether its English counterpart is the nearest English text.

    No model is needed: it is the encoder's weights that are measured. A text is known by its place, so that an article
    may be reworded.

    Args:
        data: the folder that holds `articles`.

    Raises:
        EncoderFileError: the encoder cannot be loaded.
    """
    encoder = load_encoder()
    store = ArticleStore(data / "articles")
    texts: dict[str, dict[str, str]] = defaultdict(dict)
    for intent in load_issues():
        for language in store.languages(intent):
            article = store.article(intent, language)
            texts[language][intent] = f"{article.title}. {lead(article)}"
            for section in article.sections:
                for number, step in enumerate(section.steps, start=1):
                    texts[language][f"{intent}/{section.slug}/{number}"] = step.text
    english = texts.pop(ENGLISH, {})
    places, vectors = list(english), encoder.encode(list(english.values()))
    for language in Replies().languages():
        asked = [place for place in texts[language] if place in english]
        likeness = encoder.encode([texts[language][place] for place in asked]) @ vectors.T
        for place, nearest in zip(asked, np.argmax(likeness, axis=1) if asked else [], strict=True):
            got = places[nearest]
            right = english[got] == english[place]  # several articles begin with the same step
            yield Item("retrieval", "", language, place, place, place if right else got, right)


def _conversations(model: ModelUnderTest) -> Iterator[Item]:
    """Yields whether each typed follow-up brought about what it was to, without repetition or apology."""
    from bot.regression.conversations import WRITTEN, play, read_conversations

    for one in play(model.path, read_conversations(WRITTEN / "held_out")):
        turn, language = one.turn, one.script.language
        if turn.state != "first":
            got = one.intent + " once more" * one.repeated + " with an apology" * one.apologised
            right = one.right and not one.repeated and not one.apologised
            yield Item("conversations", turn.act, language, turn.says, turn.value or turn.act, got, right)


STEPS = {
    "intents": Step(intents, ("intents", "language")),
    "real style": Step(_real_style, ("real_style",)),
    "reviewed": Step(reviewed, (REVIEWED,)),
    "with page": Step(_with_page, ("language_with_page", "one_issue")),
    "robustness": Step(robustness, ("robustness",)),
    "entities": Step(_entities, ("entities",)),
    "triage": Step(_triage, ("two_issues", "long", "one_issue")),
    "articles": Step(_articles, ("articles",)),
    "retrieval": Step(lambda _: retrieval(get_settings().data_dir), ("retrieval",)),
    "conversations": Step(_conversations, ("conversations",)),
}
"""The steps by name, in the order in which they run."""


def _item(name: str, message: Any, expected: str, got: str, confidence: float | None = None, part: str = "") -> Item:
    """Returns the answer to a message, whatever has a `text` and a `language`; it is right if it was expected."""
    confidence = confidence and round(confidence, 4)
    return Item(name, part, message.language, message.text, expected, got, got == expected, confidence)


def _intent(name: str, example: Example, parsed: dict[str, Any]) -> Item:
    got = parsed["intent"]["name"]
    best, confidence = best_intent(parsed)
    item = _item(name, example, example.intent, got, confidence)
    return replace(item, right=refusal_as_intent(got) == example.intent, best=None if best == got else best)


def _one_issue(message: Any, parsed: dict[str, Any], part: str) -> Item:
    """Returns whether no second issue is seen in a message of one issue."""
    return _item("one_issue", message, "none", second_issue(parsed) or "none", part=part)
