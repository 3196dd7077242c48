"""The commands `encoder train` and `evaluate` (word vectors), and `lessons`, the sentence encoder's training data.

The sentence encoder itself is trained by `tools/encoder` (`make encoder`).
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import asdict
from pathlib import Path

from bot.articles.examples import ExampleError, read_examples
from bot.articles.played_turns import MOST_ANSWERS, PLAYED_TURNS, PlayedTurnError, read_played_turns
from bot.command_line import reported
from bot.encoder.model import Encoder, EncoderFileError, load_encoder
from bot.encoder.training.align import ENGLISH, Segment, align_trees
from bot.encoder.training.evaluate import is_held_out, measure_retrieval
from bot.encoder.training.phrases import parallel_phrases, segments_like
from bot.encoder.training.teacher import WEIGHTS_SHA256, Teacher, TeacherMissingError
from bot.encoder.training.train import NothingToLearnError, TrainingSettings, quantise, train

_FILES_OF_FOLLOW_UPS = frozenset({"follow_ups", "passages"})
"""Names of the files whose phrases are said only in a conversation."""

MENDABLE = (ExampleError, PlayedTurnError, EncoderFileError, NothingToLearnError, TeacherMissingError, OSError)


def add_commands(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `encoder` with its commands to the parser of `python -m bot`."""
    group = subparsers.add_parser("encoder", help="learn the sentence encoder from article trees, measure it")
    commands = group.add_subparsers(dest="encoder_command", required=True)
    trees = argparse.ArgumentParser(add_help=False)
    trees.add_argument("trees", nargs="+", type=Path, metavar="TREE", help="folder of one locale, such as nb-NO")

    parser = commands.add_parser("train", parents=[trees], help="learn word vectors, measure them, write their file")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="weights file to write")
    parser.add_argument("--phrases", type=Path, metavar="FOLDER", help="phrases; those of a situation are pairs")
    zero_shot = "languages whose phrases are left out (zero-shot)"
    parser.add_argument("--without", nargs="*", default=[], metavar="LANGUAGE", help=zero_shot)
    more = "more English phrases for the teacher: text files, one a line, or CLINC150's JSON (its test part is left)"
    parser.add_argument("--english", nargs="*", type=Path, default=[], metavar="FILE", help=more)
    parser.add_argument("--no-teacher", action="store_true", help="learn from the trees alone, without MiniLM")
    parser.add_argument("--epochs", type=int, default=TrainingSettings.epochs, help="passes over the segments")
    parser.add_argument("--dimension", type=int, default=TrainingSettings.dimension, help="numbers per vector")
    parser.add_argument("--features", type=int, default=TrainingSettings.features, help="rows kept in the file")
    parser.set_defaults(handler=reported(_training, *MENDABLE, code=1))

    parser = commands.add_parser("lessons", parents=[trees], help="write what `make encoder` learns from")
    parser.add_argument("--phrases", type=Path, required=True, metavar="FOLDER", help="such as data/nlu")
    parser.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="JSON file to write")
    parser.set_defaults(handler=reported(_lessons, *MENDABLE, code=1))

    parser = commands.add_parser("evaluate", parents=[trees], help="measure retrieval between languages")
    parser.add_argument("--weights", type=Path, metavar="FILE", help="weights file; without it that of the settings")
    parser.set_defaults(handler=reported(_evaluation, *MENDABLE, code=1))


def _training(arguments: argparse.Namespace) -> None:
    """Trains word vectors and writes their file."""
    began = time.perf_counter()
    segments, report = align_trees(arguments.trees)
    print(*report.lines(), sep="\n")
    settings = TrainingSettings(dimension=arguments.dimension, features=arguments.features, epochs=arguments.epochs)
    learned = [segment.texts for segment in segments if not is_held_out(segment.file)]
    examples = read_examples(arguments.phrases) if arguments.phrases else []
    phrases = [example for example in examples if example.language not in arguments.without]
    situations = parallel_phrases(phrases)
    english = [texts[ENGLISH] for texts in learned if ENGLISH in texts]
    english += [phrase.text for phrase in phrases if phrase.language == ENGLISH]
    english += [text for file in arguments.english for text in _english_texts(file)]
    english = list(dict.fromkeys(english))
    taught = {} if arguments.no_teacher else dict(zip(english, Teacher().encode(english), strict=True))
    near = segments_like(phrases, learned, settings.near_segments)
    keys, table = train(learned, taught, settings, situations, near)
    provenance = {
        "licence": "CC-BY-4.0",
        "learned_from": [tree.name for tree in arguments.trees],
        "segments": len(learned),
        "situations": len(situations),
        "languages_without_phrases": arguments.without,
        "teacher": None if arguments.no_teacher else f"all-MiniLM-L6-v2 (Apache-2.0, SHA-256 {WEIGHTS_SHA256})",
        "taught_texts": len(taught),
        "settings": asdict(settings),
    }
    encoder = Encoder(keys, *quantise(table), provenance)
    encoder.save(arguments.output)
    _print_retrieval(encoder, segments)
    size = arguments.output.stat().st_size / 1e6
    print(f"{arguments.output}: {size:.1f} MB, {len(keys)} features, {time.perf_counter() - began:.0f} s")


def _lessons(arguments: argparse.Namespace) -> None:
    """Writes phrases by intent, passage and product, what was asked in played conversations, and parallel texts."""
    segments, report = align_trees(arguments.trees)
    examples = read_examples(arguments.phrases)
    print(*report.lines(), sep="\n")
    turns = read_played_turns(arguments.phrases.parent / PLAYED_TURNS)
    said_after = sorted({example.intent for example in examples if example.path.stem in _FILES_OF_FOLLOW_UPS})
    small_talk = {example.intent for example in examples if example.path.stem == "small_talk"}
    lessons = {
        "phrases": [
            *((example.text, example.intent, example.real_style) for example in examples),
            *((turn.text, turn.best_issue, True) for turn in turns if turn.is_first),
        ],
        "passages": [(example.text, example.passage) for example in examples if example.passage],
        "products": [(example.text, example.product) for example in examples if example.product],
        "turns": [(turn.text, answer, turn.issue) for turn in turns for answer in turn.answers[:MOST_ANSWERS]],
        "follow_ups": said_after,
        "acts": sorted({*said_after, *small_talk, "out_of_scope"}),
        "situations": parallel_phrases(examples),
        "segments": [segment.texts for segment in segments if not is_held_out(segment.file)],
    }
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(lessons, ensure_ascii=False), encoding="utf8")


def _evaluation(arguments: argparse.Namespace) -> None:
    """Prints the retrieval table of an encoder."""
    _print_retrieval(load_encoder(arguments.weights), align_trees(arguments.trees)[0])


def _print_retrieval(encoder: Encoder, segments: list[Segment]) -> None:
    held_out = [segment for segment in segments if is_held_out(segment.file)]
    print(*measure_retrieval(encoder, held_out).lines(), sep="\n")


def _english_texts(file: Path) -> list[str]:
    """Reads a text a line, or all but the test part of CLINC150's JSON."""
    content = file.read_text(encoding="utf-8")
    if file.suffix == ".json":
        return [text for name, pairs in json.loads(content).items() if "test" not in name for text, _ in pairs]
    return [line for line in content.splitlines() if line.strip()]
