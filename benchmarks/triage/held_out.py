"""Triage of the held-out messages: two issues found, false ones, long messages, questions which issue is meant."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from benchmarks.held_out import share
from bot.articles.examples import read_examples
from bot.articles.issues import load_issues
from bot.regression.measure import HELD_OUT, Labelled, NluModel, best_intent, read_labelled


@dataclass(frozen=True)
class Triaged:
    """A model's triage of a message."""

    message: Labelled
    intent: str
    """The best intent that is not the fallback."""
    second: str | None
    candidates: tuple[str, ...]
    sentiment: str
    signals: tuple[str, ...]


def two_issue_messages() -> list[Labelled]:
    """Returns the held-out messages that name two issues."""
    return read_labelled(HELD_OUT / "two_issues")


def long_messages() -> list[Labelled]:
    """Returns the held-out e-mails, each with one issue."""
    return read_labelled(HELD_OUT / "long", long=True)


def single_issue_messages() -> list[Labelled]:
    """Returns the held-out phrases that name an issue, each one."""
    known = load_issues()
    return [Labelled(e.text, (e.intent,), e.language) for e in read_examples(HELD_OUT) if e.intent in known]


def triage(model: NluModel, messages: Sequence[Labelled], with_page: bool = True) -> list[Triaged]:
    """Asks the model for each message; `with_page` tells it the message's language as the page's locale."""
    pages = [message.language for message in messages] if with_page else None
    parsed = model.parse([message.text for message in messages], pages)
    return [_triaged(message, result) for message, result in zip(messages, parsed, strict=True)]


def _triaged(message: Labelled, result: dict[str, Any]) -> Triaged:
    found = result["triage"]
    return Triaged(
        message,
        best_intent(result)[0],
        (found["second_issue"] or {}).get("name"),
        tuple(found["candidates"]),
        found["sentiment"]["label"],
        tuple(found["signals"]),
    )


def summarise(triaged: Iterable[Triaged]) -> dict[str, float]:
    """Returns the shares that triage is judged by, each 0-1.

    `both_found` among messages with two issues; `false_second` and `false_second_long` among short and long ones with
    one; `short_accuracy` and `long_accuracy`: its issue found; `asked`: short ones with candidates; `asked_right`: the
    right one among the candidates.
    """
    triaged = list(triaged)
    two = [t for t in triaged if len(t.message.issues) == 2]
    short = [t for t in triaged if len(t.message.issues) == 1 and not t.message.long]
    long = [t for t in triaged if len(t.message.issues) == 1 and t.message.long]
    asked = [t for t in short if t.candidates]
    return {
        "both_found": share({t.intent, t.second} == set(t.message.issues) for t in two),
        "false_second": share(t.second is not None for t in short),
        "false_second_long": share(t.second is not None for t in long),
        "short_accuracy": share(t.intent in t.message.issues for t in short),
        "long_accuracy": share(t.intent in t.message.issues for t in long),
        "asked": share(bool(t.candidates) for t in short),
        "asked_right": share(t.message.issues[0] in t.candidates for t in asked),
    }
