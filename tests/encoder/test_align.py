"""Aligning article trees."""

from __future__ import annotations

from pathlib import Path

import pytest

from bot.articles.readers import split
from bot.encoder.training.align import AlignmentReport, Block, Segment, align_trees, pair_blocks, read_blocks

Alignment = tuple[list[Segment], AlignmentReport]


def blocks_of(source: str) -> list[Block]:
    return read_blocks(split(source, "article.md"))


def texts_of(alignment: Alignment, file: str) -> list[dict[str, str]]:
    return [segment.texts for segment in alignment[0] if segment.file == file]


def test_a_step_is_aligned_with_the_same_step_of_the_other_locales(alignment: Alignment) -> None:
    assert {
        "nb": "Skyll egget i kaldt vann.",
        "sv": "Skölj ägget i kallt vatten.",
        "de": "Spülen Sie das Ei mit kaltem Wasser ab.",
    } in texts_of(alignment, "boil-an-egg")


def test_the_anchor_of_a_heading_gives_its_english_text(alignment: Alignment) -> None:
    headings = [texts for texts in texts_of(alignment, "wash-a-woollen-sweater") if "en" in texts]
    assert {
        "en": "wash a woollen sweater",
        "nb": "Vaske en ullgenser",
        "sv": "Tvätta en ylletröja",
        "de": "Einen Wollpullover waschen",
    } in headings


def test_side_by_side_sentences_are_paired_with_their_english_source(alignment: Alignment) -> None:
    assert {
        "en": "Connect the charger to the phone.",
        "nb": "Koble laderen til telefonen.",
        "sv": "Anslut laddaren till telefonen.",
        "de": "Verbinden Sie das Ladegerät mit dem Telefon.",
    } in texts_of(alignment, "charge-the-phone")


def test_a_paragraph_that_one_locale_has_more_shifts_nothing(alignment: Alignment) -> None:
    found = texts_of(alignment, "water-the-plants")
    assert {
        "nb": "Tøm skålen under potten.",
        "sv": "Töm skålen under krukan.",
        "de": "Leeren Sie die Schale unter dem Topf.",
    } in found
    assert not any("bara i den svenska" in text for texts in found for text in texts.values())


def test_a_step_that_one_locale_lacks_is_paired_among_the_others(alignment: Alignment) -> None:
    found = texts_of(alignment, "catch-the-night-train")
    last = next(texts for texts in found if texts.get("nb") == "Vis billetten til konduktøren.")
    assert last["sv"] == "Visa biljetten för konduktören."
    assert last["de"] == "Zeigen Sie dem Schaffner die Fahrkarte."


def test_the_report_counts_files_with_shifted_blocks(alignment: Alignment) -> None:
    _, report = alignment
    assert report.files == {"de": 7, "nb": 7, "sv": 7}
    assert report.files_realigned == 2
    assert report.files_paired_one_by_one == 5
    assert report.lines()[-1].startswith(f"{report.segments} segments")


def test_markup_addresses_and_front_matter_are_not_text() -> None:
    source = (
        '---\ntitle: x\n---\n## <a name="a-b"></a>Les **mer**\n\n'
        "> [!NOTE]\n> Se [siden](https://a.test/b) &amp; ![bilde](b.png) vent.\n"
    )
    blocks = blocks_of(source)
    assert [(block.kind, block.text, block.slug) for block in blocks] == [
        ("heading", "Les mer", "a-b"),
        ("paragraph", "Se siden & vent.", ""),
    ]


def test_blocks_without_a_counterpart_are_left_out_of_the_pairs() -> None:
    first = blocks_of("# Title\n\nA short line.\n\n- one item\n- another item\n")
    second = blocks_of("# Titel\n\n- ett ting\n- annat ting\n")
    assert pair_blocks(first, second) == [(0, 0), (2, 1), (3, 2)]


def test_text_that_occurs_in_several_articles_is_learned_once(tmp_path: Path) -> None:
    for locale, line in (("nb-NO", "Takk for hjelpen."), ("sv-SE", "Tack för hjälpen.")):
        (tmp_path / locale).mkdir()
        for name in ("a", "b"):
            (tmp_path / locale / f"{name}.md").write_text(f"{line}\n", encoding="utf-8")
    segments, report = align_trees([tmp_path / "nb-NO", tmp_path / "sv-SE"])
    assert [segment.texts for segment in segments] == [{"nb": "Takk for hjelpen.", "sv": "Tack för hjälpen."}]
    assert report.segments == 1


@pytest.mark.full
def test_the_shared_trees_align_nearly_wholly(shared: Path) -> None:
    trees = [shared / "corpus" / locale for locale in ("nb-NO", "da-DK")]
    if not all(tree.is_dir() for tree in trees):
        pytest.skip("the shared article trees are not on this machine")
    segments, report = align_trees(trees)
    assert len(segments) > 20_000
    assert all(report.paired[language] / report.blocks[language] > 0.95 for language in ("nb", "da"))
