"""Signing, encrypting and opening messages (RFC 9420 sections 6.1 to 6.3).

Opening goes: parse, find the epoch, decrypt the sender data, look the key up, decrypt, check the
padding, verify the signature, and only then give the keys in which the generation is spent. What
comes out is a `VerifiedContent`; nothing else makes one, and nothing acts on anything less.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass
from typing import NamedTuple

from backchannel_mls.codec import Reader, u8, u16, u32, vector
from backchannel_mls.crypto.suite import CipherSuite, RandomBytes
from backchannel_mls.errors import RemoteError
from backchannel_mls.group.identity import Identity
from backchannel_mls.group.state import GroupState, MessageKeys
from backchannel_mls.rules import Rule
from backchannel_mls.schedule.secret_tree import sender_data_key_and_nonce
from backchannel_mls.types import (
    MLS10,
    ContentType,
    LeafIndex,
    SenderType,
    WireFormat,
)
from backchannel_mls.wire.commit import Commit
from backchannel_mls.wire.extension import parse_external_senders
from backchannel_mls.wire.framing import (
    Body,
    FramedContent,
    FramedContentAuthData,
    PrivateMessage,
    PrivateMessageContent,
    PublicMessage,
    Sender,
    SenderData,
    content_type_of,
    encode_body,
    framed_content_tbs,
)
from backchannel_mls.wire.proposal import Add

_SIGNATURE_LABEL = b"FramedContentTBS"
_PRIVATE_HEADER = u16(MLS10) + u16(WireFormat.PRIVATE_MESSAGE)
_MEMBER = u8(SenderType.MEMBER)
_TYPE_BYTES = {content_type: u8(content_type) for content_type in ContentType}


@dataclass(frozen=True, slots=True)
class VerifiedContent:
    """Content whose sender is authenticated. `messages` are the keys with this message's spent."""

    wire_format: WireFormat
    content: FramedContent
    auth: FramedContentAuthData
    messages: MessageKeys


class SignedContent(NamedTuple):
    """Content signed by this client, not yet protected: `body` and `framed` are encoded."""

    wire_format: WireFormat
    sender: Sender
    content_type: ContentType
    authenticated_data: bytes
    body: bytes
    framed: bytes
    signature: bytes


def sign_content(
    identity: Identity,
    messages: MessageKeys,
    sender: Sender,
    body: Body,
    authenticated_data: bytes,
    wire_format: WireFormat,
) -> SignedContent:
    """Signs with the epoch's context, as members and joiners do (section 6.1)."""
    content_type = content_type_of(body)
    encoded = encode_body(body)
    type_byte = _TYPE_BYTES[content_type]
    framed = messages.header + sender.encode() + vector(authenticated_data) + type_byte + encoded
    content = framed_content_tbs(wire_format, framed, messages.context)
    signature = identity.suite.sign_with_label(identity.signing_key, _SIGNATURE_LABEL, content)
    return SignedContent(wire_format, sender, content_type, authenticated_data, encoded, framed, signature)


def encrypt_content(
    suite: CipherSuite,
    messages: MessageKeys,
    own_leaf: LeafIndex,
    signed: SignedContent,
    confirmation_tag: bytes | None,
    padding: int,
    random: RandomBytes,
) -> tuple[MessageKeys, bytes]:
    """A PrivateMessage as an MLSMessage (section 6.3), and the keys with its generation spent.

    `padding`: the content is filled up with zeros to a multiple of so many bytes; 0 for none.
    """
    handshake = signed.content_type is not ContentType.APPLICATION
    generation, key, nonce, secret_tree = messages.secret_tree.next_key(own_leaf, handshake=handshake)
    guard = random(4)
    plaintext = signed.body + vector(signed.signature)
    if confirmation_tag is not None:
        plaintext += vector(confirmation_tag)
    if padding:
        plaintext += bytes(-len(plaintext) % padding)
    header = messages.header + _TYPE_BYTES[signed.content_type]
    aad = header + vector(signed.authenticated_data)
    ciphertext = suite.aead_seal(key, _guarded(nonce, guard), plaintext, aad)
    data_key, data_nonce = sender_data_key_and_nonce(suite, messages.sender_data_secret, ciphertext)
    sender_data = suite.aead_seal(data_key, data_nonce, u32(own_leaf) + u32(generation) + guard, header)
    message = _PRIVATE_HEADER + aad + vector(sender_data) + vector(ciphertext)
    return messages.with_secret_tree(secret_tree), message


def public_message(
    suite: CipherSuite,
    membership_key: bytes | None,
    context: bytes,
    signed: SignedContent,
    confirmation_tag: bytes | None,
) -> bytes:
    """A PublicMessage as an MLSMessage (section 6.2), with a membership tag where there is a key for it."""
    auth = FramedContentAuthData(signed.signature, confirmation_tag).encode()
    message = u16(MLS10) + u16(WireFormat.PUBLIC_MESSAGE) + signed.framed + auth
    if membership_key is None:
        return message
    content = framed_content_tbs(WireFormat.PUBLIC_MESSAGE, signed.framed, context)
    return message + vector(suite.mac(membership_key, content + auth))


