"""The official vectors of mls-implementations as parameters for tests, and how many there must be."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import pytest
from _pytest.mark.structures import ParameterSet

from official import official_vectors

Vector = dict[str, Any]
"""One vector as the file has it: each file has its own fields, described in its test."""

SUPPORTED: Final = (1, 2, 3, 5, 7)
UNSUPPORTED: Final = (4, 6)

COUNTS: Final = {
    "crypto-basics": 5,
    "deserialization": 14,
    "key-schedule": 5,
    "message-protection": 5,
    "messages": 300,
    "passive-client-handling-commit": 34,
    "passive-client-welcome": 40,
    "psk_secret": 55,
    "secret-tree": 15,
    "transcript-hashes": 5,
    "tree-math": 10,
    "tree-operations": 5,
    "tree-validation": 70,
    "treekem": 55,
    "welcome": 5,
}
"""How many vectors of each file are run: those of the supported suites, or all where none is named."""


def is_supported(vector: Vector) -> bool:
    """Whether the vector is of a suite that this package has (or of none in particular)."""
    return vector.get("cipher_suite", SUPPORTED[0]) in SUPPORTED


def cases(name: str) -> list[ParameterSet]:
    """The vectors of a file that are run, each named by its place in the file and its suite."""
    vectors: Sequence[Vector] = official_vectors(name)
    found = [
        pytest.param(vector, id="-".join(map(str, (index, *suite_of(vector)))))
        for index, vector in enumerate(vectors)
        if is_supported(vector)
    ]
    assert len(found) == COUNTS[name], f"{name}: {len(found)} vectors of the suites {SUPPORTED}"
    return found


def suite_of(vector: Vector) -> tuple[str, ...]:
    """The suite for a test's name, where the vector has one."""
    return (f"suite{vector['cipher_suite']}",) if "cipher_suite" in vector else ()


def unhex(text: str) -> bytes:
    """A field's bytes."""
    return bytes.fromhex(text)
