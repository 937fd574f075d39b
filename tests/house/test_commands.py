"""The two commands: what they say, and that README, CI and run.py mean the same ones."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys

import pytest

from house.tree import ROOT

RUN = ROOT / "run.py"


def run(*arguments: str, timeout_s: float = 60) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(RUN), *arguments], capture_output=True, text=True, check=False, timeout=timeout_s
    )


def commands(text: str) -> list[str]:
    """The lines that are a command of run.py, whole."""
    return re.findall(r"^\s*(python3 run\.py .*?)\s*(?:#.*)?$", text, re.MULTILINE)


def test_ci_runs_exactly_the_test_command_of_the_readme() -> None:
    ci = commands((ROOT / ".ci" / "run").read_text(encoding="utf-8"))
    readme = commands((ROOT / "README.md").read_text(encoding="utf-8"))
    assert ci == ["python3 run.py test"]
    assert readme[:2] == ["python3 run.py serve", *ci]


@pytest.mark.skipif(sys.platform == "win32", reason="no executable bit on Windows")
@pytest.mark.parametrize("name", [".ci/run", "run.py"])
def test_scripts_are_executable(name: str) -> None:
    assert os.access(ROOT / name, os.X_OK)


def test_run_py_parses_on_pythons_that_it_refuses() -> None:
    ast.parse(RUN.read_text(encoding="ascii"), feature_version=(3, 6))


def test_serve_lists_its_settings() -> None:
    done = run("serve", "--help")
    assert done.returncode == 0, done.stderr
    assert "BACKCHANNEL_" in done.stdout


def test_an_unknown_command_is_answered_in_one_line() -> None:
    done = run("sevre")
    assert (done.returncode, done.stdout) == (2, "")
    assert re.fullmatch(r"run\.py: there is no command 'sevre'[^\n]*\n", done.stderr)


@pytest.mark.parametrize("arguments", [(), ("--help",)])
def test_help_names_every_command(arguments: tuple[str, ...]) -> None:
    done = run(*arguments)
    assert done.returncode == (0 if arguments else 2)
    for command in ("serve", "test", "bench"):
        assert f"python3 run.py {command}" in done.stdout
