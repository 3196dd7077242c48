"""Turns texts of nine languages into vectors by adding up word vectors; the same meaning lies close together.

It serves the search, languages without phrases and drafts of new issues; the sentence encoder is in `sentences.py`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bot.encoder.features import Floats, Keys, rows_of, words_of
from bot.settings import get_settings

_FORMAT = 1
_CACHED_WORDS = 20_000
"""Words whose vectors are kept: texts repeat them, and reading one takes as long as adding up a sentence."""


class EncoderFileError(ValueError):
    """A weights file is missing, damaged or of another format."""


class Encoder:
    """A bag of trained word and n-gram vectors, kept in int8 and scaled when they are gathered.

    Args:
        keys: (features,) the known features, ascending.
        codes: (features, dimension) int8.
        scales: (features,) float32; a feature's vector is its codes times its scale.
        provenance: what it was learned from, how, and under which licence.
    """

    def __init__(self, keys: Keys, codes: npt.NDArray[np.int8], scales: Floats, provenance: dict[str, Any]) -> None:
        self._keys, self._codes, self._scales = keys, codes, scales
        self._word_vector = lru_cache(maxsize=_CACHED_WORDS)(self._read_word)
        self.provenance = provenance
        content = b"".join(np.ascontiguousarray(values).tobytes() for values in (keys, codes, scales))
        self.version = hashlib.sha256(content).hexdigest()[:16]

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
                result[row] += self._word_vector(word)
        norms = np.linalg.norm(result, axis=1, keepdims=True)
        return np.divide(result, norms, out=result, where=norms > 0)

    def _read_word(self, word: str) -> Floats:
        rows = rows_of(self._keys, word)
        return np.asarray(self._scales[rows] @ self._codes[rows].astype(np.float32))

    def save(self, path: Path) -> None:
        """Writes the one file that `load_encoder` reads."""
        about = json.dumps({"format": _FORMAT, "provenance": self.provenance}, ensure_ascii=False, sort_keys=True)
        about_bytes = np.frombuffer(about.encode(), dtype=np.uint8)
        with path.open("wb") as file:
            np.savez(file, keys=self._keys, codes=self._codes, scales=self._scales, about=about_bytes)


@lru_cache(maxsize=4)
def _load(path: Path) -> Encoder:
    try:
        with np.load(path, allow_pickle=False) as archive:
            about = json.loads(archive["about"].tobytes().decode())
            keys, codes, scales = archive["keys"], archive["codes"], archive["scales"]
    except (OSError, KeyError, ValueError) as error:
        raise EncoderFileError(f"{path}: cannot be read as encoder weights ({error}); run `make vectors`.") from error
    if about.get("format") != _FORMAT:
        raise EncoderFileError(f"{path}: format {about.get('format')}, expected {_FORMAT}; run `make vectors`.")
    return Encoder(keys, codes, scales, about["provenance"])


def load_encoder(path: Path | None = None) -> Encoder:
    """Loads an encoder; the same path is loaded once.

    Args:
        path: a file that `python -m bot encoder train` wrote; without it that of the settings, the shipped one unless
            `BOT_ENCODER_WEIGHTS` names another.

    Raises:
        EncoderFileError: the file is missing, damaged or of another format.
    """
    return _load(path or get_settings().encoder_weights)
