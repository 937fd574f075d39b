"""The connection's state machine (PROTOCOL.md, section 4): no I/O, the same for both sides.

A `Connection` turns frames into bytes and bytes into frames, and knows which frame may be sent in
which state. A pair that is not in the table is an error and changes nothing: ours when we send
(`LocalProtocolError`), the peer's when we receive (`RemoteProtocolError`).
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from backchannel_protocol.errors import LocalProtocolError, RemoteProtocolError
from backchannel_protocol.frames import (
    Ack,
    Attach,
    Attached,
    Bye,
    Checkpoint,
    Cursor,
    Events,
    Frame,
    Hello,
    Mail,
    Refused,
    Submit,
    encode_frame,
    parse_client_frame,
    parse_server_frame,
)
from backchannel_protocol.limits import MAX_FRAME_BYTES, PROTOCOL_VERSION
from backchannel_protocol.refusals import Code


class Role(Enum):
    """Which side of the connection this is."""

    CLIENT = "client"
    SERVER = "server"


class State(Enum):
    """Where a connection stands."""

    GREETING = "greeting"
    ATTACHING = "attaching"
    ANSWERING = "answering"
    REPLAYING = "replaying"
    LIVE = "live"
    CLOSED = "closed"


class Symbol(Enum):
    """What the table knows of a frame: its sender and type, and of Events whether they are live."""

    HELLO = ("server", "Hello")
    ATTACH = ("client", "Attach")
    ATTACHED = ("server", "Attached")
    REPLAY = ("server", "Events, live false")
    FOLLOW = ("server", "Events, live true")
    SUBMIT = ("client", "Submit")
    ACK = ("server", "Ack")
    REFUSED = ("server", "Refused")
    CURSOR = ("client", "Cursor")
    MAIL_IN = ("client", "Mail")
    MAIL_OUT = ("server", "Mail")
    CHECKPOINT = ("server", "Checkpoint")
    BYE = ("server", "Bye")


_TALK = (
    Symbol.SUBMIT,
    Symbol.CURSOR,
    Symbol.MAIL_IN,
    Symbol.ACK,
    Symbol.REFUSED,
    Symbol.MAIL_OUT,
    Symbol.CHECKPOINT,
)

TABLE: dict[tuple[State, Symbol], State] = {
    (State.GREETING, Symbol.HELLO): State.ATTACHING,
    (State.GREETING, Symbol.BYE): State.CLOSED,
    (State.ATTACHING, Symbol.ATTACH): State.ANSWERING,
    (State.ATTACHING, Symbol.BYE): State.CLOSED,
    (State.ANSWERING, Symbol.ATTACHED): State.REPLAYING,
    (State.ANSWERING, Symbol.BYE): State.CLOSED,
    (State.REPLAYING, Symbol.REPLAY): State.REPLAYING,
    (State.REPLAYING, Symbol.FOLLOW): State.LIVE,
    (State.REPLAYING, Symbol.BYE): State.CLOSED,
    **{(State.REPLAYING, symbol): State.REPLAYING for symbol in _TALK},
    (State.LIVE, Symbol.FOLLOW): State.LIVE,
    (State.LIVE, Symbol.BYE): State.CLOSED,
    **{(State.LIVE, symbol): State.LIVE for symbol in _TALK},
}
"""Every pair that has a meaning, and the state after it."""

_SYMBOLS: dict[type[Frame], Symbol] = {
    Hello: Symbol.HELLO,
    Attach: Symbol.ATTACH,
    Attached: Symbol.ATTACHED,
    Submit: Symbol.SUBMIT,
    Ack: Symbol.ACK,
    Refused: Symbol.REFUSED,
    Cursor: Symbol.CURSOR,
    Checkpoint: Symbol.CHECKPOINT,
    Bye: Symbol.BYE,
}


def symbol_of(frame: Frame, sender: Role) -> Symbol:
    """What the table knows of a frame that `sender` sends."""
    if isinstance(frame, Events):
        return Symbol.FOLLOW if frame.live else Symbol.REPLAY
    if isinstance(frame, Mail):
        return Symbol.MAIL_IN if sender is Role.CLIENT else Symbol.MAIL_OUT
    return _SYMBOLS[type(frame)]


class Connection:
    """One side of a connection."""

    __slots__ = ("role", "state")

    def __init__(self, role: Role) -> None:
        self.role = role
        self.state = State.GREETING

    def send(self, frame: Frame) -> bytes:
        """The bytes of a frame to send. Raises LocalProtocolError (`out-of-state`, `too-large`)."""
        symbol = symbol_of(frame, self.role)
        following = TABLE.get((self.state, symbol))
        if following is None or symbol.value[0] != self.role.value:
            raise LocalProtocolError(Code.OUT_OF_STATE)
        data = encode_frame(frame)
        if len(data) > MAX_FRAME_BYTES:  # the peer would end the connection, each time it is sent again
            raise LocalProtocolError(Code.TOO_LARGE)
        self.state = following
        return data

    def receive(self, data: bytes) -> Frame:
        """The frame in received bytes. Raises `malformed`, `too-large`, `out-of-state`."""
        frame: Frame
        if self.role is Role.SERVER:
            frame, sender = parse_client_frame(data), Role.CLIENT
        else:
            frame, sender = parse_server_frame(data), Role.SERVER
        following = TABLE.get((self.state, symbol_of(frame, sender)))
        if following is None:
            raise RemoteProtocolError(Code.OUT_OF_STATE)
        self.state = following
        return frame


def choose_version(offered: Sequence[int]) -> int:
    """The version that this program and its peer share. Raises `version`."""
    if PROTOCOL_VERSION not in offered:
        raise RemoteProtocolError(Code.VERSION)
    return PROTOCOL_VERSION
