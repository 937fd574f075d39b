"""Makes tests/vectors/own/: small vectors of our own, for machines without the official ones.

    PYTHONPATH=shared:tests python tests/vectors/make_own.py

They have the format of mls-implementations, one file for each of the suites 1 and 83 (for which there
are no official vectors). What the package lets one choose comes from a seed. HPKE's ephemeral keys do
not: a file made again differs in its ciphertexts, so make them again only when what they say changes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Final

from backchannel_mls import (
    BasicCredential,
    CipherSuite,
    ContentType,
    EpochNumber,
    GroupContext,
    GroupId,
    GroupState,
    Identity,
    KeyPackageBundle,
    LeafIndex,
    PreSharedKey,
    Remove,
    WireFormat,
    cipher_suite,
    create_commit,
    create_group,
    create_key_package,
    merge_commit,
    propose,
)
from backchannel_mls.group.protection import encrypt_content, public_message, sign_content
from backchannel_mls.schedule.key_schedule import commit_secrets, epoch_secrets, export_secret
from backchannel_mls.schedule.secret_tree import SecretTree, sender_data_key_and_nonce
from backchannel_mls.wire.commit import Commit
from backchannel_mls.wire.framing import Body, encode_body
from backchannel_mls.wire.psk import ExternalPskId
from vectors.cases import Vector
from vectors.checks import DERIVED, RATCHETS, SENDER, state_of

FOLDER: Final = Path(__file__).resolve().parent / "own"
SUITE_IDS: Final = (1, 83)
NOW_S: Final = 1_800_000_000
LIFETIME_S: Final = 300 * 24 * 3600
GROUP_ID: Final = GroupId(b"vectors of our own")
PSK: Final = (b"psk id", b"pre-shared key")


def key_schedule(suite: CipherSuite, random: Random) -> Vector:
    """Three epochs of the key schedule."""
    size = suite.hash_size
    init_secret = random.randbytes(size)
    case: Vector = {
        "cipher_suite": suite.id,
        "group_id": GROUP_ID.hex(),
        "initial_init_secret": init_secret.hex(),
        "epochs": [],
    }
    for number in range(3):
        tree_hash, transcript, commit_secret, psk = (random.randbytes(size) for _ in range(4))
        context = GroupContext(suite.id, GROUP_ID, EpochNumber(number), tree_hash, transcript, ()).encode()
        joiner = commit_secrets(suite, init_secret, commit_secret, psk, context)
        secrets = epoch_secrets(suite, joiner, context)
        label, exporter_context = f"label of epoch {number}", random.randbytes(20)
        exported = export_secret(suite, secrets.exporter_secret, label.encode(), exporter_context, 40)
        case["epochs"].append(
            {
                "tree_hash": tree_hash.hex(),
                "confirmed_transcript_hash": transcript.hex(),
                "commit_secret": commit_secret.hex(),
                "psk_secret": psk.hex(),
                "group_context": context.hex(),
                "joiner_secret": joiner.joiner_secret.hex(),
                "welcome_secret": joiner.welcome_secret.hex(),
                "external_pub": suite.derive_key_pair(secrets.external_secret)[1].hex(),
                "exporter": {
                    "label": label,
                    "context": exporter_context.hex(),
                    "length": 40,
                    "secret": exported.hex(),
                },
                **{name: getattr(secrets, name).hex() for name in DERIVED},
            }
        )
        init_secret = secrets.init_secret
    return case


def secret_tree(suite: CipherSuite, random: Random) -> Vector:
    """Some keys of four senders."""
    encryption_secret, sender_data_secret = (random.randbytes(suite.hash_size) for _ in range(2))
    ciphertext = random.randbytes(77)
    key, nonce = sender_data_key_and_nonce(suite, sender_data_secret, ciphertext)
    whole = SecretTree.of_epoch(suite, 4, encryption_secret)
    return {
        "cipher_suite": suite.id,
        "encryption_secret": encryption_secret.hex(),
        "sender_data": {
            "sender_data_secret": sender_data_secret.hex(),
            "ciphertext": ciphertext.hex(),
            "key": key.hex(),
            "nonce": nonce.hex(),
        },
        "leaves": [sender_keys(whole, LeafIndex(leaf), (0, 1, 15)) for leaf in range(4)],
    }


def sender_keys(tree: SecretTree, leaf: LeafIndex, wanted: Sequence[int]) -> list[Vector]:
    """One sender's keys of the wanted generations."""
    steps: dict[int, Vector] = {number: {"generation": number} for number in wanted}
    for kind, handshake in RATCHETS:
        stepped = tree
        for _ in range(max(wanted) + 1):
            generation, key, nonce, stepped = stepped.next_key(leaf, handshake=handshake)
            if generation in steps:
                steps[generation] |= {f"{kind}_key": key.hex(), f"{kind}_nonce": nonce.hex()}
    return list(steps.values())


