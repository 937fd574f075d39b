"""passive-client-*.json: joining by Welcome, and following a group through its commits."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from backchannel_mls import GroupState, LocalError, PskId, RemoteError, Rule
from official import official_vectors
from vectors.cases import UNSUPPORTED, Vector, cases, unhex
from vectors.checks import bundle_of, follow_group, join, psks_of, reloaded, same

JOINS = [*cases("passive-client-welcome"), *cases("passive-client-handling-commit")]


def without(known: Callable[[PskId], bytes | None], missing: PskId) -> Callable[[PskId], bytes | None]:
    return lambda psk_id: None if psk_id == missing else known(psk_id)


@pytest.mark.parametrize("case", JOINS)
def test_client_joins_by_the_given_welcome(case: Vector) -> None:
    state = join(case, psks_of(case))
    assert state.epoch_authenticator == unhex(case["initial_epoch_authenticator"])


@pytest.mark.parametrize("between", [same, reloaded])
@pytest.mark.parametrize("case", cases("passive-client-handling-commit"))
def test_client_follows_the_given_commits(case: Vector, between: Callable[[GroupState], GroupState]) -> None:
    follow_group(case, between)


@pytest.mark.parametrize("case", JOINS)
def test_client_without_the_psk_does_not_join(case: Vector) -> None:
    asked: list[PskId] = []
    known = psks_of(case)

    def ask(psk_id: PskId) -> bytes | None:
        asked.append(psk_id)
        return known(psk_id)

    join(case, ask)
    for missing in asked:
        with pytest.raises(RemoteError) as refused:
            join(case, without(known, missing))
        assert refused.value.rule is Rule.PSK_UNKNOWN


@pytest.mark.parametrize("suite_id", UNSUPPORTED)
def test_client_of_a_suite_that_is_not_here_is_refused_by_name(suite_id: int) -> None:
    case = next(one for one in official_vectors("passive-client-welcome") if one["cipher_suite"] == suite_id)
    with pytest.raises(LocalError) as refused:
        bundle_of(case)
    assert refused.value.code == "suite-unsupported"
