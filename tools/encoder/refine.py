"""Tunes the shipped sentence encoder on all that is asked of it at once; some five minutes on a GPU.

    python tools/encoder/refine.py LESSONS SOURCE DESTINATION [--steps N] [--device cuda]

LESSONS is what `python -m bot encoder lessons` writes, SOURCE holds the encoder to begin with, DESTINATION gets the
refined one: the same graph with other numbers. `questions.tsv` has further questions, each with the passage
that answers it: the bot itself learns no better with them, and its training would take half as long again.

Four classifiers stand on the encoding, each with a direction for each class (normalised softmax, Wang et al. 2018):
intents, dialogue acts, the passage that answers a question, the product that an answer names. Beside them texts of
an intent, and questions of a passage, are drawn together (supervised contrastive loss, Khosla et al. 2020), and an
encoding shall stay what a linear map can turn back into the one before, so that what is not among the lessons is not
forgotten. A phrase in real style counts eightfold, three texts of ten get typing errors.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from lessons import Lessons, with_typing_errors
from onnx_weights import OnnxEncoder
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional

OUT_OF_SCOPE = "out_of_scope"
_QUESTIONS = Path(__file__).with_name("questions.tsv")
_SEED = 5
_LONGEST, _GROUP, _WARMING_UP = 80, 512, 100
_SIZES = {"intents": 512, "acts": 160, "passages": 320, "products": 48}
"""Texts of each kind in a step."""
_WEIGHTS = {"intents": 1.0, "acts": 0.4, "passages": 0.6, "products": 0.1}
_SCALES = {"intents": 16.0, "acts": 16.0, "passages": 20.0, "products": 16.0}
_DIRECTIONS, _SMOOTHING = 8, 0.05
_TOGETHER, _TEMPERATURE, _STAYING = 0.1, 0.1, 8.0
_RATES = {"words": 3e-4, "layers": 5e-5, "heads": 2e-3, "bridge": 1e-3}


class Examples:
    """Texts of one kind with their classes, and how often each is drawn."""

    def __init__(self, pairs: Sequence[tuple[str, str]], shares: np.ndarray | None = None) -> None:
        self.texts = [text for text, _ in pairs]
        self.classes = sorted({name for _, name in pairs})
        number = {name: place for place, name in enumerate(self.classes)}
        self.targets = np.array([number[name] for _, name in pairs])
        self.shares = shares

    def draw(self, chance: np.random.Generator, size: int) -> np.ndarray:
        """Returns the rows of so many texts, some perhaps twice."""
        return chance.choice(len(self.texts), size, p=self.shares)


class Reader:
    """Cuts texts into pieces and encodes them in groups of like length."""

    def __init__(self, path: Path, device: str) -> None:
        self._tokenizer, self._device = Tokenizer.from_file(str(path)), device
        self._tokenizer.enable_truncation(_LONGEST)
        self._tokenizer.no_padding()

    def encode(self, network: OnnxEncoder, texts: Sequence[str], group: int = _GROUP) -> Tensor:
        """Returns the vectors of texts, (n, dimension)."""
        pieces = [encoding.ids for encoding in self._tokenizer.encode_batch(list(texts))]
        order = sorted(range(len(pieces)), key=lambda row: len(pieces[row]))
        vectors = []
        for start in range(0, len(order), group):
            rows = order[start : start + group]
            width = max(len(pieces[row]) for row in rows)
            ids = torch.tensor([pieces[row] + [0] * (width - len(pieces[row])) for row in rows])
            mask = torch.tensor([[place < len(pieces[row]) for place in range(width)] for row in rows])
            with torch.autocast(self._device, dtype=torch.bfloat16):
                vectors.append(network(ids.to(self._device), mask.to(self._device)))
        return torch.cat(vectors)[torch.tensor(order, device=self._device).argsort()]

    @torch.no_grad()
    def encode_all(self, network: OnnxEncoder, texts: Sequence[str]) -> Tensor:
        """Returns the vectors of many texts without gradients."""
        network.eval()
        vectors = self.encode(network, texts, 4 * _GROUP).float()
        network.train()
        return vectors


def main() -> int:
    """Refines the encoder and writes it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lessons", type=Path)
    parser.add_argument("source", type=Path)
    parser.add_argument("destination", type=Path)
    parser.add_argument("--steps", type=int, default=3200)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    options = parser.parse_args()
    torch.manual_seed(_SEED)
    network = OnnxEncoder(options.source / "model.onnx").to(options.device)
    reader = Reader(options.source / "tokenizer.json", options.device)
    _refine(network, reader, _examples(options.lessons), options.steps, options.device)
    options.destination.mkdir(parents=True, exist_ok=True)
    network.write(options.destination / "model.onnx")
    if options.source.resolve() != options.destination.resolve():
        for name in ("tokenizer.json", "about.json"):
            shutil.copyfile(options.source / name, options.destination / name)
    return 0


