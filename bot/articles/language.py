"""The language of an article: declared, told by its place, or detected."""

from __future__ import annotations

import re
from functools import lru_cache
from pathlib import PurePath
from typing import Any

LANGUAGES = ("en", "nb", "sv", "nl", "da", "de", "fr", "es", "fi")
"""The languages that detection chooses between (ISO 639-1)."""

UNDETERMINED = "und"
"""ISO 639-2 code for a text whose language could not be told."""

_CODE = re.compile(r"([a-z]{2,3})(?:[-_][a-z0-9]+)*", re.IGNORECASE)
_ENOUGH_TEXT = 4000


def normalise(code: object) -> str:
    """Returns the ISO 639-1 code of a language or locale code (`nb-NO`, `EN_us`); empty for anything else.

    Norwegian without a written form, and nynorsk, count as bokmål.
    """
    match = _CODE.fullmatch(str(code or "").strip())
    language = match.group(1).lower() if match else ""
    return "nb" if language in {"no", "nn"} else language


def declared(metadata: dict[str, Any], path: str) -> str:
    """Returns the language that the front matter or else the path declares; empty where neither does.

    Args:
        metadata: the front matter; `ms.contentlocale` counts more than `language`.
        path: the file; a folder named for a locale (`nb-NO`) counts more than a file named for a language (`nb.md`).
    """
    return normalise(metadata.get("ms.contentlocale")) or normalise(metadata.get("language")) or _from_path(path)


def _from_path(path: str) -> str:
    place = PurePath(path)
    for folder in reversed(place.parts[:-1]):
        language = normalise(folder)
        if re.fullmatch("[a-z]{2}-[A-Z]{2}", folder) or (re.fullmatch("..-..", folder) and language in LANGUAGES):
            return language
    language = normalise(place.stem)
    return language if language in LANGUAGES and len(place.stem) == 2 else ""


def detect(text: str) -> str:
    """Returns the language a text is most likely written in, one of `LANGUAGES`, or `und` where nothing speaks for any.

    Uses lingua's low-accuracy mode (trigrams only), which needs little memory and suffices for whole articles.
    """
    found = _detector().detect_language_of(text[:_ENOUGH_TEXT])
    return str(found.iso_code_639_1.name).lower() if found is not None else UNDETERMINED


@lru_cache(maxsize=1)
def _detector() -> Any:
    from lingua import IsoCode639_1, LanguageDetectorBuilder

    codes = [getattr(IsoCode639_1, code.upper()) for code in LANGUAGES]
    return LanguageDetectorBuilder.from_iso_codes_639_1(*codes).with_low_accuracy_mode().build()
