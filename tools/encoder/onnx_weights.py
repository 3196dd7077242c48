"""Reads an encoder's weights from its ONNX file into a network that can be trained, and writes them back.

The weights lie there as whole numbers of a byte with scales, as `onnxruntime.quantization.quantize_dynamic` makes them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor
from torch.nn import functional

_HEADS, _TINY = 12, 1e-12
_TABLES = {"words": "word", "places": "position", "kinds": "token_type"}
_PARTS = {
    "query": "attention/self/query",
    "key": "attention/self/key",
    "value": "attention/self/value",
    "joined": "attention/output/dense",
    "wide": "intermediate/dense",
    "narrow": "output/dense",
}
_WORDS = ".embeddings.word_embeddings.weight_quantized"
_NORMS = {"first": "attention.output.LayerNorm", "second": "output.LayerNorm"}


class OnnxEncoder(torch.nn.Module):
    """BERT (Devlin et al. 2019) with the mean over a text's tokens on top, as `network.py` exports it.

    Args:
        path: the ONNX file.
    """

    words: torch.nn.Parameter
    places: torch.nn.Parameter
    kinds: torch.nn.Parameter

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._model = onnx.load(path)
        self._stored = {each.name: each for each in self._model.graph.initializer}
        # What the exporting class calls its network, with which all names begin.
        self._network = next(name.removesuffix(_WORDS) for name in self._stored if name.endswith(_WORDS))
        begin = f"/{self._network}/encoder/layer."
        self._matrices = {
            node.name.removesuffix("/MatMul_quant").removeprefix(begin): name.removesuffix("_quantized")
            for node in self._model.graph.node
            if node.op_type == "MatMulInteger"
            for name in node.input
            if name.endswith("_quantized")
        }
        for name, table in _TABLES.items():
            self.register_parameter(name, self._dequantised(f"{self._network}.embeddings.{table}_embeddings.weight"))
        self.weights = torch.nn.ParameterDict()
        for name in self._plain_names():
            self.weights[_key(name)] = torch.nn.Parameter(torch.from_numpy(self._array(name).copy()))
        for name, stored in self._matrices.items():
            self.weights[_key(name)] = self._dequantised(stored)
        self.layers = 1 + max(int(name.split("/")[0]) for name in self._matrices)
        """Number of layers."""

    def forward(self, ids: Tensor, mask: Tensor) -> Tensor:
        """Returns vectors of unit length, (n, dimension), for (n, tokens) token ids and which of them are read."""
        return self.pooled(self.through(self.embedded(ids), mask, range(self.layers)), mask)

    def embedded(self, ids: Tensor) -> Tensor:
        """Returns the vectors of tokens, (n, tokens, dimension), as the first layer reads them."""
        states = functional.embedding(ids, self.words) + self.places[: ids.shape[1]] + self.kinds[0]
        return self._normed(states, f"{self._network}.embeddings.LayerNorm")

    def through(self, states: Tensor, mask: Tensor, layers: Iterable[int]) -> Tensor:
        """Returns what these layers make of (n, tokens, dimension); `mask` tells which tokens are read."""
        for layer in layers:
            states = self._layer(states, mask[:, None, None, :], layer)
        return states

    def pooled(self, states: Tensor, mask: Tensor) -> Tensor:
        """Returns the mean over each text's tokens, of unit length, (n, dimension)."""
        states, share = states.float(), mask[..., None].float()
        return functional.normalize((states * share).sum(1) / share.sum(1), dim=-1)

    def weights_from(self, layer: int) -> list[torch.nn.Parameter]:
        """Returns the weights of this layer and of those above it."""
        begin = f"{self._network}.encoder.layer."
        parts = [
            name.removeprefix(begin) for name in (*self._plain_names(), *self._matrices) if "embeddings" not in name
        ]
        own = [name for name in parts if int(re.split("[./]", name)[0]) >= layer]
        return [self.weights[_key(name if "/" in name else begin + name)] for name in own]

    def _layer(self, states: Tensor, mask: Tensor, layer: int) -> Tensor:
        def part(name: str, inputs: Tensor) -> Tensor:
            path = _PARTS[name]
            bias = f"{self._network}.encoder.layer.{layer}.{path.replace('/', '.')}.bias"
            return inputs @ self.weights[_key(f"{layer}/{path}")] + self.weights[_key(bias)]

        count, length, size = states.shape
        split = [
            part(name, states).view(count, length, _HEADS, -1).transpose(1, 2) for name in ("query", "key", "value")
        ]
        seen = functional.scaled_dot_product_attention(*split, attn_mask=mask)
        joined = part("joined", seen.transpose(1, 2).reshape(count, length, size))
        norms = [f"{self._network}.encoder.layer.{layer}.{_NORMS[name]}" for name in ("first", "second")]
        states = self._normed(states + joined, norms[0])
        narrow = part("narrow", functional.gelu(part("wide", states)))
        return self._normed(states + narrow, norms[1])

    def write(self, path: Path) -> None:
        """Writes the same graph with these weights, made whole numbers again."""
        for name, table in _TABLES.items():
            weight = getattr(self, name).detach().float().cpu().numpy()
            low, high = min(weight.min(), 0), max(weight.max(), 0)
            scale = np.float32((high - low) / 255)
            zero = int(np.clip(round(-low / scale), 0, 255))
            self._put(
                f"{self._network}.embeddings.{table}_embeddings.weight", np.rint(weight / scale) + zero, scale, 0, 255
            )
            self._store(f"{self._network}.embeddings.{table}_embeddings.weight_zero_point", np.array(zero))
        for name, stored in self._matrices.items():
            weight = self.weights[_key(name)].detach().float().cpu().numpy()
            scales = np.maximum(np.abs(weight).max(0) / 127, 1e-9)
            self._put(stored, np.rint(weight / scales), scales, -127, 127)
        for name in self._plain_names():
            self._store(name, self.weights[_key(name)].detach().float().cpu().numpy())
        onnx.save(self._model, path)

    def _put(self, name: str, numbers: np.ndarray, scale: np.ndarray, least: int, most: int) -> None:
        self._store(f"{name}_quantized", np.clip(numbers, least, most))
        self._store(f"{name}_scale", np.asarray(scale))

    def _store(self, name: str, values: np.ndarray) -> None:
        known = self._array(name)
        values = np.ascontiguousarray(values.astype(known.dtype)).reshape(known.shape)
        self._stored[name].CopyFrom(numpy_helper.from_array(values, name))

    def _array(self, name: str) -> np.ndarray:
        return numpy_helper.to_array(self._stored[name])

    def _dequantised(self, name: str) -> torch.nn.Parameter:
        zero = self._array(f"{name}_zero_point").astype(np.float32)
        numbers = self._array(f"{name}_quantized").astype(np.float32) - zero
        return torch.nn.Parameter(torch.from_numpy(numbers * self._array(f"{name}_scale")))

    def _plain_names(self) -> list[str]:
        """Returns the names of biases and of layer norms, which are no whole numbers."""
        begin = f"{self._network}."
        return [name for name in self._stored if name.startswith(begin) and name.endswith(("bias", "LayerNorm.weight"))]

    def _normed(self, states: Tensor, name: str) -> Tensor:
        weight, bias = self.weights[_key(f"{name}.weight")], self.weights[_key(f"{name}.bias")]
        return functional.layer_norm(states, (states.shape[-1],), weight, bias, _TINY)


def _key(name: str) -> str:
    """Returns a name as a ParameterDict takes it."""
    return name.replace(".", "_").replace("/", "_")
