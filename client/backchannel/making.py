"""Making a room: kept before the server is asked, so that a crash leaves no room without its keys.

A `Making` stands in the profile's table of rooms, under the room's id, until the room itself takes
its place there in one transaction. Whoever asks again asks for the same room and seat.
"""

from __future__ import annotations

import os
from typing import Final

import msgspec

from backchannel.connection.host import Host
from backchannel.errors import NotAllowed, ServerRefused
from backchannel.ledger import PARTY_RULE, About, Ledger
from backchannel.outbox import Item
from backchannel.room.keys import SeatKeys
from backchannel.room.membership import SETTINGS
from backchannel.room.view import first_view
from backchannel.store.profile import Profile
from backchannel_mls import create_group
from backchannel_protocol.canonical import JsonObject, jcs
from backchannel_protocol.envelope import Envelope, View
from backchannel_protocol.http_bodies import CreateRoom
from backchannel_protocol.ids import ID_SIZE, KEY_SIZE, RoomId, b64u
from backchannel_protocol.keys import public_key
from backchannel_protocol.operations import SetPolicy, encode_operation
from backchannel_protocol.refusals import Code
from backchannel_protocol.room.decide import decide
from backchannel_protocol.room.place import At
from backchannel_protocol.room.refusals import FoldRefusal
from backchannel_protocol.room.state import json_of

MAKING: Final = b"making "
"""How what is kept of a room that is being made begins, in the profile's table of rooms."""

MAKING_S: Final = 24 * 3600
"""How long a room that could not be made is tried again when the profile is opened."""

NOT_OURS: Final = (Code.UNKNOWN_SEAT.value, Code.BAD_SIGNATURE.value)
"""What a server says where the room of our id is somebody else's."""

_UNFIT: Final = (
    "The room cannot be made as it is described. Names and the title have 1 to 80 characters and no "
    "invisible ones, there are at most 12 parties and 12 rules of at most 300 characters, and your own party "
    "is one of them."
)


class Making(msgspec.Struct, array_like=True, frozen=True):
    """A room that was asked for.

    `wish` is the genesis, in JCS, without what depends on keys, and with what the room cannot have from its
    beginning (`admission`).
    """

    url: str
    token: str
    asked: int
    room: bytes
    keys: bytes
    wish: bytes

    def __repr__(self) -> str:
        """Without token and keys."""
        return f"Making({self.url!r})"

    @classmethod
    def generate(cls, url: str, token: str, wish: JsonObject, suite: int, now_s: int) -> Making:
        """With new keys. Raises NotAllowed for a room that no client would take."""
        room, keys = os.urandom(ID_SIZE), SeatKeys.generate(suite)
        making = cls(url, token, now_s, room, keys.encode(), jcs(wish))
        at = At(b64u(room), 1, now_s, b64u(keys.seat), b64u(room))
        nothing = View(0, bytes(32), bytes(32), 0, bytes(32))
        try:
            decide(None, at, Envelope("genesis", making.genesis(bytes(KEY_SIZE)), 1, nothing))
        except FoldRefusal:
            raise NotAllowed("room-unfit", _UNFIT) from None
        return making

    def genesis(self, record_key: bytes) -> JsonObject:
        """The room's first event."""
        wish: JsonObject = msgspec.json.decode(self.wish)
        wish.pop("admission", None)
        keys = SeatKeys.decode(self.keys)
        return {
            **wish,
            "suite": keys.suite,
            "record_key": b64u(record_key),
            "keys": json_of(keys.public()),
        }

    @property
    def wishes_party_rule(self) -> bool:
        """Whether the admission rule `party` is to be set as soon as the room takes it."""
        return bool(msgspec.json.decode(self.wish).get("admission") == "party")

    def wants(self, url: str, wish: JsonObject, suite: int) -> bool:
        """Whether it is this room that somebody asks for once more."""
        known = (self.url, self.wish, SeatKeys.decode(self.keys).suite)
        return known == (url, jcs(wish), suite)

    def encode(self) -> bytes:
        """For storage: holds private keys and the token in clear."""
        return MAKING + msgspec.msgpack.encode(self)

    @classmethod
    def decode(cls, data: bytes) -> Making:
        """What `encode` wrote."""
        return msgspec.msgpack.decode(data.removeprefix(MAKING), type=cls)


async def ask(host: Host, making: Making) -> bytes:
    """The record key of the server, which has the room now. The same request again is harmless.

    `room-exists` is what it says of the own room where an earlier answer was lost: whether it is the
    own one, attaching shows.
    """
    keys = SeatKeys.decode(making.keys)
    request = CreateRoom(making.room, keys.seat, public_key(keys.seat_key))
    try:
        return (await host.create_room(making.token, request)).record_key
    except ServerRefused as refusal:
        if refusal.code != Code.ROOM_EXISTS.value:
            raise
    session = await host.open()
    try:
        return (await session.greet()).record_key
    finally:
        await session.close()


async def establish(profile: Profile, making: Making, record_key: bytes, now_s: int) -> Ledger:
    """The room's ledger, with its first event to be sent, in the place of the Making."""
    keys, room = SeatKeys.decode(making.keys), RoomId(making.room)
    genesis = making.genesis(record_key)
    mls = create_group(keys.identity(), group_id=room, now_s=now_s, settings=SETTINGS)
    first = Item(1, "governance", "genesis", jcs(genesis), 1, _policy(genesis))
    about = About(making.url, record_key, making.keys)
    notes = {PARTY_RULE: b""} if making.wishes_party_rule else {}
    return await Ledger.create(profile, about, first_view(room, keys.seat, mls), items=[first], notes=notes)


def _policy(genesis: JsonObject) -> tuple[bytes, ...]:
    """What the server is told of the room's retention."""
    retention = genesis["retention"]
    assert isinstance(retention, dict)
    seconds, after = retention["seconds"], retention["after_reading"]
    assert isinstance(seconds, int)
    policy = SetPolicy(None, 0, seconds, bool(after), 0)
    return (encode_operation(policy),) if seconds or after else ()
