"""Where a client stops: another log, another room, another self (PROTOCOL.md, sections 3, 7 and 8)."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import NoReturn

from backchannel.errors import Stopped
from backchannel.room.view import RoomView
from backchannel.room.window import Seen
from backchannel_mls.codec import Reader, parse_all
from backchannel_protocol.canonical import MAX_NUMBER
from backchannel_protocol.envelope import VIEW_DATA_BYTES, View
from backchannel_protocol.events import LogEvent

_SENTENCES = {
    "log-gap": "The server left out a part of this room's log. Nothing more is shown; tell the facilitators "
    "by another way.",
    "log-time": "The server's clock went back within this room's log. Nothing more is shown; tell the host.",
    "log-shorter": "The server lost a part of this room's log that this device has seen. Nothing more is "
    "shown; tell the host.",
    "log-differs": "The server shows members of this room different logs. Nothing more is shown; tell the "
    "facilitators by another way.",
    "state-differs": "A member's device has computed another room than this one. Nothing more is shown; "
    "compare with the facilitators by another way.",
    "body-withheld": "The server withholds an event that it must keep. Nothing more is shown; tell the host.",
    "own-altered": "The server altered what this device sent. Nothing more is shown; tell the facilitators "
    "by another way.",
    "own-unknown": "There is an event of this seat that this device did not send: this profile was used "
    "elsewhere, or the server repeats events. Ask a facilitator to admit this device again.",
    "void-late": "The facilitators took back a change that this device can no longer undo. Ask a facilitator "
    "to admit this device again.",
    "record-differs": "The room's public record is another than its log. Nothing more is shown; tell the "
    "facilitators by another way.",
    "record-key": "The server is not the one of the invitation: its key differs. Nothing was sent.",
}


def stop(code: str) -> NoReturn:
    """Raises Stopped with the sentence of a code."""
    raise Stopped(code, _SENTENCES[code])


def check_order(view: RoomView, event: LogEvent) -> None:
    """The next event, and not earlier than the last (section 3)."""
    if event.seq != view.seq + 1:
        stop("log-gap")
    if event.time < view.time:
        stop("log-time")


def check_kept(event: LogEvent) -> None:
    """What the fold needs is never purged (section 3)."""
    if event.is_withheld:
        stop("body-withheld")


def check_view(view: RoomView, event: LogEvent, said: View) -> None:
    """What a member says that it had verified is what was verified here (section 7)."""
    known = _known(view, event, said.seq)
    if known is None:
        return
    if not hmac.compare_digest(known.chain, said.chain):
        stop("log-differs")
    if not hmac.compare_digest(known.state_hash, said.state_hash):
        stop("state-differs")
    if (known.record_size, known.record_root) != (said.record_size, said.record_root):
        stop("record-differs")


def check_promised(view: RoomView, promised: Mapping[int, bytes]) -> None:
    """The record, now that it is so large, has the root that the server signed before (section 13)."""
    last = view.here()
    if promised.get(last.record_size, last.record_root) != last.record_root:
        stop("record-differs")


def check_authenticated_data(view: RoomView, event: LogEvent, data: bytes) -> bool:
    """The same for a commit, whose view stands in clear. False where it is not a view at all."""
    if len(data) != VIEW_DATA_BYTES:
        return False
    seq, chain, size, root, tag = parse_all(data, _parse_view)
    if max(seq, size) > MAX_NUMBER:
        return False
    known = _known(view, event, seq)
    if known is None:
        return True
    if not hmac.compare_digest(known.chain, chain):
        stop("log-differs")
    expected = View(seq, known.chain, known.state_hash, size, root).state_tag(view.state_key())
    if not hmac.compare_digest(expected, tag):
        stop("state-differs")
    if (known.record_size, known.record_root) != (size, root):
        stop("record-differs")
    return True


def _known(view: RoomView, event: LogEvent, seq: int) -> Seen | None:
    """Nobody has verified an event that comes later than what they write."""
    if seq >= event.seq:
        stop("log-differs")
    return view.at(seq)


def _parse_view(reader: Reader) -> tuple[int, bytes, int, bytes, bytes]:
    return reader.uint(8), reader.take(32), reader.uint(8), reader.take(32), reader.take(32)
