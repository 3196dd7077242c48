"""The comparison of classifiers: its splits and figures, and that it runs on a slice. No figure is judged here."""

from __future__ import annotations

import csv
import json
from collections import Counter
from pathlib import Path

import pytest
import yaml
from rasa.shared.nlu.training_data.loading import load_data

from benchmarks.classifiers.__main__ import main
from benchmarks.classifiers.data import OUT_OF_SCOPE, Phrase, banking77, clinc150, write_training_file
from benchmarks.classifiers.measure import figures
from benchmarks.classifiers.systems import NOT_APPLICABLE, our_config, systems

INTENTS = 4
PHRASES = 15


@pytest.fixture(scope="module")
def slice_of_data(shared: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few intents of both data sets, in files like theirs."""
    folder = tmp_path_factory.mktemp("slice")
    with (shared / "benchmarks" / "banking77" / "train.csv").open(encoding="utf8", newline="") as stream:
        rows = [(row["text"], row["category"]) for row in csv.DictReader(stream)]
    (folder / "banking77").mkdir()
    with (folder / "banking77" / "train.csv").open("w", encoding="utf8", newline="") as stream:
        csv.writer(stream).writerows([("text", "category"), *_some(rows)])
    parts = json.loads((shared / "benchmarks" / "clinc150" / "data_full.json").read_text(encoding="utf8"))
    (folder / "clinc150").mkdir()
    few = {part: _some(parts[part]) for part in ("train", "test", "oos_train", "oos_test")}
    (folder / "clinc150" / "data_full.json").write_text(json.dumps(few), encoding="utf8")
    return folder


def _some(rows: list[tuple[str, str]]) -> list[tuple[str, str]]:
    intents = list(dict.fromkeys(intent for _, intent in rows))[:INTENTS]
    return [row for intent in intents for row in [row for row in rows if row[1] == intent][:PHRASES]]


def test_a_fifth_of_each_intent_of_banking77_is_held_out_and_always_the_same(slice_of_data: Path) -> None:
    data = banking77(slice_of_data)
    assert Counter(phrase.intent for phrase in data.test) == {phrase.intent: PHRASES // 5 for phrase in data.train}
    assert not set(data.train) & set(data.test)
    assert banking77(slice_of_data) == data


def test_clinc150_keeps_its_own_parts_with_the_out_of_scope_phrases(slice_of_data: Path) -> None:
    data = clinc150(slice_of_data)
    for part in (data.train, data.test):
        counts = Counter(phrase.intent for phrase in part)
        assert len(counts) == INTENTS + 1
        assert set(counts.values()) == {PHRASES}
        assert OUT_OF_SCOPE in counts


def test_rasa_reads_back_every_phrase_as_it_was_written(tmp_path: Path) -> None:
    phrases = [
        Phrase('it says "error: 5" - why?', "reverted_card_payment?"),
        Phrase("- # no", "yes"),
        Phrase("ça coûte 10 €", "yes"),
    ]
    write_training_file(phrases, tmp_path / "nlu.yml")
    read = load_data(str(tmp_path / "nlu.yml")).training_examples
    assert {(message.get("text"), message.get("intent")) for message in read} == {
        (phrase.text, phrase.intent) for phrase in phrases
    }


def test_a_refused_phrase_is_wrong_inside_the_scope_and_right_outside_it() -> None:
    phrases = [Phrase("a", "one"), Phrase("b", "two"), Phrase("c", OUT_OF_SCOPE), Phrase("d", OUT_OF_SCOPE)]
    found = figures(phrases, ["one", "nlu_fallback", OUT_OF_SCOPE, "one"])
    assert (found.accuracy, found.false_refusals, found.out_of_scope_recall) == (0.5, 0.5, 0.5)
    assert figures(phrases[:2], ["one", "two"]).out_of_scope_recall is None


def test_our_pipeline_is_that_of_config_yml_but_for_the_language(root: Path) -> None:
    configured = yaml.safe_load((root / "config.yml").read_text(encoding="utf8"))["pipeline"]
    compared = yaml.safe_load(our_config())["pipeline"]
    assert compared == [component for component in configured if component["name"] not in NOT_APPLICABLE]


def test_fewer_epochs_of_diet_are_told_in_its_title_and_kept_apart() -> None:
    short, full = systems(epochs=1)["diet"], systems()["diet"]
    assert "only 1 of its 100 epochs" in short.title
    assert "epochs: 1\n" in short.config
    assert "epochs: 100\n" in full.config
    assert short.name != full.name


@pytest.mark.full
def test_the_command_measures_a_slice_and_takes_kept_results_again(
    slice_of_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["--systems", "ours", "logistic", "--folder", str(slice_of_data)]
    arguments += ["--results", str(tmp_path / "results"), "--models", str(tmp_path / "models")]
    assert main(arguments) == 0
    first = capsys.readouterr().out
    assert first.count("this project (config.yml)") == 4
    assert first.count("LogisticRegressionClassifier") == 4
    kept = {path: path.read_bytes() for path in (tmp_path / "results").iterdir()}
    assert len(kept) == 4
    assert main(arguments) == 0
    assert capsys.readouterr().out == first
    assert {path: path.read_bytes() for path in (tmp_path / "results").iterdir()} == kept


@pytest.mark.full
def test_the_command_measures_diet(slice_of_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--data", "clinc150", "--systems", "diet", "--epochs", "1", "--folder", str(slice_of_data)]
    arguments += ["--results", str(tmp_path / "results"), "--models", str(tmp_path / "models")]
    assert main(arguments) == 0
    assert "DIET, only 1 of its 100 epochs" in capsys.readouterr().out


def test_it_says_so_where_the_data_sets_are_missing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--folder", str(tmp_path / "nowhere")]) == 2
    assert "the data sets are not on this machine" in capsys.readouterr().err
