"""The sentence encoder: a transformer in ONNX that turns texts into vectors in which the same meaning lies together."""

from __future__ import annotations

import hashlib
import json
import os
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from bot.settings import get_settings

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from tokenizers import Tokenizer

Floats = npt.NDArray[np.float32]

_MODEL, _TOKENIZER, _ABOUT = "model.onnx", "tokenizer.json", "about.json"
_DEFAULTS = {"longest": 128, "prefix": "", "pooling": "mean"}
_TOGETHER = 16
_INPUTS = frozenset({"input_ids", "attention_mask", "token_type_ids"})


class SentenceEncoderError(ValueError):
    """A folder holds no sentence encoder that can be used; the message says what is missing and how to mend it."""


class SentenceEncoder:
    """Any sentence encoder in ONNX with its `tokenizer.json`, such as those of the library sentence-transformers.

    Messages are encoded one by one: int8 models choose their scales by what is in a batch, and a message must get the
    same vector alone and among thousands. Many texts are spread over the processor's cores.

    Args:
        folder: holds `model.onnx`, `tokenizer.json` and, optionally, `about.json` with `longest` (tokens that are read
            of a text), `prefix` (put before each text, as E5 models want it) and `pooling` ("mean" or "cls"; for models
            that return a vector for each token).

    Raises:
        SentenceEncoderError: a file is missing or cannot be read.
    """

    def __init__(self, folder: Path) -> None:
        self._about = {**_DEFAULTS, **_read_about(folder)}
        self._tokenizer = _read_tokenizer(folder, int(self._about["longest"]))
        self._session = _read_model(folder)
        self._inputs = [entry.name for entry in self._session.get_inputs()]
        # One message is asked for by several models, one after the other: intents, acts, passages.
        self._message_vector = lru_cache(maxsize=1)(self._vector)

    @property
    def dimension(self) -> int:
        """Numbers per vector."""
        return int(self._session.get_outputs()[0].shape[-1])

    def encode(self, texts: Sequence[str]) -> Floats:
        """Encodes texts.

        Args:
            texts: n texts.

        Returns:
            (n, dimension) float32, rows of unit length.
        """
        result = np.zeros((len(texts), self.dimension), dtype=np.float32)
        if len(texts) == 1:
            result[0] = self._message_vector(texts[0])
        elif texts:
            with ThreadPoolExecutor(os.cpu_count()) as threads:  # the runtime releases Python's lock
                for row, vector in enumerate(threads.map(self._vector, texts)):
                    result[row] = vector
        return result

    def encode_for_training(self, texts: Sequence[str]) -> Floats:
        """Encodes texts of the same length together, which takes about half as long.

        The vectors are those of `encode` but for int8's rounding (cosine 0.99), which learning does not notice.

        Args:
            texts: n texts.

        Returns:
            (n, dimension) float32, rows of unit length.
        """
        result = np.zeros((len(texts), self.dimension), dtype=np.float32)
        rows: dict[int, list[int]] = defaultdict(list)
        tokens = [self._tokens(text) for text in texts]
        for row, ids in enumerate(tokens):
            rows[len(ids)].append(row)
        groups = [
            alike[start : start + _TOGETHER] for alike in rows.values() for start in range(0, len(alike), _TOGETHER)
        ]
        with ThreadPoolExecutor(os.cpu_count()) as threads:
            encoded = threads.map(lambda group: self._run([tokens[row] for row in group]), groups)
            for group, vectors in zip(groups, encoded, strict=True):
                result[group] = vectors
        return result

    def _vector(self, text: str) -> Floats:
        vector: Floats = self._run([self._tokens(text)])[0]
        return vector

    def _tokens(self, text: str) -> list[int]:
        return list(self._tokenizer.encode(str(self._about["prefix"]) + text).ids)

    def _run(self, tokens: Sequence[Sequence[int]]) -> Floats:
        """Returns the vectors of texts that have the same number of tokens."""
        ids = np.array(tokens, dtype=np.int64)
        known = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        vectors = np.asarray(self._session.run(None, {name: known[name] for name in self._inputs})[0], np.float32)
        if vectors.ndim == 3:  # one for each token
            vectors = vectors[:, 0] if self._about["pooling"] == "cls" else vectors.mean(axis=1)
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def _read_about(folder: Path) -> dict[str, Any]:
    path = folder / _ABOUT
    if not path.exists():
        return {}
    about: dict[str, Any] = json.loads(path.read_text(encoding="utf8"))
    return about


def _read_tokenizer(folder: Path, longest: int) -> Tokenizer:
    from tokenizers import Tokenizer

    path = _existing(folder / _TOKENIZER)
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises no class of its own
        raise SentenceEncoderError(f"{path}: cannot be read as a tokenizer ({error}).") from error
    tokenizer.no_padding()
    tokenizer.enable_truncation(longest)
    return tokenizer


def _read_model(folder: Path) -> InferenceSession:
    import onnxruntime

    path = _existing(folder / _MODEL)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # messages run beside each other, and short ones gain nothing from threads
    options.inter_op_num_threads = 1
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # each failure of the runtime has a class of its own, made at run time
        raise SentenceEncoderError(f"{path}: cannot be read as an ONNX model ({error}).") from error
    unknown = {entry.name for entry in session.get_inputs()} - _INPUTS
    if unknown:
        raise SentenceEncoderError(
            f"{path}: the model wants {', '.join(sorted(unknown))}; export it with the inputs input_ids, "
            "attention_mask and, if it has them, token_type_ids."
        )
    return session


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise SentenceEncoderError(
            f"{path}: there is no such file; BOT_ENCODER must name a folder with {_MODEL} and {_TOKENIZER}."
        )
    return path


@lru_cache(maxsize=4)
def _load(folder: Path) -> SentenceEncoder:
    return SentenceEncoder(folder)


@lru_cache(maxsize=4)
def _version(folder: Path) -> str:
    digest = hashlib.sha256()
    for name in (_MODEL, _TOKENIZER, _ABOUT):
        if (folder / name).exists():
            digest.update((folder / name).read_bytes())
    return digest.hexdigest()[:16]


def load_sentence_encoder(folder: Path | None = None) -> SentenceEncoder:
    """Loads a sentence encoder; the same folder is loaded once.

    Args:
        folder: without it that of the settings: the shipped one unless `BOT_ENCODER` names another.

    Raises:
        SentenceEncoderError: there is none that can be used.
    """
    return _load(folder or get_settings().encoder)


def sentence_encoder_version() -> str:
    """Returns 16 hexadecimal digits that name the settings' encoder by its content; nothing is loaded for it."""
    return _version(get_settings().encoder)
