"""Message framing (RFC 9420 section 6): what is signed, and its public and private envelopes."""

from __future__ import annotations

from dataclasses import dataclass, field

from backchannel_mls.codec import Reader, u8, u16, u32, u64, vector
from backchannel_mls.errors import RemoteError
from backchannel_mls.rules import Rule
from backchannel_mls.types import (
    MLS10,
    ContentType,
    EpochNumber,
    Generation,
    GroupId,
    LeafIndex,
    SenderType,
    WireFormat,
)
from backchannel_mls.wire.commit import Commit
from backchannel_mls.wire.proposal import Proposal, encode_proposal, parse_proposal

Body = bytes | Proposal | Commit
_CONTENT_TYPES = {int(value): value for value in ContentType}
_SENDER_TYPES = {int(value): value for value in SenderType}


@dataclass(frozen=True, slots=True)
class Sender:
    """`index` is a leaf index (MEMBER), an index of external_senders (EXTERNAL), or None."""

    type: SenderType
    index: int | None = None

    def encode(self) -> bytes:
        """Section 6."""
        return u8(self.type) if self.index is None else u8(self.type) + u32(self.index)

    @classmethod
    def parse(cls, reader: Reader) -> Sender:
        """Section 6."""
        sender_type = _SENDER_TYPES.get(reader.uint(1))
        if sender_type is None:
            raise RemoteError(Rule.VALUE_UNKNOWN)
        if sender_type in (SenderType.MEMBER, SenderType.EXTERNAL):
            return cls(sender_type, reader.uint(4))
        return cls(sender_type)


def parse_content_type(reader: Reader) -> ContentType:
    """Section 6."""
    content_type = _CONTENT_TYPES.get(reader.uint(1))
    if content_type is None:
        raise RemoteError(Rule.VALUE_UNKNOWN)
    return content_type


def content_type_of(body: Body) -> ContentType:
    """The content type that goes with a body."""
    if isinstance(body, bytes):
        return ContentType.APPLICATION
    return ContentType.COMMIT if isinstance(body, Commit) else ContentType.PROPOSAL


def encode_body(body: Body) -> bytes:
    """application_data<V>, Proposal or Commit."""
    if isinstance(body, bytes):
        return vector(body)
    if isinstance(body, Commit):
        return body.encode()
    return encode_proposal(body)


def parse_body(reader: Reader, content_type: ContentType) -> Body:
    """application_data<V>, Proposal or Commit."""
    if content_type is ContentType.APPLICATION:
        return reader.vector()
    if content_type is ContentType.COMMIT:
        return Commit.parse(reader)
    return parse_proposal(reader)


@dataclass(frozen=True, slots=True)
class FramedContent:
    """What is signed: `body` is application data, a Proposal or a Commit."""

    group_id: GroupId
    epoch: EpochNumber
    sender: Sender
    authenticated_data: bytes
    body: Body
    _raw: bytes = field(default=b"", compare=False, repr=False)

    @property
    def content_type(self) -> ContentType:
        """Section 6."""
        return content_type_of(self.body)

    def encode(self) -> bytes:
        """Section 6; the received bytes where there are any."""
        return self._raw or (
            vector(self.group_id)
            + u64(self.epoch)
            + self.sender.encode()
            + vector(self.authenticated_data)
            + u8(self.content_type)
            + encode_body(self.body)
        )

    @classmethod
    def parse(cls, reader: Reader) -> FramedContent:
        """Section 6."""
        begin = reader.position
        group_id = GroupId(reader.vector())
        epoch = EpochNumber(reader.uint(8))
        sender = Sender.parse(reader)
        authenticated_data = reader.vector()
        body = parse_body(reader, parse_content_type(reader))
        return cls(group_id, epoch, sender, authenticated_data, body, reader.since(begin))


@dataclass(frozen=True, slots=True)
class FramedContentAuthData:
    """The signature, and for a commit the confirmation tag (section 6.1)."""

    signature: bytes
    confirmation_tag: bytes | None

    def encode(self) -> bytes:
        """Section 6.1."""
        tag = b"" if self.confirmation_tag is None else vector(self.confirmation_tag)
        return vector(self.signature) + tag

    @classmethod
    def parse(cls, reader: Reader, content_type: ContentType) -> FramedContentAuthData:
        """Section 6.1."""
        return cls(reader.vector(), reader.vector() if content_type is ContentType.COMMIT else None)


