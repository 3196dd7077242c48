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
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from bot.settings import get_settings

if TYPE_CHECKING:
    from onnxruntime import InferenceSession
    from tokenizers import Tokenizer

Floats = npt.NDArray[np.float32]

_MODEL, _TOKENIZER, _ABOUT = "model.onnx", "tokenizer.json", "about.json"
_BATCH = 16
_INPUTS = frozenset({"input_ids", "attention_mask", "token_type_ids"})


class SentenceEncoderError(ValueError):
    """A folder holds no sentence encoder that can be used; the message says what is missing and how to correct it."""


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
        for path in (folder / _TOKENIZER, folder / _MODEL):
            if not path.is_file():
                problem = f"{path}: there is no such file; BOT_ENCODER must name a folder with"
                raise SentenceEncoderError(f"{problem} {_MODEL} and {_TOKENIZER}.")
        about = folder / _ABOUT
        settings = json.loads(about.read_text(encoding="utf8")) if about.exists() else {}
        self._prefix = str(settings.get("prefix", ""))
        self._pooling = settings.get("pooling", "mean")
        self._tokenizer = _read_tokenizer(folder / _TOKENIZER, int(settings.get("longest", 128)))
        self._session = _read_model(folder / _MODEL)
        self._inputs = [entry.name for entry in self._session.get_inputs()]
        self.dimension = int(self._session.get_outputs()[0].shape[-1])
        """Numbers per vector."""
        # A message and its sentences are asked for by several models, one after the other: intents, acts, passages.
        self._message_vector = lru_cache(maxsize=8)(lambda text: self._run([self._tokens(text)])[0])
        self._learned: dict[str, Floats] = {}
        """Vectors of the texts encoded for training: one text in twelve is learned from by several models."""

    def encode(self, texts: Sequence[str]) -> Floats:
        """Encodes texts.

        Args:
            texts: n texts.

        Returns:
            (n, dimension) float32, rows of unit length.
        """
        if len(texts) == 1:
            return np.array([self._message_vector(texts[0])])
        return self._encode_groups([self._tokens(text) for text in texts], [[row] for row in range(len(texts))])

    def encode_for_training(self, texts: Sequence[str]) -> Floats:
        """Encodes texts of the same length together, which takes about half as long, and none a second time.

        The vectors are those of `encode` but for int8's rounding (cosine 0.99), which learning does not notice.

        Args:
            texts: n texts.

        Returns:
            (n, dimension) float32, rows of unit length.
        """
        new = [text for text in dict.fromkeys(texts) if text not in self._learned]
        tokens = [self._tokens(text) for text in new]
        by_length: dict[int, list[int]] = defaultdict(list)
        for row, ids in enumerate(tokens):
            by_length[len(ids)].append(row)
        groups = [rows[start : start + _BATCH] for rows in by_length.values() for start in range(0, len(rows), _BATCH)]
        self._learned.update(zip(new, self._encode_groups(tokens, groups), strict=True))
        return np.array([self._learned[text] for text in texts], dtype=np.float32).reshape(-1, self.dimension)

    def _encode_groups(self, tokens: Sequence[Sequence[int]], groups: Sequence[list[int]]) -> Floats:
        """Encodes texts by groups of rows that have the same number of tokens."""
        result = np.zeros((len(tokens), self.dimension), dtype=np.float32)
        with ThreadPoolExecutor(os.cpu_count()) as threads:  # the runtime releases Python's lock
            encoded = threads.map(lambda group: self._run([tokens[row] for row in group]), groups)
            for group, vectors in zip(groups, encoded, strict=True):
                result[group] = vectors
        return result

    def _tokens(self, text: str) -> list[int]:
        return list(self._tokenizer.encode(self._prefix + text).ids)

    def _run(self, tokens: Sequence[Sequence[int]]) -> Floats:
        """Returns the vectors of texts that have the same number of tokens."""
        ids = np.array(tokens, dtype=np.int64)
        known = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
        vectors = np.asarray(self._session.run(None, {name: known[name] for name in self._inputs})[0], np.float32)
        if vectors.ndim == 3:  # one for each token
            vectors = vectors[:, 0] if self._pooling == "cls" else vectors.mean(axis=1)
        return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), dtype=np.float32)


def _read_tokenizer(path: Path, longest: int) -> Tokenizer:
    from tokenizers import Tokenizer

    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # the library raises no class of its own
        raise SentenceEncoderError(f"{path}: cannot be read as a tokenizer ({error}).") from error
    tokenizer.no_padding()
    tokenizer.enable_truncation(longest)
    return tokenizer


def _read_model(path: Path) -> InferenceSession:
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1  # messages run beside each other, and short ones gain nothing from threads
    options.inter_op_num_threads = 1
    # Processors without instructions for bytes (VNNI) would cut off sums of products: exact, and as fast, as unsigned.
    options.add_session_config_entry("session.x64quantprecision", "1")
    try:
        session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # each failure of the runtime has a class of its own, made at run time
        raise SentenceEncoderError(f"{path}: cannot be read as an ONNX model ({error}).") from error
    unknown = {entry.name for entry in session.get_inputs()} - _INPUTS
    if unknown:
        problem = f"{path}: the model wants {', '.join(sorted(unknown))}; export it with the inputs"
        raise SentenceEncoderError(f"{problem} input_ids, attention_mask and, if it has them, token_type_ids.")
    return session


_load = lru_cache(maxsize=4)(SentenceEncoder)


@lru_cache(maxsize=4)
def _version(folder: Path) -> str:
    paths = [folder / name for name in (_MODEL, _TOKENIZER, _ABOUT)]
    return hashlib.sha256(b"".join(path.read_bytes() for path in paths if path.exists())).hexdigest()[:16]


def load_sentence_encoder() -> SentenceEncoder:
    """Loads the sentence encoder of the settings once: the shipped one unless `BOT_ENCODER` names another.

    Raises:
        SentenceEncoderError: there is none that can be used.
    """
    return _load(get_settings().encoder)


def sentence_encoder_version() -> str:
    """Returns 16 hexadecimal digits that name the settings' encoder by its content; nothing is loaded for it."""
    return _version(get_settings().encoder)
