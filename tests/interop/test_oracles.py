"""The other implementations among themselves: what they disagree on is not for backchannel_mls to mend."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from interop.member import Implementation
from interop.mixed_group import run_mixed_group
from interop.ts_mls import TsMlsOracle

SHORT = 30
LONG = 1000


@pytest.fixture
def commits(long_form: bool) -> int:
    return LONG if long_form else SHORT


@pytest.mark.parametrize("suite", [1, 83])
def test_ts_mls_with_itself(
    ts_mls_members: Callable[[int], list[Implementation]], suite: int, commits: int, seed: int
) -> None:
    run_mixed_group(ts_mls_members(suite), commits, seed)


def test_mls_rs_with_itself(mls_rs_members: list[Implementation], commits: int, seed: int) -> None:
    run_mixed_group(mls_rs_members, commits, seed)


def test_ts_mls_with_mls_rs(
    ts_mls_members: Callable[[int], list[Implementation]],
    mls_rs_members: list[Implementation],
    commits: int,
    seed: int,
) -> None:
    run_mixed_group([*ts_mls_members(1), *mls_rs_members], commits, seed)


def test_ts_mls_reads_far_ahead(ts_mls: TsMlsOracle) -> None:
    """Beyond its own 200 generations, up to the limit that Backchannel's clients share."""
    writer, reader = (ts_mls.member(1, identity) for identity in (b"writer", b"reader"))
    writer.create(b"far ahead")
    outgoing = writer.commit(add=[reader.key_package()])
    writer.merge()
    assert outgoing.welcome is not None
    reader.join(outgoing.welcome, outgoing.ratchet_tree)
    *_, latest = [writer.encrypt(b"%d" % number) for number in range(302)]
    assert reader.decrypt(latest) == b"301"
