"""ruff and mypy, as tests: `python3 run.py test` is all that has to be run."""

from __future__ import annotations

import subprocess
import sys

import pytest

from house.tree import ROOT


@pytest.mark.parametrize(
    "words",
    [["ruff", "check", "--no-fix", "--output-format=concise"], ["mypy", "--no-error-summary"]],
    ids=lambda words: words[0],
)
def test_lint_finds_nothing(words: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", *words], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
