"""What stands in a member's MLS credential: the seat and its keys (PROTOCOL.md, section 2)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from backchannel_protocol.canonical import JsonValue, jcs, parse_jcs
from backchannel_protocol.errors import RemoteProtocolError
from backchannel_protocol.ids import ID_SIZE, KEY_SIZE, SeatId, b64u, parse_b64u
from backchannel_protocol.limits import MAX_SEATS
from backchannel_protocol.refusals import Code

MAX_INBOX_KEY_BYTES = 2048


@dataclass(frozen=True, slots=True)
class SeatCredential:
    """A seat's id and public keys; `inbox_key` is an HPKE key of the room's suite."""

    seat: SeatId
    seat_key: bytes
    governance_key: bytes
    inbox_key: bytes

    def encode(self) -> bytes:
        """The identity of a basic credential: JCS."""
        return jcs(
            {
                "governance": b64u(self.governance_key),
                "inbox": b64u(self.inbox_key),
                "key": b64u(self.seat_key),
                "seat": b64u(self.seat),
                "v": 1,
            }
        )

    @classmethod
    def parse(cls, identity: bytes) -> SeatCredential:
        """Raises `malformed`. Members are looked up again and again, so the last ones are remembered."""
        return _parse(identity)


@lru_cache(maxsize=MAX_SEATS)
def _parse(identity: bytes) -> SeatCredential:
    value = parse_jcs(identity)
    if set(value) != {"governance", "inbox", "key", "seat", "v"} or value["v"] is True or value["v"] != 1:
        raise RemoteProtocolError(Code.MALFORMED, "The credential is not a seat's.")
    inbox = parse_b64u(_text(value["inbox"]))
    if not KEY_SIZE <= len(inbox) <= MAX_INBOX_KEY_BYTES:
        raise RemoteProtocolError(Code.MALFORMED, "The credential's inbox key has a wrong length.")
    return SeatCredential(
        SeatId(parse_b64u(_text(value["seat"]), ID_SIZE)),
        parse_b64u(_text(value["key"]), KEY_SIZE),
        parse_b64u(_text(value["governance"]), KEY_SIZE),
        inbox,
    )


def _text(value: JsonValue) -> str:
    if not isinstance(value, str):
        raise RemoteProtocolError(Code.MALFORMED, "The credential is not a seat's.")
    return value
