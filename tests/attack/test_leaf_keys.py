"""Leaves whose time is over, and leaves that must differ from others (sections 7.2 and 7.3)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from attack.cast import (
    NOW_S,
    PLAIN,
    RICH,
    bundle,
    client,
    everybody_refuses,
    refused,
    refuses,
    usual_room,
)
from attack.forge import forge_commit, forge_external_commit, forge_key_package, forge_update
from attack.forge_message import forge_message
from attack.forge_welcome import forge_welcome, update_leaf, with_leaf, world_of
from backchannel_mls import (
    Add,
    Identity,
    Lifetime,
    Rule,
    X509Credential,
    join_group,
    verify_key_package,
)

# ---- lifetimes
LIFETIMES = pytest.mark.parametrize(
    "lifetime",
    [
        Lifetime(NOW_S - 100, NOW_S - 1),
        Lifetime(NOW_S + 1, NOW_S + 100),
        Lifetime(NOW_S + 1, NOW_S - 1),
        Lifetime(0, 0),
    ],
    ids=["over", "not begun", "backwards", "zero"],
)


@pytest.mark.rule("LEAF_LIFETIME_OVER")
@LIFETIMES
def test_a_key_package_outside_its_lifetime_is_refused(lifetime: Lifetime) -> None:
    room = usual_room()
    package = forge_key_package(client("dave"), lifetime=lifetime).key_package
    with refused(Rule.LEAF_LIFETIME_OVER):
        verify_key_package(package, 1, now_s=NOW_S)
    everybody_refuses(Rule.LEAF_LIFETIME_OVER, room, forge_message(room["mallory"], Add(package)))
    forged = forge_commit(room["mallory"], proposals=[Add(package)])
    everybody_refuses(Rule.LEAF_LIFETIME_OVER, room, forged.message)


ENDLESS = pytest.mark.parametrize(
    "lifetime",
    [Lifetime(0, 2**64 - 1), Lifetime(NOW_S - 1, NOW_S + 366 * 24 * 3600)],
    ids=["for ever", "a second too long"],
)


@pytest.mark.rule("LEAF_LIFETIME_TOO_LONG")
@ENDLESS
def test_a_key_package_with_too_long_a_lifetime_is_refused(lifetime: Lifetime) -> None:
    room = usual_room()
    package = forge_key_package(client("dave"), lifetime=lifetime).key_package
    for now_s in (NOW_S, None):
        with refused(Rule.LEAF_LIFETIME_TOO_LONG):
            verify_key_package(package, 1, now_s=now_s)
    everybody_refuses(Rule.LEAF_LIFETIME_TOO_LONG, room, forge_message(room["mallory"], Add(package)))
    forged = forge_commit(room["mallory"], proposals=[Add(package)])
    everybody_refuses(Rule.LEAF_LIFETIME_TOO_LONG, room, forged.message)


@pytest.mark.rule("LEAF_LIFETIME_TOO_LONG")
@ENDLESS
def test_a_tree_with_a_leaf_of_too_long_a_lifetime_is_refused(lifetime: Lifetime) -> None:
    """Section 7.2: any LeafNode; on joining too, since the inviter may be alone in believing it."""
    guest, dave = bundle("guest"), forge_key_package(client("dave"), lifetime=lifetime)
    world = with_leaf(world_of(usual_room()["mallory"], guest), 1, dave.key_package.leaf_node)
    with refused(Rule.LEAF_LIFETIME_TOO_LONG):
        join_group(guest, forge_welcome(world, guest.key_package))


# ---- keys that must differ
@pytest.mark.rule("UPDATE_KEY_REUSED")
def test_an_update_that_keeps_the_encryption_key_is_refused() -> None:
    room = usual_room()
    old = room["mallory"].tree.leaf(3)
    assert old is not None
    update = forge_update(room["mallory"], encryption_key=old.encryption_key)
    honest = forge_message(room["mallory"], forge_update(room["mallory"]))
    everybody_refuses(Rule.UPDATE_KEY_REUSED, room, forge_message(room["mallory"], update), honest=honest)


@pytest.mark.rule("SIGNATURE_KEY_DUPLICATE")
def test_a_member_who_takes_anothers_signature_key_is_refused() -> None:
    """Two seats, one key: whoever signs with it is both. Bob is Mallory's accomplice."""
    room = usual_room()
    bob = room["bob"].group.identity
    forged = forge_commit(room["mallory"], identity=bob)
    for name in ("alice", "carol"):
        refuses(Rule.SIGNATURE_KEY_DUPLICATE, room[name], forged.message)


