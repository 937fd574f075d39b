"""Mallory's room, in which she may break every rule, and twins who judge what she makes."""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any, Final

import backchannel_mls as mls
from attack.forge import forge_commit, forge_key_package
from backchannel.room.keys import SeatKeys
from backchannel.room.membership import SETTINGS
from backchannel_mls import LeafIndex, Lifetime
from backchannel_mls.wire.leaf_node import Capabilities
from web.driver import MemberProcess
from web.twins import NOW_S, Twins

MALLORY, ANN, TWIN, BEN = (LeafIndex(leaf) for leaf in range(4))
YEAR_S: Final = 366 * 24 * 3600
RARE: Final = 0x0A0A


@dataclass(frozen=True)
class Company:
    """Mallory at leaf 0, whose path is the last one; Ann, the twins and Ben; and twins at the door."""

    state: mls.GroupState
    inside: Twins
    outside: Twins
    ann: mls.KeyPackageBundle
    ben: mls.KeyPackageBundle

    @property
    def suite(self) -> int:
        return self.inside.suite

    def commit(self, *proposals: mls.Proposal, **how: Any) -> bytes:
        return forge_commit(self.state, proposals=proposals, **how).message

    def bundle(self, **how: Any) -> mls.KeyPackageBundle:
        """Somebody new's, with something wrong in it."""
        words = {"lifetime": Lifetime(NOW_S - 3600, NOW_S + 3600), **how}
        return forge_key_package(SeatKeys.generate(self.suite).identity(), **words)

    def add(self, **how: Any) -> mls.Add:
        return mls.Add(self.bundle(**how).key_package)


def company_of(node: MemberProcess, suite: int) -> Company:
    inside, outside = Twins(node, suite), Twins(node, suite)
    ann, ben = (SeatKeys.generate(suite).key_package(NOW_S) for _ in range(2))
    mallory = SeatKeys.generate(suite).identity()
    group = mls.GroupId(os.urandom(16))
    state = mls.create_group(mallory, group_id=group, now_s=NOW_S, settings=SETTINGS)
    members = [one.key_package for one in (ann, inside.bundle, ben)]
    pending = mls.create_commit(state, add=members, now_s=NOW_S, force_path=True, tree_in_welcome=False)
    assert pending.welcome is not None
    inside.join(pending.welcome, pending.ratchet_tree)
    assert inside.state.own_leaf == TWIN
    return Company(mls.merge_commit(pending.staged, pending.sender_state), inside, outside, ann, ben)


def listing(suite: int, items: int) -> Capabilities:
    """So many items in all lists together."""
    return Capabilities((1,), (suite, *[RARE] * (items - 3)), (), (), (1,))


def stranger(suite: int) -> mls.Identity:
    return SeatKeys.generate(suite).identity()


def leaf_of(company: Company, leaf: int) -> mls.LeafNode:
    found = company.state.tree.leaf(leaf)
    assert found is not None
    return found
