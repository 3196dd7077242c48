"""Runs `rasa train` where there is no model of the present content (data, configuration, code), or where forced to."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path

from bot.articles.examples import read_examples
from bot.articles.issues import IssueTableError, load_issues, source_names
from bot.articles.played_turns import read_played_turns
from bot.articles.readers import read_article
from bot.articles.replies import Replies
from bot.articles.trees import TreeError, configured_trees, files_read
from bot.encoder import load_encoder
from bot.encoder.sentences import load_sentence_encoder, sentence_encoder_version
from bot.model_versions.folder import ModelVersionError, keep_newest, models_folder, only_job
from bot.settings import PROJECT_ROOT, get_settings
from bot.text.lexicon import default_folder, load_lexicon

# What a model depends on. Times of files mean nothing after a clone, so their content is hashed.
MODEL_SOURCES = (
    *("config.yml", "domain.yml", "data", "uv.lock"),
    *("bot/articles", "bot/nlu", "bot/text"),
    # Not `bot/encoder/training`: what it learns are the weights, which are hashed wherever the settings have them.
    *("bot/encoder/__init__.py", "bot/encoder/features.py", "bot/encoder/model.py", "bot/encoder/sentences.py"),
)
HASHED_SUFFIXES = frozenset({".yml", ".md", ".py", ".lock", ".npz", ".bin", ".tsv"})
_HALF = "training-"
"""Prefix of the folder that Rasa writes a model into."""
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")


class LaunchError(RuntimeError):
    """Something that a person must correct before the bot can start; the message says what and how."""


def fingerprint(root: Path = PROJECT_ROOT) -> str:
    """Returns a hash of everything that a model is made from: 12 hexadecimal digits."""
    digest = hashlib.sha256()
    for source in MODEL_SOURCES:
        path = root / source
        files = [path] if path.is_file() else sorted(path.rglob("*"))
        for file in files:
            if file.is_file() and file.suffix in HASHED_SUFFIXES:
                digest.update(str(file.relative_to(root)).encode())
                digest.update(hashlib.sha256(file.read_bytes()).digest())
    for path in [get_settings().encoder_weights, *_tree_files(root)]:
        digest.update(hashlib.sha256(path.read_bytes()).digest() if path.is_file() else b"")
    digest.update(sentence_encoder_version().encode())
    digest.update(str(get_settings().support_request_url).encode())  # stands in the replies of rules
    return digest.hexdigest()[:12]


def _tree_files(root: Path) -> list[Path]:
    """Returns what the importer reads of the article trees that `config.yml` names.

    Raises:
        LaunchError: a tree cannot be used.
    """
    try:
        names = source_names(load_issues(root / "data" / "issues.yml"))
        return [path for tree in configured_trees(root / "config.yml") for path in files_read(tree, names)]
    except (TreeError, IssueTableError) as error:
        raise LaunchError(str(error)) from error


def model_path(root: Path = PROJECT_ROOT) -> Path:
    """Returns where the model of the present content is, or will be."""
    return models_folder(root) / f"triage-{fingerprint(root)}.tar.gz"


def train(root: Path = PROJECT_ROOT, force: bool = False, quietly: bool = False) -> Path:
    """Trains a model if there is none for the present content; waits for another training that runs.

    Args:
        root: the project's folder.
        force: whether it is trained anew even if there is one.
        quietly: whether it leaves processor and disk to others, and refuses where another training runs.

    Returns:
        The model's file.

    Raises:
        LaunchError: a data file is broken, or the training failed.
    """
    model = model_path(root)
    if model.exists() and not force:
        return model
    try:
        with only_job(model.parent, wait=not quietly) as lock:
            if not model.exists() or force:
                print(f"training (three to ten minutes; log in {model.parent / 'train.log'}) ...", flush=True)
                started = time.monotonic()
                for left in model.parent.glob(f"{_HALF}*"):  # by a training that was killed
                    shutil.rmtree(left)
                _train_to(model, root, quietly, lock)
                print(f"trained in {time.monotonic() - started:.0f} s: {model}", flush=True)
            keep_newest(model.parent)
    except ModelVersionError as error:
        raise LaunchError(str(error)) from error
    return model


def model_or_trained(model: Path | None) -> Path:
    """Returns a model that was named; without one, that of the present content, trained if need be.

    Raises:
        LaunchError: there is no such model, or the training failed.
    """
    if model is not None and not model.is_file():
        raise LaunchError(f"{model}: there is no such model; leave out --model to take the present content's.")
    return model or train()


def _train_to(model: Path, root: Path, quietly: bool, lock: int) -> None:
    """Has Rasa train a model; its file is whole or not there.

    Args:
        model: the file to write, `*.tar.gz`, into a folder that exists.
        root: the project's folder.
        quietly: whether it leaves processor and disk to others.
        lock: a descriptor that the training holds for as long as it really runs.

    Raises:
        LaunchError: a data file is broken, or the training failed.
    """
    log = model.parent / "train.log"
    # Rasa writes the model's file as it goes; half of one, left by a full disk, must not be taken for a model.
    with tempfile.TemporaryDirectory(prefix=_HALF, dir=model.parent) as folder, log.open("wb") as stream:
        name = model.name.removesuffix(".tar.gz")
        # Rasa's validation reads all phrases once more, 12 s; tests/test_rasa_commands.py has it look at the project.
        command = rasa_command("train", "--force", "--skip-validation", "--out", folder, "--fixed-model-name", name)
        with subprocess.Popen(
            command,
            cwd=root,
            env=rasa_environment(),
            stdout=stream,
            stderr=stream,
            pass_fds=[lock],
            preexec_fn=be_quiet if quietly else None,  # noqa: PLW1509 (no thread of ours runs beside it)
        ) as training:
            try:
                _check_content()  # while Rasa starts, which takes it half a minute
                training.wait()
            except BaseException:
                training.kill()
                raise
        trained = Path(folder) / model.name
        if training.returncode == 0 and trained.exists():
            trained.replace(model)
    if training.returncode < 0:
        raise LaunchError(f"the training was ended by {signal.Signals(-training.returncode).name}; train again.")
    if training.returncode != 0 or not model.exists():
        raise LaunchError(f"the training failed: {_last_error(log)} The whole log is in {log}.")


def be_quiet() -> None:
    """Makes this process, and what it starts, leave processor and disk to others; for `preexec_fn`.

    Linux gives a nice process the disk last, too. Where it shares the processor by sessions first (autogroup), niceness
    is nothing to processes of other sessions, such as the servers: it gets a session that is nice as a whole.
    """
    nice = get_settings().models_nice
    os.nice(nice)
    os.setsid()
    with suppress(OSError):
        Path("/proc/self/autogroup").write_text(str(nice), encoding="ascii")


def _check_content() -> None:
    """Refuses broken data files with one sentence; Rasa would with a stack trace."""
    data = get_settings().data_dir
    try:
        load_issues()
        load_lexicon(default_folder())
        load_encoder()
        load_sentence_encoder()
        Replies().complete()
        read_examples(data / "nlu")
        read_played_turns()
        for path in sorted((data / "articles").glob("*/*.md")):
            read_article(path)
    except ValueError as error:  # all that readers of files raise
        raise LaunchError(str(error)) from error


def _last_error(log: Path) -> str:
    written = _COLOURS.sub("", log.read_text(encoding="utf8", errors="replace"))
    lines = [line.strip() for line in written.splitlines() if line.strip()]
    telling = [line for line in lines if "Error" in line or "Exception" in line or "error" in line]
    return (telling or lines or ["no message."])[-1]


def rasa_command(*arguments: object) -> list[str]:
    """Returns the words that run a command of Rasa with this interpreter, without what the bot does not need of it."""
    return [sys.executable, "-m", "bot.rasa_patches.without_tensorflow", *(str(argument) for argument in arguments)]


def rasa_environment() -> dict[str, str]:
    """Returns the environment of Rasa's processes: without telemetry, and without the warnings of its libraries."""
    quiet = {"RASA_TELEMETRY_ENABLED": "false", "TF_CPP_MIN_LOG_LEVEL": "3", "SQLALCHEMY_SILENCE_UBER_WARNING": "1"}
    return {**quiet, "PYTHONWARNINGS": "ignore", **os.environ, "RASA_TELEMETRY_ENABLED": "false"}
