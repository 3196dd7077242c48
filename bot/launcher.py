"""Starts what a person needs in one go: training where it is due, Rasa's server or shell, the delivery of tickets."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

from bot.articles import ArticleError, read_article
from bot.articles.issues import IssueTableError, load_issues, source_names
from bot.articles.replies import Replies, ReplyError
from bot.articles.trees import TreeError, configured_trees, files_read
from bot.encoder import EncoderFileError, load_encoder
from bot.encoder.sentences import SentenceEncoderError, load_sentence_encoder, sentence_encoder_version
from bot.settings import PROJECT_ROOT, get_settings
from bot.text.lexicon import LexiconError, default_folder, load_lexicon

DEFAULT_PORT = 5005
START_LIMIT_SECONDS = 180
# What a model depends on. Times of files mean nothing after a clone, so their content is hashed.
MODEL_SOURCES = (
    *("config.yml", "domain.yml", "data", "uv.lock"),
    *("bot/articles", "bot/nlu", "bot/text"),
    # Not `bot/encoder/training`: what it learns are the weights, which are hashed wherever the settings have them.
    *("bot/encoder/__init__.py", "bot/encoder/features.py", "bot/encoder/model.py", "bot/encoder/sentences.py"),
)
_COLOURS = re.compile(r"\x1b\[[0-9;]*m")
HASHED_SUFFIXES = frozenset({".yml", ".md", ".py", ".lock", ".npz", ".bin"})


class LaunchError(RuntimeError):
    """Something that a person must mend before the bot can start; the message says what and how."""


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
    return root / "models" / f"triage-{fingerprint(root)}.tar.gz"


def train(root: Path = PROJECT_ROOT, force: bool = False) -> Path:
    """Trains a model if there is none for the present content.

    Args:
        root: the project's folder.
        force: whether it is trained anew even if there is one.

    Returns:
        The model's file.

    Raises:
        LaunchError: a data file is broken, or the training failed.
    """
    model = model_path(root)
    if model.exists() and not force:
        return model
    _check_content()
    log = root / "models" / "train.log"
    print(f"training (about four minutes; log in {log.relative_to(root)}) ...", flush=True)
    started = time.monotonic()
    _train_to(model, log, root)
    for old in model.parent.glob("triage-*.tar.gz"):
        if old != model:
            old.unlink()
    print(f"trained in {time.monotonic() - started:.0f} s: {model.relative_to(root)}", flush=True)
    return model


def train_elsewhere(config: Path, model: Path, root: Path = PROJECT_ROOT) -> Path:
    """Trains the project's data with another configuration; the project's own model stays as it is.

    Args:
        config: the configuration; relative paths in it count from its folder.
        model: the file to write, `*.tar.gz`, into a folder that exists.
        root: the project's folder.

    Returns:
        The model's file.

    Raises:
        LaunchError: the training failed.
    """
    _train_to(model, model.parent / "train.log", root, "--config", config)
    return model


def _train_to(model: Path, log: Path, root: Path, *arguments: object) -> None:
    """Has Rasa train a model; its file is whole or not there."""
    # Rasa writes the model's file as it goes; half of one, left by a full disk, must not be taken for a model.
    with tempfile.TemporaryDirectory(dir=model.parent) as folder, log.open("wb") as stream:
        name = model.name.removesuffix(".tar.gz")
        command = _rasa("train", "--force", "--out", folder, "--fixed-model-name", name, *arguments)
        result = subprocess.run(command, cwd=root, env=_environment(), stdout=stream, stderr=stream, check=False)
        trained = Path(folder) / model.name
        if result.returncode == 0 and trained.exists():
            trained.replace(model)
    if result.returncode < 0:
        raise LaunchError(f"the training was ended by {signal.Signals(-result.returncode).name}; train again.")
    if result.returncode != 0 or not model.exists():
        shown = log.relative_to(root) if log.is_relative_to(root) else log
        raise LaunchError(f"the training failed: {_last_error(log)} The whole log is in {shown}.")


def run(
    port: int,
    host: str,
    rest: bool,
    model: Path | None = None,
    arguments: Sequence[str] = (),
    root: Path = PROJECT_ROOT,
) -> NoReturn:
    """Trains if needed, then serves until it is interrupted or the server ends.

    Args:
        port: where Rasa's server listens.
        host: the address it listens on.
        rest: whether Rasa's plain REST channel is open (for development only).
        model: the model to serve; None takes that of the present content, trained if need be.
        arguments: handed on to `rasa run`.
        root: the project's folder.

    Raises:
        LaunchError: the port is taken, the model is missing or cannot be loaded, the training failed, or the server did
            not start or has ended.
        KeyboardInterrupt: Ctrl-C, or a polite `kill`; the server has been ended.
    """
    if not _is_free(host, port):
        raise LaunchError(f"port {port} is in use; choose another one, for example `make run PORT={port + 1}`.")
    if model is not None and not model.is_file():
        raise LaunchError(f"there is no model {model}; leave out --model to serve the one of the present content.")
    model = model.resolve() if model is not None else train(root)
    credentials = "credentials-rest.yml" if rest else "credentials.yml"
    with _stop_on_terminate(), _ticket_delivery(root):
        server = subprocess.Popen(
            _rasa(
                *("run", "--model", model, "--port", port, "--interface", host),
                *("--endpoints", "endpoints.yml", "--credentials", credentials, *arguments),
            ),
            cwd=root,
            env=_serving_environment(),
        )
        with _ended_with_us(server):
            shown = "localhost" if host in {"127.0.0.1", "0.0.0.0"} else host
            _wait_until_answers(f"http://127.0.0.1:{port}/", server)
            if not _has_model(f"http://127.0.0.1:{port}/health/ready"):
                raise LaunchError(f"the model {model} cannot be loaded; the reason stands above.")
            print(f"\nThe bot answers at http://{shown}:{port}/  (Ctrl-C stops it)", flush=True)
            raise LaunchError(f"Rasa's server has ended with exit code {server.wait()}; its messages stand above.")


def shell(root: Path = PROJECT_ROOT) -> int:
    """Trains if needed and opens `rasa shell`; returns its exit code."""
    model = train(root)
    port = DEFAULT_PORT if _is_free("127.0.0.1", DEFAULT_PORT) else _any_free_port()  # a bot may be running beside it
    command = _rasa("shell", "--model", model, "--endpoints", "endpoints.yml", "--port", port)
    with _stop_on_terminate():
        return subprocess.call(command, cwd=root, env=_environment())


@contextmanager
def _ticket_delivery(root: Path) -> Iterator[None]:
    """Delivers tickets beside the servers, where a help desk is set; one that dies is started anew.

    Raises:
        LaunchError: the settings of a help desk do not go together.
    """
    from bot.tickets.delivery import DeliverySettingsError, make_targets, reachable_targets

    if not reachable_targets(get_settings()):
        yield
        return
    try:
        make_targets(get_settings())
    except DeliverySettingsError as error:
        raise LaunchError(str(error)) from error
    stopped = threading.Event()

    def keep_running() -> None:
        while not stopped.is_set():
            command = [sys.executable, "-m", "bot", "tickets", "deliver"]
            with _ended_with_us(subprocess.Popen(command, cwd=root, env=_environment())) as process:
                while process.poll() is None and not stopped.wait(0.2):
                    pass
            stopped.wait(1)  # what dies at once is not started in a frenzy

    keeper = threading.Thread(target=keep_running, name="ticket delivery")
    keeper.start()
    try:
        yield
    finally:
        stopped.set()
        keeper.join()


@contextmanager
def _ended_with_us(process: subprocess.Popen[bytes]) -> Iterator[subprocess.Popen[bytes]]:
    try:
        yield process
    finally:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def _stop_on_terminate() -> Iterator[None]:
    """Makes a polite `kill` end the servers as Ctrl-C does."""

    def interrupt(number: int, frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _wait_until_answers(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_LIMIT_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise LaunchError(
                f"Rasa's server did not start (exit code {process.returncode}); its messages stand above."
            )
        try:
            with urllib.request.urlopen(url, timeout=5) as response:
                if response.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            time.sleep(0.1)
    raise LaunchError(f"Rasa's server did not answer within {START_LIMIT_SECONDS} s; its messages stand above.")


def _has_model(url: str) -> bool:
    """Tells whether a server has a model: Rasa goes on without one that it cannot load. One that is not asked has."""
    try:
        with urllib.request.urlopen(url, timeout=30) as response:
            told = response.read()
    except urllib.error.HTTPError as error:  # not ready, or without the operators' channel
        told = error.read()
    except OSError:  # it has ended, which is told by whoever waits for it
        return True
    try:
        return bool(json.loads(told)["parts"]["model"])
    except (ValueError, KeyError, TypeError):
        return True


def add_commands(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `run`, `train` and `shell` to the command line."""
    parser = subparsers.add_parser("run", help="train if needed, then serve the bot")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="where the server listens (5005)")
    parser.add_argument("--host", default="127.0.0.1", help="the address it listens on (127.0.0.1)")
    parser.add_argument("--rest", action="store_true", help="open Rasa's plain REST channel, for development only")
    parser.add_argument(
        "--model",
        type=Path,
        help="serve this model (load your own only, a model file is code); without it, that of the present content",
    )
    parser.add_argument("arguments", nargs="*", help="after `--`: handed on to `rasa run`, for example `--enable-api`")
    parser.set_defaults(
        handler=lambda options: _reported(
            lambda: run(options.port, options.host, options.rest, options.model, options.arguments)
        )
    )
    parser = subparsers.add_parser("train", help="train if data, configuration or components have changed")
    parser.set_defaults(handler=lambda options: _reported(lambda: 0 if train() else 1))
    parser = subparsers.add_parser("shell", help="train if needed, then talk to the bot in this terminal")
    parser.set_defaults(handler=lambda options: _reported(shell))


