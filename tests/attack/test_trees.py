"""Ratchet trees that no honest group could have (sections 7.9.2, 12.4.3.1 and 12.4.3.3).

Who invites may tell what it likes, as long as it fits together: in each world here, all but one
thing does.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cache

import pytest

from attack.cast import MEMBERS, NOW_S, Room, build_room, bundle, client, refused, usual_room
from attack.forge import PathForgery
from attack.forge_welcome import World, forge_info, forge_welcome, update_leaf, world_of
from backchannel_mls import (
    Extension,
    ExtensionType,
    KeyPackageBundle,
    LeafNodeSource,
    Rule,
    create_commit,
    encode_message,
    join_by_external_commit,
    join_group,
)
from backchannel_mls.codec import u8, u32, vector
from backchannel_mls.limits import MAX_LIST_ITEMS, MAX_TREE_ITEMS, MAX_TREE_LEAVES
from backchannel_mls.tree.ratchet_tree import Node, ParentNode, RatchetTree, encode_node
from backchannel_mls.types import LeafIndex


@cache
def guest() -> KeyPackageBundle:
    """Whom Mallory invites."""
    return bundle("guest")


@cache
def wide_room() -> Room:
    """Seven members, so that the guest comes to the last of eight leaves; all have committed."""
    return build_room([*MEMBERS, "eve", "frank", "grace"])


def invited(room: Room, path: PathForgery | None = None) -> World:
    """The world into which Mallory invites the guest, with a commit of her own."""
    return world_of(room["mallory"], guest(), path or PathForgery())


def refused_on_joining(rule: Rule, world: World, *, tree: bytes | None = None) -> None:
    """By Welcome, with the tree in it or beside it, and by external commit."""
    encoded = world.tree.encode() if tree is None else tree
    inside = [Extension(ExtensionType.RATCHET_TREE, encoded)]
    welcome = forge_welcome(
        world, guest().key_package, info=forge_info(world, extensions=inside), with_path_secret=False
    )
    beside = forge_welcome(
        world, guest().key_package, info=forge_info(world, extensions=[]), with_path_secret=False
    )
    pub = Extension(ExtensionType.EXTERNAL_PUB, vector(guest().key_package.init_key))
    info = encode_message(forge_info(world, extensions=[*inside, pub]))
    with refused(rule):
        join_group(guest(), welcome)
    with refused(rule):
        join_group(guest(), beside, ratchet_tree=encoded)
    with refused(rule):
        join_by_external_commit(client("dave"), info)


def array(*nodes: bytes) -> bytes:
    """An encoded ratchet_tree of encoded nodes."""
    return vector(b"".join(nodes))


# ---- shape
@pytest.mark.rule("TREE_MALFORMED")
@pytest.mark.parametrize("fault", ["empty", "blank end", "leaf above", "parent below", "all blank"])
def test_a_tree_of_an_impossible_shape_is_refused(fault: str) -> None:
    world = invited(usual_room())
    nodes = [encode_node(node) for node in world.tree.nodes]
    while nodes[-1] == b"\0":
        nodes.pop()
    encoded = {
        "empty": array(),
        "blank end": array(*nodes, b"\0"),
        "leaf above": array(nodes[0], nodes[2], *nodes[2:]),
        "parent below": array(nodes[1], *nodes[1:]),
        "all blank": array(*[b"\0"] * 9),
    }[fault]
    refused_on_joining(Rule.TREE_MALFORMED, world, tree=encoded)


@pytest.mark.rule("TRAILING_BYTES")
@pytest.mark.rule("OPTIONAL_INVALID")
@pytest.mark.rule("VALUE_UNKNOWN")
@pytest.mark.rule("TRUNCATED")
@pytest.mark.rule("VECTOR_UNEVEN")
def test_a_tree_that_is_malformed_is_refused() -> None:
    world = invited(usual_room())
    nodes = [encode_node(node) for node in world.tree.nodes[:9]]
    uneven = b"\1\2" + vector(bytes(32)) + vector(b"") + vector(bytes(5))
    for encoded, rule in (
        (array(*nodes) + b"\0", Rule.TRAILING_BYTES),
        (array(*nodes)[:-1], Rule.TRUNCATED),
        (array(*nodes[:-1], b"\2" + nodes[-1][1:]), Rule.OPTIONAL_INVALID),
        (array(*nodes[:-1], b"\1\3" + nodes[-1][2:]), Rule.VALUE_UNKNOWN),
        (array(nodes[0], uneven, *nodes[2:]), Rule.VECTOR_UNEVEN),
        (array(*nodes[:-1], nodes[-1][:-1]), Rule.TRUNCATED),
    ):
        refused_on_joining(rule, world, tree=encoded)


@pytest.mark.rule("TOO_LARGE")
@pytest.mark.parametrize("extra", [0, 1, 9])
def test_a_tree_with_more_leaves_than_are_accepted_is_refused(extra: int) -> None:
    """The array of MAX_TREE_LEAVES leaves has 2 * MAX_TREE_LEAVES - 1 nodes."""
    world = invited(usual_room())
    leaf = encode_node(world.tree.leaf(0))
    blanks = [b"\0"] * (2 * MAX_TREE_LEAVES + 2 * extra)
    refused_on_joining(Rule.TOO_LARGE, world, tree=array(*blanks, leaf))


@pytest.mark.rule("TOO_LARGE")
def test_a_tree_of_few_nodes_with_too_many_items_in_their_lists_is_refused() -> None:
    """Megabytes of lists that could not be: they are not all read before it is found out."""
    listed = vector(b"".join(map(u32, range(MAX_LIST_ITEMS))))
    node = b"\1" + u8(2) + vector(b"") + vector(b"") + listed
    nodes = [node] * (MAX_TREE_ITEMS // MAX_LIST_ITEMS + 1)
    refused_on_joining(Rule.TOO_LARGE, invited(usual_room()), tree=array(*nodes))


# ---- the tree hash
@pytest.mark.rule("TREE_HASH_MISMATCH")
@pytest.mark.parametrize("fault", ["a leaf less", "a parent less", "another epoch's", "a stranger more"])
def test_a_tree_that_is_not_the_one_that_was_signed_is_refused(fault: str) -> None:
    """The server holds the tree: it can exchange it, but not what the GroupInfo says of it."""
    world = invited(usual_room())
    tree = world.tree
    stranger = update_leaf(world, client("stranger"), 5)
    trees = {
        "a leaf less": tree.with_nodes({2: None}),
        "a parent less": tree.with_nodes({1: None}),
        "another epoch's": usual_room()["alice"].tree,
        "a stranger more": tree.with_nodes({10: stranger}),
    }
    refused_on_joining(Rule.TREE_HASH_MISMATCH, world, tree=trees[fault].encode())


# ---- parent hashes
@pytest.mark.rule("PARENT_HASH_INVALID")
@pytest.mark.parametrize("node", [9, 11, 13])
def test_a_parent_node_that_no_member_put_there_is_refused(node: int) -> None:
    """A node whose key Mallory holds, over leaves that are not hers: she would read for ever."""
    world = invited(usual_room())
    _, key = world.tree.suite.derive_key_pair(b"Mallory's own")
    ghost = world.with_tree(world.tree.with_nodes({node: ParentNode(key, b"")}))
    refused_on_joining(Rule.PARENT_HASH_INVALID, ghost)


@pytest.mark.rule("PARENT_HASH_INVALID")
@pytest.mark.parametrize("node", [1, 3, 5, 7])
def test_a_parent_node_with_another_key_is_refused(node: int) -> None:
    world = invited(usual_room())
    _, key = world.tree.suite.derive_key_pair(b"Mallory's own")
    old = world.tree.parent_node(node)
    assert old is not None
    changed = world.with_tree(world.tree.with_nodes({node: replace(old, encryption_key=key)}))
    refused_on_joining(Rule.PARENT_HASH_INVALID, changed)


@pytest.mark.rule("PARENT_HASH_INVALID")
@pytest.mark.parametrize("parent_hash", [b"", bytes(32)], ids=["missing", "wrong"])
def test_a_leaf_that_does_not_chain_to_the_node_above_is_refused(parent_hash: bytes) -> None:
    refused_on_joining(Rule.PARENT_HASH_INVALID, invited(usual_room(), PathForgery(parent_hash=parent_hash)))


@pytest.mark.rule("PARENT_HASH_INVALID")
def test_a_member_exchanged_below_a_node_is_refused() -> None:
    """Bob's seat is given to a client of Mallory's, under nodes whose keys bob has."""
    world = invited(usual_room())
    swapped = world.with_tree(world.tree.with_nodes({2: update_leaf(world, client("bob"), 1)}))
    refused_on_joining(Rule.PARENT_HASH_INVALID, swapped)


@pytest.mark.rule("PARENT_HASH_INVALID")
def test_a_node_that_is_silent_about_an_unmerged_leaf_below_is_refused() -> None:
    """Two nodes say that carol was added after Mallory's path, the root says that she has its key."""
    path = PathForgery(unmerged={3: [2], 5: [2]})
    refused_on_joining(Rule.PARENT_HASH_INVALID, invited(usual_room(), path))
    # where the root says so too, it is a tree that could be
    world = invited(usual_room(), PathForgery(unmerged={3: [2], 5: [2], 7: [2]}))
    join_group(guest(), forge_welcome(world, guest().key_package))


