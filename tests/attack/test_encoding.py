"""Bytes that are not what they seem: sections 2.1, 2.1.2 and 6, at every door.

What is signed is signed over the bytes as they are, so that a receiver who was lenient in parsing
would find nothing else wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import pytest

from attack.cast import NOW_S, bundle, client, everybody_refuses, refused, usual_room
from attack.forge import forge_commit, forge_external_commit, forge_key_package
from attack.forge_message import forge_bytes, forge_message, seal_bytes
from attack.forge_welcome import forge_welcome, world_of
from backchannel_mls import (
    Add,
    Capabilities,
    ContentType,
    KeyPackage,
    KeyPackageBundle,
    RemoteError,
    Remove,
    Rule,
    create_commit,
    create_group_info,
    encrypt,
    join_by_external_commit,
    join_group,
    propose,
    receive,
    verify_key_package,
)
from backchannel_mls.codec import u8, u16, u64, vector
from backchannel_mls.types import LeafIndex
from backchannel_mls.wire.commit import Commit
from backchannel_mls.wire.proposal import encode_proposal
from backchannel_mls.wire.welcome import GroupSecrets

Door = Callable[[bytes], object]
MIB = 1 << 20


@cache
def guest() -> KeyPackageBundle:
    """Whom Mallory invites."""
    return bundle("guest")


@cache
def everything() -> dict[str, tuple[bytes, Door]]:
    """An honest message of each kind, and the door through which it comes."""
    room = usual_room()
    alice, bob = room["alice"], room["bob"]
    take: Door = lambda message: receive(bob, message, now_s=NOW_S)  # noqa: E731 - one of four doors
    made = create_commit(alice, add=[guest().key_package], now_s=NOW_S)
    assert made.welcome is not None
    joiner = client("dave")
    return {
        "application": (encrypt(alice, b"hello", authenticated_data=b"aad").message, take),
        "private proposal": (propose(alice, Remove(LeafIndex(2))).message, take),
        "public proposal": (propose(alice, Remove(LeafIndex(2)), private=False).message, take),
        "private commit": (made.message, take),
        "public commit": (create_commit(alice, remove=[2], private=False).message, take),
        "external commit": (forge_external_commit(room["mallory"], joiner).message, take),
        "welcome": (made.welcome, lambda message: join_group(guest(), message)),
        "group info": (
            create_group_info(alice, external_pub=True),
            lambda message: join_by_external_commit(joiner, message),
        ),
        "key package": (guest().message, lambda message: verify_key_package(message, 1, now_s=NOW_S)),
    }


KINDS = pytest.mark.parametrize(
    "kind",
    [
        "application",
        "private proposal",
        "public proposal",
        "private commit",
        "public commit",
        "external commit",
        "welcome",
        "group info",
        "key package",
    ],
)


@pytest.mark.rule("TRUNCATED")
@KINDS
def test_every_beginning_of_a_message_is_refused(kind: str) -> None:
    message, door = everything()[kind]
    with refused(Rule.TRUNCATED, usual_room()["bob"]):
        door(b"")
    for end in range(len(message)):
        with pytest.raises(RemoteError) as error:
            door(message[:end])
        assert error.value.rule is Rule.TRUNCATED, end
    door(message)


@pytest.mark.rule("TRAILING_BYTES")
@KINDS
@pytest.mark.parametrize("more", [b"\0", b"\xff", bytes(1000)])
def test_bytes_after_a_message_are_refused(kind: str, more: bytes) -> None:
    message, door = everything()[kind]
    with refused(Rule.TRAILING_BYTES, usual_room()["bob"]):
        door(message + more)
    with refused(Rule.TRAILING_BYTES):
        door(message + message)


@pytest.mark.rule("VERSION_UNSUPPORTED")
@KINDS
@pytest.mark.parametrize("version", [0, 2, 0xFFFF])
def test_a_message_of_another_version_is_refused(kind: str, version: int) -> None:
    message, door = everything()[kind]
    with refused(Rule.VERSION_UNSUPPORTED, usual_room()["bob"]):
        door(u16(version) + message[2:])


@pytest.mark.rule("VERSION_UNSUPPORTED")
def test_a_key_package_of_another_version_than_its_message_is_refused() -> None:
    """Section 10: the version inside is what the members see when it stands in an Add."""
    message, door = everything()["key package"]
    with refused(Rule.VERSION_UNSUPPORTED):
        door(message[:4] + u16(2) + message[6:])


@pytest.mark.rule("VALUE_UNKNOWN")
@KINDS
@pytest.mark.parametrize("wire_format", [0, 6, 0xFFFF])
def test_a_message_of_an_unknown_kind_is_refused(kind: str, wire_format: int) -> None:
    message, door = everything()[kind]
    with refused(Rule.VALUE_UNKNOWN):
        door(message[:2] + u16(wire_format) + message[4:])


@pytest.mark.rule("VALUE_UNKNOWN")
@pytest.mark.parametrize("door", ["welcome", "group info", "key package"])
def test_a_message_of_another_kind_than_the_door_is_for_is_refused(door: str) -> None:
    other = everything()["application"][0]
    with refused(Rule.VALUE_UNKNOWN):
        everything()[door][1](other)


# ---- lengths
def longer_length(data: bytes, size: int) -> bytes:
    """The same vector with its length in `size` bytes, which is more than it needs."""
    prefix = {2: 0x4000, 4: 0x8000_0000}[size]
    return (prefix | len(data)).to_bytes(size, "big") + data


@pytest.mark.rule("VARINT_NOT_MINIMAL")
@pytest.mark.parametrize("private", [True, False])
@pytest.mark.parametrize(("length", "size"), [(0, 2), (1, 2), (63, 2), (0, 4), (63, 4), (64, 4), (0x3FFF, 4)])
def test_a_length_that_is_not_in_its_shortest_form_is_refused(length: int, size: int, private: bool) -> None:
    """A second encoding of the same content, with a signature of its own: a commit has one reference."""
    room = usual_room()
    reference = bytes(length)
    body = vector(u8(2) + longer_length(reference, size)) + b"\0"
    message = forge_bytes(room["mallory"], body, ContentType.COMMIT, private=private, tag=bytes(32))
    everybody_refuses(Rule.VARINT_NOT_MINIMAL, room, message)


@pytest.mark.rule("VARINT_INVALID")
@pytest.mark.parametrize("private", [True, False])
@pytest.mark.parametrize("first", [0xC0, 0xFF])
def test_a_length_of_the_reserved_form_is_refused(first: int, private: bool) -> None:
    room = usual_room()
    body = bytes((first,)) + bytes(64)
    message = forge_bytes(room["mallory"], body, ContentType.COMMIT, private=private, tag=bytes(32))
    everybody_refuses(Rule.VARINT_INVALID, room, message)


# ---- values
@pytest.mark.rule("OPTIONAL_INVALID")
@pytest.mark.parametrize("private", [True, False])
@pytest.mark.parametrize("mark", [2, 255])
def test_an_optional_path_marked_otherwise_than_0_or_1_is_refused(mark: int, private: bool) -> None:
    room = usual_room()
    dave = forge_key_package(client("dave")).key_package
    right = Commit((Add(dave),), None).encode()
    body = right[:-1] + bytes((mark,))
    forged = forge_commit(room["mallory"], proposals=[Add(dave)])
    message = forge_bytes(
        room["mallory"], body, ContentType.COMMIT, private=private, tag=forged.epoch.confirmation_tag
    )
    everybody_refuses(Rule.OPTIONAL_INVALID, room, message, honest=forged.message)


@pytest.mark.rule("OPTIONAL_INVALID")
def test_an_optional_path_secret_marked_otherwise_is_refused() -> None:
    class Odd(GroupSecrets):
        def encode(self) -> bytes:
            return vector(self.joiner_secret) + b"\2" + vector(b"")

    world = world_of(usual_room()["mallory"], guest())
    welcome = forge_welcome(
        world, guest().key_package, alter_secrets=lambda one: Odd(one.joiner_secret, None, ())
    )
    with refused(Rule.OPTIONAL_INVALID):
        join_group(guest(), welcome)


@pytest.mark.rule("VALUE_UNKNOWN")
@pytest.mark.parametrize("private", [True, False])
@pytest.mark.parametrize(
    "body",
    [
        vector(b"\0" + encode_proposal(Remove(LeafIndex(0)))) + b"\0",
        vector(b"\3" + encode_proposal(Remove(LeafIndex(0)))) + b"\0",
        vector(b"\1" + u16(4) + b"\0" + vector(b"") + vector(bytes(32))) + b"\0",
        vector(b"\1" + u16(4) + b"\3" + vector(b"") + vector(bytes(32))) + b"\0",
        vector(b"\1" + u16(4) + b"\2\0" + vector(b"") + u64(0) + vector(bytes(32))) + b"\0",
        vector(b"\1" + u16(4) + b"\2\4" + vector(b"") + u64(0) + vector(bytes(32))) + b"\0",
    ],
    ids=["ProposalOrRef 0", "ProposalOrRef 3", "PSKType 0", "PSKType 3", "usage 0", "usage 4"],
)
def test_a_value_that_is_not_defined_is_refused(body: bytes, private: bool) -> None:
    room = usual_room()
    message = forge_bytes(room["mallory"], body, ContentType.COMMIT, private=private, tag=bytes(32))
    everybody_refuses(Rule.VALUE_UNKNOWN, room, message)


@pytest.mark.rule("VALUE_UNKNOWN")
@pytest.mark.parametrize("source", [0, 4, 255])
def test_a_leaf_of_an_undefined_source_is_refused(source: int) -> None:
    room = usual_room()
    package = forge_key_package(client("dave")).key_package.encode()
    lifetime = u64(NOW_S - 3600)
    at = package.index(b"\1" + lifetime)
    body = u16(1) + package[:at] + bytes((source,)) + package[at + 1 :]
    message = forge_bytes(room["mallory"], body, ContentType.PROPOSAL, private=True)
    everybody_refuses(Rule.VALUE_UNKNOWN, room, message)


@pytest.mark.rule("VALUE_UNKNOWN")
@pytest.mark.parametrize("credential", [0, 3, 0xFFFF])
def test_a_credential_of_an_unknown_type_is_refused(credential: int) -> None:
    room = usual_room()
    package = forge_key_package(client("dave")).key_package.encode()
    at = package.index(u16(1) + vector(b"dave"))
    body = u16(1) + package[:at] + u16(credential) + package[at + 2 :]
    message = forge_bytes(room["mallory"], body, ContentType.PROPOSAL, private=True)
    everybody_refuses(Rule.VALUE_UNKNOWN, room, message)


@pytest.mark.rule("VALUE_UNKNOWN")
@pytest.mark.parametrize("value", [0, 4, 255])
def test_a_sender_or_content_of_an_undefined_type_is_refused(value: int) -> None:
    room = usual_room()
    for private in (True, False):
        message = forge_message(room["mallory"], Remove(LeafIndex(0)), private=private)
        at = 4 + len(vector(room["bob"].group_id)) + 8
        content_at = at if private else at + 5 + 1
        with refused(Rule.VALUE_UNKNOWN, room["bob"]):
            receive(room["bob"], message[:content_at] + bytes((value,)) + message[content_at + 1 :])
        if not private:
            wrong = value + 1 if value == 4 else value
            with refused(Rule.VALUE_UNKNOWN, room["bob"]):
                receive(room["bob"], message[:at] + bytes((wrong,)) + message[at + 1 :])


class Uneven(Capabilities):
    """Capabilities whose list of versions has three bytes."""

    def encode(self) -> bytes:
        """Section 7.2, but for the list's length."""
        whole = Capabilities.encode(self)
        return vector(b"\0\1\0") + whole[3:]


