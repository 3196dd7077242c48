"""The report on the training phrases, and the command that prints it."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

from bot.articles.examples import Example, read_examples
from bot.nlu.data_report import as_markdown, describe


def command(root: Path, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bot", "data", *words], cwd=root, capture_output=True, text=True, check=False
    )


def test_the_report_counts_every_phrase_once(root: Path) -> None:
    result = command(root, "report", "--folds", "0", "--json")
    assert result.returncode == 0
    counts = json.loads(result.stdout)["counts"]
    assert sum(sum(row.values()) for row in counts.values()) == len(read_examples(root / "data" / "nlu"))


def test_a_phrase_under_the_wrong_intent_is_suspected(root: Path) -> None:
    examples = [e for e in read_examples(root / "data" / "nlu" / "en") if e.intent in {"greet", "manage_licenses"}]
    planted = Example("please add ten more seats for the new colleagues", "greet", "en", Path("planted.yml"))
    report = describe([*examples, planted])
    assert planted.text in {row["text"] for row in report["suspects"]}
    assert f"`{planted.text}` is greet, looks like manage_licenses" in as_markdown(report)


def test_the_check_prints_each_problem_and_fails(root: Path, tmp_path: Path) -> None:
    path = tmp_path / "phrases.yml"
    path.write_text(
        "nlu:\n- intent: greet\n  metadata: {language: en}\n  examples: |\n    - hello\n    - Hello!\n", encoding="utf8"
    )
    result = command(root, "check", str(tmp_path))
    assert result.returncode == 1
    assert "`Hello!` nearly repeats `hello`" in result.stdout
    assert result.stdout.splitlines()[-1] == "2 phrases read, 1 problems"


def test_an_empty_folder_is_told_apart_from_a_good_one(root: Path, tmp_path: Path) -> None:
    result = command(root, "check", str(tmp_path))
    assert result.returncode == 2
    assert "no examples found" in result.stderr
