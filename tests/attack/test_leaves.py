"""Leaves that are not valid, in each place where a leaf can come from outside (sections 7.2, 7.3, 13.4)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from attack.cast import (
    MEMBERS,
    NOW_S,
    RARE_EXTENSION,
    Room,
    build_room,
    bundle,
    client,
    everybody_refuses,
    rare_room,
    refused,
    usual_room,
)
from attack.forge import PathForgery, forge_commit, forge_external_commit, forge_key_package, forge_update
from attack.forge_message import Alter, forge_message, same
from attack.forge_welcome import forge_info, forge_welcome, update_leaf, with_leaf, world_of
from backchannel_mls import (
    Add,
    Extension,
    ExtensionType,
    Identity,
    LeafNode,
    LeafNodeSource,
    Lifetime,
    RequiredCapabilities,
    Rule,
    X509Credential,
    encode_message,
    join_by_external_commit,
    join_group,
    receive,
    verify_key_package,
)
from backchannel_mls.codec import vector

Attempt = Callable[[Room, Alter[LeafNode], Identity, Identity | None], None]
"""Puts a leaf of an owner's, altered and signed by a signer, before somebody who must judge it."""


def in_an_add_proposal(room: Room, alter: Alter[LeafNode], owner: Identity, signer: Identity | None) -> None:
    package = forge_key_package(owner, alter_leaf=alter, leaf_signer=signer).key_package
    receive(room["bob"], forge_message(room["mallory"], Add(package)), now_s=NOW_S)


def in_an_add(room: Room, alter: Alter[LeafNode], owner: Identity, signer: Identity | None) -> None:
    package = forge_key_package(owner, alter_leaf=alter, leaf_signer=signer).key_package
    receive(room["bob"], forge_commit(room["mallory"], proposals=[Add(package)]).message, now_s=NOW_S)


def in_an_update(room: Room, alter: Alter[LeafNode], owner: Identity, signer: Identity | None) -> None:
    update = forge_update(room["mallory"], alter_leaf=alter, identity=owner, leaf_signer=signer)
    receive(room["bob"], forge_message(room["mallory"], update), now_s=NOW_S)


def in_a_path(room: Room, alter: Alter[LeafNode], owner: Identity, signer: Identity | None) -> None:
    path = PathForgery(alter_leaf=alter, leaf_signer=signer)
    receive(room["bob"], forge_commit(room["mallory"], identity=owner, path=path).message, now_s=NOW_S)


def in_an_external_path(room: Room, alter: Alter[LeafNode], owner: Identity, signer: Identity | None) -> None:
    path = PathForgery(alter_leaf=alter, leaf_signer=signer)
    receive(room["bob"], forge_external_commit(room["mallory"], owner, path=path).message, now_s=NOW_S)


def in_a_joined_tree(room: Room, alter: Alter[LeafNode], owner: Identity, signer: Identity | None) -> None:
    guest = bundle("guest")
    world = world_of(room["mallory"], guest)
    world = with_leaf(world, 1, update_leaf(world, owner, 1, alter, leaf_signer=signer))
    join_group(guest, forge_welcome(world, guest.key_package))


def in_a_tree_for_an_external_join(
    room: Room, alter: Alter[LeafNode], owner: Identity, signer: Identity | None
) -> None:
    world = world_of(room["mallory"], bundle("guest"))
    world = with_leaf(world, 1, update_leaf(world, owner, 1, alter, leaf_signer=signer))
    extensions = [
        Extension(ExtensionType.RATCHET_TREE, world.tree.encode()),
        Extension(ExtensionType.EXTERNAL_PUB, vector(world.tree.encryption_key(0))),
    ]
    join_by_external_commit(client("dave"), encode_message(forge_info(world, extensions=extensions)))


WHOLE: list[Attempt] = [
    in_an_add,
    in_a_path,
    in_an_external_path,
    in_a_joined_tree,
    in_a_tree_for_an_external_join,
]
ALONE: list[Attempt] = [in_an_add_proposal, in_an_update]
ANYWHERE = [*ALONE, *WHOLE]
"""`ALONE`: the leaf is judged without the others of its tree."""


@dataclass(frozen=True)
class Case:
    """One fault of a leaf, and the room in which it is one."""

    rule: Rule
    alter: Alter[LeafNode] = same
    room: Callable[[], Room] = usual_room
    places: tuple[Attempt, ...] = tuple(ANYWHERE)
    stranger_signs: bool = False


@cache
def demanding_room() -> Room:
    """A room with required capabilities (section 11.1)."""
    required = RequiredCapabilities(extensions=(RARE_EXTENSION,), credentials=(1, 2))
    return build_room(MEMBERS, extensions=[Extension(ExtensionType.REQUIRED_CAPABILITIES, required.encode())])


