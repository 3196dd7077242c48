"""Prints how long each stage of understanding takes for one message, on one thread.

    python -m benchmarks.stages [--messages 300]

Every held-out phrase is parsed alone, as a customer's message is; the times are those of the graph's nodes, measured by
Rasa's own hooks. What is loaded with the first messages is loaded before.
"""

from __future__ import annotations

import argparse
import statistics
import tempfile
import time
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from rasa.core.channels.channel import UserMessage
from rasa.engine.constants import PLACEHOLDER_MESSAGE, PLACEHOLDER_TRACKER
from rasa.engine.graph import ExecutionContext, GraphNodeHook
from rasa.engine.loader import load_predict_graph_runner
from rasa.engine.storage.local_model_storage import LocalModelStorage

from bot.articles.examples import read_examples
from bot.rasa_patches.graph_runner import OrderedGraphRunner
from bot.regression.measure import HELD_OUT
from bot.training import train


class Stopwatch(GraphNodeHook):
    """Notes how long each node of the graph takes."""

    def __init__(self) -> None:
        self.milliseconds: dict[str, list[float]] = defaultdict(list)

    def on_before_node(
        self,
        node_name: str,
        execution_context: ExecutionContext,
        config: dict[str, Any],
        received_inputs: dict[str, Any],
    ) -> dict[str, Any]:
        """Notes when a node begins."""
        return {"began": time.perf_counter()}

    def on_after_node(
        self,
        node_name: str,
        execution_context: ExecutionContext,
        config: dict[str, Any],
        output: Any,
        input_hook_data: dict[str, Any],
    ) -> None:
        """Notes how long it took."""
        self.milliseconds[node_name].append(1000 * (time.perf_counter() - input_hook_data["began"]))


STOPWATCH = Stopwatch()


class TimedRunner(OrderedGraphRunner):
    """The runner that servers use, with the stopwatch at every node."""

    @classmethod
    def create(cls, *arguments: Any, **options: Any) -> TimedRunner:
        """Creates the runner."""
        return cls(*arguments, **{**options, "hooks": [STOPWATCH]})


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures and prints; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--messages", type=int, default=300)
    options = parser.parse_args(arguments)
    examples = read_examples(HELD_OUT)
    texts = [example.text for example in examples[:: max(1, len(examples) // options.messages)]]
    whole = []
    with tempfile.TemporaryDirectory() as folder:
        metadata, runner = load_predict_graph_runner(Path(folder), train(), LocalModelStorage, TimedRunner)
        for number, text in enumerate([*texts, *texts]):  # the first round warms up
            if number == len(texts):
                STOPWATCH.milliseconds.clear()
            began = time.perf_counter()
            inputs = {PLACEHOLDER_MESSAGE: [UserMessage(text)], PLACEHOLDER_TRACKER: None}
            runner.run(inputs=inputs, targets=[metadata.nlu_target])
            if number >= len(texts):
                whole.append(1000 * (time.perf_counter() - began))
    print("| stage | median, ms | 95 % within, ms | share |\n|---|---|---|---|")
    total = sum(map(sum, STOPWATCH.milliseconds.values()))
    for name, times in STOPWATCH.milliseconds.items():
        print(f"| {name} | {_figures(times)} | {sum(times) / total:.0%} |")
    print(f"| whole message ({len(whole)}) | {_figures(whole)} | |")
    return 0


def _figures(times: list[float]) -> str:
    return f"{statistics.median(times):.2f} | {statistics.quantiles(times, n=20)[-1]:.2f}"


if __name__ == "__main__":
    raise SystemExit(main())
