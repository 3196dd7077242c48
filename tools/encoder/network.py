"""The network that is trained: MiniLM's layers over our own vocabulary, with the mean over a text's tokens on top."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional
from transformers import BertModel

_LONGEST = 96
"""Tokens that are read of a text while training."""
_BATCH = 24


class SentenceNetwork(torch.nn.Module):
    """MiniLM (Wang et al. 2020) with other word vectors.

    Args:
        folder: MiniLM's weights, as transformers reads them.
        tokenizer: ours.
        vectors: (tokens, dimension) the first token vectors; None leaves MiniLM's, for the teacher.
    """

    def __init__(self, folder: Path, tokenizer: Any, vectors: np.ndarray | None = None) -> None:
        super().__init__()
        self.layers = BertModel.from_pretrained(folder, add_pooling_layer=False)
        if vectors is not None:
            table = torch.nn.Embedding.from_pretrained(torch.from_numpy(vectors), freeze=False, padding_idx=0)
            self.layers.embeddings.word_embeddings = table
            self.layers.config.vocab_size = len(vectors)
        self._tokenizer = tokenizer
        tokenizer.enable_padding()
        tokenizer.enable_truncation(_LONGEST)

    def forward(self, input_ids: Tensor, attention_mask: Tensor) -> Tensor:
        """Returns vectors of unit length, (n, dimension), for (n, tokens) token ids."""
        states = self.layers(input_ids, attention_mask=attention_mask).last_hidden_state.float()
        mask = attention_mask[..., None].to(states.dtype)
        return functional.normalize((states * mask).sum(1) / mask.sum(1), dim=-1)

    def encode(self, texts: Sequence[str]) -> Tensor:
        """Returns the vectors of texts, (n, dimension), with gradients; texts of like length are read together."""
        order = sorted(range(len(texts)), key=lambda row: len(texts[row]))
        vectors = []
        for start in range(0, len(order), _BATCH):
            tokens = self._tokenizer.encode_batch([texts[row] for row in order[start : start + _BATCH]])
            ids = torch.tensor([encoding.ids for encoding in tokens])
            mask = torch.tensor([encoding.attention_mask for encoding in tokens])
            with torch.autocast("cpu", dtype=torch.bfloat16):
                vectors.append(self(ids, mask))
        return torch.cat(vectors)[torch.tensor(order).argsort()]

    def export(self, path: Path) -> None:
        """Writes the network in ONNX with weights of a byte each."""
        from onnxruntime.quantization import QuantType, quantize_dynamic

        self.eval()
        self.layers.config._attn_implementation = "eager"
        exact = path.with_suffix(".float.onnx")
        axes = {0: "texts", 1: "pieces"}
        torch.onnx.export(
            self,
            (torch.randint(5, 2000, (2, 12)), torch.ones(2, 12, dtype=torch.long)),
            str(exact),
            input_names=["input_ids", "attention_mask"],
            output_names=["encoding"],
            dynamic_axes={"input_ids": axes, "attention_mask": axes, "encoding": {0: "texts"}},
            opset_version=17,
            dynamo=False,
        )
        quantize_dynamic(
            exact, path, weight_type=QuantType.QInt8, per_channel=True, op_types_to_quantize=["MatMul", "Gather"]
        )
        exact.unlink()