def message_protection(suite: CipherSuite, random: Random) -> Vector:
    """Messages of every kind under fixed secrets."""
    size = suite.hash_size
    private = random.randbytes(32)
    case: Vector = {
        "cipher_suite": suite.id,
        "group_id": GROUP_ID.hex(),
        "epoch": 1_184_274,
        "signature_priv": private.hex(),
        "signature_pub": suite.signature.public_of(private).hex(),
        **{
            name: random.randbytes(size).hex()
            for name in (
                "tree_hash",
                "confirmed_transcript_hash",
                "encryption_secret",
                "sender_data_secret",
                "membership_key",
            )
        },
    }
    proposal = Remove(LeafIndex(0))
    bodies: dict[str, Body] = {
        "application": b"a message of our own",
        "proposal": proposal,
        "commit": Commit((proposal, PreSharedKey(ExternalPskId(PSK[0], random.randbytes(size)))), None),
    }
    for kind, body in bodies.items():
        case[kind] = (body if isinstance(body, bytes) else encode_body(body)).hex()
        case[f"{kind}_priv"] = protected(case, body, WireFormat.PRIVATE_MESSAGE, random).hex()
        if kind != "application":
            case[f"{kind}_pub"] = protected(case, body, WireFormat.PUBLIC_MESSAGE, random).hex()
    return case


def protected(case: Vector, body: Body, wire_format: WireFormat, random: Random) -> bytes:
    """One message of the member at leaf 1."""
    state = state_of(case, LeafIndex(1))
    suite, keys = state.suite, state.messages
    signed = sign_content(state.group.identity, keys, SENDER, body, b"clear", wire_format)
    tag = random.randbytes(suite.hash_size) if signed.content_type is ContentType.COMMIT else None
    if wire_format is WireFormat.PUBLIC_MESSAGE:
        return public_message(suite, state.group.keys.membership_key, keys.context, signed, tag)
    return encrypt_content(suite, keys, state.own_leaf, signed, tag, 32, random.randbytes)[1]


class Group:
    """A group in which the first member does everything; the vectors are what the others see."""

    def __init__(self, suite: CipherSuite, random: Random) -> None:
        self.suite = suite
        self.random = random
        self.state = create_group(
            self.identity("client 0"), group_id=GROUP_ID, now_s=NOW_S, random=random.randbytes
        )

    def identity(self, name: str) -> Identity:
        private = self.random.randbytes(32)
        return Identity.restore(self.suite.id, BasicCredential(name.encode()), private)

    def bundle(self, name: str) -> KeyPackageBundle:
        return create_key_package(
            self.identity(name), now_s=NOW_S, lifetime_s=LIFETIME_S, random=self.random.randbytes
        )

    def commit(
        self,
        add: Sequence[KeyPackageBundle] = (),
        remove: Sequence[int] = (),
        private: bool = True,
        force_path: bool = False,
        tree_in_welcome: bool = True,
    ) -> tuple[bytes, bytes | None]:
        """Merges a commit; returns it and its Welcome."""
        pending = create_commit(
            self.state,
            add=[bundle.key_package for bundle in add],
            remove=remove,
            private=private,
            force_path=force_path,
            tree_in_welcome=tree_in_welcome,
            psks=lambda _: PSK[1],
            now_s=NOW_S,
            random=self.random.randbytes,
        )
        self.state = merge_commit(pending.staged, pending.sender_state)
        return pending.message, pending.welcome


