"""What a vector says, checked: shared by the official vectors and those of our own making.

Each check takes a vector in the format of mls-implementations.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import pytest

from backchannel_mls import (
    BasicCredential,
    EpochNumber,
    Generation,
    GroupContext,
    GroupId,
    GroupState,
    GroupStatus,
    Identity,
    KeyPackage,
    KeyPackageBundle,
    LeafIndex,
    Policy,
    PrivateMessage,
    ProposalReceived,
    PskId,
    PublicMessage,
    RemoteError,
    Rule,
    Sender,
    SenderType,
    Settings,
    StagedCommit,
    cipher_suite,
    encode_message,
    join_group,
    load_state,
    merge_commit,
    parse_message,
    receive,
    records,
)
from backchannel_mls.codec import parse_all
from backchannel_mls.group.protection import VerifiedContent, open_private, open_public
from backchannel_mls.group.state import EpochKeys, EpochState, MessageKeys
from backchannel_mls.schedule.key_schedule import commit_secrets, epoch_secrets, export_secret
from backchannel_mls.schedule.secret_tree import SecretTree, Windows, sender_data_key_and_nonce
from backchannel_mls.tree.ratchet_tree import RatchetTree
from backchannel_mls.tree.validation import verify_tree
from backchannel_mls.wire.commit import Commit
from backchannel_mls.wire.framing import Body
from backchannel_mls.wire.proposal import parse_proposal
from backchannel_mls.wire.psk import ExternalPskId
from vectors.cases import Vector, unhex

# ---- the key schedule
DERIVED = (
    "sender_data_secret",
    "encryption_secret",
    "exporter_secret",
    "external_secret",
    "confirmation_key",
    "membership_key",
    "resumption_psk",
    "epoch_authenticator",
    "init_secret",
)


def check_key_schedule(case: Vector) -> None:
    """Every epoch has the given secrets."""
    suite = cipher_suite(case["cipher_suite"])
    init_secret = unhex(case["initial_init_secret"])
    for number, epoch in enumerate(case["epochs"]):
        context = GroupContext(
            suite.id,
            GroupId(unhex(case["group_id"])),
            EpochNumber(number),
            unhex(epoch["tree_hash"]),
            unhex(epoch["confirmed_transcript_hash"]),
            (),
        )
        encoded = context.encode()
        assert encoded == unhex(epoch["group_context"])
        assert parse_all(encoded, GroupContext.parse) == context
        joiner = commit_secrets(
            suite, init_secret, unhex(epoch["commit_secret"]), unhex(epoch["psk_secret"]), encoded
        )
        assert joiner.joiner_secret == unhex(epoch["joiner_secret"])
        assert joiner.welcome_secret == unhex(epoch["welcome_secret"])
        secrets = epoch_secrets(suite, joiner, encoded)
        assert {name: getattr(secrets, name) for name in DERIVED} == {
            name: unhex(epoch[name]) for name in DERIVED
        }
        assert suite.derive_key_pair(secrets.external_secret)[1] == unhex(epoch["external_pub"])
        given = epoch["exporter"]
        exported = export_secret(
            suite, secrets.exporter_secret, given["label"].encode(), unhex(given["context"]), given["length"]
        )
        assert exported == unhex(given["secret"])
        init_secret = secrets.init_secret


# ---- the secret tree
WINDOWS: Final = Windows(forward_generations=1000, skipped_keys=1000)
RATCHETS: Final = (("application", False), ("handshake", True))


def given_key(step: Vector, kind: str) -> tuple[bytes, bytes]:
    return unhex(step[f"{kind}_key"]), unhex(step[f"{kind}_nonce"])


def check_sender_data_key(case: Vector) -> None:
    """The key and nonce of sender data."""
    suite, given = cipher_suite(case["cipher_suite"]), case["sender_data"]
    secret, ciphertext = unhex(given["sender_data_secret"]), unhex(given["ciphertext"])
    found = sender_data_key_and_nonce(suite, secret, ciphertext)
    assert found == (unhex(given["key"]), unhex(given["nonce"]))


def check_received_keys(case: Vector, kind: str, handshake: bool) -> None:
    """A receiver finds the given keys, in order and in reverse."""
    suite = cipher_suite(case["cipher_suite"])
    whole = SecretTree.of_epoch(suite, len(case["leaves"]), unhex(case["encryption_secret"]))
    for steps_of in (list, lambda steps: list(reversed(steps))):
        tree = whole
        for index, steps in enumerate(case["leaves"]):
            for step in steps_of(steps):
                generation = Generation(step["generation"])
                found = tree.key_for(LeafIndex(index), generation, WINDOWS, handshake=handshake)
                assert (found.key, found.nonce) == given_key(step, kind)
                tree = found.spent


def check_sent_keys(case: Vector, kind: str, handshake: bool) -> None:
    """A sender takes the given keys."""
    suite = cipher_suite(case["cipher_suite"])
    tree = SecretTree.of_epoch(suite, len(case["leaves"]), unhex(case["encryption_secret"]))
    for index, steps in enumerate(case["leaves"]):
        wanted = {step["generation"]: given_key(step, kind) for step in steps}
        for number in range(max(wanted) + 1):
            generation, key, nonce, tree = tree.next_key(LeafIndex(index), handshake=handshake)
            assert generation == number
            assert wanted.get(number, (key, nonce)) == (key, nonce)


# ---- trees
def tree_of(case: Vector, name: str = "tree") -> RatchetTree:
    return RatchetTree.parse(cipher_suite(case["cipher_suite"]), unhex(case[name]))


def check_tree_encoding(case: Vector) -> None:
    """A tree is written as it was read."""
    assert tree_of(case).encode() == unhex(case["tree"])


def check_tree_hashes(case: Vector) -> None:
    """Every node has the given hash and resolution."""
    tree = tree_of(case)
    width = len(case["tree_hashes"])
    assert len(tree.nodes) == width == len(case["resolutions"])
    assert [tree.tree_hash(node).hex() for node in range(width)] == case["tree_hashes"]
    assert [tree.resolution(node) for node in range(width)] == case["resolutions"]


def check_tree_is_valid(case: Vector) -> None:
    """A tree is valid and its leaves are signed."""
    tree = tree_of(case)
    verify_tree(tree)
    group_id = GroupId(unhex(case["group_id"]))
    members = list(tree.leaves())
    assert members
    for index, leaf in members:
        key = tree.suite.verifying_key(leaf.signature_key)
        content = leaf.signed_content(group_id, index)
        tree.suite.verify_with_label(
            key, b"LeafNodeTBS", content, leaf.signature, Rule.LEAF_SIGNATURE_INVALID
        )


# ---- messages
SENDER: Final = Sender(SenderType.MEMBER, 1)
RECEIVER: Final = LeafIndex(0)
KINDS: Final = ("application", "proposal", "commit")


def state_of(case: Vector, own_leaf: LeafIndex) -> GroupState:
    """One of the two members; the vectors give secrets instead of a tree."""
    suite = cipher_suite(case["cipher_suite"])
    context = GroupContext(
        suite.id,
        GroupId(unhex(case["group_id"])),
        EpochNumber(case["epoch"]),
        unhex(case["tree_hash"]),
        unhex(case["confirmed_transcript_hash"]),
        (),
    )
    messages = MessageKeys(
        context.group_id,
        context.epoch,
        context.encode(),
        unhex(case["sender_data_secret"]),
        SecretTree.of_epoch(suite, 2, unhex(case["encryption_secret"])),
        (unhex(case["signature_pub"]), unhex(case["signature_pub"])),
    )
    group = EpochState(
        suite=suite,
        settings=Settings(),
        status=GroupStatus.ACTIVE,
        identity=Identity.restore(suite.id, BasicCredential(b""), unhex(case["signature_priv"])),
        own_leaf=own_leaf,
        context=context,
        tree=RatchetTree(suite, [None, None, None]),
        private_keys={},
        keys=EpochKeys(b"", b"", b"", unhex(case["membership_key"]), b""),
        interim_transcript_hash=b"",
        confirmation_tag=b"",
        resumption_psks={},
    )
    return GroupState(group, messages)


def body_of(case: Vector, kind: str) -> Body:
    data = unhex(case[kind])
    if kind == "application":
        return data
    return parse_all(data, parse_proposal) if kind == "proposal" else parse_all(data, Commit.parse)


def open_message(state: GroupState, data: bytes) -> VerifiedContent:
    message = parse_message(data)
    assert encode_message(message) == data
    if isinstance(message, PrivateMessage):
        return open_private(state, message)
    assert isinstance(message, PublicMessage)
    return open_public(state, message)


def check_given_messages(case: Vector, kind: str) -> None:
    """The given messages open."""
    state = state_of(case, RECEIVER)
    for name in (f"{kind}_priv", f"{kind}_pub"):
        if name not in case:
            assert name == "application_pub"
            continue
        opened = open_message(state, unhex(case[name]))
        assert opened.content.body == body_of(case, kind)
        assert opened.content.sender == SENDER
        assert opened.wire_format.name.lower().startswith(name.removeprefix(f"{kind}_"))


# ---- groups
ANY_LIFETIME = Policy(max_lifetime_s=1 << 64)
"""The vectors' key packages never expire."""