def open_private(state: GroupState, message: PrivateMessage) -> VerifiedContent:
    """Decrypts and verifies a PrivateMessage; `state` is not changed. Raises RemoteError."""
    suite = state.suite
    messages = _keys_for(state, message)
    header = messages.header + _TYPE_BYTES[message.content_type]
    data_key, data_nonce = sender_data_key_and_nonce(suite, messages.sender_data_secret, message.ciphertext)
    sender_bytes = suite.aead_open(data_key, data_nonce, message.encrypted_sender_data, header)
    if sender_bytes is None:
        raise RemoteError(Rule.SENDER_DATA_UNDECRYPTABLE)
    if len(sender_bytes) != 12:
        raise RemoteError(Rule.SENDER_DATA_MALFORMED)
    sender_data = SenderData.parse(Reader(sender_bytes))
    leaf = sender_data.leaf_index
    verifying_key = messages.verifying_key(leaf)
    if leaf == state.own_leaf:
        raise RemoteError(Rule.OWN_MESSAGE)
    handshake = message.content_type is not ContentType.APPLICATION
    found = messages.secret_tree.key_for(
        leaf, sender_data.generation, state.group.settings.windows, handshake=handshake
    )
    aad = header + vector(message.authenticated_data)
    nonce = _guarded(found.nonce, sender_data.reuse_guard)
    plaintext = suite.aead_open(found.key, nonce, message.ciphertext, aad)
    if plaintext is None:
        raise RemoteError(Rule.CONTENT_UNDECRYPTABLE)
    inner = PrivateMessageContent.parse(Reader(plaintext), message.content_type)
    encoded_body = plaintext[: len(plaintext) - inner.padding - len(inner.auth.encode())]
    framed = messages.header + _MEMBER + sender_bytes[:4] + aad[len(header) :] + header[-1:] + encoded_body
    content = framed_content_tbs(WireFormat.PRIVATE_MESSAGE, framed, messages.context)
    signature = inner.auth.signature
    suite.verify_with_label(
        verifying_key, _SIGNATURE_LABEL, content, signature, Rule.CONTENT_SIGNATURE_INVALID
    )
    return VerifiedContent(
        WireFormat.PRIVATE_MESSAGE,
        FramedContent(
            message.group_id,
            message.epoch,
            Sender(SenderType.MEMBER, leaf),
            message.authenticated_data,
            inner.body,
            framed,
        ),
        inner.auth,
        messages.with_secret_tree(found.spent),
    )


def _keys_for(state: GroupState, message: PrivateMessage) -> MessageKeys:
    """The keys of the message's epoch; of past epochs only application messages are read."""
    if message.group_id != state.group_id:
        raise RemoteError(Rule.GROUP_WRONG)
    if message.epoch == state.epoch:
        return state.messages
    if message.content_type is not ContentType.APPLICATION:
        raise RemoteError(Rule.EPOCH_WRONG)
    for keys in state.past:
        if keys.epoch == message.epoch:
            return keys
    raise RemoteError(Rule.EPOCH_GONE)


def open_public(state: GroupState, message: PublicMessage) -> VerifiedContent:
    """Verifies a PublicMessage of the current epoch. Raises RemoteError."""
    suite = state.suite
    content, sender = message.content, message.content.sender
    if content.content_type is ContentType.APPLICATION:
        raise RemoteError(Rule.APPLICATION_NOT_PRIVATE)
    if content.group_id != state.group_id:
        raise RemoteError(Rule.GROUP_WRONG)
    if content.epoch != state.epoch:
        raise RemoteError(Rule.EPOCH_WRONG)
    within = sender.type in (SenderType.MEMBER, SenderType.NEW_MEMBER_COMMIT)
    context = state.messages.context if within else b""
    signed = framed_content_tbs(WireFormat.PUBLIC_MESSAGE, content.encode(), context)
    if sender.type is SenderType.MEMBER:
        tag = suite.mac(state.group.keys.membership_key, signed + message.auth.encode())
        if not hmac.compare_digest(tag, message.membership_tag or b""):
            raise RemoteError(Rule.MEMBERSHIP_TAG_INVALID)
        verifying_key = state.messages.verifying_key(sender.index or 0)
        if sender.index == state.own_leaf:
            raise RemoteError(Rule.OWN_MESSAGE)
    else:
        verifying_key = suite.verifying_key(_outsider_key(state, content))
    signature = message.auth.signature
    suite.verify_with_label(
        verifying_key, _SIGNATURE_LABEL, signed, signature, Rule.CONTENT_SIGNATURE_INVALID
    )
    return VerifiedContent(WireFormat.PUBLIC_MESSAGE, content, message.auth, state.messages)


def _outsider_key(state: GroupState, content: FramedContent) -> bytes:
    """The signature key of a sender outside the group (section 6.1)."""
    sender, body = content.sender, content.body
    if sender.type is SenderType.NEW_MEMBER_COMMIT:
        if not isinstance(body, Commit):
            raise RemoteError(Rule.NEW_MEMBER_COMMIT_CONTENT)
        if body.path is None:
            raise RemoteError(Rule.EXTERNAL_PATH_MISSING)
        return body.path.leaf_node.signature_key
    if sender.type is SenderType.NEW_MEMBER_PROPOSAL:
        if not isinstance(body, Add):
            raise RemoteError(Rule.NEW_MEMBER_PROPOSAL_CONTENT)
        return body.key_package.leaf_node.signature_key
    if content.content_type is not ContentType.PROPOSAL:
        raise RemoteError(Rule.EXTERNAL_SENDER_CONTENT)
    allowed = parse_external_senders(state.context.extensions)
    if sender.index is None or sender.index >= len(allowed):
        raise RemoteError(Rule.EXTERNAL_SENDER_UNKNOWN)
    return allowed[sender.index].signature_key


def _guarded(nonce: bytes, guard: bytes) -> bytes:
    """The nonce with the reuse guard on its first four bytes (section 6.3.1)."""
    return (int.from_bytes(nonce, "big") ^ (int.from_bytes(guard, "big") << 64)).to_bytes(12, "big")
