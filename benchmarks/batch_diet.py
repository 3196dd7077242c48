"""Has a trained model parse its messages in one list; prints rows, seconds and processor seconds as JSON.

python benchmarks/batch_diet.py MODEL PHRASES_AS_JSON
"""

from __future__ import annotations

import json
import sys
import time

from rasa.core.agent import Agent
from rasa.core.channels.channel import UserMessage
from rasa.engine.constants import PLACEHOLDER_MESSAGE, PLACEHOLDER_TRACKER

ROUNDS = 10


def main() -> None:
    """Measures the second of two lists: the first one loads what is loaded with the first messages."""
    phrases = json.loads(sys.argv[2]) * ROUNDS
    processor = Agent.load(sys.argv[1]).processor
    assert processor is not None
    for _ in range(2):
        began, spent = time.perf_counter(), time.process_time()
        messages = [UserMessage(text) for text in phrases]
        processor.graph_runner.run(
            inputs={PLACEHOLDER_MESSAGE: messages, PLACEHOLDER_TRACKER: None},
            targets=[processor.model_metadata.nlu_target],
        )
        seconds, spent = time.perf_counter() - began, time.process_time() - spent
    print(json.dumps([len(phrases), seconds, spent]))


if __name__ == "__main__":
    main()
