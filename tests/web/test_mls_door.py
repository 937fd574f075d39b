"""What Welcomes and KeyPackages may not be, one by one: both clients refuse it, or both take it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, Final

import pytest

import backchannel_mls as mls
from attack.forge import forge_commit, forge_key_package, resign_leaf
from attack.forge_welcome import World, forge_info, forge_welcome, update_leaf, with_leaf, world_after
from backchannel_mls import LeafIndex, Lifetime
from backchannel_mls.codec import Reader, vector
from backchannel_mls.limits import MAX_LIST_ITEMS, MAX_TREE_LEAVES
from backchannel_mls.tree.ratchet_tree import ParentNode
from backchannel_mls.wire.psk import ExternalPskId
from web.company import (
    ANN,
    BEN,
    MALLORY,
    RARE,
    TWIN,
    YEAR_S,
    Company,
    company_of,
    listing,
    stranger,
)
from web.driver import MemberProcess
from web.lawless_door import Encoded
from web.twins import NOW_S


@pytest.fixture(scope="module")
def node() -> Iterator[MemberProcess]:
    with MemberProcess() as process:
        yield process


_COMPANIES: dict[int, Company] = {}


@pytest.fixture(params=[1, 83])
def company(node: MemberProcess, request: pytest.FixtureRequest) -> Company:
    """One for each suite: nobody takes anything for good."""
    suite: int = request.param
    if suite not in _COMPANIES:
        _COMPANIES[suite] = company_of(node, suite)
    return _COMPANIES[suite]


# ---- Welcomes
@dataclass(frozen=True)
class Offer:
    """A Welcome for the twins at the door, and the tree beside it."""

    company: Company
    world: World

    def welcome(self, info: dict[str, Any] | None = None, **how: Any) -> tuple[bytes, bytes]:
        forged = forge_info(self.world, **{"extensions": (), **(info or {})})
        welcome = forge_welcome(self.world, self.company.outside.bundle.key_package, info=forged, **how)
        return welcome, self.world.tree.encode()

    def into(self, world: World, **how: Any) -> tuple[bytes, bytes]:
        return replace(self, world=world).welcome(**how)


def inside_out(offer: Offer, *nodes: tuple[int, Any]) -> World:
    """With other nodes, and the hash that they give."""
    return offer.world.with_tree(offer.world.tree.with_nodes(dict(nodes)))


def parent_of(offer: Offer, index: int) -> ParentNode:
    found = offer.world.tree.parent_node(index)
    assert found is not None
    return found


def with_unmerged(offer: Offer, *leaves: int) -> World:
    """The root lists these."""
    root = offer.world.tree.root
    return inside_out(
        offer, (root, replace(parent_of(offer, root), unmerged_leaves=tuple(map(LeafIndex, leaves))))
    )


def with_a_stranger(offer: Offer) -> World:
    """Mallory's leaf chains over a blank node to the one above, of which Ann's below it was never part."""
    tree = offer.world.tree.with_nodes({1: None})
    leaf = replace(leaf_in(tree, MALLORY), parent_hash=tree.parent_hash(3, 5))
    signed = resign_leaf(leaf, offer.world.inviter, group_id=offer.world.context.group_id, index=MALLORY)
    return offer.world.with_tree(tree.with_nodes({2 * MALLORY: signed}))


def with_a_blank_root(offer: Offer) -> World:
    """The guest beside Mallory, below a node that is whole; the one above is blank, with others below it."""
    add = mls.Add(offer.company.outside.bundle.key_package)
    world = world_after(forge_commit(offer.company.state, proposals=[mls.Remove(ANN), add]))
    below = world.tree.parent_node(1)
    assert below is not None
    tree = world.tree.with_nodes({3: None, 1: replace(below, parent_hash=b"")})
    leaf = replace(leaf_in(tree, MALLORY), parent_hash=tree.parent_hash(1, 2))
    signed = resign_leaf(leaf, world.inviter, group_id=world.context.group_id, index=MALLORY)
    return world.with_tree(tree.with_nodes({0: signed}))


def leaf_in(tree: Any, leaf: int) -> mls.LeafNode:
    found = tree.leaf(leaf)
    assert isinstance(found, mls.LeafNode)
    return found


def with_a_long_life(offer: Offer) -> World:
    long = forge_key_package(stranger(offer.company.suite), lifetime=Lifetime(0, YEAR_S + 1))
    return with_leaf(offer.world, ANN, long.key_package.leaf_node)


def with_capabilities(offer: Offer, items: int) -> World:
    listed = listing(offer.company.suite, items)
    leaf = update_leaf(
        offer.world, stranger(offer.company.suite), ANN, lambda leaf: replace(leaf, capabilities=listed)
    )
    return with_leaf(offer.world, ANN, leaf)


def with_tail(data: bytes) -> bytes:
    return data + b"\0"


Made = Callable[[Offer], tuple[bytes, bytes]]
TREE: Final = mls.ExtensionType.RATCHET_TREE

WRONG_WELCOMES: Final[dict[str, tuple[str, Made]]] = {
    "something behind the Welcome": ("trailing-bytes", lambda o: (with_tail(o.welcome()[0]), o.welcome()[1])),
    "something behind the GroupSecrets": (
        "trailing-bytes",
        lambda o: o.welcome(alter_secrets=lambda one: Encoded(with_tail(one.encode()))),
    ),
    "something behind the GroupInfo": ("trailing-bytes", lambda o: o.welcome(alter_info_bytes=with_tail)),
    "something behind the tree": ("trailing-bytes", lambda o: (o.welcome()[0], with_tail(o.welcome()[1]))),
    "nothing in place of the tree": ("truncated", lambda o: (o.welcome()[0], b"")),
    "an empty tree": ("tree-malformed", lambda o: (o.welcome()[0], b"\0")),
    "a blank node at the tree's end": (
        "tree-malformed",
        lambda o: (o.welcome()[0], vector(nodes_of(o) + b"\0")),
    ),
    "a pre-shared key": (
        "psk-unknown",
        lambda o: o.welcome(alter_secrets=lambda one: replace(one, psks=(ExternalPskId(b"psk", bytes(32)),))),
    ),
    "another suite": ("welcome-suite-wrong", lambda o: o.welcome(suite_id=84 - o.company.suite)),
    "a suite that nobody knows": ("welcome-suite-wrong", lambda o: o.welcome(suite_id=RARE)),
    "the GroupInfo of another suite": (
        "group-info-suite-wrong",
        lambda o: o.into(o.world.with_context(cipher_suite=84 - o.company.suite)),
    ),
    "an extension of the GroupInfo twice": (
        "extension-duplicate",
        lambda o: o.welcome({"extensions": [mls.Extension(RARE, b"x"), mls.Extension(RARE, b"y")]}),
    ),
    "a group with an extension": (
        "extensions-unfit",
        lambda o: o.into(o.world.with_context(extensions=(mls.Extension(1, b""),))),
    ),
    "a group with an extension twice": (
        "extension-duplicate",
        lambda o: o.into(o.world.with_context(extensions=(mls.Extension(1, b""),) * 2)),
    ),
    "a signer who is not there": (
        "group-info-signer-blank",
        lambda o: o.welcome({"alter": lambda one: replace(one, signer=LeafIndex(7))}),
    ),
    "a signer far away": (
        "group-info-signer-blank",
        lambda o: o.welcome({"alter": lambda one: replace(one, signer=LeafIndex(2**31))}),
    ),
    "unmerged leaves out of order": ("unmerged-leaf-invalid", lambda o: o.into(with_unmerged(o, BEN, TWIN))),
    "an unmerged leaf twice": ("unmerged-leaf-invalid", lambda o: o.into(with_unmerged(o, BEN, BEN))),
    "an unmerged leaf that is blank": ("unmerged-leaf-invalid", lambda o: o.into(with_unmerged(o, 6))),
    "an unmerged leaf beyond the tree": ("unmerged-leaf-invalid", lambda o: o.into(with_unmerged(o, 9))),
    "an unmerged leaf far away": ("unmerged-leaf-invalid", lambda o: o.into(with_unmerged(o, 2**31 - 1))),
    "a chain past a stranger": (
        "parent-hash-invalid",
        lambda o: o.into(with_a_stranger(o), with_path_secret=False),
    ),
    "a leaf that lives too long": (
        "leaf-lifetime-too-long",
        lambda o: o.into(with_a_long_life(o), with_path_secret=False),
    ),
    "another path secret": (
        "path-key-mismatch",
        lambda o: o.welcome(path_secret=bytes(o.world.tree.suite.hash_size)),
    ),
    "the secret of a path with a blank node": ("path-key-mismatch", lambda o: o.into(with_a_blank_root(o))),
}

TAKEN_WELCOMES: Final[dict[str, Made]] = {
    "nothing wrong": lambda o: o.welcome(),
    "a blank root, and no path secret": lambda o: o.into(with_a_blank_root(o), with_path_secret=False),
    "no path secret": lambda o: o.welcome(with_path_secret=False),
    "an extension of the GroupInfo that nobody knows": lambda o: o.welcome(
        {"extensions": [mls.Extension(RARE, b"x")]}
    ),
    "the tree inside too": lambda o: o.welcome({"extensions": [mls.Extension(TREE, o.world.tree.encode())]}),
    "no tree where a tree may be": lambda o: o.welcome({"extensions": [mls.Extension(TREE, b"no tree")]}),
    "another tree inside": lambda o: o.welcome(
        {"extensions": [mls.Extension(TREE, o.company.state.tree.encode())]}
    ),
}
"""What counts is the tree beside the Welcome."""


def nodes_of(offer: Offer) -> bytes:
    return Reader(offer.world.tree.encode()).vector()


@pytest.fixture
def offer(company: Company) -> Offer:
    add = mls.Add(company.outside.bundle.key_package)
    return Offer(company, world_after(forge_commit(company.state, proposals=[add], with_path=True)))


@pytest.mark.parametrize("wrong", WRONG_WELCOMES)
def test_a_welcome_that_both_refuse(offer: Offer, wrong: str) -> None:
    code, make = WRONG_WELCOMES[wrong]
    ((python, web),) = offer.company.outside.judge_welcomes([make(offer)])
    assert code in python.why
    assert python.taken is None
    assert web.taken is None


@pytest.mark.parametrize("fit", TAKEN_WELCOMES)
def test_a_welcome_that_both_take(offer: Offer, fit: str) -> None:
    ((python, web),) = offer.company.outside.judge_welcomes([TAKEN_WELCOMES[fit](offer)])
    assert python.taken is not None, python.why
    assert web.taken == python.taken, web.why


def test_trees_as_large_as_may_be(offer: Offer) -> None:
    """Of a tree beyond the bounds nobody computes anything; its nodes are no items of lists."""
    welcome, _ = offer.welcome()
    tree = vector(bytes(2 * MAX_TREE_LEAVES - 1) + nodes_of(offer))
    ((python, web),) = offer.company.outside.judge_welcomes([(welcome, tree)])
    assert "too-large" in python.why
    assert web.taken is None
    for items in (MAX_LIST_ITEMS + 1, 3 * MAX_LIST_ITEMS):
        wide = offer.into(with_capabilities(offer, items), with_path_secret=False)
        ((python, web),) = offer.company.outside.judge_welcomes([wide])
        assert python.taken is not None, python.why
        assert web.taken == python.taken, web.why


# ---- KeyPackages
WRONG_PACKAGES: Final[dict[str, tuple[str, Callable[[Company], bytes]]]] = {
    "something behind it": ("trailing-bytes", lambda c: with_tail(c.bundle().message)),
    "somebody else's signature": (
        "key-package-signature-invalid",
        lambda c: c.bundle(signer=stranger(c.suite)).message,
    ),
    "somebody else's leaf": (
        "leaf-signature-invalid",
        lambda c: c.bundle(leaf_signer=stranger(c.suite)).message,
    ),
    "an extension twice": (
        "extension-duplicate",
        lambda c: (
            c.bundle(
                alter_package=lambda one: replace(one, extensions=(mls.Extension(RARE, b""),) * 2)
            ).message
        ),
    ),
    "a leaf with an extension that it does not list": (
        "leaf-extension-unlisted",
        lambda c: (
            c.bundle(alter_leaf=lambda leaf: replace(leaf, extensions=(mls.Extension(RARE, b""),))).message
        ),
    ),
    "one key for two uses": (
        "init-key-reused",
        lambda c: (
            c.bundle(alter_package=lambda one: replace(one, init_key=one.leaf_node.encryption_key)).message
        ),
    ),
    "a life that is over": (
        "leaf-lifetime-too-long",
        lambda c: c.bundle(lifetime=Lifetime(0, NOW_S - 1)).message,
    ),
    "a life that is too long": (
        "leaf-lifetime-too-long",
        lambda c: c.bundle(lifetime=Lifetime(NOW_S, NOW_S + YEAR_S + 1)).message,
    ),
    "more items in lists than may be": (
        "too-large",
        lambda c: (
            c.bundle(
                alter_leaf=lambda leaf: replace(leaf, capabilities=listing(c.suite, MAX_LIST_ITEMS + 1))
            ).message
        ),
    ),
}

TAKEN_PACKAGES: Final[dict[str, Callable[[Company], bytes]]] = {
    "nothing wrong": lambda c: c.bundle().message,
    "a life of a year": lambda c: c.bundle(lifetime=Lifetime(NOW_S, NOW_S + YEAR_S)).message,
    "an extension": lambda c: (
        c.bundle(alter_package=lambda one: replace(one, extensions=(mls.Extension(RARE, b""),))).message
    ),
    "a leaf with an extension": lambda c: (
        c.bundle(alter_leaf=lambda leaf: replace(leaf, extensions=(mls.Extension(1, b""),))).message
    ),
    "as many items in lists as may be": lambda c: (
        c.bundle(alter_leaf=lambda leaf: replace(leaf, capabilities=listing(c.suite, MAX_LIST_ITEMS))).message
    ),
}


@pytest.mark.parametrize("wrong", WRONG_PACKAGES)
def test_a_key_package_that_both_refuse(company: Company, wrong: str) -> None:
    code, make = WRONG_PACKAGES[wrong]
    ((python, web),) = company.outside.judge_packages([make(company)])
    assert code in python.why
    assert python.taken is None
    assert web.taken is None


@pytest.mark.parametrize("fit", TAKEN_PACKAGES)
def test_a_key_package_that_both_take(company: Company, fit: str) -> None:
    ((python, web),) = company.outside.judge_packages([TAKEN_PACKAGES[fit](company)])
    assert python.taken is not None, python.why
    assert web.taken == python.taken, web.why
