"""Customer phrases as parallel texts."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.encoder.align import Segment
from bot.encoder.phrases import Phrase, PhraseFileError, parallel_phrases, read_phrases, segments_like

BLOCK = """nlu:
- intent: late_parcel
  metadata:
    situations: [{situations}]
  examples: |
    - {first}
    - {second}
- synonym: parcel
  examples: |
    - package
"""


def write(folder: Path, language: str, first: str, second: str, situations: str = '"01", "02"') -> None:
    (folder / language).mkdir()
    text = BLOCK.format(first=first, second=second, situations=situations)
    (folder / language / "situations.yml").write_text(text, encoding="utf-8")


def test_phrases_of_the_same_situation_are_parallel(tmp_path: Path) -> None:
    write(tmp_path, "nb", "pakken er sen", "hvor er pakken")
    write(tmp_path, "de", "das Paket ist spät", "wo ist das Paket")
    phrases = read_phrases(tmp_path)
    assert phrases[0] == Phrase("das Paket ist spät", "late_parcel", "de", "01")
    assert [segment.texts for segment in parallel_phrases(phrases)] == [
        {"de": "das Paket ist spät", "nb": "pakken er sen"},
        {"de": "wo ist das Paket", "nb": "hvor er pakken"},
    ]


def test_a_language_can_be_left_out(tmp_path: Path) -> None:
    write(tmp_path, "nb", "pakken er sen", "hvor er pakken")
    write(tmp_path, "de", "das Paket ist spät", "wo ist das Paket")
    assert {phrase.language for phrase in read_phrases(tmp_path, without=["de"])} == {"nb"}


def test_a_situation_too_few_is_refused_with_the_file_and_the_remedy(tmp_path: Path) -> None:
    write(tmp_path, "nb", "pakken er sen", "hvor er pakken", situations='"01"')
    with pytest.raises(PhraseFileError, match=r"situations\.yml: intent late_parcel has 2 examples but 1 entries"):
        read_phrases(tmp_path)


def test_segments_that_speak_like_customers_come_first() -> None:
    phrases = [Phrase("hvor er pakken min", "late_parcel", "nb"), Phrase("pakken er sen", "late_parcel", "nb")]
    parcel = Segment("b", "item", {"nb": "Pakken er sen.", "de": "Das Paket ist spät."})
    other = Segment("a", "item", {"nb": "Kople fra serveren.", "de": "Trennen Sie den Server."})
    unseen = Segment("c", "item", {"de": "Paket", "fr": "colis"})
    assert segments_like(phrases, [other, unseen, parcel], at_most=1) == [parcel]
    assert unseen not in segments_like(phrases, [other, unseen, parcel], at_most=3)


def test_without_phrases_no_segment_is_near() -> None:
    assert segments_like([], [Segment("a", "item", {"nb": "x", "de": "y"})], at_most=5) == []