def bundle_of(case: Vector) -> KeyPackageBundle:
    key_package = parse_message(unhex(case["key_package"]))
    assert isinstance(key_package, KeyPackage)
    leaf = key_package.leaf_node
    identity = Identity.restore(
        case["cipher_suite"],
        leaf.credential,
        unhex(case["signature_priv"]),
        capabilities=leaf.capabilities,
        extensions=leaf.extensions,
    )
    assert identity.signature_key == leaf.signature_key
    return KeyPackageBundle(identity, key_package, unhex(case["init_priv"]), unhex(case["encryption_priv"]))


def psks_of(case: Vector) -> Callable[[PskId], bytes | None]:
    known = {unhex(one["psk_id"]): unhex(one["psk"]) for one in case["external_psks"]}
    return lambda psk_id: known.get(psk_id.psk_id) if isinstance(psk_id, ExternalPskId) else None


def join(case: Vector, psks: Callable[[PskId], bytes | None]) -> GroupState:
    tree = case["ratchet_tree"]
    return join_group(
        bundle_of(case),
        unhex(case["welcome"]),
        ratchet_tree=None if tree is None else unhex(tree),
        psks=psks,
        policy=ANY_LIFETIME,
    )


def reloaded(state: GroupState) -> GroupState:
    return load_state(records(state))


def same(state: GroupState) -> GroupState:
    return state


def follow_group(case: Vector, between: Callable[[GroupState], GroupState]) -> None:
    """A client joins and follows the given commits; `between` is applied to each state."""
    state, psks = between(join(case, psks_of(case))), psks_of(case)
    for epoch in case["epochs"]:
        for proposal in epoch["proposals"]:
            received = receive(state, unhex(proposal), psks=psks, policy=ANY_LIFETIME)
            assert isinstance(received, ProposalReceived)
            state = between(received.state)
        staged = receive(state, unhex(epoch["commit"]), psks=psks, policy=ANY_LIFETIME)
        assert isinstance(staged, StagedCommit)
        before, state = state, between(merge_commit(staged, state))
        assert state.epoch == before.epoch + 1
        assert state.epoch_authenticator == unhex(epoch["epoch_authenticator"])
        with pytest.raises(RemoteError) as replayed:
            receive(state, unhex(epoch["commit"]), psks=psks, policy=ANY_LIFETIME)
        assert replayed.value.rule is Rule.EPOCH_WRONG
