"""Models that are made from a trained one without training."""

from __future__ import annotations

import io
import json
import re
import tarfile
import uuid
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

Change = Callable[[str, bytes], bytes]
"""Name and content of a file in a model -> its new content."""
_FINGERPRINT = re.compile(rb'"output_fingerprint": "([0-9a-f]{32})"')


def copy_model(model: Path, to: Path, change: Change = lambda name, content: content) -> None:
    """Copies a model as another training of the same content would leave it: its id and fingerprints are others.

    Args:
        model: the model's file.
        to: the copy's.
        change: what else is changed.
    """
    others: dict[bytes, bytes] = defaultdict(lambda: b'"output_fingerprint": "%s"' % uuid.uuid4().hex.encode())
    with tarfile.open(model) as old, tarfile.open(to, "w:gz", compresslevel=1) as new:
        for member in old:
            stream = old.extractfile(member)
            content = stream.read() if stream else b""
            if member.name == "metadata.json":
                content = json.dumps({**json.loads(content), "model_id": uuid.uuid4().hex}).encode()
                content = _FINGERPRINT.sub(lambda found: others[found[0]], content)
            content = change(member.name, content)
            member.size = len(content)
            new.addfile(member, io.BytesIO(content) if stream else None)


def id_of(model: Path) -> str:
    """Returns the id of a model, which Rasa writes beside each event."""
    with tarfile.open(model) as archive:
        stream = archive.extractfile("metadata.json")
        assert stream is not None
        return str(json.load(stream)["model_id"])
