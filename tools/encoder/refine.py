"""Tunes the upper layers of the sentence encoder on all that is asked of it at once; 50 minutes on two cores.

    python tools/encoder/refine.py LESSONS SOURCE DESTINATION [--layers N] [--steps N] [--keep SHARE]

LESSONS is what `python -m bot encoder lessons` writes, SOURCE holds the encoder to begin with, DESTINATION gets the
refined one: the same graph with other numbers. `questions.tsv` has further questions, each with the passage
that answers it: the bot itself learns no better with them, and its training would take half as long again.
Words and lower layers stay, so what they make of a text is computed once.

Four classifiers stand on the encoding, each with a direction for each class (normalised softmax, Wang et al. 2018):
intents, dialogue acts, the passage or the steps that answer a question, the product that an answer names. Passages of
the article at hand are likelier from the outset, as in the bot. Beside them texts of an intent, and questions of a
passage, are drawn together (supervised contrastive loss, Khosla et al. 2020), and an encoding shall stay what a linear
map can turn back into the one before, so that what is not among the lessons is not forgotten. A phrase in real style
counts eightfold, three texts of ten have typing errors.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
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
_LONGEST, _GROUP, _WARMING_UP = 80, 48, 60
_MOST_INTENTS, _MOST_ACTS = 40_000, 25_000
"""Number of texts that are learned from; of the other kinds all are."""
_SIZES = {"intents": 112, "acts": 48, "passages": 144, "products": 16}
"""Texts of each kind in a step."""
_TURNS = 2 / 3
"""Share of what customers asked in played conversations among the questions of passages; the rest are writers'."""
_WEIGHTS = {"intents": 1.0, "acts": 0.4, "passages": 1.0, "products": 0.1}
_SCALES = {"intents": 16.0, "acts": 16.0, "passages": 20.0, "products": 16.0}
_AT_HAND, _AT_HAND_SHORT, _LONG = 1.2, 6.0, 8
"""Added to the score of a passage of the article at hand; more of it for a text that has less than so many words."""
_DIRECTIONS, _SMOOTHING = 8, 0.05
_TOGETHER, _TEMPERATURE, _STAYING = 0.1, 0.1, 6.0
_RATES = {"layers": 1e-4, "heads": 2e-3, "bridge": 1e-3}
_STEPS = 1200


@dataclass
class Examples:
    """Texts of one kind with their classes.

    Args:
        texts: the texts.
        names: the class of each.
        shares: how often each is drawn; None: all as often.
        at_hand: the article that each was asked about, if they are questions.
    """

    texts: list[str]
    names: list[str]
    shares: np.ndarray | None = None
    at_hand: list[str] | None = None
    states: list[Tensor] = field(default_factory=list)
    """What the layers that stay make of each text: (tokens, dimension)."""

    def __post_init__(self) -> None:
        self.classes = sorted({*self.names})
        number = {name: place for place, name in enumerate(self.classes)}
        self.targets = np.array([number[name] for name in self.names])

    def draw(self, chance: np.random.Generator, size: int) -> np.ndarray:
        """Returns the rows of so many texts, some perhaps twice."""
        return chance.choice(len(self.texts), size, p=self.shares)

    def likelier(self, rows: np.ndarray) -> Tensor:
        """Returns what is added to the scores of classes, (rows, classes), for the article that is at hand."""
        articles = np.array([name.partition("/")[0] if name[-1] != "/" else "" for name in self.classes])
        own = np.array([self.at_hand[row] == articles for row in rows])
        words = np.array([len(self.texts[row].split()) for row in rows])
        added = _AT_HAND + _AT_HAND_SHORT * np.maximum(0, _LONG - words) / _LONG
        return torch.from_numpy((own * added[:, None]).astype(np.float32))


