"""What somebody hostile in a room can make: one thing wrong or none, and all else computed to fit it.

Each maker takes what it may choose from and a source of chance. What it cannot make raises: then another.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from random import Random
from typing import Any, Final

import backchannel_mls as mls
from attack.forge import ForgedCommit, PathForgery, forge_commit, forge_key_package, forge_update
from attack.forge_message import forge_bytes, forge_message, seal_bytes
from backchannel.room.keys import SeatKeys
from backchannel_mls import ContentType, LeafIndex, LeafNode, Lifetime
from backchannel_mls.wire.commit import Commit, HpkeCiphertext, UpdatePath
from backchannel_mls.wire.framing import encode_body
from backchannel_mls.wire.leaf_node import Capabilities
from backchannel_mls.wire.psk import ExternalPskId
from fuzz.mutate import mutate
from web.twins import NOW_S

FIELD: Final = 2**255 - 19
YEAR_S: Final = 366 * 24 * 3600
RARE: Final = 0x0A0A
FAR: Final = (4, 5, 9, 64, 2**30, 2**31 - 1, 2**31, 2**32 - 1)
"""Leaves beyond a small tree."""


@dataclass(frozen=True)
class Play:
    """A room as Mallory sees it: her state, and the KeyPackages of members who may be there no more."""

    state: mls.GroupState
    twin: int
    known: tuple[mls.KeyPackageBundle, ...]
    guest: mls.KeyPackageBundle
    """Of whom the Welcomes are for."""

    @property
    def suite(self) -> int:
        return self.state.suite.id

    @property
    def leaves(self) -> list[int]:
        return [int(index) for index, _ in self.state.tree.leaves()]


Maker = Callable[[Play, Random], bytes]


# ---- pieces
def some_key(suite: int, random: Random, known: Sequence[bytes]) -> bytes:
    """An encryption key: a good one, one that stands in the tree, or one that nobody can use."""
    whole = mls.cipher_suite(suite).derive_key_pair(os.urandom(64))[1]
    points = [0, 1, FIELD - 1, FIELD, FIELD + 9, 9 | 1 << 255, 9]
    small = [point.to_bytes(32, "little") for point in points]
    choices = [
        whole,
        whole[:-1],
        whole + b"\0",
        b"",
        whole[:-32] + random.choice(small),
        random.choice(known),
    ]
    return random.choice(choices)


def some_capabilities(suite: int, random: Random) -> Capabilities:
    """Lists of which some lack what they should have, and some are long or hold what nobody knows."""

    def some(needed: int, *others: int) -> tuple[int, ...]:
        many = random.choice((1, 1, 1, 3, 400, 40_000)) if random.randrange(8) == 0 else 1
        listed = [needed] * random.choice((1, 1, 1, 1, 0, 2)) + [random.choice(others)] * many
        random.shuffle(listed)
        return tuple(listed)

    return Capabilities(
        some(1, 0, 2, RARE, 0xFFFF),
        some(suite, 1, 3, 77, 83, 0, RARE),
        random.choice(((), (RARE,), (1, 2, 3), (RARE, RARE))),
        random.choice(((), (1, 8), (RARE,))),
        some(1, 2, 3, RARE),
    )


def some_extensions(random: Random) -> tuple[mls.Extension, ...]:
    kinds = random.choices((1, 2, 3, 4, 5, 6, RARE, 0xF0F0), k=random.choice((0, 1, 1, 2)))
    return tuple(mls.Extension(kind, random.randbytes(random.choice((0, 1, 70)))) for kind in kinds)


def altered_leaf(play: Play, random: Random) -> Callable[[LeafNode], LeafNode]:
    """One thing, or sometimes two, of a leaf before it is signed."""
    keys = [node.encryption_key for node in play.state.tree.nodes if node is not None]
    signers = [leaf.signature_key for _, leaf in play.state.tree.leaves()]
    other = SeatKeys.generate(play.suite).credential().encode()

    def alter(leaf: LeafNode) -> LeafNode:
        for _ in range(random.choice((0, 1, 1, 1, 2))):
            match random.randrange(8):
                case 0 | 1:
                    leaf = replace(leaf, capabilities=some_capabilities(play.suite, random))
                case 2:
                    leaf = replace(leaf, extensions=some_extensions(random))
                case 3:
                    leaf = replace(leaf, encryption_key=some_key(play.suite, random, keys))
                case 4:
                    leaf = replace(leaf, signature_key=random.choice([*signers, bytes(32), b"", b"\1" * 33]))
                case 5:
                    identity = random.choice((b"", b"Mallory", other, other + b"\0", other[:-1]))
                    leaf = replace(leaf, credential=mls.BasicCredential(identity))
                case 6:
                    leaf = replace(leaf, credential=mls.X509Credential((b"not a certificate",)))
                case _:
                    leaf = replace(
                        leaf, extensions=some_extensions(random), capabilities=listing_all(play.suite)
                    )
        return leaf

    return alter


def listing_all(suite: int) -> Capabilities:
    return Capabilities((1, RARE), (suite, RARE), (6, RARE, 0xF0F0), (), (1, 2))


def some_lifetime(random: Random) -> Lifetime:
    edges = (0, NOW_S - 1, NOW_S, NOW_S + 1, NOW_S - YEAR_S, NOW_S + YEAR_S, 2**53 + 1, 2**63, 2**64 - 1)
    return Lifetime(random.choice((NOW_S - 3600, *edges)), random.choice((NOW_S + 3600, *edges)))


def some_package(play: Play, random: Random) -> mls.KeyPackage:
    """Of somebody new, of a member, or with something wrong in it."""
    if random.randrange(4) == 0:
        return random.choice(play.known).key_package
    keys = SeatKeys.generate(play.suite).identity()
    again = random.choice(play.known)
    known = [node.encryption_key for node in play.state.tree.nodes if node is not None]

    def alter(package: mls.KeyPackage) -> mls.KeyPackage:
        match random.randrange(6):
            case 0:
                return replace(package, init_key=some_key(play.suite, random, known))
            case 1:
                return replace(package, init_key=package.leaf_node.encryption_key)
            case 2:
                return replace(package, extensions=some_extensions(random))
            case 3:
                return replace(package, cipher_suite=random.choice((1, 2, 83, RARE)))
            case _:
                return package

    plain = random.randrange(3) == 0
    pair = (again.encryption_private, again.key_package.leaf_node.encryption_key)
    return forge_key_package(
        random.choice((keys, keys, keys, again.identity)),
        alter_leaf=altered_leaf(play, random) if not plain and random.randrange(2) else lambda leaf: leaf,
        alter_package=alter if not plain and random.randrange(2) else lambda package: package,
        leaf_signer=SeatKeys.generate(play.suite).identity() if random.randrange(20) == 0 else None,
        signer=SeatKeys.generate(play.suite).identity() if random.randrange(20) == 0 else None,
        encryption=pair if random.randrange(8) == 0 else None,
        lifetime=some_lifetime(random) if random.randrange(8) == 0 else Lifetime(NOW_S - 3600, NOW_S + 3600),
    ).key_package


def some_proposals(play: Play, random: Random) -> list[mls.Proposal]:
    """Mostly what rooms have."""
    others = [leaf for leaf in play.leaves if leaf != play.state.own_leaf]
    coming = random.choice((0, 0, 1, 1, 2))
    found: list[mls.Proposal] = [mls.Add(some_package(play, random)) for _ in range(coming)]
    going = random.sample(others, min(len(others), random.choice((0, 0, 1, 1, 2))))
    if random.randrange(12) == 0:
        going.append(random.choice([*FAR, *others, int(play.state.own_leaf), play.twin]))
    found += [mls.Remove(LeafIndex(leaf)) for leaf in going]
    if random.randrange(15) == 0:
        nonce = random.randbytes(play.state.suite.hash_size)
        strange: list[mls.Proposal] = [
            forge_update(play.state),
            mls.PreSharedKey(ExternalPskId(b"psk", nonce)),
            mls.GroupContextExtensions(()),
            mls.ReInit(mls.GroupId(b"next"), 1, play.suite, ()),
            mls.ExternalInit(bytes(32)),
        ]
        found.append(random.choice(strange))
    random.shuffle(found)
    return found


def some_path(play: Play, random: Random) -> PathForgery:
    """A path with one thing wrong, or none."""
    keys = [node.encryption_key for node in play.state.tree.nodes if node is not None]
    at = random.choice((0, 1))
    match random.randrange(14):
        case 0:
            return PathForgery(leaf_key=some_key(play.suite, random, keys))
        case 1:
            return PathForgery(node_keys={at: some_key(play.suite, random, keys)})
        case 2:
            return PathForgery(parent_hash=random.choice((b"", random.randbytes(32))))
        case 3 | 4:
            return PathForgery(alter_leaf=altered_leaf(play, random))
        case 5:
            place = random.choice(
                ((b"elsewhere", int(play.state.own_leaf)), (play.state.group_id, play.twin))
            )
            return PathForgery(leaf_place=place)
        case 6:
            return PathForgery(leaf_signer=SeatKeys.generate(play.suite).identity())
        case 7:
            return PathForgery(alter_secret=altered_secret(random))
        case 8 | 9:
            return PathForgery(alter_path=altered_path(random))
        case 10:
            return PathForgery(unmerged={random.choice((1, 3, 7)): [random.choice((0, 1, 2, 3, 4))]})
        case _:
            return PathForgery()


def altered_secret(random: Random) -> Callable[[int, bytes], bytes]:
    change: Callable[[bytes], bytes] = random.choice(
        (lambda one: one[:-1], lambda one: one + b"\0", lambda one: b"", lambda one: bytes(len(one)))
    )
    level = random.choice((0, 1, 2))
    return lambda position, secret: change(secret) if position == level else secret


def altered_path(random: Random) -> Callable[[UpdatePath], UpdatePath]:
    def alter(path: UpdatePath) -> UpdatePath:
        nodes = list(path.nodes)
        if not nodes:
            return path
        at = random.randrange(len(nodes))
        node = nodes[at]
        sealed = list(node.encrypted_path_secret)
        one = random.randrange(max(1, len(sealed)))
        match random.randrange(8) if sealed else 0:
            case 0:
                del nodes[at]
                return replace(path, nodes=tuple(nodes))
            case 1:
                return replace(path, nodes=(*nodes, node))
            case 2:
                del sealed[one]
            case 3:
                sealed.append(sealed[one])
            case 4:
                random.shuffle(sealed)
            case 5:
                sealed[one] = HpkeCiphertext(sealed[one].kem_output[:-1], sealed[one].ciphertext)
            case 6:
                points = (0, 1, FIELD - 1, FIELD + 9, 9 | 1 << 255)
                output = sealed[one].kem_output[:-32] + random.choice(points).to_bytes(32, "little")
                sealed[one] = HpkeCiphertext(output, sealed[one].ciphertext)
            case _:
                sealed[one] = HpkeCiphertext(
                    sealed[one].kem_output, mutate(sealed[one].ciphertext, [b"x"], random)
                )
        nodes[at] = replace(node, encrypted_path_secret=tuple(sealed))
        return replace(path, nodes=tuple(nodes))

    return alter


# ---- messages to the group
def commits(play: Play, random: Random) -> bytes:
    """Any commit."""
    return some_commit(play, random).message


def some_commit(play: Play, random: Random) -> ForgedCommit:
    with_path = random.choice((None, None, None, None, True, False))
    changed = SeatKeys.generate(play.suite).identity() if random.randrange(10) == 0 else None
    return forge_commit(
        play.state,
        proposals=some_proposals(play, random),
        with_path=with_path,
        path=some_path(play, random),
        identity=changed,
        alter_tag=(lambda tag: tag[:-1]) if random.randrange(30) == 0 else lambda tag: tag,
        authenticated_data=random.randbytes(random.choice((0, 112))),
    )


def lawful(play: Play, random: Random) -> bytes:
    """A commit with nothing wrong: it must be taken."""
    others = [leaf for leaf in play.leaves if leaf != play.state.own_leaf]
    going = random.sample(others, random.choice((0, 0, 1, 2)))
    coming = [mls.Add(SeatKeys.generate(play.suite).key_package(NOW_S).key_package) for _ in range(2)]
    gone = [mls.Remove(LeafIndex(leaf)) for leaf in going]
    proposals: list[mls.Proposal] = [*gone, *coming[: random.choice((0, 1, 2))]]
    path = random.choice((None, True))
    return forge_commit(play.state, proposals=proposals, with_path=path).message


def spelled_otherwise(play: Play, random: Random) -> bytes:
    """A commit of which other bytes come than were signed, confirmed and hashed."""
    proposals: list[mls.Proposal] = [mls.Add(SeatKeys.generate(play.suite).key_package(NOW_S).key_package)]
    proposals += [mls.Remove(LeafIndex(play.leaves[-1]))] * random.choice((0, 1))
    return forge_commit(
        play.state,
        proposals=proposals,
        alter_signed=lambda signed: signed._replace(body=mutate(signed.body, [b"\0" * 9], random)),
    ).message


def bodies(play: Play, random: Random) -> bytes:
    """Any bytes in place of a commit, a proposal or a message, signed as they are."""
    state = play.state
    body: mls.Proposal | Commit | bytes = random.choice(
        (
            Commit((mls.Remove(LeafIndex(play.twin)),), None),
            Commit((mls.Add(play.known[0].key_package),), None),
            mls.Remove(LeafIndex(play.twin)),
            b"hello",
        )
    )
    kinds = {Commit: ContentType.COMMIT, bytes: ContentType.APPLICATION}
    kind = kinds.get(type(body), ContentType.PROPOSAL)
    encoded = mutate(encode_body(body), [b"\0" * 9], random)
    tag = random.randbytes(state.suite.hash_size) if kind is ContentType.COMMIT else None
    return forge_bytes(state, encoded, kind, private=random.randrange(8) > 0, tag=tag)


def messages(play: Play, random: Random) -> bytes:
    """Application messages, in an envelope with something wrong or not."""
    state, said = play.state, random.randbytes(random.choice((0, 1, 63, 64, 300)))
    own = int(state.own_leaf)
    sealing: dict[str, Any] = {}
    match random.randrange(9):
        case 0:
            sealing["leaf"] = random.choice([*FAR, *range(9), play.twin])
        case 1:
            sealing["generation"] = random.choice((0, 1, 7, 4096, 4097, 2**31, 2**32 - 1))
        case 2:
            sealing["padding"] = random.choice((bytes(1), bytes(900), bytes(9) + b"\1", b"\1"))
        case 3:
            sealing["alter_plain"] = lambda plain: mutate(plain, [seal_bytes(state, b"x")], random)
        case 4:
            sealing["alter_sender_data"] = lambda data: mutate(data, [bytes(12)], random)
        case 5:
            sealing["content_type"] = random.choice(list(ContentType))
        case 6:
            other = random.choice((state.epoch - 1, state.epoch + 1, 2**63, 2**64 - 1))
            sealing |= random.choice(({"group_id": b"another"}, {"epoch": max(0, other)}))
        case 7:
            flipped: Callable[[bytes], bytes] = lambda one: mutate(one, [bytes(64)], random)  # noqa: E731
            return forge_message(state, said, alter_signature=flipped)
        case _:
            pass
    return forge_message(state, said, sender=mls.Sender(mls.SenderType.MEMBER, own), **sealing)


def outside(play: Play, random: Random) -> bytes:
    """What the server or anybody can do to a message without a key."""
    whole = random.choice((lawful, messages))(play, random)
    return mutate(whole, [whole[::-1]], random)


MESSAGES: Final[tuple[Maker, ...]] = (
    commits,
    commits,
    commits,
    commits,
    lawful,
    spelled_otherwise,
    bodies,
    messages,
    outside,
)
