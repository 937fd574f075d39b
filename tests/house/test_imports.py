"""Who may import whom (the contracts in pyproject.toml), and what backchannel_mls may not even call."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from house.tree import ROOT

MLS = ROOT / "shared" / "backchannel_mls"
# no terminal, no files, no code made of text
FORBIDDEN_CALLS = frozenset({"__import__", "breakpoint", "compile", "eval", "exec", "input", "open", "print"})
# of the operating system: the source of randomness, nothing else
ALLOWED_OS = frozenset({"urandom"})


def test_import_contracts_hold() -> None:
    program = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    done = subprocess.run(
        [sys.executable, "-c", program, "--no-cache"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("path", sorted(MLS.rglob("*.py")), ids=lambda path: path.relative_to(MLS).as_posix())
def test_mls_reaches_for_nothing_outside(path: Path) -> None:
    found = list(impure(ast.parse(path.read_text(encoding="utf-8"))))
    assert not found, "\n".join(f"{path.relative_to(ROOT)}:{line}: {what}" for line, what in found)


@pytest.mark.parametrize(
    "source", ["open('x')", "print(1)", "eval(x)", "os.environ", "from os import environ", "from os import *"]
)
def test_the_check_finds_what_it_is_for(source: str) -> None:
    assert list(impure(ast.parse(source)))


def test_the_check_lets_the_rest_pass() -> None:
    assert not list(impure(ast.parse("import os\nfrom os import urandom\nos.urandom(32)\nreader.open(1)")))


def impure(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """The lines of a module that do I/O or run text as code, with what they do."""
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=name)) if name in FORBIDDEN_CALLS:
                yield node.lineno, f"calls {name}"
            case ast.Attribute(value=ast.Name(id="os"), attr=name) if name not in ALLOWED_OS:
                yield node.lineno, f"uses os.{name}"
            case ast.ImportFrom(module="os", names=names) if {alias.name for alias in names} - ALLOWED_OS:
                yield node.lineno, "imports more of os than its randomness"
