"""A hostile member's messages: nothing but RemoteError comes out, and what is taken can be lived with."""

from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from backchannel_mls import RemoteError, records
from fuzz.insider import ATTACKS, Insider, build_insider, sealed_welcome, signed_info, take_welcome

CASES = 5_000
LONG_CASES = 250_000


def run(insider: Insider, cases: int, seed: int) -> Counter[str]:
    """All attacks in turn; returns how they ended."""
    random = Random(seed)
    before = records(insider.scenario.bob)
    ended: Counter[str] = Counter()
    for number in range(cases):
        make, take = ATTACKS[number % len(ATTACKS)]
        data = make(insider, random)
        try:
            ended[f"{make.__name__}: {take(insider, data)}"] += 1
        except RemoteError as refused:
            ended[f"{make.__name__}: {refused.code}"] += 1
        except Exception as error:
            where = f"seed {seed}, case {number}, {make.__name__}"
            raise AssertionError(f"{where}: {error!r} came out for {data.hex()}") from error
    assert records(insider.scenario.bob) == before
    return ended


@pytest.mark.parametrize(("suite_id", "share"), [(1, 0.8), (83, 0.2)])
def test_hostile_members_messages_raise_nothing_but_remote_error(
    suite_id: int, share: float, seed: int, long_form: bool
) -> None:
    cases = round((LONG_CASES if long_form else CASES) * share)
    ended = run(build_insider(suite_id, seed), cases, seed)
    assert sum(ended.values()) == cases
    codes = {name.split(": ")[1] for name in ended}
    # the mutations do get behind signatures and tags: many different rules refuse them
    assert len(codes) > 15, ended


def test_attacks_begin_with_what_would_be_taken(seed: int) -> None:
    insider = build_insider(1, seed)
    info = signed_info(insider, insider.info)
    assert take_welcome(insider, sealed_welcome(insider, insider.secrets.encode(), info)) == "joined"