def _reported(command: Callable[[], int]) -> int:
    """Turns what a person must mend into one sentence and exit code 1; Ctrl-C ends without a stack trace."""
    try:
        return command()
    except LaunchError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped.")
        return 0


def _check_content() -> None:
    """Refuses broken data files with one sentence, before Rasa trips over them with a stack trace."""
    from bot.articles.examples import ExampleError, read_examples

    data = get_settings().data_dir
    try:
        load_issues()
        load_lexicon(default_folder())
        load_encoder()
        load_sentence_encoder()
        replies = Replies()
        for language in replies.languages():
            replies.keys("replies", language)
        read_examples(data / "nlu")
        for path in sorted((data / "articles").glob("*/*.md")):
            read_article(path)
    except (
        ArticleError,
        IssueTableError,
        ReplyError,
        ExampleError,
        LexiconError,
        EncoderFileError,
        SentenceEncoderError,
    ) as error:
        raise LaunchError(str(error)) from error


def _last_error(log: Path) -> str:
    written = _COLOURS.sub("", log.read_text(encoding="utf8", errors="replace"))
    lines = [line.strip() for line in written.splitlines() if line.strip()]
    telling = [line for line in lines if "Error" in line or "Exception" in line or "error" in line]
    return (telling or lines or ["no message."])[-1]


def _rasa(*arguments: object) -> list[str]:
    return [sys.executable, "-m", "rasa", *(str(argument) for argument in arguments)]


def _environment() -> dict[str, str]:
    quiet = {"RASA_TELEMETRY_ENABLED": "false", "TF_CPP_MIN_LOG_LEVEL": "3", "SQLALCHEMY_SILENCE_UBER_WARNING": "1"}
    return {**quiet, "PYTHONWARNINGS": "ignore", **os.environ, "RASA_TELEMETRY_ENABLED": "false"}


def _serving_environment() -> dict[str, str]:
    # A message is a handful of tiny products: the threads of OpenBLAS wait for each other longer than they work.
    # Measured on two cores: 15 instead of 16 ms of processor time an answer, 14 instead of 23 on busy ones.
    return {"OPENBLAS_NUM_THREADS": "1", **_environment()}


def _is_free(host: str, port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True


def _any_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