def main() -> int:
    """Refines the encoder and writes it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("lessons", type=Path)
    parser.add_argument("source", type=Path)
    parser.add_argument("destination", type=Path)
    parser.add_argument("--layers", type=int, default=3, help="number of upper layers that learn")
    parser.add_argument("--steps", type=int, default=_STEPS)
    keep = "share of the old weights in the new ones: 0.5 for an encoder that was refined before (arXiv:2109.01903)"
    parser.add_argument("--keep", type=float, default=0.0, help=keep)
    options = parser.parse_args()
    torch.manual_seed(_SEED)
    network = OnnxEncoder(options.source / "model.onnx")
    tokenizer = Tokenizer.from_file(str(options.source / "tokenizer.json"))
    tokenizer.enable_truncation(_LONGEST)
    tokenizer.no_padding()
    kinds, letters, first = _examples(options.lessons), random.Random(_SEED), network.layers - options.layers
    for examples in kinds.values():
        texts = [with_typing_errors(text, letters) for text in examples.texts]
        examples.states = _lower(network, tokenizer, texts, first)
    old = {name: weight.detach().clone() for name, weight in network.named_parameters()}
    _refine(network, kinds, first, options.steps)
    with torch.no_grad():
        for name, weight in network.named_parameters():
            weight.lerp_(old[name], options.keep)
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
    chance, drawn = random.Random(_SEED), np.random.default_rng(_SEED)
    answers = {text for text, _ in (*content["passages"], *content["products"])}
    own = [phrase for phrase in lessons.phrases if phrase[0] not in answers]
    intents = [phrase for phrase in own if phrase[1] not in follow_ups]
    counts = np.array([8.0 if real else 1.0 for _, _, real in intents])
    size = min(_MOST_INTENTS, len(intents))
    intents = [intents[row] for row in drawn.choice(len(intents), size, replace=False, p=counts / counts.sum())]
    said = [(text, name if name in acts else "new_matter") for text, name, _ in own]
    # Of what begins a matter of its own an eighth is enough.
    said = [pair for pair in said if pair[1] not in ("new_matter", OUT_OF_SCOPE) or chance.random() < 1 / 8]
    none = [(text, "none") for text, _ in chance.sample(said, min(1500, len(said)))]
    further = (line.split("\t") for line in _QUESTIONS.read_text(encoding="utf8").splitlines())
    written = [*content["passages"], *((text, passage) for passage, text in further)]
    asked = [*((text, passage, passage.partition("/")[0]) for text, passage in written), *content["turns"]]
    texts, names, at_hand = map(list, zip(*asked, strict=True))
    turn = np.arange(len(asked)) >= len(written)
    shares = np.where(turn, _TURNS / max(1, turn.sum()), (1 - _TURNS) / len(written))
    return {
        "intents": Examples([text for text, _, _ in intents], [name for _, name, _ in intents]),
        "acts": Examples(*map(list, zip(*chance.sample(said, min(_MOST_ACTS, len(said))), strict=True))),
        "passages": Examples(texts, names, shares / shares.sum(), at_hand),
        "products": Examples(*map(list, zip(*content["products"], *none, strict=True))),
    }


@torch.no_grad()
def _lower(network: OnnxEncoder, tokenizer: Tokenizer, texts: Sequence[str], first: int) -> list[Tensor]:
    """Returns what the layers below the first one that learns make of each text."""
    pieces = [encoding.ids for encoding in tokenizer.encode_batch(list(texts))]
    states: list[Tensor] = [torch.empty(0)] * len(pieces)
    order = sorted(range(len(pieces)), key=lambda row: len(pieces[row]))
    for start in range(0, len(order), _GROUP):
        rows = order[start : start + _GROUP]
        ids, mask = _padded([torch.tensor(pieces[row]) for row in rows])
        with torch.autocast("cpu", dtype=torch.bfloat16):
            made = network.through(network.embedded(ids), mask, range(first)).to(torch.bfloat16)
        for place, row in enumerate(rows):
            states[row] = made[place, : len(pieces[row])].clone()
    return states


def _upper(network: OnnxEncoder, states: Sequence[Tensor], first: int) -> Tensor:
    """Returns the vectors of texts, (n, dimension), from what the lower layers make of them."""
    order = sorted(range(len(states)), key=lambda row: len(states[row]))
    vectors = []
    for start in range(0, len(order), _GROUP):
        padded, mask = _padded([states[row] for row in order[start : start + _GROUP]])
        with torch.autocast("cpu", dtype=torch.bfloat16):
            vectors.append(network.pooled(network.through(padded, mask, range(first, network.layers)), mask))
    return torch.cat(vectors)[torch.tensor(order).argsort()]


def _padded(rows: Sequence[Tensor]) -> tuple[Tensor, Tensor]:
    """Returns rows of different lengths as one tensor, and which of it is theirs."""
    padded = torch.nn.utils.rnn.pad_sequence(list(rows), batch_first=True)
    lengths = torch.tensor([len(row) for row in rows])
    return padded, torch.arange(padded.shape[1]) < lengths[:, None]


def _refine(network: OnnxEncoder, kinds: dict[str, Examples], first: int, steps: int) -> None:
    with torch.no_grad():
        before = {kind: _upper(network, examples.states, first) for kind, examples in kinds.items()}
    heads = {kind: _means(before[kind], examples) for kind, examples in kinds.items()}
    outside = kinds["intents"].classes.index(OUT_OF_SCOPE)
    rows = np.flatnonzero(kinds["intents"].targets == outside)[:_DIRECTIONS]  # out of scope is many things
    heads["intents"] = torch.cat([heads["intents"], before["intents"][torch.from_numpy(rows)]])
    heads = {kind: torch.nn.Parameter(head) for kind, head in heads.items()}
    bridge = torch.nn.Parameter(torch.eye(network.words.shape[1]))
    groups = {"layers": network.weights_from(first), "heads": [*heads.values()], "bridge": [bridge]}
    decays = {"layers": 0.01}
    optimiser = torch.optim.AdamW(
        [{"params": each, "name": name, "weight_decay": decays.get(name, 0.0)} for name, each in groups.items()]
    )
    chance = np.random.default_rng(_SEED)
    for step in range(steps):
        for group in optimiser.param_groups:
            group["lr"] = _RATES[group["name"]] * max(0.02, 1 - step / steps) * min(1.0, (step + 1) / _WARMING_UP)
        drawn = {kind: examples.draw(chance, _SIZES[kind]) for kind, examples in kinds.items()}
        vectors = _upper(network, [kinds[kind].states[row] for kind in kinds for row in drawn[kind]], first)
        parts = dict(zip(kinds, vectors.split([*_SIZES.values()]), strict=True))
        loss = torch.zeros(())
        for kind, examples in kinds.items():
            targets = torch.from_numpy(examples.targets[drawn[kind]])
            scores = _SCALES[kind] * parts[kind] @ functional.normalize(heads[kind], dim=-1).T
            if kind == "intents":
                scores = _folded(scores, outside, len(examples.classes))
            if examples.at_hand is not None:
                scores = scores + examples.likelier(drawn[kind])
            loss = loss + _WEIGHTS[kind] * functional.cross_entropy(scores, targets, label_smoothing=_SMOOTHING)
            if kind in ("intents", "passages"):
                loss = loss + _TOGETHER * _contrast(parts[kind], targets)
        were = torch.cat([before[kind][torch.from_numpy(drawn[kind])] for kind in kinds])
        back = functional.normalize(vectors @ bridge, dim=-1)
        loss = loss + _STAYING * (1 - (back * were).sum(1)).mean()
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        if step % 100 == 0:
            print(f"{step} of {steps} steps, loss {loss.item():.3f}", flush=True)


def _means(vectors: Tensor, examples: Examples) -> Tensor:
    """Returns the mean direction of each class."""
    targets = torch.from_numpy(examples.targets)
    sums = torch.zeros(len(examples.classes), vectors.shape[1])
    return functional.normalize(sums.index_add_(0, targets, vectors), dim=-1)


def _folded(scores: Tensor, outside: int, classes: int) -> Tensor:
    """Returns the scores of so many classes, that of out of scope from all its directions."""
    nothing = torch.logsumexp(torch.cat([scores[:, [outside]], scores[:, classes:]], 1), 1)
    return torch.cat([scores[:, :outside], nothing[:, None], scores[:, outside + 1 : classes]], 1)


def _contrast(vectors: Tensor, targets: Tensor) -> Tensor:
    """Returns the supervised contrastive loss of texts with classes."""
    itself = torch.eye(len(targets), dtype=torch.bool)
    same = (targets[:, None] == targets[None]) & ~itself
    likeness = (vectors @ vectors.T / _TEMPERATURE).masked_fill(itself, -1e4)
    shares = likeness - torch.logsumexp(likeness, 1, keepdim=True)
    counts = same.sum(1)
    paired = counts > 0
    return -((shares * same).sum(1)[paired] / counts[paired]).mean()


if __name__ == "__main__":
    raise SystemExit(main())
