"""Hypothesis strategies for every wire type of RFC 9420, and how each is written and read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from hypothesis import strategies as st

from backchannel_mls.codec import Reader, parse_all
from backchannel_mls.crypto.suite import SUITES
from backchannel_mls.tree.ratchet_tree import Node, ParentNode, RatchetTree
from backchannel_mls.types import (
    ContentType,
    EpochNumber,
    Generation,
    GroupId,
    KeyPackageRef,
    LeafIndex,
    LeafNodeSource,
    ProposalRef,
    ResumptionUsage,
    SenderType,
)
from backchannel_mls.wire.commit import Commit, HpkeCiphertext, UpdatePath, UpdatePathNode
from backchannel_mls.wire.credential import BasicCredential, Credential, X509Credential, parse_credential
from backchannel_mls.wire.extension import (
    Extension,
    ExternalSender,
    RequiredCapabilities,
    encode_extensions,
    encode_external_senders,
    parse_extensions,
)
from backchannel_mls.wire.framing import (
    Body,
    FramedContent,
    FramedContentAuthData,
    PrivateMessage,
    PrivateMessageContent,
    PublicMessage,
    Sender,
    SenderData,
)
from backchannel_mls.wire.group_context import GroupContext
from backchannel_mls.wire.key_package import KeyPackage
from backchannel_mls.wire.leaf_node import Capabilities, LeafNode, Lifetime
from backchannel_mls.wire.message import MlsMessage, encode_message, parse_message
from backchannel_mls.wire.proposal import (
    Add,
    ExternalInit,
    GroupContextExtensions,
    PreSharedKey,
    Proposal,
    ReInit,
    Remove,
    Update,
    encode_proposal,
    parse_proposal,
)
from backchannel_mls.wire.psk import ExternalPskId, PskId, ResumptionPskId, parse_psk_id
from backchannel_mls.wire.welcome import EncryptedGroupSecrets, GroupInfo, GroupSecrets, Welcome

T = TypeVar("T")

u16s: Final = st.integers(0, 0xFFFF)
u32s: Final = st.integers(0, 0xFFFF_FFFF)
u64s: Final = st.integers(0, 0xFFFF_FFFF_FFFF_FFFF)
opaque: Final = st.one_of(st.binary(max_size=40), st.binary(min_size=60, max_size=70))
"""Both sides of the boundary between lengths of one byte and of two."""


def tuples_of(items: st.SearchStrategy[T], size: int = 3) -> st.SearchStrategy[tuple[T, ...]]:
    """Short tuples."""
    return st.lists(items, max_size=size).map(tuple)


group_ids: Final = opaque.map(GroupId)
epochs: Final = u64s.map(EpochNumber)
leaf_indices: Final = u32s.map(LeafIndex)

extension: Final = st.builds(Extension, u16s, opaque)
extensions: Final = st.lists(extension, max_size=3, unique_by=lambda one: one.type).map(tuple)
basic_credential: Final = st.builds(BasicCredential, opaque)
x509_credential: Final = st.builds(X509Credential, tuples_of(opaque))
credential: Final[st.SearchStrategy[Credential]] = st.one_of(basic_credential, x509_credential)
types_listed: Final = tuples_of(u16s)
capabilities: Final = st.builds(
    Capabilities, types_listed, types_listed, types_listed, types_listed, types_listed
)
lifetime: Final = st.builds(Lifetime, u64s, u64s)
required_capabilities: Final = st.builds(RequiredCapabilities, types_listed, types_listed, types_listed)
external_sender: Final = st.builds(ExternalSender, opaque, credential)


def leaf_nodes_of(source: LeafNodeSource) -> st.SearchStrategy[LeafNode]:
    """Leaves of one source, each with what belongs to it."""
    return st.builds(
        LeafNode,
        opaque,
        opaque,
        credential,
        capabilities,
        st.just(source),
        lifetime if source is LeafNodeSource.KEY_PACKAGE else st.none(),
        opaque if source is LeafNodeSource.COMMIT else st.none(),
        extensions,
        opaque,
    )


leaf_node: Final = st.one_of(*map(leaf_nodes_of, LeafNodeSource))
key_package: Final = st.builds(KeyPackage, u16s, opaque, leaf_node, extensions, opaque)
group_context: Final = st.builds(GroupContext, u16s, group_ids, epochs, opaque, opaque, extensions)

external_psk_id: Final = st.builds(ExternalPskId, opaque, opaque)
resumption_psk_id: Final = st.builds(
    ResumptionPskId, st.sampled_from(ResumptionUsage), group_ids, epochs, opaque
)
psk_id: Final[st.SearchStrategy[PskId]] = st.one_of(external_psk_id, resumption_psk_id)

PROPOSALS: Final[dict[str, st.SearchStrategy[Proposal]]] = {
    "Add": st.builds(Add, key_package),
    "Update": st.builds(Update, leaf_node),
    "Remove": st.builds(Remove, leaf_indices),
    "PreSharedKey": st.builds(PreSharedKey, psk_id),
    "ReInit": st.builds(ReInit, group_ids, u16s, u16s, extensions),
    "ExternalInit": st.builds(ExternalInit, opaque),
    "GroupContextExtensions": st.builds(GroupContextExtensions, extensions),
}
proposal: Final[st.SearchStrategy[Proposal]] = st.one_of(*PROPOSALS.values())

hpke_ciphertext: Final = st.builds(HpkeCiphertext, opaque, opaque)
update_path_node: Final = st.builds(UpdatePathNode, opaque, tuples_of(hpke_ciphertext))
update_path: Final = st.builds(UpdatePath, leaf_node, tuples_of(update_path_node))
commit: Final = st.builds(
    Commit, tuples_of(st.one_of(proposal, opaque.map(ProposalRef))), st.none() | update_path
)

BODIES: Final[dict[ContentType, st.SearchStrategy[Body]]] = {
    ContentType.APPLICATION: opaque,
    ContentType.PROPOSAL: proposal,
    ContentType.COMMIT: commit,
}
body: Final[st.SearchStrategy[Body]] = st.one_of(*BODIES.values())
sender: Final = st.one_of(
    st.builds(Sender, st.sampled_from((SenderType.MEMBER, SenderType.EXTERNAL)), u32s),
    st.builds(Sender, st.sampled_from((SenderType.NEW_MEMBER_COMMIT, SenderType.NEW_MEMBER_PROPOSAL))),
)
framed_content: Final = st.builds(FramedContent, group_ids, epochs, sender, opaque, body)


def auth_data_of(content_type: ContentType) -> st.SearchStrategy[FramedContentAuthData]:
    """A signature, and for a commit a confirmation tag."""
    return st.builds(
        FramedContentAuthData, opaque, opaque if content_type is ContentType.COMMIT else st.none()
    )


def private_contents_of(content_type: ContentType) -> st.SearchStrategy[PrivateMessageContent]:
    """What a PrivateMessage of a content type encrypts."""
    return st.builds(
        PrivateMessageContent, BODIES[content_type], auth_data_of(content_type), st.integers(0, 70)
    )


@st.composite
def public_messages(draw: st.DrawFn) -> PublicMessage:
    """With a membership tag where a member sends it."""
    content = draw(framed_content)
    auth = draw(auth_data_of(content.content_type))
    return PublicMessage(content, auth, draw(opaque) if content.sender.type is SenderType.MEMBER else None)


public_message: Final = public_messages()
private_message: Final = st.builds(
    PrivateMessage, group_ids, epochs, st.sampled_from(ContentType), opaque, opaque, opaque
)
sender_data: Final = st.builds(
    SenderData, leaf_indices, u32s.map(Generation), st.binary(min_size=4, max_size=4)
)
group_info: Final = st.builds(GroupInfo, group_context, extensions, opaque, leaf_indices, opaque)
group_secrets: Final = st.builds(GroupSecrets, opaque, st.none() | opaque, tuples_of(psk_id))
encrypted_group_secrets: Final = st.builds(EncryptedGroupSecrets, opaque.map(KeyPackageRef), hpke_ciphertext)
welcome: Final = st.builds(Welcome, u16s, tuples_of(encrypted_group_secrets), opaque)
mls_message: Final[st.SearchStrategy[MlsMessage]] = st.one_of(
    public_message, private_message, welcome, group_info, key_package
)
parent_node: Final = st.builds(
    ParentNode, opaque, opaque, st.lists(leaf_indices, max_size=4, unique=True).map(sorted).map(tuple)
)


@st.composite
def ratchet_trees(draw: st.DrawFn) -> list[Node]:
    """The nodes of a tree up to the last that is not blank, which is a leaf or a parent in its place."""
    width = draw(st.integers(1, 15))
    nodes: list[Node] = [
        draw(st.none() | (parent_node if index & 1 else leaf_node)) for index in range(width - 1)
    ]
    nodes.append(draw(leaf_node if width & 1 else parent_node))
    return nodes


def encode_tree(nodes: list[Node]) -> bytes:
    """As RatchetTree writes it."""
    return RatchetTree.of_nodes(SUITES[1], nodes).encode()


def parse_tree(data: bytes) -> list[Node]:
    """The nodes that RatchetTree reads, without the blanks that fill the tree up."""
    nodes = RatchetTree.parse(SUITES[1], data).nodes
    while nodes and nodes[-1] is None:
        nodes = nodes[:-1]
    return nodes


@dataclass(frozen=True)
class WireType:
    """A wire type: values of it, and how one is written and read."""

    values: st.SearchStrategy[Any]
    encode: Callable[[Any], bytes]
    parse: Callable[[bytes], object]


def wire_type(values: st.SearchStrategy[Any], parse: Callable[[Reader], object]) -> WireType:
    """A type that writes itself by `encode`."""
    return WireType(values, lambda value: value.encode(), lambda data: parse_all(data, parse))


def auth_wire_type(kind: ContentType) -> WireType:
    """A type whose reading depends on the content type."""
    return wire_type(auth_data_of(kind), lambda reader: FramedContentAuthData.parse(reader, kind))


def content_wire_type(kind: ContentType) -> WireType:
    """A type whose reading depends on the content type."""
    return wire_type(private_contents_of(kind), lambda reader: PrivateMessageContent.parse(reader, kind))


def proposal_wire_type(values: st.SearchStrategy[Proposal]) -> WireType:
    """One proposal with its type."""
    return WireType(values, encode_proposal, lambda data: parse_all(data, parse_proposal))


WIRE_TYPES: Final[dict[str, WireType]] = {
    "Extension": wire_type(extension, Extension.parse),
    "extensions": WireType(extensions, encode_extensions, lambda data: parse_all(data, parse_extensions)),
    "Credential": wire_type(credential, parse_credential),
    "Capabilities": wire_type(capabilities, Capabilities.parse),
    "Lifetime": wire_type(lifetime, Lifetime.parse),
    "RequiredCapabilities": wire_type(required_capabilities, RequiredCapabilities.parse),
    "ExternalSender": wire_type(external_sender, ExternalSender.parse),
    "external_senders": WireType(
        tuples_of(external_sender),
        encode_external_senders,
        lambda data: parse_all(data, lambda reader: reader.items(ExternalSender.parse)),
    ),
    "LeafNode": wire_type(leaf_node, LeafNode.parse),
    "KeyPackage": wire_type(key_package, KeyPackage.parse),
    "GroupContext": wire_type(group_context, GroupContext.parse),
    "PskId": wire_type(psk_id, parse_psk_id),
    **{name: proposal_wire_type(values) for name, values in PROPOSALS.items()},
    "HpkeCiphertext": wire_type(hpke_ciphertext, HpkeCiphertext.parse),
    "UpdatePathNode": wire_type(update_path_node, UpdatePathNode.parse),
    "UpdatePath": wire_type(update_path, UpdatePath.parse),
    "Commit": wire_type(commit, Commit.parse),
    "Sender": wire_type(sender, Sender.parse),
    "FramedContent": wire_type(framed_content, FramedContent.parse),
    **{f"FramedContentAuthData of {kind.name.lower()}": auth_wire_type(kind) for kind in ContentType},
    "PublicMessage": wire_type(public_message, PublicMessage.parse),
    "PrivateMessage": wire_type(private_message, PrivateMessage.parse),
    "SenderData": wire_type(sender_data, SenderData.parse),
    **{f"PrivateMessageContent of {kind.name.lower()}": content_wire_type(kind) for kind in ContentType},
    "GroupInfo": wire_type(group_info, GroupInfo.parse),
    "GroupSecrets": wire_type(group_secrets, GroupSecrets.parse),
    "EncryptedGroupSecrets": wire_type(encrypted_group_secrets, EncryptedGroupSecrets.parse),
    "Welcome": wire_type(welcome, Welcome.parse),
    "MlsMessage": WireType(mls_message, encode_message, parse_message),
    "ParentNode": wire_type(parent_node, ParentNode.parse),
    "RatchetTree": WireType(ratchet_trees(), encode_tree, parse_tree),
}
"""Every wire type by its name in RFC 9420."""
