"""Turns real conversations into masked test cases, adds them to files of the review folder, and deletes expired ones.

They have the format of the written test conversations; `python -m bot review conversations` plays them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import yaml

from bot.articles.issues import load_issues
from bot.phrases.anonymous import NO_BRACES, anonymous
from bot.phrases.files import locked, writing
from bot.phrases.model import ReviewError
from bot.text.yaml_files import read_yaml


def case_of(events: Iterable[Mapping[str, Any]]) -> dict[str, Any] | None:
    """Returns a conversation as a test case, None where the customer said nothing that was understood.

    What each message must bring about is what the bot made of it; whoever keeps the case corrects what it got wrong.

    Args:
        events: of Rasa's conversation, oldest first.
    """
    issues, turns, issue, product = load_issues(), [], "", "azure"
    for event in events:
        if event["event"] == "slot" and event.get("name") == "product" and event.get("value"):
            product = str(event["value"])
        parsed = event.get("parse_data") or {}
        intent = str((parsed.get("intent") or {}).get("name") or "")
        says = _masked(str(event.get("text") or ""))
        if event["event"] != "user" or not intent or not says:
            continue
        values = {str(each["entity"]): str(each["value"]) for each in parsed.get("entities") or []}
        meant = {"act": intent}
        if intent in issues:
            issue = issue or intent
            meant = {"act": "issue", "value": intent}
        elif intent == "choose_product" and values.get("product"):
            meant = {"act": "product", "value": values["product"]}
        turns.append({"state": "next", "says": says, **meant})
    return {"issue": issue, "product": product, "turns": turns} if turns else None


def add_case(folder: Path, language: str, case: Mapping[str, Any], today: date) -> Path:
    """Appends a case to `<folder>/conversations/<language>.yml`, unless the file has it; returns the file.

    Args:
        folder: of the review (`BOT_REVIEW_DIR`).
        language: of the conversation.
        case: as `case_of` returns it.
        today: from which on its time of retention counts.

    Raises:
        ReviewError: the file cannot be read or written.
    """
    path = folder / "conversations" / f"{language}.yml"
    with locked(folder):
        before = path.read_text(encoding="utf8") if path.exists() else f"language: {language}\nconversations:\n"
        known = read_yaml(path, ReviewError).get("conversations") or [] if path.exists() else []
        undated = [{name: value for name, value in each.items() if name != "added"} for each in known]
        if case not in undated:
            with writing({path: f"{before.rstrip()}\n{_yaml([{'added': today, **case}])}"}):
                pass
    return path


def expire_cases(folder: Path, before: date) -> None:
    """Deletes the cases that were added before a day. Those without a day stay."""
    for path in sorted((folder / "conversations").glob("*.yml")):
        with locked(folder):
            content = read_yaml(path, ReviewError)
            cases = content.get("conversations") or []
            kept = [each for each in cases if each.get("added", before) >= before]
            if len(kept) < len(cases):
                with writing({path: _yaml({**content, "conversations": kept}) if kept else ""}):
                    pass


def _yaml(content: Any) -> str:
    return str(yaml.safe_dump(content, allow_unicode=True, sort_keys=False, width=1000))


def _masked(text: str) -> str:
    """Returns a text without what only concerns the customer; a button's payload as it is, empty if one was typed."""
    if not text.startswith("/"):
        return anonymous(text)
    return text if anonymous(text) == text.translate(NO_BRACES) else ""
