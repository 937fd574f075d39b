"""Index arithmetic of the tree (RFC 9420 appendix C), for all trees of up to 256 leaves."""

from __future__ import annotations

import pytest

from backchannel_mls.tree import math

SIZES = tuple(1 << depth for depth in range(9))


@pytest.mark.parametrize("leaves", SIZES)
def test_children_and_parents_fit(leaves: int) -> None:
    width, top = math.node_width(leaves), math.root(leaves)
    assert width == 2 * leaves - 1
    for node in range(width):
        if node != top:
            above, other = math.parent(node), math.sibling(node)
            assert {math.left(above), math.right(above)} == {node, other}
            assert math.sibling(other) == node
            assert math.level(above) == math.level(node) + 1
        if math.level(node):
            assert math.left(node) < node < math.right(node)


@pytest.mark.parametrize("leaves", SIZES)
def test_direct_path_ends_at_the_root_and_holds_all_ancestors(leaves: int) -> None:
    top = math.root(leaves)
    for node in range(math.node_width(leaves)):
        path = math.direct_path(node, top)
        assert len(path) == math.level(top) - math.level(node)
        ancestors = [above for above in range(math.node_width(leaves)) if math.is_below(node, above)]
        assert sorted([node, *path]) == ancestors


@pytest.mark.parametrize("leaves", SIZES[:7])
def test_common_ancestor_is_the_lowest(leaves: int) -> None:
    for first in range(math.node_width(leaves)):
        for second in range(math.node_width(leaves)):
            found = math.common_ancestor(first, second)
            assert math.is_below(first, found)
            assert math.is_below(second, found)
            if found not in (first, second):
                half = math.left(found), math.right(found)
                assert not any(math.is_below(first, one) and math.is_below(second, one) for one in half)


def test_root_is_that_of_the_next_full_tree() -> None:
    for leaves in range(1, 257):
        full = 1 << (leaves - 1).bit_length()
        assert math.root(leaves) == full - 1
    assert math.node_width(0) == 0
