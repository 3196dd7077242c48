"""Prints what masking costs: ordinary messages, and the worst of many made to be slow.

python -m benchmarks.masking [--seconds 30]
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Sequence

from bot.text.masking import mask

LENGTH = 2000
ORDINARY = (
    "no digits here at all, only a customer with a question",
    "hei, jeg fikk trukket 349,00 kr den 12.03.2024 på kortet mitt, hva er dette for noe?",
    "Hi, my card 4111 1111 1111 1111 was declined, CVV is 123",
)
# Digits in groups, names of codes without a code, beginnings of IBANs, what reads as several characters.
PIECES = (
    "1|4 |62 |6 2 |9 |91 |37 |1-|_1|1 - |1then |4111111111111111 |4111 1111 1111 1111 12/27 123 |ref 9111111111111111 "
)
PIECES += "|12/27 "
PIECES += (
    "|cvv |cvv is |cvv code is the |security code number |3 digit |123 is the |123 is code is |123(|c.v.v.|kodkod|kod "
)
PIECES += (
    "|no12|gb12345|gb12 3456 |fr12 |sa15så|inv1-|inv-1-1-|+47 |a+4|0123456789abcdef|0a-|1.1.2024 |2024-11-20 |1 234,50 "
)
PIECES += "|•|••••1 |½|ﷺ1|①|⑽|4\u200b|\u3164|1\u0301|４|😀4|…1|*| "


def main(arguments: Sequence[str] | None = None) -> int:
    """Measures; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=30, help="how long to search for slow messages (30)")
    options = parser.parse_args(arguments)
    for text in ORDINARY:
        print(f"{cost(text, 200) * 1000:7.3f} ms  {text}")
    source = random.Random(1)
    pieces = PIECES.split("|")
    tried = {filled(piece): 0.0 for piece in pieces}
    tried = {text: cost(text, 3) for text in tried}
    end = time.monotonic() + options.seconds
    while time.monotonic() < end:
        text = filled("".join(source.choices(pieces, k=source.choice([2, 2, 3, 4, 8]))))
        tried[text] = cost(text, 1)
    slowest = sorted(tried, key=lambda text: -tried[text])[:20]
    print(f"the slowest of {len(tried)} messages of {LENGTH} letters:")
    for took, text in sorted(((cost(text, 20), text) for text in slowest), reverse=True)[:5]:
        print(f"{took * 1000:7.3f} ms  {text[:60]!r}")
    return 0


def filled(piece: str) -> str:
    """Returns a piece repeated to the longest message."""
    return (piece * (LENGTH // len(piece) + 1))[:LENGTH]


def cost(text: str, times: int) -> float:
    """Returns the fewest seconds of processor that masking takes."""
    best = float("inf")
    for _ in range(times):
        start = time.process_time()
        mask(text)
        best = min(best, time.process_time() - start)
    return best


if __name__ == "__main__":
    raise SystemExit(main())
