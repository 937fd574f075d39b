"""What the server looks at in an encrypted body: its MLS framing, never more (PROTOCOL.md, section 5).

Group id, epoch and content type stand in clear (RFC 9420 section 6.3); nothing is decrypted, and
there is no key here that could.
"""

from __future__ import annotations

from typing import Final

from backchannel_mls.codec import parse_all, u16
from backchannel_mls.errors import RemoteError
from backchannel_mls.types import MLS10, ContentType, WireFormat
from backchannel_mls.wire.framing import PrivateMessage
from backchannel_protocol.events import Draft, EventKind
from backchannel_protocol.ids import RoomId
from backchannel_protocol.refusals import Code
from backchannel_server.refusal import Refusal

_PREFIX: Final = u16(MLS10) + u16(WireFormat.PRIVATE_MESSAGE)
_CONTENT: Final = {
    EventKind.CHAT: ContentType.APPLICATION,
    EventKind.GOVERNANCE: ContentType.APPLICATION,
    EventKind.COMMIT: ContentType.COMMIT,
}


def verify_framing(draft: Draft, room: RoomId) -> None:
    """Raises `malformed` unless the body is a PrivateMessage of this room, epoch and kind."""
    if not draft.body.startswith(_PREFIX):
        raise Refusal(Code.MALFORMED)
    try:
        message = parse_all(draft.body[len(_PREFIX) :], PrivateMessage.parse)
    except RemoteError:
        raise Refusal(Code.MALFORMED) from None
    if bytes(message.group_id) != room or int(message.epoch) != draft.epoch:
        raise Refusal(Code.MALFORMED)
    if message.content_type is not _CONTENT.get(draft.kind):
        raise Refusal(Code.MALFORMED)