# ---- unmerged leaves
@pytest.mark.rule("UNMERGED_LEAF_INVALID")
@pytest.mark.parametrize(
    ("node", "unmerged"),
    [(7, [5]), (3, [4]), (5, [0]), (7, [2**31]), (7, [2**32 - 1]), (5, [2**32 - 1]), (5, [7])],
    ids=["blank", "not below", "not below it", "nowhere", "last number", "nowhere, lower", "blank, lower"],
)
def test_an_unmerged_leaf_that_is_blank_or_elsewhere_is_refused(node: int, unmerged: Sequence[int]) -> None:
    refused_on_joining(
        Rule.UNMERGED_LEAF_INVALID, invited(usual_room(), PathForgery(unmerged={node: unmerged}))
    )


@pytest.mark.rule("UNMERGED_LEAF_INVALID")
@pytest.mark.parametrize("unmerged", [(1, 0), (1, 1)], ids=["descending", "twice"])
def test_unmerged_leaves_out_of_order_are_refused(unmerged: tuple[int, ...]) -> None:
    world = invited(usual_room())
    root = world.tree.parent_node(7)
    assert root is not None
    listed = b"".join(map(u32, unmerged))
    node = b"\1" + u8(2) + vector(root.encryption_key) + vector(root.parent_hash) + vector(listed)
    nodes = [encode_node(one) for one in world.tree.nodes[:9]]
    refused_on_joining(Rule.UNMERGED_LEAF_INVALID, world, tree=array(*nodes[:7], node, nodes[8]))


