"""The `Encoder`: turns sentences of nine languages into vectors in which the same meaning lies close together."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bot.encoder.features import Vocabulary, words_of
from bot.settings import get_settings

Floats = npt.NDArray[np.float32]

_FORMAT = 1
_LARGEST_CODE = 127
_MOST_REMEMBERED_WORDS = 20_000
"""Words whose vectors are kept: texts repeat them, and reading one takes as long as adding up a sentence."""


class EncoderFileError(ValueError):
    """A weights file is missing, damaged or of another format."""


class Encoder:
    """A bag of trained word and n-gram vectors, kept in int8 and scaled when they are gathered.

    Args:
        vocabulary: the known features.
        codes: (features, dimension) int8.
        scales: (features,) float32; a feature's vector is its codes times its scale.
        provenance: what it was learned from, how, and under which licence.
    """

    def __init__(
        self, vocabulary: Vocabulary, codes: npt.NDArray[np.int8], scales: Floats, provenance: dict[str, Any]
    ) -> None:
        self._vocabulary = vocabulary
        self._codes = codes
        self._scales = scales
        self._vector_of = lru_cache(maxsize=_MOST_REMEMBERED_WORDS)(self._read_word)
        self.provenance = provenance
        self.version = _content_hash(vocabulary.keys, codes, scales)

    @property
    def dimension(self) -> int:
        """Numbers per vector."""
        return int(self._codes.shape[1])

    def encode(self, texts: Sequence[str]) -> Floats:
        """Encodes texts of any of the languages.

        Args:
            texts: n texts.

        Returns:
            (n, dimension) float32; unit-length rows, zero rows for texts of which no feature is known.
        """
        result = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in words_of(text):
                result[row] += self._vector_of(word)
        norms = np.linalg.norm(result, axis=1, keepdims=True)
        return np.divide(result, norms, out=result, where=norms > 0)

    def _read_word(self, word: str) -> Floats:
        rows = self._vocabulary.rows_of(word)
        return np.asarray(self._scales[rows] @ self._codes[rows].astype(np.float32))

    def save(self, path: Path) -> None:
        """Writes the one file that `load_encoder` reads."""
        about = json.dumps({"format": _FORMAT, "provenance": self.provenance}, ensure_ascii=False, sort_keys=True)
        with path.open("wb") as file:
            np.savez(
                file,
                keys=self._vocabulary.keys,
                codes=self._codes,
                scales=self._scales,
                about=np.frombuffer(about.encode(), dtype=np.uint8),
            )


def _content_hash(keys: npt.NDArray[np.uint32], codes: npt.NDArray[np.int8], scales: Floats) -> str:
    digest = hashlib.sha256()
    for values in (keys, codes, scales):
        digest.update(np.ascontiguousarray(values).view(np.uint8).data)
    return digest.hexdigest()[:16]


def quantise(table: Floats) -> tuple[npt.NDArray[np.int8], Floats]:
    """Rounds each row to int8 with a scale of its own.

    Args:
        table: (features, dimension).

    Returns:
        The codes (features, dimension) and the scales (features,); table ≈ codes * scales[:, None].
    """
    scales = np.maximum(np.abs(table).max(axis=1), 1e-12).astype(np.float32) / np.float32(_LARGEST_CODE)
    return np.rint(table / scales[:, None]).astype(np.int8), scales


@lru_cache(maxsize=4)
def _load(path: Path) -> Encoder:
    try:
        with np.load(path, allow_pickle=False) as archive:
            about = json.loads(archive["about"].tobytes().decode())
            arrays = {name: archive[name] for name in ("keys", "codes", "scales")}
    except (OSError, KeyError, ValueError) as error:
        raise EncoderFileError(f"{path}: cannot be read as encoder weights ({error}); run `make encoder`.") from error
    if about.get("format") != _FORMAT:
        raise EncoderFileError(f"{path}: format {about.get('format')}, expected {_FORMAT}; run `make encoder`.")
    return Encoder(Vocabulary(arrays["keys"]), arrays["codes"], arrays["scales"], about["provenance"])


@lru_cache(maxsize=16)
def _resolved(path: Path) -> Path:
    return path.resolve()  # asked several times a message, and every time it asks the file system


def load_encoder(path: Path | None = None) -> Encoder:
    """Loads an encoder; the same path is loaded once.

    Args:
        path: a file that `python -m bot encoder train` wrote; without it that of the settings, the shipped one unless
            `BOT_ENCODER_WEIGHTS` names another.

    Raises:
        EncoderFileError: the file is missing, damaged or of another format.
    """
    return _load(_resolved(path or get_settings().encoder_weights))
