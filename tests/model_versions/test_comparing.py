"""Comparing a model with the served one."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from bot.model_versions.folder import read_comparison
from bot.regression.steps import STEPS
from bot.tickets.store import TicketStore
from tests.conftest import ROOT
from tests.model_versions.conftest import models_command
from tests.support.models import copy_model

FIRST, SECOND = "triage-first.tar.gz", "triage-second.tar.gz"
SAID = "the payment page says my card is not accepted"
ASKED = {"card_declined": "my card was declined", "pay_invoice": "how do I pay my invoice?"}
WITHOUT = [name for name in STEPS if name not in ("intents", "real style", "articles", "retrieval")]


@pytest.fixture
def sets(tmp_path: Path) -> Path:
    """A few held-out messages, in the form of all of them."""
    folder = tmp_path / "sets"
    for name in ("real_style", "entities", "two_issues", "long"):
        (folder / name).mkdir(parents=True)
        lines = (ROOT / "tests" / "regression" / name / "en.tsv").read_text(encoding="utf8").splitlines()
        (folder / name / "en.tsv").write_text("\n".join(lines[:3]) + "\n", encoding="utf8")
    phrases = [
        {"intent": intent, "metadata": {"language": "en"}, "examples": f"- {text}\n"} for intent, text in ASKED.items()
    ]
    (folder / "en.yml").write_text(yaml.safe_dump({"version": "3.1", "nlu": phrases}), encoding="utf8")
    tolerances = yaml.safe_load((ROOT / "tests" / "regression" / "tolerances.yml").read_text(encoding="utf8"))
    tolerances["critical"] = {"en": [ASKED["card_declined"]]}
    (folder / "tolerances.yml").write_text(yaml.safe_dump(tolerances), encoding="utf8")
    return folder


@dataclass
class Comparing:
    """The command `models compare` with a ticket store of its own, in which a customer's message waits for review."""

    models: Path
    sets: Path
    tickets: str

    def __call__(self, *words: str, code: int) -> str:
        options = ["--sets", str(self.sets), "--without", *WITHOUT]
        environment = {"BOT_TICKETS_DATABASE": self.tickets}
        return models_command(self.models, "compare", *words, *options, code=code, **environment).stdout


@pytest.fixture
def comparing(models: Path, trained_model: Path, sets: Path, tmp_path: Path) -> Comparing:
    """Two models, of which the second takes two intents for each other."""
    copy_model(trained_model, models / SECOND, confusing)
    tickets = f"sqlite:///{tmp_path / 'tickets.db'}"
    TicketStore(tickets).record_fallback(SAID, "en", ["card_declined"])
    return Comparing(models, sets, tickets)


def confusing(name: str, content: bytes) -> bytes:
    """Makes an intent classifier take two intents for each other."""
    if "LinearIntentClassifier" not in name or not name.endswith(".json"):
        return content
    one, other = b'"card_declined"', b'"pay_invoice"'
    return content.replace(one, b"?").replace(other, one).replace(b"?", other)


def test_a_worse_model_is_named_with_each_message_that_changes(comparing: Comparing) -> None:
    found = json.loads(comparing(FIRST, SECOND, "--json", code=1))
    assert (found["then"], found["now"], found["worse"]) == (FIRST, SECOND, True)
    assert "critical phrase is wrong: en: my card was declined" in found["reasons"]
    assert found["asked"] == {"intents": 2, "real_style": 3, "review": 1}
    intents = {each["text"]: each for each in found["changed"] if each["source"] == "intents"}
    assert {text: (each["then"], each["now"], each["verdict"]) for text, each in intents.items()} == {
        ASKED["card_declined"]: ("card_declined", "pay_invoice", "worse"),
        ASKED["pay_invoice"]: ("pay_invoice", "card_declined", "worse"),
    }
    (candidate,) = (each for each in found["changed"] if each["source"] == "review")
    assert (candidate["text"], candidate["expected"], candidate["verdict"]) == (SAID, None, "other")
    # What is kept has no words of customers: retention and erasure do not reach it.
    kept = read_comparison(comparing.models, SECOND)
    assert kept is not None
    assert [each["text"] for each in kept["changed"] if each["source"] == "review"] == [""]
    assert kept["counts"] == found["counts"]
    assert SAID not in json.dumps(kept)
    # What was measured is kept, too; the other way round nothing is measured again, and the model is better.
    for name in ("triage-first", "triage-second"):
        (comparing.models / "comparisons" / name / "measure.log").unlink()
    models_command(comparing.models, "switch", SECOND)
    shown = comparing(code=0)  # the newest beside the served one
    assert "triage-first.tar.gz is as good as, or better than, triage-second.tar.gz" in shown
    assert SAID in shown
    assert not list(comparing.models.glob("comparisons/*/measure.log"))
    assert f"good, {found['counts']['worse']} better, 0 worse" in models_command(comparing.models, "list").stdout


def test_comparing_with_what_is_not_there_is_an_error(models: Path) -> None:
    assert "name both" in models_command(models, "compare", code=2).stderr
    (models / "triage-second.tar.gz").unlink()
    models_command(models, "switch", "triage-first")
    assert "there is no model beside triage-first.tar.gz" in models_command(models, "compare", code=2).stderr
