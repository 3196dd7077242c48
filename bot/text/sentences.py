"""The sentences of what somebody typed."""

from __future__ import annotations

import re

_END = re.compile(r"(?<=[.!?…])\s+|\n+")


def sentences_of(text: str) -> list[str]:
    """Returns the sentences of a text, without blanks around them; those without a full stop stay together."""
    return [sentence for part in _END.split(text) if (sentence := part.strip())]
