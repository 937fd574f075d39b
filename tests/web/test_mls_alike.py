"""Whatever anybody sends, the web client's MLS and Python's both refuse it, or both come to the same."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Final, TypeVar

import pytest

import backchannel_mls as mls
from backchannel.room.keys import SeatKeys
from backchannel.room.membership import POLICY, SETTINGS
from web.driver import MemberProcess
from web.lawless import MESSAGES, Play, some_commit
from web.lawless_door import packages, welcomes
from web.twins import NOW_S, Twins, Verdict

T = TypeVar("T")

OF_EACH: Final = 5
"""How many cases of a kind are made and judged in one room, until the next one."""

EPOCHS: Final = 2
"""For how many epochs a room is followed."""

ROOMS: Final = {1: 3, 83: 1}
LONG_ROOMS: Final = {1: 300, 83: 100}
TRIES: Final = 400
"""Commits of which one is surely taken: about one in five is."""

UNMADE: Final = (mls.MlsError, ValueError, StopIteration, KeyError, IndexError)
"""What a forgery ends with that cannot be made: a path to a key that is none, for one."""


@pytest.fixture(scope="module")
def node() -> Iterator[MemberProcess]:
    with MemberProcess() as process:
        yield process


@dataclass
class Report:
    """How often what happened, and the cases in which the two differ."""

    ended: Counter[str] = field(default_factory=Counter)
    differ: list[str] = field(default_factory=list)

    def compare(
        self, name: str, cases: Sequence[object], verdicts: Sequence[tuple[Verdict, Verdict]]
    ) -> None:
        for case, (python, web) in zip(cases, verdicts, strict=True):
            self.ended[f"{name} {'refused' if python.taken is None else 'taken'}"] += 1
            if python != web:
                said = f"Python: {python.why or 'takes it'}, web: {web.why or 'takes it'}"
                told = f"{python.taken}, {web.taken}" if python.taken and web.taken else ""
                self.differ.append(f"{name}: {said} {told}, for {shown(case)}")


def shown(case: object) -> str:
    return case.hex() if isinstance(case, bytes) else repr(case)


def made(make: Callable[[Play, Random], T], play: Play, random: Random, times: int = OF_EACH) -> list[T]:
    """So many as are judged together."""
    cases: list[T] = []
    while len(cases) < times:
        try:
            cases.append(make(play, random))
        except UNMADE:
            continue
    return cases


@dataclass(frozen=True)
class Company:
    """Mallory's room, twins at one of its leaves, and twins at its door."""

    play: Play
    inside: Twins
    outside: Twins


def company_of(node: MemberProcess, suite: int, random: Random) -> Company:
    """Two to eight members, with blank nodes and unmerged leaves."""
    inside, outside = Twins(node, suite), Twins(node, suite)
    others = [SeatKeys.generate(suite).key_package(NOW_S) for _ in range(random.randint(0, 6))]
    group = mls.GroupId(random.randbytes(16))
    creator = SeatKeys.generate(suite).identity()
    state = mls.create_group(creator, group_id=group, now_s=NOW_S, settings=SETTINGS)
    at = random.randint(0, len(others))
    first = [*others[:at], inside.bundle, *others[at : at + 2]]
    pending = commit(state, first)
    state = mls.merge_commit(pending.staged, pending.sender_state)
    assert pending.welcome is not None
    inside.join(pending.welcome, pending.ratchet_tree)
    twin = int(inside.state.own_leaf)
    for late in ([], *([one] for one in others[at + 2 :])):
        present = [int(index) for index, _ in state.tree.leaves() if index not in (0, twin)]
        going = random.sample(present, 1) if present and random.randrange(3) == 0 else []
        pending = commit(state, late, going, force_path=random.randrange(3) == 0)
        inside.take(pending.message)
        state = mls.merge_commit(pending.staged, pending.sender_state)
    return Company(Play(state, twin, (inside.bundle, *others), outside.bundle), inside, outside)


def moved_on(company: Company, random: Random) -> Company:
    """In the next epoch: some commit of Mallory's that is taken, in which what she puts is there to stay."""
    for _ in range(TRIES):
        (forged,) = made(some_commit, company.play, random, 1)
        ((python, web),) = company.inside.judge([forged.message])
        assert python == web, (python.why, web.why)
        if python.taken is not None and python.taken[1] is not None:  # the twins are still members
            company.inside.take(forged.message)
            return replace(company, play=replace(company.play, state=forged.next_state))
    raise AssertionError(f"none of {TRIES} commits was taken: is Mallory still a member?")


def commit(
    state: mls.GroupState,
    coming: Sequence[mls.KeyPackageBundle],
    going: Sequence[int] = (),
    *,
    force_path: bool = False,
) -> mls.PendingCommit:
    return mls.create_commit(
        state,
        add=[one.key_package for one in coming],
        remove=going,
        force_path=force_path,
        policy=POLICY,
        now_s=NOW_S,
        tree_in_welcome=False,
    )


def judge_all(company: Company, random: Random, report: Report) -> None:
    play, inside, outside = company.play, company.inside, company.outside
    for make in MESSAGES:
        cases = made(make, play, random)
        report.compare(make.__name__, cases, inside.judge(cases))
    offers = made(welcomes, play, random)
    report.compare("welcomes", offers, outside.judge_welcomes(offers))
    offered = made(packages, play, random)
    report.compare("packages", offered, outside.judge_packages(offered))


@pytest.mark.parametrize("suite", [1, 83])
def test_both_come_to_the_same(node: MemberProcess, suite: int, seed: int, long_form: bool) -> None:
    random, report = Random(seed), Report()
    for _ in range((LONG_ROOMS if long_form else ROOMS)[suite]):
        company = company_of(node, suite, random)
        for _ in range(EPOCHS):
            judge_all(company, random, report)
            company = moved_on(company, random)
        assert not report.differ, "\n".join(report.differ)
    assert report.ended["lawful taken"]
    assert report.ended["commits refused"]
    assert not report.ended["lawful refused"]