def _examples(path: Path) -> dict[str, Examples]:
    """Returns the texts of each kind."""
    lessons, content = Lessons.read(path), json.loads(path.read_text(encoding="utf8"))
    follow_ups, acts = {*content["follow_ups"]}, {*content["acts"]}
    chance, answers = random.Random(_SEED), {text for text, _ in (*content["passages"], *content["products"])}
    further = (line.split("\t") for line in _QUESTIONS.read_text(encoding="utf8").splitlines())
    questions = [(text, passage) for passage, text in further]
    own = [phrase for phrase in lessons.phrases if phrase[0] not in answers]
    intents = [phrase for phrase in own if phrase[1] not in follow_ups]
    counts = np.array([8.0 if real else 1.0 for _, _, real in intents])
    said = [(text, name if name in acts else "new_matter") for text, name, _ in own]
    # Of what begins a matter of its own an eighth is enough.
    said = [pair for pair in said if pair[1] not in ("new_matter", OUT_OF_SCOPE) or chance.random() < 1 / 8]
    none = [(text, "none") for text, _ in chance.sample(said, 1500)]
    return {
        "intents": Examples([(text, name) for text, name, _ in intents], counts / counts.sum()),
        "acts": Examples(said),
        "passages": Examples([*map(tuple, content["passages"]), *questions]),
        "products": Examples([*map(tuple, content["products"]), *none]),
    }


def _refine(network: OnnxEncoder, reader: Reader, kinds: dict[str, Examples], steps: int, device: str) -> None:
    before = {kind: reader.encode_all(network, examples.texts) for kind, examples in kinds.items()}
    heads = {kind: _means(before[kind], examples) for kind, examples in kinds.items()}
    outside = kinds["intents"].classes.index(OUT_OF_SCOPE)
    rows = np.flatnonzero(kinds["intents"].targets == outside)[:_DIRECTIONS]  # out of scope is many things
    heads["intents"] = torch.cat([heads["intents"], before["intents"][torch.from_numpy(rows).to(device)]])
    heads = {kind: torch.nn.Parameter(head) for kind, head in heads.items()}
    bridge = torch.nn.Parameter(torch.eye(network.words.shape[1], device=device))
    layers = [weight for weight in network.parameters() if weight is not network.words]
    groups = {"words": [network.words], "layers": layers, "heads": [*heads.values()], "bridge": [bridge]}
    decays = {"layers": 0.01}
    optimiser = torch.optim.AdamW(
        [{"params": each, "name": name, "weight_decay": decays.get(name, 0.0)} for name, each in groups.items()]
    )
    chance, letters = np.random.default_rng(_SEED), random.Random(_SEED)
    network.train()
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = _RATES[group["name"]] * max(0.02, 1 - step / steps) * min(1.0, (step + 1) / _WARMING_UP)
        drawn = {kind: examples.draw(chance, _SIZES[kind]) for kind, examples in kinds.items()}
        texts = [with_typing_errors(kinds[kind].texts[row], letters) for kind in kinds for row in drawn[kind]]
        vectors = dict(zip(kinds, reader.encode(network, texts).split([*_SIZES.values()]), strict=True))
        loss = torch.zeros((), device=device)
        for kind, examples in kinds.items():
            targets = torch.from_numpy(examples.targets[drawn[kind]]).to(device)
            scores = _SCALES[kind] * vectors[kind] @ functional.normalize(heads[kind], dim=-1).T
            if kind == "intents":
                scores = _folded(scores, outside, len(examples.classes))
            loss = loss + _WEIGHTS[kind] * functional.cross_entropy(scores, targets, label_smoothing=_SMOOTHING)
            if kind in ("intents", "passages"):
                loss = loss + _TOGETHER * _contrast(vectors[kind], targets)
        were = torch.cat([before[kind][torch.from_numpy(drawn[kind]).to(device)] for kind in kinds])
        back = functional.normalize(torch.cat([*vectors.values()]) @ bridge, dim=-1)
        loss = loss + _STAYING * (1 - (back * were).sum(1)).mean()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        if step % 100 == 0:
            print(f"{step} of {steps} steps, loss {loss.item():.3f}", flush=True)
    network.eval()


def _means(vectors: Tensor, examples: Examples) -> Tensor:
    """Returns the mean direction of each class."""
    targets = torch.from_numpy(examples.targets).to(vectors.device)
    sums = torch.zeros(len(examples.classes), vectors.shape[1], device=vectors.device)
    return functional.normalize(sums.index_add_(0, targets, vectors), dim=-1)


def _folded(scores: Tensor, outside: int, classes: int) -> Tensor:
    """Returns the scores of so many classes, that of out of scope from all its directions."""
    nothing = torch.logsumexp(torch.cat([scores[:, [outside]], scores[:, classes:]], 1), 1)
    return torch.cat([scores[:, :outside], nothing[:, None], scores[:, outside + 1 : classes]], 1)


def _contrast(vectors: Tensor, targets: Tensor) -> Tensor:
    """Returns the supervised contrastive loss of texts with classes."""
    itself = torch.eye(len(targets), dtype=torch.bool, device=vectors.device)
    same = (targets[:, None] == targets[None]) & ~itself
    likeness = (vectors @ vectors.T / _TEMPERATURE).masked_fill(itself, -1e4)
    shares = likeness - torch.logsumexp(likeness, 1, keepdim=True)
    counts = same.sum(1)
    paired = counts > 0
    return -((shares * same).sum(1)[paired] / counts[paired]).mean()


if __name__ == "__main__":
    raise SystemExit(main())
