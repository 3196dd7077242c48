"""Chooses the encoder's word pieces, and learns first vectors for those that MiniLM does not have, without any network.

MiniLM reads English. Pieces of the other languages are learned from phrases and article trees (WordPiece, Schuster &
Nakajima 2012), and their vectors by ridge regression: the mean vector of a sentence shall be that of its English
counterpart.
"""

from __future__ import annotations

import collections
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from scipy import sparse
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers

SIZE = 32_768
MARKS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
_RIDGE, _ROUNDS, _ITERATIONS = 0.02, 3, 60
_FOLDED = {"ø": "o", "æ": "ae", "ß": "ss", "œ": "oe", "’": "'"}


def choose_pieces(theirs: Tokenizer, english: Sequence[str], others: Sequence[str]) -> Tokenizer:
    """Chooses word pieces: of MiniLM's those that English texts use or that are frequent, the rest from our texts.

    Args:
        theirs: MiniLM's tokenizer.
        english: texts in English.
        others: texts in the other languages; some of them may stand there several times, to count more.
    """
    known = theirs.get_vocab()
    used = collections.Counter(piece for text in theirs.encode_batch(list(english)) for piece in text.tokens)
    kept = [
        piece
        for piece in sorted(known, key=lambda piece: known[piece])
        if piece.isascii()
        and piece not in MARKS
        and not piece.startswith("[unused")
        and (piece in used or 999 <= known[piece] < 15_000 or len(piece.removeprefix("##")) == 1)
    ]
    learner = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    learner.normalizer, learner.pre_tokenizer = _normalizer(), pre_tokenizers.BertPreTokenizer()
    trainer = trainers.WordPieceTrainer(vocab_size=21_000, min_frequency=5, special_tokens=MARKS, limit_alphabet=150)
    learner.train_from_iterator(others, trainer)
    learned = learner.get_vocab()
    new = [piece for piece in sorted(learned, key=lambda piece: learned[piece]) if piece not in {*kept, *MARKS}]
    vocabulary = {piece: number for number, piece in enumerate([*MARKS, *kept, *new][:SIZE])}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]", max_input_chars_per_word=60))
    tokenizer.normalizer, tokenizer.pre_tokenizer = _normalizer(), pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[(mark, vocabulary[mark]) for mark in ("[CLS]", "[SEP]")]
    )
    return tokenizer


def _normalizer() -> Any:
    return normalizers.Sequence(
        [
            normalizers.NFKC(),
            normalizers.BertNormalizer(clean_text=True, handle_chinese_chars=True, strip_accents=True, lowercase=True),
            *(normalizers.Replace(letter, plain) for letter, plain in _FOLDED.items()),
        ]
    )


def first_vectors(
    ours: Tokenizer, theirs: Tokenizer, their_vectors: np.ndarray, parallel: Sequence[dict[str, str]]
) -> np.ndarray:
    """Returns a vector for each piece of ours: MiniLM's where it has the piece, else one learned by alignment.

    Args:
        ours: our tokenizer.
        theirs: MiniLM's.
        their_vectors: (their pieces, dimension).
        parallel: texts that say the same, by language.
    """
    known, their_pieces = ours.get_vocab(), theirs.get_vocab()
    vectors = np.zeros((len(known), their_vectors.shape[1]), np.float32)
    fixed = np.zeros(len(known), bool)
    for piece, number in known.items():
        if piece in their_pieces:
            vectors[number], fixed[number] = their_vectors[their_pieces[piece]], True
        else:
            parts = theirs.encode(piece.removeprefix("##"), add_special_tokens=False).ids
            vectors[number] = their_vectors[parts].mean(axis=0) if parts else their_vectors.mean(axis=0)
    centre = vectors[fixed].mean(axis=0)
    vectors -= centre
    vectors[~fixed] *= 0.5
    rows = [(group, language, text) for group, texts in enumerate(parallel) for language, text in texts.items()]
    counts = _piece_shares(ours, [text for _, _, text in rows])
    group_of = np.array([group for group, _, _ in rows])
    is_english = np.array([language == "en" for _, language, _ in rows])
    has_english = np.zeros(len(parallel), bool)
    has_english[group_of[is_english]] = True
    prior = vectors.copy()
    for turn in range(_ROUNDS):
        means = counts @ vectors
        counted = is_english | ~has_english[group_of]  # groups without English meet in their own middle
        targets = np.zeros((len(parallel), vectors.shape[1]), np.float32)
        np.add.at(targets, group_of[counted], means[counted])
        targets /= np.maximum(np.bincount(group_of[counted], minlength=len(parallel)), 1)[:, None]
        asked = ~is_english & (has_english[group_of] | (turn > 0))
        weights = np.sqrt(np.where(has_english[group_of], 1.0, 0.3)[asked]).astype(np.float32)
        inputs = (sparse.diags(weights) @ counts[asked]).tocsr()
        vectors = _ridge(inputs, weights[:, None] * targets[group_of[asked]], prior, ~fixed)
    return (vectors + centre).astype(np.float32)


def _piece_shares(tokenizer: Tokenizer, texts: Sequence[str]) -> sparse.csr_matrix:
    """Returns which share of each text is which piece, (texts, pieces)."""
    ends, columns, shares = [0], [], []
    for encoding in tokenizer.encode_batch(list(texts), add_special_tokens=False):
        columns += encoding.ids
        shares += [1 / max(len(encoding.ids), 1)] * len(encoding.ids)
        ends.append(len(columns))
    matrix = sparse.csr_matrix(
        (shares, columns, ends), shape=(len(texts), tokenizer.get_vocab_size()), dtype=np.float32
    )
    matrix.sum_duplicates()
    return matrix


def _ridge(inputs: sparse.csr_matrix, targets: np.ndarray, prior: np.ndarray, free: np.ndarray) -> np.ndarray:
    """Returns vectors V near `prior` with inputs x V near `targets`, by conjugate gradients; only free rows change."""
    mask = free.astype(np.float32)[:, None]
    residual = (inputs.T @ (targets - inputs @ prior)) * mask
    change, direction = np.zeros_like(prior), residual.copy()
    square = (residual * residual).sum(axis=0)
    for _ in range(_ITERATIONS):
        image = (inputs.T @ (inputs @ direction)) * mask + _RIDGE * direction
        step = square / ((direction * image).sum(axis=0) + 1e-12)
        change += step * direction
        residual -= step * image
        before, square = square, (residual * residual).sum(axis=0)
        direction = residual + square / (before + 1e-12) * direction
    return prior + change


def texts_of(parallel: Iterable[dict[str, str]], english: bool) -> list[str]:
    """Returns the texts of parallel ones that are in English, or those that are not."""
    return [text for texts in parallel for language, text in texts.items() if (language == "en") == english]
