"""MLSMessage (RFC 9420 section 6): the one thing that travels."""

from __future__ import annotations

from collections.abc import Callable

from backchannel_mls.codec import Reader, parse_all, u16
from backchannel_mls.errors import RemoteError
from backchannel_mls.rules import Rule
from backchannel_mls.types import MLS10, WireFormat
from backchannel_mls.wire.framing import PrivateMessage, PublicMessage
from backchannel_mls.wire.key_package import KeyPackage
from backchannel_mls.wire.welcome import GroupInfo, Welcome

MlsMessage = PublicMessage | PrivateMessage | Welcome | GroupInfo | KeyPackage

_PARSERS: dict[int, Callable[[Reader], MlsMessage]] = {
    WireFormat.PUBLIC_MESSAGE: PublicMessage.parse,
    WireFormat.PRIVATE_MESSAGE: PrivateMessage.parse,
    WireFormat.WELCOME: Welcome.parse,
    WireFormat.GROUP_INFO: GroupInfo.parse,
    WireFormat.KEY_PACKAGE: KeyPackage.parse,
}
_WIRE_FORMATS: dict[type[MlsMessage], WireFormat] = {
    PublicMessage: WireFormat.PUBLIC_MESSAGE,
    PrivateMessage: WireFormat.PRIVATE_MESSAGE,
    Welcome: WireFormat.WELCOME,
    GroupInfo: WireFormat.GROUP_INFO,
    KeyPackage: WireFormat.KEY_PACKAGE,
}


def parse_message(data: bytes) -> MlsMessage:
    """Parses one MLSMessage: unverified, but well-formed to the last byte.

    Raises RemoteError for everything else.
    """
    return parse_all(data, _parse)


def encode_message(message: MlsMessage) -> bytes:
    """Encodes one MLSMessage."""
    return u16(MLS10) + u16(_WIRE_FORMATS[type(message)]) + message.encode()


def _parse(reader: Reader) -> MlsMessage:
    if reader.uint(2) != MLS10:
        raise RemoteError(Rule.VERSION_UNSUPPORTED)
    parse_body = _PARSERS.get(reader.uint(2))
    if parse_body is None:
        raise RemoteError(Rule.VALUE_UNKNOWN)
    return parse_body(reader)
