"""What somebody hostile can make at a room's door: Welcomes into worlds of her own, and KeyPackages."""

from __future__ import annotations

from dataclasses import dataclass, replace
from random import Random

import backchannel_mls as mls
from attack.forge import forge_commit
from attack.forge_welcome import World, forge_info, forge_welcome, update_leaf, with_leaf, world_after
from backchannel.room.keys import SeatKeys
from backchannel_mls import LeafIndex
from backchannel_mls.tree.ratchet_tree import Node, ParentNode, RatchetTree
from fuzz.mutate import mutate
from web.lawless import FAR, RARE, Play, altered_leaf, some_extensions, some_key, some_package


@dataclass(frozen=True)
class Encoded:
    """What stands encoded where something else was to be encoded."""

    data: bytes

    def encode(self) -> bytes:
        return self.data


def welcomes(play: Play, random: Random) -> tuple[bytes, bytes]:
    """A Welcome into a world of Mallory's, in which anything may be wrong, and the tree beside it."""
    forged = forge_commit(
        play.state,
        proposals=[mls.Add(play.guest.key_package)],
        with_path=random.choice((True, False)),
    )
    world = altered_world(world_after(forged), play, random)
    tree = world.tree.encode()
    extensions = some_extensions(random) if random.randrange(6) == 0 else ()
    if random.randrange(6) == 0:
        inside = random.choice((tree, tree + b"\0", mutate(tree, [tree[::-1]], random), b""))
        extensions = (*extensions, mls.Extension(mls.ExtensionType.RATCHET_TREE, inside))
    info = forge_info(
        world,
        extensions=extensions,
        alter=lambda one: (
            replace(one, signer=LeafIndex(random.choice([*FAR, 0, 1, 2, 3])))
            if random.randrange(15) == 0
            else one
        ),
        alter_tag=(lambda tag: tag[:-1]) if random.randrange(30) == 0 else lambda tag: tag,
    )
    secret = random.randbytes(random.choice((32, 31, 64))) if random.randrange(12) == 0 else None
    welcome = forge_welcome(
        world,
        play.guest.key_package,
        info=info,
        path_secret=secret,
        with_path_secret=random.randrange(6) > 0,
        alter_secrets=lambda one: Encoded(garbled(one.encode(), random)),  # type: ignore[arg-type,return-value] # encodes
        alter_info_bytes=lambda data: garbled(data, random),
        suite_id=random.choice((1, 3, 83, RARE)) if random.randrange(15) == 0 else None,
    )
    if random.randrange(10) == 0:
        tree = mutate(tree, [tree[::-1]], random)
    if random.randrange(10) == 0:
        welcome = mutate(welcome, [welcome[::-1]], random)
    return welcome, tree


def garbled(data: bytes, random: Random) -> bytes:
    """Mostly as it is."""
    if random.randrange(10) > 0:
        return data
    return random.choice((data + b"\0", data + random.randbytes(9), mutate(data, [bytes(9)], random)))


def altered_world(world: World, play: Play, random: Random) -> World:
    """Another tree, or another context; the hashes fit."""
    match random.randrange(10):
        case 0 | 1 | 2:
            nodes = faulty(list(world.tree.nodes), play, random)
            return world.with_tree(RatchetTree.of_nodes(world.tree.suite, nodes))
        case 3 | 4:
            index = random.choice([leaf for leaf in play.leaves if leaf != world.inviter_leaf])
            keys = SeatKeys.generate(play.suite).identity()
            leaf = update_leaf(world, keys, index, altered_leaf(play, random))
            if random.randrange(2):
                leaf = some_package(play, random).leaf_node
            return with_leaf(world, index, leaf)
        case 5:
            contexts: tuple[dict[str, object], ...] = (
                {"epoch": 2**64 - 1},
                {"extensions": some_extensions(random)},
                {"cipher_suite": random.choice((1, 3, 83, RARE))},
                {"tree_hash": random.randbytes(32)},
                {"group_id": b""},
            )
            return world.with_context(**random.choice(contexts))
        case _:
            return world


def faulty(nodes: list[Node], play: Play, random: Random) -> list[Node]:
    """Nodes blanked, doubled, exchanged, or with other unmerged leaves and parent hashes."""
    for _ in range(random.randint(1, 2)):
        at = random.randrange(len(nodes))
        match random.randrange(5):
            case 0:
                nodes[at] = None
            case 1:
                other = (random.randrange(len(nodes)) & ~1) + (at & 1)
                if other < len(nodes):
                    nodes[at], nodes[other] = nodes[other], nodes[at]
            case 2:
                nodes += [None] * len(nodes) + [nodes[0]]
            case _:
                at |= 1
                if at < len(nodes):
                    nodes[at] = faulty_parent(nodes[at], play, random)
    return nodes


def faulty_parent(found: Node, play: Play, random: Random) -> ParentNode:
    keys = [play.guest.key_package.leaf_node.encryption_key]
    known = found if isinstance(found, ParentNode) else ParentNode(some_key(play.suite, random, keys), b"")
    match random.randrange(3):
        case 0:
            some = random.choices((0, 1, 2, 3, 4, *FAR), k=random.choice((1, 2)))
            return replace(known, unmerged_leaves=tuple(map(LeafIndex, some)))
        case 1:
            return replace(known, parent_hash=random.choice((b"", random.randbytes(32))))
        case _:
            return replace(known, encryption_key=some_key(play.suite, random, keys))


# ---- KeyPackages
def packages(play: Play, random: Random) -> bytes:
    package = some_package(play, random)
    message = mls.encode_message(package)
    return mutate(message, [message[::-1]], random) if random.randrange(4) == 0 else message
