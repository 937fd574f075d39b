"""GroupInfo and Welcome (RFC 9420 section 12.4.3)."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from backchannel_mls.codec import Reader, optional, u16, u32, vector
from backchannel_mls.types import KeyPackageRef, LeafIndex
from backchannel_mls.wire.commit import HpkeCiphertext
from backchannel_mls.wire.extension import Extension, encode_extensions, parse_extensions
from backchannel_mls.wire.group_context import GroupContext
from backchannel_mls.wire.psk import PskId, parse_psk_id


@dataclass(frozen=True, slots=True)
class GroupInfo:
    """A group's state, signed by a member. Not verified."""

    group_context: GroupContext
    extensions: tuple[Extension, ...]
    confirmation_tag: bytes
    signer: LeafIndex
    signature: bytes
    _raw: bytes = field(default=b"", compare=False, repr=False)

    def encode(self) -> bytes:
        """Section 12.4.3; the received bytes where there are any."""
        return self._raw or self._encode_unsigned() + vector(self.signature)

    def _encode_unsigned(self) -> bytes:
        return (
            self.group_context.encode()
            + encode_extensions(self.extensions)
            + vector(self.confirmation_tag)
            + u32(self.signer)
        )

    def signed_content(self) -> bytes:
        """GroupInfoTBS."""
        raw = self._raw
        return raw[: len(raw) - len(vector(self.signature))] if raw else self._encode_unsigned()

    def with_signature(self, signature: bytes) -> GroupInfo:
        """This GroupInfo, signed."""
        signed = replace(self, signature=signature, _raw=b"")
        return replace(signed, _raw=signed.encode())

    @classmethod
    def parse(cls, reader: Reader) -> GroupInfo:
        """Section 12.4.3."""
        begin = reader.position
        context = GroupContext.parse(reader)
        extensions = parse_extensions(reader)
        tag = reader.vector()
        signer = LeafIndex(reader.uint(4))
        signature = reader.vector()
        return cls(context, extensions, tag, signer, signature, reader.since(begin))


@dataclass(frozen=True, slots=True)
class GroupSecrets:
    """What a Welcome encrypts to one joiner (section 12.4.3.1)."""

    joiner_secret: bytes
    path_secret: bytes | None
    psks: tuple[PskId, ...]

    def encode(self) -> bytes:
        """Section 12.4.3.1."""
        path = optional(None if self.path_secret is None else vector(self.path_secret))
        return vector(self.joiner_secret) + path + vector(b"".join(psk.encode() for psk in self.psks))

    @classmethod
    def parse(cls, reader: Reader) -> GroupSecrets:
        """Section 12.4.3.1."""
        return cls(reader.vector(), reader.optional(Reader.vector), reader.items(parse_psk_id))


@dataclass(frozen=True, slots=True)
class EncryptedGroupSecrets:
    """GroupSecrets encrypted to one joiner's init key."""

    new_member: KeyPackageRef
    encrypted_group_secrets: HpkeCiphertext

    def encode(self) -> bytes:
        """Section 12.4.3.1."""
        return vector(self.new_member) + self.encrypted_group_secrets.encode()

    @classmethod
    def parse(cls, reader: Reader) -> EncryptedGroupSecrets:
        """Section 12.4.3.1."""
        return cls(KeyPackageRef(reader.vector()), HpkeCiphertext.parse(reader))


@dataclass(frozen=True, slots=True)
class Welcome:
    """What joiners need (section 12.4.3.1). Not verified."""

    cipher_suite: int
    secrets: tuple[EncryptedGroupSecrets, ...]
    encrypted_group_info: bytes

    def encode(self) -> bytes:
        """Section 12.4.3.1."""
        secrets = b"".join(secret.encode() for secret in self.secrets)
        return u16(self.cipher_suite) + vector(secrets) + vector(self.encrypted_group_info)

    @classmethod
    def parse(cls, reader: Reader) -> Welcome:
        """Section 12.4.3.1."""
        return cls(reader.uint(2), reader.items(EncryptedGroupSecrets.parse), reader.vector())
