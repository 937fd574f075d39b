"""What members are told where the server was told something that does not fit the room (section 6). Pure."""

from __future__ import annotations

from typing import Final

from backchannel.room.facts import OperationUnfit
from backchannel_protocol.errors import RemoteProtocolError
from backchannel_protocol.events import LogEvent
from backchannel_protocol.ids import b64u
from backchannel_protocol.operations import (
    CloseRoom,
    InvitationClose,
    InvitationOpen,
    Mute,
    Operation,
    SeatAdd,
    SeatRemove,
    SeatSet,
    SetPolicy,
    VoidCommit,
    parse_operation,
)
from backchannel_protocol.room.refusals import FoldCode
from backchannel_protocol.room.state import RoomState

_TOLD: Final[dict[type[Operation], tuple[str, str]]] = {
    SeatAdd: ("seat-add", "to let a seat attach"),
    SeatRemove: ("seat-remove", "to cut a seat off"),
    SeatSet: ("seat-set", "who may send it operations"),
    Mute: ("mute", "to take no messages from a seat"),
    SetPolicy: ("policy", "another retention, slow mode or pause than the room's"),
    InvitationOpen: ("invitation-open", "to open an invitation"),
    InvitationClose: ("invitation-close", "to close an invitation"),
    VoidCommit: ("void-commit", "to take back a change of the room"),
    CloseRoom: ("close", "to close the room"),
}
"""The name of an operation, and what the server was told with it."""

_BECAUSE: Final = {
    FoldCode.OPERATIONS_UNFIT: "The members were told something else, or nothing.",
    FoldCode.ROLE_FORBIDS: "In this room that seat may not do so.",
    FoldCode.RECORD_UNFIT: "The room's record does not have it as it must.",
}


def operation_unfit(state: RoomState | None, event: LogEvent, code: FoldCode) -> OperationUnfit:
    """The server has obeyed all the same. Nobody is let in by it, and everybody sees who it was."""
    author = b64u(event.seat)
    name = (
        "A seat that is not here" if state is None or author not in state.seats else state.seats[author].name
    )
    operation, told = _operation_of(event)
    because = _BECAUSE.get(code, code.sentence)
    sentence = (
        f"{name}'s device told the server {told}. {because} The server does what it was told; nobody is let "
        f"in by it. Ask {name} by another way, and tell the other facilitators."
    )
    return OperationUnfit(
        seq=event.seq, time=event.time, seat=author, operation=operation, code=code.value, sentence=sentence
    )


def _operation_of(event: LogEvent) -> tuple[str, str]:
    try:
        return _TOLD[type(parse_operation(event.body or b""))]
    except RemoteProtocolError:
        return "unknown", "something that cannot be read"
