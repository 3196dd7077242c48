"""Orders candidates by what a decision on them teaches, and puts similar ones together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from bot.phrases.model import Candidate

WEIGHTS = {"correction": 1.0, "not_helped": 0.7, "choice": 0.5, "fallback": 0.3, "imported": 0.3}
"""Points for the kind of a candidate: somebody said that it was misunderstood, or the bot was not sure itself."""
UNKNOWN_MARGIN = 0.5
OF_TIMES, MOST_OF_TIMES = 0.1, 0.5
"""Points for each further time that it was said, and for all of them together."""
LEAST = 0.005
"""Confidence below which an intent is not proposed."""
LIKENESS = 0.45
"""Cosine similarity of two texts' character n-grams from which on they are similar."""
LARGEST = 20
"""Candidates of one group: a reviewer reads all of it before a click."""
MOST_COMPARED = 1500
"""Every candidate is compared with every other one; of more, those with the highest scores are."""


@dataclass(frozen=True)
class Group:
    """Similar candidates, the most informative first.

    Args:
        candidates: one or more.
    """

    candidates: tuple[Candidate, ...]

    @property
    def score(self) -> float:
        """What a decision on the group teaches; that of its first candidate, with points for all times."""
        first, times = self.candidates[0], sum(len(each.ids) for each in self.candidates)
        kind = max(WEIGHTS.get(kind, 0.0) for kind in first.kinds)
        doubt = 1 - (UNKNOWN_MARGIN if first.margin is None else first.margin)
        return round(kind + doubt + min(OF_TIMES * (times - 1), MOST_OF_TIMES), 2)

    @property
    def proposed(self) -> tuple[tuple[str, float | None], ...]:
        """Intents that its candidates may be, at most nine: those that were said, then the likeliest.

        Where the model has said how likely they are, those below half a percent are left out.
        """
        intents = [each.intent for each in self.candidates if each.intent]
        found: dict[str, float | None] = {}
        for name, confidence in (pair for each in self.candidates for pair in each.proposed):
            found[name] = max(filter(None, (found.get(name), confidence)), default=None)
        named = {*intents, *(name for each in self.candidates for name in each.shown)}
        unknown = not any(found.values())
        likely = [name for name in found if unknown or name in named or (found[name] or 0.0) >= LEAST]
        ranked = sorted(likely, key=lambda name: (-intents.count(name), -(found[name] or 0.0)))
        return tuple((name, found[name]) for name in ranked[:9])


def score(candidate: Candidate) -> float:
    """Returns what a decision on a candidate teaches: points for its kind, for doubt, and for the times it was said.

    Doubt is 1 less the difference of the model's two highest confidences.
    """
    return Group((candidate,)).score


def grouped(candidates: Sequence[Candidate]) -> list[Group]:
    """Returns the candidates in groups of similar texts, the most informative group first."""
    ordered = sorted(candidates, key=lambda each: (-score(each), each.ids))
    places = _similar(tuple(each.key for each in ordered[:MOST_COMPARED]))
    groups = [Group(tuple(ordered[place] for place in group)) for group in places]
    groups += [Group((each,)) for each in ordered[MOST_COMPARED:]]
    return sorted(groups, key=lambda group: (-group.score, group.candidates[0].ids))


@lru_cache(maxsize=4)  # a page that is loaded again shows the same texts
def _similar(texts: tuple[str, ...]) -> tuple[tuple[int, ...], ...]:
    """Returns the places of texts in groups: each text that is in none yet begins one, with what is similar to it."""
    if len(texts) < 2:
        return tuple((place,) for place in range(len(texts)))
    from sklearn.feature_extraction.text import TfidfVectorizer  # takes a second and 60 MB

    vectors = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), sublinear_tf=True).fit_transform(texts)
    similar = (vectors @ vectors.T).toarray() >= LIKENESS  # of unit vectors: their cosines
    taken: set[int] = set()
    groups = []
    for place in range(len(texts)):
        if place in taken:
            continue
        others = [other for other in similar[place].nonzero()[0].tolist() if other != place and other not in taken]
        group = (place, *others[: LARGEST - 1])
        taken.update(group)
        groups.append(group)
    return tuple(groups)
