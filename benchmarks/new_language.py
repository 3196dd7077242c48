"""Prints how well the bot understands a language that it knows from its article tree alone.

Makes a copy of the project without the language's phrases, articles, replies and word lists, names the tree in its
config.yml, trains there and measures as `benchmarks.understanding` does. The encoder must not have seen the phrases
either (`python -m bot encoder train ... --without LANGUAGE -o FILE`).

python -m benchmarks.new_language LANGUAGE TREE --encoder FILE [--keep FOLDER]
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import yaml

from bot.settings import PROJECT_ROOT

COPIED = ("actions", "benchmarks", "bot", "data", "tests/regression")
COPIED_FILES = ("config.yml", "domain.yml", "endpoints.yml", "credentials.yml", "credentials-rest.yml", "uv.lock")


def main(arguments: Sequence[str] | None = None) -> int:
    """Takes the language out, trains and measures; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("language", help="the language to take out, such as fi")
    parser.add_argument("tree", type=Path, help="its article tree, such as ../shared/corpus/fi-FI")
    parser.add_argument("--encoder", type=Path, required=True, help="weights learned without the language's phrases")
    parser.add_argument("--keep", type=Path, help="make the copy here and leave it, to talk to that bot")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        project = copy_without(options.language, options.tree, options.keep or Path(scratch) / "project")
        environment = {**os.environ, "BOT_ENCODER_WEIGHTS": str(options.encoder.resolve())}
        command = [sys.executable, "-m", "benchmarks.understanding"]
        return subprocess.run(command, cwd=project, env=environment, check=False).returncode


def copy_without(language: str, tree: Path, project: Path) -> Path:
    """Copies the project without everything that was written in a language, and names its article tree.

    Args:
        language: ISO 639-1 code.
        tree: the language's article tree.
        project: where the copy goes; must not exist.

    Returns:
        The copy's folder.
    """
    for name in COPIED:
        shutil.copytree(PROJECT_ROOT / name, project / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in COPIED_FILES:
        shutil.copy(PROJECT_ROOT / name, project / name)
    (project / "models").mkdir()
    data = project / "data"
    shutil.rmtree(data / "nlu" / language)
    own = (data / "replies" / f"{language}.yml", data / "lexicon" / f"{language}.yml")
    for path in (*own, *data.glob(f"articles/*/{language}.md")):
        path.unlink()
    words = yaml.safe_load((data / "entities.yml").read_text(encoding="utf8"))
    del words["languages"][language]
    (data / "entities.yml").write_text(yaml.safe_dump(words, allow_unicode=True), encoding="utf8")
    config = yaml.safe_load((project / "config.yml").read_text(encoding="utf8"))
    config["importers"][0]["trees"] = [str(tree.resolve())]
    (project / "config.yml").write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf8")
    return project


if __name__ == "__main__":
    raise SystemExit(main())