@pytest.mark.rule("UNMERGED_LEAF_UNCHAINED")
@pytest.mark.parametrize("leaf", [4, 5, 6])
def test_an_unmerged_leaf_that_a_node_between_does_not_list_is_refused(leaf: int) -> None:
    """The root says that a member was not sent its key, the node below it that this member was.

    Everything else is right: Mallory's path is hashed as if the member had been added after it.
    """
    world = invited(wide_room(), PathForgery(unmerged={7: [leaf]}))
    assert isinstance(world.tree.nodes[9 if leaf < 6 else 11], ParentNode)
    refused_on_joining(Rule.UNMERGED_LEAF_UNCHAINED, world)


# ---- keys
@pytest.mark.rule("TREE_KEY_DUPLICATE")
@pytest.mark.parametrize("position", [0, 1, 2])
@pytest.mark.parametrize("node", [0, 1, 2, 4])
def test_a_parent_node_with_the_key_of_another_node_is_refused(node: int, position: int) -> None:
    world = invited(usual_room())
    key = world.tree.encryption_key(node)
    refused_on_joining(Rule.TREE_KEY_DUPLICATE, invited(usual_room(), PathForgery(node_keys={position: key})))


@pytest.mark.rule("KEY_MALFORMED")
@pytest.mark.parametrize("key", [b"", bytes(31), bytes(32)], ids=["empty", "short", "zero"])
def test_a_parent_node_with_a_key_that_is_none_is_refused(key: bytes) -> None:
    """Who joined would find out at the first commit, and could not say whose fault it is."""
    refused_on_joining(Rule.KEY_MALFORMED, invited(usual_room(), PathForgery(node_keys={1: key})))


# ---- ghosts
@pytest.mark.rule("TREE_HASH_MISMATCH")
def test_a_server_cannot_put_a_ghost_into_an_honest_welcome() -> None:
    """It does not know the joiner's secrets: all it can exchange is the tree beside the Welcome."""
    alice, ghost = usual_room()["alice"], client("ghost")
    pending = create_commit(alice, add=[guest().key_package], now_s=NOW_S, tree_in_welcome=False)
    assert pending.welcome is not None
    tree = RatchetTree.parse(alice.suite, pending.ratchet_tree)
    _, key = alice.suite.derive_key_pair(b"the ghost's own")
    place = LeafIndex(5)
    leaf = ghost.sign_leaf(key, LeafNodeSource.UPDATE, group_id=alice.group_id, index=place)
    with_ghost = tree.with_updated(place, leaf)
    with refused(Rule.TREE_HASH_MISMATCH):
        join_group(guest(), pending.welcome, ratchet_tree=with_ghost.encode())
    join_group(guest(), pending.welcome, ratchet_tree=pending.ratchet_tree)


def test_the_worlds_of_this_file_are_right_without_their_faults() -> None:
    """The control: unaltered, each of them lets the guest join."""
    makers: list[Callable[[], Room]] = [usual_room, wide_room]
    for room in makers:
        world = invited(room())
        assert join_group(guest(), forge_welcome(world, guest().key_package)).members()
        nodes: list[Node] = world.tree.nodes
        assert nodes[2 * LeafIndex(3)] is not None
