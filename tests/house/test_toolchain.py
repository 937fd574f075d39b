"""Node and npm for the tests: the right version, and an install that happens once."""

from __future__ import annotations

import json
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

import toolchain


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A package of npm's with no dependencies, so that installing it needs no registry."""
    package = {"name": "empty", "version": "1.0.0"}
    lock = {**package, "lockfileVersion": 3, "requires": True, "packages": {"": package}}
    (tmp_path / "package.json").write_text(json.dumps(package))
    (tmp_path / "package-lock.json").write_text(json.dumps(lock))
    return tmp_path


def test_node_is_new_enough() -> None:
    printed = subprocess.run(
        [toolchain.node(), "--version"], capture_output=True, text=True, check=True
    ).stdout
    version = re.match(r"v(\d+)\.(\d+)\.", printed)
    assert version
    assert (int(version[1]), int(version[2])) >= toolchain.NODE_OLDEST


def test_npm_runs_on_that_node() -> None:
    words = [*toolchain.npm(), "exec", "--offline", "-c", "node --version"]
    asked = subprocess.run(words, capture_output=True, text=True, check=True, env=toolchain.environment())
    direct = subprocess.run([toolchain.node(), "--version"], capture_output=True, text=True, check=True)
    assert asked.stdout.strip() == direct.stdout.strip()


def test_npm_ci_installs_once_for_each_lock_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    toolchain.npm_ci(folder)
    stamp = (folder / "node_modules" / toolchain.STAMP).read_text()
    monkeypatch.setattr(toolchain, "npm", lambda: pytest.fail("npm was started again"))
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(toolchain.npm_ci, [folder] * 4))
    monkeypatch.undo()
    lock = folder / "package-lock.json"
    lock.write_text(lock.read_text() + "\n")
    toolchain.npm_ci(folder)
    assert (folder / "node_modules" / toolchain.STAMP).read_text() != stamp


def test_npm_ci_that_fails_says_why_and_leaves_no_stamp(folder: Path) -> None:
    (folder / "package.json").write_text('{"name": "empty", "dependencies": {"absent": "1"}}')
    with pytest.raises(RuntimeError, match="npm ci failed"):
        toolchain.npm_ci(folder)
    assert not (folder / "node_modules" / toolchain.STAMP).exists()


def test_unreachable_registry_is_a_reason_to_skip(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = "console.error('npm error code ENOTFOUND'); process.exit(1)"
    monkeypatch.setattr(toolchain, "npm", lambda: [str(toolchain.node()), "-e", program, "--"])
    with pytest.raises(pytest.skip.Exception, match="ENOTFOUND"):
        toolchain.npm_ci(folder)
