"""`python -m bot encoder train`, `lessons` and `evaluate`."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import pytest

from bot.encoder import load_encoder
from bot.encoder.training.commands import add_commands


def run(*words: str | Path) -> int:
    parser = argparse.ArgumentParser()
    add_commands(parser.add_subparsers())
    arguments = parser.parse_args([str(word) for word in words])
    return int(arguments.handler(arguments))


def test_training_without_a_teacher_writes_one_versioned_file(
    trees: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "tiny.npz"
    words = ["--no-teacher", "--epochs", "3", "--dimension", "16"]
    assert run("encoder", "train", *trees, "-o", output, *words) == 0
    encoder = load_encoder(output)
    assert encoder.dimension == 16
    assert encoder.provenance["learned_from"] == ["de-DE", "nb-NO", "sv-SE"]
    assert encoder.provenance["teacher"] is None
    printed = capsys.readouterr().out
    assert "segments" in printed
    assert "MB" in printed


def test_training_twice_gives_the_same_weights(trees: list[Path], tmp_path: Path) -> None:
    versions = set()
    for name in ("a.npz", "b.npz"):
        words = ["--no-teacher", "--epochs", "2", "--dimension", "8"]
        assert run("encoder", "train", *trees, "-o", tmp_path / name, *words) == 0
        versions.add(load_encoder(tmp_path / name).version)
    assert len(versions) == 1


def test_a_single_tree_teaches_nothing(trees: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "nb-NO").mkdir()
    assert run("encoder", "train", tmp_path / "nb-NO", "-o", tmp_path / "x.npz", "--no-teacher") == 1
    assert "at least two trees" in capsys.readouterr().err


def test_phrases_of_a_language_can_be_left_out(trees: list[Path], tmp_path: Path) -> None:
    for language, text in (("en", "give me my money back"), ("nb", "gi meg pengene tilbake"), ("de", "Geld zurück")):
        entry = (
            "nlu:\n- intent: refund_request\n  metadata: {{language: {}, situations: [1]}}\n  examples: |\n    - {}\n"
        )
        (tmp_path / f"{language}.yml").write_text(entry.format(language, text), encoding="utf8")
    situations = []
    for left_out in ([], ["de"], ["de", "nb"]):
        output = tmp_path / f"{len(left_out)}.npz"
        words = ["--no-teacher", "--epochs", "1", "--phrases", tmp_path, "-o", output, "--without", *left_out]
        assert run("encoder", "train", *trees, *words) == 0
        provenance = load_encoder(output).provenance
        assert provenance["languages_without_phrases"] == left_out
        situations.append(provenance["situations"])
    assert situations == [1, 1, 0]


def test_lessons_hold_phrases_by_intent_and_texts_that_say_the_same(trees: list[Path], tmp_path: Path) -> None:
    entry = """nlu:
- intent: refund_request
  metadata: {{language: {language}, style: {style}, situations: [1]}}
  examples: |
    - {text}
"""
    phrases = tmp_path / "nlu"
    written = (("en", "real", "give me my money back"), ("nb", "plain", "gi meg pengene tilbake"))
    for language, style, text in written:
        (phrases / language).mkdir(parents=True)
        (phrases / language / "x.yml").write_text(entry.format(language=language, style=style, text=text))
    question = """nlu:
- intent: ask_who
  metadata: {language: en, passage: refund_request/who}
  examples: |
    - can she ask
"""
    (phrases / "en" / "passages.yml").write_text(question)
    played = [
        "issue\tproduct\twants\tpassages\tmessage",
        "refund_request\t\task\trefund_request/who\tand me?",
        "\t\tsteps\trefund_request/\tyou took 40 too much",
    ]
    (tmp_path / "turns.tsv").write_text("\n".join(played))
    output = tmp_path / "new" / "lessons.json"
    assert run("encoder", "lessons", *trees, "--phrases", phrases, "-o", output) == 0
    lessons = json.loads(output.read_text(encoding="utf8"))
    said = [[text, "refund_request", style == "real"] for _, style, text in written]
    first = ["you took 40 too much", "refund_request", True]
    assert sorted(lessons["phrases"]) == sorted([*said, ["can she ask", "ask_who", False], first])
    assert lessons["passages"] == [["can she ask", "refund_request/who"]]
    turns = [["and me?", "refund_request/who", "refund_request"], ["you took 40 too much", "refund_request/", ""]]
    assert lessons["turns"] == turns
    assert (lessons["follow_ups"], lessons["acts"]) == (["ask_who"], ["ask_who", "out_of_scope"])
    assert lessons["situations"] == [{language: text for language, _, text in written}]
    assert lessons["segments"]


def test_lessons_without_phrases_are_refused(
    trees: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "broken.yml").write_text("nlu:\n- intent: greet\n", encoding="utf8")
    words = ("--phrases", tmp_path / "broken.yml", "-o", tmp_path / "lessons.json")
    assert run("encoder", "lessons", *trees, *words) == 1
    assert "broken.yml" in capsys.readouterr().err


def test_evaluation_prints_the_retrieval_table(
    trees: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("encoder", "evaluate", *trees) == 0
    assert "from/to" in capsys.readouterr().out


def test_evaluation_of_a_missing_file_fails_with_its_name(
    trees: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("encoder", "evaluate", *trees, "--weights", tmp_path / "none.npz") == 1
    assert "none.npz" in capsys.readouterr().err
