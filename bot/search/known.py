"""Questions that an article is known to answer, in customers' words: what its author calls otherwise is found by them.

Documents are expanded by the questions that they answer (Nogueira et al. 2019, "Document Expansion by Query
Prediction", arXiv:1904.08375). Only the questions' vectors are kept, in the file of the encoder that made them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from bot.encoder import Encoder
from bot.settings import get_settings

_FULL_SCALE = 127
_FILES, _ENDS, _VECTORS = "asked_files", "asked_ends", "asked_vectors"


@dataclass(frozen=True)
class KnownQuestions:
    """The vectors of questions by the name of the file that answers them, whatever the folder and the language."""

    of: Mapping[str, npt.NDArray[np.int8]]
    """File name -> (questions, dimension), of length 127."""
    version: str
    """Changes with the content."""


def known_questions() -> KnownQuestions:
    """Returns those in the file of the search's encoder; they are read once, and none where there are none."""
    return _read(get_settings().search_encoder_weights.resolve())


@lru_cache(maxsize=4)
def _read(path: Path) -> KnownQuestions:
    with np.load(path, allow_pickle=False) as stored:
        if _VECTORS not in stored:
            return KnownQuestions({}, "")
        files = stored[_FILES].tobytes().decode("utf8").split("\n")
        ends, vectors = stored[_ENDS].tolist(), stored[_VECTORS]
    places = {file: (first, end) for file, first, end in zip(files, [0, *ends], ends, strict=False)}
    version = hashlib.sha256(repr(places).encode() + vectors.tobytes()).hexdigest()[:16]
    return KnownQuestions({file: vectors[first:end] for file, (first, end) in places.items()}, version)


def add_questions(path: Path, encoder: Encoder, questions: Mapping[str, Sequence[Sequence[str]]]) -> None:
    """Adds questions to the file of an encoder.

    Args:
        path: the file.
        encoder: what it holds.
        questions: file name -> the questions that it answers, each in one or several languages.
    """
    with np.load(path, allow_pickle=False) as stored:
        arrays = {name: stored[name] for name in stored.files}
    files = sorted(file for file, found in questions.items() if found)
    rows = [encoder.encode(list(texts)).sum(axis=0) for file in files for texts in questions[file]]
    vectors = np.array(rows, np.float32).reshape(-1, encoder.dimension)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True) + 1e-9
    arrays[_FILES] = np.frombuffer("\n".join(files).encode("utf8"), np.uint8)
    arrays[_ENDS] = np.cumsum([len(questions[file]) for file in files], dtype=np.int32)
    arrays[_VECTORS] = np.rint(_FULL_SCALE * vectors).astype(np.int8)
    with path.open("wb") as stream:
        np.savez(stream, **arrays)
