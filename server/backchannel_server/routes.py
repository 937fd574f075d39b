"""What the server answers over HTTP: one row for each method and path (PROTOCOL.md, section 12).

The edge makes its routes of this table, and shared/openapi.yaml is made of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import msgspec

from backchannel_protocol.http_bodies import (
    MEDIA_TYPE,
    BeginBlob,
    BlobBegun,
    BlobDeleted,
    CreateRoom,
    DeleteBlob,
    Knock,
    MailSoFar,
    MakeToken,
    PartPut,
    PartRead,
    PutPart,
    ReadPart,
    RoomCreated,
    TokenMade,
)
from backchannel_protocol.refusals import Code

PLAIN: Final = "text/plain"
HTML: Final = "text/html"

STATUS: Final[Mapping[Code, int]] = {
    Code.BAD_SIGNATURE: 403,
    Code.BAD_TOKEN: 401,
    Code.DUPLICATE_ID: 409,
    Code.EXPIRED: 410,
    Code.INTERNAL: 500,
    Code.MAILBOX_CLOSED: 410,
    Code.MAILBOX_TAKEN: 409,
    Code.NOT_ALLOWED: 403,
    Code.OUT_OF_STATE: 409,
    Code.ROOM_CLOSED: 410,
    Code.ROOM_EXISTS: 409,
    Code.STORAGE_FULL: 507,
    Code.TOO_FAST: 429,
    Code.TOO_LARGE: 413,
    Code.TOO_MANY: 409,
    Code.TOO_SLOW: 408,
    Code.REMOVED: 403,
    Code.UNKNOWN_BLOB: 404,
    Code.UNKNOWN_ROOM: 404,
    Code.UNKNOWN_SEAT: 404,
}
"""The status beside a refusal's code; BAD_REQUEST for the rest."""

BAD_REQUEST: Final = 400


@dataclass(frozen=True, slots=True)
class Route:
    """`name` is the handler's. `body`, `answer`: msgpack arrays, where there are any; else `media_type`."""

    method: str
    path: str
    name: str
    sentence: str
    status: int = 200
    media_type: str = MEDIA_TYPE
    body: type[msgspec.Struct] | None = None
    answer: type[msgspec.Struct] | None = None
    bearer: bool = False
    unready: bool = False
    refusals: tuple[Code, ...] = ()


_BODY: Final = (
    Code.MALFORMED,
    Code.TOO_LARGE,
    Code.TOO_SLOW,
    Code.TOO_FAST,
    Code.STORAGE_FULL,
    Code.INTERNAL,
)

_SEAT: Final = (
    *_BODY,
    Code.BAD_SIGNATURE,
    Code.EXPIRED,
    Code.REMOVED,
    Code.UNKNOWN_ROOM,
    Code.UNKNOWN_SEAT,
)
"""Of what a seat signs."""

UPGRADE: Final = Route(
    "GET",
    "/v1/ws",
    "handle",
    "The WebSocket, subprotocol backchannel.v1; its frames are in asyncapi.yaml.",
    101,
    refusals=(Code.TOO_FAST, Code.MALFORMED),
)

ROUTES: Final = (
    Route(
        "POST",
        "/v1/tokens",
        "make_token",
        "Makes a room token, by the bearer of the host's token.",
        201,
        body=MakeToken,
        answer=TokenMade,
        bearer=True,
        refusals=(*_BODY, Code.BAD_TOKEN, Code.NOT_ALLOWED, Code.EXPIRED, Code.TOO_MANY),
    ),
    Route(
        "POST",
        "/v1/rooms",
        "create_room",
        "Creates a room with one seat, by the bearer of the host's or a room token.",
        201,
        body=CreateRoom,
        answer=RoomCreated,
        bearer=True,
        refusals=(*_BODY, Code.BAD_TOKEN, Code.EXPIRED, Code.ROOM_EXISTS),
    ),
    Route(
        "POST",
        "/v1/mail",
        "mail",
        "An invitee's piece of mail, or look into the mailbox, signed with the invitation's keys.",
        body=Knock,
        answer=MailSoFar,
        refusals=(
            *_BODY,
            Code.BAD_SIGNATURE,
            Code.DUPLICATE_ID,
            Code.EXPIRED,
            Code.MAILBOX_CLOSED,
            Code.MAILBOX_TAKEN,
            Code.NOT_ALLOWED,
            Code.OUT_OF_STATE,
            Code.ROOM_CLOSED,
            Code.TOO_MANY,
        ),
    ),
    Route(
        "POST",
        "/v1/blobs/begin",
        "begin_blob",
        "Begins an attachment, or tells which of its parts stand, signed with the seat key.",
        body=BeginBlob,
        answer=BlobBegun,
        refusals=(*_SEAT, Code.DUPLICATE_ID, Code.ROOM_CLOSED, Code.TOO_MANY),
    ),
    Route(
        "POST",
        "/v1/blobs/part",
        "put_part",
        "One part of an attachment, by the seat that began it.",
        body=PutPart,
        answer=PartPut,
        refusals=(*_SEAT, Code.DUPLICATE_ID, Code.UNKNOWN_BLOB),
    ),
    Route(
        "POST",
        "/v1/blobs/read",
        "read_part",
        "One part of a whole attachment, for a seat that is in the room.",
        body=ReadPart,
        answer=PartRead,
        refusals=(*_SEAT, Code.UNKNOWN_BLOB),
    ),
    Route(
        "POST",
        "/v1/blobs/delete",
        "delete_blob",
        "Deletes an attachment, by the seat that sent it.",
        body=DeleteBlob,
        answer=BlobDeleted,
        refusals=(*_SEAT, Code.NOT_ALLOWED),
    ),
    Route(
        "GET",
        "/v1/record/{room}",
        "record",
        "The last checkpoint of a room's record, a C2SP signed note; the room's id in base64url.",
        media_type=PLAIN,
        refusals=(Code.MALFORMED, Code.TOO_FAST, Code.UNKNOWN_ROOM, Code.INTERNAL),
    ),
    Route("GET", "/healthz", "healthy", "The process answers.", media_type=PLAIN),
    Route(
        "GET",
        "/readyz",
        "ready",
        "Whether the server can do its work, and what it lacks; 503 where it can write nothing.",
        media_type=PLAIN,
        unready=True,
    ),
    Route("GET", "/metrics", "metrics", "Sums over the whole server, for Prometheus.", media_type=PLAIN),
    Route("GET", "/what-the-server-sees", "sights", "Every column of the database.", media_type=HTML),
)


def status_of(code: Code) -> int:
    """The HTTP status with which a code is refused."""
    return STATUS.get(code, BAD_REQUEST)
