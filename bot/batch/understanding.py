"""Triages all rows of a chunk at once with a trained Rasa model: issue, product, mood, queue, priority, article.

A row at which the model fails is rejected with the reason; the others have their results all the same.
"""

from __future__ import annotations

import gc
import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
from rasa.core.channels.channel import UserMessage
from rasa.engine.constants import PLACEHOLDER_MESSAGE, PLACEHOLDER_TRACKER
from rasa.engine.loader import load_predict_graph_runner
from rasa.engine.runner.dask import DaskGraphRunner
from rasa.engine.storage.local_model_storage import LocalModelStorage
from rasa.shared.constants import DEFAULT_NLU_FALLBACK_INTENT_NAME
from rasa.shared.nlu.training_data.message import Message
from threadpoolctl import threadpool_limits

from bot.articles.issues import load_issues
from bot.articles.replies import Replies
from bot.batch.reading import Chunk, Rejected, Row
from bot.batch.tables import SCHEMA, Links
from bot.channel.typed_text import as_text
from bot.nlu.language import FALLBACK_LANGUAGE, LANGUAGE
from bot.tickets.priority import assess

Record = dict[str, Any]


class Understanding:
    """The understanding part of a trained model, loaded once a process.

    Args:
        model: the model's file.
    """

    def __init__(self, model: Path) -> None:
        threadpool_limits(1)  # the work is shared out among processes; and sums come out the same everywhere
        self._folder = folder = tempfile.TemporaryDirectory()
        metadata, self._runner = load_predict_graph_runner(Path(folder.name), model, LocalModelStorage, DaskGraphRunner)
        self._target = metadata.nlu_target
        self._issues = load_issues()
        self._replies = Replies()
        gc.freeze()  # the model stays; looking through it for garbage again and again takes a tenth of the time

    def triage(self, chunk: Chunk, links: Links) -> tuple[pa.RecordBatch, list[Rejected]]:
        """Triages the rows of a chunk.

        Args:
            chunk: the rows.
            links: what the tickets are answered by.

        Returns:
            The results in the order of the rows, and the rows without one, the chunk's own ones among them.
        """
        gc.disable()  # to look for garbage among what a chunk needs takes a tenth of the time
        try:
            records, failed = self._triage(chunk.rows, links)
        finally:
            gc.enable()
            gc.collect()
        batch = pa.RecordBatch.from_pylist(records, schema=SCHEMA)
        return batch, sorted((*chunk.rejected, *failed), key=lambda one: one.row)

    def _triage(self, rows: Sequence[Row], links: Links) -> tuple[list[Record], list[Rejected]]:
        """Triages rows; where that fails, the halves are tried, until the row is found at which it does."""
        texts = list(dict.fromkeys(row.text for row in rows))
        try:
            # An id of their own, which nobody reads, would take longer than all else about them.
            messages = [UserMessage(as_text(text), message_id="") for text in texts]
            inputs = {PLACEHOLDER_MESSAGE: messages, PLACEHOLDER_TRACKER: None}
            parsed = self._runner.run(inputs=inputs, targets=[self._target])[self._target] if texts else []
            found = [self._record(message, links) for message in parsed]
        except Exception as error:
            if len(rows) == 1:
                cause = error.__cause__ or error
                return [], [Rejected(rows[0].row, rows[0].id, f"the model fails: {cause!r}"[:300])]
            middle = len(rows) // 2
            first, second = self._triage(rows[:middle], links), self._triage(rows[middle:], links)
            return first[0] + second[0], first[1] + second[1]
        by_text = dict(zip(texts, found, strict=True))
        return [{"id": row.id, **by_text[row.text]} for row in rows], []

    def _record(self, message: Message, links: Links) -> Record:
        best = message.get("intent")
        triage = message.get("triage")
        passed_over = {best["name"], DEFAULT_NLU_FALLBACK_INTENT_NAME}
        ranking: list[Record] = message.get("intent_ranking")
        runner_up: Record = next((entry for entry in ranking if entry["name"] not in passed_over), {})
        language = message.get("language")["name"]
        named = [one for one in message.get("entities", ()) if one["entity"] not in {LANGUAGE, FALLBACK_LANGUAGE}]
        entities = [{key: one[key] for key in ("entity", "value", "start", "end")} for one in named]
        mood = triage["sentiment"]
        assessment = assess(best["name"], triage["signals"], (mood["label"], mood["confidence"]))
        article_id, url = links.get((best["name"], self._replies.answer_language(language)), (None, None))
        return {
            "intent": best["name"],
            "confidence": best["confidence"],
            "language": language,
            "runner_up": runner_up.get("name"),
            "runner_up_confidence": runner_up.get("confidence"),
            "second_issue": (triage["second_issue"] or {}).get("name"),
            "product": self._product(best["name"], entities),
            "entities": json.dumps(entities, ensure_ascii=False),
            "sentiment": mood["label"],
            "queue": assessment.queue,
            "priority": assessment.priority,
            "article_id": article_id,
            "article_url": url,
        }

    def _product(self, intent: str, entities: Sequence[Record]) -> str | None:
        """Returns the product that is named, else the only one that the issue is about."""
        named = next((str(one["value"]) for one in entities if one["entity"] == "product"), None)
        products = self._issues[intent].products if intent in self._issues else ()
        return named or (products[0] if len(products) == 1 else None)
