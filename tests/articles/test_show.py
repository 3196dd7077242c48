"""`python -m bot articles show` and the command line itself."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from bot.articles.readers import read_article

FIXTURES = Path(__file__).parent / "fixtures"


def bot(*words: str | Path, root: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "bot", *map(str, words)]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, encoding="utf-8", check=False)


@pytest.mark.parametrize("name", ["plain", "side_by_side", "azure_docs"])
def test_an_article_is_shown_as_json(root: Path, name: str) -> None:
    path = FIXTURES / f"{name}.md"
    done = bot("articles", "show", path, "--json", root=root)
    assert done.returncode == 0
    assert json.loads(done.stdout) == json.loads(json.dumps(asdict(read_article(path))))
    assert "\\u" not in done.stdout
    assert done.stdout.startswith('{\n  "title"')


def test_an_article_is_shown_as_text(root: Path) -> None:
    done = bot("articles", "show", FIXTURES / "plain.md", root=root)
    assert done.stdout.splitlines()[:14] == [
        "Regningen i portalen",
        "nb, plain",
        "",
        "# Regningen i portalen (the-bill-in-the-portal)",
        "Her ser du hvor regningen ligger.",
        "Du trenger **lesetilgang** til kontoen.",
        "1. Åpne [portalen](https://portal.azure.com/).",
        "2. Finn **Regninger**:",
        "   1. de nye",
        "   2. de gamle",
        "3. Trykk **Vis**.",
        "[status] Siden viser nå beløpet.",
        "-> portalen: https://portal.azure.com/",
        "",
    ]


def test_boxes_and_descriptions_are_shown(root: Path) -> None:
    done = bot("articles", "show", FIXTURES / "azure_docs.md", root=root)
    assert "[note] Varselet kommer én gang.\n  - Se i søppelposten.\n" in done.stdout
    assert "   [important] Velg bare én.\n" in done.stdout
    assert "\nHva et varsel om en ubetalt regning betyr\n" in done.stdout


def test_what_cannot_be_shown_is_said_in_one_sentence(root: Path, tmp_path: Path) -> None:
    empty = tmp_path / "empty.md"
    empty.touch()
    for path, message in ((empty, f"{empty}:1: the file is empty"), (tmp_path, f"{tmp_path} cannot be read")):
        done = bot("articles", "show", path, root=root)
        assert (done.returncode, done.stdout) == (2, "")
        assert done.stderr.startswith(message)
        assert done.stderr.count("\n") == 1


def test_the_help_lists_every_command(root: Path) -> None:
    done = bot("--help", root=root)
    assert done.returncode == 0
    assert {"articles", "encoder", "data"} <= set(done.stdout.split())


def test_a_wrong_command_is_refused(root: Path) -> None:
    done = bot("article", root=root)
    assert done.returncode == 2
    assert "invalid choice: 'article'" in done.stderr
