"""The connection's table: what it allows happens, and everything else changes nothing."""

from __future__ import annotations

import pytest

from backchannel_protocol.connection import Connection, Role, State, choose_version
from backchannel_protocol.errors import LocalProtocolError, RemoteProtocolError
from backchannel_protocol.events import Draft, EventKind
from backchannel_protocol.frames import Frame, Hello, Submit, encode_frame
from backchannel_protocol.limits import MAX_BODY_BYTES, PROTOCOL_VERSION
from backchannel_protocol.refusals import Code
from protocol.errors import remote
from protocol.samples import CLIENT_FRAMES, HASH, ID, KEY, SERVER_FRAMES

_TALK = {"submit", "cursor"}
_SAID = {"ack", "refused", "refused, nothing known", "checkpoint"}
LIVE = {"follow", "live, nothing new"}

# PROTOCOL.md, section 4, written down a second time: state → {frame → next state}, by sender
CLIENT_TABLE: dict[State, dict[str, State]] = {
    State.GREETING: {},
    State.ATTACHING: {"attach": State.ANSWERING},
    State.ANSWERING: {},
    State.REPLAYING: dict.fromkeys((*_TALK, "mail"), State.REPLAYING),
    State.LIVE: dict.fromkeys((*_TALK, "mail"), State.LIVE),
    State.CLOSED: {},
}
SERVER_TABLE: dict[State, dict[str, State]] = {
    State.GREETING: {"hello": State.ATTACHING, "bye": State.CLOSED},
    State.ATTACHING: {"bye": State.CLOSED},
    State.ANSWERING: {"attached": State.REPLAYING, "bye": State.CLOSED},
    State.REPLAYING: {
        "replay": State.REPLAYING,
        **dict.fromkeys(LIVE, State.LIVE),
        **dict.fromkeys((*_SAID, "mail"), State.REPLAYING),
        "bye": State.CLOSED,
    },
    State.LIVE: {**dict.fromkeys((*LIVE, *_SAID, "mail"), State.LIVE), "bye": State.CLOSED},
    State.CLOSED: {},
}
PAIRS: list[tuple[State, Role, str, Frame, State | None]] = [
    *(
        (s, Role.CLIENT, name, f, CLIENT_TABLE[s].get(name))
        for s in State
        for name, f in CLIENT_FRAMES.items()
    ),
    *(
        (s, Role.SERVER, name, f, SERVER_TABLE[s].get(name))
        for s in State
        for name, f in SERVER_FRAMES.items()
    ),
]
IDS = [f"{state.value}-{sender.value}-{name}" for state, sender, name, _, _ in PAIRS]


def connection(role: Role, state: State) -> Connection:
    made = Connection(role)
    made.state = state
    return made


def other(role: Role) -> Role:
    return Role.SERVER if role is Role.CLIENT else Role.CLIENT


@pytest.mark.parametrize(("state", "sender", "name", "frame", "following"), PAIRS, ids=IDS)
def test_a_frame_is_sent_where_the_table_has_it(
    state: State, sender: Role, name: str, frame: Frame, following: State | None
) -> None:
    ours = connection(sender, state)
    if following is None:
        with pytest.raises(LocalProtocolError) as caught:
            ours.send(frame)
        assert caught.value.code is Code.OUT_OF_STATE
        assert ours.state is state
    else:
        assert ours.send(frame) == encode_frame(frame)
        assert ours.state is following


@pytest.mark.parametrize(("state", "sender", "name", "frame", "following"), PAIRS, ids=IDS)
def test_a_frame_is_received_where_the_table_has_it(
    state: State, sender: Role, name: str, frame: Frame, following: State | None
) -> None:
    theirs = connection(other(sender), state)
    if following is None:
        with remote(Code.OUT_OF_STATE):
            theirs.receive(encode_frame(frame))
        assert theirs.state is state
    else:
        assert theirs.receive(encode_frame(frame)) == frame
        assert theirs.state is following


@pytest.mark.parametrize(("state", "sender", "name", "frame", "following"), PAIRS, ids=IDS)
def test_nobody_sends_or_receives_what_is_the_other_sides(
    state: State, sender: Role, name: str, frame: Frame, following: State | None
) -> None:
    if name == "mail":  # both sides'
        return
    wrong = connection(other(sender), state)
    with pytest.raises(LocalProtocolError):
        wrong.send(frame)
    mine = connection(sender, state)
    with remote():
        mine.receive(encode_frame(frame))
    assert (wrong.state, mine.state) == (state, state)


@pytest.mark.parametrize("state", State)
@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("data", [b"", b"\xc1", b"\x93\x0b\xa1\xff\xa1a"])
def test_bytes_that_are_no_frame_change_nothing(role: Role, state: State, data: bytes) -> None:
    ours = connection(role, state)
    with remote():
        ours.receive(data)
    assert ours.state is state


def test_a_frame_that_the_peer_would_refuse_as_too_large_is_not_sent() -> None:
    ours = connection(Role.CLIENT, State.LIVE)
    draft = Draft(ID, EventKind.CHAT, 0, ID, bytes(MAX_BODY_BYTES))
    ours.send(Submit([draft]))
    with pytest.raises(LocalProtocolError) as caught:
        ours.send(Submit([draft, draft]))
    assert caught.value.code is Code.TOO_LARGE
    assert ours.state is State.LIVE


def test_a_new_connection_waits_for_hello() -> None:
    assert Connection(Role.CLIENT).state is Connection(Role.SERVER).state is State.GREETING


def test_an_error_is_local_or_remote() -> None:
    assert not issubclass(LocalProtocolError, RemoteProtocolError)


@pytest.mark.parametrize("offered", [[1], [1, 2], [7, 1]])
def test_the_shared_version_is_chosen(offered: list[int]) -> None:
    assert choose_version(offered) == PROTOCOL_VERSION


@pytest.mark.parametrize("offered", [[], [0], [2, 3]])
def test_no_shared_version_is_said(offered: list[int]) -> None:
    with remote(Code.VERSION):
        choose_version(offered)


def test_hello_may_offer_versions_of_the_future() -> None:
    hello = Hello([1, 2, 65_535], HASH, KEY, 0)
    assert Connection(Role.CLIENT).receive(encode_frame(hello)) == hello
