"""`python -m benchmarks.search.scale FILE`: the speed of a search over 30,000 articles in one language.

The article database FILE is copied, and the articles of one language are repeated under other names until there are
enough; what is measured is one core's time.
"""

from __future__ import annotations

import argparse
import resource
import sqlite3
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.search.__main__ import read_questions
from bot.search import index
from bot.search.database import ENCODER, Library
from bot.search.ranking import Searcher

_COPIED = "language, title, slug, description, headings, sentences, steps, url, source, licence, hash, vectors, problem"


def main() -> int:
    """Measures and prints; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.search.scale", description=__doc__)
    parser.add_argument("database", type=Path, metavar="FILE")
    parser.add_argument("--language", default="nb")
    parser.add_argument("--articles", type=int, default=30_000)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "articles.db"
        with sqlite3.connect(arguments.database) as source, sqlite3.connect(path) as target:
            source.backup(target)
        library = Library(path)
        with library.writing() as connection:
            connection.execute("DELETE FROM facts WHERE name != ?", (ENCODER,))
            connection.execute("DELETE FROM articles WHERE language != ?", (arguments.language,))
            own = connection.execute("SELECT COUNT(*) FROM articles").fetchone()[0]
            for copy in range(1, -(-arguments.articles // own)):
                connection.execute(
                    f"INSERT INTO articles (locale, path, {_COPIED}) SELECT locale, ? || path, {_COPIED} FROM articles "
                    "WHERE path NOT LIKE 'copy%' LIMIT ?",
                    (f"copy{copy}/", min(own, arguments.articles - copy * own)),
                )
            count = connection.execute("SELECT COUNT(*) FROM articles").fetchone()[0]
            began = time.process_time()
            index.update(connection, index.folder_of(path))
            indexing = time.process_time() - began
        searcher = Searcher(path)
        texts = [question.text for question in read_questions() if question.language == arguments.language]
        searcher.search(texts[0], arguments.language)
        times = []
        for text in texts * 10:
            began = time.process_time()
            searcher.search(text, arguments.language)
            times.append(1000 * (time.process_time() - began))
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{count} articles in one language: indexed in {indexing:.1f} s, {memory:.0f} MB at most")
    print(f"{len(times)} searches: median {np.median(times):.1f} ms, p95 {np.percentile(times, 95):.1f} ms")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
