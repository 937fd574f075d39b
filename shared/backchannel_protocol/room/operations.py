"""Operations in clear as members see them: does the server know what the room knows (section 6)?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TypeVar, cast

import msgspec

from backchannel_protocol.errors import RemoteProtocolError
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
from backchannel_protocol.room.place import At
from backchannel_protocol.room.refusals import FoldCode, FoldRefusal
from backchannel_protocol.room.state import Role, RoomState

O = TypeVar("O", bound=Operation)  # noqa: E741 - an operation
Fits = Callable[[RoomState, object], bool]


def decide_operation(
    state: RoomState, at: At, body: bytes, *, obeyed: bool
) -> tuple[RoomState, FoldCode | None]:
    """The state after an operation; and where it does not fit the room, the code that members are shown.

    obeyed  whether the server takes operations of this seat. It obeys what does not fit, too, so the
            state keeps what it was told of a seat's bit in any case.

    Raises FoldRefusal where an honest server would not have written the event at all.
    """
    if not obeyed:
        raise FoldRefusal(FoldCode.ROLE_FORBIDS)
    try:
        operation = parse_operation(body)
    except RemoteProtocolError:
        raise FoldRefusal(FoldCode.BODY_MALFORMED) from None
    unfit = None if _FITS[type(operation)](state, operation) else FoldCode.OPERATIONS_UNFIT
    if at.sender not in state.facilitators():
        unfit = FoldCode.ROLE_FORBIDS
    if isinstance(operation, SeatSet):
        state = with_bits(state, {b64u(operation.seat): operation.may_facilitate})
    return state, unfit


def with_bits(state: RoomState, bits: Mapping[str, bool]) -> RoomState:
    """With what the server was told of seats that are in the room."""
    changed = {
        id_: msgspec.structs.replace(seat, operates=bits[id_])
        for id_, seat in state.seats.items()
        if id_ in bits and seat.operates != bits[id_]
    }
    return msgspec.structs.replace(state, seats={**state.seats, **changed}) if changed else state


def _seat_set(state: RoomState, operation: SeatSet) -> bool:
    seat = state.seats.get(b64u(operation.seat))
    return seat is not None and operation.may_facilitate == (seat.role is Role.FACILITATOR)


def _mute(_: RoomState, operation: Mute) -> bool:
    return operation.until == 0


def _policy(state: RoomState, operation: SetPolicy) -> bool:
    said = (operation.retention_s, operation.after_reading)
    quiet = operation.slow_mode_s == operation.paused_until == 0
    return quiet and said == (state.retention.seconds, state.retention.after_reading)


def _invitation_open(state: RoomState, operation: InvitationOpen) -> bool:
    invited = state.invitations.get(b64u(operation.mailbox))
    return invited is not None and invited.expires == operation.expires


def _invitation_close(state: RoomState, operation: InvitationClose) -> bool:
    return b64u(operation.mailbox) not in state.invitations


def _close(state: RoomState, _: CloseRoom) -> bool:
    return state.closed is not None


def _elsewhere(_: RoomState, __: Operation) -> bool:
    """What is judged with the commit behind it, or from the clear log."""
    return True


def _judge(judge: Callable[[RoomState, O], bool]) -> Fits:
    """A judge as the table holds it: the table's key is the operation's type."""
    return cast("Fits", judge)


_FITS: dict[type[Operation], Fits] = {
    SeatAdd: _judge(_elsewhere),
    SeatRemove: _judge(_elsewhere),
    SeatSet: _judge(_seat_set),
    Mute: _judge(_mute),
    SetPolicy: _judge(_policy),
    InvitationOpen: _judge(_invitation_open),
    InvitationClose: _judge(_invitation_close),
    VoidCommit: _judge(_elsewhere),
    CloseRoom: _judge(_close),
}