@dataclass(frozen=True, slots=True)
class AuthenticatedContent:
    """A FramedContent with its authentication and the wire format it was signed for (section 6)."""

    wire_format: WireFormat
    content: FramedContent
    auth: FramedContentAuthData

    def encode(self) -> bytes:
        """Section 6; also the input of a ProposalRef (section 5.2)."""
        return u16(self.wire_format) + self.content.encode() + self.auth.encode()


def framed_content_tbs(wire_format: WireFormat, content: bytes, group_context: bytes) -> bytes:
    """FramedContentTBS (section 6.1); `group_context` is empty for senders outside the group."""
    return u16(MLS10) + u16(wire_format) + content + group_context


@dataclass(frozen=True, slots=True)
class PublicMessage:
    """Signed, not encrypted (section 6.2). Not verified."""

    content: FramedContent
    auth: FramedContentAuthData
    membership_tag: bytes | None

    def encode(self) -> bytes:
        """Section 6.2."""
        tag = b"" if self.membership_tag is None else vector(self.membership_tag)
        return self.content.encode() + self.auth.encode() + tag

    @classmethod
    def parse(cls, reader: Reader) -> PublicMessage:
        """Section 6.2."""
        content = FramedContent.parse(reader)
        auth = FramedContentAuthData.parse(reader, content.content_type)
        return cls(content, auth, reader.vector() if content.sender.type is SenderType.MEMBER else None)


@dataclass(frozen=True, slots=True)
class PrivateMessage:
    """Signed and encrypted (section 6.3). Not verified."""

    group_id: GroupId
    epoch: EpochNumber
    content_type: ContentType
    authenticated_data: bytes
    encrypted_sender_data: bytes
    ciphertext: bytes

    def encode_header(self) -> bytes:
        """SenderDataAAD (section 6.3.2): group, epoch, content type."""
        return vector(self.group_id) + u64(self.epoch) + u8(self.content_type)

    def encode(self) -> bytes:
        """Section 6.3."""
        return (
            self.encode_header()
            + vector(self.authenticated_data)
            + vector(self.encrypted_sender_data)
            + vector(self.ciphertext)
        )

    @classmethod
    def parse(cls, reader: Reader) -> PrivateMessage:
        """Section 6.3."""
        return cls(
            GroupId(reader.vector()),
            EpochNumber(reader.uint(8)),
            parse_content_type(reader),
            reader.vector(),
            reader.vector(),
            reader.vector(),
        )


@dataclass(frozen=True, slots=True)
class SenderData:
    """Who sent a PrivateMessage, and with which key (section 6.3.2)."""

    leaf_index: LeafIndex
    generation: Generation
    reuse_guard: bytes

    def encode(self) -> bytes:
        """Section 6.3.2: 12 bytes."""
        return u32(self.leaf_index) + u32(self.generation) + self.reuse_guard

    @classmethod
    def parse(cls, reader: Reader) -> SenderData:
        """Section 6.3.2."""
        return cls(LeafIndex(reader.uint(4)), Generation(reader.uint(4)), reader.take(4))


@dataclass(frozen=True, slots=True)
class PrivateMessageContent:
    """What a PrivateMessage encrypts (section 6.3.1); `padding` in bytes, all zero."""

    body: Body
    auth: FramedContentAuthData
    padding: int = 0

    def encode(self) -> bytes:
        """Section 6.3.1."""
        return encode_body(self.body) + self.auth.encode() + bytes(self.padding)

    @classmethod
    def parse(cls, reader: Reader, content_type: ContentType) -> PrivateMessageContent:
        """Section 6.3.1; the padding must be all zero."""
        body = parse_body(reader, content_type)
        auth = FramedContentAuthData.parse(reader, content_type)
        padding = reader.end - reader.position
        if reader.take(padding).count(0) != padding:
            raise RemoteError(Rule.PADDING_NOT_ZERO)
        return cls(body, auth, padding)
