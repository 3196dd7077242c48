"""The commands `run`, `train` and `shell`: train where it is due, and start Rasa's server or its shell.

`run` serves the model that it is given, else the one that `models switch` has chosen, else that of the present content,
trained if need be. Beside the server it runs the delivery of tickets, where a help desk is set, and on request the
agents' desk.
"""

from __future__ import annotations

import argparse
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import NoReturn

import requests

from bot.command_line import Command, reported
from bot.model_versions.folder import ModelVersionError, models_folder, read_served
from bot.settings import PROJECT_ROOT, get_settings
from bot.tickets.delivery import DeliverySettingsError, addresses, make_targets
from bot.training import LaunchError, model_path, rasa_command, rasa_environment, train

DEFAULT_PORT = 5005
DESK_PORT = 5010
START_LIMIT_SECONDS = 180


def run(
    port: int,
    host: str,
    rest: bool,
    model: Path | None = None,
    arguments: Sequence[str] = (),
    root: Path = PROJECT_ROOT,
    desk: bool = False,
) -> NoReturn:
    """Trains if needed, then serves until it is interrupted or the server ends.

    Args:
        port: where Rasa's server listens.
        host: the address it listens on.
        rest: whether Rasa's plain REST channel is open (for development only).
        model: the model to serve, whatever is switched to; None takes the one that `models switch` has chosen, else
            that of the present content, trained if need be, and another one as soon as that is switched to.
        arguments: handed on to `rasa run`.
        root: the project's folder.
        desk: whether agents can take over conversations (BOT_DESK=on), at a desk that is served beside the bot.

    Raises:
        LaunchError: the port is taken, the model is missing or cannot be loaded, the training failed, or the server did
            not start or has ended.
        ModelVersionError: what `models switch` has chosen cannot be read.
        DeliverySettingsError: the settings of a help desk do not go together.
        KeyboardInterrupt: Ctrl-C, or a polite `kill`; the server has been ended.
    """
    if not _is_free(host, port):
        raise LaunchError(f"port {port} is in use; choose another one, for example `make run PORT={port + 1}`.")
    if desk and not _is_free("127.0.0.1", DESK_PORT):
        raise LaunchError(f"port {DESK_PORT} is in use, where the agents' desk would be; end what listens there.")
    if model is not None and not model.is_file():
        raise LaunchError(f"there is no model {model}; leave out --model to serve the one of the present content.")
    credentials = "credentials-rest.yml" if rest else "credentials.yml"
    # A message is a handful of tiny products: the threads of OpenBLAS wait for each other longer than they work.
    # Measured on two cores: 15 instead of 16 ms of processor time an answer, 14 instead of 23 on busy ones.
    environment = {"OPENBLAS_NUM_THREADS": "1", "BOT_MODELS_FOLLOW": "on", **rasa_environment()}
    environment |= {"BOT_DESK": "on"} if desk else {}
    if model is not None:  # that one, whatever is switched to and whatever the environment says
        environment["BOT_MODELS_FOLLOW"] = "off"
    served = model.resolve() if model is not None else chosen_or_trained(root)
    command = rasa_command(
        *("run", "--model", served, "--port", port, "--interface", host),
        *("--endpoints", "endpoints.yml", "--credentials", credentials, *arguments),
    )
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # a polite `kill` ends the servers as Ctrl-C does
    with ExitStack() as running:
        for beside in _commands_beside(desk):
            running.enter_context(_kept_running(beside, root))
        server = running.enter_context(_ended_with_us(subprocess.Popen(command, cwd=root, env=environment)))
        shown = "localhost" if host in {"127.0.0.1", "0.0.0.0"} else host
        _wait_until_answers(f"http://127.0.0.1:{port}/", server)
        if not _has_model(f"http://127.0.0.1:{port}/health/ready"):
            raise LaunchError(f"the model {served} cannot be loaded; the reason stands above.")
        print(f"\nThe bot answers at http://{shown}:{port}/  (Ctrl-C stops it)", flush=True)
        raise LaunchError(f"Rasa's server has ended with exit code {server.wait()}; its messages stand above.")


def chosen_or_trained(root: Path = PROJECT_ROOT) -> Path:
    """Returns the model that `models switch` has chosen; without one, that of the present content, trained if need be.

    Raises:
        LaunchError: the training failed.
        ModelVersionError: the choice cannot be read.
    """
    folder = models_folder(root)
    served = read_served(folder)
    if served is None:
        return train(root)
    model = folder / served.model
    if not model.is_file():
        print(f"{model}, which `models switch` has chosen, is gone; the present content's model is served.", flush=True)
        return train(root)
    if model != model_path(root):
        print(
            f"serving {served.model}, which `models switch` has chosen; the content here is another one. "
            f"`python -m bot models train` trains it; delete {folder / 'served'} to go by the content again.",
            flush=True,
        )
    return model


