"""The plaintext of chat and governance events (PROTOCOL.md, section 7)."""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

from backchannel_mls.codec import u64
from backchannel_protocol.canonical import MAX_NUMBER, JsonObject, jcs, parse_jcs
from backchannel_protocol.errors import LocalProtocolError, RemoteProtocolError
from backchannel_protocol.ids import HASH_SIZE, b64u, parse_b64u
from backchannel_protocol.limits import MAX_BODY_BYTES, PADDING_CLASSES
from backchannel_protocol.refusals import Code

_OVERHEAD_BYTES = 96
"""What MLS adds to the content before padding: lengths and a signature, rounded up."""

VIEW_DATA_BYTES = 8 + 32 + 8 + 32 + 32
"""The size of a commit's authenticated_data."""

Number = Annotated[int, Meta(ge=0, le=MAX_NUMBER)]


class _ViewWire(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The member `s` of an envelope."""

    h: str
    n: Number
    r: tuple[Number, str]
    z: str


class _EnvelopeWire(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An envelope."""

    b: dict[str, Any]
    i: Annotated[int, Meta(ge=1, le=MAX_NUMBER)]
    s: _ViewWire
    t: Annotated[str, Meta(min_length=1, max_length=32)]
    v: Literal[1]


@dataclass(frozen=True, slots=True)
class View:
    """What a sender had verified when it wrote: whoever sees a log otherwise differs here.

    chain and state_hash at `seq`; the record's size and root.
    """

    seq: int
    chain: bytes
    state_hash: bytes
    record_size: int
    record_root: bytes

    def to_json(self) -> JsonObject:
        """The member `s` of an envelope."""
        return {
            "h": b64u(self.chain),
            "n": self.seq,
            "r": [self.record_size, b64u(self.record_root)],
            "z": b64u(self.state_hash),
        }

    @classmethod
    def of_wire(cls, wire: _ViewWire) -> View:
        """From the member `s` of an envelope. Raises `malformed`."""
        size, root = wire.r
        return cls(
            wire.n,
            parse_b64u(wire.h, HASH_SIZE),
            parse_b64u(wire.z, HASH_SIZE),
            size,
            parse_b64u(root, HASH_SIZE),
        )

    def authenticated_data(self, state_key: bytes) -> bytes:
        """A commit's authenticated_data: in clear, so the state hash is under a key of the members."""
        tag = self.state_tag(state_key)
        return u64(self.seq) + self.chain + u64(self.record_size) + self.record_root + tag

    def state_tag(self, state_key: bytes) -> bytes:
        """HMAC-SHA-256 of the state hash; the key is MLS-Exporter("backchannel v1 state-hash", "", 32)."""
        return hmac.digest(state_key, self.state_hash, hashlib.sha256)


@dataclass(frozen=True, slots=True)
class Envelope:
    """One event's plaintext: type, body, the sender's intent number and view."""

    type: str
    body: JsonObject
    intent: int
    view: View

    def encode(self) -> bytes:
        """JCS."""
        content: JsonObject = {
            "b": self.body,
            "i": self.intent,
            "s": self.view.to_json(),
            "t": self.type,
            "v": 1,
        }
        return jcs(content)

    @classmethod
    def parse(cls, data: bytes) -> Envelope:
        """Raises `malformed`. The body is checked by its type, in the fold."""
        try:
            wire = msgspec.convert(parse_jcs(data), _EnvelopeWire)
        except msgspec.ValidationError:
            raise RemoteProtocolError(Code.MALFORMED, "An event is not an envelope of version 1.") from None
        return cls(wire.t, wire.b, wire.i, View.of_wire(wire.s))


def padding_class(content_bytes: int) -> int:
    """To how many bytes the encrypted content of so many bytes is padded. Raises `too-large`."""
    needed = content_bytes + _OVERHEAD_BYTES
    for size in PADDING_CLASSES:
        if size >= needed and size <= MAX_BODY_BYTES:
            return size
    raise LocalProtocolError(Code.TOO_LARGE, "The message is too long. Send it in parts.")
