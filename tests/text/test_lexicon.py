"""The word lists: a language is a file, a broken file is named with what is wrong and how to correct it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bot.articles.replies import Replies
from bot.text.lexicon import LexiconError, MaskingWords, load_lexicon
from bot.text.masking import mask
from tests.conftest import ROOT

SHIPPED = ROOT / "data" / "lexicon"
ICELANDIC = """
masking:
  security_code: [öryggisnúmer*]
  equals: [er]
  between: [kortsins, míns]
  then: [svo]
  reference: [reikning*]
"""


def run(*words: str, **environment: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, *words]
    return subprocess.run(
        command, cwd=ROOT, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )


def test_a_tenth_language_needs_a_file_and_no_code(tmp_path: Path) -> None:
    lexicon = tmp_path / "lexicon"
    shutil.copytree(SHIPPED, lexicon)
    (lexicon / "is.yml").unlink(missing_ok=True)
    for text in ("Öryggisnúmerið er 123", "ORYGGISNUMER kortsins míns: 123"):
        assert not mask(text, lexicon).changed
    (lexicon / "is.yml").write_text(ICELANDIC, encoding="utf8")
    tenth = tmp_path / "ten"
    lexicon.rename(tenth)
    assert mask("Öryggisnúmerið er 123", tenth).text == "Öryggisnúmerið er •••"
    assert mask("ORYGGISNUMER kortsins míns: 123", tenth).text == "ORYGGISNUMER kortsins míns: •••"
    assert mask("123 er öryggisnúmerið", tenth).text == "••• er öryggisnúmerið"
    assert mask("4012 svo 8888 svo 8888 svo 1881", tenth).text == "••••1881"
    assert mask("9400 1234 5678 9012", tenth).cards == 1
    assert mask("reikningur 9400 1234 5678 9012", tenth).cards == 0
    assert mask("CVV-koden er 123", tenth).codes == 1


def test_every_shipped_language_has_every_list() -> None:
    shipped = load_lexicon(SHIPPED)
    complete = Replies().complete()
    assert {*complete} <= set(shipped) <= {path.stem for path in (ROOT / "data" / "replies").glob("*.yml")}
    lacking = {
        (language, name)
        for language, lexicon in shipped.items()
        for name in MaskingWords.__fields__
        if language in complete and not getattr(lexicon.masking, name)
    }
    assert lacking == set()


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("masking:\n  between: [on]\n", ["xx.yml: masking.between.0: str type expected", "need quotes"]),
        ("masking:\n  security_codes: [cvv]\n", ["masking.security_codes: extra fields not permitted"]),
        ("masking:\n  equals: ['**']\n", ["masking.equals.0: `**` is no word", "write letters"]),
        ("masking:\n  equals: ['']\n", ["masking.equals.0: `` is no word"]),
        ("maskings: {}\n", ["maskings: extra fields not permitted"]),
        ("- cvv\n", ["the file"]),
        ("masking: [\n", ["xx.yml:2: not valid YAML", "correct that line"]),
    ],
)
def test_a_broken_file_is_told_with_place_and_remedy(tmp_path: Path, content: str, told: list[str]) -> None:
    (tmp_path / "xx.yml").write_text(content, encoding="utf8")
    with pytest.raises(LexiconError) as error:
        mask("cvv 123", tmp_path)
    assert [words for words in ("xx.yml", *told) if words not in str(error.value)] == []


def test_a_missing_folder_is_told_before_a_number_is_let_through(tmp_path: Path) -> None:
    with pytest.raises(LexiconError, match=r"no word lists .* found; restore the folder"):
        mask("cvv 123", tmp_path / "none")


def test_data_check_refuses_a_broken_word_list(tmp_path: Path) -> None:
    shutil.copytree(SHIPPED, tmp_path / "lexicon")
    phrases = tmp_path / "nlu" / "en" / "issues.yml"
    phrases.parent.mkdir(parents=True)
    phrases.write_text(
        "nlu:\n- intent: greet\n  metadata: {language: en}\n  examples: |\n    - hello\n", encoding="utf8"
    )
    good = run("-m", "bot", "data", "check", BOT_DATA_DIR=str(tmp_path))
    assert good.returncode == 0, good.stderr
    (tmp_path / "lexicon" / "fi.yml").write_text("masking:\n  equals: [on]\n", encoding="utf8")
    done = run("-m", "bot", "data", "check", BOT_DATA_DIR=str(tmp_path))
    assert done.returncode == 2
    assert "fi.yml: masking.equals.0: str type expected; correct that entry" in done.stderr


def test_masking_loads_neither_rasa_nor_what_takes_seconds() -> None:
    code = "import sys; from bot.text.masking import mask; assert mask('cvv 123').codes; print(*sys.modules)"
    loaded = {name.partition(".")[0] for name in run("-c", code).stdout.split()}
    assert "pydantic" in loaded
    assert loaded & {"rasa", "spacy", "numpy", "sqlalchemy", "sanic"} == set()
