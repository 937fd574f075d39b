"""Credentials (RFC 9420 section 5.3). Whether one is acceptable is the application's to judge."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from backchannel_mls.codec import Reader, u16, vector
from backchannel_mls.errors import RemoteError
from backchannel_mls.rules import Rule
from backchannel_mls.types import CredentialType


@dataclass(frozen=True, slots=True)
class BasicCredential:
    """A bare assertion of an identity; the application defines its bytes."""

    type: ClassVar[CredentialType] = CredentialType.BASIC
    identity: bytes

    def encode(self) -> bytes:
        """Section 5.3."""
        return u16(self.type) + vector(self.identity)

    @classmethod
    def parse_body(cls, reader: Reader) -> BasicCredential:
        """What follows the credential type."""
        return cls(reader.vector())


@dataclass(frozen=True, slots=True)
class X509Credential:
    """A chain of DER certificates, the end entity's first."""

    type: ClassVar[CredentialType] = CredentialType.X509
    certificates: tuple[bytes, ...]

    def encode(self) -> bytes:
        """Section 5.3."""
        return u16(self.type) + vector(b"".join(vector(der) for der in self.certificates))

    @classmethod
    def parse_body(cls, reader: Reader) -> X509Credential:
        """What follows the credential type."""
        return cls(reader.items(Reader.vector))


Credential = BasicCredential | X509Credential

_PARSERS: dict[int, Callable[[Reader], Credential]] = {
    CredentialType.BASIC: BasicCredential.parse_body,
    CredentialType.X509: X509Credential.parse_body,
}


def parse_credential(reader: Reader) -> Credential:
    """Section 5.3. An unknown type has no known length, so it cannot be skipped."""
    parse_body = _PARSERS.get(reader.uint(2))
    if parse_body is None:
        raise RemoteError(Rule.VALUE_UNKNOWN)
    return parse_body(reader)
