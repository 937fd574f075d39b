"""Update paths that are not what they must be (sections 7.4 to 7.6, 7.9.2 and 12.4.2)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from attack.cast import bundle, client, everybody_refuses, refused, refuses, stage, usual_room
from attack.forge import PathForgery, forge_commit, forge_external_commit
from attack.forge_message import Alter, flipped
from backchannel_mls import Add, Remove, Rule, receive
from backchannel_mls.crypto.suite import CipherSuite
from backchannel_mls.types import LeafIndex
from backchannel_mls.wire.commit import HpkeCiphertext, UpdatePath, UpdatePathNode

NO_KEYS = [b"", bytes(31), bytes(32), b"\xff" * 32]
PRIVATE = pytest.mark.parametrize("private", [True, False])


def with_nodes(
    change: Alter[tuple[UpdatePathNode, ...]],
) -> Alter[UpdatePath]:
    """A path with other nodes."""
    return lambda path: replace(path, nodes=change(path.nodes))


def with_ciphertexts(at: int, change: Alter[tuple[HpkeCiphertext, ...]]) -> Alter[UpdatePath]:
    """A path with other ciphertexts in one node."""

    def alter(path: UpdatePath) -> UpdatePath:
        node = path.nodes[at]
        changed = replace(node, encrypted_path_secret=change(node.encrypted_path_secret))
        return replace(path, nodes=(*path.nodes[:at], changed, *path.nodes[at + 1 :]))

    return alter


def broken(box: HpkeCiphertext) -> HpkeCiphertext:
    """A ciphertext that nobody can open."""
    return replace(box, ciphertext=flipped(box.ciphertext))


# ---- shape
@pytest.mark.rule("PATH_LENGTH_WRONG")
@PRIVATE
@pytest.mark.parametrize(
    "change",
    [lambda nodes: nodes[:-1], lambda nodes: (), lambda nodes: (*nodes, nodes[-1]), lambda nodes: nodes[1:]],
    ids=["shorter", "none", "longer", "without the lowest"],
)
def test_a_path_of_another_length_is_refused(
    change: Alter[tuple[UpdatePathNode, ...]], private: bool
) -> None:
    room = usual_room()
    honest = forge_commit(room["mallory"], private=private)
    forged = forge_commit(room["mallory"], private=private, path=PathForgery(alter_path=with_nodes(change)))
    everybody_refuses(Rule.PATH_LENGTH_WRONG, room, forged.message, honest=honest.message)


@pytest.mark.rule("PATH_CIPHERTEXTS_WRONG")
@PRIVATE
@pytest.mark.parametrize("at", [0, 1])
@pytest.mark.parametrize(
    "change",
    [lambda boxes: (), lambda boxes: (*boxes, boxes[-1])],
    ids=["none", "one more"],
)
def test_a_path_encrypted_to_too_few_or_too_many_is_refused(
    change: Alter[tuple[HpkeCiphertext, ...]], at: int, private: bool
) -> None:
    room = usual_room()
    alter = with_ciphertexts(at, change)
    forged = forge_commit(room["mallory"], private=private, path=PathForgery(alter_path=alter))
    everybody_refuses(Rule.PATH_CIPHERTEXTS_WRONG, room, forged.message)


@pytest.mark.rule("PATH_CIPHERTEXTS_WRONG")
def test_a_path_encrypted_to_those_who_are_only_joining_is_refused() -> None:
    """They get their secrets in the Welcome; the ciphertext to the new leaf is one too many (7.5)."""
    room, dave = usual_room(), bundle("dave")
    suite: CipherSuite = room["bob"].suite
    key = dave.key_package.leaf_node.encryption_key
    extra = HpkeCiphertext(*suite.encrypt_with_label(key, b"UpdatePathNode", b"", bytes(32)))
    alter = with_ciphertexts(2, lambda boxes: (*boxes, extra))
    adds = [Add(dave.key_package)]
    honest = forge_commit(room["mallory"], proposals=adds, with_path=True)
    forged = forge_commit(room["mallory"], proposals=adds, with_path=True, path=PathForgery(alter_path=alter))
    everybody_refuses(Rule.PATH_CIPHERTEXTS_WRONG, room, forged.message, honest=honest.message)


# ---- keys
@pytest.mark.rule("PATH_LEAF_KEY_REUSED")
@PRIVATE
def test_a_committer_who_keeps_the_old_leaf_key_is_refused(private: bool) -> None:
    room = usual_room()
    old = room["mallory"].tree.encryption_key(6)
    forged = forge_commit(room["mallory"], private=private, path=PathForgery(leaf_key=old))
    everybody_refuses(Rule.PATH_LEAF_KEY_REUSED, room, forged.message)


@pytest.mark.rule("PATH_KEY_IN_TREE")
@pytest.mark.parametrize("node", [0, 1, 2, 3, 4, 5])
@pytest.mark.parametrize("position", [0, 1, None])
def test_a_path_with_a_key_of_the_tree_is_refused(node: int, position: int | None) -> None:
    """Of others' leaves, of others' parents, and of the nodes that the path itself replaces."""
    room = usual_room()
    key = room["mallory"].tree.encryption_key(node)
    path = PathForgery(leaf_key=key) if position is None else PathForgery(node_keys={position: key})
    forged = forge_commit(room["mallory"], path=path)
    everybody_refuses(Rule.PATH_KEY_IN_TREE, room, forged.message)


@pytest.mark.rule("PATH_KEY_IN_TREE")
def test_a_path_with_a_key_of_a_leaf_that_is_only_being_added_is_refused() -> None:
    room, dave = usual_room(), bundle("dave")
    path = PathForgery(node_keys={0: dave.key_package.leaf_node.encryption_key})
    forged = forge_commit(room["mallory"], proposals=[Add(dave.key_package)], with_path=True, path=path)
    everybody_refuses(Rule.PATH_KEY_IN_TREE, room, forged.message)


@pytest.mark.rule("PATH_KEY_IN_TREE")
def test_a_path_with_one_key_twice_is_refused() -> None:
    room = usual_room()
    _, key = room["bob"].suite.derive_key_pair(b"a fresh key, used twice")
    for path in (PathForgery(node_keys={0: key, 1: key}), PathForgery(node_keys={1: key}, leaf_key=key)):
        forged = forge_commit(room["mallory"], path=path)
        everybody_refuses(Rule.PATH_KEY_IN_TREE, room, forged.message)


@pytest.mark.rule("PATH_KEY_IN_TREE")
def test_an_external_commit_with_a_key_of_the_tree_is_refused() -> None:
    room = usual_room()
    path = PathForgery(leaf_key=room["bob"].tree.encryption_key(2))
    forged = forge_external_commit(room["mallory"], client("dave"), path=path)
    everybody_refuses(Rule.PATH_KEY_IN_TREE, room, forged.message, but="")


@pytest.mark.rule("KEY_MALFORMED")
@pytest.mark.parametrize(
    "key", [b"", bytes(31), bytes(32), b"\xff" * 32], ids=["empty", "short", "zero", "high"]
)
def test_a_path_node_with_a_key_that_is_none_is_refused(key: bytes) -> None:
    """Nobody below could ever be encrypted to."""
    room = usual_room()
    forged = forge_commit(room["mallory"], path=PathForgery(node_keys={1: key}))
    everybody_refuses(Rule.KEY_MALFORMED, room, forged.message)


@pytest.mark.rule("PATH_KEY_MISMATCH")
@PRIVATE
@pytest.mark.parametrize("position", [0, 1])
def test_a_path_key_that_its_secret_does_not_give_is_refused(position: int, private: bool) -> None:
    """Else Mallory holds a key that those below the node do not, and reads for ever."""
    room = usual_room()
    _, key = room["bob"].suite.derive_key_pair(b"Mallory's own")
    forged = forge_commit(room["mallory"], private=private, path=PathForgery(node_keys={position: key}))
    if position == 1:
        everybody_refuses(Rule.PATH_KEY_MISMATCH, room, forged.message)
    else:
        refuses(Rule.PATH_KEY_MISMATCH, room["carol"], forged.message)


@pytest.mark.rule("PATH_KEY_MISMATCH")
def test_a_path_secret_that_is_not_the_nodes_is_refused() -> None:
    room = usual_room()
    path = PathForgery(alter_secret=lambda _, secret: bytes(len(secret)))
    forged = forge_commit(room["mallory"], path=path)
    everybody_refuses(Rule.PATH_KEY_MISMATCH, room, forged.message)


# ---- encryption
@pytest.mark.rule("PATH_UNDECRYPTABLE")
@PRIVATE
@pytest.mark.parametrize(
    "change",
    [
        broken,
        lambda box: replace(box, ciphertext=b""),
        lambda box: replace(box, kem_output=b""),
        lambda box: replace(box, kem_output=bytes(32)),
        lambda box: replace(box, kem_output=box.kem_output + b"\0"),
    ],
    ids=["flipped", "no ciphertext", "no KEM output", "KEM output of zeros", "long KEM output"],
)
def test_a_path_that_cannot_be_decrypted_is_refused(change: Alter[HpkeCiphertext], private: bool) -> None:
    room = usual_room()

    def alter(path: UpdatePath) -> UpdatePath:
        for at in range(2):
            path = with_ciphertexts(at, lambda boxes: tuple(map(change, boxes)))(path)
        return path

    forged = forge_commit(room["mallory"], private=private, path=PathForgery(alter_path=alter))
    everybody_refuses(Rule.PATH_UNDECRYPTABLE, room, forged.message)


@pytest.mark.rule("PATH_UNDECRYPTABLE")
@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_a_path_secret_of_another_length_is_refused(size: int) -> None:
    room = usual_room()
    path = PathForgery(alter_secret=lambda _, secret: (secret * 2)[:size])
    everybody_refuses(Rule.PATH_UNDECRYPTABLE, room, forge_commit(room["mallory"], path=path).message)


@pytest.mark.rule("PATH_UNDECRYPTABLE")
def test_a_path_encrypted_for_another_group_context_is_refused() -> None:
    """The provisional context binds the ciphertexts to the tree: those of one commit open in no other."""
    room = usual_room()
    other = forge_commit(room["mallory"])
    assert other.path is not None
    assert other.path.update_path is not None
    donor = other.path.update_path

    def alter(path: UpdatePath) -> UpdatePath:
        nodes = (
            replace(node, encrypted_path_secret=theirs.encrypted_path_secret)
            for node, theirs in zip(path.nodes, donor.nodes, strict=True)
        )
        return replace(path, nodes=tuple(nodes))

    forged = forge_commit(room["mallory"], path=PathForgery(alter_path=alter))
    everybody_refuses(Rule.PATH_UNDECRYPTABLE, room, forged.message)


@pytest.mark.rule("PATH_UNDECRYPTABLE")
def test_a_commit_that_leaves_one_member_out_is_refused_by_that_member() -> None:
    """Nobody else can see it; who is left out keeps the old state, and can say so."""
    room = usual_room()
    forged = forge_commit(
        room["mallory"],
        path=PathForgery(alter_path=with_ciphertexts(0, lambda boxes: (broken(boxes[0]),))),
    )
    refuses(Rule.PATH_UNDECRYPTABLE, room["carol"], forged.message)
    stage(room["alice"], forged.message)


# ---- parent hashes
@pytest.mark.rule("PATH_PARENT_HASH_WRONG")
@PRIVATE
@pytest.mark.parametrize("parent_hash", [b"", bytes(32), b"\1" * 33], ids=["missing", "wrong", "long"])
def test_a_committers_leaf_with_a_wrong_parent_hash_is_refused(parent_hash: bytes, private: bool) -> None:
    room = usual_room()
    path = PathForgery(parent_hash=parent_hash)
    forged = forge_commit(room["mallory"], private=private, path=path)
    everybody_refuses(Rule.PATH_PARENT_HASH_WRONG, room, forged.message)
    joined = forge_external_commit(room["mallory"], client("dave"), path=path)
    everybody_refuses(Rule.PATH_PARENT_HASH_WRONG, room, joined.message, but="")


@pytest.mark.rule("PATH_PARENT_HASH_WRONG")
def test_a_parent_hash_over_another_order_of_keys_is_refused() -> None:
    """The keys of two nodes, exchanged after the leaf was signed."""
    room = usual_room()

    def alter(path: UpdatePath) -> UpdatePath:
        low, high = path.nodes
        return replace(
            path,
            nodes=(
                replace(low, encryption_key=high.encryption_key),
                replace(high, encryption_key=low.encryption_key),
            ),
        )

    forged = forge_commit(room["mallory"], path=PathForgery(alter_path=alter))
    everybody_refuses(Rule.PATH_PARENT_HASH_WRONG, room, forged.message)


def test_a_member_who_is_removed_still_checks_the_path() -> None:
    """Whom a commit removes cannot decrypt it, but what is public of it must be right."""
    room = usual_room()
    forged = forge_commit(
        room["mallory"], proposals=[Remove(LeafIndex(2))], path=PathForgery(parent_hash=bytes(32))
    )
    with refused(Rule.PATH_PARENT_HASH_WRONG, room["carol"]):
        receive(room["carol"], forged.message)
    everybody_refuses(Rule.PATH_PARENT_HASH_WRONG, room, forged.message)
