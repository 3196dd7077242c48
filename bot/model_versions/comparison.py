"""Compares an earlier model with a new one: the nightly gate's verdict, figures, messages understood differently."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timezone
from pathlib import Path
from statistics import fmean
from typing import Any

from bot.articles.examples import Example, read_lines
from bot.model_versions.folder import ModelVersionError, comparison_folder
from bot.phrases.files import test_files
from bot.phrases.review import Review
from bot.regression.items import Pair, Result, read_result
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


@dataclass(frozen=True)
class Compared:
    """A message, and what two models understand it as.

    Args:
        source: a set of the nightly run, `review` (a candidate that waits for a decision) or `test share`.
        language: of the message.
        text: what was written.
        expected: what it should be understood as, None where nobody has said.
        then: what the earlier model says.
        now: what the new one says.
        verdict: better (now right), worse (no longer right) or other (as right as before).
        candidate: id of a candidate.
    """

    source: str
    language: str
    text: str
    expected: str | None
    then: str
    now: str
    verdict: str
    candidate: int | None = None


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
        `asked` and `counts` by source, `changed`.

    Raises:
        ModelVersionError: a model could not be measured, or there is nothing to compare with.
        RegressionError: the held-out sets are missing or broken.
    """
    if then == now:
        raise ModelVersionError(f"{now.name} would be compared with itself; name another model.")
    first, second = (_measured(folder, model, sets, (*SLOW, *SHARED, *without)) for model in (then, now))
    verdict = judge(second, make_baseline(first), read_tolerances(sets / "tolerances.yml"))
    messages = [*_held_out_messages(verdict.pairs), *_customers_messages(then, now)]
    changed = [asdict(each) for each in messages if each.then != each.now]
    main = [each for each in verdict.figures if each.name in MAIN_FIGURES]
    critical = [f"critical phrase is wrong: {item.language}: {item.text}" for item in verdict.critical_wrong]
    return {
        "then": then.name,
        "now": now.name,
        "at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "worse": verdict.is_worse,
        "reasons": [*critical, *(f"{figure.name}: {figure}" for figure in verdict.worse)],
        "figures": [
            *({"name": each.name, "then": each.then, "now": each.now} for each in main),
            *_test_share(messages),
        ],
        "asked": Counter(each.source for each in messages),
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
    told = f"measuring {model.name} (some minutes; one that was interrupted is gone on with) ..."
    print(told, file=sys.stderr, flush=True)
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


def _held_out_messages(pairs: Iterable[Pair]) -> Iterator[Compared]:
    for now, then in pairs:
        if now.set in HELD_OUT_SETS:
            verdict = _verdict(then.right, now.right)
            yield Compared(now.set, now.language, now.text, now.expected, then.got, now.got, verdict)


def _customers_messages(*models: Path) -> Iterator[Compared]:
    """Yields the messages of customers that are at hand: candidates for training data, and the test share."""
    settings = get_settings()
    lines = [line for path in test_files(settings.review_dir) for line in read_lines(path)]
    asked: list[tuple[str, Example, int | None]] = [(TEST_SHARE, line, None) for line in lines]
    try:
        for one in Review(ticket_store(), settings).waiting():
            asked.append((REVIEW, Example(one.text, one.intent or "", one.language, Path()), one.ids[0]))
    except DatabaseError as error:
        print(f"candidates are left out: {error}", file=sys.stderr)
    if not asked:
        return
    texts = [example.text for _, example, _ in asked]
    intents = [[parsed["intent"]["name"] for parsed in NluModel(model).parse(texts)] for model in models]
    for (source, each, candidate), then, now in zip(asked, *intents, strict=True):
        verdict = _verdict(refusal_as_intent(then) == each.intent, refusal_as_intent(now) == each.intent)
        yield Compared(source, each.language, each.text, each.intent or None, then, now, verdict, candidate)


def _test_share(messages: Iterable[Compared]) -> Iterator[dict[str, Any]]:
    """Yields the figure of the reviewers' test share, where there is one: what part of it each model gets right."""
    own = [each for each in messages if each.source == TEST_SHARE]
    if own:
        then = fmean(refusal_as_intent(each.then) == each.expected for each in own)
        now = fmean(refusal_as_intent(each.now) == each.expected for each in own)
        yield {"name": TEST_SHARE, "then": then, "now": now}


def _verdict(then: bool, now: bool) -> str:
    return "other" if then == now else "better" if now else "worse"
