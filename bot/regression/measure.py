"""Parses texts with a trained model, and reads held-out messages labelled with issues or entities; judges nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot.articles.examples import ExampleError
from bot.articles.issues import load_issues
from bot.regression.items import RegressionError
from bot.settings import PROJECT_ROOT

OUT_OF_SCOPE = "out_of_scope"
REFUSALS = frozenset({OUT_OF_SCOPE, "nlu_fallback"})
HELD_OUT = PROJECT_ROOT / "tests" / "regression"

Mark = tuple[str, int, int]
"""An entity, and where it begins and ends in a text."""


class NluModel:
    """The NLU pipeline of a trained Rasa model, asked for whole lists of phrases at once.

    Args:
        path: the model's file.

    Raises:
        RegressionError: it cannot be loaded, as one that another version of the bot has trained.
    """

    def __init__(self, path: Path) -> None:
        from rasa.core.agent import Agent
        from rasa.shared.exceptions import RasaException

        try:
            self._processor = Agent.load(str(path)).processor
        except RasaException as error:
            raise RegressionError(f"{path}: the model cannot be loaded: {error}") from error

    def parse(self, texts: Sequence[str], pages: Sequence[str | None] | None = None) -> list[dict[str, Any]]:
        """Returns what `/model/parse` would return for each text.

        Args:
            texts: n texts.
            pages: the locale of the page each was typed on, None where unknown.
        """
        from rasa.core.channels.channel import UserMessage
        from rasa.engine.constants import PLACEHOLDER_MESSAGE, PLACEHOLDER_TRACKER

        target = self._processor.model_metadata.nlu_target
        pages = pages or [None] * len(texts)
        messages = [UserMessage(text, metadata={"language": page}) for text, page in zip(texts, pages, strict=True)]
        inputs = {PLACEHOLDER_MESSAGE: messages, PLACEHOLDER_TRACKER: None}
        results = self._processor.graph_runner.run(inputs=inputs, targets=[target])[target]
        return [message.as_dict(only_output_properties=True) for message in results]


def best_intent(parsed: dict[str, Any]) -> tuple[str, float]:
    """Returns the best intent that is not the fallback, and its confidence (0-1), from a parsed message."""
    best = next(entry for entry in parsed["intent_ranking"] if entry["name"] != "nlu_fallback")
    return best["name"], float(best["confidence"])


def refusal_as_intent(intent: str) -> str:
    """Returns the intent, `out_of_scope` for the fallback: the customer is refused by either."""
    return OUT_OF_SCOPE if intent in REFUSALS else intent


def second_issue(parsed: dict[str, Any]) -> str | None:
    """Returns the second issue of a parsed message, if it has one."""
    return (parsed["triage"]["second_issue"] or {}).get("name")


@dataclass(frozen=True)
class Labelled:
    """A message with the issues that it names."""

    text: str
    issues: tuple[str, ...]
    """One or two, in the order in which they are named; none: out of scope."""
    language: str
    long: bool = False
    """Tells whether it is an e-mail with remarks beside the matter."""


def read_labelled(folder: Path, long: bool = False) -> list[Labelled]:
    r"""Reads messages from `<language>.tsv`: one or two issues and the text, between tabs; ` \n ` is a line break.

    Args:
        folder: the folder of the files.
        long: whether they are e-mails with remarks beside the matter.

    Raises:
        ExampleError: a line names no issue, more than two, or one that is not in the issue table.
    """
    messages = []
    for path in sorted(folder.glob("*.tsv")):
        for number, line in enumerate(path.read_text(encoding="utf8").splitlines(), start=1):
            *issues, text = line.split("\t")
            if len(issues) not in (1, 2) or set(issues) - set(load_issues()):
                raise ExampleError(f"{path}:{number}: need one or two issues of data/issues.yml and a text; fix it.")
            text = "\n".join(part.strip() for part in text.split("\\n"))
            messages.append(Labelled(text, tuple(issues), path.stem, long))
    return messages


@dataclass(frozen=True)
class Phrase:
    """A phrase with annotated entities: its plain text and its marks."""

    text: str
    marks: tuple[Mark, ...]
    language: str


def read_phrases(path: Path) -> list[Phrase]:
    """Reads phrases from `<language>.tsv`: `phrase with [value](entity) marks`, one a line."""
    from rasa.shared.nlu.training_data.entities_parser import find_entities_in_training_example, replace_entities

    lines = [line for line in path.read_text(encoding="utf8").splitlines() if line.strip()]
    marks = [[(e["entity"], e["start"], e["end"]) for e in find_entities_in_training_example(line)] for line in lines]
    return [Phrase(replace_entities(line), tuple(own), path.stem) for line, own in zip(lines, marks, strict=True)]


def without_stop(text: str, mark: Mark) -> Mark:
    """Returns a mark without the full stop at its end, which does not count."""
    entity, start, end = mark
    return entity, start, end - (text[end - 1] == ".")
