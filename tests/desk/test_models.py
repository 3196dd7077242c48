"""The page of the model's versions."""

from __future__ import annotations

import html
from collections.abc import Iterator
from pathlib import Path

import pytest

from bot.model_versions.folder import read_job, read_served, write_comparison
from bot.settings import get_settings
from bot.training import model_path
from tests.desk.conftest import RunningDesk
from tests.support.servers import wait_until

FIRST, SECOND = "triage-first.tar.gz", "triage-second.tar.gz"
CHANGED = {"source": "intents", "language": "en", "expected": "card_declined", "verdict": "better", "candidate": None}


@pytest.fixture
def folder(models: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The models folder that the desk shows."""
    monkeypatch.setenv("BOT_MODELS_DIR", str(models))
    get_settings.cache_clear()
    yield models
    monkeypatch.undo()
    get_settings.cache_clear()


def test_reviewers_switch_and_undo_and_it_stands_in_the_audit_log(running: RunningDesk, folder: Path) -> None:
    reviewer = running.agent("Kari", "reviewer")
    assert reviewer.post("/models", action="switch", name=FIRST).status_code == 303
    assert reviewer.post("/models", action="switch", name=SECOND).status_code == 303
    page = reviewer.get("/models").text
    assert page.index(SECOND) > 0
    assert f"Switch: {FIRST}" in page
    assert f"Switch: {SECOND}" not in page
    assert reviewer.post("/models", action="undo").status_code == 303
    served = read_served(folder)
    assert served is not None
    assert (served.model, served.previous) == (FIRST, SECOND)
    done = [entry for entry in running.audit() if entry[1].startswith("models")]
    assert done == [("Kari", "models switch", FIRST), ("Kari", "models switch", SECOND), ("Kari", "models undo", FIRST)]


def test_agents_neither_see_nor_switch_models(running: RunningDesk, folder: Path) -> None:
    agent = running.agent("Ola")
    assert agent.get("/models").status_code == 403
    assert agent.post("/models", action="switch", name=FIRST).status_code == 403
    assert read_served(folder) is None


def test_what_cannot_be_done_is_told_on_the_page(running: RunningDesk, folder: Path) -> None:
    reviewer = running.agent("Kari", "reviewer")
    (folder / SECOND).write_bytes(b"half")
    refused = reviewer.post("/models", action="switch", name=SECOND)
    assert refused.status_code == 409
    assert "is no whole archive" in html.unescape(refused.text)
    assert reviewer.post("/models", action="nothing").status_code == 422
    (folder / "served").write_text("{", encoding="utf8")
    assert "delete it" in html.unescape(reviewer.get("/models").text)


def test_a_comparison_shows_what_changes_with_candidates_as_long_as_they_are_kept(
    running: RunningDesk, folder: Path
) -> None:
    tickets = running.desk.tickets
    tickets.record_fallback("mastercard says <no>", "en", ["card_declined"])
    (kept,) = (row["id"] for row in tickets.candidates())
    changed = [
        {**CHANGED, "text": "card knocked back", "then": "pay_invoice", "now": "card_declined"},
        {**CHANGED, "text": "", "source": "review", "candidate": kept, "then": "greet", "now": "card_declined"},
        {**CHANGED, "text": "", "source": "review", "candidate": kept + 1, "then": "thank", "now": "greet"},
    ]
    figures = [{"name": "accuracy", "then": 0.9, "now": 0.95}]
    counts = {"better": 3, "worse": 0, "other": 0}
    about = {"then": FIRST, "now": SECOND, "worse": True, "reasons": ["F1 greet: 0.1 (was 0.9)"]}
    write_comparison(folder, SECOND, {**about, "figures": figures, "counts": counts, "changed": changed})
    page = running.agent("Kari", "reviewer").get("/models").text
    assert f"{SECOND} beside {FIRST}" in page
    assert "worse than the one before" in page
    assert "F1 greet: 0.1 (was 0.9)" in page
    assert "95.0 %" in page
    assert "card knocked back" in page
    assert "mastercard says &lt;no&gt;" in page
    assert page.count("<td>better</td>") == 2


def test_training_runs_as_a_process_of_its_own_and_its_end_is_shown(running: RunningDesk, folder: Path) -> None:
    name = model_path().name
    (folder / SECOND).rename(folder / name)  # that of the present content: there is nothing to train
    reviewer = running.agent("Kari", "reviewer")
    assert reviewer.post("/models", action="train").status_code == 303
    wait_until(lambda: (read_job(folder) or {})["state"] == "done", "the training to end", 120)
    page = reviewer.get("/models").text
    assert f"{name} is there already" in page
    assert ("Kari", "models train", "") in running.audit()
