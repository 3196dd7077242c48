"""The issue table `data/issues.yml`: which issues there are, who handles them and how they are related."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, Extra, ValidationError

from bot.settings import get_settings
from bot.text.yaml_files import read_yaml

Queue = Literal["payments", "billing", "subscriptions", "access"]
Priority = Literal["low", "normal", "high", "urgent"]
Product = Literal["azure", "microsoft365", "microsoft_account"]
Agreement = Literal["customer_agreement", "enterprise", "partner"]
Fact = Literal[
    "invoice_number", "order_number", "amount", "date", "error_code", "subscription", "organisation", "tax_number"
]
Kind = Literal["who", "how_long", "cost", "where", "what_if", "what_happens", "not_there"]

BOTH_ANSWERED_FROM = 0.9
"""Confidence of a message's second issue from which it counts: of less sure ones, real messages mean one in five."""


class IssueTableError(ValueError):
    """The issue table cannot be used; the message says where, what is wrong and how to correct it."""


class Issue(BaseModel, frozen=True, extra=Extra.forbid):
    """One row of the table: an issue intent.

    Args:
        facts: what a ticket should name, as far as the customer knows it.
        languages: ISO 639-1 codes of those that it is tried in; empty for an issue in every complete language.
    """

    queue: Queue
    priority: Priority
    products: tuple[Product, ...]
    facts: tuple[Fact, ...] = ()
    agreements: tuple[Agreement, ...] = ()
    passages: tuple[Kind, ...] = ()
    common: bool = False
    related: tuple[str, ...] = ()
    causes: tuple[str, ...] = ()
    personal: str | None = None
    sources: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()


class _IssueTable(BaseModel):
    issues: dict[str, Issue]


def load_issues(path: Path | None = None) -> dict[str, Issue]:
    """Reads the issue table.

    Args:
        path: the table's file; by default `issues.yml` in the data folder.

    Returns:
        Intent -> its row, in the order of the file.

    Raises:
        IssueTableError: the file is missing, is not YAML, a row does not fit, or a row names an unknown intent.
    """
    return _load(path or get_settings().data_dir / "issues.yml")


def common_issues() -> list[str]:
    """Returns the intents that the bot offers by itself, in the table's order."""
    return [intent for intent, issue in load_issues().items() if issue.common]


def source_names(issues: Mapping[str, Issue]) -> frozenset[str]:
    """Returns the file names, without `.md`, of the source articles on any of the issues."""
    return frozenset(name for issue in issues.values() for name in issue.sources)


@lru_cache(maxsize=8)
def _load(path: Path) -> dict[str, Issue]:
    table = read_yaml(path, IssueTableError)
    if not isinstance(table, dict) or not isinstance(table.get("issues"), dict):
        raise IssueTableError(f"{path}: expected a mapping `issues:` of intents to rows.")
    try:
        issues = _IssueTable.parse_obj(table).issues
    except ValidationError as error:
        first = error.errors()[0]
        _, intent, *field = map(str, first["loc"])
        where = f"issue {intent}: field {'.'.join(field)}" if field else f"issue {intent}"
        raise IssueTableError(f"{path}: {where}: {first['msg']}.") from error
    for name, issue in issues.items():
        for other in filter(None, (*issue.related, *issue.causes, issue.personal)):
            if other not in issues:
                raise IssueTableError(f"{path}: issue {name} names {other}, which has no row; add it or fix the name.")
    return issues