@pytest.mark.rule("VECTOR_UNEVEN")
def test_a_list_of_two_byte_values_with_an_odd_length_is_refused() -> None:
    room, owner = usual_room(), client("dave")
    had = owner.capabilities
    uneven = Uneven(had.versions, had.cipher_suites, had.extensions, had.proposals, had.credentials)
    package = forge_key_package(replace(owner, capabilities=uneven)).key_package
    assert isinstance(package, KeyPackage)
    for private in (True, False):
        message = forge_message(room["mallory"], Add(package), private=private)
        everybody_refuses(Rule.VECTOR_UNEVEN, room, message)
        forged = forge_commit(room["mallory"], proposals=[Add(package)], private=private)
        everybody_refuses(Rule.VECTOR_UNEVEN, room, forged.message)


# ---- what is inside the encryption
@pytest.mark.rule("TRUNCATED")
def test_every_beginning_of_an_encrypted_content_is_refused() -> None:
    """Sealed by Mallory with the right keys: only the content itself ends too early."""
    room = usual_room()
    whole = seal_bytes(room["mallory"], Remove(LeafIndex(0)))
    for end in range(len(whole)):
        message = forge_message(room["mallory"], Remove(LeafIndex(0)), alter_plain=lambda _, e=end: whole[:e])
        with refused(Rule.TRUNCATED):
            receive(room["bob"], message)
    everybody_refuses(
        Rule.TRUNCATED, room, forge_message(room["mallory"], b"hello", alter_plain=lambda _: b"")
    )


def test_hostile_bytes_raise_nothing_but_our_errors_in_any_place() -> None:
    """Each byte of each kind of message replaced: a refusal, or (in what nobody protects) an answer."""
    for message, door in everything().values():
        for at in range(0, len(message), 7):
            for value in (0, 0x3F, 0x40, 0x80, 0xC0, 0xFF):
                altered = message[:at] + bytes((value,)) + message[at + 1 :]
                if altered == message:
                    continue
                with pytest.raises(RemoteError):
                    door(altered)
