"""Customer phrases as parallel texts."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.articles.examples import Example, ExampleError, read_examples
from bot.encoder.training.phrases import parallel_phrases, segments_like

BLOCK = """nlu:
- intent: late_parcel
  metadata:
    language: {language}
    situations: [{situations}]
  examples: |
    - {first}
    - {second}
"""


def write(folder: Path, language: str, first: str, second: str, situations: str = '"01", "02"') -> None:
    (folder / language).mkdir()
    text = BLOCK.format(language=language, first=first, second=second, situations=situations)
    (folder / language / "situations.yml").write_text(text, encoding="utf-8")


def test_phrases_of_the_same_situation_are_parallel(tmp_path: Path) -> None:
    write(tmp_path, "nb", "pakken er sen", "hvor er pakken")
    write(tmp_path, "de", "das Paket ist spät", "wo ist das Paket")
    assert parallel_phrases(read_examples(tmp_path)) == [
        {"de": "das Paket ist spät", "nb": "pakken er sen"},
        {"de": "wo ist das Paket", "nb": "hvor er pakken"},
    ]


def test_a_situation_too_few_is_refused_with_the_file_and_the_remedy(tmp_path: Path) -> None:
    write(tmp_path, "nb", "pakken er sen", "hvor er pakken", situations='"01"')
    with pytest.raises(
        ExampleError, match=r"situations\.yml: entry 1 \(late_parcel\): 1 situations for 2 examples; list one"
    ):
        read_examples(tmp_path)


def phrase(text: str) -> Example:
    return Example(text, "late_parcel", "nb", Path("nb/situations.yml"))


def test_segments_that_speak_like_customers_come_first() -> None:
    phrases = [phrase("hvor er pakken min"), phrase("pakken er sen")]
    parcel = {"nb": "Pakken er sen.", "de": "Das Paket ist spät."}
    other = {"nb": "Kople fra serveren.", "de": "Trennen Sie den Server."}
    unseen = {"de": "Paket", "fr": "colis"}
    assert segments_like(phrases, [other, unseen, parcel], at_most=1) == [parcel]
    assert unseen not in segments_like(phrases, [other, unseen, parcel], at_most=3)


def test_without_phrases_no_segment_is_near() -> None:
    assert segments_like([], [{"nb": "x", "de": "y"}], at_most=5) == []
