"""The `Encoder`: turns sentences of nine languages into vectors in which the same meaning lies close together."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Sequence
from functools import lru_cache
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from bot.encoder.features import Vocabulary, words_of
from bot.settings import get_settings

Floats = npt.NDArray[np.float32]

_FORMAT = 1
_LARGEST_CODE = 127
_MOST_REMEMBERED_WORDS = 20_000
_MOST_REMEMBERED_PIECES = 50_000


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
        self._numbers: dict[str, int] = {}
        self._rows: dict[str, tuple[int, ...]] = {}
        self._vectors: Floats = np.zeros((256, codes.shape[1]), dtype=np.float32)
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
        pieces = [text.split() for text in texts]  # no word reaches over a blank
        rows = self._rows_of({piece for of_text in pieces for piece in of_text})
        found = [rows[piece] for of_text in pieces for piece in of_text]
        columns = np.fromiter(chain.from_iterable(found), dtype=np.int32)
        lengths = np.fromiter(map(len, found), dtype=np.int32, count=len(found))
        ends = np.append(0, lengths.cumsum())[np.cumsum([0, *map(len, pieces)])]
        counts = sparse.csr_matrix(
            (np.ones(len(columns), dtype=np.float32), columns, ends), shape=(len(texts), len(self._vectors))
        )
        result: Floats = counts @ self._vectors
        lengths = np.linalg.norm(result, axis=1, keepdims=True)
        return np.divide(result, lengths, out=result, where=lengths > 0)

    def _rows_of(self, pieces: Collection[str]) -> dict[str, tuple[int, ...]]:
        """Returns what stands between two blanks -> rows of its words' vectors.

        Texts repeat words: each one's vector is added up once.
        """
        if len(self._numbers) > _MOST_REMEMBERED_WORDS or len(self._rows) > _MOST_REMEMBERED_PIECES:
            self._numbers, self._rows = {}, {}
        new = {piece: words_of(piece) for piece in pieces if piece not in self._rows}
        words = {word for found in new.values() for word in found if word not in self._numbers}
        needed = len(self._numbers) + len(words)
        if needed > len(self._vectors):
            grown = np.zeros((max(needed, 2 * len(self._vectors)), self.dimension), dtype=np.float32)
            grown[: len(self._vectors)] = self._vectors
            self._vectors = grown
        for word in words:
            rows = self._vocabulary.rows_of(word)
            number = self._numbers[word] = len(self._numbers)
            self._vectors[number] = self._scales[rows] @ self._codes[rows].astype(np.float32)
        self._rows.update((piece, tuple(map(self._numbers.__getitem__, found))) for piece, found in new.items())
        return self._rows

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
