"""20,000 mutated messages: nothing but RemoteError comes out, and nothing is changed by them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from random import Random

import pytest

from backchannel_mls import MlsError, RemoteError, records
from fuzz.mutate import mutate
from fuzz.scenario import Scenario, Target, build_scenario

CASES = 20_000
LONG_CASES = 1_000_000


def handle(target: Target, data: bytes) -> object | None:
    """What a client learns from it, or None where it is refused as it must be."""
    try:
        return target.handle(data)
    except RemoteError:
        return None
    except MlsError:
        if target.stored:
            return None
        raise


def check(target: Target, data: bytes, originals: Sequence[object], where: str) -> str:
    """One mutated message; returns how it ended. It may be taken only for a message that was sent."""
    try:
        result = handle(target, data)
    except Exception as error:
        raise AssertionError(f"{where}: {error!r} came out for {data.hex()}") from error
    if result is None:
        return "refused"
    # the own store is trusted as far as its seal goes: nothing in it is authenticated
    assert target.stored or result in originals, f"{where}: taken for something else: {data.hex()}"
    return "accepted"


def run(scenario: Scenario, cases: int, seed: int) -> Counter[tuple[str, str]]:
    """Mutates all kinds of messages in turn."""
    random = Random(seed)
    others = [target.message for target in scenario.targets]
    originals = [handle(target, target.message) for target in scenario.targets]
    before = records(scenario.bob), records(scenario.alice)
    ended: Counter[tuple[str, str]] = Counter()
    for number in range(cases):
        target = scenario.targets[number % len(scenario.targets)]
        where = f"seed {seed}, case {number}, {target.name}"
        data = mutate(target.message, others, random)
        ended[target.name, check(target, data, originals, where)] += 1
        if number % 1000 == 999:
            assert (records(scenario.bob), records(scenario.alice)) == before, where
    assert (records(scenario.bob), records(scenario.alice)) == before
    again = [handle(target, target.message) for target in scenario.targets]
    for target, first, second in zip(scenario.targets, originals, again, strict=True):
        assert first == second, f"{target.name} is not read as before"
    return ended


@pytest.mark.parametrize(("suite_id", "share"), [(1, 0.8), (83, 0.2)])
def test_mutated_messages_are_refused_and_change_nothing(
    suite_id: int, share: float, seed: int, long_form: bool
) -> None:
    cases = round((LONG_CASES if long_form else CASES) * share)
    ended = run(build_scenario(suite_id, seed), cases, seed)
    assert sum(ended.values()) == cases
    accepted = {name for name, how in ended if how == "accepted"}
    # in a Welcome for two, what the other one gets is not authenticated for us; the rest is
    assert accepted <= {"welcome", "stored state", "stored commit", "stored key package"}
