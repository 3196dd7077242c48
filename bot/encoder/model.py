"""The `Encoder`: turns sentences of nine languages into vectors in which the same meaning lies close together."""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from itertools import chain
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from bot.encoder.features import Vocabulary, words_of
from bot.pieces import MOST_PIECES, OfPieces, Split, Texts, split
from bot.remembered import Lists, Remembered
from bot.settings import get_settings

Floats = npt.NDArray[np.float32]

_FORMAT = 1
_LARGEST_CODE = 127
_FEW = 8
"""So many texts are encoded one by one."""
_MOST_REMEMBERED_WORDS = 32_000  # their rows fit into 2**15


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
        self._lock = Lock()
        self._forget_words()
        self.provenance = provenance
        self.version = _content_hash(vocabulary.keys, codes, scales)

    @property
    def dimension(self) -> int:
        """Numbers per vector."""
        return int(self._codes.shape[1])

    def encode(self, texts: Texts) -> Floats:
        """Encodes texts of any of the languages.

        Args:
            texts: n texts.

        Returns:
            (n, dimension) float32; unit-length rows, zero rows for texts of which no feature is known.
        """
        read = split(texts)  # no word reaches over a blank
        with self._lock:  # actions run beside the pipeline, in a thread of their own
            if len(self._words) > _MOST_REMEMBERED_WORDS:
                self._forget_words()
            elif len(self._rows) > MOST_PIECES:
                self._forget_pieces()
            result = self._sums_of_few(read) if len(texts) <= _FEW else self._sums(read)
        norms = np.linalg.norm(result, axis=1, keepdims=True)
        return np.divide(result, norms, out=result, where=norms > 0)

    def _sums(self, texts: Split) -> Floats:
        """Returns the sum of the vectors of each text's words, (texts, dimension)."""
        number = self._pieces.at(texts.pieces).__getitem__
        numbers = np.fromiter(map(number, chain.from_iterable(texts.lists)), dtype=np.int32)
        columns, lengths = self._rows.of(numbers)
        ends = np.append(0, lengths.cumsum())[np.cumsum([0, *map(len, texts.lists)])]
        ones = np.ones(len(columns), dtype=np.float32)
        counts = sparse.csr_matrix((ones, columns, ends), shape=(len(texts), len(self._vectors)))
        return np.asarray(counts @ self._vectors)

    def _sums_of_few(self, texts: Split) -> Floats:
        """Returns the same, one text after the other: a sparse product costs as much for one text as for dozens."""
        number = self._pieces.at(texts.pieces)
        result = np.zeros((len(texts), self.dimension), dtype=np.float32)
        for row, pieces in enumerate(texts.lists):
            words = [word for piece in pieces for word in self._rows[number[piece]]]
            if words:
                result[row] = self._vectors[words].sum(axis=0)
        return result

    def _forget_words(self) -> None:
        self._words = Remembered(self._read_word)
        """Word -> the row of its vector: texts repeat words, so each one's features are added up once."""
        self._vectors: Floats = np.zeros((256, self.dimension), dtype=np.float32)
        self._forget_pieces()

    def _forget_pieces(self) -> None:
        self._pieces = OfPieces(self._read_piece)
        """What stands between two blanks -> its number."""
        self._rows = Lists[int]("i")
        """The rows of each piece's words."""

    def _read_piece(self, piece: str) -> int:
        self._rows.add(list(map(self._words.__getitem__, words_of(piece))))
        return len(self._rows) - 1

    def _read_word(self, word: str) -> int:
        row = len(self._words)
        if row == len(self._vectors):
            self._vectors = np.concatenate([self._vectors, np.zeros_like(self._vectors)])
        rows = self._vocabulary.rows_of(word)
        self._vectors[row] = self._scales[rows] @ self._codes[rows].astype(np.float32)
        return row

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
