"""Builds the command line `python -m bot` and runs one command; most packages are loaded only when named.

Each package adds its own commands; `articles` is always loaded, with what search and proposals add to it. Settings
are checked before any command but `doctor`.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from importlib import import_module

import bot.articles.commands
import bot.proposals.commands
import bot.search.commands
from bot.command_line import COULD_NOT_RUN
from bot.rasa_patches import without_tensorflow
from bot.settings import SettingsError, get_settings

LAZY = {
    "encoder": ("bot.encoder.training.commands", "learn and inspect the sentence encoder"),
    "search": ("bot.search.commands", "search the imported articles"),
    "data": ("bot.nlu.commands", "check the training data"),
    "tickets": ("bot.tickets.commands", "list, show, assign, correct and deliver tickets"),
    "desk": ("bot.desk.commands", "serve the agents' desk; who may sign in"),
    "review": ("bot.phrases.commands", "candidates for training data, and which of them to take"),
    "regression": ("bot.regression.commands", "the nightly run: measure, compare with the baseline, report"),
    "models": ("bot.model_versions.commands", "train a new model, compare it, switch to it and back, while serving"),
    "explain": ("bot.regression.commands", "what the bot understands of a text, and why"),
    "triage": ("bot.batch.commands", "triage a whole file of tickets"),
    "privacy": ("bot.privacy.commands", "hand out, delete or expire personal data"),
    "db": ("bot.stores.migrate", "back up, restore and move conversations and tickets"),
    "doctor": ("bot.doctor.commands", "look whether this installation is well: settings, servers, model, safety"),
    "run": ("bot.launcher", "train if needed, then serve the bot"),
    "train": ("bot.launcher", "train if data, configuration or components have changed"),
    "shell": ("bot.launcher", "train if needed, then talk to the bot in this terminal"),
}
"""Verb -> the module that adds its commands, and a line for the help; loading them takes seconds."""


def build_parser(verb: str | None) -> argparse.ArgumentParser:
    """Builds the parser of the command line.

    Args:
        verb: the first word of the command line; its package is loaded, the other ones are only listed.
    """
    parser = argparse.ArgumentParser(prog="python -m bot", description="The billing triage bot's own commands.")
    subparsers = parser.add_subparsers(dest="verb", required=True, metavar="COMMAND")
    verbs = bot.articles.commands.add_commands(subparsers)
    bot.search.commands.add_article_commands(verbs)
    bot.proposals.commands.add_article_commands(verbs)
    if verb in LAZY:
        import_module(LAZY[verb][0]).add_commands(subparsers)
    for name, (_, summary) in LAZY.items():
        if name not in subparsers.choices:  # a module may add several commands
            subparsers.add_parser(name, help=summary)
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command.

    Args:
        arguments: the words of the command line; None takes those of the process.

    Returns:
        The exit code; 2 where a setting does not fit.
    """
    words = list(sys.argv[1:] if arguments is None else arguments)
    try:
        if words[:1] != ["doctor"]:  # which examines the others, too, where one does not fit
            get_settings()
            without_tensorflow.install()
        parsed = build_parser(words[0] if words else None).parse_args(words)
        code = int(parsed.handler(parsed))
        sys.stdout.flush()
    except BrokenPipeError:  # the reader, `head` for one, has seen enough; nothing must be flushed at exit either
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 1
    except SettingsError as error:
        print(f"error: {error}", file=sys.stderr)
        return COULD_NOT_RUN
    return code
