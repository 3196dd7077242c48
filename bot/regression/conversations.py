"""The written conversations, and the verdict on each of their turns.

A conversation (`tests/conversations/written/<half>/<lang>.yml`) says of each turn what the customer types, in which
state of the conversation, and what it must bring about.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import BaseModel, root_validator

from bot.regression.items import RegressionError
from bot.settings import PROJECT_ROOT
from bot.text.yaml_files import read_yaml

WRITTEN = PROJECT_ROOT / "tests" / "conversations" / "written"


class Turn(BaseModel):
    """A customer's message with what it must bring about."""

    state: str
    says: str
    act: str
    value: str = ""
    choices: tuple[str, ...] = ()

    @root_validator(pre=True)
    def _read_choices(cls, values: dict[str, Any]) -> dict[str, Any]:  # noqa: N805 - pydantic hands over the class
        """Takes `{asked_which: [issues]}` apart."""
        if not isinstance(values.get("state"), dict):
            return values
        ((state, choices),) = values["state"].items()
        return {**values, "state": state, "choices": choices}


class Script(BaseModel):
    """A written conversation."""

    language: str
    number: int
    issue: str
    product: str
    turns: tuple[Turn, ...]


@dataclass(frozen=True)
class Heard:
    """The bot's understanding of a turn, its answer, and the verdict on both."""

    script: Script
    turn: Turn
    intent: str
    replies: tuple[str, ...]
    right: bool
    repeated: bool
    """True if the bot said the same as before in the conversation."""
    apologised: bool
    """True if it apologised to a customer who thanked it."""
    forced: bool
    """True if it answered an out-of-scope message with an issue's article."""


def read_conversations(folder: Path) -> list[Script]:
    """Reads all conversations of a folder, by language.

    Raises:
        RegressionError: there are none, or a file has another shape; the message says which.
    """
    scripts = []
    for path in sorted(folder.glob("*.yml")):
        try:
            content = read_yaml(path, ValueError)
            for number, script in enumerate(content["conversations"]):
                scripts.append(Script(language=content["language"], number=number, **script))
        except (KeyError, TypeError, ValueError) as error:
            raise RegressionError(f"{path}: {error!r}; see {__name__} for the shape of a conversation.") from error
    if not scripts:
        raise RegressionError(f"{folder}: no conversations there; restore them from git.")
    return scripts