def shell() -> int:
    """Trains if needed and opens `rasa shell`; returns its exit code."""
    model, port = train(), DEFAULT_PORT
    if not _is_free("127.0.0.1", port):  # a bot may be running beside it
        with socket.create_server(("127.0.0.1", 0)) as probe:
            port = probe.getsockname()[1]
    command = rasa_command("shell", "--model", model, "--endpoints", "endpoints.yml", "--port", port)
    command += ["--interface", "127.0.0.1"]
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    return subprocess.call(command, cwd=PROJECT_ROOT, env=rasa_environment())


def _commands_beside(desk: bool) -> Iterator[list[str]]:
    """Yields what goes beside the server: the agents' desk, and the delivery of tickets, where a help desk is set.

    Raises:
        DeliverySettingsError: the settings of a help desk do not go together.
    """
    if addresses(get_settings()):
        make_targets(get_settings())  # raises where they do not go together, before anything starts
        yield ["tickets", "deliver"]
    if desk:
        yield ["desk"]


@contextmanager
def _kept_running(command: Sequence[str], root: Path) -> Iterator[None]:
    """Runs a command of `python -m bot` beside the servers; if its process dies it is started anew."""
    stopped = threading.Event()

    def keep_running() -> None:
        while not stopped.is_set():
            words = [sys.executable, "-m", "bot", *command]
            with _ended_with_us(subprocess.Popen(words, cwd=root, env=rasa_environment())) as process:
                while process.poll() is None and not stopped.wait(0.2):
                    pass
            stopped.wait(1)  # what dies at once is not started in a frenzy

    keeper = threading.Thread(target=keep_running, name=" ".join(command))
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
        process.terminate()  # of one that has ended nothing comes
        try:
            process.wait(timeout=15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_until_answers(url: str, process: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + START_LIMIT_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            raise LaunchError(
                f"Rasa's server did not start (exit code {process.returncode}); its messages stand above."
            )
        with suppress(requests.RequestException):
            requests.get(url, timeout=5).raise_for_status()
            return
        time.sleep(0.1)
    raise LaunchError(f"Rasa's server did not answer within {START_LIMIT_SECONDS} s; its messages stand above.")


def _has_model(url: str) -> bool:
    """Tells whether a server has a model: Rasa goes on without one that it cannot load. One that is not asked has."""
    try:
        return bool(requests.get(url, timeout=30).json()["parts"]["model"])
    except (requests.RequestException, KeyError, TypeError):  # it has ended, or is without the operators' channel
        return True


def add_commands(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `run`, `train` and `shell` to the command line."""
    parser = subparsers.add_parser("run", help="train if needed, then serve the bot")
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help="where the server listens (5005)")
    parser.add_argument("--host", default="127.0.0.1", help="the address it listens on (127.0.0.1)")
    parser.add_argument("--desk", action="store_true", help="serve the agents' desk, too, at http://127.0.0.1:5010/")
    parser.add_argument("--rest", action="store_true", help="open Rasa's plain REST channel, for development only")
    parser.add_argument(
        "--model",
        type=Path,
        help="serve this model (load your own only, a model file is code); without it, the one switched to, else "
        "that of the present content",
    )
    parser.add_argument("arguments", nargs="*", help="after `--`: handed on to `rasa run`, for example `--enable-api`")
    parser.set_defaults(handler=_reported(_run))
    parser = subparsers.add_parser("train", help="train if data, configuration or components have changed")
    parser.set_defaults(handler=_reported(_train))
    parser = subparsers.add_parser("shell", help="train if needed, then talk to the bot in this terminal")
    parser.set_defaults(handler=_reported(lambda options: shell()))


def _reported(command: Command) -> Callable[[argparse.Namespace], int]:
    return reported(command, LaunchError, ModelVersionError, DeliverySettingsError, code=1, prefix="error: ", stopped=0)


def _run(options: argparse.Namespace) -> NoReturn:
    run(options.port, options.host, options.rest, options.model, options.arguments, desk=options.desk)


def _train(options: argparse.Namespace) -> None:
    train()


def _is_free(host: str, port: int) -> bool:
    with suppress(OSError), socket.create_server((host, port)):
        return True
    return False
