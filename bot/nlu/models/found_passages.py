"""Answers that a message may ask for, with their probabilities: passages, the steps of issues, nothing of ours."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from bot.articles.parts import without_product

NOTHING = "/"
"""The label of what is neither a passage nor an issue's steps."""
_CHOICE = 3
"""Number of passages that are named beside the likeliest one."""
_CHOICE_FROM = 0.03
"""Probability from which they are: below it 11 of 100 answer what played customers asked (2026-11-30)."""


@dataclass(frozen=True)
class FoundPassage:
    """A passage, an issue's steps (an empty slug) or nothing of ours (no issue), and how likely it is meant, 0-1."""

    issue: str
    slug: str
    confidence: float
    next: tuple[str, ...] = ()
    """The answers that are the next likely ones, passages and the steps of issues."""
    issue_confidence: float = 0.0
    """Probability that anything of the issue is meant, 0-1."""

    @property
    def values(self) -> dict[str, str]:
        """The entities that name it."""
        return {"about": self.issue, "section": self.slug}

    @property
    def choice(self) -> dict[str, str]:
        """The entity that names it and the next ones; none where there is no passage."""
        return _named([f"{self.issue}/{self.slug}", *self.next]) if self.slug else {}

    @property
    def others(self) -> dict[str, str]:
        """The entity that names the next ones, but for the steps of its own issue, which always stand beside it."""
        return _named([name for name in self.next if name != f"{self.issue}/"])


def _named(passages: Sequence[str]) -> dict[str, str]:
    return {"passages": " ".join(passages)} if passages else {}


@dataclass(frozen=True)
class Found:
    """Answers that a message may ask for, likeliest first: passages, the steps of issues, or nothing of ours.

    Args:
        likely: `issue/slug`, `issue/` or `/`, and the probability of each.
    """

    likely: Sequence[tuple[str, float]]

    @cached_property
    def likeliest(self) -> FoundPassage:
        """The likeliest of all."""
        return self._found(self.likely[0], 1.0, self.likely[1:])

    @property
    def choice(self) -> dict[str, str]:
        """The entity that names the likeliest answers, passages and the steps of issues (`issue/`)."""
        return _named([name for name, _ in self.likely if name != NOTHING][: _CHOICE + 1])

    def by_variant(self) -> list[tuple[tuple[str, ...], float]]:
        """Returns the answers with their probabilities, likeliest first, variants of a passage by product together."""
        together: dict[str, list[tuple[str, float]]] = {}
        for name, share in self.likely:
            together.setdefault(without_product(name), []).append((name, share))
        groups = [(tuple(name for name, _ in group), sum(share for _, share in group)) for group in together.values()]
        return sorted(groups, key=lambda group: -group[1])

    @property
    def outside(self) -> float:
        """The probability that nothing of ours is asked for."""
        return dict(self.likely).get(NOTHING, 0.0)

    def passage(self, issue: str = "") -> FoundPassage:
        """Returns the likeliest passage, of an issue's article or of all; its confidence is that among these."""
        prefix = f"{issue}/" if issue else ""
        passages = [pair for pair in self.likely if pair[0].startswith(prefix) and not pair[0].endswith("/")]
        if not passages:
            return FoundPassage(issue, "", 0.0)
        others = passages if issue else self.likely
        return self._found(
            passages[0], sum(each for _, each in passages), [each for each in others if each != passages[0]]
        )

    def choice_on(self, issue: str) -> dict[str, str]:
        """Returns the entity that names the likeliest passages of an issue's article, and the likeliest of another."""
        own = self.passage(issue).choice.get("passages", "").split()[:_CHOICE]
        best = self.passage().choice.get("passages", "").split()
        return _named([name for name in dict.fromkeys([*own, *best]) if name != f"{issue}/"][: _CHOICE + 1])

    def _found(self, likely: tuple[str, float], share: float, others: Sequence[tuple[str, float]]) -> FoundPassage:
        issue, _, slug = likely[0].partition("/")
        of_issue = sum(each for name, each in self.likely if name.startswith(f"{issue}/"))
        following = [name for name, each in others if name != NOTHING and each >= _CHOICE_FROM][:_CHOICE]
        return FoundPassage(issue, slug, likely[1] / share, tuple(following), of_issue)
