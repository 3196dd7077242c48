"""The command `python -m bot doctor`: runs all checks of an installation side by side, prints a line a finding."""

from __future__ import annotations

import argparse
import os
import threading
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from bot.command_line import print_json
from bot.doctor import configuration, connections, machine, stores
from bot.doctor.installation import PREFIX, Check, Finding, Installation, read_env_file, usual_env_files
from bot.launcher import DEFAULT_PORT, DESK_PORT
from bot.tickets.commands import add_verb

LIMIT_SECONDS = 12
CHECKS: tuple[Check, ...] = (
    *(configuration.unknown_settings, configuration.contradictions),
    *(stores.databases, connections.postgresql_tls, connections.redis, connections.broker, connections.action_server),
    *(connections.help_desks, stores.undelivered, stores.retention, stores.nightly, stores.accounts),
    *(machine.model, machine.disk, machine.files, machine.signing_key, machine.metrics, machine.bot, machine.desk),
)


def add_commands(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `doctor` to the command line."""
    summary = "look whether this installation is well: settings, servers, model, safety"
    parser = add_verb(subparsers, "doctor", summary, _doctor)
    parser.add_argument("--json", action="store_true", help="print JSON")
    files = "read settings from this file, too, such as /etc/billing-triage/bot.env; may be given several times"
    parser.add_argument("--env-file", type=Path, action="append", default=[], metavar="FILE", help=files)
    served = "the model that is served; without it, the one switched to, else that of the present content"
    parser.add_argument("--model", type=Path, help=served)
    parser.add_argument("--port", type=int, default=DEFAULT_PORT, help=f"where the bot listens ({DEFAULT_PORT})")
    parser.add_argument("--desk-port", type=int, default=DESK_PORT, help=f"where the desk listens ({DESK_PORT})")


def _doctor(options: argparse.Namespace) -> int:
    for file in options.env_file:
        os.environ.update(read_env_file(file))
    variables = {name: value for name, value in os.environ.items() if name.upper().startswith(PREFIX)}
    settings, refused = configuration.take_settings()
    env_files = tuple(dict.fromkeys([*options.env_file, *usual_env_files()]))
    examined = Installation(settings, variables, env_files, options.port, options.desk_port, options.model)
    findings = [*refused, *examine(examined)]
    counts = Counter(finding.status for finding in findings)
    if options.json:
        print_json([asdict(finding) for finding in findings])
    else:
        width = max(len(finding.check) for finding in findings)
        for finding in findings:
            remedy = f". Remedy: {finding.remedy}" if finding.remedy else ""
            print(f"{finding.status:7}  {finding.check:{width}}  {finding.found}{remedy}")
        print(f"errors: {counts['error']}, warnings: {counts['warning']}, ok: {counts['ok']}")
    return 1 if counts["error"] else 0


def examine(installation: Installation, checks: Sequence[Check] = CHECKS) -> list[Finding]:
    """Runs the checks all at once.

    Args:
        installation: that is examined.
        checks: what is looked at.

    Returns:
        The findings, in the order of the checks; one that has not come to its end within 12 seconds is a warning.
    """
    found: dict[Check, list[Finding]] = {}

    def run(check: Check) -> None:
        try:
            result = check(installation)
            found[check] = [result] if isinstance(result, Finding) else list(result)
        except SQLAlchemyError:
            found[check] = [_unfinished(check, "not examined: its database cannot be used")]
        except Exception as error:  # the others are still worth knowing
            found[check] = [_unfinished(check, f"could not be examined ({type(error).__name__}: {error})")]

    # Daemons: one that hangs does not keep the command from its end.
    threads = [threading.Thread(target=run, args=(check,), daemon=True) for check in checks]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + LIMIT_SECONDS
    for thread in threads:
        thread.join(max(0, deadline - time.monotonic()))
    late = f"no answer within {LIMIT_SECONDS} s"
    return [finding for check in checks for finding in found.get(check, [_unfinished(check, late)])]


def _unfinished(check: Check, found: str) -> Finding:
    return Finding(check.__name__.replace("_", " "), "warning", found, "correct what stands above first")
