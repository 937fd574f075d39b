"""Who may do what with a blob (PROTOCOL.md, section 12a). Pure."""

from __future__ import annotations

from collections.abc import Collection
from typing import Final

from backchannel_protocol.blobs import part_count, part_size
from backchannel_protocol.errors import RemoteProtocolError
from backchannel_protocol.http_bodies import BeginBlob, ForBlob, PutPart, blob_content
from backchannel_protocol.ids import BlobId, SeatId
from backchannel_protocol.keys import verify
from backchannel_protocol.limits import MAX_ROOM_BLOB_BYTES, MAX_SEAT_UPLOADS
from backchannel_protocol.refusals import Code
from backchannel_server.enforce.mail import CLOCK_SKEW_S, WRONG_CLOCK
from backchannel_server.refusal import Refusal
from backchannel_server.storage.rows import Blob, Room, Seat

_ROOM_FULL: Final = (
    "The attachments of this room take as much place as the server gives to one. Send it when some of them "
    "have gone, or take back what is not needed."
)
_UPLOADS: Final = "Too many attachments of this seat are begun and not whole. Finish or delete one first."


def verify_asked(request: ForBlob, seat: Seat, record_key: bytes, now: int) -> None:
    """That it was this seat that asked, and just now. Raises Refusal."""
    try:
        verify(seat.key, "blob", blob_content(request, record_key), request.signature)
    except RemoteProtocolError as error:
        raise Refusal(error.code) from None
    if abs(now - request.time) > CLOCK_SKEW_S:
        raise Refusal(Code.EXPIRED, sentence=WRONG_CLOCK)


def decide_present(room: Room | None, seat: Seat | None, now: int) -> tuple[Room, Seat]:
    """Room and seat, of a seat that is in its room. Raises Refusal."""
    if room is None or room.is_over(now):
        raise Refusal(Code.UNKNOWN_ROOM)
    if seat is None:
        raise Refusal(Code.UNKNOWN_SEAT)
    if seat.removed_seq is not None:
        raise Refusal(Code.REMOVED, cause=seat.removed_seq)
    return room, seat


def decide_begin(
    room: Room, known: Blob | None, wanted: BeginBlob, taken: int, uploads: int, now: int
) -> Blob | None:
    """A new blob, None where it is begun already. Raises Refusal.

    taken    bytes of the room's blobs before
    uploads  of this seat's blobs, those that are not whole
    """
    if known is not None:
        if (known.seat, known.size) != (wanted.seat, wanted.size):
            raise Refusal(Code.DUPLICATE_ID)
        return None
    if room.closed_seq is not None:
        raise Refusal(Code.ROOM_CLOSED, cause=room.closed_seq)
    if taken + wanted.size > MAX_ROOM_BLOB_BYTES:
        raise Refusal(Code.TOO_MANY, sentence=_ROOM_FULL)
    if uploads >= MAX_SEAT_UPLOADS:
        raise Refusal(Code.TOO_MANY, sentence=_UPLOADS)
    return Blob(room.id, BlobId(wanted.blob), SeatId(wanted.seat), wanted.size, now)


def decide_part(known: Blob | None, stood: bytes | None, wanted: PutPart) -> bool:
    """Whether a part is new; `stood` is what stands in its place. Raises Refusal."""
    if known is None or known.seat != wanted.seat:
        raise Refusal(Code.UNKNOWN_BLOB)
    if stood is not None:
        if stood != wanted.body:
            raise Refusal(Code.DUPLICATE_ID)
        return False
    if len(wanted.body) != part_size(known.size, wanted.number):
        raise Refusal(Code.MALFORMED)
    return True


def count_missing(known: Blob, stands: Collection[int]) -> int:
    """How many parts a blob still needs."""
    return part_count(known.size) - len(stands)


def decide_delete(known: Blob | None, seat: Seat) -> bool:
    """Whether there is something to delete. Raises Refusal."""
    if known is None:
        return False
    if known.seat != seat.id:
        raise Refusal(Code.NOT_ALLOWED)
    return True
