"""Proposals that are not valid by themselves, on their own and in a commit (section 12.1)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import cast

import pytest

from attack.cast import (
    NOW_S,
    PLAIN,
    RARE_EXTENSION,
    bundle,
    client,
    everybody_refuses,
    rare_room,
    refused,
    usual_room,
)
from attack.forge import PathForgery, forge_commit, forge_key_package
from attack.forge_message import flipped, forge_message
from backchannel_mls import (
    Add,
    Extension,
    ExtensionType,
    ExternalInit,
    GroupContextExtensions,
    Identity,
    KeyPackage,
    PreSharedKey,
    Proposal,
    ProposalReceived,
    ReInit,
    Remove,
    RequiredCapabilities,
    ResumptionUsage,
    Rule,
    receive,
    verify_key_package,
)
from backchannel_mls.limits import MAX_PENDING_PROPOSALS
from backchannel_mls.types import GroupId, LeafIndex
from backchannel_mls.wire.extension import ExternalSender, encode_external_senders
from backchannel_mls.wire.psk import ExternalPskId, ResumptionPskId

NONCE = bytes(32)
NO_KEYS = [b"", bytes(31), bytes(32), b"\xff" * 32]


@dataclass(frozen=True)
class Unknown:
    """A proposal of a type that RFC 9420 does not define."""

    type: int = 0x0A0A

    def encode_body(self) -> bytes:
        """Nothing."""
        return b""


def refused_alone_and_in_a_commit(rule: Rule, proposal: Proposal, honest: Proposal | None = None) -> None:
    """As a proposal, public and private, and by value in a commit."""
    room = usual_room()
    mallory = room["mallory"]
    for private in (True, False):
        message = forge_message(mallory, proposal, private=private)
        right = None if honest is None else forge_message(mallory, honest, private=private)
        everybody_refuses(rule, room, message, honest=right)
        forged = forge_commit(
            mallory, proposals=[proposal], with_path=True, private=private, psks=lambda _: b"known"
        )
        everybody_refuses(rule, room, forged.message, psks=lambda _: b"known")


# ---- key packages
def key_package_refused(rule: Rule, package: KeyPackage) -> None:
    """When it is fetched, when it is proposed and when it is committed."""
    with refused(rule):
        verify_key_package(package, 1, now_s=NOW_S)
    refused_alone_and_in_a_commit(rule, Add(package), Add(forge_key_package(client("dave")).key_package))


@pytest.mark.rule("KEY_PACKAGE_SUITE_WRONG")
@pytest.mark.parametrize("suite", [0, 3, 4, 0xFFFF])
def test_a_key_package_of_another_suite_is_refused(suite: int) -> None:
    owner = client("dave")
    package = forge_key_package(owner, alter_package=lambda one: replace(one, cipher_suite=suite)).key_package
    key_package_refused(Rule.KEY_PACKAGE_SUITE_WRONG, package)


@pytest.mark.rule("KEY_PACKAGE_SIGNATURE_INVALID")
def test_a_key_package_signed_by_another_is_refused() -> None:
    """The server exchanges the init key: the leaf is dave's and valid, the rest is the server's."""
    package = forge_key_package(client("dave"), signer=client("server")).key_package
    key_package_refused(Rule.KEY_PACKAGE_SIGNATURE_INVALID, package)


@pytest.mark.rule("KEY_PACKAGE_SIGNATURE_INVALID")
def test_a_key_package_with_a_broken_or_empty_signature_is_refused() -> None:
    honest = bundle("dave").key_package
    for signature in (b"", flipped(honest.signature)):
        key_package_refused(Rule.KEY_PACKAGE_SIGNATURE_INVALID, honest.with_signature(signature))


@pytest.mark.rule("KEY_PACKAGE_SIGNATURE_INVALID")
def test_a_key_package_with_the_leaf_of_another_is_refused() -> None:
    eve = bundle("eve").key_package.leaf_node
    package = forge_key_package(
        client("dave"), alter_package=lambda one: replace(one, leaf_node=eve)
    ).key_package
    key_package_refused(Rule.KEY_PACKAGE_SIGNATURE_INVALID, package)


@pytest.mark.rule("INIT_KEY_REUSED")
def test_a_key_package_with_one_key_for_two_purposes_is_refused() -> None:
    def alter(one: KeyPackage) -> KeyPackage:
        return replace(one, init_key=one.leaf_node.encryption_key)

    key_package_refused(
        Rule.INIT_KEY_REUSED, forge_key_package(client("dave"), alter_package=alter).key_package
    )


@pytest.mark.rule("KEY_MALFORMED")
@pytest.mark.parametrize(
    "key", [b"", bytes(31), bytes(32), b"\xff" * 32], ids=["empty", "short", "zero", "high"]
)
def test_a_key_package_with_an_init_key_that_is_none_is_refused(key: bytes) -> None:
    def alter(one: KeyPackage) -> KeyPackage:
        return replace(one, init_key=key)

    key_package_refused(
        Rule.KEY_MALFORMED, forge_key_package(client("dave"), alter_package=alter).key_package
    )


@pytest.mark.rule("EXTENSION_DUPLICATE")
def test_a_key_package_with_one_extension_twice_is_refused() -> None:
    twice = (Extension(RARE_EXTENSION, b"a"), Extension(RARE_EXTENSION, b"b"))
    owner = client("dave")
    package = forge_key_package(owner, alter_package=lambda one: replace(one, extensions=twice)).key_package
    refused_alone_and_in_a_commit(Rule.EXTENSION_DUPLICATE, Add(package))


# ---- the other proposals
@pytest.mark.rule("REMOVE_BLANK")
@pytest.mark.parametrize("leaf", [4, 2**31, 2**32 - 1])
def test_a_removal_of_nobody_is_refused(leaf: int) -> None:
    refused_alone_and_in_a_commit(Rule.REMOVE_BLANK, Remove(LeafIndex(leaf)), Remove(LeafIndex(0)))


@pytest.mark.rule("REMOVE_BLANK")
def test_a_removal_of_one_who_is_removed_already_is_refused() -> None:
    room = usual_room().commit("alice", remove=[2])
    for message in (
        forge_message(room["mallory"], Remove(LeafIndex(2))),
        forge_commit(room["mallory"], proposals=[Remove(LeafIndex(2))]).message,
    ):
        everybody_refuses(Rule.REMOVE_BLANK, room, message)


@pytest.mark.rule("PSK_USAGE_RESERVED")
@pytest.mark.parametrize("usage", [ResumptionUsage.REINIT, ResumptionUsage.BRANCH])
def test_a_resumption_psk_of_reserved_use_is_refused(usage: ResumptionUsage) -> None:
    state = usual_room()["mallory"]
    right = PreSharedKey(ResumptionPskId(ResumptionUsage.APPLICATION, state.group_id, state.epoch, NONCE))
    wrong = PreSharedKey(ResumptionPskId(usage, state.group_id, state.epoch, NONCE))
    refused_alone_and_in_a_commit(Rule.PSK_USAGE_RESERVED, wrong, right)


@pytest.mark.rule("PSK_NONCE_LENGTH_WRONG")
@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_a_psk_nonce_of_another_length_is_refused(size: int) -> None:
    state = usual_room()["mallory"]
    right = PreSharedKey(ExternalPskId(b"id", NONCE))
    refused_alone_and_in_a_commit(
        Rule.PSK_NONCE_LENGTH_WRONG, PreSharedKey(ExternalPskId(b"id", bytes(size))), right
    )
    resumption = ResumptionPskId(ResumptionUsage.APPLICATION, state.group_id, state.epoch, bytes(size))
    refused_alone_and_in_a_commit(Rule.PSK_NONCE_LENGTH_WRONG, PreSharedKey(resumption), right)


@pytest.mark.rule("REINIT_VERSION_LOWER")
def test_a_reinit_to_a_lower_version_is_refused() -> None:
    right = ReInit(GroupId(b"next"), 1, 1, ())
    refused_alone_and_in_a_commit(Rule.REINIT_VERSION_LOWER, replace(right, version=0), right)


@pytest.mark.rule("PROPOSAL_TYPE_UNKNOWN")
@pytest.mark.parametrize("type", [0, 8, 0x0A0A, 0xFFFF])
def test_a_proposal_of_an_unknown_type_is_refused(type: int) -> None:
    unknown = cast("Proposal", Unknown(type))
    refused_alone_and_in_a_commit(Rule.PROPOSAL_TYPE_UNKNOWN, unknown, Remove(LeafIndex(0)))


@pytest.mark.rule("GROUP_EXTENSION_UNSUPPORTED")
@pytest.mark.parametrize(
    "required",
    [
        RequiredCapabilities(extensions=(0xF0F1,)),
        RequiredCapabilities(proposals=(0xF0F2,)),
        RequiredCapabilities(credentials=(3,)),
    ],
    ids=["extension", "proposal", "credential"],
)
def test_required_capabilities_that_a_member_lacks_are_refused(required: RequiredCapabilities) -> None:
    room = usual_room()
    change = GroupContextExtensions((Extension(ExtensionType.REQUIRED_CAPABILITIES, required.encode()),))
    strong = strengthened(room["mallory"].group.identity, required)
    forged = forge_commit(room["mallory"], proposals=[change], identity=strong)
    everybody_refuses(Rule.GROUP_EXTENSION_UNSUPPORTED, room, forged.message)


@pytest.mark.rule("GROUP_EXTENSION_UNSUPPORTED")
def test_a_group_extension_that_a_member_does_not_support_is_refused() -> None:
    room = usual_room()
    change = GroupContextExtensions((Extension(0xF0F1, b""),))
    strong = strengthened(room["mallory"].group.identity, RequiredCapabilities(extensions=(0xF0F1,)))
    honest = forge_commit(
        room["mallory"], proposals=[GroupContextExtensions((Extension(RARE_EXTENSION, b""),))]
    )
    forged = forge_commit(room["mallory"], proposals=[change], identity=strong)
    everybody_refuses(Rule.GROUP_EXTENSION_UNSUPPORTED, room, forged.message, honest=honest.message)


def strengthened(identity: Identity, required: RequiredCapabilities) -> Identity:
    """The same client, who supports what is required besides."""
    had = identity.capabilities
    able = replace(
        had,
        extensions=(*had.extensions, *required.extensions),
        proposals=(*had.proposals, *required.proposals),
        credentials=(*had.credentials, *required.credentials),
    )
    return replace(identity, capabilities=able)


@pytest.mark.rule("LEAF_REQUIREMENTS_UNMET")
@pytest.mark.rule("LEAF_GROUP_EXTENSION_UNSUPPORTED")
def test_what_a_commit_newly_requires_holds_for_its_other_proposals_too() -> None:
    """Section 12.3: the new extensions judge the Add beside them."""
    room = usual_room()
    plain = forge_key_package(client("dave", capabilities=PLAIN)).key_package
    required = RequiredCapabilities(extensions=(RARE_EXTENSION,)).encode()
    for change, rule in (
        (Extension(ExtensionType.REQUIRED_CAPABILITIES, required), Rule.LEAF_REQUIREMENTS_UNMET),
        (Extension(RARE_EXTENSION, b""), Rule.LEAF_GROUP_EXTENSION_UNSUPPORTED),
    ):
        proposals: list[Proposal] = [Add(plain), GroupContextExtensions((change,))]
        everybody_refuses(rule, room, forge_commit(room["mallory"], proposals=proposals).message)


@pytest.mark.rule("LEAF_REQUIREMENTS_UNMET")
def test_the_committers_own_leaf_meets_what_the_commit_newly_requires() -> None:
    room = usual_room()
    required = RequiredCapabilities(extensions=(RARE_EXTENSION,)).encode()
    change = GroupContextExtensions((Extension(ExtensionType.REQUIRED_CAPABILITIES, required),))
    weak = PathForgery(
        alter_leaf=lambda leaf: replace(leaf, capabilities=replace(leaf.capabilities, extensions=()))
    )
    forged = forge_commit(room["mallory"], proposals=[change], path=weak)
    everybody_refuses(Rule.LEAF_REQUIREMENTS_UNMET, room, forged.message)


@pytest.mark.rule("EXTENSION_DUPLICATE")
def test_a_group_extension_named_twice_is_refused() -> None:
    twice = GroupContextExtensions((Extension(RARE_EXTENSION, b"a"), Extension(RARE_EXTENSION, b"b")))
    refused_alone_and_in_a_commit(Rule.EXTENSION_DUPLICATE, twice)


@pytest.mark.rule("TRUNCATED")
@pytest.mark.rule("TRAILING_BYTES")
@pytest.mark.rule("KEY_MALFORMED")
def test_a_group_extension_that_is_malformed_is_refused() -> None:
    """Else every later message of an external sender, or every later Add, would fail for everybody."""
    required, senders = ExtensionType.REQUIRED_CAPABILITIES, ExtensionType.EXTERNAL_SENDERS
    credential = client("watcher").credential
    bad_key = encode_external_senders([ExternalSender(b"short", credential)])
    for extension, rule in (
        (Extension(required, b""), Rule.TRUNCATED),
        (Extension(required, bytes(4)), Rule.TRAILING_BYTES),
        (Extension(senders, b""), Rule.TRUNCATED),
        (Extension(senders, bytes(2)), Rule.TRAILING_BYTES),
        (Extension(senders, bad_key), Rule.KEY_MALFORMED),
    ):
        refused_alone_and_in_a_commit(rule, GroupContextExtensions((extension,)))


@pytest.mark.rule("EXTERNAL_INIT_BY_MEMBER")
def test_an_external_init_proposed_by_a_member_is_refused() -> None:
    room = usual_room()
    message = forge_message(room["mallory"], ExternalInit(bytes(32)))
    everybody_refuses(Rule.EXTERNAL_INIT_BY_MEMBER, room, message)


@pytest.mark.rule("PROPOSALS_TOO_MANY")
def test_more_pending_proposals_than_are_kept_are_refused() -> None:
    room = usual_room()
    state = room["bob"]
    for number in range(MAX_PENDING_PROPOSALS):
        psk = PreSharedKey(ExternalPskId(number.to_bytes(2, "big"), NONCE))
        received = receive(state, forge_message(room["mallory"], psk, generation=number))
        assert isinstance(received, ProposalReceived)
        state = received.state
    one_more = forge_message(room["mallory"], Remove(LeafIndex(0)), generation=MAX_PENDING_PROPOSALS)
    public = forge_message(room["mallory"], Remove(LeafIndex(0)), private=False)
    with refused(Rule.PROPOSALS_TOO_MANY, state):
        receive(state, one_more)
    with refused(Rule.PROPOSALS_TOO_MANY, state):
        receive(state, public)


def test_the_rare_room_takes_who_supports_its_extension() -> None:
    """The control of the refusals above."""
    room = rare_room()
    room.commit("alice", joiners={"dave": bundle("dave")})
