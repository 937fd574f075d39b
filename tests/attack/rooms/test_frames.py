"""Frames that are malformed, oversized or out of state (PROTOCOL.md, 4): a code, and nobody else notices."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
import pytest
from websockets.exceptions import ConnectionClosed

from attack.rooms.attacks import hold
from attack.rooms.intruder import (
    ALL,
    Scene,
    attached,
    greeted,
    last_word,
    put,
    resident_kib,
    said_next,
    unharmed,
    verify_log,
)
from attack.rooms.malformed import Tree, headers, noise, tagged, variants
from attack.rooms.stage import Stage
from backchannel.testing import LocalServer
from backchannel_protocol.events import Draft, EventKind
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
    Placed,
    Refused,
    Submit,
    encode_frame,
    parse_client_frame,
)
from backchannel_protocol.limits import MAX_DRAFTS, MAX_FRAME_BYTES, MAX_MAIL_BYTES
from server.server_kit import attach_frame

ID = bytes(range(16))
DRAFT: Tree = [ID, 1, 1, ID, b"body", None]
ATTACH: Tree = [2, 1, ID, ID, 0, bytes(64)]
SUBMIT: Tree = [5, [[ID, 1, 1, ID, b"body"]]]
CURSOR: Tree = [8, 1]
MAIL: Tree = [9, ID, 2, b"sealed"]
TREES = {"attach": ATTACH, "submit": SUBMIT, "cursor": CURSOR, "mail": MAIL}
TOO_BIG = 1009
"""WebSocket's own code (RFC 6455 section 7.4.1)."""

GROWTH_KIB = 64 * 1024
"""What the server may have grown by, after all of an attack."""


def frames(name: str, seed: int) -> Iterator[bytes | str]:
    """Malformed ones of one kind."""
    match name:
        case "headers":
            yield from headers()
        case "noise":
            yield from noise(seed, 40)
        case "numbers":
            for tree in TREES.values():
                yield from tagged(tree)
        case "text":
            yield from ("", "text", "\0", "[5,[]]", "x" * 70_000)
        case "drafts":
            yield encode_frame(Submit([]))
            yield encode_frame(Submit([Draft(ID, EventKind.CHAT, 1, ID, b"x")] * (MAX_DRAFTS + 1)))
            yield encode_frame(Mail(ID, 2, bytes(MAX_MAIL_BYTES + 1)))
        case _:
            yield from variants(TREES[name])


KINDS = (*TREES, "headers", "noise", "numbers", "text", "drafts")


async def is_refused(scene: Scene, data: bytes | str, code: str, *, live: bool) -> None:
    """A connection that says this is told why, and ended."""
    opened = attached(scene.url, scene.mallory) if live else greeted(scene.url, scene.mallory)
    async with opened as entered:
        line = entered[0] if isinstance(entered, tuple) else entered
        await put(line, data)
        bye = await last_word(line)
        what = data[:60] if isinstance(data, bytes) else data[:60].encode()
        hold(bye.code == code, f"{what!r} of {len(data)} was answered with {bye.code}")
        with pytest.raises(ConnectionClosed):
            await line.socket.recv()


@pytest.mark.parametrize("live", [False, True], ids=["attaching", "live"])
async def test_malformed_frames_end_the_connection_of_who_sent_them(
    direct: Stage, server: LocalServer, live: bool, seed: int, long_form: bool
) -> None:
    assert server._process is not None
    async with unharmed(direct) as scene:
        before = resident_kib(server._process.pid)
        for kind in KINDS:
            wrong = list(frames(kind, seed))
            assert len(wrong) >= 3
            # one parser serves both states: the short form tries each variation in one of them at least
            for data in wrong if long_form or not live else wrong[:: max(1, len(wrong) // 12)]:
                await is_refused(scene, data, "malformed", live=live)
        hold(resident_kib(server._process.pid) - before < GROWTH_KIB, "the server keeps what it refused")
    verify_log(server.log, 0, [scene.mallory.private, scene.mallory.id, bytes(scene.mallory.room)])


@pytest.mark.parametrize("live", [False, True], ids=["attaching", "live"])
async def test_oversized_frames_end_the_connection_of_who_sent_them(direct: Stage, live: bool) -> None:
    """Who is still sending when the server ends it may not get to read the Bye: then 1009 says it."""
    async with unharmed(direct) as scene:
        for size in (MAX_FRAME_BYTES + 1, 3 * MAX_FRAME_BYTES):
            data = b"\xc6" + (size - 5).to_bytes(4, "big") + bytes(size - 5)
            try:
                await is_refused(scene, data, "too-large", live=live)
            except ConnectionClosed as closed:
                hold(closed.rcvd is not None and closed.rcvd.code == TOO_BIG, f"{closed}")


def test_what_the_malformed_frames_are_made_of_is_well_formed() -> None:
    """So it is the variation that is refused."""
    parsed = {type(parse_client_frame(msgspec.msgpack.encode(tree))) for tree in TREES.values()}
    assert parsed == {Attach, Submit, Cursor, Mail}


# ---- out of state: every pair of a server's state and a frame that a client might send there
OF_CLIENTS: dict[str, Frame] = {
    "Attach": Attach(1, ID, ID, 0, bytes(64)),
    "Submit": Submit([Draft(ID, EventKind.CHAT, 77, ID, b"x")]),
    "Cursor": Cursor(1),
    "Mail": Mail(ID, 2, b"sealed"),
}
OF_SERVERS: dict[str, Frame] = {
    "Hello": Hello([1], bytes(32), bytes(32), 1),
    "Attached": Attached(1, 1, ID, 1, 1, "note"),
    "Events": Events([], True),
    "Ack": Ack([Placed(ID, 1, 1)]),
    "Refused": Refused(ID, "x", "y"),
    "Checkpoint": Checkpoint("note"),
    "Bye": Bye("x", "y"),
}
TAKEN = {"Submit": "stale-epoch", "Mail": "not-allowed", "Cursor": "not-allowed"}
"""What stands in the table once the seat is attached, and the code by which it is refused otherwise."""


@pytest.mark.parametrize("state", ["attaching", "answering", "live", "closed"])
async def test_frames_that_have_no_meaning_in_a_state(direct: Stage, state: str) -> None:
    async with unharmed(direct) as scene:
        for name, wrong in (OF_CLIENTS | OF_SERVERS).items():
            code = await answer_to(scene, state, name, wrong)
            expected = "malformed" if name in OF_SERVERS or state == "closed" else "out-of-state"
            if state == "attaching" and name == "Attach":
                expected = "unknown-room"  # it has a meaning there, and is no seat's
            if state in ("answering", "live"):  # "answering": the server takes frames one after the other
                expected = TAKEN.get(name, expected)
            hold(code == expected, f"{name} while {state} was answered with {code}")


async def answer_to(scene: Scene, state: str, name: str, frame: Frame) -> str:
    """The code by which a frame is answered in a state."""
    async with greeted(scene.url, scene.mallory) as (line, hello):
        first = {"attaching": [], "closed": [b"\xc1"]}.get(state, [attach_frame(scene.mallory, hello, ALL)])
        await put(line, *first)
        if state == "live":
            await said_next(line, Events)
        behind = [OF_CLIENTS["Mail"]] if name == "Cursor" and state in ("answering", "live") else []
        await put(line, frame, *behind)
        answer = await said_next(line, Refused)
        assert isinstance(answer, Refused | Bye)
        return answer.code
