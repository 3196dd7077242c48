"""The encoder: encoding, saving, loading, and what it has learned."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from bot.encoder import Encoder, EncoderFileError, load_encoder
from bot.encoder.training.align import AlignmentReport, Segment
from bot.encoder.training.evaluate import measure_retrieval


def test_encodings_have_unit_length_and_nothing_known_is_zero(tiny_encoder: Encoder) -> None:
    vectors = tiny_encoder.encode(["Koke et egg", "", "🙂", "Ull krymper i varmt vann."])
    assert vectors.dtype == np.float32
    assert vectors.shape == (4, tiny_encoder.dimension)
    assert np.linalg.norm(vectors, axis=1) == pytest.approx([1, 0, 0, 1], abs=1e-5)


def test_no_texts_give_no_rows(tiny_encoder: Encoder) -> None:
    assert tiny_encoder.encode([]).shape == (0, tiny_encoder.dimension)


def test_a_text_is_encoded_alike_alone_and_in_company(tiny_encoder: Encoder) -> None:
    texts = ["Vanne plantene", "Die Pflanzen gießen"]
    np.testing.assert_array_equal(tiny_encoder.encode(texts)[1:], tiny_encoder.encode(texts[1:]))


def test_threads_that_encode_at_the_same_time_do_not_disturb_each_other() -> None:
    """Actions run beside the pipeline: each word that one of them meets first is new to the other."""
    encoder = load_encoder()
    texts = [f"word{number} card{number} declined{number}" for number in range(300)]
    expected = encoder.encode(texts)
    assert np.linalg.norm(expected, axis=1) == pytest.approx(np.ones(300), abs=1e-5)
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as threads:
            found = list(threads.map(lambda text: encoder.encode([text])[0], [*texts, *texts[::-1]]))
    finally:
        sys.setswitchinterval(interval)
    assert np.abs(np.array(found) - np.concatenate([expected, expected[::-1]])).max() < 1e-6


def test_a_text_finds_its_counterpart_in_the_other_languages(
    tiny_encoder: Encoder, alignment: tuple[list[Segment], AlignmentReport]
) -> None:
    retrieval = measure_retrieval(tiny_encoder, alignment[0])
    assert retrieval.mean > 0.9
    assert retrieval.lines()[0].split() == ["from/to", "de", "en", "nb", "sv"]


def test_words_of_unlike_languages_that_mean_the_same_are_close(tiny_encoder: Encoder) -> None:
    tyre, egg, question = tiny_encoder.encode(["Fahrradreifen flicken", "ein Ei kochen", "lappe sykkeldekk"])
    assert question @ tyre > question @ egg


def test_a_saved_encoder_loads_with_the_same_vectors_version_and_provenance(
    tiny_encoder: Encoder, tmp_path: Path
) -> None:
    path = tmp_path / "weights.npz"
    tiny_encoder.save(path)
    loaded = load_encoder(path)
    np.testing.assert_array_equal(loaded.encode(["Koke et egg"]), tiny_encoder.encode(["Koke et egg"]))
    assert loaded.version == tiny_encoder.version
    assert loaded.provenance == {"licence": "MIT"}
    assert load_encoder(path) is loaded


def test_a_damaged_file_is_refused_with_its_name_and_the_remedy(tmp_path: Path) -> None:
    path = tmp_path / "weights.npz"
    path.write_bytes(b"not weights")
    with pytest.raises(EncoderFileError, match=r"weights\.npz.*make vectors"):
        load_encoder(path)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(EncoderFileError):
        load_encoder(tmp_path / "none.npz")


@pytest.mark.parametrize(
    ("first", "second", "other"),
    [
        ("kortet mitt ble avvist", "ma carte a été refusée", "comment ajouter une licence"),
        ("how do I cancel my subscription", "hoe zeg ik mijn abonnement op", "hvor finner jeg fakturaen"),
        ("laskun maksaminen", "betala fakturan", "ta bort en användare"),
    ],
)
def test_the_shipped_encoder_knows_which_of_two_foreign_texts_says_the_same(
    first: str, second: str, other: str
) -> None:
    asked, right, wrong = load_encoder().encode([first, second, other])
    assert asked @ right > asked @ wrong + 0.2


def test_the_shipped_encoder_says_what_it_was_learned_from() -> None:
    provenance = load_encoder().provenance
    assert provenance["licence"] == "CC-BY-4.0"