@cache
def certificate_of_another() -> bytes:
    """A certificate whose key nobody in the play has."""
    key = Ed25519PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "mallory")])
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 7, begin, begin + timedelta(days=99))
    return builder.sign(key, None).public_bytes(Encoding.DER)


def capable(**changed: tuple[int, ...]) -> Alter[LeafNode]:
    """Other capabilities than `RICH`."""
    return lambda leaf: replace(leaf, capabilities=replace(leaf.capabilities, **changed))


def extended(*types: int) -> Alter[LeafNode]:
    """Extensions of these types."""
    return lambda leaf: replace(leaf, extensions=tuple(Extension(one, b"") for one in types))


def certified(*certificates: bytes) -> Alter[LeafNode]:
    """An X.509 credential."""
    return lambda leaf: replace(leaf, credential=X509Credential(certificates))


def keyed(key: bytes) -> Alter[LeafNode]:
    """Another encryption key."""
    return lambda leaf: replace(leaf, encryption_key=key)


CASES = {
    "signed by another": Case(Rule.LEAF_SIGNATURE_INVALID, stranger_signs=True),
    "lacks a required extension": Case(Rule.LEAF_REQUIREMENTS_UNMET, capable(extensions=()), demanding_room),
    "lacks a required credential type": Case(
        Rule.LEAF_REQUIREMENTS_UNMET, capable(credentials=(1,)), demanding_room
    ),
    "does not support the group's extension": Case(
        Rule.LEAF_GROUP_EXTENSION_UNSUPPORTED, capable(extensions=()), rare_room
    ),
    "has an extension that it does not list": Case(Rule.LEAF_EXTENSION_UNLISTED, extended(0xF0F1)),
    "has one extension twice": Case(Rule.EXTENSION_DUPLICATE, extended(RARE_EXTENSION, RARE_EXTENSION)),
    "does not list the suite": Case(Rule.LEAF_SUITE_UNLISTED, capable(cipher_suites=(2, 3))),
    "does not list the version": Case(Rule.LEAF_SUITE_UNLISTED, capable(versions=(2,))),
    "does not support its own credential type": Case(
        Rule.LEAF_CREDENTIAL_UNSUPPORTED, capable(credentials=(2,))
    ),
    "has a certificate for another key": Case(Rule.X509_KEY_MISMATCH, certified(certificate_of_another())),
    "has a certificate that is none": Case(Rule.X509_KEY_MISMATCH, certified(b"not DER")),
    "has no certificate": Case(Rule.X509_KEY_MISMATCH, certified()),
    "has a short encryption key": Case(Rule.KEY_MALFORMED, keyed(bytes(31))),
    "has an empty encryption key": Case(Rule.KEY_MALFORMED, keyed(b"")),
    "has an encryption key that nobody can encrypt to": Case(Rule.KEY_MALFORMED, keyed(bytes(32))),
    "has an encryption key of order 8": Case(
        Rule.KEY_MALFORMED,
        keyed(bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800")),
    ),
    "has an encryption key in a second spelling": Case(
        Rule.KEY_MALFORMED, lambda leaf: replace(leaf, encryption_key=leaf.encryption_key[:31] + b"\xff")
    ),
}
_RULES = {
    "LEAF_SIGNATURE_INVALID",
    "LEAF_REQUIREMENTS_UNMET",
    "LEAF_GROUP_EXTENSION_UNSUPPORTED",
    "LEAF_EXTENSION_UNLISTED",
    "EXTENSION_DUPLICATE",
    "LEAF_SUITE_UNLISTED",
    "LEAF_CREDENTIAL_UNSUPPORTED",
    "X509_KEY_MISMATCH",
    "KEY_MALFORMED",
}


@pytest.mark.rule("LEAF_SIGNATURE_INVALID")
@pytest.mark.rule("LEAF_REQUIREMENTS_UNMET")
@pytest.mark.rule("LEAF_GROUP_EXTENSION_UNSUPPORTED")
@pytest.mark.rule("LEAF_EXTENSION_UNLISTED")
@pytest.mark.rule("EXTENSION_DUPLICATE")
@pytest.mark.rule("LEAF_SUITE_UNLISTED")
@pytest.mark.rule("LEAF_CREDENTIAL_UNSUPPORTED")
@pytest.mark.rule("X509_KEY_MISMATCH")
@pytest.mark.rule("KEY_MALFORMED")
@pytest.mark.parametrize("place", ANYWHERE, ids=lambda place: place.__name__)
@pytest.mark.parametrize("fault", CASES)
def test_a_leaf_that_is_not_valid_is_refused(fault: str, place: Attempt) -> None:
    case = CASES[fault]
    assert case.rule.name in _RULES
    room, owner = case.room(), client("somebody")
    if place in (in_an_update, in_a_path):
        owner = room["mallory"].group.identity
    place(room, same, owner, None)
    with refused(case.rule, *room.states.values()):
        place(room, case.alter, owner, client("stranger") if case.stranger_signs else None)
    place(room, same, owner, None)


# ---- what a leaf was made for
@pytest.mark.rule("LEAF_SOURCE_WRONG")
@pytest.mark.parametrize("source", [LeafNodeSource.UPDATE, LeafNodeSource.COMMIT])
def test_a_leaf_of_a_group_in_a_key_package_is_refused(source: LeafNodeSource) -> None:
    room = usual_room()
    parent_hash = bytes(32) if source is LeafNodeSource.COMMIT else None

    def alter(leaf: LeafNode) -> LeafNode:
        return replace(leaf, source=source, lifetime=None, parent_hash=parent_hash)

    package = forge_key_package(client("dave"), alter_leaf=alter).key_package
    with refused(Rule.LEAF_SOURCE_WRONG):
        verify_key_package(package, 1, now_s=NOW_S)
    forged = forge_commit(room["mallory"], proposals=[Add(package)])
    everybody_refuses(Rule.LEAF_SOURCE_WRONG, room, forged.message)


@pytest.mark.rule("LEAF_SOURCE_WRONG")
@pytest.mark.parametrize("source", [LeafNodeSource.KEY_PACKAGE, LeafNodeSource.COMMIT])
def test_a_leaf_of_another_source_in_an_update_is_refused(source: LeafNodeSource) -> None:
    room = usual_room()

    def alter(leaf: LeafNode) -> LeafNode:
        if source is LeafNodeSource.COMMIT:
            return replace(leaf, source=source, parent_hash=bytes(32))
        return replace(leaf, source=source, lifetime=Lifetime(NOW_S - 60, NOW_S + 60))

    message = forge_message(room["mallory"], forge_update(room["mallory"], alter_leaf=alter))
    honest = forge_message(room["mallory"], forge_update(room["mallory"]))
    everybody_refuses(Rule.LEAF_SOURCE_WRONG, room, message, honest=honest)


@pytest.mark.rule("LEAF_SOURCE_WRONG")
@pytest.mark.parametrize("source", [LeafNodeSource.KEY_PACKAGE, LeafNodeSource.UPDATE])
def test_a_leaf_of_another_source_in_a_path_is_refused(source: LeafNodeSource) -> None:
    room = usual_room()

    def alter(leaf: LeafNode) -> LeafNode:
        lifetime = Lifetime(NOW_S - 60, NOW_S + 60) if source is LeafNodeSource.KEY_PACKAGE else None
        return replace(leaf, source=source, parent_hash=None, lifetime=lifetime)

    forged = forge_commit(room["mallory"], path=PathForgery(alter_leaf=alter))
    everybody_refuses(
        Rule.LEAF_SOURCE_WRONG, room, forged.message, honest=forge_commit(room["mallory"]).message
    )
    joined = forge_external_commit(room["mallory"], client("dave"), path=PathForgery(alter_leaf=alter))
    everybody_refuses(Rule.LEAF_SOURCE_WRONG, room, joined.message, but="")


# ---- where a leaf was signed for
@pytest.mark.rule("LEAF_SIGNATURE_INVALID")
@pytest.mark.parametrize(
    "place", [(b"another room", 3), (usual_room()["bob"].group_id, 2)], ids=["group", "leaf"]
)
def test_a_leaf_signed_for_another_place_is_refused(place: tuple[bytes, int]) -> None:
    room = usual_room()
    forged = forge_commit(room["mallory"], path=PathForgery(leaf_place=place))
    everybody_refuses(Rule.LEAF_SIGNATURE_INVALID, room, forged.message)
    update = forge_update(room["mallory"], group_id=place[0], index=place[1])
    everybody_refuses(Rule.LEAF_SIGNATURE_INVALID, room, forge_message(room["mallory"], update))


@pytest.mark.rule("LEAF_SIGNATURE_INVALID")
def test_a_tree_with_two_leaves_in_each_others_place_is_refused() -> None:
    """Both are honest leaves of the room; Mallory sits them down where the other sat."""
    room, guest = usual_room(), bundle("guest")
    world = world_of(room["mallory"], guest)
    alice, bob = world.tree.leaf(0), world.tree.leaf(1)
    swapped = with_leaf(with_leaf(world, 0, bob), 1, alice)
    with refused(Rule.LEAF_SIGNATURE_INVALID):
        join_group(guest, forge_welcome(swapped, guest.key_package))
