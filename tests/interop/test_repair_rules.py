"""What ts-mls 1.6.4 takes as published and must not, or the other way round, and does after the repair."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from dataclasses import replace
from itertools import count
from os import urandom
from typing import Final

import pytest

import backchannel_mls as mls
from attack.forge import ForgedCommit, PathForgery, forge_commit, forge_key_package, resign_leaf
from attack.forge_welcome import World, forge_info, forge_welcome, world_after
from backchannel_mls.types import NodeIndex
from backchannel_mls.wire.message import parse_message
from interop.member import Refused
from interop.own import OwnMember
from interop.test_repair import hostile_room
from interop.ts_mls import OracleFailed, TsMlsMember, TsMlsOracle
from web.lawless_door import Encoded

SUITE: Final = 1
TREE: Final = mls.ExtensionType.RATCHET_TREE


def process(honest: TsMlsMember, message: bytes) -> None:
    honest._ask("process", message=b64encode(message).decode())


# ---- Welcomes
def newcomer(oracle: TsMlsOracle) -> tuple[TsMlsMember, mls.KeyPackage]:
    member = oracle.member(SUITE, b"newcomer")
    package = parse_message(member.key_package())
    assert isinstance(package, mls.KeyPackage)
    return member, package


def world_for(package: mls.KeyPackage) -> World:
    """Of four, the second of whom goes when the newcomer comes; the first has just renewed its path."""
    hostile = OwnMember(SUITE, b"hostile")
    hostile._private, hostile._tree_in_welcome = True, False
    hostile.create(b"hostile members")
    hostile.commit(add=[OwnMember(SUITE, name).key_package() for name in (b"second", b"third", b"fourth")])
    hostile.merge()
    proposals: list[mls.Proposal] = [mls.Remove(mls.LeafIndex(1)), mls.Add(package)]
    return world_after(forge_commit(hostile._state, proposals=proposals))


def with_root(world: World, *, blank: tuple[int, ...]) -> World:
    """The first member's leaf chains to the lowest node above that is not blank, and this to no other."""
    placed = world.tree.with_nodes(dict.fromkeys(blank))
    above = next(index for index in (1, 3) if index not in blank)
    node = placed.parent_node(above)
    assert node is not None
    tree = placed.with_nodes({above: replace(node, parent_hash=b"")})
    own = tree.leaf(0)
    assert own is not None
    other = NodeIndex(2 if above == 1 else 5)
    leaf = replace(own, parent_hash=tree.parent_hash(above, other))
    signed = resign_leaf(leaf, world.inviter, group_id=world.context.group_id, index=0)
    return world.with_tree(tree.with_nodes({0: signed}))


Welcoming = Callable[[World, mls.KeyPackage], tuple[bytes, bytes]]


def welcoming(world: World, package: mls.KeyPackage, **how: object) -> tuple[bytes, bytes]:
    info = forge_info(world, extensions=())
    return forge_welcome(world, package, **{"info": info, **how}), world.tree.encode()  # type: ignore[arg-type] # its own


def longer_secrets(world: World, package: mls.KeyPackage) -> tuple[bytes, bytes]:
    return welcoming(world, package, alter_secrets=lambda one: Encoded(one.encode() + b"\0"))


def longer_info(world: World, package: mls.KeyPackage) -> tuple[bytes, bytes]:
    return welcoming(world, package, alter_info_bytes=lambda data: data + b"\0")


def stranger_below(world: World, package: mls.KeyPackage) -> tuple[bytes, bytes]:
    return welcoming(with_root(world, blank=(1,)), package, with_path_secret=False)


def blank_above(world: World, package: mls.KeyPackage) -> tuple[bytes, bytes]:
    return welcoming(with_root(world, blank=(3,)), package)


def another_tree_inside(world: World, package: mls.KeyPackage) -> tuple[bytes, bytes]:
    """The tree beside the Welcome, which the caller has checked, is not the group's."""
    inside = forge_info(world, extensions=[mls.Extension(TREE, world.tree.encode())])
    checked = world.tree.with_removed(mls.LeafIndex(3)).encode()
    return welcoming(world, package, info=inside)[0], checked


WELCOMES: Final[dict[str, tuple[Welcoming, str]]] = {
    "longer secrets": (longer_secrets, "Could not decode group secrets"),
    "longer info": (longer_info, "Could not decode group info"),
    "a stranger below": (stranger_below, "parent hash"),
    "a blank node above": (blank_above, "a path with a blank node"),
    "another tree inside": (another_tree_inside, "tree hash|not find own leaf|signature"),
}


@pytest.mark.parametrize("welcome", WELCOMES)
def test_published_ts_mls_joins_by(ts_mls_as_published: TsMlsOracle, welcome: str) -> None:
    member, package = newcomer(ts_mls_as_published)
    member.join(*WELCOMES[welcome][0](world_for(package), package))


@pytest.mark.parametrize("welcome", WELCOMES)
def test_repaired_ts_mls_does_not_join_by(ts_mls: TsMlsOracle, welcome: str) -> None:
    member, package = newcomer(ts_mls)
    make, why = WELCOMES[welcome]
    with pytest.raises(Refused, match=why):
        member.join(*make(world_for(package), package))


