"""A small group with real messages of every kind, each with what a client does on receiving it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from random import Random
from typing import Final, assert_never

from backchannel_mls import (
    Add,
    ApplicationReceived,
    BasicCredential,
    Extension,
    ExtensionType,
    ExternalPskId,
    ExternalSender,
    GroupContextExtensions,
    GroupState,
    Identity,
    KeyPackageBundle,
    LeafIndex,
    PreSharedKey,
    ProposalReceived,
    PskId,
    Received,
    ReInit,
    Remove,
    StagedCommit,
    cipher_suite,
    create_commit,
    create_group,
    create_group_info,
    create_key_package,
    decode_state,
    decode_transition,
    encode_state,
    encode_transition,
    encrypt,
    join_by_external_commit,
    join_group,
    merge_commit,
    propose,
    propose_from_outside,
    propose_join,
    propose_update,
    receive,
    verify_key_package,
)
from backchannel_mls.types import MLS10, GroupId
from backchannel_mls.wire.extension import encode_external_senders

NOW_S: Final = 1_800_000_000
PSK_ID: Final = b"a key from elsewhere"
GROUP_ID: Final = b"group"


@dataclass(frozen=True)
class Target:
    """One real message, and what handling it means: `handle` returns all that a client learns from it."""

    name: str
    message: bytes
    handle: Callable[[bytes], object]
    stored: bool = False
    """Whether it comes from the own store: damage there is a LocalError, and nothing is authenticated."""


@dataclass(frozen=True)
class Scenario:
    """Alice, who sends, and Bob, who receives."""

    alice: GroupState
    bob: GroupState
    newcomer: KeyPackageBundle
    targets: tuple[Target, ...]


def psks(psk_id: PskId) -> bytes | None:
    """The application's pre-shared keys."""
    return b"secret" if isinstance(psk_id, ExternalPskId) and psk_id.psk_id == PSK_ID else None


def identity(suite_id: int, name: str) -> Identity:
    """A client whose keys follow from its name."""
    private = cipher_suite(suite_id).hash(b"signature key of " + name.encode())[:32]
    return Identity.restore(suite_id, BasicCredential(name.encode()), private)


def learned(received: Received) -> object:
    """What a client learns from a message of the group: two messages that agree in it mean the same."""
    match received:
        case ApplicationReceived():
            return received.sender, received.epoch, received.authenticated_data, received.data
        case ProposalReceived():
            return received.sender, received.proposal, received.authenticated_data
        case StagedCommit():
            effect = received.effect
            state = received.transition.group
            return effect.sender, effect.proposals, effect.authenticated_data, state.keys.epoch_authenticator
        case _:
            assert_never(received)


def view(state: GroupState) -> object:
    """What a new member learns."""
    return state.epoch_authenticator, state.own_leaf, state.tree.tree_hash()


