"""A small copy of the project with a git history of its own: few languages and intents, trained in seconds.

Everything in it is the project's own code, run by the project's own commands; only the data is less.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from bot.articles.examples import Example, read_examples

COPIED = ("bot", "actions", "data", "config.yml", "domain.yml", "endpoints.yml", "uv.lock", ".gitignore")
LANGUAGES = ("en", "nb", "sv")
INTENTS = (
    "card_declined",
    "download_invoice",
    "cancel_subscription",
    "refund_request",
    "unrecognized_charge",
    "greet",
    "talk_to_human",
    "out_of_scope",
)
PHRASES = 40
REFUSED_PHRASES = 100
"""Out of scope is everything else, so that it needs more phrases than one matter."""
CRITICAL = 2
STEPS = ("conversations", "dialogues", "peer")


@dataclass(frozen=True)
class Sandbox:
    """The small project."""

    root: Path
    steps_left_out: tuple[str, ...] = STEPS
    """What a run does not measure."""
    variables: dict[str, str] = field(default_factory=dict)
    """Further environment variables of the commands that are run in it."""

    @property
    def sets(self) -> Path:
        """Its held-out sets, baseline and tolerances."""
        return self.root / "tests" / "regression"

    @property
    def output(self) -> Path:
        """Where its report is."""
        return self.root / "var" / "regression"

    @property
    def accepted_model(self) -> Path:
        """The model that the baseline was measured with: the first one; damages train others."""
        return min((self.root / "models").glob("*.tar.gz"), key=lambda path: path.stat().st_mtime_ns)

    def bot(self, *words: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
        """Runs a command of `python -m bot` in it."""
        return self.python("bot", *words, **options)

    def python(self, module: str, *words: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
        """Runs `python -m` in it."""
        return subprocess.run(
            [sys.executable, "-m", module, *map(str, words)],
            cwd=self.root,
            env={**environment(), **self.variables, **options.pop("variables", {})},
            capture_output=True,
            text=True,
            check=False,
            **options,
        )

    def run(self, *words: str | Path, **options: Any) -> subprocess.CompletedProcess[str]:
        """Runs the nightly regression."""
        command = ["bot", "regression", "run"] if self.steps_left_out == STEPS else ["benchmarks.nightly"]
        return self.python(*command, "--without", *self.steps_left_out, *words, **options)

    def report(self) -> dict[str, Any]:
        """Returns the last report."""
        content: dict[str, Any] = json.loads((self.output / "report.json").read_text(encoding="utf8"))
        return content

    def commit(self, message: str) -> None:
        """Commits whatever has changed."""
        git(self.root, "add", "--all")
        author = ["-c", "user.name=A", "-c", "user.email=a@example.com"]
        git(self.root, *author, "commit", "--quiet", "--allow-empty", "-m", message)

    def go_back(self) -> None:
        """Takes all back that was changed since the baseline, the last report included."""
        shutil.rmtree(self.output, ignore_errors=True)
        self.variables.clear()
        git(self.root, "reset", "--quiet", "--hard", "accepted")
        git(self.root, "clean", "--quiet", "-fd")

    def rewrite_phrases(self, change: Callable[[list[Example]], list[Example]]) -> None:
        """Replaces the training phrases by what `change` makes of them."""
        phrases = [example for example in read_examples(self.root / "data" / "nlu") if "](" not in example.text]
        write_phrases(self.root / "data" / "nlu", change(phrases))


def make_sandbox(root: Path, project: Path) -> Sandbox:
    """Makes a sandbox, its first commit included.

    Args:
        root: an empty folder.
        project: the project's folder.
    """
    spoken = {path.stem for path in (project / "data" / "replies").glob("*.yml")}
    others = [f"{language}.{suffix}" for language in spoken - set(LANGUAGES) for suffix in ("md", "yml")]
    for name in COPIED:
        source = project / name
        if source.is_dir():
            shutil.copytree(source, root / name, ignore=shutil.ignore_patterns("__pycache__", "node_modules", *others))
        else:
            shutil.copy(source, root / name)
    shutil.rmtree(root / "data" / "nlu")
    phrases = [e for e in read_examples(project / "data" / "nlu") if _is_kept(e) and "](" not in e.text]
    write_phrases(root / "data" / "nlu", [e for group in _grouped(phrases).values() for e in _spread(group)])
    _write_sets(root / "tests" / "regression", project / "tests" / "regression")
    settings = yaml.safe_load((root / "config.yml").read_text(encoding="utf8"))
    settings["importers"][0] |= {"slugs": False, "titles": False}  # they would teach the other intents
    (root / "config.yml").write_text(yaml.safe_dump(settings, sort_keys=False), encoding="utf8")
    (root / "models").mkdir()
    git(root, "init", "--quiet", "--initial-branch", "main")
    sandbox = Sandbox(root)
    sandbox.commit("The project as it is accepted")
    return sandbox


def make_whole_sandbox(root: Path, project: Path) -> Sandbox:
    """Makes a sandbox with all that the project ships: its last commit; whole dialogues are measured, too."""
    git(project, "clone", "--quiet", str(project), str(root))
    sandbox = Sandbox(root, steps_left_out=("peer",))
    sandbox.rewrite_phrases(lambda phrases: phrases)  # into the form in which damages write them
    (sandbox.sets / "baseline.json").unlink()
    sandbox.commit("The project as it is accepted")
    return sandbox


def accept(sandbox: Sandbox) -> None:
    """Measures the sandbox, makes that the baseline, and marks the commit that damages are taken back to."""
    measured = sandbox.run()
    assert measured.returncode == 2, measured.stderr
    assert "there is no baseline" in measured.stderr
    if sandbox.steps_left_out == STEPS:
        _choose_critical_phrases(sandbox)
    accepted = sandbox.bot("regression", "accept")
    assert accepted.returncode == 0, accepted.stderr
    assert "accuracy" in accepted.stdout
    sandbox.commit("A baseline")
    git(sandbox.root, "tag", "accepted")


def _choose_critical_phrases(sandbox: Sandbox) -> None:
    """Marks the surest phrases of one issue: those that the project marks are of issues that the small one lacks."""
    asked = json.loads((sandbox.output / "result.json").read_text(encoding="utf8"))["items"]
    tolerances = yaml.safe_load((sandbox.sets / "tolerances.yml").read_text(encoding="utf8"))
    sure = sorted((i for i in asked if i["set"] == "intents" and i["right"]), key=lambda item: -item["confidence"])
    sure = [item for item in sure if item["expected"] == "card_declined"]
    by_language = {name: [item["text"] for item in sure if item["language"] == name] for name in LANGUAGES}
    tolerances["critical"] = {name: texts[:CRITICAL] for name, texts in by_language.items()}
    (sandbox.sets / "tolerances.yml").write_text(yaml.safe_dump(tolerances, allow_unicode=True), encoding="utf8")


def write_phrases(folder: Path, examples: list[Example]) -> None:
    """Writes phrases as Rasa NLU files, one a language."""
    shutil.rmtree(folder, ignore_errors=True)
    groups: dict[str, dict[tuple[str, bool], list[str]]] = {}
    for example in examples:
        entry = groups.setdefault(example.language, {})
        entry.setdefault((example.intent, example.about_products), []).append(example.text)
    for language, own in sorted(groups.items()):
        entries = []
        for (intent, about), texts in own.items():
            lines = "\n".join(f"    - {text}" for text in texts)
            metadata = f"    language: {language}\n" + "    about_products: true\n" * about
            entries.append(f"- intent: {intent}\n  metadata:\n{metadata}  examples: |\n{lines}\n")
        path = folder / language / "phrases.yml"
        path.parent.mkdir(parents=True)
        path.write_text('version: "3.1"\n\nnlu:\n' + "\n".join(entries), encoding="utf8")


def environment() -> dict[str, str]:
    """Returns the environment of this process, less what would lead out of the sandbox."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("BOT_")}
    return {**kept, "RASA_TELEMETRY_ENABLED": "false", "TF_CPP_MIN_LOG_LEVEL": "3", "PYTHONWARNINGS": "ignore"}


