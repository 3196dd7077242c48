"""The files that a batch run writes: no spreadsheet runs what a ticket's writer has put into an id or a text."""

from __future__ import annotations

import csv
import io
import json

import pyarrow as pa
import pytest

from bot.batch.reading import Rejected
from bot.batch.tables import SCHEMA, write_rejected, write_results

HOSTILE = ["=1+1", "a;=1+1", "a\t=1+1", "a\n=1+1", "a\r=1+1", "＝1+1", "\ufeff@SUM(1)", '"-1+1', "\t-1"]


def batch_of(ids: list[str]) -> pa.RecordBatch:
    values = {
        "intent": "pay_invoice",
        "confidence": 0.25,
        "entities": json.dumps([{"entity": "amount", "value": "5;=1+1", "start": 0, "end": 6}]),
        "article_url": None,
    }
    columns = {name: [values.get(name)] * len(ids) for name in SCHEMA.names}
    return pa.RecordBatch.from_pydict({**columns, "id": ids}, schema=SCHEMA)


def formulas(content: str, delimiter: str) -> list[str]:
    read = [cell for row in csv.reader(io.StringIO(content, newline=""), delimiter=delimiter) for cell in row]
    return [cell for cell in read if cell.strip('" \ufeff\t\r\n')[:1] in set("=+-@＝＋－＠")]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"], ids=["comma", "semicolon", "tab"])
def test_results_as_csv_hold_no_formula(delimiter: str) -> None:
    stream = io.BytesIO()
    write_results(stream, "csv", [batch_of(HOSTILE)])
    assert formulas(stream.getvalue().decode(), delimiter) == []


@pytest.mark.parametrize("delimiter", [",", ";", "\t"], ids=["comma", "semicolon", "tab"])
def test_rejected_rows_hold_no_formula(delimiter: str) -> None:
    stream = io.BytesIO()
    write_rejected(stream, [Rejected(7, text, f"not well-formed: {text}") for text in HOSTILE])
    assert formulas(stream.getvalue().decode(), delimiter) == []


def test_what_is_no_formula_is_the_same_in_csv_and_json_lines() -> None:
    batch = batch_of(["T-10001-K7QX3M", "17", "kari@example.com"])
    as_csv, as_lines = io.BytesIO(), io.BytesIO()
    for stream, kind in ((as_csv, "csv"), (as_lines, "jsonl")):
        write_results(stream, kind, [batch])
    rows = list(csv.DictReader(io.StringIO(as_csv.getvalue().decode())))
    lines = [json.loads(line) for line in as_lines.getvalue().splitlines()]
    for row, line in zip(rows, lines, strict=True):
        assert row["id"] == line["id"]
        assert (row["intent"], float(row["confidence"]), row["article_url"]) == ("pay_invoice", 0.25, "")


def test_json_lines_keep_an_id_as_it_is() -> None:
    stream = io.BytesIO()
    write_results(stream, "jsonl", [batch_of(["-17"])])
    assert json.loads(stream.getvalue())["id"] == "-17"
