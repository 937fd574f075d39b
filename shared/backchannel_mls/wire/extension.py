"""Extensions and the ones that this package reads (RFC 9420 sections 7.2, 11.1, 12.1.8.1, 12.4.3.2)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from backchannel_mls.codec import Reader, parse_all, u16, u16_vector, vector
from backchannel_mls.errors import RemoteError
from backchannel_mls.rules import Rule
from backchannel_mls.types import ExtensionType
from backchannel_mls.wire.credential import Credential, parse_credential


@dataclass(frozen=True, slots=True)
class Extension:
    """struct { ExtensionType extension_type; opaque extension_data<V>; }"""

    type: int
    data: bytes

    def encode(self) -> bytes:
        """Section 7.2."""
        return u16(self.type) + vector(self.data)

    @classmethod
    def parse(cls, reader: Reader) -> Extension:
        """Section 7.2."""
        return cls(reader.uint(2), reader.vector())


def encode_extensions(extensions: Iterable[Extension]) -> bytes:
    """Extension extensions<V>."""
    return vector(b"".join(extension.encode() for extension in extensions))


def parse_extensions(reader: Reader) -> tuple[Extension, ...]:
    """Extension extensions<V>; no type may stand in a list twice (section 13.4)."""
    extensions = reader.items(Extension.parse)
    if len(extensions) > 1 and len({extension.type for extension in extensions}) != len(extensions):
        raise RemoteError(Rule.EXTENSION_DUPLICATE)
    return extensions


def find_extension(extensions: Iterable[Extension], type: int) -> bytes | None:
    """The data of the extension of that type, or None."""
    for extension in extensions:
        if extension.type == type:
            return extension.data
    return None


@dataclass(frozen=True, slots=True)
class RequiredCapabilities:
    """The required_capabilities extension (section 11.1)."""

    extensions: tuple[int, ...] = ()
    proposals: tuple[int, ...] = ()
    credentials: tuple[int, ...] = ()

    def encode(self) -> bytes:
        """Section 11.1."""
        return u16_vector(self.extensions) + u16_vector(self.proposals) + u16_vector(self.credentials)

    @classmethod
    def parse(cls, reader: Reader) -> RequiredCapabilities:
        """Section 11.1."""
        return cls(reader.u16_items(), reader.u16_items(), reader.u16_items())

    @classmethod
    def of(cls, extensions: Iterable[Extension]) -> RequiredCapabilities | None:
        """The extension in a GroupContext's list, or None."""
        data = find_extension(extensions, ExtensionType.REQUIRED_CAPABILITIES)
        return None if data is None else parse_all(data, cls.parse)


@dataclass(frozen=True, slots=True)
class ExternalSender:
    """Somebody outside who may send proposals (section 12.1.8.1)."""

    signature_key: bytes
    credential: Credential

    def encode(self) -> bytes:
        """Section 12.1.8.1."""
        return vector(self.signature_key) + self.credential.encode()

    @classmethod
    def parse(cls, reader: Reader) -> ExternalSender:
        """Section 12.1.8.1."""
        return cls(reader.vector(), parse_credential(reader))


def encode_external_senders(senders: Iterable[ExternalSender]) -> bytes:
    """ExternalSender external_senders<V>: the data of the extension."""
    return vector(b"".join(sender.encode() for sender in senders))


def parse_external_senders(extensions: Iterable[Extension]) -> tuple[ExternalSender, ...]:
    """The external senders that a GroupContext allows; none where it has no such extension."""
    data = find_extension(extensions, ExtensionType.EXTERNAL_SENDERS)
    return () if data is None else parse_all(data, lambda reader: reader.items(ExternalSender.parse))


def parse_external_pub(extensions: Iterable[Extension]) -> bytes | None:
    """The HPKE key for external joins in a GroupInfo's extensions (section 12.4.3.2), or None."""
    data = find_extension(extensions, ExtensionType.EXTERNAL_PUB)
    return None if data is None else parse_all(data, Reader.vector)


def check_known_extensions(extensions: Iterable[Extension]) -> None:
    """Parses what this package reads of a GroupContext's list, so that it is well-formed later."""
    extensions = tuple(extensions)
    RequiredCapabilities.of(extensions)
    parse_external_senders(extensions)
