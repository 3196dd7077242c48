"""The audit of labels finds phrases that were put under a wrong intent."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from bot.articles.examples import Example, read_examples
from bot.nlu.label_audit import Suspect, audit

Planted = tuple[list[Example], dict[Example, str]]

INTENTS = ("card_declined", "cancel_subscription", "manage_licenses", "greet")


@pytest.fixture(scope="module")
def planted(root: Path) -> Planted:
    """English phrases of four intents, and those of them that stand under the next one, with their right intent."""
    found = {each.text: each for each in read_examples(root / "data" / "nlu" / "en") if each.intent in INTENTS}
    wrong = {}
    by_intent = [[each for each in found.values() if each.intent == intent] for intent in INTENTS]
    for place, (intent, phrases) in enumerate(zip(INTENTS, by_intent, strict=True)):
        own = [each for each in phrases if len(each.text.split()) >= 2]
        for each in own[3 :: len(own) // 5][:5]:
            other = replace(each, intent=INTENTS[(place + 1) % len(INTENTS)], situation=None)
            found[each.text] = other
            wrong[other] = intent
    return list(found.values()), wrong


@pytest.fixture(scope="module")
def suspects(planted: Planted) -> list[Suspect]:
    return audit(planted[0])


def test_planted_wrong_labels_are_found_with_the_right_intent(planted: Planted, suspects: list[Suspect]) -> None:
    examples, wrong = planted
    found = {each.example: each for each in suspects}
    right = [each for each, intent in wrong.items() if each in found and found[each].proposed == intent]
    assert len(wrong) == 20
    assert len(right) >= 16
    assert len(suspects) < len(examples) / 10


def test_the_worst_come_first(planted: Planted, suspects: list[Suspect]) -> None:
    first = [each.example in planted[1] for each in suspects[:15]]
    assert sum(first) >= 12
    assert [each.probability for each in suspects] == sorted(each.probability for each in suspects)


def test_near_copies_under_two_intents_are_found_with_each_other(planted: Planted) -> None:
    copy = Example("My card was declined.", "manage_licenses", "en", Path("copy.yml"))
    origin = Example("my card was declined", "card_declined", "en", Path("origin.yml"))
    found = {each.example: each for each in audit([*planted[0], copy, origin])}
    assert "near_copy" in found[copy].reasons
    assert found[copy].proposed == "card_declined"


def test_the_command_writes_a_table_that_names_each_file(tmp_path: Path, planted: Planted) -> None:
    folder, table = tmp_path / "nlu", tmp_path / "suspects.tsv"
    folder.mkdir()
    blocks = ["nlu:\n"]
    for intent in INTENTS:
        texts = [each.text for each in planted[0] if each.intent == intent]
        lines = "".join(f"    - {text}\n" for text in texts)
        blocks.append(f"- intent: {intent}\n  metadata:\n    language: en\n  examples: |\n{lines}\n")
    (folder / "en.yml").write_text("".join(blocks), encoding="utf8")
    command = [sys.executable, "-m", "bot", "data", "audit", str(folder)]
    said = subprocess.run([*command, "-o", str(table)], capture_output=True, text=True, check=True).stdout
    head, *rows = table.read_text(encoding="utf8").splitlines()
    assert said.startswith(f"{len(rows)} phrases in {table} (")
    labels = {each.text: each.intent for each in read_examples(folder)}
    columns = head.split("\t")
    for row in rows[:5]:
        values = dict(zip(columns, row.split("\t"), strict=True))
        assert (values["file"], values["intent"]) == ("en.yml", labels[values["text"]])
        assert values["proposed"] != values["intent"]
