"""The other implementations, for the tests in this folder. Where one cannot run, its tests are skipped."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

import toolchain
from interop.member import Implementation
from interop.ts_mls import FOLDER, TsMlsOracle


@pytest.fixture(scope="session")
def ts_mls_installed() -> None:
    """ts-mls and what it needs, in tsmls/node_modules."""
    toolchain.npm_ci(FOLDER)


@pytest.fixture(scope="session")
def ts_mls(ts_mls_installed: None) -> Iterator[TsMlsOracle]:
    """ts-mls, repaired."""
    with TsMlsOracle() as oracle:
        yield oracle


@pytest.fixture
def ts_mls_as_published(ts_mls_installed: None) -> Iterator[TsMlsOracle]:
    """ts-mls as npm has it."""
    with TsMlsOracle(repaired=False) as oracle:
        yield oracle


@pytest.fixture
def ts_mls_members(ts_mls: TsMlsOracle) -> Callable[[int], list[Implementation]]:
    """ts-mls in a given suite, as Backchannel's clients use it and the other way."""

    def members(suite: int) -> list[Implementation]:
        return [
            Implementation("ts-mls", lambda identity: ts_mls.member(suite, identity)),
            Implementation(
                "ts-mls",
                lambda identity: ts_mls.member(suite, identity, tree_in_welcome=True, public_handshakes=True),
            ),
        ]

    return members


@pytest.fixture
def mls_rs_members() -> list[Implementation]:
    """mls-rs (suite 1), with the tree in the Welcome and without."""
    pytest.importorskip("mls_rs_uniffi", reason="agentvault-mls-rs-uniffi has no wheel for this platform")
    from interop.mls_rs import MlsRsMember  # importable only where the wheel is

    return [
        Implementation("mls-rs", MlsRsMember),
        Implementation("mls-rs", lambda identity: MlsRsMember(identity, tree_in_welcome=False)),
    ]
