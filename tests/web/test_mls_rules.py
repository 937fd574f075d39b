"""What hostile members commit, before a Python member and two web ones: all refuse it, or all take it.

Whoever takes what others refuse is in an epoch of its own from then on.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

import pytest

import backchannel_mls as mls
from backchannel.room.keys import SeatKeys
from backchannel_mls.group import commit_create, identity, leaf_rules, proposals
from backchannel_mls.tree import treekem
from backchannel_mls.wire.leaf_node import Capabilities
from web.driver import Change, Member, MemberProcess, PythonMember, Refused, Said, WebMember, now_s

FIELD = 2**255 - 19
UNUSABLE_X25519 = {
    "zero": bytes(32),
    "one": (1).to_bytes(32, "little"),
    "order 8": (325606250916557431795983626356110631294008115727848805560023387167927233504).to_bytes(
        32, "little"
    ),
    "the other of order 8": (
        39382357235489614581723060781553021112529911719440698176882885853963445705823
    ).to_bytes(32, "little"),
    "minus one": (FIELD - 1).to_bytes(32, "little"),
    "nine in another spelling": (FIELD + 9).to_bytes(32, "little"),
    "nine with the highest bit": (9 | 1 << 255).to_bytes(32, "little"),
    "31 bytes": b"\t" + bytes(30),
    "33 bytes": b"\t" + bytes(32),
    "none": b"",
}


@pytest.fixture(scope="module")
def node() -> Iterator[MemberProcess]:
    with MemberProcess() as process:
        yield process


@dataclass
class Room:
    """A hostile Python member, an honest one, and two of the web client, in one group."""

    suite: int
    hostile: PythonMember
    honest: list[Member]

    def refuse(self, message: bytes) -> None:
        """Everybody refuses it, and goes on reading."""
        for member in self.honest:
            with pytest.raises(Refused):
                member.receive(message)
        still = self.hostile.encrypt(b"still here")
        assert [one.receive(still) for one in self.honest] == [Said(0, b"still here")] * len(self.honest)

    def take(self, message: bytes) -> None:
        """Everybody takes it, and all come to the same epoch."""
        changes = [member.receive(message) for member in self.honest]
        assert isinstance(changes[0], Change)
        assert changes == [changes[0]] * len(changes)
        told = [member.summary("label", b"", 32) for member in self.honest]
        assert told == [told[0]] * len(told)

    def commit(self, **wish: Any) -> bytes:
        return mls.create_commit(self.hostile.state, now_s=now_s(), **wish).message


@pytest.fixture(params=[1, 83])
def room(node: MemberProcess, request: pytest.FixtureRequest) -> Room:
    suite: int = request.param
    members: list[Member] = [PythonMember(suite), node.member(suite), node.member(suite)]
    made = Room(suite, PythonMember(suite), members)
    made.hostile.create(b"hostile commits!")
    sent = made.hostile.commit([one.key_package()[0] for one in members], [], b"")
    made.hostile.merge()
    assert sent.welcome is not None
    assert sent.tree is not None
    for one in members:
        one.join(sent.welcome, sent.tree)
    return made


class Lawless:
    """The rules of one's own client, switched off while one makes what breaks them; `with` ends it."""

    def __init__(self, *changes: tuple[object, str, Callable[..., Any]]) -> None:
        rules = (
            (commit_create, "check_leaf", nothing),
            (leaf_rules, "check_leaf", nothing),
            (proposals, "check_key_package", nothing),
        )
        self._changes = [*rules, *changes]
        self._stack = ExitStack()

    def __enter__(self) -> None:
        patch = self._stack.enter_context(pytest.MonkeyPatch.context())
        for target, name, value in self._changes:
            patch.setattr(target, name, value)

    def __exit__(self, *_: object) -> None:
        self._stack.close()


def nothing(*_: object, **__: object) -> None:
    """Takes everything."""


def signing(key: bytes) -> tuple[object, str, Callable[..., Any]]:
    """Leaves are signed over `key` in place of their encryption key."""
    plain = identity.Identity.sign_leaf

    def sign(self: identity.Identity, _: bytes, *rest: Any, **words: Any) -> mls.LeafNode:
        return plain(self, key, *rest, **words)

    return identity.Identity, "sign_leaf", sign


def package(suite: int, **words: Any) -> mls.KeyPackageBundle:
    return mls.create_key_package(SeatKeys.generate(suite).identity(), now_s=now_s(), **words)


def unusable(suite: int) -> dict[str, bytes]:
    """Encryption keys of the suite that nobody can use, or that have another spelling."""
    if suite == 1:
        return UNUSABLE_X25519
    whole = mls.cipher_suite(suite).derive_key_pair(os.urandom(64))[1]
    hybrid = {name: whole[:1184] + key for name, key in UNUSABLE_X25519.items()}
    above = {"first": b"\x01\x0d\x00" + whole[3:], "last": whole[:1149] + b"\x00\x10\xd0" + whole[1152:]}
    return {**hybrid, **above, "five bytes": bytes(5)}


