"""Has a trained model parse its messages in one list; prints rows, seconds and processor seconds as JSON.

python -m benchmarks.batch_diet MODEL PHRASES_AS_JSON
"""

from __future__ import annotations

import json
import sys
import time
from pathlib import Path

from bot.regression.measure import NluModel

ROUNDS = 10


def main() -> None:
    """Measures the second of two lists: the first one loads what is loaded with the first messages."""
    model, phrases = NluModel(Path(sys.argv[1])), json.loads(sys.argv[2]) * ROUNDS
    model.parse(phrases)
    began, spent = time.perf_counter(), time.process_time()
    model.parse(phrases)
    print(json.dumps([len(phrases), time.perf_counter() - began, time.process_time() - spent]))


if __name__ == "__main__":
    main()
