"""The lock files hold what pyproject.toml asks for, by hash, and say nothing of where it came from."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import NamedTuple

import hatch_build
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

from house.tree import ROOT

RUNTIME_LOCK = ROOT / "deploy" / "requirements.lock"
TEST_LOCK = ROOT / "tests" / "requirements.lock"
NODE_LOCK = ROOT / "deploy" / "node.lock"
ENTRY = re.compile(r"(?P<pin>[^\s#-].*?)(?P<hashes>(?: \\\n    --hash=sha256:[0-9a-f]{64})+)\n")


class Pin(NamedTuple):
    """One line of a lock file: a version of a package, for the environments of its marker."""

    name: str
    version: Version


def read_lock(path: Path) -> list[Pin]:
    """The pins of a lock file; a line of any other form, or without a hash, is an error."""
    text = path.read_text(encoding="utf-8")
    pins = []
    position = 0
    while position < len(text):
        entry = ENTRY.match(text, position)
        assert entry, f"{path.name}: not a hashed pin: {text[position : position + 80]!r}"
        requirement = Requirement(entry["pin"])
        (specifier,) = requirement.specifier
        assert specifier.operator == "=="
        pins.append(Pin(canonicalize_name(requirement.name), Version(specifier.version)))
        position = entry.end()
    return pins


def asked_for(*extras: str) -> list[Requirement]:
    """What pyproject.toml requires at run time and to build, and for the named extras."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    lines = [*project["project"]["dependencies"], *project["build-system"]["requires"]]
    lines += project["dependency-groups"]["build"]
    for extra in extras:
        lines += project["project"]["optional-dependencies"][extra]
    return [Requirement(line) for line in lines]


@pytest.mark.parametrize(
    ("lock", "extras"),
    [
        (RUNTIME_LOCK, ("server", "postgres", "chat")),
        (TEST_LOCK, ("server", "postgres", "chat", "test", "fuzz")),
    ],
    ids=["runtime", "test"],
)
def test_lock_holds_what_pyproject_asks_for(lock: Path, extras: tuple[str, ...]) -> None:
    pins = read_lock(lock)
    missing = [
        str(requirement)
        for requirement in asked_for(*extras)
        if not any(
            pin.name == canonicalize_name(requirement.name) and pin.version in requirement.specifier
            for pin in pins
        )
    ]
    assert not missing, f"make {lock.relative_to(ROOT)} anew (see README.md), it lacks: {missing}"


def test_tests_run_with_the_versions_that_are_shipped() -> None:
    assert set(read_lock(RUNTIME_LOCK)) <= set(read_lock(TEST_LOCK))


def test_the_web_client_is_built_with_the_node_that_tests_it() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (asked,) = (Requirement(line) for line in project["dependency-groups"]["node"])
    assert Requirement(hatch_build.NODE_WHEEL) == asked
    (pin,) = read_lock(NODE_LOCK)
    assert pin.name == canonicalize_name(asked.name)
    assert pin.version in asked.specifier
    assert pin in read_lock(TEST_LOCK)


@pytest.mark.parametrize("lock", [RUNTIME_LOCK, TEST_LOCK, NODE_LOCK], ids=["runtime", "test", "node"])
def test_lock_names_no_address(lock: Path) -> None:
    assert "://" not in lock.read_text(encoding="utf-8")
