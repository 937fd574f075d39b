"""The Merkle tree of RFC 6962: known answers, and a frontier that always has the tree's root."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backchannel_protocol.record.merkle import EMPTY_ROOT, Frontier, leaf_hash, node_hash, tree_root

# the leaves and roots of certificate-transparency's own tests (merkle_tree_test.cc)
LEAVES = [
    bytes.fromhex(leaf)
    for leaf in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = (
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
)


@pytest.mark.parametrize("size", range(9))
def test_known_roots(size: int) -> None:
    assert tree_root(LEAVES[:size]).hex() == ROOTS[size]
    assert Frontier().extend(LEAVES[:size]).root().hex() == ROOTS[size]


def test_a_frontier_has_the_root_of_the_tree_at_every_size() -> None:
    entries = [b"entry %d" % number for number in range(200)]
    frontier = Frontier()
    for size in range(201):
        assert frontier.size == size
        assert frontier.root() == tree_root(entries[:size])
        assert len(frontier.hashes) == size.bit_count()
        assert Frontier.decode(size, frontier.encode()) == frontier
        if size < 200:
            frontier = frontier.append(entries[size])


@given(st.lists(st.binary(max_size=5), max_size=40), st.integers(0, 40))
def test_a_stored_frontier_grows_like_the_one_that_was_stored(entries: list[bytes], cut: int) -> None:
    stored = Frontier().extend(entries[:cut])
    loaded = Frontier.decode(stored.size, stored.encode())
    assert loaded.extend(entries[cut:]).root() == tree_root(entries)


def test_appending_leaves_the_old_frontier_as_it_was() -> None:
    frontier = Frontier().extend(LEAVES[:3])
    frontier.append(b"x")
    assert frontier.root().hex() == ROOTS[3]


def test_leaves_and_nodes_cannot_be_taken_for_each_other() -> None:
    left, right = leaf_hash(b"a"), leaf_hash(b"b")
    assert leaf_hash(left + right) != node_hash(left, right)
    assert tree_root([b"a", b"b"]) != tree_root([b"b", b"a"])


def test_the_empty_tree() -> None:
    assert Frontier().root() == tree_root([]) == EMPTY_ROOT


@pytest.mark.parametrize(("size", "length"), [(0, 32), (1, 0), (3, 32), (3, 96), (1, 31), (1, 33), (-1, 32)])
def test_a_frontier_that_does_not_fit_its_size_is_refused(size: int, length: int) -> None:
    with pytest.raises(ValueError, match="does not fit"):
        Frontier.decode(size, bytes(length))
