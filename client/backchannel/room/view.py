"""A room after its n-th event, as this client verified it. Immutable.

A `RoomView` holds all that the next event is judged by. `window` remembers what was verified at
earlier seqs, since other members' events say what they had verified a while ago (PROTOCOL.md,
section 7).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Final

from backchannel.room.window import Seen, Window
from backchannel_mls import GroupState
from backchannel_protocol.chain import first_link
from backchannel_protocol.envelope import View
from backchannel_protocol.ids import EventId, RoomId, SeatId, b64u
from backchannel_protocol.record.merkle import Frontier
from backchannel_protocol.room.clear import Clear, first_clear
from backchannel_protocol.room.state import History, Role, RoomState
from backchannel_protocol.room.void import Opening, askers

KEPT_EPOCHS: Final = 8
"""How many ended epochs are kept for a commit that is taken back, one under the other."""

NO_STATE: Final = bytes(32)
"""The state hash before a room's first event."""

_HISTORY: Final = {
    History.NONE: "“none”",
    History.BRIEFING: "“briefing”, so ask a facilitator for one",
}

_STATE_KEY_LABEL = b"backchannel v1 state-hash"


class Presence(Enum):
    """Whether this seat is in the room. ENDED: the room was closed, and its keys are erased here."""

    PRESENT = "present"
    LEFT = "left"
    REMOVED = "removed"
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class EndedEpoch:
    """The room as it was before a commit, kept while the commit may still be voided (section 8)."""

    mls: GroupState = field(repr=False)
    state: RoomState = field(repr=False)
    opening: EventId
    commit: EventId


@dataclass(frozen=True, slots=True)
class RoomView:
    """The room after event `seq`; see the module's docstring.

    clear         what the clear log tells: the server's epoch and seats
    previous      the ended epochs that may come back, the newest last
    chat_intents  the highest chat intent that counted, by seat
    seen          up to which seq each seat said that it has seen everything
    begin         the seq at which this seat's log begins
    """

    room: RoomId
    seat: SeatId
    seq: int
    time: int
    chain: bytes
    opening: EventId
    mls: GroupState = field(repr=False)
    state: RoomState | None
    clear: Clear
    begin: int = 0
    previous: tuple[EndedEpoch, ...] = ()
    chat_intents: Mapping[str, int] = field(default_factory=dict)
    seen: Mapping[str, int] = field(default_factory=dict)
    record: Frontier = field(default_factory=Frontier)
    presence: Presence = Presence.PRESENT
    window: Window = field(default_factory=Window)

    @property
    def epoch(self) -> int:
        """The epoch of the members; the server's is one further while a commit is skipped."""
        return int(self.mls.epoch)

    @property
    def server_epoch(self) -> tuple[int, EventId]:
        """The epoch that the server is in, and the id of the commit that opened it."""
        return self.clear.epoch, EventId(self.clear.opening)

    @property
    def skipped(self) -> tuple[Opening, ...]:
        """The commits that this client did not take, and which were not taken back yet."""
        if self.clear.opening == self.opening:
            return ()
        known = [opening.commit for opening in self.clear.openings]
        taken = known.index(self.opening) + 1 if self.opening in known else 0
        return self.clear.openings[taken:]

    @property
    def left_behind(self) -> bool:
        """Whether others use a change that this client did not take (section 8)."""
        return any(opening.used for opening in self.skipped)

    @property
    def own(self) -> str:
        """The own seat, as the fold names it."""
        return b64u(self.seat)

    @property
    def facilitates(self) -> bool:
        """Whether the own seat facilitates."""
        return self.state is not None and self.own in self.state.facilitators()

    def here(self) -> View:
        """What this client says of the room as it sees it now."""
        last = self.window.last
        assert last is not None
        return View(last.seq, last.chain, last.state_hash, last.record_size, last.record_root)

    def at(self, seq: int) -> Seen | None:
        """What was verified at a seq; None where that is too long ago or was before this seat came."""
        return self.window.find(seq)

    def noted(self, before: RoomView | None = None) -> RoomView:
        """With this seq in the window; what did not change since `before` is not hashed again."""
        last = self.window.last
        if self.state is None:
            state_hash = NO_STATE
        elif before is not None and before.state is self.state and last is not None:
            state_hash = last.state_hash
        else:
            state_hash = self.state.hash()
        if last is not None and last.record_size == self.record.size:
            root = last.record_root
        else:
            root = self.record.root()
        entry = Seen(self.seq, self.chain, state_hash, self.record.size, root)
        return replace(self, window=self.window.with_entry(entry))

    def state_key(self) -> bytes:
        """The key under which a commit's authenticated_data tells the state hash (section 7)."""
        return self.mls.export_secret(_STATE_KEY_LABEL, b"", 32)

    def only_facilitator(self, seat: str) -> bool:
        """Whether a seat is the only one that facilitates."""
        return self.state is not None and set(self.state.facilitators()) == {seat}

    def may_void(self) -> bool:
        """Whether this seat is one that asks for a skipped commit to be taken back (section 8)."""
        top = self.clear.top()
        if not self.skipped or top is None or self.seat in top.asked:
            return False
        return self.seat in self.clear.with_bit() & askers(top, self.clear.with_bit())


def first_view(room: RoomId, seat: SeatId, mls: GroupState) -> RoomView:
    """A room without events, of its creator."""
    view = RoomView(
        room=room,
        seat=seat,
        seq=0,
        time=0,
        chain=first_link(room),
        opening=EventId(room),
        mls=mls,
        state=None,
        clear=first_clear(room, seat),
    )
    return view.noted()


def history_sentence(rule: History) -> str:
    """What a joiner is told of the time before it came."""
    return f"What was said before you came is not shown: this room's history rule is {_HISTORY[rule]}."


def role_of(state: RoomState | None, seat: str) -> Role | None:
    """A seat's role; None where it is not in the room."""
    if state is None or seat not in state.seats:
        return None
    return state.seats[seat].role