class Builder:
    """Makes a scenario step by step; all chance that the package lets one choose comes from the seed."""

    def __init__(self, suite_id: int, seed: int) -> None:
        self.suite_id = suite_id
        self.random = Random(seed)
        self.targets: list[Target] = []
        self.late = b""
        self.outsider = identity(suite_id, "server")

    def bundle(self, name: str) -> KeyPackageBundle:
        """A key package of a new client."""
        return create_key_package(identity(self.suite_id, name), now_s=NOW_S, random=self.random.randbytes)

    def group(self) -> tuple[GroupState, GroupState]:
        """Alice and Bob after a few epochs with Carol and Dave, of whom Dave is gone again."""
        senders = encode_external_senders(
            [ExternalSender(self.outsider.signature_key, self.outsider.credential)]
        )
        alice = create_group(
            identity(self.suite_id, "alice"),
            group_id=GROUP_ID,
            now_s=NOW_S,
            extensions=[Extension(ExtensionType.EXTERNAL_SENDERS, senders)],
            random=self.random.randbytes,
        )
        joiner = self.bundle("bob")
        first = create_commit(
            alice,
            add=[joiner.message, *(self.bundle(name).message for name in ("carol", "dave"))],
            now_s=NOW_S,
            random=self.random.randbytes,
        )
        alice = merge_commit(first.staged, first.sender_state)
        assert first.welcome is not None
        bob = join_group(joiner, first.welcome)
        for remove in ((), (3,)):
            late = encrypt(alice, b"late", random=self.random.randbytes)
            self.late = late.message
            pending = create_commit(late.state, remove=remove, force_path=True, random=self.random.randbytes)
            alice, old = merge_commit(pending.staged, pending.sender_state), bob
            received = receive(bob, pending.message)
            assert isinstance(received, StagedCommit)
            bob = merge_commit(received, old)
        return alice, bob

    def add(self, name: str, message: bytes, handle: Callable[[bytes], object], stored: bool = False) -> None:
        self.targets.append(Target(name, message, handle, stored))

    def to_bob(self, name: str, message: bytes, bob: GroupState) -> None:
        """A message that Bob receives."""
        self.add(name, message, lambda data: learned(receive(bob, data, psks=psks, now_s=NOW_S)))

    def build(self) -> Scenario:
        alice, bob = self.group()
        newcomer = self.bundle("newcomer")
        self.application(alice, bob)
        self.proposals(alice, bob)
        self.commits(alice, bob)
        self.outside(alice, bob, newcomer)
        self.joining(alice, newcomer)
        self.storage(alice, bob, newcomer)
        return Scenario(alice, bob, newcomer, tuple(self.targets))

    def application(self, alice: GroupState, bob: GroupState) -> None:
        """Application messages: the first, one far ahead, one late, one padded."""
        self.to_bob("application of a past epoch", self.late, bob)
        state = alice
        for number in range(8):
            sent = encrypt(
                state,
                b"message %d" % number,
                authenticated_data=b"clear",
                padding=64 * (number & 1),
                random=self.random.randbytes,
            )
            state = sent.state
            if number in (0, 3, 7):
                self.to_bob(f"application {number}", sent.message, bob)

    def proposals(self, alice: GroupState, bob: GroupState) -> None:
        """Proposals of a member, private and public."""
        nonce = self.random.randbytes(alice.suite.hash_size)
        some = (
            Add(self.bundle("erin").key_package),
            Remove(LeafIndex(2)),
            PreSharedKey(ExternalPskId(PSK_ID, nonce)),
            ReInit(GroupId(b"next"), MLS10, self.suite_id, ()),
            GroupContextExtensions(()),
        )
        for private in (True, False):
            word = "private" if private else "public"
            for one in some:
                sent = propose(alice, one, private=private, now_s=NOW_S, random=self.random.randbytes)
                self.to_bob(f"{word} {type(one).__name__}", sent.message, bob)
            sent = propose_update(alice, private=private, random=self.random.randbytes)
            self.to_bob(f"{word} Update", sent.message, bob)

    def commits(self, alice: GroupState, bob: GroupState) -> None:
        """Commits of a member: with and without path, by value and by reference, private and public."""
        proposed = propose(
            alice,
            PreSharedKey(ExternalPskId(PSK_ID, self.random.randbytes(alice.suite.hash_size))),
            random=self.random.randbytes,
        )
        told = receive(bob, proposed.message)
        assert isinstance(told, ProposalReceived)
        for private in (True, False):
            word = "private" if private else "public"
            package = self.bundle(f"fred {word}").message
            for name, sender, receiver, remove in (
                ("commit that adds", alice, bob, ()),
                ("commit that adds and removes", alice, bob, (2,)),
                ("commit by reference", proposed.state, told.state, ()),
            ):
                pending = create_commit(
                    sender,
                    add=[package],
                    remove=remove,
                    private=private,
                    authenticated_data=b"clear",
                    psks=psks,
                    now_s=NOW_S,
                    random=self.random.randbytes,
                )
                self.to_bob(f"{word} {name}", pending.message, receiver)

    def outside(self, alice: GroupState, bob: GroupState, newcomer: KeyPackageBundle) -> None:
        """What those outside send, and what they are given."""
        group_id, epoch = bob.group_id, bob.epoch
        self.to_bob("proposal to join", propose_join(newcomer, group_id=group_id, epoch=epoch), bob)
        removal = Remove(LeafIndex(2))
        proposed = propose_from_outside(self.outsider, 0, removal, group_id=group_id, epoch=epoch)
        self.to_bob("proposal of an external sender", proposed, bob)
        info = create_group_info(alice, external_pub=True)
        joined = join_by_external_commit(newcomer.identity, info, random=self.random.randbytes)
        self.to_bob("external commit", joined.message, bob)
        self.to_bob("group info to a member", info, bob)
        self.to_bob("key package to a member", newcomer.message, bob)

        def join(data: bytes) -> object:
            pending = join_by_external_commit(newcomer.identity, data, random=bytes)
            effect = pending.effect
            return effect.epoch, effect.extensions, [leaf for _, leaf in effect.tree.leaves()][:-1]

        self.add("group info", info, join)

    def joining(self, alice: GroupState, newcomer: KeyPackageBundle) -> None:
        """Key packages, Welcomes, and trees beside them."""
        pending = create_commit(
            alice,
            add=[newcomer.message, self.bundle("twin").message],
            force_path=True,
            now_s=NOW_S,
            random=self.random.randbytes,
        )
        welcome, tree = pending.welcome, pending.ratchet_tree
        bare = create_commit(
            alice,
            add=[newcomer.message],
            tree_in_welcome=False,
            now_s=NOW_S,
            random=self.random.randbytes,
        )
        assert welcome is not None
        assert bare.welcome is not None
        outside, outside_tree = bare.welcome, bare.ratchet_tree
        self.add("welcome", welcome, lambda data: view(join_group(newcomer, data)))
        self.add(
            "welcome without tree",
            outside,
            lambda data: view(join_group(newcomer, data, ratchet_tree=outside_tree)),
        )
        self.add(
            "ratchet tree",
            outside_tree,
            lambda data: view(join_group(newcomer, outside, ratchet_tree=data)),
        )
        assert tree
        self.add(
            "key package",
            newcomer.message,
            lambda data: verify_key_package(data, self.suite_id, now_s=NOW_S).key_package,
        )

    def storage(self, alice: GroupState, bob: GroupState, newcomer: KeyPackageBundle) -> None:
        """What lies in the own store: damaged, it is a LocalError or another state, never anything else."""
        pending = create_commit(alice, force_path=True, random=self.random.randbytes)
        skipped = receive(bob, next(one.message for one in self.targets if one.name == "application 3"))
        assert isinstance(skipped, ApplicationReceived)
        self.add(
            "stored state", encode_state(skipped.state), lambda data: encode_state(decode_state(data)), True
        )
        self.add(
            "stored commit",
            encode_transition(pending.staged),
            lambda data: encode_transition(decode_transition(data)),
            True,
        )
        self.add(
            "stored key package",
            newcomer.encode(),
            lambda data: KeyPackageBundle.decode(data).encode(),
            True,
        )


def build_scenario(suite_id: int, seed: int) -> Scenario:
    """See the module."""
    return Builder(suite_id, seed).build()