def passive_client(suite: CipherSuite, random: Random, tree_in_welcome: bool) -> Vector:
    """A client that joins as the third member and follows three commits, or one where the tree is outside."""
    group = Group(suite, random)
    group.commit(add=[group.bundle("client 1")], force_path=True)
    joiner = group.bundle("client 2")
    _, welcome = group.commit(add=[joiner], force_path=True, tree_in_welcome=tree_in_welcome)
    assert welcome is not None
    case: Vector = {
        "cipher_suite": suite.id,
        "external_psks": [{"psk_id": PSK[0].hex(), "psk": PSK[1].hex()}],
        "key_package": joiner.message.hex(),
        "signature_priv": joiner.identity.signature_private.hex(),
        "encryption_priv": joiner.encryption_private.hex(),
        "init_priv": joiner.init_private.hex(),
        "welcome": welcome.hex(),
        "ratchet_tree": None if tree_in_welcome else group.state.tree.encode().hex(),
        "initial_epoch_authenticator": group.state.epoch_authenticator.hex(),
        "epochs": [],
    }
    psk = PreSharedKey(ExternalPskId(PSK[0], random.randbytes(suite.hash_size)))
    steps: tuple[tuple[PreSharedKey | None, list[KeyPackageBundle], list[int], bool], ...] = (
        (psk, [], [], True),
        (None, [group.bundle("client 3")], [], False),
        (None, [], [1], True),
    )
    for proposal, add, remove, private in steps if tree_in_welcome else steps[:1]:
        proposals: list[str] = []
        if proposal is not None:
            sent = propose(group.state, proposal, random=random.randbytes)
            group.state = sent.state
            proposals.append(sent.message.hex())
        commit, _ = group.commit(add, remove, private)
        case["epochs"].append(
            {
                "proposals": proposals,
                "commit": commit.hex(),
                "epoch_authenticator": group.state.epoch_authenticator.hex(),
            }
        )
    return case


def tree_validation(suite: CipherSuite, random: Random) -> Vector:
    """A tree with blank and unmerged leaves and nodes of several commits."""
    group = Group(suite, random)
    group.commit(add=[group.bundle(f"client {number}") for number in (1, 2, 3)], force_path=True)
    group.commit(remove=[2])
    group.commit(add=[group.bundle("client 4"), group.bundle("client 5")])
    return describe_tree(group.state)


def describe_tree(state: GroupState) -> Vector:
    """Every node's hash and resolution."""
    tree = state.tree
    return {
        "cipher_suite": state.suite.id,
        "group_id": state.group_id.hex(),
        "tree": tree.encode().hex(),
        "tree_hashes": [tree.tree_hash(node).hex() for node in range(len(tree.nodes))],
        "resolutions": [tree.resolution(node) for node in range(len(tree.nodes))],
    }


def vectors_of(suite_id: int) -> dict[str, list[Vector]]:
    """All vectors of one suite, by the official file that has their format."""
    suite, random = cipher_suite(suite_id), Random(suite_id)
    return {
        "key-schedule": [key_schedule(suite, random)],
        "secret-tree": [secret_tree(suite, random)],
        "message-protection": [message_protection(suite, random)],
        "tree-validation": [tree_validation(suite, random)],
        "passive-client-handling-commit": [
            passive_client(suite, random, tree_in_welcome) for tree_in_welcome in (True, False)
        ],
    }


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for suite_id in SUITE_IDS:
        data = json.dumps(vectors_of(suite_id), indent=1)
        (FOLDER / f"suite-{suite_id}.json").write_text(data + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
