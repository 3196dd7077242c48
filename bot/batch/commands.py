"""The command `python -m bot triage`: triages a whole file of tickets, with a reject file and a report."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console

from bot.batch.reading import FORMATS, BatchError, Columns, format_of
from bot.batch.run import STREAM, Plan, triage_file
from bot.batch.workers import cores
from bot.command_line import run_to_end
from bot.training import LaunchError, model_or_trained


def add_commands(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Adds `triage`."""
    parser = subparsers.add_parser(
        "triage",
        help="triage a whole file of tickets",
        description="Exit code: 0 every row has a result, 1 some rows were rejected (see the reject file), 2 could not "
        "run or was stopped; then the same command goes on where it was.",
    )
    parser.add_argument("source", type=Path, metavar="INPUT", help="CSV, JSON lines or Parquet; - for standard input")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the result; - for standard output")
    parser.add_argument("--text-column", default="text", metavar="NAME", help="the column of the texts (text)")
    parser.add_argument("--id-column", metavar="NAME", help="the column of the ids (id, or else the row's number)")
    parser.add_argument("--longest", type=int, default=10_000, metavar="N", help="characters of a ticket (10000)")
    parser.add_argument("--input-format", choices=FORMATS, help="where the name does not tell it")
    parser.add_argument("--output-format", choices=FORMATS, help="where the name does not tell it")
    parser.add_argument("--rejects", type=Path, metavar="FILE", help="rejected rows (OUTPUT.rejected.csv)")
    parser.add_argument("--report", type=Path, metavar="FILE", help="keep the summary as a page (.html)")
    parser.add_argument("--model", type=Path, help="use this model instead of that of the present content")
    parser.add_argument("--processes", type=int, default=cores(), metavar="N", help="workers (one a core)")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="use the workers of this Dask scheduler, tcp://..")
    parser.add_argument("--force", action="store_true", help="overwrite the output, throw away parts of another run")
    parser.set_defaults(handler=lambda options: run_to_end(_triage, options, BatchError, LaunchError))


def _triage(options: argparse.Namespace) -> int:
    if options.processes < 1 or options.longest < 1:
        raise BatchError("--processes and --longest must be at least 1.")
    if options.report and options.report.suffix != ".html":
        raise BatchError(f"{options.report}: --report takes a file that ends in .html.")
    if options.source != STREAM and not options.source.is_file():
        raise BatchError(f"{options.source}: there is no such file.")
    source_format = format_of(options.source, options.input_format)
    output_format = format_of(options.output, options.output_format)
    columns = Columns(options.text_column, options.id_column, options.longest)
    model = model_or_trained(options.model)
    same = {name: getattr(options, name) for name in ("rejects", "force", "processes", "scheduler")}
    summary = triage_file(Plan(options.source, options.output, model, source_format, output_format, columns, **same))
    console = Console(stderr=True, highlight=False, record=options.report is not None)
    summary.show(console)
    if options.report:
        console.save_html(str(options.report))
    return 1 if summary.rejected else 0
