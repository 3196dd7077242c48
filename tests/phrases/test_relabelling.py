"""What a table of suspects moves and removes in the files of training phrases, and what it leaves as it is."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from bot.articles.examples import Example, read_examples
from bot.phrases.model import ReviewError
from bot.phrases.relabelling import COLUMNS, Correction, corrected_files, read_decisions

PHRASES = """# Written by hand.
version: "3.1"

nlu:
- intent: greet
  metadata:
    language: en
    situations: ["01", "02", "03"]
  examples: |
    - hello
    - my card was refused
    - good morning

# What cards do.
- intent: card_declined
  metadata:
    language: en
  examples: |
    - card declined

- intent: thank
  metadata:
    language: en
    style: real
  examples: |
    - we need ten more seats, cheers
"""


@pytest.fixture
def phrases(tmp_path: Path) -> Path:
    """A folder with one file of phrases."""
    path = tmp_path / "nlu" / "en" / "issues.yml"
    path.parent.mkdir(parents=True)
    path.write_text(PHRASES, encoding="utf8")
    return path


def table(tmp_path: Path, *rows: tuple[str, str, str, str]) -> Path:
    """Writes a table of decision, intent, proposed intent and text."""
    lines = ["\t".join(COLUMNS)]
    for decision, intent, proposed, text in rows:
        values = {"decision": decision, "intent": intent, "proposed": proposed, "file": "en/issues.yml", "text": text}
        lines.append("\t".join(values.get(name, "") for name in COLUMNS))
    path = tmp_path / "suspects.tsv"
    path.write_text("\n".join(lines), encoding="utf8")
    return path


def apply(table: Path, folder: Path) -> subprocess.CompletedProcess[str]:
    words = ["data", "audit", str(folder), "--apply", str(table)]
    environment = {**os.environ, "BOT_REVIEW_DIR": str(folder.parent / "review")}
    command = [sys.executable, "-m", "bot", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_a_phrase_moves_to_the_block_of_its_new_intent_and_loses_its_situation(tmp_path: Path, phrases: Path) -> None:
    result = apply(table(tmp_path, ("move", "greet", "card_declined", "my card was refused")), tmp_path / "nlu")
    assert result.stdout.startswith("1 phrases moved, 0 removed"), result.stderr
    assert phrases.read_text(encoding="utf8") == PHRASES.replace('"01", "02", "03"', '"01", "03"').replace(
        "    - my card was refused\n", ""
    ).replace("    - card declined\n", "    - card declined\n    - my card was refused\n")


def test_a_moved_phrase_keeps_its_style_in_a_block_of_its_own(tmp_path: Path, phrases: Path) -> None:
    text = "we need ten more seats, cheers"
    result = apply(table(tmp_path, ("manage_licenses", "thank", "greet", text)), tmp_path / "nlu")
    assert result.returncode == 2  # nothing has that intent
    assert "'manage_licenses' is no other intent" in result.stderr
    assert apply(table(tmp_path, ("greet", "thank", "card_declined", text)), tmp_path / "nlu").returncode == 0
    assert Example(text, "greet", "en", phrases, real_style=True) in read_examples(phrases)
    assert "thank" not in phrases.read_text(encoding="utf8")


def test_a_phrase_that_no_issue_covers_says_whether_it_is_about_the_products(tmp_path: Path, phrases: Path) -> None:
    rows = [("out_of_scope/products", "greet", "", "hello"), ("out_of_scope", "greet", "", "good morning")]
    found = read_decisions(table(tmp_path, *rows), tmp_path / "nlu", {"greet", "out_of_scope"})
    phrases.write_text(corrected_files(found)[phrases], encoding="utf8")
    moved = {each.text: each.about_products for each in read_examples(phrases) if each.intent == "out_of_scope"}
    assert moved == {"hello": True, "good morning": False}


def test_what_has_no_decision_stays_and_what_is_removed_goes(tmp_path: Path, phrases: Path) -> None:
    rows = [("", "greet", "thank", "hello"), ("remove", "greet", "thank", "good morning")]
    assert apply(table(tmp_path, *rows), tmp_path / "nlu").stdout.startswith("0 phrases moved, 1 removed")
    assert [each.text for each in read_examples(phrases) if each.intent == "greet"] == ["hello", "my card was refused"]
    assert phrases.read_text(encoding="utf8").startswith("# Written by hand.")


def test_a_table_that_no_longer_fits_changes_nothing(tmp_path: Path, phrases: Path) -> None:
    rows = [("remove", "greet", "thank", "hello"), ("remove", "greet", "thank", "hallo")]
    result = apply(table(tmp_path, *rows), tmp_path / "nlu")
    assert result.returncode == 2
    assert "has no such phrase any more" in result.stderr
    assert phrases.read_text(encoding="utf8") == PHRASES


def test_a_file_laid_out_otherwise_is_left_to_a_person(tmp_path: Path) -> None:
    path = tmp_path / "flow.yml"
    path.write_text("nlu:\n- {intent: greet, metadata: {language: en}, examples: '- hello'}\n", encoding="utf8")
    (example,) = read_examples(path)
    with pytest.raises(ReviewError, match="by hand"):
        corrected_files([Correction(example, None)])


def test_every_shipped_phrase_of_a_file_can_be_removed(root: Path) -> None:
    path = root / "data" / "nlu" / "fi" / "situations.yml"
    before = read_examples(path)
    chosen = before[:: max(1, len(before) // 20)]
    content = corrected_files([Correction(each, None) for each in chosen])[path]
    assert content.count("    - ") == len(before) - sum(Counter(chosen).values())
