"""What `docker build` gets to see: all that the image needs, and no secret, however deep it lies."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable
from pathlib import Path

import pytest

# Names under which secrets, personal data and machine-made files lie in checkouts, at any depth.
PRIVATE = (
    *(".env", ".env.production", "bot.env", "delivery.env", "tickets.db", "conversations.db-wal", "history.sqlite3"),
    *("tls.pem", "tls.key", "bot.log", "secrets/key", ".secrets/page.key", "var/tickets.csv", "logs/today.txt"),
    *(".git/config", ".venv/bin/python", "__pycache__/a.pyc", "node_modules/a.js", ".mypy_cache/a.json"),
)
FOLDERS = ("", "deploy/", "bot/", "bot/channel/web/", "data/", "data/articles/card_declined/", "actions/", "models/")
# What the Dockerfile copies by name, and what the programs in the image read.
NEEDED = (
    *("pyproject.toml", "uv.lock", ".python-version", "config.yml", "domain.yml", "endpoints.yml", "credentials.yml"),
    *("credentials-rest.yml", "models/.gitkeep"),
)


def ignored(patterns: Iterable[str], name: str) -> bool:
    """Tells whether Docker leaves a file out: the last pattern that fits it, or a folder above it, decides.

    The rules are those of the Dockerfile reference (".dockerignore file"): patterns begin at the context's root, `*`
    and `?` stop at `/`, `**` does not, `!` takes a file back in.

    Args:
        patterns: the file's lines.
        name: the file, relative to the context.
    """
    parts = name.split("/")
    above = ["/".join(parts[:depth]) for depth in range(1, len(parts) + 1)]
    left_out = False
    for line in (line.strip() for line in patterns):
        if line and not line.startswith("#"):
            pattern = expression(line.removeprefix("!").strip("/"))
            if any(pattern.fullmatch(path) for path in above):
                left_out = not line.startswith("!")
    return left_out


def expression(pattern: str) -> re.Pattern[str]:
    """Translates one pattern of `.dockerignore` into a regular expression."""
    meanings = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    tokens = re.findall(r"\*\*/|\*\*|\*|\?|[^*?]+", pattern)
    return re.compile("".join(meanings.get(token) or re.escape(token) for token in tokens))


@pytest.fixture(scope="module")
def patterns(root: Path) -> list[str]:
    """The lines of the project's .dockerignore."""
    return (root / ".dockerignore").read_text(encoding="utf8").splitlines()


@pytest.mark.parametrize(
    ("lines", "name", "left_out"),
    [
        ([".env*"], ".env", True),
        ([".env*"], "deploy/.env", False),
        (["**/.env*"], ".env", True),
        (["**/.env*"], "deploy/local/.env.old", True),
        (["**/var"], "a/b/var/c/d.csv", True),
        (["var"], "bot/var/d.csv", False),
        (["models/*", "!models/.gitkeep"], "models/.gitkeep", False),
        (["*", "!bot"], "bot/nlu/a.py", False),
        (["*", "!bot", "**/*.db"], "bot/nlu/a.db", True),
        (["*/b.?"], "a/b.c", True),
        (["*/b.?"], "a/a/b.c", False),
    ],
)
def test_the_rules_are_read_as_docker_reads_them(lines: list[str], name: str, left_out: bool) -> None:
    assert ignored(lines, name) is left_out


@pytest.mark.parametrize("folder", FOLDERS)
def test_the_context_holds_no_secret(patterns: list[str], folder: str) -> None:
    assert [name for name in PRIVATE if not ignored(patterns, folder + name)] == []


def test_a_model_made_here_is_not_in_the_context(patterns: list[str]) -> None:
    assert ignored(patterns, "models/triage-0123456789ab.tar.gz")


def test_everything_that_the_image_needs_is_in_the_context(root: Path, patterns: list[str]) -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=root, capture_output=True, text=True, check=True).stdout.split()
    needed = [name for name in tracked if name in NEEDED or name.startswith(("actions/", "bot/", "data/"))]
    assert set(NEEDED) <= set(needed)
    assert [name for name in needed if ignored(patterns, name)] == []


def test_nothing_is_in_the_context_that_the_image_does_not_need(root: Path, patterns: list[str]) -> None:
    tracked = subprocess.run(["git", "ls-files"], cwd=root, capture_output=True, text=True, check=True).stdout.split()
    others = [name for name in tracked if name not in NEEDED and not name.startswith(("actions/", "bot/", "data/"))]
    assert [name for name in others if not ignored(patterns, name)] == []