def test_a_path_whose_leaf_lists_only_another_suite(room: Room) -> None:
    own = room.hostile.state.group.identity
    other = Capabilities((1,), (84 - room.suite,), (), (), (1,))
    with Lawless():
        message = room.commit(identity=replace(own, capabilities=other))
    room.refuse(message)
    both = Capabilities((1,), (84 - room.suite, room.suite), (), (), (1,))
    room.take(room.commit(identity=replace(own, capabilities=both)))


def test_a_path_whose_leaf_has_an_unusable_key(room: Room) -> None:
    for key in unusable(room.suite).values():
        with Lawless(signing(key)):
            message = room.commit(force_path=True)
        room.refuse(message)
    room.take(room.commit(force_path=True))


def test_an_added_leaf_with_an_unusable_key(room: Room, node: MemberProcess) -> None:
    for key in unusable(room.suite).values():
        with Lawless(signing(key)):
            message = room.commit(add=[package(room.suite).key_package])
        room.refuse(message)
    room.take(room.commit(add=[package(room.suite).key_package]))


def test_a_path_with_too_many_or_too_few_secrets(room: Room) -> None:
    plain = treekem._seal_to

    def too_few(*arguments: Any) -> tuple[Any, ...]:
        sealed = plain(*arguments)
        return sealed[:-1] if len(sealed) > 1 else sealed

    def too_many(*arguments: Any) -> tuple[Any, ...]:
        sealed = plain(*arguments)
        return (*sealed, sealed[-1])

    for changed in (too_few, too_many):
        with Lawless((treekem, "_seal_to", changed)):
            message = room.commit(force_path=True)
        room.refuse(message)
    coming = package(room.suite).key_package
    with Lawless((treekem, "recipients", lambda tree, copath, _: tree.resolution(copath))):
        message = room.commit(add=[coming], force_path=True)
    room.refuse(message)  # who is new has its secret from the Welcome, and none in the path
    room.take(room.commit(add=[coming], force_path=True))


def test_extensions_that_stand_in_a_list_twice(room: Room) -> None:
    once, twice = [mls.Extension(0x0A0A, b"x")], [mls.Extension(0x0A0A, b"x"), mls.Extension(0x0A0A, b"y")]
    room.refuse(room.commit(add=[package(room.suite, extensions=twice).key_package]))
    room.take(room.commit(add=[package(room.suite, extensions=once).key_package]))


@pytest.mark.parametrize("committer", ["Python", "web"])
@pytest.mark.parametrize("newcomer", ["Python", "web"])
def test_somebody_is_replaced_by_one_with_the_same_keys(
    node: MemberProcess, committer: str, newcomer: str
) -> None:
    """Keys are unique among the members of the new tree alone (RFC 9420, sections 7.3 and 12.2)."""
    for suite in (1, 83):
        made: dict[str, Member] = {"Python": PythonMember(suite), "web": node.member(suite)}
        own, gone = made.pop(committer), PythonMember(suite)
        others: list[Member] = [*made.values(), PythonMember(suite), node.member(suite)]
        own.create(b"one comes again!")
        sent = own.commit([one.key_package()[0] for one in (gone, *others)], [], b"")
        own.merge()
        assert sent.welcome is not None
        assert sent.tree is not None
        for one in (gone, *others):
            one.join(sent.welcome, sent.tree)
        again = again_as(node, newcomer, gone)
        sent = own.commit([again.key_package()[0]], [1], b"")
        changes = [one.receive(sent.message) for one in (gone, *others)]
        assert changes == [changes[0]] * len(changes)
        own.merge()
        assert sent.welcome is not None
        assert sent.tree is not None
        again.join(sent.welcome, sent.tree)
        told = [one.summary("label", b"", 32) for one in (own, again, *others)]
        assert told == [told[0]] * len(told)


def again_as(node: MemberProcess, kind: str, gone: PythonMember) -> Member:
    """A member with the signature key and the credential of another."""
    if kind == "web":
        return WebMember(node, f"again {gone.keys.seat.hex()}", gone.keys)
    again = PythonMember(gone.keys.suite)
    again.keys = gone.keys
    return again


def test_signature_keys_of_small_order_or_in_another_spelling(room: Room) -> None:
    """S = 0 and R = the identity: a signature of everything, for implementations that take such a key."""
    order_8 = "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"
    neutral = b"\1" + bytes(31)
    keys = [neutral, bytes(32), (FIELD - 1).to_bytes(32, "little"), bytes.fromhex(order_8)]
    keys += [key[:31] + bytes((key[31] | 128,)) for key in keys]
    keys += [(FIELD + 1).to_bytes(32, "little"), (FIELD + 3).to_bytes(32, "little")]
    own = room.hostile.state.group.identity
    for key in keys:
        with Lawless():
            message = room.commit(identity=replace(own, signature_key=key, signing_key=Anything(neutral)))
        room.refuse(message)


@dataclass(frozen=True)
class Anything:
    """Signs all content alike."""

    point: bytes

    def sign(self, content: bytes) -> bytes:
        return self.point + bytes(32)
