"""What looks after the web client's sources: types, lint, what nobody uses, and its own tests."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import pytest

from house.tree import ROOT

TOOLS = {
    "types": ("tsc", "--project", "."),
    "lint": ("biome", "ci", "--error-on-warnings", "."),
    "unused": ("knip", "--no-progress"),
    "vitest": ("vitest", "run"),
}


@pytest.mark.parametrize("words", TOOLS.values(), ids=TOOLS)
def test_tool(run_tool: Callable[[Sequence[str]], None], words: Sequence[str]) -> None:
    run_tool(words)


def test_versions_are_exact_and_the_lock_is_whole() -> None:
    """An optional package that is missing from the lock makes `npm ci` fail, here or on another platform."""
    package = json.loads((ROOT / "client" / "web" / "package.json").read_text())
    lock = json.loads((ROOT / "client" / "web" / "package-lock.json").read_text())["packages"]
    for name, version in (package["dependencies"] | package["devDependencies"]).items():
        assert lock["node_modules/" + name]["version"] == version
    for name, entry in lock.items():
        for needed in entry.get("dependencies", {}) | entry.get("optionalDependencies", {}):
            folders = (f"{name}/node_modules/{needed}", f"node_modules/{needed}")
            assert any(folder in lock for folder in folders), f"{name} needs {needed}"
