"""The committed bundle is what the sources give."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest


@pytest.mark.skipif(shutil.which("npm") is None, reason="without Node.js nobody can have changed the page")
def test_the_committed_bundle_is_built_from_the_present_sources(root: Path, tmp_path: Path) -> None:
    sources, committed = root / "bot" / "channel" / "web", root / "bot" / "channel" / "assets"
    copy, built = tmp_path / "web", tmp_path / "assets"
    shutil.copytree(sources, copy, ignore=shutil.ignore_patterns("node_modules"))
    install = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"]
    done = subprocess.run(install, cwd=copy, capture_output=True, text=True, check=False)
    if done.returncode != 0 and os.environ.get("REQUIRE_SERVERS") != "1":
        pytest.skip("esbuild cannot be installed here: the npm registry is out of reach")
    assert done.returncode == 0, done.stderr
    subprocess.run(["node", "build.mjs", str(built)], cwd=copy, check=True)
    remedy = "the bundle is out of date: run `npm ci && npm run build` in bot/channel/web"
    assert sorted(path.name for path in built.iterdir()) == sorted(path.name for path in committed.iterdir()), remedy
    for path in built.iterdir():
        assert path.read_bytes() == (committed / path.name).read_bytes(), f"{path.name}: {remedy}"
