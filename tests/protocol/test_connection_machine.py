"""A client's and a server's Connection over a wire: they agree, whatever is said and whenever."""

from __future__ import annotations

from collections import deque

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from backchannel_protocol.connection import Connection, Role, State
from backchannel_protocol.errors import LocalProtocolError
from backchannel_protocol.frames import Bye, Frame
from backchannel_protocol.refusals import Code
from protocol.errors import remote
from protocol.samples import CLIENT_FRAMES, SERVER_FRAMES

ORDER = list(State)


class Wire(RuleBasedStateMachine):
    """Frames in flight both ways; each side acts on what it has received so far."""

    def __init__(self) -> None:
        super().__init__()
        self.client = Connection(Role.CLIENT)
        self.server = Connection(Role.SERVER)
        self.up: deque[tuple[Frame, bytes]] = deque()
        self.down: deque[tuple[Frame, bytes]] = deque()
        self.said_bye = False

    def _send(self, side: Connection, frame: Frame, wire: deque[tuple[Frame, bytes]]) -> None:
        before = side.state
        try:
            data = side.send(frame)
        except LocalProtocolError as error:
            if error.code is not Code.OUT_OF_STATE:
                raise
            assert side.state is before
        else:
            wire.append((frame, data))

    @rule(frame=st.sampled_from(list(CLIENT_FRAMES.values())))
    def client_sends(self, frame: Frame) -> None:
        self._send(self.client, frame, self.up)

    @rule(frame=st.sampled_from(list(SERVER_FRAMES.values())))
    def server_sends(self, frame: Frame) -> None:
        self._send(self.server, frame, self.down)
        self.said_bye |= self.server.state is State.CLOSED

    @precondition(lambda self: self.server.state in (State.GREETING, State.ANSWERING, State.REPLAYING))
    @rule()
    def server_goes_on(self) -> None:
        following = {State.GREETING: "hello", State.ANSWERING: "attached", State.REPLAYING: "follow"}
        self._send(self.server, SERVER_FRAMES[following[self.server.state]], self.down)

    @precondition(lambda self: self.down)
    @rule()
    def client_receives(self) -> None:
        frame, data = self.down.popleft()
        assert self.client.receive(data) == frame

    @precondition(lambda self: self.up)
    @rule()
    def server_receives(self) -> None:
        frame, data = self.up.popleft()
        before = self.server.state
        if before is State.CLOSED:  # it was on its way when the server said Bye
            with remote(Code.OUT_OF_STATE):
                self.server.receive(data)
        else:
            assert self.server.receive(data) == frame

    @rule(data=st.binary(max_size=20))
    def noise_changes_nothing(self, data: bytes) -> None:
        for side in (self.client, self.server):
            before = side.state
            with remote():
                side.receive(b"\xc1" + data)
            assert side.state is before

    @invariant()
    def neither_is_ahead_of_what_was_said(self) -> None:
        if not self.up and not self.down and not self.said_bye:
            assert self.client.state is self.server.state
        if not self.said_bye and not self.down:
            assert ORDER.index(self.client.state) >= ORDER.index(self.server.state)

    @invariant()
    def bye_is_the_last_word(self) -> None:
        if self.client.state is State.CLOSED:
            assert not self.down
        for frame, _ in list(self.down)[:-1]:
            assert not isinstance(frame, Bye)


TestWire = Wire.TestCase
TestWire.settings = settings(max_examples=60, stateful_step_count=30)
