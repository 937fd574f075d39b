"""backchannel_mls in random groups: alone, with ts-mls, with AWS mls-rs, and with both."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from interop.member import Implementation
from interop.mixed_group import Summary, run_mixed_group
from interop.own import OwnMember

IN_CI = 200
IN_CI_BRIEFLY = 60
LONG = 2000
X_WING = 83


def own(suite: int) -> Implementation:
    return Implementation(OwnMember.kind, lambda identity: OwnMember(suite, identity))


def assert_eventful(summary: Summary) -> None:
    """A run in which nothing of a kind happened has not shown that kind."""
    expected = {"adds", "removes", "path updates", "add proposals", "remove proposals", "update proposals"}
    expected |= {"lost races", "reloads", "messages read", "late messages read", "replays refused"}
    assert expected <= set(summary.happened), str(summary)


@pytest.mark.parametrize(
    ("suite", "in_ci"),
    [(1, IN_CI), *((suite, IN_CI_BRIEFLY) for suite in (2, 3, 5, 7, X_WING))],
)
def test_alone(suite: int, in_ci: int, long_form: bool, seed: int) -> None:
    assert_eventful(run_mixed_group([own(suite)], LONG if long_form else in_ci, seed))


@pytest.mark.parametrize(
    ("suite", "in_ci"),
    [(1, IN_CI), (X_WING, IN_CI), (3, IN_CI_BRIEFLY)],
)
def test_with_ts_mls(
    ts_mls_members: Callable[[int], list[Implementation]], suite: int, in_ci: int, long_form: bool, seed: int
) -> None:
    run_mixed_group([own(suite), *ts_mls_members(suite)], LONG if long_form else in_ci, seed)


def test_with_mls_rs(mls_rs_members: list[Implementation], long_form: bool, seed: int) -> None:
    assert_eventful(run_mixed_group([own(1), *mls_rs_members], LONG if long_form else IN_CI, seed))


def test_with_both(
    ts_mls_members: Callable[[int], list[Implementation]],
    mls_rs_members: list[Implementation],
    long_form: bool,
    seed: int,
) -> None:
    implementations = [own(1), *ts_mls_members(1), *mls_rs_members]
    assert_eventful(run_mixed_group(implementations, LONG if long_form else IN_CI, seed))