@pytest.mark.rule("SIGNATURE_KEY_DUPLICATE")
def test_a_member_who_joins_a_second_time_from_outside_is_refused() -> None:
    room = usual_room()
    forged = forge_external_commit(room["mallory"], room["mallory"].group.identity)
    everybody_refuses(Rule.SIGNATURE_KEY_DUPLICATE, room, forged.message)


@pytest.mark.rule("SIGNATURE_KEY_DUPLICATE")
def test_a_tree_with_one_signature_key_twice_is_refused() -> None:
    guest = bundle("guest")
    world = world_of(usual_room()["mallory"], guest)
    world = with_leaf(world, 1, update_leaf(world, usual_room()["mallory"].group.identity, 1))
    with refused(Rule.SIGNATURE_KEY_DUPLICATE):
        join_group(guest, forge_welcome(world, guest.key_package))


@pytest.mark.rule("ENCRYPTION_KEY_DUPLICATE")
def test_an_add_with_a_members_encryption_key_is_refused() -> None:
    room = usual_room()
    key = room["alice"].tree.encryption_key(0)
    package = forge_key_package(client("dave"), encryption=(b"", key)).key_package
    for with_path in (True, False):
        forged = forge_commit(room["mallory"], proposals=[Add(package)], with_path=with_path)
        everybody_refuses(Rule.ENCRYPTION_KEY_DUPLICATE, room, forged.message)


@pytest.mark.rule("ENCRYPTION_KEY_DUPLICATE")
def test_two_adds_with_one_encryption_key_are_refused() -> None:
    room = usual_room()
    dave = forge_key_package(client("dave"))
    pair = (dave.encryption_private, dave.key_package.leaf_node.encryption_key)
    eve = forge_key_package(client("eve"), encryption=pair)
    forged = forge_commit(room["mallory"], proposals=[Add(dave.key_package), Add(eve.key_package)])
    everybody_refuses(Rule.ENCRYPTION_KEY_DUPLICATE, room, forged.message)


@pytest.mark.rule("ENCRYPTION_KEY_DUPLICATE")
def test_a_tree_with_one_encryption_key_in_two_leaves_is_refused() -> None:
    guest = bundle("guest")
    world = world_of(usual_room()["mallory"], guest)
    key = world.tree.encryption_key(4)
    world = with_leaf(
        world, 1, update_leaf(world, client("bob"), 1, lambda leaf: replace(leaf, encryption_key=key))
    )
    with refused(Rule.ENCRYPTION_KEY_DUPLICATE):
        join_group(guest, forge_welcome(world, guest.key_package))


# ---- credentials
@pytest.mark.rule("LEAF_CREDENTIAL_UNSUPPORTED")
def test_a_credential_type_that_a_member_does_not_support_is_refused() -> None:
    """The room has a member who reads basic credentials only."""
    plain = client("plain", capabilities=PLAIN)
    room = usual_room().commit("alice", joiners={"plain": bundle(plain)})
    key = Ed25519PrivateKey.generate()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "dave")])
    begin = datetime(2026, 1, 1, tzinfo=UTC)
    builder = x509.CertificateBuilder(name, name, key.public_key(), 7, begin, begin + timedelta(days=99))
    der = builder.sign(key, None).public_bytes(Encoding.DER)
    dave = Identity.restore(1, X509Credential((der,)), key.private_bytes_raw(), capabilities=RICH)
    package = forge_key_package(dave).key_package
    verify_key_package(package, 1, now_s=NOW_S)
    forged = forge_commit(room["mallory"], proposals=[Add(package)])
    everybody_refuses(Rule.LEAF_CREDENTIAL_UNSUPPORTED, room, forged.message)
