"""tree-math.json: RFC 9420 section 4.1 and appendix C."""

from __future__ import annotations

import pytest

from backchannel_mls.tree import math
from vectors.cases import Vector, cases


@pytest.mark.parametrize("case", cases("tree-math"))
def test_indices_are_as_given(case: Vector) -> None:
    leaves, width = case["n_leaves"], case["n_nodes"]
    assert math.node_width(leaves) == width
    root = math.root(leaves)
    assert root == case["root"]
    for node in range(width):
        is_leaf = math.level(node) == 0
        assert (None if is_leaf else math.left(node)) == case["left"][node]
        assert (None if is_leaf else math.right(node)) == case["right"][node]
        assert (None if node == root else math.parent(node)) == case["parent"][node]
        assert (None if node == root else math.sibling(node)) == case["sibling"][node]
