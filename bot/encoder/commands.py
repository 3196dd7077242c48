"""The commands `encoder train`, `encoder lessons` and `encoder evaluate`."""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict, replace
from pathlib import Path

from bot.articles.examples import ExampleError, read_examples
from bot.encoder.align import ENGLISH, Segment, align_trees
from bot.encoder.evaluate import is_held_out, measure_retrieval
from bot.encoder.model import Encoder, EncoderFileError, load_encoder, quantise
from bot.encoder.phrases import Phrase, PhraseFileError, parallel_phrases, read_phrases, segments_like
from bot.encoder.teacher import WEIGHTS_SHA256, Teacher, TeacherMissingError
from bot.encoder.training import Lesson, NothingToLearnError, TrainingSettings, train


def add_commands(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `encoder` with its commands to the parser of `python -m bot`."""
    group = subparsers.add_parser("encoder", help="learn the sentence encoder from article trees, measure it")
    commands = group.add_subparsers(dest="encoder_command", required=True)
    training = commands.add_parser("train", help="align article trees, train, measure, write one weights file")
    training.add_argument("trees", nargs="+", type=Path, metavar="TREE", help="folder of one locale, such as nb-NO")
    training.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="weights file to write")
    training.add_argument(
        "--phrases", type=Path, metavar="FOLDER",
        help="training phrases such as data/nlu; those of the same situation are learned from as pairs",
    )  # fmt: skip
    training.add_argument(
        "--without", nargs="*", default=[], metavar="LANGUAGE", help="languages whose phrases are left out (zero-shot)"
    )
    training.add_argument(
        "--english", nargs="*", type=Path, default=[], metavar="FILE",
        help="more English phrases for the teacher: text files, one a line, or CLINC150's JSON (its test part is left)",
    )  # fmt: skip
    training.add_argument("--no-teacher", action="store_true", help="learn from the trees alone, without MiniLM")
    training.add_argument("--epochs", type=int, help="passes over the segments")
    training.add_argument("--dimension", type=int, help="numbers per vector")
    training.add_argument("--features", type=int, help="rows kept in the file")
    training.set_defaults(handler=run_training)
    lessons = commands.add_parser("lessons", help="write what the sentence encoder learns from (`make encoder`)")
    lessons.add_argument("trees", nargs="+", type=Path, metavar="TREE", help="folder of one locale, such as nb-NO")
    lessons.add_argument("--phrases", type=Path, required=True, metavar="FOLDER", help="such as data/nlu")
    lessons.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="JSON file to write")
    lessons.set_defaults(handler=run_lessons)
    evaluation = commands.add_parser("evaluate", help="measure retrieval across languages on files never trained on")
    evaluation.add_argument("trees", nargs="+", type=Path, metavar="TREE", help="folder of one locale, such as nb-NO")
    evaluation.add_argument(
        "--weights", type=Path, metavar="FILE", help="weights file; without it that of the settings"
    )
    evaluation.set_defaults(handler=run_evaluation)


def run_training(arguments: argparse.Namespace) -> int:
    """Trains an encoder and writes its file; returns the exit code."""
    began = time.perf_counter()
    try:
        segments, report = align_trees(arguments.trees)
        print(*report.lines(), sep="\n")
        settings = _settings(arguments)
        learned = [segment for segment in segments if not is_held_out(segment.file)]
        phrases = read_phrases(arguments.phrases, arguments.without) if arguments.phrases else []
        situations = parallel_phrases(phrases)
        english = [phrase.text for phrase in phrases if phrase.language == ENGLISH]
        lesson = None if arguments.no_teacher else _lesson(learned, english, arguments.english)
        near = segments_like(phrases, learned, settings.near_segments)
        groups = [[segment.texts for segment in part] for part in (learned, situations, near)]
        vocabulary, table = train(groups[0], lesson, settings, groups[1], groups[2])
    except (NothingToLearnError, TeacherMissingError, PhraseFileError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    provenance = {
        "licence": "CC-BY-4.0",
        "learned_from": [tree.name for tree in arguments.trees],
        "segments": len(learned),
        "situations": len(situations),
        "languages_without_phrases": arguments.without,
        "teacher": None if lesson is None else f"all-MiniLM-L6-v2 (Apache-2.0, SHA-256 {WEIGHTS_SHA256})",
        "taught_texts": 0 if lesson is None else len(lesson.texts),
        "settings": asdict(settings),
    }
    encoder = Encoder(vocabulary, *quantise(table), provenance)
    encoder.save(arguments.output)
    print(*measure_retrieval(encoder, [segment for segment in segments if is_held_out(segment.file)]).lines(), sep="\n")
    size = arguments.output.stat().st_size / 1e6
    print(f"{arguments.output}: {size:.1f} MB, {len(vocabulary)} features, {time.perf_counter() - began:.0f} s")
    return 0


def run_lessons(arguments: argparse.Namespace) -> int:
    """Writes phrases by intent, those of one situation, and aligned passages of articles; returns the exit code."""
    try:
        segments, report = align_trees(arguments.trees)
        examples = read_examples(arguments.phrases)
    except (ExampleError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(*report.lines(), sep="\n")
    phrases = [Phrase(one.text, one.intent, one.language, one.situation or "") for one in examples]
    lessons = {
        "phrases": [(example.text, example.intent, example.real_style) for example in examples],
        "situations": [situation.texts for situation in parallel_phrases(phrases)],
        "segments": [segment.texts for segment in segments if not is_held_out(segment.file)],
    }
    arguments.output.parent.mkdir(parents=True, exist_ok=True)
    arguments.output.write_text(json.dumps(lessons, ensure_ascii=False), encoding="utf8")
    return 0


def run_evaluation(arguments: argparse.Namespace) -> int:
    """Prints the retrieval table of an encoder; returns the exit code."""
    try:
        encoder = load_encoder(arguments.weights)
        segments, _ = align_trees(arguments.trees)
    except (EncoderFileError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print(*measure_retrieval(encoder, [segment for segment in segments if is_held_out(segment.file)]).lines(), sep="\n")
    return 0


def _settings(arguments: argparse.Namespace) -> TrainingSettings:
    chosen = {
        name: value for name in ("epochs", "dimension", "features") if (value := getattr(arguments, name)) is not None
    }
    return replace(TrainingSettings(), **chosen)


def _english_texts(file: Path) -> list[str]:
    content = file.read_text(encoding="utf-8")
    if file.suffix == ".json":
        parts = json.loads(content)
        return [text for name, pairs in parts.items() if "test" not in name for text, _ in pairs]
    return [line for line in content.splitlines() if line.strip()]


def _lesson(segments: list[Segment], phrases: list[str], files: list[Path]) -> Lesson:
    """Asks the teacher about every English text at hand."""
    texts = {segment.texts[ENGLISH]: None for segment in segments if ENGLISH in segment.texts}
    texts.update(dict.fromkeys(phrases))
    for file in files:
        texts.update(dict.fromkeys(_english_texts(file)))
    return Lesson(list(texts), Teacher().encode(list(texts)))
