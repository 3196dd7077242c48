"""`python -m benchmarks.search.growth TREE... [--locales 50]`: time and memory of an import of many locales.

The trees are copied under the names of languages that do not exist, with every fifth long word altered, so that each
copy has an index of its own: 50 locales of eight trees are 144,000 files.
"""

from __future__ import annotations

import argparse
import itertools
import re
import resource
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from bot.search.database import Library
from bot.search.importing import import_articles
from bot.search.reading import Outcome

_LOCALE = re.compile(r"(?m)^ms\.contentlocale:.*$")
_LONG_WORD = re.compile(r"\b(\w{6,})\b(?=[ ,.])")
_STEP = 10_000


def copy_trees(trees: list[Path], folder: Path, locales: int) -> int:
    """Writes altered copies of article trees, one a locale; returns the number of files."""
    codes = ("".join(letters) for letters in itertools.product("qx", "abcdefghijklmnopqrstuvwxyz"))
    count = 0
    for number, (code, tree) in enumerate(zip(itertools.islice(codes, locales), itertools.cycle(trees), strict=False)):

        def altered(word: re.Match[str], code: str = code, number: int = number) -> str:
            return word[1] + code if len(word[1]) % 5 == number % 5 else word[1]

        locale = f"{code}-{code.upper()}"
        for file in tree.rglob("*.md"):
            text = _LOCALE.sub(f"ms.contentlocale: {locale}", file.read_text(encoding="utf8", errors="replace"))
            target = folder / locale / file.relative_to(tree)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(_LONG_WORD.sub(altered, text), encoding="utf8")
            count += 1
    return count


def _reported(outcomes: Iterable[Outcome], total: int) -> Iterator[Outcome]:
    began = time.perf_counter()
    for number, outcome in enumerate(outcomes, start=1):
        yield outcome
        if number % _STEP == 0 or number == total:
            print(f"{number} of {total} files: {time.perf_counter() - began:.0f} s, {_memory()}", flush=True)


def _memory() -> str:
    return f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB at most"


def main() -> int:
    """Measures and prints; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.search.growth", description=__doc__)
    parser.add_argument("trees", nargs="+", type=Path, metavar="TREE", help="folder of one locale, such as nb-NO")
    parser.add_argument("--locales", type=int, default=50)
    parser.add_argument("--processes", type=int, default=2)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        print(f"{copy_trees(arguments.trees, folder / 'trees', arguments.locales)} files", flush=True)
        library = Library(folder / "articles.db")
        for run in ("import", "the same without changes"):
            began = time.perf_counter()
            report = import_articles(library, [folder / "trees"], processes=arguments.processes, progress=_reported)
            own, others = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
            used = own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime
            print(
                f"{run}: {len(report.new)} new, {report.unchanged} unchanged; {time.perf_counter() - began:.0f} s, "
                f"{used:.0f} s of processor time so far, {_memory()}, {others.ru_maxrss // 1024} MB in each process",
                flush=True,
            )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
