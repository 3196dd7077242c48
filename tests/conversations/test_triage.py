"""Whole dialogues of triage, `dialogues/<language>.yml`, through the REST channel of a really running bot.

A turn says what the customer does: `say` a sentence, `say_one_of` vague ones (the first in which the bot hears two
issues alike), `press` the first button whose payload begins so, `press_first` the first of all, `as` somebody else from
now on. And it says what the bot must answer: `says` replies by their keys, `answers` an issue for a `product`,
`contains` words, `offers` buttons by the beginnings of their payloads, in a `language` that it has gone over to.
`{number}` stands for the number of the ticket that was opened last. In the end, `ticket` and `outcomes` are what has
been kept.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from bot.articles.replies import Replies, ReplyError
from bot.tickets.store import TicketStore
from tests.conftest import Answer, Conversation, RunningBot

FOLDER = Path(__file__).parent / "dialogues"
REPLIES = Replies()
NUMBER = re.compile(r"T-\d+-[0-9A-Z]{6}")


def _dialogues() -> list[Any]:
    found = []
    for path in sorted(FOLDER.glob("*.yml")):
        for dialogue in yaml.safe_load(path.read_text(encoding="utf8")):
            found.append(pytest.param(path.stem, dialogue, id=f"{path.stem}: {dialogue['dialogue']}"))
    return found


@pytest.fixture(scope="module")
def store(running_bot: RunningBot) -> TicketStore:
    """The running bot's ticket store, looked at from outside."""
    return TicketStore(running_bot.tickets)


@pytest.mark.parametrize(("language", "dialogue"), _dialogues())
def test_a_dialogue_goes_as_written(
    running_bot: RunningBot, store: TicketStore, language: str, dialogue: dict[str, Any]
) -> None:
    customer = running_bot.conversation()
    first, number, vague, chosen = customer, "", "", None
    for turn in dialogue["turns"]:
        if "as" in turn:
            customer = running_bot.conversation()
        language = turn.get("language", language)
        if "say_one_of" in turn:
            first, vague = _unsure_about(running_bot, turn["say_one_of"])
            customer, answer = first, first.last
        elif "press_first" in turn:
            chosen = next(iter(customer.last.buttons.values())).removeprefix("/")
            customer.press(f"/{chosen}")
            answer = customer.press("/choose_product")
            assert answer.payload["intent"] == chosen
        else:
            answer = customer.press(turn["press"]) if "press" in turn else customer.say(_filled(turn["say"], number))
        _check(answer, turn, language, number)
        number = (NUMBER.search(answer.text) or [number])[0]
    for issue, outcome in dialogue.get("outcomes", {}).items():
        wait_for(lambda issue=issue, outcome=outcome: _outcome(store, first.sender, issue) == outcome)
        if outcome == "not_solved":
            wait_for(lambda issue=issue: ("not_helped", issue) in _kept_with_confidences(store))
    if vague:
        wait_for(lambda: ("choice", vague, chosen) in _choices(store))
        assert all(row["ranking"] for row in store.candidates() if row["text"] == vague)
    if "ticket" in dialogue:
        _check_ticket(store, number, dialogue["ticket"])


def test_every_language_of_the_dialogues_has_one_for_each_path() -> None:
    paths = {}
    for path in FOLDER.glob("*.yml"):
        paths[path.stem] = [each["path"] for each in yaml.safe_load(path.read_text(encoding="utf8"))]
    wanted = {
        *("unsure", "two issues", "follow-up", "product switch", "not helped", "form interrupted", "cancelled"),
        *("status asked by owner", "status asked by stranger", "language switched"),
    }
    assert set(paths) == {"en", "nb", "sv", "nl"}
    assert all(set(found) >= wanted for found in paths.values())


def wait_for(condition: Callable[[], bool]) -> None:
    """Waits until something is so that is recorded beside the conversation."""
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline, "it was never recorded"
        time.sleep(0.05)  # between two looks, not instead of looking


def spoken(key: str, language: str) -> re.Pattern[str]:
    """Returns what a reply looks like, whatever stands for its placeholders."""
    blanks = {name: f"\0{name}\0" for name in ("topic", "number", "email", "summary", "product", "date")}
    try:
        text = REPLIES.dialogue(key, language, **blanks)
    except ReplyError:
        text = REPLIES.text(key, language)
    return re.compile(re.sub("\0\\w+\0", "(.+?)", re.escape(text).replace("\\\0", "\0")), re.DOTALL)


def _filled(text: str, number: str) -> str:
    return text.replace("{number}", number)


def _unsure_about(bot: RunningBot, messages: list[str]) -> tuple[Conversation, str]:
    """Begins a conversation with the first of the messages after which the bot asks "A or B?"; returns both."""
    for message in messages:
        customer = bot.conversation()
        if "/none_of_these" in customer.say(message).buttons.values() and not customer.last.payload:
            return customer, message
    raise AssertionError(f"none of these is taken for two issues alike: {messages}")


def _check(answer: Answer, turn: dict[str, Any], language: str, number: str) -> None:
    told = f"{turn}\nwas answered with\n{answer.text}\n{answer.buttons}"
    for key in _listed(turn, "says"):
        assert spoken(key, language).search(answer.text), f"not {key}: {told}"
    for key in _listed(turn, "says_not"):
        assert not spoken(key, language).search(answer.text), f"but {key}: {told}"
    for words in _listed(turn, "contains"):
        assert _filled(words, number).casefold() in answer.text.casefold(), f"no {words!r}: {told}"
    for payload in _listed(turn, "offers"):
        assert any(each.startswith(payload) for each in answer.buttons.values()), f"no {payload}: {told}"
    if "answers" in turn:
        assert answer.payload.get("intent") == turn["answers"], told
        assert answer.payload["language"] == language, told
    if "product" in turn:
        assert answer.payload["product"] == turn["product"], told


def _listed(turn: dict[str, Any], key: str) -> list[str]:
    value = turn.get(key, [])
    return value if isinstance(value, list) else [value]


def _outcome(store: TicketStore, conversation: str, issue: str) -> str | None:
    kept = {(row["conversation_id"], row["intent"]): row["outcome"] for row in store.outcomes()}
    return kept.get((conversation, issue))


def _choices(store: TicketStore) -> list[tuple[str, str, str | None]]:
    return [(row["kind"], row["text"], row["intent"]) for row in store.candidates()]


def _kept_with_confidences(store: TicketStore) -> list[tuple[str, str]]:
    return [(row["kind"], row["shown"][0]) for row in store.candidates() if row["ranking"] and row["shown"]]


def _check_ticket(store: TicketStore, number: str, expected: dict[str, Any]) -> None:
    ticket = store.ticket(number)
    for name, value in expected.items():
        if name == "said":
            said = [line.text for line in ticket.transcript if line.speaker == "customer"]
            assert value in said, said
        elif name in ("tags", "signals", "steps_tried"):
            assert set(value) <= set(getattr(ticket, name)), getattr(ticket, name)
        else:
            assert getattr(ticket, name) == value
