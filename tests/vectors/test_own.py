"""The vectors of our own making (make_own.py): the same checks, on a machine without ../shared."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Final

import pytest
from _pytest.mark.structures import ParameterSet

from backchannel_mls import GroupState
from vectors import checks
from vectors.cases import Vector

OWN: Final = Path(__file__).resolve().parent / "own"
MAX_BYTES: Final = 150_000
VECTORS: Final[dict[str, dict[str, list[Vector]]]] = {
    path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(OWN.glob("*.json"))
}


def own(name: str) -> list[ParameterSet]:
    """The vectors of one format, of all suites."""
    return [
        pytest.param(case, id=f"{suite}-{index}")
        for suite, files in VECTORS.items()
        for index, case in enumerate(files[name])
    ]


def test_vectors_are_there_and_small() -> None:
    assert set(VECTORS) == {"suite-1", "suite-83"}
    assert sum(path.stat().st_size for path in OWN.glob("*.json")) < MAX_BYTES


@pytest.mark.parametrize("case", own("key-schedule"))
def test_key_schedule(case: Vector) -> None:
    checks.check_key_schedule(case)


@pytest.mark.parametrize("case", own("secret-tree"))
def test_secret_tree(case: Vector) -> None:
    checks.check_sender_data_key(case)
    for kind, handshake in checks.RATCHETS:
        checks.check_received_keys(case, kind, handshake)
        checks.check_sent_keys(case, kind, handshake)


@pytest.mark.parametrize("kind", checks.KINDS)
@pytest.mark.parametrize("case", own("message-protection"))
def test_messages_under_fixed_secrets_open(case: Vector, kind: str) -> None:
    checks.check_given_messages(case, kind)


@pytest.mark.parametrize("case", own("tree-validation"))
def test_tree(case: Vector) -> None:
    checks.check_tree_encoding(case)
    checks.check_tree_hashes(case)
    checks.check_tree_is_valid(case)
    resolutions = case["resolutions"]
    assert [] in resolutions, "no blank leaf"
    assert any(len(found) > 1 and found[0] == node for node, found in enumerate(resolutions)), (
        "no unmerged leaf"
    )


@pytest.mark.parametrize("between", [checks.same, checks.reloaded])
@pytest.mark.parametrize("case", own("passive-client-handling-commit"))
def test_client_joins_with_stored_keys_and_follows_the_commits(
    case: Vector, between: Callable[[GroupState], GroupState]
) -> None:
    checks.follow_group(case, between)
