"""Compares an earlier model with a new one: the nightly gate's verdict, figures, messages understood differently."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timezone
from pathlib import Path
from statistics import fmean
from typing import Any

from bot.articles.examples import read_lines
from bot.model_versions.folder import ModelVersionError, comparison_folder
from bot.phrases.files import test_files
from bot.phrases.review import Review
from bot.regression.items import Item, Pair, Result, read_result
from bot.regression.measure import NluModel, refusal_as_intent
from bot.regression.run import SLOW, hash_of_sets
from bot.regression.verdict import judge, make_baseline, read_tolerances
from bot.settings import PROJECT_ROOT, get_settings
from bot.stores import DatabaseError
from bot.tickets import ticket_store
from bot.training import be_quiet, rasa_environment

SHARED = ("articles", "retrieval")
"""Steps of the nightly run that do not ask the model: they say the same of both."""
HELD_OUT_SETS = ("intents", "real_style", "long", "conversations")
"""Sets of the nightly run whose changed messages are listed."""
MAIN_FIGURES = ("accuracy", "macro-F1", "out-of-scope recall", "false refusals", "real style", "follow-ups")
REVIEW, TEST_SHARE = "review", "test share"


def compare(folder: Path, then: Path, now: Path, sets: Path, without: Sequence[str]) -> dict[str, Any]:
    """Compares two models.

    Args:
        folder: the models folder, where what was measured of a model is kept for the next comparison.
        then: the earlier model's file.
        now: the new one's.
        sets: folder of the held-out sets.
        without: steps of the nightly run that are left out, beside those that do not ask the model.

    Returns:
        Plain values: `then`, `now`, `at`, `worse` (the gate's verdict), `figures`, `reasons` (what makes it worse),
        `asked` and `counts` by source and verdict, `changed` (the messages understood differently: `source` is a set of
        the nightly run, `review` or `test share`; `verdict` is better, worse, or other: as right as before).

    Raises:
        ModelVersionError: a model could not be measured, or there is nothing to compare with.
        RegressionError: the held-out sets are missing or broken.
    """
    if then == now:
        raise ModelVersionError(f"{now.name} would be compared with itself; name another model.")
    first, second = (_measured(folder, model, sets, (*SLOW, *SHARED, *without)) for model in (then, now))
    verdict = judge(second, make_baseline(first), read_tolerances(sets / "tolerances.yml"))
    messages: list[tuple[Pair, int | None]] = [(pair, None) for pair in verdict.pairs if pair.now.set in HELD_OUT_SETS]
    messages += _customers_messages(then, now)
    changed = [_changed(pair, candidate) for pair, candidate in messages if pair.now.got != pair.then.got]
    figures = [
        {"name": each.name, "then": each.then, "now": each.now} for each in verdict.figures if each.name in MAIN_FIGURES
    ]
    if own := [pair for pair, _ in messages if pair.now.set == TEST_SHARE]:
        right_then, right_now = fmean(then.right for _, then in own), fmean(now.right for now, _ in own)
        figures.append({"name": TEST_SHARE, "then": right_then, "now": right_now})
    critical = [f"critical phrase is wrong: {item.language}: {item.text}" for item in verdict.critical_wrong]
    return {
        "then": then.name,
        "now": now.name,
        "at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "worse": verdict.is_worse,
        "reasons": [*critical, *(f"{figure.name}: {figure}" for figure in verdict.worse)],
        "figures": figures,
        "asked": Counter(pair.now.set for pair, _ in messages),
        "counts": {name: sum(each["verdict"] == name for each in changed) for name in ("better", "worse", "other")},
        "changed": changed,
    }


def without_customers_words(comparison: dict[str, Any]) -> dict[str, Any]:
    """Returns a comparison as it is kept: retention and erasure do not reach the models folder.

    Candidates stay as their ids, by which the desk finds those that are still there.
    """
    customers = (REVIEW, TEST_SHARE)
    changed = [{**each, "text": ""} if each["source"] in customers else each for each in comparison["changed"]]
    return {**comparison, "changed": changed}


def _measured(folder: Path, model: Path, sets: Path, without: Sequence[str]) -> Result:
    """Returns what the nightly run measures of a model; kept, as long as nothing but phrases has changed."""
    output = comparison_folder(folder, model.name)
    key_file, key = output / "key", _key(model, sets, without)
    if not key_file.is_file() or key_file.read_text(encoding="ascii") != key:
        output.mkdir(parents=True, exist_ok=True)
        key_file.unlink(missing_ok=True)
        _measure(model, sets, without, output)
        key_file.write_text(key, encoding="ascii")
    # Without what the checkout is made of, which need not be what the model was trained on.
    return replace(read_result(output / "result.json"), inventory={})


def _measure(model: Path, sets: Path, without: Sequence[str], output: Path) -> None:
    print(f"measuring {model.name} (some minutes; one that was interrupted is gone on with) ...", file=sys.stderr)
    options = ["--measure-only", "--model", model, "--sets", sets.resolve(), "--output", output, "--without", *without]
    words = [sys.executable, "-m", "bot", "regression", "run", *map(str, options)]
    path = output / "measure.log"
    with path.open("wb") as log:
        done = subprocess.run(
            words, cwd=PROJECT_ROOT, env=rasa_environment(), stdout=log, stderr=log, check=False, preexec_fn=be_quiet
        )
    if done.returncode != 0:
        lines = [line for line in path.read_text(encoding="utf8", errors="replace").splitlines() if line.strip()]
        last = (lines or ["it ended without a message."])[-1]
        raise ModelVersionError(f"{model.name} could not be measured: {last} The log is in {path}.")


def _key(model: Path, sets: Path, without: Iterable[str]) -> str:
    """Returns a hash of all that a model's result depends on: itself, the sets, the code, texts but for phrases."""
    digest = hashlib.sha256(model.read_bytes())
    digest.update(f"{hash_of_sets(sets)} {' '.join(without)}".encode())
    data = get_settings().data_dir
    code = [*(PROJECT_ROOT / "bot").rglob("*.py"), *(PROJECT_ROOT / "actions").rglob("*.py")]
    texts = [each for each in data.rglob("*") if each.suffix in {".yml", ".md"} and data / "nlu" not in each.parents]
    for path in [*sorted(code), *sorted(texts)]:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _customers_messages(*models: Path) -> list[tuple[Pair, int | None]]:
    """Returns what the earlier and the new model say of customers' messages that are at hand.

    They are the test share, and the candidates for training data that wait for a decision, each with its id.
    """
    settings = get_settings()
    lines = [line for path in test_files(settings.review_dir) for line in read_lines(path)]
    asked: list[tuple[str, str, str, str, int | None]]
    asked = [(TEST_SHARE, line.language, line.text, line.intent, None) for line in lines]
    try:
        for one in Review(ticket_store(), settings).waiting():
            asked.append((REVIEW, one.language, one.text, one.intent or "", one.ids[0]))
    except DatabaseError as error:
        print(f"candidates are left out: {error}", file=sys.stderr)
    if not asked:
        return []
    texts = [text for _, _, text, *_ in asked]
    intents = [[parsed["intent"]["name"] for parsed in NluModel(model).parse(texts)] for model in models]
    messages = []
    for (source, language, text, expected, candidate), *got in zip(asked, *intents, strict=True):
        then, now = (
            Item(source, "", language, text, expected, intent, refusal_as_intent(intent) == expected) for intent in got
        )
        messages.append((Pair(now, then), candidate))
    return messages


def _changed(pair: Pair, candidate: int | None) -> dict[str, Any]:
    """Returns a message that the models understand differently, as plain values; `candidate`: its id if it is one."""
    now, then = pair
    return {
        "source": now.set,
        "language": now.language,
        "text": now.text,
        "expected": now.expected or None,
        "then": then.got,
        "now": now.got,
        "verdict": "other" if then.right == now.right else "better" if now.right else "worse",
        "candidate": candidate,
    }