def git(root: Path, *words: str) -> None:
    """Runs git; fails with its message."""
    done = subprocess.run(["git", *words], cwd=root, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def _write_sets(folder: Path, source: Path) -> None:
    for language in LANGUAGES:
        kept = [e for e in read_examples(source / f"{language}.yml") if e.intent in INTENTS]
        write_phrases(folder / "held_out" / language, kept)
        for name in ("entities", "two_issues", "long", "real_style"):
            (folder / name).mkdir(parents=True, exist_ok=True)
            lines = (source / name / f"{language}.tsv").read_text(encoding="utf8").splitlines()
            if name != "entities":
                issues = 2 if name == "two_issues" else 1
                lines = [line for line in lines if set(line.split("\t")[:issues]) <= set(INTENTS)]
            (folder / name / f"{language}.tsv").write_text("\n".join(lines) + "\n", encoding="utf8")
    tolerances = yaml.safe_load((source / "tolerances.yml").read_text(encoding="utf8"))
    tolerances |= {"critical": {}, "resamples": 4000}
    (folder / "tolerances.yml").write_text(yaml.safe_dump(tolerances), encoding="utf8")


def _is_kept(example: Example) -> bool:
    return example.language in LANGUAGES and example.intent in INTENTS


def _grouped(examples: list[Example]) -> dict[tuple[str, str], list[Example]]:
    groups: dict[tuple[str, str], list[Example]] = {}
    for example in examples:
        groups.setdefault((example.language, example.intent), []).append(example)
    return groups


def _spread(examples: list[Example]) -> list[Example]:
    """Returns as many as are wanted, from all over the group."""
    wanted = REFUSED_PHRASES if examples[0].intent == "out_of_scope" else PHRASES
    return examples[:: max(1, len(examples) // wanted)][:wanted]