# ---- commits
def longer_path_secret(hostile: OwnMember) -> bytes:
    turns = count()
    state = hostile._state
    return mls.create_commit(
        state, force_path=True, random=lambda size: urandom(size + (next(turns) == 0))
    ).message


def test_published_ts_mls_leaves_the_size_of_secrets_to_its_kdf(ts_mls_as_published: TsMlsOracle) -> None:
    """Which refuses here, and takes it where the web client's stands."""
    hostile, honest = hostile_room(ts_mls_as_published)
    with pytest.raises(Refused, match="DataError"):
        process(honest, longer_path_secret(hostile))


def test_repaired_ts_mls_does_not(ts_mls: TsMlsOracle) -> None:
    hostile, honest = hostile_room(ts_mls)
    with pytest.raises(Refused, match="another size"):
        process(honest, longer_path_secret(hostile))


def removing(hostile: OwnMember, **wrong: object) -> ForgedCommit:
    """The honest member's leaf is given away."""
    stranger = parse_message(OwnMember(SUITE, b"fifth").key_package())
    assert isinstance(stranger, mls.KeyPackage)
    proposals = [mls.Remove(mls.LeafIndex(1)), mls.Add(stranger)]
    return forge_commit(hostile._state, proposals=proposals, **wrong)  # type: ignore[arg-type] # its own options


def test_published_ts_mls_cannot_leave_a_leaf_that_is_given_away(ts_mls_as_published: TsMlsOracle) -> None:
    hostile, honest = hostile_room(ts_mls_as_published)
    with pytest.raises(Refused, match="No overlap"):
        process(honest, removing(hostile).message)


def test_repaired_ts_mls_leaves_it(ts_mls: TsMlsOracle) -> None:
    hostile, honest = hostile_room(ts_mls)
    process(honest, removing(hostile).message)
    with pytest.raises(Refused, match="after being removed"):
        honest.encrypt(b"still here?")


def wrong_path_for_the_removed(hostile: OwnMember) -> bytes:
    """A path that lacks a node, in a commit that removes the honest member."""
    shorter = PathForgery(alter_path=lambda path: replace(path, nodes=path.nodes[:-1]))
    return forge_commit(hostile._state, proposals=[mls.Remove(mls.LeafIndex(1))], path=shorter).message


def test_published_ts_mls_is_removed_by_whatever_path(ts_mls_as_published: TsMlsOracle) -> None:
    hostile, honest = hostile_room(ts_mls_as_published)
    process(honest, wrong_path_for_the_removed(hostile))


def test_repaired_ts_mls_is_removed_by_a_path_alone(ts_mls: TsMlsOracle) -> None:
    hostile, honest = hostile_room(ts_mls)
    with pytest.raises(Refused, match="length of UpdatePath"):
        process(honest, wrong_path_for_the_removed(hostile))


def taking_up_a_key(hostile: OwnMember) -> ForgedCommit:
    """A newcomer has the encryption key that the committer replaces in the same commit."""
    own = hostile._state.tree.leaf(0)
    assert own is not None
    fifth = mls.Identity.generate(SUITE, mls.BasicCredential(b"fifth"))
    package = forge_key_package(fifth, encryption=(b"", own.encryption_key)).key_package
    return forge_commit(hostile._state, proposals=[mls.Add(package)], with_path=True)


def test_published_ts_mls_refuses_a_key_that_was_replaced(ts_mls_as_published: TsMlsOracle) -> None:
    hostile, honest = hostile_room(ts_mls_as_published)
    with pytest.raises(Refused, match="keys not unique"):
        process(honest, taking_up_a_key(hostile).message)


def test_repaired_ts_mls_takes_it(ts_mls: TsMlsOracle) -> None:
    hostile, honest = hostile_room(ts_mls)
    forged = taking_up_a_key(hostile)
    process(honest, forged.message)
    assert honest.authenticator() == forged.next_state.epoch_authenticator


def two_wrong_packages(hostile: OwnMember) -> bytes:
    names = (b"fifth", b"sixth")
    people = [mls.Identity.generate(SUITE, mls.BasicCredential(name)) for name in names]
    signer = hostile._keys
    packages = [forge_key_package(one, leaf_signer=signer).key_package for one in people]
    return forge_commit(hostile._state, proposals=[mls.Add(one) for one in packages]).message


def test_published_ts_mls_leaves_a_rejection_unhandled(ts_mls_as_published: TsMlsOracle) -> None:
    """Node ends then; in a browser it is an error of nobody's."""
    hostile, honest = hostile_room(ts_mls_as_published)
    with pytest.raises(OracleFailed):
        process(honest, two_wrong_packages(hostile))


def test_repaired_ts_mls_refuses_both(ts_mls: TsMlsOracle) -> None:
    hostile, honest = hostile_room(ts_mls)
    with pytest.raises(Refused, match="leaf node signature"):
        process(honest, two_wrong_packages(hostile))
