"""What a batch run finds is what `/model/parse` finds, and the files hold it."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from bot.articles.examples import read_examples
from bot.articles.issues import load_issues
from bot.batch import workers
from bot.batch.reading import BatchError, Chunk, Row
from bot.batch.run import triage_file
from bot.batch.tables import read_links
from bot.batch.understanding import Understanding
from bot.batch.workers import Model
from bot.regression.measure import HELD_OUT, read_labelled
from tests.batch.conftest import write_csv
from tests.conftest import RunningBot

LINKS = read_links()
LANGUAGES = ("en", "nb", "sv", "nl", "da", "de", "fr", "es", "fi")


@pytest.fixture(scope="module")
def understanding(trained_model: Path) -> Understanding:
    return Understanding(trained_model)


def chunk_of(texts: Sequence[str]) -> Chunk:
    return Chunk(0, tuple(Row(number, str(number), text) for number, text in enumerate(texts)), (), 0)


def texts_in(language: str, root: Path) -> list[str]:
    """Phrases, messages with two issues and e-mails that nothing was trained on."""
    phrases = [example.text for example in read_examples(HELD_OUT) if example.language == language]
    longer = [
        message.text
        for folder in ("two_issues", "long")
        for message in read_labelled(root / "tests" / "regression" / folder)
        if message.language == language
    ]
    return phrases[::12] + longer[::8]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_batch_finds_what_model_parse_finds(
    language: str, root: Path, understanding: Understanding, running_bot: RunningBot
) -> None:
    texts = texts_in(language, root)
    batch, rejected = understanding.triage(
        Chunk(0, tuple(Row(n, str(n), text) for n, text in enumerate(texts)), (), 0), LINKS
    )
    assert not rejected
    assert len(texts) > 30
    for found, text in zip(batch.to_pylist(), texts, strict=True):
        parsed = running_bot.post("/model/parse", {"text": text})
        ranking = [one for one in parsed["intent_ranking"] if one["name"] != "nlu_fallback"]
        ranking = [one for one in ranking if one["name"] != parsed["intent"]["name"]]
        expected = {
            "intent": parsed["intent"]["name"],
            "language": parsed["language"]["name"],
            "runner_up": ranking[0]["name"],
            "second_issue": (parsed["triage"]["second_issue"] or {}).get("name"),
            "sentiment": parsed["triage"]["sentiment"]["label"],
        }
        assert {name: found[name] for name in expected} == expected, text
        assert found["confidence"] == pytest.approx(parsed["intent"]["confidence"], abs=1e-4)
        assert found["runner_up_confidence"] == pytest.approx(ranking[0]["confidence"], abs=1e-4)
        entities = [one for one in parsed["entities"] if one["entity"] not in {"language", "fallback_language"}]
        assert json.loads(found["entities"]) == [
            {key: one[key] for key in ("entity", "value", "start", "end")} for one in entities
        ]


def test_an_issue_has_its_queue_priority_article_and_link(understanding: Understanding) -> None:
    texts = ["Kortet mitt ble avvist og produksjonen er nede", "what is the weather like on the moon?", "/restart"]
    batch, _ = understanding.triage(chunk_of(texts), LINKS)
    card, weather, command = batch.to_pylist()
    assert (card["intent"], card["queue"]) == ("card_declined", load_issues()["card_declined"].queue)
    assert (card["priority"], card["article_id"]) == ("urgent", "card_declined/nb")
    assert card["article_url"].startswith("https://")
    assert (weather["article_id"], weather["article_url"]) == (None, None)
    assert command["intent"]
    assert {article.split("/")[0] for article in (article for article, _ in LINKS.values())} == {*load_issues()}


def test_workers_are_forked_from_a_process_that_has_the_model(
    trained_model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(workers.PRELOADED, json.dumps([str(trained_model), Model.at(trained_model).digest]))
    workers._loaded.cache_clear()
    workers.preload()
    assert workers._loaded.cache_info().currsize == 1
    workers._loaded.cache_clear()
    monkeypatch.setenv(workers.PRELOADED, json.dumps([str(tmp_path / "nothing"), ""]))
    workers.preload()  # the workers will say what is wrong
    assert workers._loaded.cache_info().currsize == 0


def test_rows_that_are_alike_have_like_results_and_stay_in_order(understanding: Understanding) -> None:
    rows = tuple(Row(n, f"T{n}", text) for n, text in enumerate(["hello", "my card was declined"] * 3))
    batch, _ = understanding.triage(Chunk(0, rows, (), 0), LINKS)
    assert batch.column("id").to_pylist() == [row.id for row in rows]
    assert len({tuple(record.items())[1:] for record in batch.to_pylist()}) == 2


def triage(*arguments: object, stdin: bytes | None = None) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "bot", "triage", *map(str, arguments)]
    return subprocess.run(command, input=stdin, capture_output=True, check=False)


def test_the_command_reads_and_writes_every_format_and_the_standard_streams(
    trained_model: Path, tmp_path: Path
) -> None:
    source = write_csv(tmp_path / "tickets.csv", ["my card was declined", " ", "ich möchte kündigen, INV E0400ABCDE"])
    options = ["--model", trained_model, "--processes", 1]
    result = triage(source, "-o", tmp_path / "out.parquet", "--report", tmp_path / "report.html", *options)
    assert result.returncode == 1, result.stderr.decode()
    assert "2 tickets triaged, 1 rows rejected" in result.stderr.decode()
    report = (tmp_path / "report.html").read_text(encoding="utf8")
    assert "2 tickets triaged, 1 rows rejected" in report
    assert "card_declined" in report
    assert (tmp_path / "out.rejected.csv").read_text(encoding="utf8") == "row,id,reason\n2,T2,empty text\n"
    assert not (tmp_path / "out.parquet.parts").exists()
    expected: list[dict[str, Any]] = pq.read_table(tmp_path / "out.parquet").to_pylist()
    assert [record["id"] for record in expected] == ["T1", "T3"]

    formats = ["--input-format", "csv", "--output-format", "jsonl"]
    streamed = triage("-", "-o", "-", *formats, *options, stdin=source.read_bytes())
    assert streamed.returncode == 1, streamed.stderr.decode()
    assert "2,T2,empty text" in streamed.stderr.decode()
    for line, record in zip(streamed.stdout.splitlines(), expected, strict=True):
        told = json.loads(line)
        assert {name: told[name] for name in ("id", "intent", "language", "queue", "article_url")} == {
            name: record[name] for name in ("id", "intent", "language", "queue", "article_url")
        }

    again = triage(source, "-o", tmp_path / "out.parquet", *options)
    assert again.returncode == 2
    assert "--force" in again.stderr.decode()


def test_parts_of_another_run_are_not_mixed_with_this_one(trained_model: Path, tmp_path: Path, plan_for: Any) -> None:
    source = write_csv(tmp_path / "tickets.csv", ["my card was declined"])
    plan = plan_for(source, tmp_path / "out.parquet")
    folder = tmp_path / "out.parquet.parts"
    folder.mkdir()
    (folder / "manifest.json").write_text('{"input": "another one"}')
    (folder / "00000007.arrow").write_bytes(b"")
    with pytest.raises(BatchError, match="--force"):
        triage_file(plan)
    assert triage_file(replace(plan, force=True)).rows == 1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["nothing.csv", "-o", "out.parquet"], "no such file"),
        (["pyproject.toml", "-o", "out.parquet"], "format"),
        (["pyproject.toml", "-o", "out.csv", "--input-format", "csv", "--report", "x.pdf"], ".html"),
    ],
)
def test_what_cannot_run_is_told_in_one_sentence(arguments: list[str], words: str) -> None:
    result = triage(*arguments)
    assert result.returncode == 2
    assert words in result.stderr.decode().splitlines()[-1]
