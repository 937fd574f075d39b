"""Envelopes: what a member who knows the group's secrets can sign, seal and send in anybody's name.

Nothing is checked. What is not altered is right: the signature over the content, the membership
tag over both, the encryption of content and sender data with the keys of the claimed sender.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from backchannel_mls import (
    ContentType,
    EpochNumber,
    Generation,
    GroupId,
    GroupState,
    Identity,
    LeafIndex,
    PrivateMessage,
    PublicMessage,
    Sender,
    SenderType,
    WireFormat,
    encode_message,
)
from backchannel_mls.codec import u8, u32, vector
from backchannel_mls.group.protection import SignedContent, public_message, sign_content
from backchannel_mls.group.state import MessageKeys
from backchannel_mls.schedule.secret_tree import Windows, sender_data_key_and_nonce
from backchannel_mls.wire.framing import Body, FramedContent, FramedContentAuthData, framed_content_tbs

T = TypeVar("T")
Alter = Callable[[T], T]


def same(value: T) -> T:
    """Alters nothing."""
    return value


def forge_message(
    state: GroupState,
    body: Body,
    *,
    private: bool = True,
    sender: Sender | None = None,
    signer: Identity | None = None,
    signed_by: MessageKeys | None = None,
    signed_as: WireFormat | None = None,
    framed_by: MessageKeys | None = None,
    alter_signature: Alter[bytes] = same,
    tag: bytes | None = None,
    **sealing: object,
) -> bytes:
    """A message of Mallory's, or in another's name.

    signed_by   the keys of the group and epoch that it is signed for
    signed_as   the wire format that it is signed for
    framed_by   the keys of the group and epoch that it names
    sealing     see `seal`
    """
    wire_format = WireFormat.PRIVATE_MESSAGE if private else WireFormat.PUBLIC_MESSAGE
    sender = sender or Sender(SenderType.MEMBER, state.own_leaf)
    by = signer or state.group.identity
    right = sign_content(by, framed_by or state.messages, sender, body, b"", wire_format)
    elsewhere = sign_content(by, signed_by or state.messages, sender, body, b"", signed_as or wire_format)
    signed = right._replace(signature=alter_signature(elsewhere.signature))
    return protect(state, signed, tag=tag, **sealing)


def forge_bytes(
    state: GroupState, body: bytes, content_type: ContentType, *, private: bool, tag: bytes | None = None
) -> bytes:
    """A message of Mallory's with a body of any bytes, signed as they are."""
    wire_format = WireFormat.PRIVATE_MESSAGE if private else WireFormat.PUBLIC_MESSAGE
    sender, messages = Sender(SenderType.MEMBER, state.own_leaf), state.messages
    framed = messages.header + sender.encode() + vector(b"") + u8(content_type) + body
    content = framed_content_tbs(wire_format, framed, messages.context)
    by = state.group.identity
    signature = by.suite.sign_with_label(by.signing_key, b"FramedContentTBS", content)
    signed = SignedContent(wire_format, sender, content_type, b"", body, framed, signature)
    return protect(state, signed, tag=tag)


def seal_bytes(state: GroupState, body: Body) -> bytes:
    """What a PrivateMessage of Mallory's encrypts: the body and its signature."""
    sender = Sender(SenderType.MEMBER, state.own_leaf)
    by, wire_format = state.group.identity, WireFormat.PRIVATE_MESSAGE
    signed = sign_content(by, state.messages, sender, body, b"", wire_format)
    return signed.body + FramedContentAuthData(signed.signature, None).encode()


def protect(
    state: GroupState, signed: SignedContent, *, tag: bytes | None = None, **sealing: object
) -> bytes:
    """Signed content in its envelope, with a membership tag where the sender claims to be a member."""
    if signed.wire_format is WireFormat.PRIVATE_MESSAGE:
        return seal(state, signed, tag=tag, **sealing)  # type: ignore[arg-type] # seal's own options
    member = signed.sender.type is SenderType.MEMBER
    key = state.group.keys.membership_key if member else None
    return public_message(state.suite, key, state.messages.context, signed, tag)


def seal(
    state: GroupState,
    signed: SignedContent,
    *,
    tag: bytes | None = None,
    leaf: int | None = None,
    generation: int | None = None,
    padding: bytes = b"",
    alter_plain: Alter[bytes] = same,
    alter_sealed: Alter[bytes] = same,
    alter_sender_data: Alter[bytes] = same,
    content_type: ContentType | None = None,
    group_id: bytes | None = None,
    epoch: int | None = None,
) -> bytes:
    """A PrivateMessage sealed with any member's keys: whoever is in the group knows the secret tree."""
    suite, messages = state.suite, state.messages
    handshake = signed.content_type is not ContentType.APPLICATION
    index = LeafIndex(signed.sender.index or 0) if leaf is None else LeafIndex(leaf)
    place = index if messages.secret_tree.leaf_count > index else state.own_leaf
    ratchet = messages.secret_tree.ratchets.get(2 * place + handshake)
    turn = Generation((ratchet.generation if ratchet else 0) if generation is None else generation)
    near = turn if turn < 2**20 else Generation(ratchet.generation if ratchet else 0)
    found = messages.secret_tree.key_for(place, near, Windows(2**20, 0), handshake=handshake)
    plain = signed.body + FramedContentAuthData(signed.signature, tag).encode() + padding
    bare = PrivateMessage(
        state.group_id if group_id is None else GroupId(group_id),
        state.epoch if epoch is None else EpochNumber(epoch),
        content_type or signed.content_type,
        signed.authenticated_data,
        b"",
        b"",
    )
    header = bare.encode_header()
    aad = bare.encode()[: -len(b"\0\0")]
    sealed = alter_sealed(suite.aead_seal(found.key, found.nonce, alter_plain(plain), aad))
    key, nonce = sender_data_key_and_nonce(suite, messages.sender_data_secret, sealed)
    sender_data = alter_sender_data(u32(index) + u32(turn) + bytes(4))
    envelope = suite.aead_seal(key, nonce, sender_data, header)
    return encode_message(replace(bare, encrypted_sender_data=envelope, ciphertext=sealed))


def forge_outside(
    state: GroupState,
    body: Body,
    sender: Sender,
    signer: Identity,
    *,
    tag: bytes | None = None,
    context: bytes = b"",
    epoch: int | None = None,
) -> bytes:
    """A PublicMessage of somebody outside; only a joiner's commit is signed with a `context`."""
    when = state.epoch if epoch is None else EpochNumber(epoch)
    content = FramedContent(state.group_id, when, sender, b"", body)
    signed = framed_content_tbs(WireFormat.PUBLIC_MESSAGE, content.encode(), context)
    signature = signer.suite.sign_with_label(signer.signing_key, b"FramedContentTBS", signed)
    return encode_message(PublicMessage(content, FramedContentAuthData(signature, tag), None))


def flipped(data: bytes) -> bytes:
    """With one bit of the last byte changed."""
    return data[:-1] + bytes((data[-1] ^ 1,))
